"""Whose bundles this machine runs: the keys that it trusts, and the rules that it sets.

Keys are NAME.pub files in a trust folder: $EDGESEG_TRUST, or "trust" in $XDG_CONFIG_HOME/edgeseg or ~/.config/edgeseg;
and /etc/edgeseg/trust, the machine's. Two files in a trust folder are rules, whatever they hold:

    require-signature    nothing is run but what one of the keys signed
    require-growth       nor a version below the highest that was run before

Where the machine's folder sets a rule, its keys alone are trusted.
"""

from __future__ import annotations

import fcntl
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from edgeseg.atomic import write_text
from edgeseg.bundle import Bundle
from edgeseg.bundle_index import read_index
from edgeseg.errors import BundleError, UsageError
from edgeseg.files import read_file
from edgeseg.keys import PUBLIC, PublicKey, read_public_key
from edgeseg.places import config_folder, open_state
from edgeseg.signature import AGAIN, Signature, read_signature, statement_of

MACHINE = Path("/etc/edgeseg/trust")

SIGNATURE_RULE, GROWTH_RULE = "require-signature", "require-growth"


@dataclass(frozen=True)
class Demand:
    """What is asked of a bundle, whatever the trust folders ask: the arguments of `check_trust` of these names.

    Attributes:
        require_signature: a trusted key signed it.
        trust: a public key or a folder of some, to trust in place of those in the trust folders; asks for a signature.
        min_version: the lowest version that will do; asks for a signature.
    """

    require_signature: bool = False
    trust: Path | None = None
    min_version: int | None = None


NO_DEMAND = Demand()


@dataclass(frozen=True)
class Trust:
    """What holds here.

    Attributes:
        places: files and folders of keys that are trusted.
        signature: nothing unsigned is run.
        growth: nothing older is run than what was run before.
    """

    places: tuple[Path, ...]
    signature: bool
    growth: bool

    def keys(self) -> list[PublicKey]:
        """The keys that are trusted.

        Raises:
            UsageError: one cannot be read, is none, or others may write it; or cryptography is not installed.
        """
        found: dict[str, PublicKey] = {}
        for place in self.places:
            paths = sorted(place.glob(f"*{PUBLIC}")) if place.is_dir() else [place]
            for key in map(read_public_key, paths):
                found.setdefault(key.fingerprint, key)
        return list(found.values())


def user_folder() -> Path | None:
    """The user's trust folder, which need not exist unless $EDGESEG_TRUST names it. None where there is no home.

    Raises:
        UsageError: $EDGESEG_TRUST names nothing that is there: its rules would not be seen.
    """
    own = os.environ.get("EDGESEG_TRUST")
    if own:
        folder = Path(own).absolute()
        if not _is_there(folder):
            raise UsageError(f"EDGESEG_TRUST is {own}, which is not there, expected a folder of keys; make it")
        return folder
    config = config_folder()
    return config and config / "trust"


def find_trust(place: str | os.PathLike[str] | None = None) -> Trust:
    """The keys and rules that hold here.

    Args:
        place: a public key, or a folder of some, to trust in place of those in the trust folders.

    Raises:
        UsageError: a folder cannot be looked into, or others may write there; or `place` is not there, has an
            empty name, or is excluded by the machine's rules.
    """
    if place is not None:
        if not os.fspath(place):
            raise UsageError(f"the keys to trust have an empty name, expected a {PUBLIC} file or a folder of them")
        place = Path(place)
    user = user_folder()
    folders = [each for each in dict.fromkeys((MACHINE, user)) if each is not None and _is_safe(each)]
    rules = {folder: [_is_there(folder / rule) for rule in (SIGNATURE_RULE, GROWTH_RULE)] for folder in folders}
    if any(rules.get(MACHINE, ())):
        if place is not None:
            raise UsageError(f"{MACHINE} decides whose bundles run here, and {place} cannot; leave --trust out")
        folders = [MACHINE]
    signature, growth = (any(found) for found in zip(*rules.values(), strict=True)) if rules else (False, False)
    if place is not None and not place.exists():
        raise UsageError(f"there is no {place}, expected a {PUBLIC} file of edgeseg keygen or a folder of them")
    return Trust(tuple(folders) if place is None else (place,), signature or growth, growth)


def find_root() -> Path:
    """A repository's root.json in a trust folder that is trusted; the machine's before the user's.

    Raises:
        UsageError: there is none, or a trust folder is not in order.
    """
    places = find_trust().places
    for place in places:
        if (root := place / "root.json").is_file():
            return root
    if not places:
        place = user_folder() or MACHINE
        raise UsageError(f"there is no trust folder {place}; put root.json into one of that name, or give it by --root")
    looked = ", ".join(map(str, places))
    raise UsageError(f"there is no root.json in {looked}; put it there, or name it with --root")


