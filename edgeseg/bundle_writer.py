"""Writes bundles: whole or not at all, and over nothing that is none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgeseg.artifact import SHIPPED, Artifact, read_model, sha256_of
from edgeseg.atomic import atomic_folder
from edgeseg.bundle import CARD, Bundle
from edgeseg.bundle_index import INDEX, shipped
from edgeseg.errors import BundleError, EdgeSegError, OutputError, UsageError
from edgeseg.golden import Golden, copy_golden
from edgeseg.signature import FILE as SIGNATURE
from edgeseg.signature import end_signature, read_signature, warn_of_end
from edgeseg.spec import Spec


def write_bundle(
    folder: Path,
    spec: Spec,
    artifacts: Mapping[Path, Artifact],
    card: str | None,
    golden: tuple[Path, Golden] | None = None,
) -> Bundle:
    """Writes a bundle, whole or not at all; one that lies there is replaced.

    Args:
        folder: where it is to lie.
        spec: the contract of all artifacts.
        artifacts: what each file is (`Artifact.of`), best first; the files are copied.
        card: the model card's text (Markdown).
        golden: the golden frames, and the folder that their files are copied from.

    Raises:
        BundleError: a file is not what its artifact says, or two artifacts have the same target and precision.
        OutputError: the folder cannot be written, or holds more than a bundle.

    Warns:
        EdgeSegWarning: the one that lies there was signed; that has ended.
    """
    check_replaceable(folder)
    signature = read_signature(folder)
    card_file, frames = CARD if card is not None else None, golden[1] if golden is not None else None
    bundle = Bundle(folder, spec, tuple(artifacts.values()), card_file, frames)
    with atomic_folder(folder) as temporary:
        for path, artifact in artifacts.items():
            content = read_model(path)
            if sha256_of(content) != artifact.sha256:
                raise BundleError(f"{path} changed since it was described; export it again")
            (temporary / artifact.file).write_bytes(content)
        if golden is not None:
            copy_golden(golden[1], golden[0], temporary)
        if card is not None:
            (temporary / CARD).write_text(card, encoding="utf-8")
        (temporary / INDEX).write_text(bundle.to_text(), encoding="utf-8")
        end_signature(temporary, signature)
    warn_of_end(folder, signature)
    return bundle


def check_own(bundle: str) -> None:
    """Refuses to change a bundle that was named as one that comes with edgeseg; its path says that it is meant.

    Raises:
        UsageError: it was.
    """
    if bundle in shipped():
        raise UsageError(
            f"{bundle} came with edgeseg, and an update would replace what is written there; change a copy: "
            f"cp -r {SHIPPED / bundle} ./{bundle}, then give ./{bundle}"
        )


def check_replaceable(folder: Path) -> None:
    """Refuses to replace a folder that holds anything but a bundle's own files.

    Raises:
        OutputError: it does, or cannot be looked into.
    """
    try:
        names = {path.name for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return  # nothing to lose; what is wrong with the path, writing will say
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}; choose another folder") from error
    if not names:
        return
    try:
        bundle = Bundle.open(folder)
    except EdgeSegError as error:
        raise OutputError(f"cannot write {folder}: what lies there is no bundle ({error}); remove it") from error
    strange = sorted(names - {INDEX, SIGNATURE, *bundle.files})
    if strange:
        raise OutputError(f"cannot write {folder}: replacing it would remove {', '.join(strange)}; choose a new folder")
