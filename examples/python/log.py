"""The course's Log: lines `HH:MM:SS| message = seconds`, seconds since the start, on the terminal and in a file."""

from __future__ import annotations

import time
from typing import Optional


class Log:
    """A timer that tells what it measures; `file_name` None: only on the terminal."""

    def __init__(self, file_name: Optional[str] = None) -> None:
        self._file = open(file_name, "w", encoding="utf-8") if file_name is not None else None  # noqa: SIM115
        self._start = time.perf_counter()

    def start(self, message: str) -> None:
        """The first line of a measurement, at 0 seconds."""
        self._start = time.perf_counter()
        self._write(message, 0.0)

    def step(self, message: str) -> None:
        """A line on the way."""
        self._write(message, time.perf_counter() - self._start)

    def stop(self, message: str) -> float:
        """The last line of a measurement; returns the seconds since its start."""
        seconds = time.perf_counter() - self._start
        self._write(message, seconds)
        return seconds

    def _write(self, message: str, seconds: float) -> None:
        line = f"{time.strftime('%H:%M:%S')}| {message} = {seconds:.8f}"
        print(line, flush=True)  # the reader watches it happen, also through a pipe
        if self._file is not None:
            print(line, file=self._file, flush=True)
