"""How Python objects cross between processes: pickle protocol 5, buffers beside the pickle, closures if possible.

A message is a pickle, or, where the object holds buffers (arrays of numpy do), a head, the pickle and the buffers as
they are, or references to them: each is copied once when the message is made and at most once when it is read.
"""

from __future__ import annotations

import copyreg
import functools
import importlib
import io
import os
import pickle
import struct
import threading
from multiprocessing.reduction import ForkingPickler
from typing import Any

from millpond import _host

PROTOCOL = 5
# As malloc's: for buffers that are read where they are.
ALIGNMENT = 16
# From so many bytes on, a buffer of a call lies outside the message, in memory that the worker maps: it is copied once,
# and each page a second time if the task writes to it. Each such block costs two descriptors.
HUGE = 1024 * 1024
OUTSIDE_AT_ONCE = 64
OUTSIDE = 1 << 63
# A pickler that has written so much is not kept for the next message: it has grown.
LARGE = 64 * 1024
# A pickle begins with 0x80; a message with buffers has a zero there, and their number in the other seven bytes.
HEAD = struct.Struct("<Q")


@functools.lru_cache(maxsize=None)
def cloudpickle() -> Any:
    """The module, or None where it is not installed; imported when first needed."""
    try:
        return importlib.import_module("cloudpickle")
    except ImportError:
        return None


class Message(bytes):
    """A message that lends something, such as a shared array, to whoever reads it: keep it until it has been read."""

    lent: list[object]

    def __reduce__(self) -> tuple[Any, ...]:
        for thing in self.lent:
            lend(thing)
        return bytes, (bytes(self),)


class _Hand:
    """What a thread makes messages with, one at a time."""

    __slots__ = ("lent", "scribe")

    def __init__(self) -> None:
        # What the message that is being made has lent so far.
        self.lent: list[object] | None = None
        # A pickler that may be used once more, which is cheaper than a new one.
        self.scribe: _Scribe | None = None


class _Hands(threading.local):
    """Each thread's."""

    def __init__(self) -> None:
        self.own = _Hand()


_hands = _Hands()


def lend(thing: object) -> None:
    """Keeps an object alive as long as the message that is being made; called by the object's `__reduce__`."""
    lent = _hands.own.lent
    if lent is not None:
        lent.append(thing)


class _Dispatch:
    """How types are pickled that say nothing themselves: copyreg's table with multiprocessing's reducers."""

    def __init__(self) -> None:
        self.table: dict[Any, Any] = {}
        self.seen = (-1, -1)

    def current(self) -> dict[Any, Any]:
        now = (len(copyreg.dispatch_table), len(_extra))
        if now != self.seen:
            # A plain dict is looked into by the pickler itself; multiprocessing's ChainMap is not.
            self.table = {**copyreg.dispatch_table, **_extra}
            self.seen = now
        return self.table


_extra: dict[Any, Any] = getattr(ForkingPickler, "_extra_reducers", {})
_dispatch = _Dispatch()


class _Scribe:
    """A pickler, what it has written, and the buffers that it leaves out."""

    __slots__ = ("buffers", "pickler", "table", "write", "written")

    def __init__(self) -> None:
        self.written = bytearray()
        self.buffers: list[pickle.PickleBuffer] = []
        # The pickler's file is this: what has no other method than to write. It copies at once: a large bytearray comes
        # as it is, and may have grown when the pickler is done, beyond the size that it has written down.
        self.write = self.written.extend
        self.pickler = pickle.Pickler(self, PROTOCOL, buffer_callback=self.buffers.append)
        self.table: dict[Any, Any] = {}


