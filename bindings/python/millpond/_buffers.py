"""The memory of any object with the buffer protocol, for calls of the library."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_ssize_t, c_void_p
from types import TracebackType
from typing import Any

WRITABLE = 0x1
C_CONTIGUOUS = 0x38


class Py_buffer(ctypes.Structure):
    """As in CPython's headers, unchanged since Python 3.0."""

    _fields_ = (
        ("buf", c_void_p),
        ("obj", ctypes.py_object),
        ("len", c_ssize_t),
        ("itemsize", c_ssize_t),
        ("readonly", c_int),
        ("ndim", c_int),
        ("format", c_char_p),
        ("shape", POINTER(c_ssize_t)),
        ("strides", POINTER(c_ssize_t)),
        ("suboffsets", POINTER(c_ssize_t)),
        ("internal", c_void_p),
    )


_get = ctypes.pythonapi.PyObject_GetBuffer
_get.argtypes, _get.restype = [ctypes.py_object, POINTER(Py_buffer), c_int], c_int
_release = ctypes.pythonapi.PyBuffer_Release
_release.argtypes, _release.restype = [POINTER(Py_buffer)], None


class Buffer:
    """An object's memory, which stays where it is until `release()`.

    address, size: in bytes. count: how many items it has along its first dimension. item_size: of one of them.
    """

    def __init__(self, source: Any, what: str, writable: bool) -> None:
        self._view = Py_buffer()
        self._held = False
        try:
            _get(source, ctypes.byref(self._view), C_CONTIGUOUS | (WRITABLE if writable else 0))
        except TypeError:
            raise TypeError(f"{what} must have the buffer protocol, as arrays have; {_named(source)} has not") from None
        except (BufferError, ValueError) as failure:
            # What the exporter says differs from one to the other, and from version to version.
            need = "contiguous memory that can be written to" if writable else "contiguous memory"
            raise ValueError(f"{what} must have {need}; {_named(source)} says: {failure}") from None
        self._held = True
        if self._view.ndim == 0:
            self.release()
            raise ValueError(f"{what} must be an array; {_named(source)} is a single item")
        self.address = int(self._view.buf or 0)
        self.size = int(self._view.len)
        self.count = int(self._view.shape[0])
        self.item_size = self.size // self.count if self.count else int(self._view.itemsize)

    def release(self) -> None:
        if self._held:
            self._held = False
            _release(ctypes.byref(self._view))

    def __enter__(self) -> Buffer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _named(source: object) -> str:
    return f"{type(source).__module__}.{type(source).__qualname__}".replace("builtins.", "")
