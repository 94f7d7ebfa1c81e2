"""A threat as a YAML file.

    version: 1
    name: loan-application        # letters, digits, - and _; part of the ids of checks
    norm: l0                      # linf (default), l2 or l0
    size: 3                       # eps of linf and l2; of l0 the number of features
    unit: std                     # std (default), range or raw: what 1 means
    reach: 2.0                    # l0 only: how far each changed feature can go, in units; default: anywhere
    move: [income, debt, town]    # the only columns that can move; default: every number
    immutable: [age]
    categories: [town]            # text or coded columns that can take another value that the data has
    category_changes: 1           # most of them, and of one-hot groups, in one row (linf and l2)
    steps: {rooms: 1, price: 0.5} # values are whole multiples of it; 0: any value
    ranges: {income: [0, 200000]}
    only_up: [tenure]
    only_down: [debt]
    one_hot: [[rent, own, other]]
    rules: ["debt <= income", "a + b + c == 100"]
    infer: true                   # whole numbers, ranges, one-hot groups: from the data where not given

For images: ``kind: image``, with name, norm and size, and ``pixels: [0, 1]``, the smallest and largest value.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import pydantic

from lockgate.documents import load_yaml
from lockgate.errors import InputError
from lockgate.robustness.threat.rules import MAX_LENGTH, read_rule
from lockgate.robustness.threat.threat import Constraints, Threat

MAX_BYTES = 200_000
MAX_COLUMNS = 10_000
MAX_RULES = 200
_LARGE = 1e100
_Name = Annotated[str, pydantic.Field(min_length=1, max_length=500)]
_Names = Annotated[list[_Name], pydantic.Field(max_length=MAX_COLUMNS)]
_Number = Annotated[float, pydantic.Field(ge=-_LARGE, le=_LARGE, allow_inf_nan=False)]
_Positive = Annotated[float, pydantic.Field(gt=0, le=_LARGE, allow_inf_nan=False)]
_Step = Annotated[float, pydantic.Field(ge=0, le=_LARGE, allow_inf_nan=False)]
_Pair = Annotated[list[_Number], pydantic.Field(min_length=2, max_length=2)]


class _Form(pydantic.BaseModel):
    """What a file may say; see the module docstring."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1]
    name: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$")]
    kind: Literal["table", "image"] = "table"
    norm: Literal["linf", "l2", "l0"] = "linf"
    size: _Positive
    unit: Literal["std", "range", "raw"] | None = None
    reach: _Positive | None = None
    pixels: _Pair | None = None
    move: _Names | None = None
    immutable: _Names = []
    categories: _Names = []
    category_changes: Annotated[int, pydantic.Field(ge=0, le=MAX_COLUMNS)] | None = None
    steps: Annotated[dict[_Name, _Step], pydantic.Field(max_length=MAX_COLUMNS)] = {}
    ranges: Annotated[dict[_Name, _Pair], pydantic.Field(max_length=MAX_COLUMNS)] = {}
    only_up: _Names = []
    only_down: _Names = []
    one_hot: Annotated[
        list[Annotated[list[_Name], pydantic.Field(min_length=2, max_length=MAX_COLUMNS)]],
        pydantic.Field(max_length=1_000),
    ] = []
    rules: Annotated[
        list[Annotated[str, pydantic.Field(min_length=1, max_length=MAX_LENGTH)]],
        pydantic.Field(max_length=MAX_RULES),
    ] = []
    infer: bool = True


_OF_TABLES = frozenset(_Form.model_fields) - {"version", "name", "kind", "norm", "size", "pixels"}


def read_threat(source: Path | bytes, name: str = "") -> Threat:
    """Read a threat from YAML.

    Args:
        source: A file, or its bytes.
        name: What errors call it; the path when empty.

    Raises:
        InputError: It is not YAML of the strict kind, or does not fit: file, line, key.
    """
    document = load_yaml(source, max_bytes=MAX_BYTES, name=name)
    said = document.as_model(_Form)
    key, wrong = next(_wrong(said), ("", ""))
    if not wrong:
        try:
            return _threat(said)
        except InputError as error:
            key, wrong = "rules", f"cannot be used: {error}"
    raise InputError(f"{document.where((key,))} {wrong}")


def _wrong(said: _Form) -> Iterator[tuple[str, str]]:
    """Yield the keys that do not go together, and what to do."""
    if said.kind == "image":
        for key in sorted(said.model_fields_set & _OF_TABLES):
            yield key, "is of tables, and this threat is of images; remove it"
    elif said.pixels is not None:
        yield "pixels", "is of images, and this threat is of tables; remove it"
    if said.norm == "l0" and said.size != int(said.size):
        yield "size", "is a number of features for l0; give a whole number"
    if said.reach is not None and said.norm != "l0":
        yield "reach", "is of l0 alone; with other norms size says how far; remove it"
    if any(not low < high for low, high in said.ranges.values()):
        yield "ranges", "has a range that does not grow; write the smaller value first"
    if said.pixels is not None and not said.pixels[0] < said.pixels[1]:
        yield "pixels", "does not grow; write the smaller value first"
    for key in ("move", "immutable", "categories", "only_up", "only_down"):
        names = getattr(said, key) or []
        if len(set(names)) != len(names):
            yield key, "names a column twice; name it once"
    for key, other in (("move", "immutable"), ("categories", "immutable"), ("only_up", "only_down")):
        both = sorted(set(getattr(said, key) or []) & set(getattr(said, other)))
        if both:
            yield key, f"names {both[0][:80]!r}, which {other} names too; decide for one"
    members = [name for group in said.one_hot for name in group]
    if len(set(members)) != len(members):
        yield "one_hot", "names a column twice; a column is in one group"


def _threat(said: _Form) -> Threat:
    low, high = said.pixels or (0.0, 1.0)
    constraints = Constraints(
        move=None if said.move is None else tuple(said.move),
        immutable=tuple(said.immutable),
        categories=tuple(said.categories),
        category_changes=said.category_changes,
        steps=tuple(said.steps.items()),
        ranges=tuple((n, least, most) for n, (least, most) in said.ranges.items()),
        only_up=tuple(said.only_up),
        only_down=tuple(said.only_down),
        one_hot=tuple(map(tuple, said.one_hot)),
        rules=tuple(read_rule(text) for text in said.rules),
        infer=said.infer,
    )
    unit = said.unit or ("raw" if said.kind == "image" else "std")
    return Threat(
        said.name, said.norm, said.size, unit, said.reach, said.kind, constraints, low=low, high=high
    )
