"""Golden frames for bundles that have none, or others: `python -m lab.golden BUNDLE... [--golden street|FOLDER]`.

So were those of the shipped bundles made. Nothing else in a bundle changes.
"""

from __future__ import annotations

from edgeseg.bundle import Bundle
from edgeseg.cache import tell
from edgeseg_bench.script import run_script
from edgeseg_export.golden import STREET, put_golden, read_pictures, street_pictures


def main(*bundles: str, golden: str = STREET) -> int:
    """Put golden frames into bundles, and measure what each artifact gives for them.

    Args:
        bundles: names of those that come with edgeseg, or paths.
        golden: a folder of pictures, a video, or street: those that come with edgeseg.
    """
    pictures = read_pictures(golden) or street_pictures()
    for name in bundles:
        bundle = put_golden(Bundle.open(name), pictures, tell)
        for artifact in bundle.artifacts:
            print(name, artifact, artifact.measured.facts.get("golden"))
    return 0


if __name__ == "__main__":
    run_script(main, "python -m lab.golden")
