"""The stage `sign-artifact`.

Rules: ``LG-SIGN-001`` the folder has no file in it, so there is nothing to sign.
"""

from __future__ import annotations

import stat
from pathlib import Path

from lockgate.errors import InputError
from lockgate.outcome import Outcome, Severity
from lockgate.settings import Settings
from lockgate.stage import EvidenceOut, FileIn, SettingsIn, stage


@stage("sign-artifact", threats=["supply-chain"], signs=True)
def sign_artifact(
    artifact: FileIn,
    settings: SettingsIn,
    model_sig: EvidenceOut,
    *,
    oms: bool = False,
) -> Outcome:
    """Sign a dataset or model, so that a later step can tell that it is still the same.

    The attestation of this run is the signature: ``attestation.json`` in the result folder names
    the SHA-256 of the file, or the sealed digest of the folder (every entry with its name, mode and
    content; no ignore list), and is signed with the run's key. Check it with `verify-artifact`.

    Args:
        artifact: What to sign: a file or a folder of files. A folder with a symbolic link, FIFO,
            socket or device in it is refused.
        settings: Where the key is; given by the run.
        model_sig: With `oms`, the signature in the OpenSSF Model Signing format.
        oms: Sign a model in the format of OpenSSF Model Signing v1.0 as well, with the same key, for
            readers that do not know Lockgate: `model_signing verify key` checks it. That format
            leaves out files of git, empty folders and modes; the attestation leaves out nothing.
    """
    outcome = Outcome()
    sizes = [path.stat().st_size for path in _files(artifact)]
    if not outcome.check("files", value=len(sizes), comparator=">=", threshold=1):
        outcome.find(
            "LG-SIGN-001",
            Severity.HIGH,
            "The folder has no file in it, so there is nothing to sign.",
            subject="artifact",
            fix="Check that the step before wrote into this folder.",
            check="files",
        )
    elif oms:
        model_sig.write_bytes(_model_signature(artifact, settings))
    outcome.metrics = {"files": len(sizes), "bytes": sum(sizes)}
    outcome.facts["Signed"] = f"{len(sizes)} file{'s' * (len(sizes) != 1)}, {sum(sizes):,} bytes"
    return outcome


def _model_signature(artifact: Path, settings: Settings) -> bytes:
    from lockgate.attest import keys
    from lockgate.attest import oms as model_signing

    if not settings.key:
        raise InputError("a model signature needs a signing key; give --key or set LOCKGATE_KEY")
    return model_signing.sign(artifact, keys.load_signer(settings.key, settings.key_passphrase))


def _files(artifact: Path) -> list[Path]:
    if not artifact.is_dir():
        return [artifact]
    return [path for path in artifact.rglob("*") if stat.S_ISREG(path.lstat().st_mode)]
