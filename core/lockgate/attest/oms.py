"""OpenSSF Model Signing v1.0: model files signed in a form that others verify without Lockgate.

    raw = oms.sign(Path("model"), keys.load_signer("signer.key.pem"))
    listed = oms.open_signature(raw, [keys.load_public(Path("signer.pub.pem"))])
    listed.differences(Path("model"))            # nothing, while the files are those that were signed

A signature is a Sigstore bundle (v0.3, public-key form) around a DSSE envelope around an in-toto
statement, which lists every file with its digest. The files are found and hashed by the library
`model-signing`; the envelope is written and verified here, so that a key in a token or key service
signs too, an encrypted key file as well, and what is read is read as strictly as an attestation.

The format leaves things out: files below ``.git`` and the like, empty folders, modes. So it stands
beside the sealed digest (`lockgate.artifact`), never in its place.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from lockgate.attest import envelope, keys
from lockgate.documents import load_json
from lockgate.errors import ArtifactError, EnvelopeError, InputError, MissingExtraError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey

TYPE = "https://model_signing/signature/v1.0"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_BYTES = 2 * envelope.MAX_BYTES
_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_HASHES = ("sha256", "blake3")  # of those that the library writes, the ones that it reads back
_MAX_DEPTH = 32
_HEX = re.compile(r"(?:[0-9a-f]{2})+\Z")


@dataclass(frozen=True)
class Listed:
    """The files that a model signature lists, after its signature was found good.

    Attributes:
        files: Digest (algorithm, hex) of every file by its path in the model; of a single file, by ``.``.
        ignored: Paths in the model that it leaves out; None when it does not say.
        hash_type: The algorithm.
        signers: Ids of the given keys that signed it; at least one.
    """

    files: Mapping[str, tuple[str, str]]
    ignored: tuple[str, ...] | None
    hash_type: str
    signers: frozenset[str]

    def differences(self, model: Path) -> dict[str, str]:
        """Return what is not as it was signed: ``added``, ``missing`` or ``changed`` by path in the model.

        Raises:
            ArtifactError: The model has an entry that the format cannot describe.
            MissingExtraError: model-signing is not installed.
        """
        hashing = _library().Config().use_file_serialization(hashing_algorithm=self.hash_type)
        hashing.set_ignored_paths(paths=self.ignored or (), ignore_git_paths=self.ignored is None)
        found, _ = _hashed(model, hashing)
        now = {entry["name"]: (entry["algorithm"], entry["digest"]) for entry in found}
        return {
            name: "added" if name not in self.files else "missing" if name not in now else "changed"
            for name in sorted({*self.files, *now})
            if self.files.get(name) != now.get(name)
        }


def sign(model: Path, signer: Signer) -> bytes:
    """Return the signature of a model as UTF-8 JSON.

    Args:
        model: A file or folder.
        signer: What signs it; any that `lockgate.attest.keys.load_signer` returns.

    Raises:
        ArtifactError: The model has no file that the format covers, or an entry that it cannot describe.
        MissingExtraError: model-signing is not installed.
    """
    from securesystemslib.dsse import Envelope

    files, serialization = _hashed(model, _library().Config())
    if not files:
        raise ArtifactError(
            f"{model} has no file that a model signature covers: files of git are left out; add the model's"
        )
    statement = {
        "_type": _STATEMENT_TYPE,
        "subject": [{"name": model.name, "digest": {"sha256": _root(files)}}],
        "predicateType": TYPE,
        "predicate": {"serialization": serialization, "resources": files},
    }
    payload = json.dumps(statement, ensure_ascii=False, separators=(",", ":")).encode()
    if len(payload) > envelope.MAX_BYTES // 2:  # base64 makes it a third longer
        raise ArtifactError(f"{model} has too many files for a model signature; pack them into fewer")
    sealed = Envelope(payload, envelope.PAYLOAD_TYPE, {})
    signature = bytes.fromhex(sealed.sign(signer).signature)
    public = str(keys.trusted(signer.public_key).keyval["public"])  # type: ignore[arg-type]  # always one of these
    bundle = {
        "mediaType": BUNDLE,
        "verificationMaterial": {
            "publicKey": {"hint": hashlib.sha256(public.encode()).hexdigest()},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": envelope.PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(bundle, separators=(",", ":")).encode() + b"\n"


def open_signature(raw: bytes, public_keys: Iterable[SSlibKey]) -> Listed:
    """Return the files that a model signature lists, when a given key signed it.

    Args:
        raw: The bytes of the signature file.
        public_keys: Keys whose signature counts.

    Raises:
        UnsignedError: It has no signature.
        SignatureError: No given key signed it, or it was altered since.
        EnvelopeError: It is no model signature of version 1.0 that was made with a key.
    """
    bundle = _json(raw)
    if not isinstance(bundle, dict) or bundle.get("mediaType") != BUNDLE:
        _refuse(f"it is no bundle of the media type {BUNDLE}")
    material = bundle.get("verificationMaterial")
    if not isinstance(material, dict) or "publicKey" not in material:
        _refuse("it was made with a certificate or an online identity, not with a key")
    try:
        payload, signers = envelope.open_payload(json.dumps(bundle.get("dsseEnvelope")).encode(), public_keys)
    except EnvelopeError as error:
        raise type(error)(str(error).replace("the attestation", "the model signature")) from None
    return _listed(_json(payload), signers)


def _listed(statement: Any, signers: frozenset[str]) -> Listed:
    if not isinstance(statement, dict) or statement.get("_type") != _STATEMENT_TYPE:
        _refuse("what was signed is no in-toto statement")
    if statement.get("predicateType") != TYPE:
        _refuse(f"its predicateType is not {TYPE}")
    predicate, subjects = statement.get("predicate"), statement.get("subject")
    if not isinstance(predicate, dict) or not isinstance(predicate.get("serialization"), dict):
        _refuse("it does not say how the files were hashed")
    how = predicate["serialization"]
    if how.get("method") != "files" or how.get("hash_type") not in _HASHES:
        _refuse(f"its files were not hashed one by one with {' or '.join(_HASHES)}")
    resources = predicate.get("resources")
    if not isinstance(resources, list) or not resources:
        _refuse("it lists no file")
    files = dict(_resource(entry, how["hash_type"]) for entry in resources)
    if len(files) != len(resources):
        _refuse("it lists a file twice")
    try:
        named = [subject["digest"]["sha256"] for subject in subjects]  # type: ignore[union-attr]
    except (TypeError, KeyError):
        named = []
    if named != [_root(resources)]:
        _refuse("the digest of the whole is not that of the files that it lists")
    return Listed(files, _ignored(how), how["hash_type"], signers)


def _resource(entry: Any, hash_type: str) -> tuple[str, tuple[str, str]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        _refuse("a file that it lists has no name")
    digest = entry.get("digest")
    if entry.get("algorithm") != hash_type or not isinstance(digest, str) or not _HEX.match(digest):
        _refuse(f"a file that it lists has no {hash_type} digest")
    return entry["name"], (hash_type, digest)


def _ignored(how: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the paths that were left out; nothing but paths below the model, and never the whole of it."""
    paths = how.get("ignore_paths")
    if paths is None:
        return None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        _refuse("its ignore_paths are no list of paths")
    for path in map(PurePosixPath, paths):
        if path.is_absolute() or not path.parts or ".." in path.parts:
            _refuse("one of its ignore_paths is not below the model")
    return tuple(paths)


