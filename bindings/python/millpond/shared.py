"""Arrays that cross between processes without a copy."""

from __future__ import annotations

import copy
import ctypes
import functools
import math
import operator
import sys
from typing import TYPE_CHECKING, Any, Tuple

from millpond import _blocks

BY_CODE: dict[str, Any] = {
    kind._type_: kind
    for kind in (
        ctypes.c_byte,
        ctypes.c_ubyte,
        ctypes.c_short,
        ctypes.c_ushort,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_long,
        ctypes.c_ulong,
        ctypes.c_longlong,
        ctypes.c_ulonglong,
        ctypes.c_float,
        ctypes.c_double,
        ctypes.c_bool,
    )
}
BY_NAME = {
    "int8": ctypes.c_int8,
    "int16": ctypes.c_int16,
    "int32": ctypes.c_int32,
    "int64": ctypes.c_int64,
    "uint8": ctypes.c_uint8,
    "uint16": ctypes.c_uint16,
    "uint32": ctypes.c_uint32,
    "uint64": ctypes.c_uint64,
    "float32": ctypes.c_float,
    "float64": ctypes.c_double,
    "bool": ctypes.c_bool,
}
BY_TYPE = {float: ctypes.c_double, int: ctypes.c_int64, bool: ctypes.c_bool}
ARRAYS: Any = type(ctypes.Array)

Shape = Tuple[int, ...]

if TYPE_CHECKING:
    _Array = ctypes.Array[Any]
else:
    # Each type and shape has a class of its own below, which is an array of ctypes besides.
    _Array = object


class SharedArray(_Array):
    """An array in memory that processes share: what shared_array() returns.

    It is an array of ctypes, with its indices, slices and buffer: `memoryview(array)`, `numpy.asarray(array)` and
    `bytes(array)` read the memory itself. A pickle of it is a reference to that memory, and so is a copy in a task.
    """

    dtype: str
    shape: Shape

    @property
    def nbytes(self) -> int:
        return ctypes.sizeof(self)

    @property
    def buffer(self) -> memoryview:
        """The memory as a memoryview that can be indexed."""
        if self.nbytes == 0:
            return memoryview(self)
        view = memoryview(self).cast("B")
        if not self.dtype:
            return view
        indexed: memoryview = view.cast(self.dtype, self.shape)  # type: ignore[call-overload]
        return indexed

    def numpy(self) -> Any:
        """The memory as an array of numpy, which keeps it alive."""
        import numpy

        return numpy.asarray(self)

    def tolist(self) -> Any:
        """The numbers in lists."""
        return _listed(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _attached, (self._block.reference(), self._kind, self.shape)

    def __copy__(self) -> SharedArray:
        return shared_array(self, self._kind)

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedArray:
        return copy.copy(self)

    def __repr__(self) -> str:
        return f"<shared_array of {' x '.join(map(str, self.shape))} {self._kind.__name__}>"

    _block: _blocks.Block
    _kind: Any


def shared_array(source: Any, dtype: Any = None) -> SharedArray:
    """An array in memory that processes share, to be sent to tasks and returned by them without a copy.

    source: how many numbers, all zero; or a shape, a tuple such as (100, 3); or anything with the buffer protocol, or
        an iterable of numbers, which is copied.
    dtype: what its items are, by default float, or as in the source. A code of the `array` module such as "d", a name
        such as "int32", float, int or bool, a type of ctypes (a Structure too), or one of numpy.

    The memory is given back when the last array, memoryview or numpy array on it is gone. While a task has it, both
    sides see what either writes; nothing but your tasks' order keeps them apart.

    >>> import millpond
    >>> numbers = millpond.shared_array([1, 2, 3])
    >>> numbers[0] = 5
    >>> list(numbers), numbers.shape, numbers.dtype
    ([5.0, 2.0, 3.0], (3,), 'd')
    """
    shape = _as_shape(source)
    if shape is not None:
        return _made(_kind(float if dtype is None else dtype), shape)
    try:
        view = memoryview(source)
    except TypeError:
        kind = _kind(float if dtype is None else dtype)
        numbers = list(source)
        array = _made(kind, (len(numbers),))
        array[:] = numbers
        return array
    kind = _kind_of(view) if dtype is None else _kind(dtype)
    if view.itemsize != ctypes.sizeof(kind):
        raise ValueError(f"items of {view.itemsize} bytes are no {kind.__name__}")
    array = _made(kind, view.shape or (1,))
    if view.nbytes:
        memoryview(array).cast("B")[:] = view.cast("B") if view.c_contiguous else view.tobytes()
    return array


def _as_shape(source: Any) -> Shape | None:
    """The shape that a number, or a tuple of numbers, says."""
    if isinstance(source, tuple):
        shape = tuple(operator.index(length) for length in source)
    else:
        try:
            shape = (operator.index(source),)
        except TypeError:
            return None
    if any(length < 0 for length in shape) or not shape:
        raise ValueError(f"a shared array cannot have the shape {shape}")
    return shape


def _kind(dtype: Any) -> Any:
    """The type of ctypes that is meant."""
    if isinstance(dtype, type) and issubclass(dtype, (ctypes._SimpleCData, ctypes.Structure, ctypes.Union)):
        return dtype
    found = BY_TYPE.get(dtype) if isinstance(dtype, type) else None
    if isinstance(dtype, str):
        found = BY_CODE.get(dtype) or BY_NAME.get(dtype)
    if found is None and "numpy" in sys.modules:
        try:
            return sys.modules["numpy"].ctypeslib.as_ctypes_type(dtype)
        except (TypeError, NotImplementedError):
            pass
    if found is None:
        raise TypeError(f"{dtype!r} is no type of a shared array; 'd', 'int32', float and ctypes.c_double are")
    return found


def _kind_of(view: memoryview) -> Any:
    """The type of ctypes for a buffer's items."""
    code = view.format.lstrip("@=<") if sys.byteorder == "little" else view.format.lstrip("@=>")
    if code in {"f", "d", "?"}:
        return BY_CODE[code]
    if code in set("bhilqn"):
        return BY_NAME[f"int{8 * view.itemsize}"]
    if code in set("BHILQNc"):
        return BY_NAME[f"uint{8 * view.itemsize}"]
    raise TypeError(f"what items of the format {view.format!r} are, dtype must say")


def _made(kind: Any, shape: Shape) -> SharedArray:
    return _over(_blocks.create(math.prod(shape) * ctypes.sizeof(kind)), kind, shape)


def _attached(reference: _blocks.Reference, kind: Any, shape: Shape) -> SharedArray:
    return _over(_blocks.attach(*reference), kind, shape)


def _over(block: _blocks.Block, kind: Any, shape: Shape) -> SharedArray:
    array: SharedArray = _class(kind, shape).from_buffer(block.memory)
    # The memory lives as long as the array; the block, as long as it can be referred to.
    array._block = block
    return array


@functools.lru_cache(maxsize=1024)
def _class(kind: Any, shape: Shape) -> Any:
    inner = kind
    for length in reversed(shape[1:]):
        inner = inner * length
    code = kind._type_ if issubclass(kind, ctypes._SimpleCData) else ""
    fields = {"_type_": inner, "_length_": shape[0], "_kind": kind, "dtype": code, "shape": shape}
    return ARRAYS("shared_array", (SharedArray, ctypes.Array), fields)


def _listed(part: Any) -> Any:
    return [_listed(item) for item in part] if isinstance(part, ctypes.Array) else part
