"""The picture of the house, drawn from its imports: python -m lab.house [--check].

Rooms stand in rows; an arrow is one import or more. The rows are written here, the arrows are what the code says, and a
test holds that every arrow points down.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

import cyclopts
import grimp

from edgeseg.atomic import write_text

PICTURE = Path("docs/assets/house.svg")

PACKAGES = ("edgeseg", "edgeseg_export", "edgeseg_bench")

ROWS: tuple[tuple[str, ...], ...] = (
    ("commands",),
    ("edgeseg_bench",),
    ("edgeseg_export",),
    ("train", "archive"),
    ("models", "run_settings", "serve"),
    ("triton",),
    ("video", "accuracy", "describe", "update"),
    ("segmenter",),
    ("auto", "trust"),
    ("proof",),
    ("engines", "bundle", "kernels"),
    ("artifact",),
    ("ground",),
)
"""From what uses most to what is used most; "ground" is every other module of edgeseg."""

WORDS = {
    "commands": "commands/ and cli.py: one file a command",
    "edgeseg_bench": "edgeseg_bench: what a user measures on his device",
    "edgeseg_export": "edgeseg_export: PyTorch and ONNX to bundles, INT8",
    "train": "train/",
    "models": "models/: one network a file",
    "run_settings": "run_settings.py",
    "serve": "serve/: many cameras, for months",
    "archive": "archive/: many videos",
    "video": "video/: sources, pipeline, sinks",
    "accuracy": "accuracy/: data sets, metrics",
    "describe": "describe.py",
    "segmenter": "segmenter.py: frame to mask; load()",
    "update": "update/: over the air",
    "triton": "triton/: serving, and the client",
    "trust": "trust.py: whose bundles run here",
    "auto": "auto.py: what is fastest here",
    "proof": "proof.py: the golden frames, asked for here",
    "engines": "engines/: one runtime, one name",
    "bundle": "bundle.py: the folder",
    "kernels": "kernels.py, and C++ below it",
    "artifact": "artifact.py, measured.py: a model file, and what was measured on it",
    "ground": "spec.py, errors.py, cache.py, atomic.py ...: what all stand on",
}
MEMBERS = {
    "cli": "commands",
    "__main__": "commands",
    "candidate": "proof",
    "batch_size": "segmenter",
    "bundle_index": "bundle",
    "bundle_writer": "bundle",
    "golden": "bundle",
    "sign": "trust",
    "signature": "artifact",
    "measured": "artifact",
    "agreement": "artifact",
    "fact": "artifact",
}

WIDTH, HEIGHT, GAP = 960, 40, 26
MARGIN = 16


def arrows() -> set[tuple[str, str]]:
    """(importing room, imported room), for all imports between rooms."""
    graph = grimp.build_graph(*PACKAGES)
    pairs = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            pair = room(module), room(imported)
            if pair[0] != pair[1] and None not in pair:
                pairs.add((str(pair[0]), str(pair[1])))
    return pairs


def room(module: str) -> str | None:
    """The room of a module; None for the package itself, which only gathers names."""
    package, *parts = module.split(".")
    if package != "edgeseg":
        return package
    if not parts:
        return None
    name = MEMBERS.get(parts[0], parts[0])
    return name if name in WORDS else "ground"


def draw() -> str:
    """The picture, as SVG."""
    places: dict[str, tuple[float, float, float]] = {}
    for row, names in enumerate(ROWS):
        width = (WIDTH - 2 * MARGIN - (len(names) - 1) * MARGIN) / len(names)
        for column, name in enumerate(names):
            places[name] = MARGIN + column * (width + MARGIN), MARGIN + row * (HEIGHT + GAP), width
    boxes = [
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{x + width / 2:.0f}" y="{y + HEIGHT / 2 + 5:.0f}">{escape(WORDS[name])}</text>'
        for name, (x, y, width) in places.items()
    ]
    row_of = {name: row for row, names in enumerate(ROWS) for name in names}
    lines = []
    for source, target in sorted(arrows()):
        if row_of[target] - row_of[source] != 1:  # longer ones would cross rooms; the page lists them
            continue
        (x, y, width), (other_x, other_y, other_width) = places[source], places[target]
        left, right = max(x, other_x), min(x + width, other_x + other_width)
        at = (left + right) / 2 if left < right else x + width / 2
        end = at if left < right else other_x + other_width / 2
        lines.append(f'<path d="M{at:.0f} {y + HEIGHT:.0f} L{end:.0f} {other_y - 4:.0f}" marker-end="url(#tip)"/>')
    height = MARGIN + len(ROWS) * (HEIGHT + GAP)
    style = (
        "rect{fill:#e6f2f1;stroke:#00796b}text{font:14px system-ui,sans-serif;text-anchor:middle;fill:#123}"
        "path{stroke:#00796b;fill:none;stroke-width:1.5}"
    )
    tip = '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n<style>{style}</style>\n'
        f'<defs>{tip}<path d="M0 0 L8 4 L0 8" /></marker></defs>\n' + "\n".join([*boxes, *lines]) + "\n</svg>\n"
    )


def main(*, check: bool = False, picture: Path = PICTURE) -> int:
    """Draw the picture anew. Run it in the repository's root.

    Args:
        check: write nothing; exit code 1 if the picture is not what the imports say.
        picture: the SVG file.
    """
    fresh = draw()
    if picture.is_file() and picture.read_text(encoding="utf-8") == fresh:
        return 0
    if check:
        print(f"{picture} is stale; run python -m lab.house")
        return 1
    write_text(picture, fresh)
    return 0


if __name__ == "__main__":
    sys.exit(cyclopts.run(main, result_action="return_value"))
