"""Run a stage once: resolve, digest, call, judge, attest, record.

    result = run("validate-data", {"data": "batch.parquet", "schema": "schema.yaml"}, out="out/validate")
    result.verdict, result.opens, result.body_digest

The three faces (command line, Airflow operator, KFP component) all end here, which is why they
give the same verdict and the same body digest. Everything is written into ``out`` before anyone
raises over a verdict: the named outputs, ``report.html``, ``attestation.json`` and, last,
``result.json``. A folder without ``result.json`` holds no result.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate import artifact, body
from lockgate import stage as stages
from lockgate.errors import InputError, LockgateError, StageError
from lockgate.outcome import Decision, Outcome, Verdict

if TYPE_CHECKING:
    from lockgate.place import Place
    from lockgate.policy import Policy
    from lockgate.stage import Parameter, Stage

RESULT, REPORT, ATTESTATION = "result.json", "report.html", "attestation.json"


@dataclass(frozen=True)
class Result:
    """What one run left behind.

    Attributes:
        out: The output folder.
        document: ``result.json`` as a mapping.
        opens: Whether a gate opens on it, by the policy of the run.
    """

    out: Path
    document: Mapping[str, Any]
    opens: bool

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return Verdict(self.document["verdict"])

    @property
    def decision(self) -> Decision | None:
        """The decision, for a stage that has one."""
        return Decision(self.document["decision"]) if self.document["decision"] else None

    @property
    def body_digest(self) -> str:
        """SHA-256 (hex) over what the run says, equal wherever the run took place."""
        return str(self.document["body_digest"])

    @property
    def outputs(self) -> dict[str, str]:
        """Path of every named output and attachment."""
        both = {**self.document["outputs"], **self.document["attachments"]}
        return {name: entry["uri"] for name, entry in both.items()}

    @property
    def why(self) -> str:
        """One sentence: the reason of the verdict."""
        return body.why(self.document)

    def summary(self) -> dict[str, Any]:
        """Return the small mapping that an orchestrator passes on: no findings, no data."""
        return {
            "stage": self.document["stage"],
            "verdict": str(self.verdict),
            "decision": str(self.decision) if self.decision else None,
            "opens": self.opens,
            "body_digest": self.body_digest,
            "result": str(self.out / RESULT),
            "report": str(self.out / REPORT),
            "attestation": str(self.out / ATTESTATION),
            "outputs": self.outputs,
        }


def run(
    ref: str | Stage,
    arguments: Mapping[str, Any],
    *,
    out: str | os.PathLike[str],
    policy: str | os.PathLike[str] | None = None,
    key: str | None = None,
    place: Place | str = "inline",
) -> Result:
    """Run one stage and write its result into a folder, which is made when it is not there.

    Args:
        ref: The stage, its name, or ``module:function``.
        arguments: Inputs and outputs (paths or URIs) and plain parameters, by parameter name.
        out: Folder for the result, on this machine. What a former run of the stage left there is removed
            first. It must not lie in an input: a folder that has been read would no longer be the same.
        policy: Path of ``lockgate.yaml``; without one the stage's own defaults hold.
        key: URI of the key that signs the attestation (a PEM file's path); without one the
            attestation carries no signature. A passphrase comes from ``LOCKGATE_KEY_PASSPHRASE``.
        place: Where the stage runs; see `lockgate.place`.

    Raises:
        InputError: Parameters, input, policy or key cannot be used. Nothing is left in ``out``.
        StageError: The stage could not run to its end, or another run is writing into ``out``.
            Nothing is left in ``out``.
    """
    from lockgate.place import as_place

    where = as_place(place)
    folder = _on_this_machine(out, "the output folder")
    if where is not None:
        return _elsewhere(where, ref, arguments, folder, policy, key)
    spec = stages.find(ref)
    with artifact.private_folder() as private:
        this = _Run(spec, folder, private)
        this.spare(arguments, policy, key)
        with _claimed(folder):
            clear(folder, spec)
            return this.execute(arguments, policy, key)


def _elsewhere(
    where: Place,
    ref: str | Stage,
    arguments: Mapping[str, Any],
    folder: Path,
    policy: str | os.PathLike[str] | None,
    key: str | None,
) -> Result:
    """Run the stage in a place, which may be the only one that knows its parameters."""
    spare(folder, [text for value in (*arguments.values(), policy, key) for text in _texts(value)])
    with _claimed(folder):
        clear(folder)
    opens = where.carry_out(ref, arguments, out=folder, policy=policy, key=key)
    try:
        return load(folder, opens=opens)
    except (OSError, ValueError, LookupError, TypeError):
        for name in (RESULT, ATTESTATION, REPORT):
            artifact.discard(folder / name)
        raise StageError(
            f"{where} left no result that this Lockgate reads; install the same version of it there"
        ) from None


def load(out: str | os.PathLike[str], *, opens: bool) -> Result:
    """Read the result that a run left in a folder.

    Raises:
        OSError: There is none.
        ValueError: It is not one that a run of this version wrote. So are LookupError and TypeError.
    """
    folder = Path(out).absolute()
    document = json.loads((folder / RESULT).read_text("utf-8"))
    if document["schema"] != body.SCHEMA or document["body_digest"] != body.digest(document):
        raise ValueError("the result is of another kind, or was altered")
    return Result(folder, document, opens)


class _Run:
    """One run in this process. The folder ``private`` holds copies in and staged files out."""

    def __init__(self, spec: Stage, out: Path, private: Path) -> None:
        self.spec = spec
        self.out = out
        self.private = private
        self.read: list[str] = []  # paths and URIs of inputs, policy and key
        self.taken: dict[str, artifact.Taken] = {}
        self.staged: dict[str, tuple[Path, Path]] = {}  # output name -> staged path, final path

    def spare(
        self, arguments: Mapping[str, Any], policy: str | os.PathLike[str] | None, key: str | None
    ) -> None:
        """Refuse to replace, or to write into, anything that this run reads."""
        self.read = [*self._input_uris(arguments), *([os.fspath(policy)] if policy else [])]
        if key:
            from lockgate.attest import keys

            self.read.append(str(keys.local_path(key)))
        spare(self.out, self.read)

    def execute(
        self, arguments: Mapping[str, Any], policy_path: str | os.PathLike[str] | None, key: str | None
    ) -> Result:
        started = _now()
        self._stage_outputs(arguments)
        policy = _read_policy(policy_path)
        plain = self._plain(arguments, policy)
        signer = self._signer(key)
        values = {**plain, **self._take_inputs(arguments), **{n: p for n, (p, _) in self.staged.items()}}
        outcome = self._call(values)
        written = self._written()
        document = body.build(
            self.spec,
            outcome,
            subjects=self._subjects(evidence=False),
            evidence=self._subjects(evidence=True),
            parameters=plain,
            policy=_policy_entry(policy, self.spec, plain),
            outputs={n: _entry(*written[n]) for n in written if not self._attached(n)},
            attachments={n: _entry(*written[n]) for n in written if self._attached(n)},
            started=started,
            finished=_now(),
        )
        self._record(document, outcome, written, signer)
        opens = outcome.verdict.opens or (
            outcome.verdict is Verdict.INCONCLUSIVE
            and policy is not None
            and policy.opens_on_inconclusive(self.spec.name)
        )
        return Result(self.out, document, opens)

    def _plain(self, arguments: Mapping[str, Any], policy: Policy | None) -> dict[str, Any]:
        plain = self.spec.coerce(arguments)
        return plain if policy is None else policy.apply(self.spec, plain)

    def _signer(self, key: str | None) -> Any:
        if not key:
            if self.spec.signs:
                raise InputError(f"{self.spec.name} needs a signing key; give --key or set LOCKGATE_KEY")
            return None
        from lockgate.attest import keys

        return keys.load_signer(key, os.environ.get("LOCKGATE_KEY_PASSPHRASE"))

    def _stage_outputs(self, arguments: Mapping[str, Any]) -> None:
        staging = self.private / "out"
        staging.mkdir()
        for parameter in self.spec.outputs:
            given = arguments.get(parameter.name)
            if not given and parameter.optional:
                continue
            suffix = parameter.artifact.suffix if parameter.artifact else ""
            target = self._target(parameter, given, suffix)
            artifact.discard(target)
            self.staged[parameter.name] = (staging / f"{parameter.name}{suffix}", target)

    def _target(self, parameter: Parameter, given: Any, suffix: str) -> Path:
        """Return where an output goes, which is nowhere that anything else is lost."""
        called = f"output {parameter.name!r}"
        target = (
            _on_this_machine(_text(given, called), called)
            if given
            else self.out / f"{parameter.name}{suffix}"
        )
        real = os.path.realpath(target)
        if real in {os.path.realpath(artifact.local_path(uri)) for uri in self.read}:
            raise InputError(f"{called} would overwrite the input {target}; give it another path")
        if any(real == os.path.realpath(other) for _, other in self.staged.values()):
            raise InputError(f"{called} has the path of another output, {target}; give it one of its own")
        if real in {os.path.realpath(self.out / name) for name in (RESULT, REPORT, ATTESTATION)}:
            raise InputError(f"{called} has the path of the run's own {target.name}; give it another path")
        if (holder := _holder(target, self.read)) is not None:
            raise InputError(f"{called} would lie in the input {holder}; give it a path outside of it")
        _check_writable(target.parent, called)
        try:
            if target.is_dir():
                raise InputError(f"{called} is a folder, {target}; give the path of a file")
            if target.is_symlink() or (target.exists() and not target.is_file()):
                raise InputError(f"{called} is a link or a device, {target}; give the path of a file")
        except OSError as error:
            raise InputError(f"{called} cannot be {target}: {error.strerror}; give another path") from None
        return target

    def _input_uris(self, arguments: Mapping[str, Any]) -> list[str]:
        found: list[str] = []
        for parameter in self.spec.inputs:
            value = arguments.get(parameter.name)
            if value:
                found += _as_list(value) if parameter.many else [_text(value, f"input {parameter.name!r}")]
        return found

    def _take_inputs(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        paths: dict[str, Any] = {}
        for parameter in self.spec.inputs:
            value = arguments.get(parameter.name)
            if not value:
                if parameter.required:
                    raise InputError(
                        f"{self.spec.name} needs the input {parameter.name!r}; give its path or URI"
                    )
                paths[parameter.name] = [] if parameter.many else None
            elif parameter.many:
                paths[parameter.name] = [
                    self._take(f"{parameter.name}[{i}]", uri) for i, uri in enumerate(_as_list(value))
                ]
            else:
                paths[parameter.name] = self._take(parameter.name, _text(value, f"input {parameter.name!r}"))
        return paths

    def _take(self, name: str, uri: str) -> Path:
        try:
            self.taken[name] = artifact.take(uri, self.private, name)
        except InputError as error:
            raise type(error)(f"input {name!r}: {error}") from None
        return self.taken[name].path

    def _subjects(self, *, evidence: bool) -> list[dict[str, Any]]:
        """List what was taken in: the attestations that were read, or everything else."""
        attested = {p.name for p in self.spec.inputs if p.artifact and p.artifact.kind == "evidence"}
        return [
            {"name": name, "uri": taken.uri, "digest": taken.digest}
            for name, taken in self.taken.items()
            if (name.partition("[")[0] in attested) is evidence
        ]

    def _call(self, values: dict[str, Any]) -> Outcome:
        try:
            outcome = self.spec.function(**values)
        except LockgateError as error:
            error.args = (self._public(str(error)),)
            raise
        except Exception as error:
            said = f"{self.spec.name} could not run: {type(error).__name__}: {error}"
            raise StageError(self._public(" ".join(said.split()))) from error
        if not isinstance(outcome, Outcome):
            raise StageError(
                f"{self.spec.name} returned {type(outcome).__name__}; a stage returns an Outcome"
            )
        return outcome

    def _public(self, text: str) -> str:
        """Name things as the caller does: the URI instead of the private copy."""
        for taken in sorted(self.taken.values(), key=lambda t: -len(str(t.path))):
            text = text.replace(str(taken.path), taken.uri)
        for staged, target in self.staged.values():
            text = text.replace(str(staged), str(target))
        return text

    def _written(self) -> dict[str, tuple[Path, Path]]:
        for parameter in self.spec.outputs:
            staged = self.staged.get(parameter.name)
            if staged and not staged[0].exists() and not self._attached(parameter.name):
                raise StageError(
                    f"{self.spec.name} did not write its output {parameter.name!r}; report this as a defect"
                )
        return {name: pair for name, pair in self.staged.items() if pair[0].exists()}

    def _attached(self, name: str) -> bool:
        mark = next(p.artifact for p in self.spec.outputs if p.name == name)
        return mark is not None and mark.kind == "report"

    def _record(
        self, document: dict[str, Any], outcome: Outcome, written: dict[str, tuple[Path, Path]], signer: Any
    ) -> None:
        from lockgate import report
        from lockgate.attest import envelope, statement

        attachments = {n: os.path.relpath(written[n][1], self.out) for n in written if self._attached(n)}
        page = report.render(document, tables=outcome.tables, facts=outcome.facts, attachments=attachments)
        sealed = envelope.seal(statement.from_result(document), signer)
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        done: list[Path] = []
        try:
            for staged, target in written.values():
                artifact.place(staged, target)
                done.append(target)
            for name, content in ((REPORT, page.encode()), (ATTESTATION, sealed), (RESULT, text.encode())):
                with artifact.written_whole(self.out / name) as temporary:
                    temporary.write_bytes(content)
                done.append(self.out / name)
        except BaseException as error:  # an interrupt, too, leaves nothing that looks like a result
            for path in done:
                artifact.discard(path)
            if isinstance(error, OSError):
                raise StageError(
                    f"the result cannot be written to {self.out}: {error.strerror}; "
                    "make room or choose another folder"
                ) from error
            raise


# --- The output folder ------------------------------------------------------------------------------


def clear(out: Path, spec: Stage | None = None) -> None:
    """Remove the result that a former run left, so that nobody takes it for the result of this one.

    Args:
        out: The output folder.
        spec: The stage; what it writes by default is removed as well.
    """
    outputs = spec.outputs if spec else ()
    defaults = [f"{p.name}{p.artifact.suffix}" for p in outputs if p.artifact and not p.optional]
    try:
        for name in (RESULT, ATTESTATION, REPORT, *defaults):
            if (out / name).is_dir():
                raise InputError(
                    f"{out / name} is a folder, where this run writes a file; choose another --out"
                )
            artifact.discard(out / name)
    except OSError as error:
        raise InputError(
            f"the output folder {out} cannot be used: {error.strerror}; choose another"
        ) from None


def spare(out: Path, read: Iterable[str]) -> None:
    """Refuse an output folder in which a result would replace, or add to, something that is read.

    Args:
        out: The output folder.
        read: Paths and URIs that the run reads.

    Raises:
        InputError: One of them is a file of the same name as one of the result, or a folder around it.
    """
    paths = list(read)
    own = {os.path.realpath(out / name) for name in (RESULT, REPORT, ATTESTATION)}
    for uri in paths:
        if _is_local(uri) and os.path.realpath(artifact.local_path(uri)) in own:
            raise InputError(
                f"the result in {out} would replace {uri}, which this run reads; choose another --out"
            )
    if (holder := _holder(out, paths)) is not None:
        raise InputError(f"the output folder {out} lies in the input {holder}; choose one outside of it")


def _holder(path: Path, read: Iterable[str]) -> str | None:
    """Return the folder among what is read that a path is or lies in."""
    real = Path(os.path.realpath(path))
    for uri in read:
        if _is_local(uri):
            folder = Path(os.path.realpath(artifact.local_path(uri)))
            if (folder == real or folder in real.parents) and folder.is_dir():
                return uri
    return None


@contextlib.contextmanager
def _claimed(out: Path) -> Iterator[None]:
    """Make the folder, keep other runs out of it, and take it away again if it is left empty."""
    _check_writable(out, "the output folder")
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(
            f"the output folder {out} cannot be used: {error.strerror}; choose another"
        ) from None
    try:
        _lock(handle, out)
        try:
            yield
        finally:
            for folder in made:
                with contextlib.suppress(OSError):  # it holds something, or is gone
                    folder.rmdir()
    finally:
        os.close(handle)


def _lock(handle: int, out: Path) -> None:
    """Lock the folder itself: the lock leaves no file, and goes with the process however that ends."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StageError(f"another run is writing into {out}; wait for it, or choose another --out") from None
    except OSError:
        return  # a file system without locks


def _check_writable(folder: Path, what: str) -> None:
    """Find out before a long run, not after it, that its result cannot be written."""
    try:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        usable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
        reason = "permission denied or read-only" if there.is_dir() else f"{there} is no folder"
    except OSError as error:
        usable, reason = False, str(error.strerror).lower()
    if not usable:
        raise InputError(f"{what} cannot be written to {folder}: {reason}; choose another place")


def _on_this_machine(given: str | os.PathLike[str], what: str) -> Path:
    """Return the absolute path that a caller names for writing."""
    text = os.fspath(given)
    if not _is_local(text):
        raise InputError(
            f"{what} is {artifact.display(text)}, and is written to this machine only; give a path"
        )
    return artifact.local_path(text).absolute()


def _is_local(uri: str) -> bool:
    scheme, there, _ = uri.partition("://")
    if "\0" in uri:
        raise InputError(f"{uri[:80]!r} is no path, for it has a null character in it; correct it")
    return not there or "/" in scheme or scheme.lower() == "file"


# --- Small helpers ----------------------------------------------------------------------------------


def _read_policy(path: str | os.PathLike[str] | None) -> Policy | None:
    if not path:
        return None
    from lockgate import policy

    return policy.load(Path(path))


def _policy_entry(policy: Policy | None, spec: Stage, plain: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "digest": {"sha256": policy.digest} if policy else None,
        "thresholds": {p.name: plain[p.name] for p in spec.plain if p.threshold},
    }


def _entry(staged: Path, target: Path) -> dict[str, Any]:
    return {"uri": str(target), "digest": artifact.digest(staged)}


def _as_list(value: Any) -> list[str]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(ValueError):  # a path that only starts with a bracket
            value = json.loads(value)
    items = value if isinstance(value, (list, tuple)) else [value]
    if "" in items:
        raise InputError("a list of inputs has an empty item; give its path, or remove it")
    return [_text(item, "an input of a list") for item in items]


def _texts(value: Any) -> list[str]:
    """Return the texts and paths in an argument, whatever it is for."""
    with contextlib.suppress(InputError):
        return _as_list(value)
    return []


def _text(value: Any, what: str) -> str:
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise InputError(f"{what} is {str(value)[:80]!r}, which is no path; give a path or a URI")
    return text


def _now() -> str:
    return dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
