"""Native functions over arrays: on threads without the interpreter lock, or in processes."""

from __future__ import annotations

import ctypes
import threading
from types import TracebackType
from typing import Any

from millpond import _declarations as c
from millpond._buffers import Buffer
from millpond._library import check, last_error, library

# The main thread waits in pieces of so many milliseconds, between which Python runs its signal handlers.
SLICE = 50
# What maps still borrow whose end nobody could wait for, being interrupted once more.
_lent: set[_Loan] = set()


# What every function of ctypes is.
_FunctionPointer: Any = c.pool_fn.__mro__[1]


class _Function:
    """A native function: its address, and what keeps it there."""

    def __init__(self, source: Any) -> None:
        self.source = _from_library(source) if isinstance(source, str) else source
        callable_ = self.source
        if isinstance(getattr(callable_, "address", None), int):  # numba's cfunc
            self.address = int(callable_.address)
            callable_ = getattr(callable_, "ctypes", None)
        elif isinstance(callable_, int) and not isinstance(callable_, bool):
            self.address = callable_
        elif isinstance(callable_, _FunctionPointer):
            self.address = ctypes.cast(callable_, ctypes.c_void_p).value or 0
        else:
            raise TypeError(
                "the function must be a function of ctypes, an address, numba's cfunc, or a text such as "
                f"'square in ./libwork.so'; not {type(source).__name__}"
            )
        if self.address <= 0:
            raise ValueError("the function's address is NULL")
        if isinstance(callable_, _FunctionPointer):
            _check_arguments(callable_)


def _from_library(text: str) -> Any:
    """`name in library`, or the name of a function of the program itself."""
    name, _, path = (part.strip() for part in text.partition(" in "))
    try:
        return getattr(ctypes.CDLL(path or None), name)
    except (OSError, AttributeError) as failure:
        raise LookupError(f"there is no function {text!r}: {failure}") from None


def _check_arguments(function: Any) -> None:
    """As far as its declaration goes, a function must be a pool_fn; most have none, and are taken as they are."""
    arguments = getattr(function, "argtypes", None) or getattr(type(function), "_argtypes_", None)
    if arguments is not None and len(arguments) != 3:
        raise TypeError(
            "the function must be int32_t (const void *arg, void *result, pool_task_t *task), "
            f"and this one takes {len(arguments)} arguments"
        )


def register_native(function: Any) -> None:
    """Says that the code of a function that was made at run time, as numba's cfunc is, stays where it is.

    Worker processes run such code only if it was registered before their pool was made. It is kept for ever.
    """
    native = _Function(function)
    check(library.pool_register_function(native.address))
    _registered.append(native)


_registered: list[_Function] = []


class NativeMaps:
    """What pools offer for native functions; `_engine` is the pool's Engine."""

    _engine: Any

    def map_native(self, function: Any, in_array: Any, out_array: Any = None, *, context: Any = None) -> None:
        """Calls a native function for each item of an array, on all workers; blocks until all is done.

        The function is `int32_t f(const void *arg, void *result, pool_task_t *task)`, as in `millpond.h`: it reads
        the item at `arg`, writes the item at `result`, and returns 0, or a positive code for failure. `task->index`
        is the item's number. On threads it runs without the interpreter lock.

        function: a function of a ctypes library, an address, numba's cfunc, or a text: "square in ./libwork.so".
        in_array, out_array: anything with the buffer protocol, contiguous and equally long: bytes, bytearray,
            array.array, memoryview, ctypes arrays, numpy's, shared_array. An item is what an index of the first
            dimension names: of a matrix, a row. out_array is written in place, and may be in_array. Either may be None,
            and the function gets a null pointer.
        context: what has the buffer protocol, and `task->context` points to. In processes it is a copy.

        In processes the function must be of the program, or of a library that was loaded when the pool was made;
        for code that was made at run time see register_native().

        Raises TaskFailed with the function's `code` for the failed item of the lowest number; nothing more is started
        after a failure.

        >>> import array, ctypes, millpond
        >>> double = ctypes.CDLL("./libwork.so").double_it  # doctest: +SKIP
        >>> numbers = array.array("d", range(1000))
        >>> with millpond.ThreadPool() as pool:  # doctest: +SKIP
        ...     pool.map_native(double, numbers, numbers)
        """
        engine = self._engine
        map_native(engine.handle, engine.mode == "processes", function, in_array, out_array, context)


def map_native(pool: int, processes: bool, function: Any, in_array: Any, out_array: Any, context: Any) -> None:
    """NativeMaps.map_native() on a pool_t."""
    if in_array is None and out_array is None:
        raise ValueError("in_array and out_array are both None: there is nothing to do")
    native = _Function(function)
    call = c.pool_call_t(struct_size=ctypes.sizeof(c.pool_call_t), fn=c.pool_fn(native.address))
    with _Loan(native) as loan:
        given = loan.buffer(in_array, "in_array", False)
        made = loan.buffer(out_array, "out_array", True)
        if given is not None and made is not None and given.count != made.count:
            raise ValueError(f"in_array has {given.count} items, and out_array {made.count}")
        count = given.count if given is not None else made.count if made is not None else 0
        call.arg_size, args = (given.item_size, given.address) if given is not None else (0, None)
        call.result_size, results = (made.item_size, made.address) if made is not None else (0, None)
        called_with = loan.buffer(context, "context", False)
        if called_with is not None and called_with.size:
            call.context = loan.copied(pool, called_with) if processes else called_with.address
        future = ctypes.byref(loan.future)
        check(library.pool_map_with_async(pool, ctypes.byref(call), args, results, None, count, future))
        _wait(loan.future)
        status = library.pool_future_status(loan.future)
        message = bytes(library.pool_future_message(loan.future)).decode(errors="replace")
    if status != c.POOL_OK:
        from millpond import errors

        raise errors.error(status, message)


class _Loan:
    """What a map borrows, until it has ended: an exception, Ctrl-C above all, can come at any moment before that."""

    def __init__(self, native: _Function) -> None:
        self.native = native
        self.future = ctypes.c_void_p()
        self.buffers: list[Buffer] = []
        self.shared: list[tuple[int, int]] = []

    def buffer(self, source: Any, what: str, writable: bool) -> Buffer | None:
        if source is None:
            return None
        self.buffers.append(Buffer(source, what, writable))
        return self.buffers[-1]

    def copied(self, pool: int, what: Buffer) -> int:
        """The address of a copy that worker processes can read."""
        memory = library.pool_shared_alloc(pool, what.size)
        if memory is None:
            from millpond import errors

            raise errors.OutOfMemory(last_error())
        self.shared.append((pool, memory))
        ctypes.memmove(memory, what.address, what.size)
        return int(memory)

    def __enter__(self) -> _Loan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # First of all: whatever interrupts this, the memory is kept.
        _lent.add(self)
        if self.future.value:
            if kind is not None:
                library.pool_future_cancel(self.future)
                _wait(self.future)
            library.pool_future_release(self.future)
        for pool, memory in self.shared:
            library.pool_shared_free(pool, memory)
        for buffer in self.buffers:
            buffer.release()
        _lent.discard(self)


def _wait(future: ctypes.c_void_p) -> None:
    """Waits such that Ctrl-C gets through."""
    if threading.current_thread() is not threading.main_thread():
        library.pool_future_wait(future, -1)
        return
    while library.pool_future_wait(future, SLICE) == c.POOL_ERR_TIMEOUT:
        pass
