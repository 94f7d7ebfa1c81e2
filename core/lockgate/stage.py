"""Turn a typed function into a stage: one declaration for the CLI, Airflow and Kubeflow.

A stage is a function. Its signature and docstring are the only place where its parameters are
declared; the command line is derived from them, and `make faces` writes the Airflow operator and
the KFP component from them.

    @stage("check-size", threats=["data-poisoning"])
    def check_size(data: DatasetIn, *, min_rows: Threshold[int] = 100) -> Outcome:
        '''Count the rows of a table and hold them against a minimum.

        Args:
            data: The table to look at.
            min_rows: Fewest rows that pass, in rows.
        '''

Artifact marks (`DatasetIn`, `ModelOut`, ...) are `pathlib.Path` to the function: an input is the
private copy that was hashed, an output is a place to write to. Everything else is a plain
parameter and is coerced with pydantic, because templates, flags and KFP deliver strings.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from annotated_types import Interval

from lockgate.errors import InputError
from lockgate.settings import Settings

if TYPE_CHECKING:
    from lockgate.outcome import Outcome

_T = TypeVar("_T")


# --- Marks ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Artifact:
    """A mark: this parameter is a file or folder that goes into or comes out of the stage.

    Attributes:
        kind: ``dataset``, ``model``, ``folder``, ``file``, ``evidence`` or ``report``.
        direction: ``in`` or ``out``.
        suffix: Ending of the default file name of an output.
        sometimes: Whether the stage may leave this output unwritten.
    """

    kind: Literal["dataset", "model", "folder", "file", "evidence", "report"]
    direction: Literal["in", "out"]
    suffix: str = ""
    sometimes: bool = False


@dataclass(frozen=True)
class PolicyMark:
    """A mark: ``lockgate.yaml`` may set this parameter."""


@dataclass(frozen=True)
class SettingsMark:
    """A mark: the run fills in this parameter, which is none for callers."""


@dataclass(frozen=True)
class ContextMark:
    """A mark: this parameter says where a run took place, which is no part of what the run says."""


DatasetIn = Annotated[Path, Artifact("dataset", "in")]
"""A table or array to read: Parquet, CSV, Arrow, JSON lines; a file or a folder of files."""
ModelIn = Annotated[Path, Artifact("model", "in")]
"""A model to read, a file or a folder."""
FolderIn = Annotated[Path, Artifact("folder", "in")]
"""A folder to read."""
FileIn = Annotated[Path, Artifact("file", "in")]
"""Any other file (or folder) to read: a schema, a public key."""
EvidenceIn = Annotated[Path, Artifact("evidence", "in")]
"""An attestation to read, or another record of one run in one engine. It carries a time or a signature
that differ with every run, so it is recorded beside the body of the result, not in it; what a stage took
from it belongs into metrics."""
DatasetOut = Annotated[Path, Artifact("dataset", "out", ".parquet")]
"""A table to write, as Parquet."""
ModelOut = Annotated[Path, Artifact("model", "out", ".skops")]
"""A model to write."""
FileOut = Annotated[Path, Artifact("file", "out")]
"""Any other file to write."""
ProfileOut = Annotated[Path, Artifact("file", "out", ".json")]
"""A profile of a table to write, as JSON."""
SchemaOut = Annotated[Path, Artifact("file", "out", ".yaml", sometimes=True)]
"""A data schema that the stage writes when there is reason to: whether it did stands in its result."""
ReportOut = Annotated[Path, Artifact("report", "out", ".html")]
"""A page that may be attached for people to read; it is never part of what is signed as the result."""
EvidenceOut = Annotated[Path, Artifact("evidence", "out", ".sig")]
"""A signature that may be attached: it differs with every run, so it is no part of the result either."""

SettingsIn = Annotated[Settings, SettingsMark()]
"""Where keys, policy, evidence and ledger of this run are; given by the run, and no flag or argument."""

Threshold = Annotated[_T, PolicyMark()]
"""A plain parameter that ``lockgate.yaml`` may set: ``max_psi: Threshold[float] = 0.2``."""
RunContext = Annotated[_T, ContextMark()]
"""A plain parameter that differs with the engine, such as the id of its run: it is recorded in
``context``, beside the body of the result, so that the body digest is equal wherever the run was."""
Share = Annotated[float, Interval(ge=0.0, le=1.0)]
"""A number from 0 to 1."""
Seed = Annotated[int, Interval(ge=0, le=2**32 - 1)]
"""What random numbers start from; the range is that of numpy's and scikit-learn's seeds."""


# --- What a stage is --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """One parameter of a stage, read from its signature and docstring.

    Attributes:
        name: The Python name; the flag is ``--name-with-dashes``.
        annotation: The type with its marks, without ``None``.
        artifact: The artifact mark, or None for a plain parameter.
        required: Whether a caller must give it. Outputs never: they have a default place.
        default: The default value, or None.
        optional: Whether None is a value of it.
        many: Whether it takes a list.
        threshold: Whether ``lockgate.yaml`` may set it.
        context: Whether it is recorded beside the body of the result (`RunContext`).
        help: Its text in the docstring.
    """

    name: str
    annotation: Any
    artifact: Artifact | None
    required: bool
    default: Any
    optional: bool
    many: bool
    threshold: bool
    context: bool
    help: str

    @property
    def is_input(self) -> bool:
        """Whether it is an artifact that the stage reads."""
        return self.artifact is not None and self.artifact.direction == "in"

    @property
    def is_output(self) -> bool:
        """Whether it is an artifact that the stage writes."""
        return self.artifact is not None and self.artifact.direction == "out"

    @property
    def plain_type(self) -> Any:
        """The type without marks and bounds: ``float``, ``str``, ``list[str]``, ``Literal[...]``."""
        bare = self.annotation
        while get_origin(bare) is Annotated:
            bare = get_args(bare)[0]
        return bare

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a ``Literal``, else nothing."""
        inner = get_args(self.plain_type)[0] if self.many else self.plain_type
        return get_args(inner) if get_origin(inner) is Literal else ()


