"""`edgeseg eval`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeseg.artifact import Precision
from edgeseg.errors import UsageError
from edgeseg.json_fields import print_json
from edgeseg.progress import progress_bar
from edgeseg.terminal import make_console

TEST = "test"
"""The split that is held out."""


def eval_command(
    data: Path,
    *,
    bundle: str = "road",
    engine: str = "onnxruntime",
    precision: Precision | None = None,
    split: str | None = None,
    map: tuple[str, ...] = (),
    record: bool = False,
    require_signature: bool = False,
    trust: Path | None = None,
    min_version: int | None = None,
    json: bool = False,
) -> int:
    """Measure a bundle's accuracy on a labelled split.

    Frames go through the artifact and the kernels, as in a run. Classes are matched by name, in any order, and those
    without a partner are listed. Pixels of a class that only the data has are left out; a prediction of a class that
    only the network has counts as a miss.

    Args:
        data: a data set in any layout that `edgeseg data check` takes. Labels that may overlap have folders
            masks/LABEL/, or are COCO's objects.
        bundle: the network: the name of one that comes with edgeseg, or a path.
        engine: the runtime, as for run, but onnxruntime by default.
        precision: the artifact's precision, as for run.
        split: which part of the data set; may be left out if the data set has no splits.
        map: NETWORK=DATA, classes that mean the same under other names, or a JSON file of such pairs; may be given
            several times.
        record: write the figures into the bundle and, if they are of the artifact's own engine, into its card. Those
            of the split "test" stand beside the others and decide nothing. Images that were used to calibrate the
            artifact are refused.
        require_signature: measure only a bundle that a trusted key signed, as for run.
        trust: a public key (.pub) or a folder of some, as for run.
        min_version: refuse a lower version of the bundle, as for run.
        json: print one JSON object on stdout, and nothing else.
    """
    from edgeseg.accuracy.class_map import ClassMap, parse_map
    from edgeseg.accuracy.dataset import Dataset
    from edgeseg.accuracy.evaluate import evaluate, evaluation_table
    from edgeseg.bundle import Bundle
    from edgeseg.bundle_writer import check_own
    from edgeseg.cache import tell
    from edgeseg.candidate import saturates
    from edgeseg.measured import HeldOut
    from edgeseg.processor import NO_VNNI
    from edgeseg.segmenter import load
    from edgeseg_export.card_artifacts import refresh_card
    from edgeseg_export.precision.calibration_data import refuse_seen

    if record:
        check_own(bundle)
    opened = Bundle.open(bundle)
    dataset = Dataset.open(data, split)
    class_map = None
    if opened.spec.head.exclusive:
        class_map = ClassMap.of(opened.spec.classes, dataset.classes.names, parse_map(map))
    elif map:
        raise UsageError("--map is for networks with one class a pixel; give the data the labels' names")
    model = load(
        opened,
        engine=engine,
        precision=precision,
        threads=1,
        require_signature=require_signature,
        trust=trust,
        min_version=min_version,
        say=tell,
    )
    assert model.candidate is not None
    artifact = model.candidate.artifact
    if record:
        refuse_seen(artifact, dataset)
        if saturates(model.candidate):  # the facts go where nothing is wrong with it
            raise UsageError(
                f"{NO_VNNI}: what {artifact} loses here, it does not lose elsewhere, so nothing is recorded; leave "
                "--record out, or record it by `edgeseg verify --record`, which computes INT8 as it is written"
            )
    with progress_bar("evaluate", quiet=json) as progress:
        evaluation = evaluate(model, dataset, class_map=class_map, progress=progress)
    if record:
        own = model.candidate.engine == artifact.target
        named = evaluation if own else replace(evaluation, engine=model.candidate.engine)
        fact = HeldOut(**vars(named)) if dataset.split == TEST else named
        refresh_card(opened.record(artifact, fact, engine=None if own else model.candidate.engine))
    if json:
        print_json({"bundle": opened.spec.name, **evaluation.to_json()})
    else:
        console = make_console()
        console.print(evaluation_table(evaluation))
        for sentence in class_map.sentences() if class_map else ():
            console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return 0
