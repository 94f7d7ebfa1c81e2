r"""Write the two thin faces of a stage, the Airflow operator and the KFP component.

`make faces` writes one module for every stage into ``operators/lockgate_airflow`` and
``components/lockgate_kfp``, and the compiled component into ``components/lockgate_kfp/yaml``. The
texts come from two templates beside this module, ``operator.py.j2`` and ``component.py.j2``; the
written files are committed, so that go-to-definition, hover and a missing argument at parse time
work, and `make lint` fails when one is not what its template writes.

A stage of your own, in your own package:

    python -m lockgate.faces --write --stage my_package.check_size:check_size \
        --operators my_package/operators --components my_package/components
"""

from __future__ import annotations

import inspect
import shutil
import subprocess
import sys
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from lockgate.errors import InputError, StageError
from lockgate.stage import Parameter, Stage

_HERE = Path(__file__).parent
_KFP_ARTIFACT = {"dataset": "dsl.Dataset", "model": "dsl.Model", "report": "dsl.HTML"}
# What may stand beside a templated value: Airflow renders templates to text.
_TEMPLATED = (int, float, bool)


@dataclass(frozen=True)
class Face:
    """One written file.

    Attributes:
        path: Where it belongs.
        text: What the template writes.
    """

    path: Path
    text: str

    @property
    def stale(self) -> bool:
        """Whether the file is missing or says something else."""
        return not self.path.exists() or self.path.read_text("utf-8") != self.text


def faces(stages: Iterable[Stage], operators: Path | None, components: Path | None) -> Iterator[Face]:
    """Yield the face modules of some stages.

    Args:
        stages: Which stages; those marked ``handwritten`` are left out.
        operators: Folder of the operators, or None for no operators.
        components: Folder of the components, or None for no components.
    """
    for spec in stages:
        if spec.handwritten:
            continue
        if operators is not None:
            yield Face(operators / f"{spec.stem}.py", operator(spec))
        if components is not None:
            yield Face(components / f"{spec.stem}.py", component(spec))


def operator(spec: Stage) -> str:
    """Return the module text of a stage's Airflow operator."""
    return _formatted(_render("operator.py.j2", spec))


def component(spec: Stage) -> str:
    """Return the module text of a stage's KFP component."""
    return _formatted(_render("component.py.j2", spec))


def compiled(components: Path, stems: Iterable[str]) -> Iterator[Face]:
    """Yield ``yaml/STEM.yaml`` for every component module in a folder, compiled by kfp."""
    import importlib.util
    import tempfile

    from kfp import compiler  # type: ignore[import-untyped,unused-ignore]

    for stem in stems:
        source = components / f"{stem}.py"
        description = importlib.util.spec_from_file_location(f"_lockgate_face_{stem}", source)
        if description is None or description.loader is None:
            raise InputError(f"{source} cannot be imported; write the faces first")
        module = importlib.util.module_from_spec(description)
        description.loader.exec_module(module)
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / f"{stem}.yaml"
            compiler.Compiler().compile(getattr(module, stem), str(target))
            yield Face(components / "yaml" / f"{stem}.yaml", target.read_text("utf-8"))


# --- What the templates ask for ---------------------------------------------------------------------


def class_name(spec: Stage) -> str:
    """Return the operator's class: ``DetectPoisoningOperator``."""
    return "".join(word.capitalize() for word in spec.stem.split("_")) + "Operator"


def typed(parameter: Parameter) -> str:
    """Return the type of an operator's argument, with ``str`` where a template may stand."""
    bare = parameter.plain_type
    text = "str" if parameter.artifact else _type_text(bare)
    if parameter.many:
        text = "list[str] | str" if parameter.artifact or text == "list[str]" else f"{text} | str"
    elif bare in _TEMPLATED:
        text += " | str"
    return f"{text} | None" if _may_be_none(parameter) else text


def kfp_typed(parameter: Parameter) -> str:
    """Return the type of a component's argument, in the forms that KFP understands."""
    if parameter.artifact:
        way = "Input" if parameter.is_input else "Output"
        kind = f"dsl.{way}[{_KFP_ARTIFACT.get(parameter.artifact.kind, 'dsl.Artifact')}]"
        return f"Optional[{kind}]" if parameter.is_input and _may_be_none(parameter) else kind
    bare = parameter.plain_type
    if get_origin(bare) is Literal:
        text = type(get_args(bare)[0]).__name__
    elif parameter.many:
        text = "List[str]"
    else:
        text = _type_text(bare)
    return f"Optional[{text}]" if _may_be_none(parameter) else text


def default(parameter: Parameter) -> str | None:
    """Return the text of an argument's default, or None when it must be given."""
    if parameter.required:
        return None
    if parameter.many and parameter.default is not None:
        return repr(list(parameter.default)) if parameter.default else "None"
    value = getattr(parameter.default, "value", parameter.default)
    return repr(value)


def _may_be_none(parameter: Parameter) -> bool:
    return not parameter.required and default(parameter) == "None"


def _type_text(bare: Any) -> str:
    if isinstance(bare, types.GenericAlias) or get_origin(bare) in (list, dict):
        inner = ", ".join(_type_text(a) for a in get_args(bare))
        return f"{get_origin(bare).__name__}[{inner}]"
    if get_origin(bare) is Literal:
        return f"Literal[{', '.join(map(repr, get_args(bare)))}]"
    return getattr(bare, "__name__", "Any")


def _render(template: str, spec: Stage) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - it writes Python, from the signatures of this distribution
    )
    return environment.get_template(template).render(
        stage=spec,
        class_name=class_name(spec),
        typed=typed,
        kfp_typed=kfp_typed,
        default=default,
        summary=spec.summary,
        description=spec.description,
        source=inspect.getmodule(spec.function),
    )


def _formatted(text: str) -> str:
    """Format a module as the repository is formatted; ruff comes with the extra ``dev``."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        raise StageError("ruff is not installed here; run: pip install 'lockgate[dev]'")
    options = ["--line-length", "110", "--target-version", "py310", "--isolated"]
    ours = 'lint.isort.known-first-party=["lockgate", "lockgate_airflow", "lockgate_kfp"]'
    for command in (["check", "--select", "I,F401", "--fix", "-q", "--config", ours], ["format", "-q"]):
        text = subprocess.run(
            [ruff, *command, *options, "-"], input=text, capture_output=True, text=True, check=True
        ).stdout
    return text
