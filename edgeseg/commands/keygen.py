"""`edgeseg keygen`."""

from __future__ import annotations

from pathlib import Path

from edgeseg.terminal import make_console


def keygen_command(name: Path, *, passphrase: bool = False, overwrite: bool = False) -> int:
    """Make a pair of keys to sign bundles with (Ed25519).

    NAME.key is private: whoever has it can sign as you. NAME.pub goes to the devices, into their trust folder.

    Args:
        name: path of both files, without the suffix.
        passphrase: encrypt the private key with a passphrase: $EDGESEG_PASSPHRASE if it is set, else one that you are
            asked for.
        overwrite: replace keys that are there.
    """
    from edgeseg.keys import PRIVATE, PUBLIC, write_keys
    from edgeseg.passphrase import new_passphrase

    secret = new_passphrase(ask=passphrase)
    key = write_keys(name, secret, overwrite=overwrite)
    how = "not encrypted" if secret is None else "encrypted by the passphrase"
    console = make_console()
    console.print(f"{name}{PRIVATE}: private, {how}; keep it to yourself", soft_wrap=True)
    console.print(f"{name}{PUBLIC}: public, for the trust folders of devices", soft_wrap=True)
    console.print(f"fingerprint: {key.fingerprint}", soft_wrap=True)
    return 0
