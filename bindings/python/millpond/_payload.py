"""How calls and outcomes become bytes, as messages (see _pickling), and how they are read where they lie."""

from __future__ import annotations

import ctypes
from typing import Union

from millpond._names import MainFunctions as MainFunctions
from millpond._names import find as find
from millpond._names import reference as reference
from millpond._pickling import dumps as dumps
from millpond._pickling import loads as loads

# From so many bytes on, what lies in the library's memory is read there, and not copied first.
LARGE = 1 << 16

# How a message begins that is nothing but a pickle, whose end can be seen.
FIRST = 0x80

_view = ctypes.pythonapi.PyMemoryView_FromMemory
_view.restype, _view.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int]
_READ = 0x100


def message_at(address: int, size: int) -> Union[bytes, memoryview]:
    """A message that lies in the library's memory: what is made of it keeps nothing of that."""
    return _view(address, size, _READ) if size >= LARGE else ctypes.string_at(address, size)