def _plain(obj: object, hand: _Hand) -> bytes:
    scribe = hand.scribe or _Scribe()
    # What is pickled may make a message of its own meanwhile; and what has failed is not used again.
    hand.scribe = None
    table = _dispatch.current()
    if scribe.table is not table:
        scribe.table = scribe.pickler.dispatch_table = table
    scribe.pickler.dump(obj)
    data = bytes(scribe.written)
    if scribe.buffers:
        return _joined(data, scribe.buffers)
    if len(data) < LARGE:
        scribe.pickler.clear_memo()
        scribe.written.clear()
        hand.scribe = scribe
    return data


def _by_value(obj: object) -> bytes:
    stream = io.BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    cloudpickle().Pickler(stream, PROTOCOL, buffers.append).dump(obj)
    return _joined(stream.getvalue(), buffers) if buffers else stream.getvalue()


def _packed(obj: object, by_value: bool, hand: _Hand) -> bytes:
    if by_value and cloudpickle() is not None:
        return _by_value(obj)
    try:
        return _plain(obj, hand)
    except (pickle.PicklingError, AttributeError, TypeError):
        if cloudpickle() is None:
            raise
        try:
            return _by_value(obj)
        except Exception:
            pass
        # What pickle itself says is what a user of multiprocessing knows.
        raise


def dumps(obj: object, by_value: bool = False) -> bytes:
    """An object as a message. What pickle refuses (a lambda, a function inside another) goes through cloudpickle, if
    that is installed; with `by_value` all functions and classes of `__main__` do."""
    hand = _hands.own
    outer = hand.lent
    lent: list[object] = []
    hand.lent = lent
    try:
        data = _packed(obj, by_value, hand)
    finally:
        hand.lent = outer
    if not lent:
        return data
    message = Message(data)
    message.lent = lent
    return message


def _joined(data: bytes, buffers: list[pickle.PickleBuffer]) -> bytes:
    sizes = [len(data)]
    whole: list[bytes | memoryview] = [data]
    for buffer in buffers:
        view = buffer.raw()  # pickle takes none that lies in pieces
        reference = _outside(view) if view.nbytes >= HUGE else None
        whole.append(view if reference is None else reference)
        sizes.append(view.nbytes if reference is None else len(reference) | OUTSIDE)
    head = HEAD.pack(len(buffers) << 8) + b"".join(map(HEAD.pack, sizes))
    parts: list[bytes | memoryview] = [head]
    at = len(head)
    for part in whole:
        padding = -at % ALIGNMENT
        parts += [bytes(padding), part]
        at += padding + len(part)
    return b"".join(parts)


def _outside(view: memoryview) -> bytes | None:
    """A reference to a copy of a buffer in memory that workers can open; None where it must go with the message."""
    from millpond import _blocks  # which lends by this module

    # What a worker sends may never be read, and nobody but its reader would remove it.
    if os.getpid() != _host.pid or _blocks.count() >= OUTSIDE_AT_ONCE:
        return None
    try:
        block = _blocks.create(view.nbytes)
    except OSError:
        return None
    block.memory[: view.nbytes] = view
    return pickle.dumps(block.reference(), PROTOCOL)


def loads(message: bytes | memoryview, copy: bool = True) -> Any:
    """The object of a message. Without `copy` its buffers stay where they are, and keep the memory's owner, the object
    behind the memoryview, alive."""
    view = memoryview(message)
    if len(view) == 0 or view[0] != 0:
        return pickle.loads(view)
    count = HEAD.unpack_from(view)[0] >> 8
    at = HEAD.size * (count + 2)
    parts: list[Any] = []
    for (size,) in HEAD.iter_unpack(view[HEAD.size : at]):
        at += -at % ALIGNMENT
        part = view[at : at + (size & ~OUTSIDE)]
        at += size & ~OUTSIDE
        if size & OUTSIDE:
            from millpond import _blocks

            parts.append(_blocks.copied(*pickle.loads(part)))
        else:
            parts.append(bytearray(part) if copy and parts else part)
    if at != len(view):
        raise pickle.UnpicklingError(f"a message of {at} bytes has {len(view)}")
    return pickle.loads(parts[0], buffers=parts[1:])
