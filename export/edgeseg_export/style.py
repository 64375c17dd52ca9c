"""What the HTML pages of `edgeseg verify` and `edgeseg sensitivity` look like."""

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.2rem .7rem;border-bottom:1px solid #ccc;text-align:right}"
    "td:first-child,th:first-child{text-align:left}img{max-width:100%}.miss{color:#b00020}"
    ".bar{display:inline-block;height:.7em;background:#2a6fbb}"
)
