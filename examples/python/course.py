"""What the course's programs share: arguments, the kinds of pools that they compare, the job, and the report."""

from __future__ import annotations

import argparse
import concurrent.futures
import io
import multiprocessing
import multiprocessing.dummy
import multiprocessing.pool
import os
import queue
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence, TypeVar, Union

from log import Log

try:
    import millpond
except ModuleNotFoundError:  # not installed: in the repository it is here
    sys.path.append(str(Path(__file__).resolve().parents[2] / "bindings" / "python"))
    import millpond

THREADS, PROCESSES = "threads", "processes"
OURS, STANDARD = "ours", "standard"
T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """One of what is compared. All four have the same interface, so programs use them without a look at which it is."""

    mode: str  # THREADS or PROCESSES
    by: str  # OURS or STANDARD
    name: str
    Pool: Any  # that of multiprocessing, and what takes its place
    Executor: Any  # that of concurrent.futures, and what takes its place
    objects: Any  # queues, locks and their like: multiprocessing.dummy has the same names, for threads

    def __str__(self) -> str:
        return self.name

    def simple_queue(self) -> Any:
        """A queue without a thread of its own: what was put is there, even if who put it dies in the next moment."""
        return multiprocessing.SimpleQueue() if self.mode == PROCESSES else queue.SimpleQueue()


def kind(mode: str, by: str) -> Kind:
    """The only place that knows the classes: from one to the other is a change of an import."""
    if by == OURS and mode == PROCESSES:
        return Kind(mode, by, "millpond.Pool", millpond.Pool, millpond.ProcessPoolExecutor, multiprocessing)
    if by == OURS:
        threads = millpond.ThreadPool, millpond.ThreadPoolExecutor
        return Kind(mode, by, "millpond.ThreadPool", *threads, multiprocessing.dummy)
    if mode == PROCESSES:
        processes = multiprocessing.Pool, concurrent.futures.ProcessPoolExecutor
        return Kind(mode, by, "multiprocessing.Pool", *processes, multiprocessing)
    both = multiprocessing.pool.ThreadPool, concurrent.futures.ThreadPoolExecutor
    return Kind(mode, by, "multiprocessing.pool.ThreadPool", *both, multiprocessing.dummy)


class Course:
    """The arguments of a program, and what its answers come to.

    `modes`: what is compared unless the user says which. Each of `own` is an option of this program only: its name,
    and its default, which tells its type.
    """

    def __init__(self, name: str, workers: int, modes: Sequence[str] = (PROCESSES,), **own: Union[str, int, float]):
        # No line may wait in a buffer of which a worker that is forked has a copy.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        self.parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
        size = self.parser.add_mutually_exclusive_group()
        size.add_argument("--tiny", action="store_true", help="does it work at all?")
        size.add_argument("--full", action="store_true", help="the course's size")
        self.parser.add_argument("--mode", choices=[THREADS, PROCESSES])
        self.parser.add_argument("--pool", choices=[OURS, STANDARD, "both"], default="both")
        self.parser.add_argument("--workers", type=_count, default=workers, metavar="N")
        self.parser.add_argument("--log", metavar="FILE")
        for option, default in own.items():
            self.parser.add_argument(f"--{option}", type=type(default), default=default, metavar=option.upper())
        self.options = self.parser.parse_args()
        self.name = name
        self.workers: int = self.options.workers
        self.modes: Sequence[str] = modes if self.options.mode is None else (self.options.mode,)
        self._wrong: List[str] = []

    def size(self, tiny: T, quick: T, full: T) -> T:
        return tiny if self.options.tiny else full if self.options.full else quick

    def log(self) -> Log:
        try:
            return Log(self.options.log)
        except OSError as error:
            sys.exit(str(error))

    def kinds(self, modes: Optional[Sequence[str]] = None) -> List[Kind]:
        """What the program shall run on, one after the other; in other modes, when it says so."""
        libraries = (OURS, STANDARD) if self.options.pool == "both" else (self.options.pool,)
        return [kind(mode, by) for mode in modes or self.modes for by in libraries]

    def at_once(self, mode: str, tasks: int) -> int:
        """How many of the tasks can compute at the same time: one, of Python code under an interpreter lock."""
        return 1 if mode == THREADS and has_interpreter_lock() else min(tasks, self.workers, cpus())

    def check(self, kind: Optional[Kind], right: bool, name: Optional[str] = None) -> None:
        """Prints the verdict on an answer, in the line that tools/demo.py reads; None: there is no pool in it."""
        self._result(name or self.name, kind, right, "")

    def check_timed(
        self,
        kind: Optional[Kind],
        right: bool,
        sequential: float,
        pool: float,
        at_once: int,
        p: float = 1.0,
        name: Optional[str] = None,
    ) -> None:
        """As check, for what is timed: the share p of the work was divided among at most `at_once` at a time."""
        speedup, predicted = sequential / pool, amdahl(p, at_once)
        print(
            f"sequential {sequential:.4f} s, {kind or 'coroutines'} {pool:.4f} s: {speedup:.2f} times as fast "
            f"with {self.workers} workers on {cpus()} CPUs"
        )
        print(f"Amdahl's law for p = {p:.3f}, {at_once} at once: {predicted:.2f} times")
        times = f"sequential={sequential:.6f} pool={pool:.6f} speedup={speedup:.3f} predicted={predicted:.3f} "
        self._result(name or self.name, kind, right, times)

    def _result(self, name: str, kind: Optional[Kind], right: bool, times: str) -> None:
        mode, by = (THREADS, STANDARD) if kind is None else (kind.mode, kind.by)
        print(f"RESULT name={name} mode={mode} by={by} {times}workers={self.workers} cpus={cpus()} checked={right:d}")
        if not right:
            self._wrong.append(f"{name} on {kind}")

    def end(self) -> int:
        """The program's exit status."""
        for what in self._wrong:
            print(f"{what}: wrong answer", file=sys.stderr)
        return 1 if self._wrong else 0


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("a number from 1 to 1000 is wanted")
    return int(text)


def cpus() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_interpreter_lock() -> bool:
    enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return enabled()


def amdahl(p: float, s: int) -> float:
    """Amdahl's law: how many times faster work is of which the share p can be divided among s."""
    return 1 / ((1 - p) + p / s)


def sum_all_values(x: int) -> int:
    """Adds 1..x, one by one."""
    total = 0
    for i in range(1, x + 1):
        total += i
    return total


def sum_by_formula(x: int) -> int:
    """The same at once: what every answer is checked against."""
    return x * (x + 1) // 2
