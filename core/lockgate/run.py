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
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate import artifact, body, moment, outfolder, sandbox
from lockgate import stage as stages
from lockgate.errors import EscapeError, InputError, LockgateError, StageError
from lockgate.exports import Exports
from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.result import ATTESTATION, REPORT, RESULT, Result, load
from lockgate.settings import Settings, in_a_run

if TYPE_CHECKING:
    from lockgate.place import Place
    from lockgate.policy import Policy
    from lockgate.sandbox import Sandbox
    from lockgate.stage import Parameter, Stage


_CONFINED = "sandbox"  # the check that fails when a model did what its sandbox forbids
_ATTACKS = dict.fromkeys(
    ["LG-SANDBOX-001", "LG-SANDBOX-002", "LG-SANDBOX-003", "LG-SANDBOX-006"],
    "Do not load this model anywhere else; find out where it comes from, and ask for it in ONNX or skops.",
)


def run(
    ref: str | Stage,
    arguments: Mapping[str, Any],
    *,
    out: str | os.PathLike[str],
    policy: str | os.PathLike[str] | None = None,
    key: str | None = None,
    settings: Settings | None = None,
    place: Place | Sandbox | str = "inline",
    sarif: str | os.PathLike[str] | None = None,
    junit: str | os.PathLike[str] | None = None,
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
        settings: References to what lies around the run (`lockgate.settings`); `policy` and `key`
            outweigh theirs. Where they name an evidence store or a ledger, the attestation goes there too.
        place: Where the stage runs; see `lockgate.place`.
        sarif: A file to write the result to as SARIF 2.1.0 as well; none without a path.
        junit: A file to write the result to as JUnit XML as well; none without a path.

    Raises:
        InputError: Parameters, input, policy or key cannot be used. Nothing is left in ``out``.
        StageError: The stage could not run to its end, or another run is writing into ``out``.
            Nothing is left in ``out``.
    """
    from lockgate.place import as_place

    where = as_place(place)
    folder = outfolder.on_this_machine(out, "the output folder")
    exports = Exports.of(sarif, junit)
    around = Settings(key=key, policy=os.fspath(policy) if policy else None)
    around = around.or_else(settings or Settings())
    around = around.or_else(Settings(key_passphrase=os.environ.get("LOCKGATE_KEY_PASSPHRASE")))
    confined: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
    if isinstance(where, sandbox.Sandbox):
        confined = sandbox.in_force(where)
    elif where is not None:
        return _elsewhere(where, ref, arguments, folder, around, exports)
    spec = stages.find(ref)
    with confined, artifact.private_folder() as private:
        this = _Run(spec, folder, private, around, exports)
        this.spare(arguments)
        with outfolder.claimed(folder):
            outfolder.clear(folder, spec)
            return this.execute(arguments)


def _elsewhere(
    where: Place,
    ref: str | Stage,
    arguments: Mapping[str, Any],
    folder: Path,
    around: Settings,
    exports: Exports,
) -> Result:
    """Run the stage in a place, which may be the only one that knows its parameters."""
    named = (*arguments.values(), around.policy, around.key)
    read = [text for value in named for text in _texts(value)]
    outfolder.spare(folder, read)
    with outfolder.claimed(folder):
        outfolder.clear(folder)
        exports.claim(folder, [*read, *_local_settings(around)], [])
    opens = where.carry_out(ref, arguments, out=folder, settings=around)
    try:
        result = load(folder, opens=opens)
    except (OSError, ValueError, LookupError, TypeError):
        for name in (RESULT, ATTESTATION, REPORT):
            artifact.discard(folder / name)
        raise StageError(
            f"{where} left no result that this Lockgate reads; install the same version of it there"
        ) from None
    try:
        exports.claim(folder, read, [Path(uri) for uri in result.outputs.values()])
        exports.write(result.document)
    except (OSError, InputError) as error:
        for name in (RESULT, ATTESTATION, REPORT):
            artifact.discard(folder / name)
        if isinstance(error, InputError):
            raise
        raise StageError(f"{error.filename} cannot be written: {error.strerror}; make room") from error
    return result


class _Run:
    """One run in this process. The folder ``private`` holds copies in and staged files out."""

    def __init__(self, spec: Stage, out: Path, private: Path, settings: Settings, exports: Exports) -> None:
        self.spec = spec
        self.out = out
        self.private = private
        self.settings = settings
        self.exports = exports
        self.read: list[str] = []  # paths and URIs of inputs, policy and key
        self.taken: dict[str, artifact.Taken] = {}
        self.staged: dict[str, tuple[Path, Path]] = {}  # output name -> staged path, final path

    def spare(self, arguments: Mapping[str, Any]) -> None:
        """Refuse to replace, or to write into, anything that this run reads."""
        self.read = [*self._input_uris(arguments), *_local_settings(self.settings)]
        outfolder.spare(self.out, self.read)

    def execute(self, arguments: Mapping[str, Any]) -> Result:
        started = moment.now()
        self._stage_outputs(arguments)
        self.exports.claim(self.out, self.read, [target for _, target in self.staged.values()])
        policy = _read_policy(self.settings.policy)
        plain = self._plain(arguments, policy)
        signer = self._signer()
        values = {**plain, **self._take_inputs(arguments), **{n: p for n, (p, _) in self.staged.items()}}
        outcome = self._call(values | dict.fromkeys(self.spec.filled_in, self.settings))
        written = self._written(escaped=any(check.id == _CONFINED for check in outcome.checks))
        document = body.build(
            self.spec,
            outcome,
            subjects=self._subjects(evidence=False),
            evidence=[*self._subjects(evidence=True), *_read_elsewhere(outcome)],
            parameters={p.name: plain[p.name] for p in self.spec.plain if not p.context},
            context={p.name: plain[p.name] for p in self.spec.plain if p.context},
            policy=_policy_entry(policy, self.spec, plain),
            outputs={n: _entry(*written[n]) for n in written if not self._attached(n)},
            attachments={n: _entry(*written[n]) for n in written if self._attached(n)},
            started=started,
            finished=moment.now(),
        )
        if (box := sandbox.current()) is not None:
            document["environment"]["sandbox"] = body.plain(box.describe())
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

    def _signer(self) -> Any:
        if not self.settings.key:
            if self.spec.signs:
                raise InputError(f"{self.spec.name} needs a signing key; give --key or set LOCKGATE_KEY")
            if self.settings.evidence or self.settings.ledger:
                raise InputError(
                    "an evidence store or a ledger is set, which take signed attestations only; "
                    "give --key or set LOCKGATE_KEY"
                )
            return None
        from lockgate.attest import keys

        return keys.load_signer(self.settings.key, self.settings.key_passphrase)

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
            outfolder.on_this_machine(_text(given, called), called)
            if given
            else self.out / f"{parameter.name}{suffix}"
        )
        taken = [other for _, other in self.staged.values()]
        outfolder.check_target(target, called, out=self.out, read=self.read, taken=taken)
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
            with in_a_run(self.settings):
                outcome = self.spec.function(**values)
        except EscapeError as error:
            return _escaped(error)
        except LockgateError as error:
            error.args = (self._public(str(error)),)
            self.settings.hide_causes(error)
            raise
        except Exception as error:  # noqa: BLE001 - whatever a stage raises, it could not run
            said = f"{self.spec.name} could not run: {type(error).__name__}: {error}"
            failed = StageError(self._public(" ".join(said.split())))
            failed.__cause__ = error
        else:
            if isinstance(outcome, Outcome):
                return outcome
            failed = StageError(
                f"{self.spec.name} returned {type(outcome).__name__}; a stage returns an Outcome"
            )
        self.settings.hide_causes(failed)
        raise failed  # out here, where no error is at hand that would become its context

    def _public(self, text: str) -> str:
        """Name things as the caller does, the URI instead of the private copy, and hide secrets."""
        for taken in sorted(self.taken.values(), key=lambda t: -len(str(t.path))):
            text = text.replace(str(taken.path), taken.uri)
        for staged, target in self.staged.values():
            text = text.replace(str(staged), str(target))
        return self.settings.hide(text)

    def _written(self, *, escaped: bool) -> dict[str, tuple[Path, Path]]:
        for parameter in self.spec.outputs:
            staged = self.staged.get(parameter.name)
            sometimes = parameter.artifact is not None and parameter.artifact.sometimes
            may_lack = escaped or sometimes or self._attached(parameter.name)
            if staged and not staged[0].exists() and not may_lack:
                raise StageError(
                    f"{self.spec.name} did not write its output {parameter.name!r}; report this as a defect"
                )
        return {name: pair for name, pair in self.staged.items() if pair[0].exists()}

    def _attached(self, name: str) -> bool:
        mark = next(p.artifact for p in self.spec.outputs if p.name == name)
        return mark is not None and mark.kind in ("report", "evidence")

    def _record(
        self, document: dict[str, Any], outcome: Outcome, written: dict[str, tuple[Path, Path]], signer: Any
    ) -> None:
        from lockgate import report
        from lockgate.attest import envelope, statement

        attachments = {n: os.path.relpath(written[n][1], self.out) for n in written if self._attached(n)}
        page = report.render(
            document,
            tables=outcome.tables,
            facts=outcome.facts,
            pictures=outcome.pictures,
            attachments=attachments,
        )
        said = statement.from_result(document, self.spec.attests)
        sealed = envelope.seal(said, signer)
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        done: list[Path] = []
        try:
            for staged, target in written.values():
                artifact.place(staged, target)
                done.append(target)
            done += self.exports.write(document)
            for name, content in ((REPORT, page.encode()), (ATTESTATION, sealed), (RESULT, text.encode())):
                with artifact.written_whole(self.out / name) as temporary:
                    temporary.write_bytes(content)
                done.append(self.out / name)
            if self.settings.evidence or self.settings.ledger:
                from lockgate.attest import publish

                publish.publish(sealed, statement.parse(said), signer, self.settings)
            if outcome.commit is not None:
                outcome.commit()
        except BaseException as error:  # an interrupt, too, leaves nothing that looks like a result
            for path in done:
                artifact.discard(path)
            if isinstance(error, OSError):
                raise StageError(
                    f"the result cannot be written to {self.out}: {error.strerror}; "
                    "make room or choose another folder"
                ) from error
            raise


def _escaped(error: EscapeError) -> Outcome:
    """Return what a run says whose model broke out, or tried to: nothing of its answers counts."""
    outcome = Outcome()
    outcome.check(_CONFINED, value=False, comparator="==", threshold=True, reason=str(error))
    outcome.find(
        error.rule,
        Severity.CRITICAL if error.rule in _ATTACKS else Severity.HIGH,
        str(error),
        subject="model",
        threat="supply-chain",
        fix=_ATTACKS.get(error.rule, "Give the sandbox more, or find out what the model does with it."),
        check=_CONFINED,
    )
    return outcome


# --- Small helpers ----------------------------------------------------------------------------------


def _read_policy(path: str | None) -> Policy | None:
    if not path:
        return None
    from lockgate import policy

    return policy.load(path)


def _local_settings(settings: Settings) -> list[str]:
    """Return the paths on this machine that the settings name."""
    from lockgate.attest import keys

    found = [uri for uri in (settings.policy, settings.evidence, settings.trust_state) if uri]
    if settings.ledger and "://" not in settings.ledger:
        found.append(settings.ledger)
    if settings.key:
        with contextlib.suppress(InputError):  # a key elsewhere than in a file
            found.append(str(keys.local_path(settings.key)))
    return [uri for uri in found if outfolder.is_local(uri)]


def _read_elsewhere(outcome: Outcome) -> list[dict[str, Any]]:
    return [{"name": name, "uri": "", "digest": dict(digest)} for name, digest in outcome.evidence.items()]


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