def _hashed(model: Path, hashing: Any) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Return the files as the format lists them, in its order, and how they were hashed."""
    try:
        manifest = hashing.hash(model)
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{model} cannot be hashed for a model signature ({type(error).__name__}); "
            "it must be a file, or a folder of files and folders only"
        ) from None
    files = [
        {"name": entry.identifier, "algorithm": entry.digest.algorithm, "digest": entry.digest.digest_hex}
        for entry in manifest.resource_descriptors()
    ]
    how = dict(manifest.serialization_type)
    return files, how | {"ignore_paths": sorted(how.get("ignore_paths", ()))}


def _root(files: Iterable[Mapping[str, str]]) -> str:
    """Return the digest of the whole: SHA-256 over the digests of the files, in the order of the list."""
    return hashlib.sha256(b"".join(bytes.fromhex(entry["digest"]) for entry in files)).hexdigest()


def _library() -> ModuleType:
    try:
        from model_signing import hashing
    except ModuleNotFoundError as error:
        raise MissingExtraError("oms", error.name or "model-signing") from None
    return hashing


def _json(raw: bytes) -> Any:
    try:
        return load_json(raw, max_bytes=MAX_BYTES, max_depth=_MAX_DEPTH, name="the model signature").data
    except InputError as error:
        raise EnvelopeError(str(error)) from None


def _refuse(what: str) -> NoReturn:
    raise EnvelopeError(
        f"the model signature cannot be used: {what}; take one that was made with `model_signing sign key`"
    )