@dataclass(frozen=True)
class Stage:
    """A stage: a function, its name and its declared parameters. Calling it calls the function.

    Attributes:
        name: The command, for example ``detect-poisoning``.
        function: The decorated function.
        threats: Ids of the threats it answers.
        decides: Whether its outcome has a decision beside the verdict.
        signs: Whether it makes no sense without a signing key.
        gate: Whether it decides what happens next, so that its answer is never taken from a cache.
        attests: The kind of predicate in its attestation; see `lockgate.attest.predicates.STAGES`.
        handwritten: Whether its two faces are written by hand rather than by `make faces`.
    """

    name: str
    function: Callable[..., Outcome]
    threats: tuple[str, ...] = ()
    decides: bool = False
    signs: bool = False
    gate: bool = False
    handwritten: bool = False
    attests: str = "test-result"

    def __call__(self, *args: Any, **kwargs: Any) -> Outcome:
        """Call the function itself, without digests, policy or evidence."""
        return self.function(*args, **kwargs)

    @property
    def stem(self) -> str:
        """The Python name of the stage, and of its files: ``detect_poisoning``."""
        return self.function.__name__

    @property
    def ref(self) -> str:
        """Where the function is: ``module:function``; `find` reads it back."""
        return f"{self.function.__module__}:{self.stem}"

    @property
    def lifecycle(self) -> str:
        """The life-cycle folder that the module is in: ``ingest``, ``validate``, ..."""
        return self.function.__module__.split(".")[-2]

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return inspect.getdoc(self.function).splitlines()[0]  # type: ignore[union-attr]

    @functools.cached_property
    def description(self) -> str:
        """The docstring up to its first section."""
        return re.split(r"\n\s*\n(?=[A-Z]\w+:\n)", inspect.getdoc(self.function) or "")[0].strip()

    @functools.cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The declared parameters, in the order of the signature."""
        hints = get_type_hints(self.function, include_extras=True)
        help_of = _argument_help(inspect.getdoc(self.function) or "")
        return tuple(
            _parameter(p, hints[p.name], help_of.get(p.name, ""))
            for p in inspect.signature(self.function).parameters.values()
            if not _is_filled_in(hints[p.name])
        )

    @functools.cached_property
    def filled_in(self) -> tuple[str, ...]:
        """The parameters that take the settings of the run (`SettingsIn`)."""
        hints = get_type_hints(self.function, include_extras=True)
        return tuple(
            name for name in inspect.signature(self.function).parameters if _is_filled_in(hints[name])
        )

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """The artifacts it reads."""
        return tuple(p for p in self.parameters if p.is_input)

    @property
    def outputs(self) -> tuple[Parameter, ...]:
        """The artifacts it writes."""
        return tuple(p for p in self.parameters if p.is_output)

    @property
    def plain(self) -> tuple[Parameter, ...]:
        """The parameters that are no artifacts."""
        return tuple(p for p in self.parameters if p.artifact is None)

    def coerce(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Check plain arguments against the signature and return them typed, defaults filled in.

        Args:
            arguments: Values by parameter name; strings and JSON are welcome.

        Raises:
            InputError: A parameter is unknown, missing, or not of its type.
        """
        known = {p.name for p in self.parameters}
        for name in arguments:
            if name not in known:
                raise InputError(f"{self.name} has no parameter {name!r}; it has {', '.join(sorted(known))}")
        return {p.name: self._coerced(p, arguments.get(p.name)) for p in self.plain}

    def _coerced(self, parameter: Parameter, value: Any) -> Any:
        if value is None or (value == "" and parameter.optional):
            if parameter.required:
                raise InputError(f"{self.name} needs the parameter {parameter.name!r}; give it a value")
            return parameter.default
        import json

        import pydantic

        if isinstance(value, str) and parameter.many and value.lstrip().startswith("["):
            with contextlib.suppress(ValueError):  # an item that only starts with a bracket stays text
                value = json.loads(value)
        if isinstance(value, str) and parameter.many:
            value = [part.strip() for part in value.split(",")]
        if parameter.many and isinstance(value, (list, tuple)) and "" in value:
            # Left out, an empty one among several would let a gate open on the others alone.
            if len(value) == 1 and parameter.optional:
                return parameter.default
            raise InputError(
                f"parameter {parameter.name!r} of {self.name} has an empty item in its list; remove it"
            )
        try:
            strict = pydantic.ConfigDict(allow_inf_nan=False)
            return pydantic.TypeAdapter(parameter.annotation, config=strict).validate_python(value)
        except pydantic.ValidationError as error:
            said = error.errors()[0]["msg"]
            raise InputError(
                f"parameter {parameter.name!r} of {self.name} is {str(value)[:80]!r}: {said}"
            ) from None


