"""What happens to pools, told to Python's logging.

>>> import logging, millpond
>>> logger = millpond.enable_logging(logging.WARNING)
>>> logger.name
'millpond'
"""

from __future__ import annotations

import atexit
import logging
from typing import Dict

from millpond import _declarations as c
from millpond._library import check, library

LOGGER = logging.getLogger("millpond")
LEVELS: Dict[int, int] = {
    c.POOL_LOG_ERROR: logging.ERROR,
    c.POOL_LOG_WARNING: logging.WARNING,
    c.POOL_LOG_INFO: logging.INFO,
}


def enable_logging(level: int = logging.INFO) -> logging.Logger:
    """Has the library tell the logger "millpond" what happens: deaths of workers as warnings, for example.

    :param level: what to tell at least; above `logging.ERROR` it is nothing. The logger's own level counts, too.

    It is for all pools of this process, but not for its children and worker processes. Records come from any thread,
    with the name of the pool before the sentence. Returns the logger.
    """
    wanted = [number for number, name in LEVELS.items() if name >= level]
    check(library.pool_set_log(_hook, None, max(wanted, default=c.POOL_LOG_NONE)))
    return LOGGER


def _tell(level: int, pool: bytes, text: bytes, _: int) -> None:
    LOGGER.log(LEVELS.get(level, logging.ERROR), "%s: %s", pool.decode(errors="replace"), text.decode(errors="replace"))


_hook = c.pool_log_fn(_tell)


# Before pools are ended at exit: then nothing is to be told any more, as the interpreter is going.
@atexit.register
def _silence() -> None:
    library.pool_set_log(c.pool_log_fn(), None, c.POOL_LOG_NONE)
