"""How calls and outcomes become bytes, as messages (see _pickling), and how they are read where they lie."""

from __future__ import annotations

import ctypes
import pickle
from io import BytesIO
from typing import Any, List

from millpond import _pickling
from millpond._pickling import MainFunctions as MainFunctions

# From so many bytes on, what lies in the library's memory is read there, and not copied first.
LARGE = 1 << 16

PROTOCOL = _pickling.PROTOCOL
lending = _pickling._lending
dispatch = _pickling._dispatch
loads = _pickling.loads

_view = ctypes.pythonapi.PyMemoryView_FromMemory
_view.restype, _view.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int]
_READ = 0x100


class Pickler(pickle.Pickler):
    """As _pickling's, but that its table is the class's: half of the time of a small message was to set it anew."""

    dispatch_table = dispatch.current()


def dumps(obj: object, by_value: bool = False) -> bytes:
    """An object as a message. One without buffers, as most are, takes a way that is twice as quick."""
    if by_value:
        return _pickling.dumps(obj, True)
    table = dispatch.current()
    if table is not Pickler.dispatch_table:
        Pickler.dispatch_table = table
    outer = lending.objects
    lent: List[Any] = []
    lending.objects = lent
    buffers: List[Any] = []
    stream = BytesIO()
    try:
        Pickler(stream, PROTOCOL, buffer_callback=buffers.append).dump(obj)
    except Exception:
        # Whatever it was, the slow way knows more types, or says it again.
        buffers.append(None)
    finally:
        lending.objects = outer
    return _pickling.dumps(obj) if buffers or lent else stream.getvalue()


def loads_at(address: int, size: int) -> Any:
    """The object of a message that lies in the library's memory. It keeps nothing of that."""
    if size < LARGE:
        return loads(ctypes.string_at(address, size))
    return loads(_view(address, size, _READ))
