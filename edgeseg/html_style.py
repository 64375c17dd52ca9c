"""The style of all HTML reports: data check, verify, sensitivity, bench and tune."""

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2em auto; padding: 0 1em; color: #222 }
h1 { font-size: 1.6em } h2 { margin-top: 2em; border-top: 1px solid #ccc; padding-top: 1em }
table { border-collapse: collapse; margin: 1em 0 } svg { max-width: 100%; height: auto } img { max-width: 100% }
th, td { padding: .25em .8em; text-align: right; vertical-align: top; border-bottom: 1px solid #eee }
th:first-child, td:first-child, .facts td { text-align: left }
th:first-child { white-space: nowrap } td { font-variant-numeric: tabular-nums }
.miss { color: #b00020 } .bar { display: inline-block; height: .7em; background: #2a6fbb }
.warning { background: #fff3cd; padding: .6em 1em } .legend span { margin-right: 1.2em }
.legend i { display: inline-block; width: .9em; height: .9em; margin-right: .4em }
"""
