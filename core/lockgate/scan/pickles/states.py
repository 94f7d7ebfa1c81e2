"""What objects ask of the state that they are filled with: without it, they cannot be unpickled."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lockgate.scan.pickles import contents
from lockgate.scan.pickles.values import INERT, LOST, NONE, Instance, Mapping
from lockgate.scan.record import DamagedError

ESTIMATOR = "estimator"  # a use of the lists: scikit-learn writes its own version into the state
_VERSION = "_sklearn_version"
_NUMBERS = re.compile(r"\d+\.\d")
_HOOKS = frozenset(
    [
        "training",
        "_parameters",
        "_buffers",
        "_modules",
        "_backward_hooks",
        "_forward_hooks",
        "_forward_pre_hooks",
    ]
)
_NEWER = frozenset(  # all since torch 2.0
    [
        *("_non_persistent_buffers_set", "_backward_pre_hooks", "_is_full_backward_hook"),
        *("_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs", "_state_dict_hooks"),
        *("_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"),
    ]
)
_FEW = 3
_PLACES = ("left_child", "right_child", "feature", "n_node_samples")
_NODE = dict.fromkeys(_PLACES, "i") | dict.fromkeys(
    ("threshold", "impurity", "weighted_n_node_samples"), "f8"
)
_LATER = {"missing_go_to_left": "u1"}  # since scikit-learn 1.3


def check(made: Instance, state: Any) -> None:
    """Hold the state of an object against what its class asks for.

    Raises:
        DamagedError: The class would refuse it.
    """
    rule = _estimator if ESTIMATOR in made.of.allowed else _RULES.get(made.of.path)
    if rule is None and made.of.module.startswith("torch.nn.modules"):
        rule = _module
    if isinstance(state, Mapping) and any(value is state for value in state.values()):
        raise DamagedError(f"an object of {made.of.path} gets its own attributes as one of them")
    if rule is None:
        return
    if isinstance(state, Mapping) and not state.whole:
        return
    if what := rule(made, state):
        raise DamagedError(f"an object of {made.of.path} {what}")


def _estimator(made: Instance, state: Any) -> str:  # noqa: ARG001 - a rule
    """``BaseEstimator.__getstate__`` has written the version since scikit-learn 0.18."""
    said = state.get(_VERSION) if isinstance(state, Mapping) and _VERSION in state[::2] else NONE
    known = said is INERT or said is LOST or (isinstance(said, str) and _NUMBERS.match(said))
    return "" if known else f"gets no {_VERSION}"


def _module(made: Instance, state: Any) -> str:  # noqa: ARG001 - a rule
    """``torch.nn.Module.__init__`` and ``__setstate__``: what has always been there, and what is newer."""
    if not isinstance(state, Mapping):
        return ""
    keys = {key for key in state[::2] if isinstance(key, str)}
    hooks = {key for key in keys if "_hooks" in key} - _HOOKS - _NEWER - {"_forward_hooks_always_called"}
    if "_modules" in keys or "_parameters" in keys or "_buffers" in keys:
        missing = _HOOKS - keys or (_NEWER - keys if len(_NEWER & keys) > len(_NEWER) - _FEW else set())
        if missing or hooks:
            return f"gets {min(hooks)}" if hooks else f"gets no {min(missing)}"
    return ""


def _tree(made: Instance, state: Any) -> str:
    """``Tree.__cinit__`` and ``__setstate__`` in sklearn/tree/_tree.pyx."""
    if not isinstance(state, Mapping):
        return "gets no nodes"
    held = dict(zip(state[::2], state[1::2], strict=True))
    if missing := [key for key in ("max_depth", "node_count", "nodes", "values") if key not in held]:
        return f"gets no {missing[0]}, which it needs"
    if not isinstance(made.args, tuple) or len(made.args) != 3:  # noqa: PLR2004 - said when it was called
        return ""
    _, classes, outputs = made.args
    said = contents.of(classes)
    if said and said.shape != (outputs,):
        return "has another number of outputs than of classes for them"
    nodes, values = contents.of(held["nodes"]), contents.of(held["values"])
    count = held["node_count"]
    if not isinstance(count, int) or not isinstance(held["max_depth"], int):
        return "has no number of nodes"
    if nodes is None or values is None:
        kept = (held["nodes"], held["values"])
        lost = all(isinstance(one, Instance) or one is INERT for one in kept)
        return "" if lost else "has nodes that are no array"
    if nodes.shape != (count,) or (count > 1 and "F" in (nodes.order, values.order)):
        return "has another number of nodes than it says"
    most = contents.numbers(said)
    if len(values.shape) != 3 or values.shape[:2] != (count, outputs):  # noqa: PLR2004
        return "has values of another shape than its nodes"
    if most and values.shape[2] != max(most):
        return "has values of another shape than its classes"
    if contents.code(values.type) not in ("<f8", ">f8", "=f8"):
        return "has values that are no numbers"
    return _nodes(nodes.type)


def _nodes(kind: Instance) -> str:
    """Hold the record that a node is, which may be of either order of bytes and width of a place."""
    if kind.nodes:
        return ""  # the same of many trees
    fields = kind.state[4] if isinstance(kind.state, tuple) and len(kind.state) > 4 else None  # noqa: PLR2004
    if not isinstance(fields, Mapping) or not fields.whole:
        return "has nodes that are no records"
    codes: dict[Any, str] = {}
    for name, field in zip(fields[::2], fields[1::2], strict=True):
        one = field[0] if isinstance(field, tuple) and field else None
        codes[name] = contents.code(one) if isinstance(one, Instance) else ""
    known = _NODE | (_LATER if _LATER.keys() <= codes.keys() else {})
    places = {codes.get(name, "")[1:] for name in _PLACES}
    orders = {code[:1] for code in codes.values()} - {"|"}
    right = all(kind == "i" or codes.get(name, "")[1:] == kind for name, kind in known.items())
    if codes.keys() != known.keys() or not right or places not in ({"i8"}, {"i4"}) or len(orders) != 1:
        return "has nodes of other fields than scikit-learn's"
    kind.nodes = True
    return ""


_GENERATOR = {"MT19937": ("key", "pos"), "SFC64": ("state",), "Philox": ("counter", "key")}
_GENERATOR |= dict.fromkeys(("PCG64", "PCG64DXSM"), ("state", "inc"))


def _random(made: Instance, state: Any) -> str:  # noqa: ARG001 - a rule
    """``RandomState.__setstate__`` and the setters of ``state`` of numpy's bit generators."""
    if isinstance(state, tuple):  # since NumPy 2, with the seed beside it
        state = state[0] if state else None
    if isinstance(state, Instance):
        return ""
    if not isinstance(state, Mapping) or not state.whole:
        return "gets no state" if not isinstance(state, Mapping) else ""
    name, inner = state.get("bit_generator"), state.get("state")
    if name not in _GENERATOR or not isinstance(inner, Mapping):
        return "gets the state of no bit generator"
    if missing := [key for key in _GENERATOR[name] if key not in inner[::2]]:
        return f"gets no {missing[0]}, which it needs"
    key = contents.of(inner.get("key")) if name == "MT19937" else None
    if key and (key.shape != (624,) or contents.code(key.type)[1:] != "u4"):
        return "gets a key of another size"
    return ""


_RULES: dict[str, Callable[[Instance, Any], str]] = {
    "sklearn.tree._tree.Tree": _tree,
    "numpy.random._pickle.__randomstate_ctor": _random,
    "numpy.random._pickle.__bit_generator_ctor": _random,
}
