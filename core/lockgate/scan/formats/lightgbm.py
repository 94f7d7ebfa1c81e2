"""LightGBM's text format (``GBDT::SaveModelToString`` of LightGBM 3 and 4): numbers by name.

Every line of a tree must hold as many numbers as its leaves ask for, and its children must make one tree.
"""

from __future__ import annotations

import json
import re

from lockgate.scan.context import Context
from lockgate.scan.formats import text
from lockgate.scan.record import BytesFollowError, DamagedError
from lockgate.scan.schemas import load
from lockgate.scan.source import Source

MAGIC = b"tree\n"
_HEAD = 8 << 20
_LARGEST = 64 << 20  # bytes of a tree
_TAIL = 1 << 20
_WHOLE = re.compile(rb" *(?:-?\d+(?: +-?\d+)*)? *")  # a linear leaf without features is a blank
_REAL = rb"(?:-?(?:\d+(?:\.\d+)?(?:e[+-]\d+)?|inf|nan))"
_REALS = re.compile(rb" *(?:" + _REAL + rb"(?: +" + _REAL + rb")*)? *")
_NUMBER = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?")  # of JSON
_POSITIVE = rb"(?!-|0(?:\.0*)?(?:e|\Z| ))" + _REAL
# What stands behind the name of an objective, as each writes itself (``ToString`` of LightGBM's objectives).
_PLAIN = (
    *(
        b"regression",
        b"regression_l1",
        b"huber",
        b"fair",
        b"poisson",
        b"mape",
        b"gamma",
        b"tweedie",
        b"custom",
    ),
    *(b"cross_entropy", b"cross_entropy_lambda"),
)
_OBJECTIVES = {
    **dict.fromkeys(_PLAIN, rb"(?: sqrt)?"),
    **dict.fromkeys((b"lambdarank", b"rank_xendcg"), b""),
    b"quantile": rb"(?: sqrt)?(?: alpha:" + _POSITIVE + rb")?",
    b"binary": rb" sigmoid:" + _POSITIVE,
    b"multiclass": rb" num_class:(\d+)",
    b"multiclassova": rb" num_class:(\d+) sigmoid:" + _POSITIVE,
}
# Keys of a tree: whether whole numbers, and how many: by node, by leaf, or otherwise (0).
_NODE, _LEAF, _OTHER = "node", "leaf", "other"
_KEYS = {
    b"split_feature": (True, _NODE), b"split_gain": (False, _NODE), b"threshold": (False, _NODE),
    b"decision_type": (True, _NODE), b"left_child": (True, _NODE), b"right_child": (True, _NODE),
    b"leaf_value": (False, _LEAF), b"leaf_weight": (False, _LEAF), b"leaf_count": (True, _LEAF),
    b"internal_value": (False, _NODE), b"internal_weight": (False, _NODE), b"internal_count": (True, _NODE),
    b"cat_boundaries": (True, _OTHER), b"cat_threshold": (True, _OTHER), b"is_linear": (True, _OTHER),
    b"leaf_const": (False, _LEAF), b"num_features": (True, _LEAF), b"leaf_features": (True, _OTHER),
    b"leaf_coeff": (False, _OTHER), b"shrinkage": (False, _OTHER),
}  # fmt: skip
_NEEDED = (b"split_feature", b"threshold", b"decision_type", b"left_child", b"right_child")
_LINE = re.compile(rb"[\w.]+=")
_CONSTRAINTS = re.compile(rb"(?:\[[\d,]*\](?:,\[[\d,]*\])*)?")
_NO_BRACKETS = re.compile(rb"[^\[\]]*")
_INFO = re.compile(rb"none|\[" + _REAL + rb":" + _REAL + rb"\]|-?\d+(?::-?\d+)*")


def scan(source: Source, context: Context) -> None:
    """Judge a model: its head, a tree at each place where the head says, and its parameters."""
    context.record.met("LightGBM")
    if not text.is_text(source):
        raise BytesFollowError("has bytes that are no text", _end(source))
    head = source.read(0, _HEAD)
    sizes = re.search(rb"\ntree_sizes=([0-9 ]*)\n\n", head)
    if sizes is None:
        raise DamagedError("is no model of LightGBM, though it begins like one", 0)
    at = sizes.end()
    trees = [int(size) for size in sizes.group(1).split(b" ") if size]
    features = _head(head[: sizes.start() + 1], len(trees))
    for number, size in enumerate(trees):
        if size > _LARGEST:
            raise DamagedError("has a tree that is too large", at)
        _tree(source.exactly(at, size), number, features, at)
        at += size
    if source.size - at > _TAIL:
        raise DamagedError("has more after its trees than parameters", at)
    _tail(source.read(at, _TAIL), at)


