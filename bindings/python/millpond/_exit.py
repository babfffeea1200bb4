"""What becomes of pools when the interpreter ends, when nobody refers to them any more, and when Python forks.

No worker thread may come to a Python function when the interpreter is going: so all pools have ended by then.
"""

from __future__ import annotations

import atexit
import itertools
import os
import threading
import weakref
from typing import TYPE_CHECKING, Callable, List, Tuple

from millpond import _declarations as c
from millpond import _task, _worker
from millpond._library import library

if TYPE_CHECKING:
    from millpond._engine import Engine

_numbers = itertools.count()

# All engines that have not ended, and those of them whose work is finished at exit, not thrown away.
_engines: "weakref.WeakValueDictionary[int, Engine]" = weakref.WeakValueDictionary()
_finished: "weakref.WeakValueDictionary[int, Engine]" = weakref.WeakValueDictionary()

# Pools that nobody refers to any more, which are still ending, and what to do then.
_dying: List[Tuple[int, Callable[[], object]]] = []

_registered = False


def remember(engine: "Engine", finish: bool) -> None:
    """Has the pool ended at exit: after its work is done, before other threads of Python are joined; or terminated."""
    global _registered
    number = next(_numbers)
    _engines[number] = engine
    if finish:
        if not _registered:
            _registered = True
            # Where it is missing, in Python 3.8, atexit comes after the other threads, which is all the same here.
            getattr(threading, "_register_atexit", atexit.register)(_finish_all)
        _finished[number] = engine


def bury(pool: int, then: Callable[[], object]) -> None:
    """Frees a terminated pool as soon as that does not block. May be called on any thread, the pool's own too."""
    _dying.append((pool, then))
    sweep()


def sweep(timeout_ms: int = 0) -> None:
    """Frees the pools that have ended."""
    for _ in range(len(_dying)):
        try:
            pool, then = _dying.pop()
        except IndexError:
            return  # another thread was faster
        if library.pool_join(pool, timeout_ms) in (c.POOL_ERR_TIMEOUT, c.POOL_ERR_DEADLOCK):
            _dying.insert(0, (pool, then))
        else:
            library.pool_close_join(pool)
            then()


def _finish_all() -> None:
    """Before the interpreter joins its threads."""
    engines = list(_finished.values())
    for engine in engines:
        engine.close()
    for engine in engines:
        engine.join()


@atexit.register
def _terminate_all() -> None:
    """When all Python threads but daemons have ended."""
    engines = list(_engines.values())
    for engine in engines:
        engine.terminate()
    for engine in engines:
        engine.join()
    sweep(-1)


def _forked() -> None:
    """In a child: the parent's pools are none of its business."""
    _engines.clear()
    _finished.clear()
    _dying.clear()
    _task.Main.thread = threading.main_thread().ident
    # Another thread may have held it.
    _worker.Current.filters = threading.Lock()


os.register_at_fork(after_in_child=_forked)