def stage(
    name: str,
    *,
    threats: Sequence[str] = (),
    decides: bool = False,
    signs: bool = False,
    gate: bool = False,
    handwritten: bool = False,
    attests: str = "test-result",
) -> Callable[[Callable[..., Outcome]], Stage]:
    """Make a function a stage; see `Stage` for the arguments.

    The function's name must be the stage's name with underscores, so that one stem leads to the
    stage in every folder.
    """

    def decorate(function: Callable[..., Outcome]) -> Stage:
        if function.__name__ != name.replace("-", "_"):
            raise TypeError(f"stage {name!r} must be a function called {name.replace('-', '_')!r}")
        if not function.__doc__:
            raise TypeError(f"stage {name!r} has no docstring; its first line is its help text")
        made = Stage(
            name, function, tuple(threats), decides, signs, gate or decides or signs, handwritten, attests
        )
        for attribute in ("__doc__", "__module__"):  # so that help() and hover show the function's own
            object.__setattr__(made, attribute, getattr(function, attribute))
        return made

    return decorate


# --- Finding stages ---------------------------------------------------------------------------------


def names() -> dict[str, str]:
    """Return the module of every stage of this distribution by stage name, without importing any."""
    root = Path(__file__).parent / "stages"
    return {
        path.stem.replace("_", "-"): f"lockgate.stages.{path.parent.name}.{path.stem}"
        for path in sorted(root.glob("*/[a-z]*.py"))
    }


