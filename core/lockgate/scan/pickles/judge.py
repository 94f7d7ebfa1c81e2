"""Hold what a pickle wants to import, call and build against the lists; deny everything else.

An entry of the lists says how a thing may be used (see `lockgate.scan.lists`). Only things that are
imported by name may be called; what a pickle computes, it may not call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.pickles import arrays, frames, states
from lockgate.scan.pickles.arguments import JudgeBase, RefusedError
from lockgate.scan.pickles.calls import CALLS
from lockgate.scan.pickles.contents import WRAPPER
from lockgate.scan.pickles.values import (
    INERT,
    LIST,
    NONE,
    SET,
    Blob,
    Global,
    Instance,
    Items,
    Mapping,
    Unjudged,
    hashable,
)
from lockgate.scan.record import DamagedError

# Instances that have no attributes, items or methods of the file's choice for whoever is filled from them.
_PLAIN_STATES = ("numpy", "torch._utils", "torch._tensor")
_NAMED_TO_JOBLIB = frozenset(["array"])
_SLOTS = 2  # a state of a dict and of another, whose items become attributes one by one
_OF_SCRIPT = frozenset(["ref", "new", "call"])


class Judge(JudgeBase):
    """Judges one pickle, or several in a row; see `inside` for what lies in byte strings.

    Args:
        context: What is allowed, where hits go, and the place inside the file.
        persistent: What to do with persistent ids; without it they cannot be judged.
    """

    def __init__(self, context: Context, persistent: Callable[[Any, int], Any] | None = None) -> None:
        self.context = context
        self.lists = context.lists
        self.record = context.record
        self.persistent_id = persistent
        self.uses = 0  # calls, objects made and states set, whether allowed or not
        self.script = False  # TorchScript: read by torch's own unpickler, which imports nothing
        self.globals: dict[tuple[str, str], Global] = {}
        self.judged: dict[str, list[Any]] = {}  # for each class, names of attributes without fault
        self.named_to_joblib = False  # whether a class is among the globals that may only be named to it

    def hit(self, rule: str, severity: str, message: str, offset: int, name: str = "") -> Unjudged:
        """Record a hit and return what stands for the value."""
        self.record.hit(rule, severity, message, member=self.context.member, offset=offset, name=name)
        return Unjudged()

    def odd(self, what: str, offset: int) -> None:
        """Note what no pickler writes, though some unpicklers read it; the file is not safe then."""
        self.record.cannot(what, self.context.member, offset)

    # --- Imports -------------------------------------------------------------------------------------

    def resolve(self, module: Any, name: Any, proto: int, offset: int) -> Any:
        """Judge GLOBAL, STACK_GLOBAL and the import of INST."""
        if not (isinstance(module, str) and isinstance(name, str)):
            return self.hit("LG-SCAN-004", "CRITICAL", "Imports something whose name is computed.", offset)
        if proto < 3:  # noqa: PLR2004 - names of Python 2, as find_class renames them
            module, name = _renamed(module, name)
        found = self.globals.get((module, name))
        if found is None:
            found = Global(module, name, self._uses(module, name))
            self.globals[module, name] = found
            self.named_to_joblib |= found.allowed == _NAMED_TO_JOBLIB
            if not found.allowed:
                rule, severity, why = self.lists.denied(module, name)
                self.hit(rule, severity, f"Imports {found.path}, {why}.", offset, found.path)
        return found

    def _uses(self, module: str, name: str) -> frozenset[str]:
        if self.script and (module == "__torch__" or module.startswith("__torch__.")):
            return _OF_SCRIPT
        if self.script and module == "torch.jit._pickle":
            return _OF_SCRIPT if name.startswith(("build_", "restore_type_tag")) else frozenset()
        return self.lists.allowed(module, name)

    def extension(self, code: int, offset: int) -> Any:
        """Judge EXT1, EXT2 and EXT4, whose meaning is a table of the process that loads."""
        message = f"Imports whatever the loading process has registered as extension {code}."
        return self.hit("LG-SCAN-005", "CRITICAL", message, offset)

    def persistent(self, pid: Any, offset: int) -> Any:
        """Judge PERSID and BINPERSID."""
        if self.persistent_id is None:
            self.record.cannot(
                "refers to objects outside of the file (persistent ids)", self.context.member, offset
            )
            return Unjudged()
        return self.persistent_id(pid, offset)

    # --- Calls ---------------------------------------------------------------------------------------

    def call(self, func: Any, args: Any, offset: int) -> Any:
        """Judge REDUCE."""
        self.uses += 1
        if isinstance(func, Unjudged):
            return func
        if not isinstance(func, Global):
            return self.hit("LG-SCAN-004", "CRITICAL", "Calls something that is computed.", offset)
        if not func.allowed:
            return Unjudged()  # reported where it was imported
        if "call" not in func.allowed:
            message = f"Calls {func.path}, which may be named but not called."
            return self.hit("LG-SCAN-003", "HIGH", message, offset, func.path)
        condition = CALLS.get(func.path) or CALLS.get(f"*.{func.name}" if func.name == "newObj" else "")
        if condition is None and func.name.startswith("__pyx_unpickle_"):
            condition = CALLS["__pyx_unpickle_*"]
        if condition is None:
            return Instance(func, args)
        try:
            return condition(self, func, args, offset)
        except RefusedError as error:
            return self.hit("LG-SCAN-003", "HIGH", f"Calls {func.path} {error}.", offset, func.path)
        except DamagedError as error:
            self.odd(str(error), offset)  # and what comes after may still be unsafe
            return Instance(func, args)

    def instantiate(self, cls: Any, args: tuple[Any, ...], offset: int) -> Any:
        """Judge INST and OBJ: a bare object without arguments, a call with them."""
        if isinstance(cls, Global) and not args and "new" in cls.allowed:
            return Instance(cls)
        return self.call(cls, args, offset)

    def new(self, cls: Any, args: Any, offset: int, kwargs: Any = INERT) -> Any:
        """Judge NEWOBJ and NEWOBJ_EX."""
        self.uses += 1
        if isinstance(cls, Unjudged):
            return cls
        if not isinstance(cls, Global):
            return self.hit("LG-SCAN-004", "CRITICAL", "Makes an object of a class that is computed.", offset)
        if not cls.allowed:
            return Unjudged()
        if "new" not in cls.allowed:
            message = f"Makes an object of {cls.path}, which may only be named."
            return self.hit("LG-SCAN-003", "HIGH", message, offset, cls.path)
        if cls.path in arrays.CLASSES or cls.path in arrays.SCALARS:
            message = f"Makes an object of {cls.path} by itself, which takes buffers, files and text."
            return self.hit("LG-SCAN-003", "HIGH", message, offset, cls.path)
        if isinstance(kwargs, Mapping) and kwargs.find_special():
            return self.hit("LG-SCAN-003", "HIGH", "Gives a class a special argument.", offset, cls.path)
        return Instance(cls, args)

    # --- Objects -------------------------------------------------------------------------------------

    def build(self, made: Any, state: Any, offset: int) -> None:
        """Judge BUILD: what an object is given as its attributes."""
        self.uses += 1
        if isinstance(made, Unjudged):
            return
        if isinstance(made, Global):
            message = f"Sets attributes of {made.path} itself."
            self.hit("LG-SCAN-003", "CRITICAL", message, offset, made.path)
            return
        if not isinstance(made, Instance):
            raise DamagedError("the pickle gives a state to something that has none", offset)
        if arrays.is_dtype(made) and made.state is not INERT:
            message = "Changes a type of NumPy after it was used."
            self.hit("LG-SCAN-003", "CRITICAL", message, offset, made.of.path)
            return
        made.state = state
        self.attributes(made.of.path, state, offset)
        try:
            states.check(made, state)
            if arrays.is_dtype(made):
                arrays.dtype_state(made, state)
            elif made.of.path in arrays.CLASSES:
                arrays.array_state(made, state)
        except RefusedError as error:
            self.hit("LG-SCAN-003", "HIGH", f"Fills {made.of.path} {error}.", offset, made.of.path)
        except DamagedError as error:
            self.odd(str(error), offset)

    def attributes(self, path: str, state: Any, offset: int) -> None:
        """Judge what is going to be the attributes of an object, or is handed to its ``__setstate__``."""
        parts = state if isinstance(state, tuple) else (state,)
        for part in parts if len(parts) <= _SLOTS else ():
            if isinstance(part, Instance) and not (
                part.of.module.startswith(_PLAIN_STATES) or (len(parts) > 1 and frames.is_pair(path, part))
            ):
                # __setstate__ asks its state for items; an object can answer by attributes of its own.
                self.hit("LG-SCAN-003", "HIGH", f"Fills {path} from an object.", offset, path)
        for part in parts:
            if isinstance(part, Mapping):
                part.state = True
                self._names(path, part, offset)
                if self.named_to_joblib and path != WRAPPER:
                    self._values(path, part, offset)

    def _names(self, path: str, state: Mapping, offset: int) -> None:
        """Judge the names of attributes: none that Python calls, none twice, and none that is missing."""
        keys = state[::2]
        if keys == self.judged.get(path) and state.whole:
            return  # the next of many objects of one class
        special = self._special(state, offset)
        if not state.whole:
            return
        names = [key for key in keys if isinstance(key, str)]
        if len(set(names)) != len(names):
            self.odd("an object gets an attribute twice", offset)
        if any(key is LIST or key is NONE or isinstance(key, (Mapping, Blob, tuple)) for key in keys):
            self.odd("an object gets an attribute whose name is no text", offset)
        if len(names) == len(keys) and not special:
            self.judged[path] = keys

    def _values(self, path: str, state: Mapping, offset: int) -> None:
        """Judge what becomes attributes: no class that may only be named to joblib."""
        for value in state.values():
            if isinstance(value, Global) and value.allowed == _NAMED_TO_JOBLIB:
                message = f"Gives {path} the class {value.path}, which opens files when it is called."
                self.hit("LG-SCAN-003", "HIGH", message, offset, value.path)

    def append(self, target: Any, offset: int) -> None:
        """Judge APPEND and APPENDS."""
        if not isinstance(target, Items) or target is SET:
            self._may(target, "append", offset)

    def additems(self, target: Any, offset: int) -> None:
        """Judge ADDITEMS."""
        if target is not SET:
            self._may(target, "add", offset)

    def setitems(self, target: Any, items: list[Any], offset: int, *, keep: bool = True) -> None:
        """Judge SETITEM and SETITEMS."""
        if isinstance(target, Mapping):
            if target.sealed:
                self.hit("LG-SCAN-003", "CRITICAL", "Changes the fields of a type after it was used.", offset)
            target.put(items, keep=keep)
            if not all(map(hashable, items[::2])):
                self.odd("a dict gets a key that can be none", offset)
            if target.state:
                self._special(target, offset)
        else:
            self._may(target, "setitem", offset)
            if not all(map(hashable, items[::2])) and isinstance(target, Instance):
                self.odd("an object gets a key that can be none", offset)

    def _may(self, target: Any, use: str, offset: int) -> None:
        if isinstance(target, Unjudged):
            return
        if isinstance(target, (Instance, Global)):
            of = target.of if isinstance(target, Instance) else target
            if isinstance(target, Instance) and use in of.allowed:
                return
            message = f"Has {of.path} take items, by a method of its own."
            self.hit("LG-SCAN-003", "HIGH", message, offset, of.path)
            return
        raise DamagedError("the pickle gives items to something that takes none", offset)

    def _special(self, state: Mapping, offset: int) -> str:
        special = state.find_special()
        if special:
            message = "Gives an object an attribute that Python itself calls or reads."
            self.hit("LG-SCAN-003", "CRITICAL", message, offset, special)
        return special


def _renamed(module: str, name: str) -> tuple[str, str]:
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name
