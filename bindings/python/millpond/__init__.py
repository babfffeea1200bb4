"""multiprocessing.Pool, its threads and concurrent.futures' executors on a work-stealing native pool.

Change the import, and nothing else: `from millpond import Pool`.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millpond.errors import MillpondError as MillpondError
    from millpond.futures import Future as Future
    from millpond.futures import ProcessPoolExecutor as ProcessPoolExecutor
    from millpond.futures import ThreadPoolExecutor as ThreadPoolExecutor
    from millpond.logs import enable_logging as enable_logging
    from millpond.native import register_native as register_native
    from millpond.pool import Pool as Pool
    from millpond.pool import ThreadPool as ThreadPool
    from millpond.results import AsyncResult as AsyncResult
    from millpond.shared import SharedArray as SharedArray
    from millpond.shared import shared_array as shared_array

__version__: str

# Where each public name lives, as above for the type checker; a part is imported when first used.
_PARTS = {
    "__version__": "_declarations",
    "AsyncResult": "results",
    "Future": "futures",
    "MillpondError": "errors",
    "Pool": "pool",
    "ProcessPoolExecutor": "futures",
    "SharedArray": "shared",
    "ThreadPool": "pool",
    "ThreadPoolExecutor": "futures",
    "register_native": "native",
    "shared_array": "shared",
    "enable_logging": "logs",
}
_RENAMED = {"__version__": "VERSION"}


def _refuse_subinterpreters() -> None:
    """ctypes' callbacks and threads belong to the main interpreter; in others they would run in the wrong one."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    try:
        interpreters = importlib.import_module(name)
    except ImportError:
        return
    if interpreters.get_current() != interpreters.get_main():
        raise ImportError("millpond: subinterpreters are not supported; import it in the main interpreter")


_refuse_subinterpreters()


def __getattr__(name: str) -> Any:
    part = _PARTS.get(name)
    if part is None:
        raise AttributeError(f"module 'millpond' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"millpond.{part}"), _RENAMED.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_PARTS)