def _end(source: Source) -> int:
    """Return where the text of a model ends."""
    tail = source.read(max(0, source.size - _TAIL), _TAIL)
    found = re.search(rb"\npandas_categorical:[^\n]*\n", tail)
    return source.size - len(tail) + found.end() if found else 0


def _head(head: bytes, trees: int) -> int:
    """Hold the head, and return how many features there are."""
    lines = head.split(b"\n")
    said = dict(line.partition(b"=")[::2] for line in lines[1:-1])
    known = re.fullmatch(rb"v[2-4]", said.get(b"version", b"")) and len(said) == len(lines) - 2
    counts = (b"num_class", b"num_tree_per_iteration", b"label_index", b"max_feature_idx")
    numbers = [said.get(key, b"") for key in counts]
    if lines[0] != b"tree" or not known or not all(re.fullmatch(rb"\d{1,9}", one) for one in numbers):
        raise DamagedError("has a head that cannot be read", 0)
    known_keys = {
        *counts,
        *(b"version", b"objective", b"average_output", b"feature_names", b"monotone_constraints"),
        b"feature_infos",
    }
    if said.keys() - known_keys:
        raise DamagedError("has a key in its head that is not known here", 0)
    features = int(numbers[3]) + 1
    infos = said.get(b"feature_infos", b"").split(b" ")
    if {len(said.get(b"feature_names", b"").split(b" ")), len(infos)} != {features}:
        raise DamagedError("has another number of features than names of them", 0)
    if not all(_INFO.fullmatch(one) for one in infos):
        raise DamagedError("has a range of a feature that is none", 0)
    if b"objective" in said:
        _objective(said[b"objective"], int(numbers[0]))
    if not int(numbers[0]) or int(numbers[0]) != int(numbers[1]) or trees % int(numbers[1]):
        raise DamagedError("has another number of trees than classes", 0)
    return features


def _objective(said: bytes, classes: int) -> None:
    name, _, _ = said.partition(b" ")
    rest = re.fullmatch(_OBJECTIVES.get(name, b"-"), said[len(name) :])
    if rest is None or (rest.groups() and int(rest.group(1)) != classes):
        raise DamagedError("has an objective that is not known here", 0)


def _tree(raw: bytes, number: int, features: int, at: int) -> None:
    lines = raw.split(b"\n")
    if lines[0] != b"Tree=%d" % number or lines[-3:] != [b"", b"", b""]:
        raise DamagedError("has no tree where its head says", at)
    said: dict[bytes, bytes] = {}
    for line in lines[1:-3]:
        key, equals, value = line.partition(b"=")
        if not equals or key in said or (key not in _KEYS and key not in (b"num_leaves", b"num_cat")):
            raise DamagedError("has a line in a tree that is not known here", at)
        said[key] = value
    counts = [said.pop(key, b"") for key in (b"num_leaves", b"num_cat")]
    if not all(re.fullmatch(rb"\d{1,9}", one) for one in counts) or counts[0] == b"0":
        raise DamagedError("has a tree without a number of leaves", at)
    leaves, categories = map(int, counts)
    for key, value in said.items():
        whole, by = _KEYS[key]
        count = {_NODE: leaves - 1, _LEAF: leaves}.get(by, -1)
        if not (_WHOLE if whole else _REALS).fullmatch(value):
            raise DamagedError(f"has something else than numbers for {key.decode()}", at)
        if count >= 0 and len(value.split()) != count and not (leaves == 1 and key != b"leaf_value"):
            raise DamagedError(f"has another number of numbers than its leaves for {key.decode()}", at)
    if b"leaf_value" not in said or b"shrinkage" not in said or (leaves > 1 and set(_NEEDED) - said.keys()):
        raise DamagedError("has a tree without a line that it needs", at)
    if leaves > 1:
        _shape(said, leaves, features, at)
    _others(said, leaves, categories, at)
    _linear(said, leaves, features, at)


