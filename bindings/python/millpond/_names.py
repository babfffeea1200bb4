"""Functions that go by name: a module's own, which the workers have, too."""

from __future__ import annotations

import pickle
import sys
from types import CodeType, FunctionType
from typing import Any, Callable, Dict, Tuple

# The pickles of functions, which say a module and a name. To make one costs more than to pickle a call's arguments.
_references: Dict[Any, bytes] = {}
# Where a worker has found them: the module's names, and the one of the function.
_places: Dict[bytes, Tuple[Dict[str, Any], str]] = {}
# So many are kept, so that what makes functions for ever does not keep them.
KEPT = 1024


def reference(function: object) -> bytes:
    """The pickle of a function that is what its module has under its name; nothing for all else."""
    if type(function) is not FunctionType:
        return b""
    module = sys.modules.get(function.__module__)
    if module is None or vars(module).get(function.__qualname__) is not function:
        return b""
    found = _references.get(function)
    if found is None:
        if len(_references) >= KEPT:
            _references.clear()
        found = _references[function] = pickle.dumps(function, pickle.HIGHEST_PROTOCOL)
    return found


def find(pickled: bytes) -> Callable[..., Any]:
    """The function of a reference, as its module has it now."""
    place = _places.get(pickled)
    if place is not None and place[1] in place[0]:
        return place[0][place[1]]  # type: ignore[no-any-return]
    function: Callable[..., Any] = pickle.loads(pickled)
    names = vars(sys.modules[function.__module__])
    if names.get(function.__name__) is function:
        _places[pickled] = (names, function.__name__)
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
