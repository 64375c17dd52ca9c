"""`edgeseg sign`."""

from __future__ import annotations

from pathlib import Path

from edgeseg.terminal import make_console


def sign_command(bundle: str, *, key: Path, bundle_version: int | None = None) -> int:
    """Sign a bundle, so that devices can tell who made it.

    All files are hashed first. Signing an unchanged bundle with a second key adds a signature; devices that know either
    key accept it, which is how keys are replaced. Changing the bundle ends its signatures.

    Args:
        bundle: path of the bundle; signature.json is written into it.
        key: the private key, which edgeseg keygen made. If it is encrypted, its passphrase is $EDGESEG_PASSPHRASE,
            or you are asked for it.
        bundle_version: the release's version, 1 or more, higher than the last; by default the next number.
    """
    from edgeseg.bundle import Bundle
    from edgeseg.keys import public_key, read_private_key
    from edgeseg.passphrase import passphrase
    from edgeseg.sign import sign

    opened = Bundle.open(bundle)
    private = read_private_key(key, passphrase)
    signature = sign(opened, private, version=bundle_version)
    fingerprint = public_key("", private.public_key()).fingerprint
    make_console().print(
        f"{opened.folder}: version {signature.statement.version}, signed by {key.stem} ({fingerprint})", soft_wrap=True
    )
    return 0