def find(ref: str | Stage) -> Stage:
    """Return the stage called ``detect-poisoning``, or the one at ``package.module:function``.

    Stages of other distributions are found by name through the entry-point group
    ``lockgate.stages``.

    Raises:
        InputError: There is no such stage.
    """
    if isinstance(ref, Stage):
        return ref
    if ":" in ref:
        module, _, attribute = ref.partition(":")
    elif (known := names().get(ref)) is not None:
        module, attribute = known, ref.replace("-", "_")
    else:
        module, attribute = _installed(ref)
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except (ModuleNotFoundError, ValueError, TypeError) as error:  # the latter for names such as `` and `.`
        raise InputError(f"stage {ref!r} cannot be imported: {error}; install the package it is in") from None
    if not isinstance(found, Stage):
        raise InputError(f"{ref!r} is not a stage; decorate the function with @stage")
    return found


def every() -> Iterator[Stage]:
    """Yield every stage of this distribution, in the order of the life cycle."""
    order = ("plan", "ingest", "develop", "validate", "harden", "deploy", "retrain", "monitor", "govern")
    stages = [find(f"{module}:{name.replace('-', '_')}") for name, module in names().items()]
    yield from sorted(stages, key=lambda s: (order.index(s.lifecycle), s.name))


def _installed(name: str) -> tuple[str, str]:
    from importlib.metadata import entry_points

    for entry in entry_points(group="lockgate.stages", name=name):
        return entry.module, entry.attr
    raise InputError(f"there is no stage called {name!r}; `lockgate --help` lists them")


# --- Reading signatures -----------------------------------------------------------------------------


def _parameter(declared: inspect.Parameter, hint: Any, text: str) -> Parameter:
    annotation, optional = _without_none(hint)
    many = get_origin(_bare(annotation)) is list
    marks = _marks(annotation) + (_marks(get_args(_bare(annotation))[0]) if many else ())
    artifact = next((m for m in marks if isinstance(m, Artifact)), None)
    has_default = declared.default is not inspect.Parameter.empty
    return Parameter(
        name=declared.name,
        annotation=annotation,
        artifact=artifact,
        required=not has_default and not (artifact is not None and artifact.direction == "out"),
        default=declared.default if has_default else None,
        optional=optional,
        many=many,
        threshold=any(isinstance(m, PolicyMark) for m in marks),
        context=any(isinstance(m, ContextMark) for m in marks),
        help=text,
    )


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        kept = [a for a in get_args(hint) if a is not type(None)]
        if len(kept) == 1 and len(get_args(hint)) == 2:  # noqa: PLR2004 - the pair (type, None)
            return kept[0], True
    return hint, False


def _is_filled_in(hint: Any) -> bool:
    return any(isinstance(mark, SettingsMark) for mark in _marks(hint))


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _marks(annotation: Any) -> tuple[Any, ...]:
    return tuple(get_args(annotation)[1:]) if get_origin(annotation) is Annotated else ()


def _argument_help(doc: str) -> dict[str, str]:
    """Read the ``Args:`` section of a Google-style docstring: text by parameter name."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", doc, re.MULTILINE | re.DOTALL)
    found: dict[str, str] = {}
    name = ""
    for line in section.group(1).splitlines() if section else ():
        start = re.match(r"    (\w+): (.*)$", line)
        if start:
            name = start.group(1)
            found[name] = start.group(2).strip()
        elif name and line.strip():
            found[name] += " " + line.strip()
    return found
