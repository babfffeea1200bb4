"""Memory that processes share, found by reference from one that has it to one that has not.

The program's blocks are files without a name, which its workers open through `/proc` as long as the program holds them.
A worker may be gone when its result is read: its blocks are files with names, one for each message, which the reader
removes; what nobody has read is removed when the program ends.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import mmap
import os
import tempfile
import weakref
from pathlib import Path
from typing import Callable, Tuple, Union

from millpond import _host, _pickling

FOLDER = Path("/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir())

# A file's device and inode.
Key = Tuple[int, int]
# Where a block can be opened: a path, or a process and a descriptor of it.
Place = Union[str, Tuple[int, int]]
# A block's key, its size, and its place.
Reference = Tuple[Key, int, Place]

_numbers = itertools.count()


def _fresh_name() -> Path:
    return FOLDER / f"{_host.prefix}{os.getpid()}-{next(_numbers)}"


class Block:
    """A file in memory and its mapping. It is closed when nothing refers to it any more, views of it included."""

    def __init__(self, descriptor: int, size: int, name: Path | None = None) -> None:
        # A mapping of no bytes is refused, and so each block has one at least.
        self.memory = mmap.mmap(descriptor, max(size, 1))
        self.size = size
        self.name = name
        self.pid = os.getpid()
        status = os.fstat(descriptor)
        self.key = (status.st_dev, status.st_ino)
        # From here on the descriptor is the block's to close.
        self._descriptor = descriptor
        _here[self.key] = self

    def __del__(self, close: Callable[[int], None] = os.close, unlink: Callable[[Path], None] = os.unlink) -> None:
        if not hasattr(self, "_descriptor"):
            return
        close(self._descriptor)
        if self.name is not None and self.pid == os.getpid():
            with contextlib.suppress(FileNotFoundError):
                unlink(self.name)

    def reference(self) -> Reference:
        """What finds this block in another process, called when a message is made."""
        if os.getpid() != _host.pid and self.name is not None:
            name = _fresh_name()
            os.link(self.name, name)
            return self.key, self.size, str(name)
        _pickling.lend(self)
        return self.key, self.size, (self.pid, self._descriptor)


_here: weakref.WeakValueDictionary[Key, Block] = weakref.WeakValueDictionary()


def create(size: int) -> Block:
    """A block of zeros."""
    name: Path | None = None
    if os.getpid() == _host.pid and hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("millpond", os.MFD_CLOEXEC)
    else:
        name = _fresh_name()
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if os.getpid() == _host.pid:
            os.unlink(name)
            name = None
    try:
        # All of it is there now: a full file system, or no memory, is an error here and no signal later.
        os.posix_fallocate(descriptor, 0, max(size, 1))
        return Block(descriptor, size, name)
    except BaseException:
        os.close(descriptor)
        if name is not None:
            os.unlink(name)
        raise


def count() -> int:
    """How many blocks this process has."""
    return len(_here)


def copied(key: Key, size: int, place: Place) -> mmap.mmap:
    """A block's memory, of which each page becomes this process's own when it is written to."""
    descriptor = _open(key, size, _path(place))
    try:
        return mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    finally:
        os.close(descriptor)


def _path(place: Place) -> Path:
    return Path(place) if isinstance(place, str) else Path(f"/proc/{place[0]}/fd/{place[1]}")


def attach(key: Key, size: int, place: Place) -> Block:
    """The block of a reference, which may have come from this very process, or been inherited from its parent."""
    named = isinstance(place, str)
    path = _path(place)
    block = _here.get(key)
    if block is None:
        return _opened(key, size, path, named)
    if named:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    return block


def _open(key: Key, size: int, path: Path) -> int:
    gone = "the shared array is gone: who made it must keep it until it has arrived, and a result can be read once"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as failure:
        raise FileNotFoundError(f"{gone} ({failure})") from None
    status = os.fstat(descriptor)
    if (status.st_dev, status.st_ino) != key or status.st_size < size:
        os.close(descriptor)
        raise FileNotFoundError(gone)
    return descriptor


def _opened(key: Key, size: int, path: Path, named: bool) -> Block:
    descriptor = _open(key, size, path)
    try:
        if named and os.getpid() == _host.pid:
            os.unlink(path)
            named = False
        return Block(descriptor, size, path if named else None)
    except BaseException:
        os.close(descriptor)
        raise


@atexit.register
def _sweep() -> None:
    """Removes what workers sent that nobody has read."""
    if os.getpid() == _host.pid:
        for path in FOLDER.glob(f"{_host.prefix}*"):
            with contextlib.suppress(OSError):
                path.unlink()