def check_trust(
    bundle: Bundle,
    *,
    require_signature: bool = False,
    trust: str | os.PathLike[str] | None = None,
    min_version: int | None = None,
    remember: bool = True,
) -> None:
    """Refuses a bundle that this machine's rules, or the arguments, do not let run.

    Args:
        bundle: opened.
        require_signature: it must be signed, whatever the trust folders say.
        trust: a public key or a folder of some, to trust in place of those in the trust folders; asks for a
            signature.
        min_version: the lowest version that will do; asks for a signature.
        remember: the version is one that was run, which "require-growth" looks at.

    Raises:
        BundleError: it is not signed, not by a key that is trusted, has changed since, or its version is too low.
        UsageError: a key or a trust folder is not in order, or cryptography is not installed.
        OutputError: the version cannot be remembered.
    """
    found = find_trust(trust)
    if not (found.signature or require_signature or trust is not None or min_version is not None):
        return
    signature, signers = check_signature(bundle, found.keys())
    name, version = signature.statement.name, signature.statement.version
    if signature.signatures and not signers:
        keys = ", ".join(fingerprint[:16] for fingerprint in signature.signatures)
        places = ", ".join(map(str, found.places)) or "no trust folder"
        raise BundleError(
            f"bundle {bundle.folder} is signed by a key that is not trusted here ({keys}); if you know whose it is, "
            f"put its {PUBLIC} file into the trust folder, or name it with --trust; looked in {places}"
        )
    bundle.verify()
    if min_version is not None and version < min_version:
        raise BundleError(f"bundle {bundle.folder} is version {version}, expected {min_version} or more; fetch a newer")
    if found.growth:
        _check_growth(name, version, remember=remember)


def check_signature(bundle: Bundle, keys: list[PublicKey]) -> tuple[Signature, list[PublicKey]]:
    """The signature of a bundle just as it is in memory, and those of the keys that signed it.

    Raises:
        BundleError: it is not signed, has changed since, or what stands there for one of the keys is not its signature.
        UsageError: cryptography is not installed.
    """
    signature = read_signature(bundle.folder)
    if signature is None:
        raise BundleError(f"bundle {bundle.folder} is not signed; get a signed one, or sign it with edgeseg sign")
    if not is_current(bundle, signature):
        raise BundleError(f"bundle {bundle.folder} has changed since it was signed; fetch it again, or {AGAIN}")
    return signature, signature.signers(keys)


def is_current(bundle: Bundle, signature: Signature) -> bool:
    """Whether a signature's statement is on the bundle just as it is in memory, and anybody signed it.

    Raises:
        BundleError: a number in bundle.json is too large to sign.
        UsageError: cryptography is not installed.
    """
    if not signature.signatures:
        return False
    folder, index = read_index(bundle.folder)
    card = None if bundle.card is None else folder / bundle.card
    now = statement_of(bundle.spec.name, signature.statement.version, index, card)
    return now == signature.statement and Bundle.from_index(folder, index) == bundle


def _is_safe(folder: Path) -> bool:
    """Whether a trust folder is there; one that others may write is an error."""
    if not _is_there(folder):
        return False
    for path in (folder, *folder.glob(f"*{PUBLIC}")):
        facts = path.stat()
        if facts.st_uid not in (0, os.geteuid()) or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise UsageError(f"others may write {path}, which says whom to trust; close it: chmod go-w {path}")
    return True


def _is_there(path: Path) -> bool:
    """Whether something has this name; where that cannot be found out, no rule may be passed over."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise UsageError(f"cannot look into {path}: {error.strerror or error}; check its permissions") from error
    return True


def _check_growth(name: str, version: int, *, remember: bool) -> None:
    """Refuses a version below the highest that was remembered under this name; remembers this one."""
    folder, handle = open_state("versions")
    path = folder / name
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        highest = _remembered(path)
        if version < highest:
            raise BundleError(
                f"bundle {name} is version {version}, and version {highest} was run here before; fetch a newer, or, if "
                f"this one is meant, delete {path}"
            )
        if remember and version > highest:
            write_text(path, f"{version}\n")
    finally:
        os.close(handle)


def _remembered(path: Path) -> int:
    try:
        return int(read_file(path, 20))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} does not hold the version that was run before ({error}); delete it") from error