def _shape(said: dict[bytes, bytes], leaves: int, features: int, at: int) -> None:
    """Hold that every node and leaf but the root is the child of one node."""
    children = sorted(int(one) for key in (b"left_child", b"right_child") for one in said[key].split())
    if children != [*range(-leaves, 0), *range(1, leaves - 1)]:
        raise DamagedError("has children that make no tree", at)
    pairs = zip(said[b"left_child"].split(), said[b"right_child"].split(), strict=True)
    if any(0 <= int(child) <= node for node, pair in enumerate(pairs) for child in pair):
        raise DamagedError("has children that make no tree", at)
    if any(not 0 <= int(one) < features for one in said[b"split_feature"].split()):
        raise DamagedError("has a split by a feature that is not there", at)
    if any(not 0 <= int(one) < 16 for one in said[b"decision_type"].split()):  # noqa: PLR2004 - four bits
        raise DamagedError("has a decision of no known kind", at)


def _others(said: dict[bytes, bytes], leaves: int, categories: int, at: int) -> None:
    bounds = [int(one) for one in said.get(b"cat_boundaries", b"").split()]
    words = said.get(b"cat_threshold", b"").split()
    ends = (bounds[0], bounds[-1]) == (0, len(words)) if bounds else False
    if categories and (len(bounds) != categories + 1 or bounds != sorted(bounds) or not ends):
        raise DamagedError("has categories of another number than their bounds", at)
    if not categories and (bounds or words):
        raise DamagedError("has categories of another number than their bounds", at)
    if leaves > 1 and categories != sum(int(one) & 1 for one in said[b"decision_type"].split()):
        raise DamagedError("has another number of categories than decisions by them", at)
    if leaves > 1 and any(
        not 0 <= float(place) < categories
        for place, kind in zip(said[b"threshold"].split(), said[b"decision_type"].split(), strict=True)
        if int(kind) & 1
    ):
        raise DamagedError("has a decision by categories that are not there", at)
    if len(said[b"shrinkage"].split()) != 1 or said.get(b"is_linear", b"0") not in (b"0", b"1"):
        raise DamagedError("has a tree without a rate", at)


def _linear(said: dict[bytes, bytes], leaves: int, features: int, at: int) -> None:
    """Hold the lines through the leaves of a linear tree, if it has any."""
    counts = [int(one) for one in said.get(b"num_features", b"").split()]
    used = [int(one) for one in said.get(b"leaf_features", b"").split()]
    if any(len(said[key].split()) != sum(counts) for key in (b"leaf_features", b"leaf_coeff") if key in said):
        raise DamagedError("has another number of coefficients than features", at)
    if any(one < 0 for one in counts) or any(not 0 <= one < features for one in used):
        raise DamagedError("has a coefficient of a feature that is not there", at)
    if said.get(b"is_linear") == b"1" and leaves > 1 and b"leaf_coeff" not in said:
        raise DamagedError("has a linear tree without coefficients", at)


def _tail(raw: bytes, at: int) -> None:
    head, mark, rest = raw.partition(b"\nparameters:\n")
    importance = rb"end of trees\n\nfeature_importances:\n(?:[^\n]+=" + _REAL + rb"\n)*"
    if not mark or not re.fullmatch(importance, head):
        raise DamagedError("ends before its trees do", at)
    parameters, end, last = rest.partition(b"\nend of parameters\n")
    if not end or not re.fullmatch(rb"(?:\[\w+: [^\n]*\](?:\n|\Z))*", parameters):
        raise DamagedError("ends before its parameters do", at)
    for name, value in re.findall(rb"\[(\w+): ([^\n]*)\]", parameters):
        _parameter(name.decode(), value, at)
    if last in (b"", b"\n"):
        return
    found = re.fullmatch(rb"\npandas_categorical:([^\n]*)\n", last)
    try:
        categories = json.loads(found.group(1)) if found else 0
    except (ValueError, RecursionError):
        categories = 0
    if categories is not None and not isinstance(categories, list):
        raise DamagedError("has something else than categories after its parameters", at)


def _parameter(name: str, value: bytes, at: int) -> None:
    """Hold that a parameter can be read as JSON, which LightGBM does when it loads a model."""
    if not (_CONSTRAINTS if name == "interaction_constraints" else _NO_BRACKETS).fullmatch(value):
        raise DamagedError(f"has a {name} that LightGBM cannot read", at)
    kind = load("lightgbm-parameters")["parameters"].get(name)
    if kind is None:
        try:
            json.loads(b'"%s"' % value)
        except ValueError:
            raise DamagedError(f"has a {name} that LightGBM cannot read", at) from None
    elif value and not all(map(_NUMBER.fullmatch, value.split(b",") if kind == "numbers" else [value])):
        raise DamagedError(f"has a {name} that is no number", at)
