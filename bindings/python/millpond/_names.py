"""Functions that go by name: a module's own, which the workers have, too."""

from __future__ import annotations

import pickle
import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any, Callable, Dict, Tuple

# The pickles of functions, which say a module and a name. To make one costs more than to pickle a call's arguments.
_references: Dict[Tuple[Any, str, str], bytes] = {}
# Where a worker has found them.
_places: Dict[bytes, Tuple[ModuleType, str, str]] = {}
# So many are kept, so that what makes functions for ever does not keep them.
KEPT = 1024


def reference(function: object) -> bytes:
    """The pickle of a function that is what its module has under its name; nothing for all else."""
    if type(function) is not FunctionType:
        return b""
    name, its_name = function.__module__, function.__qualname__
    module = sys.modules.get(name)
    if type(module) is not ModuleType or vars(module).get(its_name) is not function:
        return b""
    found = _references.get((function, name, its_name))
    if found is None:
        if len(_references) >= KEPT:
            _references.clear()
        found = _references[function, name, its_name] = pickle.dumps(function, pickle.HIGHEST_PROTOCOL)
    return found


def find(pickled: bytes) -> Callable[..., Any]:
    """The function of a reference, as its module has it now."""
    place = _places.get(pickled)
    if place is not None:
        module, name, its_name = place
        found = vars(module).get(its_name)
        if found is not None and sys.modules.get(name) is module:
            return found  # type: ignore[no-any-return]
    function: Callable[..., Any] = pickle.loads(pickled)
    # Here something else may be in its place, which is then looked for each time.
    if reference(function) == pickled:
        name = function.__module__
        _places[pickled] = (sys.modules[name], name, function.__qualname__)
    return function


class MainFunctions:
    """The functions of `__main__` as the workers of a pool know them, who have its memory of when it was made.

    A function that a notebook or an interactive session has defined since then, or defined anew, must go by value.
    """

    def __init__(self) -> None:
        self.known: dict[str, CodeType] = {}
        self.refresh()

    def refresh(self) -> None:
        """The workers are made from the program as it is now."""
        found = vars(sys.modules["__main__"]).items()
        self.known = {name: value.__code__ for name, value in list(found) if isinstance(value, FunctionType)}

    def lack(self, function: object) -> bool:
        """Whether the workers would not find this very function by its name."""
        if not isinstance(function, FunctionType) or function.__module__ != "__main__":
            return False
        name = function.__qualname__
        return "." not in name and self.known.get(name) is not function.__code__
