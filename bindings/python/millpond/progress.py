"""How far a map has come: `progress=True` shows it while its results are taken.

With tqdm installed it is one of its bars, else a line on stderr that is written anew. What else `progress` may be:

- a text, which stands before the bar;
- a dict of tqdm's options, of which the plain line knows `desc`, `total`, `file`, `disable` and `mininterval`;
- a function, which is called with the number of results so far and the total, None if that is not known.

>>> from millpond import ThreadPoolExecutor
>>> with ThreadPoolExecutor(1) as executor:
...     list(executor.map(abs, [-1, 2], progress=lambda done, total: print(done, "of", total)))
1 of 2
2 of 2
[1, 2]
"""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Union

Wanted = Union[None, bool, str, Dict[str, Any], Callable[[int, Optional[int]], object]]


class Progress:
    """A bar, a line or a function that is told of each result."""

    def __init__(self, wanted: Wanted, total: Optional[int] = None) -> None:
        options: Dict[str, Any] = {"total": total}
        if isinstance(wanted, str):
            options["desc"] = wanted
        elif isinstance(wanted, dict):
            options.update(wanted)
        self._bar: Any
        if callable(wanted):
            self._bar = Told(wanted, total)
        else:
            self._bar = _tqdm()(**options)

    @classmethod
    def wanted(cls, wanted: Wanted, total: Optional[int] = None) -> Optional[Progress]:
        """One of what a caller has asked for; None if that is nothing."""
        if wanted is None or wanted is False:
            return None
        if not callable(wanted) and not isinstance(wanted, (bool, str, dict)):
            raise TypeError(f"progress must be True, a text, a dict of options or a function, not {wanted!r}")
        return cls(wanted, total)

    def update(self, count: int = 1) -> None:
        """So many more results are there."""
        self._bar.update(count)

    def close(self) -> None:
        """Nothing more will come."""
        self._bar.close()

    def over(self, results: Iterator[Any]) -> Iterator[Any]:
        """The same results; each is counted when it is there."""
        try:
            for result in results:
                self.update()
                yield result
        finally:
            self.close()
            close = getattr(results, "close", None)
            if close is not None:
                close()


def mapped(pool: Any, func: Any, items: Iterable[Any], chunksize: Optional[int], wanted: Wanted) -> List[Any]:
    """The results of a pool's map, in a list, counted as they come."""
    items = items if hasattr(items, "__len__") else list(items)
    total = len(items)  # type: ignore[arg-type]
    bar = Progress.wanted(wanted, total)
    assert bar is not None
    if chunksize is None:
        # Small enough to be seen coming.
        chunksize = max(1, min(-(-total // (pool._processes * 4)), total // 100))
    return list(bar.over(pool.imap(func, items, chunksize, window=max(total, 1))))


class Told:
    """Calls a function with each step."""

    def __init__(self, function: Callable[[int, Optional[int]], object], total: Optional[int]) -> None:
        self._function, self._total, self._done = function, total, 0

    def update(self, count: int) -> None:
        self._done += count
        self._function(self._done, self._total)

    def close(self) -> None:
        """Nothing to do."""


class Line:
    """A plain line, for where there is no tqdm. It takes the options that both know, and ignores what shapes a bar."""

    def __init__(
        self,
        desc: Optional[str] = None,
        total: Optional[float] = None,
        file: Any = None,
        disable: Optional[bool] = False,
        mininterval: float = 0.1,
        **_shape: Any,
    ) -> None:
        self._file = sys.stderr if file is None else file
        # As tqdm has it: None is for terminals only.
        self._silent = not _is_terminal(self._file) if disable is None else disable
        self._desc, self._total, self._interval = desc, total, mininterval
        self._done = 0
        self._start = time.monotonic()
        self._shown = self._start - mininterval
        # Where a line cannot be written anew, only the last one is written.
        self._anew = _is_terminal(self._file)

    def update(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if self._anew and now - self._shown >= self._interval:
            self._shown = now
            self._write("\r", "")

    def close(self) -> None:
        self._write("\r" if self._anew else "", "\n")
        self._silent = True

    def _write(self, before: str, after: str) -> None:
        if self._silent:
            return
        seconds = time.monotonic() - self._start
        name = f"{self._desc}: " if self._desc else ""
        share = f"/{self._total:g} ({self._done / self._total:.0%})" if self._total else ""
        self._file.write(f"{before}{name}{self._done}{share} in {seconds:.1f} s{after}")
        self._file.flush()


def _is_terminal(file: Any) -> bool:
    isatty = getattr(file, "isatty", None)
    return bool(isatty and isatty())


def _tqdm() -> Any:
    """tqdm's bar, which is one for notebooks there; or the plain line."""
    try:
        return importlib.import_module("tqdm.auto").tqdm
    except ImportError:
        return Line
