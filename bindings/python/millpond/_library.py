"""The shared library: found, loaded, checked and declared when this module is first imported."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from millpond import _declarations as c
from millpond import _host  # noqa: F401  which must be there before the first worker is made

NAMES = ("libmillpond.dylib",) if sys.platform == "darwin" else ("libmillpond.so", "libmillpond.so.0")
PACKAGE = Path(__file__).resolve().parent


def candidates() -> list[str]:
    """Where the library may be, in the order in which it is looked for; a bare name is left to the system's loader."""
    named = os.environ.get("MILLPOND_LIBRARY")
    if named:
        return [named]
    checkout = PACKAGE.parent.parent.parent
    folders = [PACKAGE]
    if (checkout / "include" / "millpond.h").exists():
        folders.append(checkout / "target" / "release")
    files = [folder / name for folder in folders for name in NAMES]
    return [str(file) for file in files if file.exists()] + list(reversed(NAMES))


def load() -> tuple[ctypes.CDLL, str]:
    """The library and where it was found."""
    reason = ""
    for name in candidates():
        try:
            found = ctypes.CDLL(name)
        except OSError as failure:
            # Why a file that exists cannot be loaded says more than what the loader has to say about bare names.
            reason = reason or str(failure)
            continue
        check_version(found, name)
        return found, name
    raise ImportError(
        f"millpond: the shared library cannot be loaded ({reason}); "
        "install a wheel that holds it, build it with `make`, or name the file in MILLPOND_LIBRARY"
    )


def check_version(found: ctypes.CDLL, name: str) -> None:
    """The library must have what this package declares: the same interface, as new as this one or newer."""
    try:
        c.declare(found)
    except AttributeError as failure:
        raise ImportError(f"millpond: {name} is no library for this package, version {c.VERSION}: {failure}") from None
    version = bytes(found.pool_version()).decode()
    theirs, ours = (tuple(map(int, text.split("."))) for text in (version, c.VERSION))
    # Before 1.0 a new minor version may change anything.
    same = theirs[:1] if ours[0] else theirs[:2]
    if same != ours[: len(same)] or theirs < ours:
        raise ImportError(f"millpond: {name} has version {version}, but this package needs {c.VERSION}")


library, path = load()


def last_error() -> str:
    """The library's sentence about this thread's last call that failed."""
    return bytes(library.pool_last_error()).decode(errors="replace")


def check(status: int) -> None:
    """Raises the exception of millpond.errors for a status other than POOL_OK, with the library's sentence."""
    if status != c.POOL_OK:
        from millpond import errors  # which costs time to import, and is seldom needed

        raise errors.error(status, last_error())
