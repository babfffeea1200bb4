"""The rows: what each measures, where its bar is, and what to know about the way a program does it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

OURS = "Millpond"
LIMITS = "limits"


class Against(Enum):
    """What a bar compares our median with."""

    PEER = "the median of one peer"
    BEST = "the median of the best peer"
    BEST_RANGE = "the slowest run of the best peer"
    BEST_QUEUEING = "the median of the best peer that runs nothing at once in the submitter"
    LIMIT = "the median of the row's first limit"
    VARIANT = "the median of a variant of ours, which peer names by its label"
    UNIT = "one: the factor is the value itself, in the row's unit"
    NOTHING = "zero"


@dataclass(frozen=True)
class Bar:
    """Met when our median is at most factor times what it is compared with, which may be another row's."""

    factor: float
    against: Against
    peer: str = ""
    row: str = ""


@dataclass(frozen=True)
class Row:
    id: str
    title: str
    unit: str
    bars: tuple[Bar, ...] = ()
    # A row that another one's program prints along with its own.
    printed_by: str = ""

    @property
    def run_as(self) -> str:
        return self.printed_by or self.id

    @property
    def in_processes(self) -> bool:
        return self.id.startswith("P")

    @property
    def in_python(self) -> bool:
        return self.id.startswith("Y")


def peer(factor: float, name: str, row: str = "") -> Bar:
    return Bar(factor, Against.PEER, name, row)


def value(limit: float) -> Bar:
    return Bar(limit, Against.UNIT)


ROWS = (
    Row("W1", "1,000,000 empty tasks from one outside thread, warm", "ns", (peer(0.5, "OpenMP"),)),
    Row("W1-cold", "the same, the first time in the process", "ns"),
    Row("W1b", "the same, warm, through one batch call", "ns", (peer(0.2, "OpenMP", "W1"),)),
    Row("W1c", "the same, warm, each with a completion callback", "ns", (peer(0.9, "OpenMP", "W1"),)),
    Row("W1p", "1,000,000 empty tasks from three threads at once, warm", "ns", (Bar(1, Against.BEST_QUEUEING),)),
    Row("W2", "100,000 tasks with a handle each, waited for in order", "ns", (peer(0.4, "libuv"), peer(1, "OpenMP"))),
    Row("W3", "one task and wait for it; the waiter may run it", "ns", (peer(0.5, "oneTBB"),)),
    Row("W3-other", "one task and wait for it; another thread runs it", "ns", (peer(1, "forte"),)),
    Row("W3c", "W3 after 1 ms of sleep", "ns", (value(1500),)),
    Row("W3c-other", "W3-other after 1 ms of sleep", "ns", (Bar(1, Against.LIMIT),)),
    Row("W4", "fork-join: fib(32) without a cut-off, per fork", "ns", (peer(1, "chili"),)),
    Row("W5", "map of x*x+1 over 10,000,000 numbers", "ratio", (Bar(1, Against.BEST_RANGE),)),
    Row("W6", "map of 100,000 items, item i costs i * 0.2 ns", "ratio", (Bar(1, Against.BEST_RANGE),)),
    Row("W7", "map of 100 coarse items", "ratio", (Bar(1, Against.BEST_RANGE),)),
    Row("W8", "a pool of 4: create, one task and its result, destroy", "ns", (peer(1, "oneTBB"),)),
    Row("W8-async", "a pool of 4: create, submit one task, destroy", "ns", (Bar(1, Against.LIMIT),)),
    Row("W9", "CPU time of an idle pool's threads in 5 s", "us", (Bar(0, Against.NOTHING),)),
    Row("W9-wakes", "wake-ups of its threads in that time", "wakes", (Bar(0, Against.NOTHING),), printed_by="W9"),
    Row("W10", "10,000,000 random numbers of 64 bits, sorted, per number", "ns", (Bar(1, Against.BEST_RANGE),)),
    Row("mem", "memory of a queued task", "B", (value(128),)),
    Row("mem-idle", "memory of an idle pool of 4", "KiB", (value(200),)),
    Row("mem-idle-own", "of it without the pages of files", "KiB", printed_by="mem-idle"),
    Row("mem-so", "size of the shared library, stripped", "KiB", (value(600),)),
    Row("P1", "processes: one task to an idle worker and back", "ns", (Bar(1.1, Against.LIMIT), value(15000))),
    Row("P1-cold", "the same, after 1 ms of sleep", "ns"),
    Row("P2", "processes: 100,000 empty tasks", "ns", (value(250),)),
    Row("P2-futures", "processes: W2's tasks with a handle each", "ns"),
    Row("P3", "processes: W5's map, arrays in shared memory", "ratio", (Bar(1.05, Against.VARIANT, "on threads"),)),
    Row("P3-skewed", "processes: W6's map, arrays in shared memory", "ratio"),
    Row("P4", "a pool of 4 processes: create, one task, destroy", "us"),
    Row("P4-large", "the same, 1 GiB resident in the program", "us"),
    Row("P5", "a worker is killed: until its task has ended", "us"),
    Row("P5-serves", "until a new one has served a task", "us", (value(1000),), printed_by="P5"),
    Row("P5-spare", "a worker is killed, one is spare: until its task has ended", "us"),
    Row("P5-spare-serves", "until the spare has served a task", "us", (value(1000),), printed_by="P5-spare"),
    Row("P5-large", "the same, 1 GiB resident: until its task has ended", "us"),
    Row("P5-large-serves", "until the spare has served a task", "us", (value(1000),), printed_by="P5-large"),
    Row("P6", "CPU time of an idle pool of 4 processes in 5 s", "us", (Bar(0, Against.NOTHING),)),
    Row("P6-wakes", "wake-ups of all its processes in that time", "wakes", (Bar(0, Against.NOTHING),), printed_by="P6"),
    Row("P7", "memory of an idle pool of 4 processes, all together", "KiB"),
    Row("Y1", "Python: apply of identity and back", "us", (value(25),)),
    Row("Y2", "Python: 20,000 apply_async of identity, per task", "us", (value(12),)),
    Row("Y3", "Python: map of identity over 1,000,000 items, per item", "ns", (value(300),)),
    Row("Y4", "Python: an array of 100 MB to a worker and back", "ms", (Bar(1, Against.LIMIT),)),
    Row("Y4-shared", "the same, an array in shared memory", "ms", (Bar(0.1, Against.LIMIT, row="Y4"),)),
    Row("Y5", "Python: a pool of 4: create, one task, close and join", "ms", (value(3),)),
)

# Measured only when it is asked how costs grow.
QUEUE = Row("Q", "submitting a task while all workers are busy", "ns")
QUEUE_OUT = Row("Q-out", "until all have run, once the workers are free", "ns", printed_by="Q")
QUEUE_BYTES = Row("Q-bytes", "memory of a queued task", "B", printed_by="Q")
LATENCY = Row("L", "latency of a small task, one worker free", "us")
LATENCY_BUSY = Row("L-busy", "latency of a small task, all workers busy", "us", printed_by="L")
LATENCY_QUEUED = Row("L-queued", "latency of a small task, all busy and as many waiting", "us", printed_by="L")
GROWTH_ROWS = (QUEUE, QUEUE_OUT, QUEUE_BYTES, LATENCY, LATENCY_BUSY, LATENCY_QUEUED)

UNITS = {"ns": "ns", "us": "µs", "ms": "ms", "ratio": "x ideal", "wakes": "wake-ups", "B": "bytes", "KiB": "KiB"}

# What a reader must know before comparing: a key after the name, explained below the table.
RUNS_AT_ONCE = "i"
NOTES = {
    RUNS_AT_ONCE: "once enough tasks are queued, the submitter runs new ones itself, at once",
    "w": "the waiting thread runs tasks too",
    "o": "only other threads run tasks, the waiting one never does",
    "m": "the submitting thread is one of the N workers, not one beside them",
    "c": "completion callbacks run on the waiting thread",
    "h": "no handle in the library: a flag or latch of the program's own for each task",
    "l": "no map in the library: halves joined down to 64 items, a size found by hand",
    "s": "the other threads spin at the end of the parallel region meanwhile",
    "k": "the library keeps the threads for the next pool",
    "d": "destroying does not wait for the threads to end",
    "t": "a thread for each task, no pool",
    "n": "with a hundredth of the tasks",
    "b": "tasks from a loop, by one construct; their number is the loop's",
    "g": "the submitting threads are workers too, the team is never smaller than they are",
    "f": "the library ends its workers for good, by asking it to",
    "a": "all tasks in one call, from which the library makes batches",
    "e": "with a tenth of the items",
    "z": "with the size of chunks that multiprocessing.Pool chooses; the library chooses none",
    "x": "multiprocessing.shared_memory, which the program has to remove by itself",
    "v": "the library puts large arrays into files that the worker maps",
}

_NOTES_OF = {
    ("oneTBB", "W1"): "mw",
    ("oneTBB", "W1-cold"): "mw",
    ("oneTBB", "W2"): "mwh",
    ("oneTBB", "W3"): "mw",
    ("oneTBB", "W5"): "m",
    ("oneTBB", "W6"): "m",
    ("oneTBB", "W8"): "mwk",
    ("oneTBB", "W8-async"): "ok",
    ("oneTBB", "W1p"): "w",
    ("oneTBB", "W3c"): "mw",
    ("oneTBB", "W3c-other"): "o",
    ("oneTBB", "W4"): "m",
    ("oneTBB", "W7"): "m",
    ("oneTBB", "mem"): "m",
    ("oneTBB", "mem-idle"): "m",
    ("OpenMP", "W1"): "imw",
    ("OpenMP", "W1-cold"): "imw",
    ("OpenMP", "W2"): "imwh",
    ("OpenMP", "W3"): "mws",
    ("OpenMP", "W3-other"): "ms",
    ("OpenMP", "W5"): "m",
    ("OpenMP", "W6"): "m",
    ("OpenMP", "W8"): "mwf",
    ("OpenMP", "W1b"): "imwb",
    ("OpenMP", "W1p"): "igw",
    ("OpenMP", "W3c"): "mws",
    ("OpenMP", "W3c-other"): "ms",
    ("OpenMP", "W4"): "m",
    ("OpenMP", "W7"): "m",
    ("OpenMP", "mem-idle"): "m",
    ("rayon", "W1"): "o",
    ("rayon", "W1-cold"): "o",
    ("rayon", "W2"): "oh",
    ("rayon", "W5"): "o",
    ("rayon", "W6"): "o",
    ("rayon", "W10"): "o",
    ("rayon", "W8"): "ohd",
    ("rayon", "W8-async"): "ohd",
    ("rayon", "W1p"): "o",
    ("rayon", "W3c-other"): "o",
    ("rayon", "W7"): "o",
    ("forte", "W1"): "mw",
    ("forte", "W1-cold"): "mw",
    ("forte", "W2"): "mw",
    ("forte", "W3"): "mw",
    ("forte", "W5"): "ml",
    ("forte", "W6"): "ml",
    ("forte", "W8"): "oh",
    ("forte", "W8-async"): "oh",
    ("forte", "W1p"): "mw",
    ("forte", "W3c"): "mw",
    ("forte", "W4"): "m",
    ("forte", "W7"): "ml",
    ("chili", "W5"): "ml",
    ("chili", "W6"): "ml",
    ("chili", "W4"): "m",
    ("chili", "W7"): "ml",
    ("chili", "mem-idle"): "m",
    ("GLib", "W1"): "o",
    ("GLib", "W1-cold"): "o",
    ("GLib", "W2"): "oh",
    ("GLib", "W8"): "ohk",
    ("GLib", "W8-async"): "ok",
    ("GLib", "W1p"): "o",
    ("GLib", "W3c-other"): "o",
    ("libuv", "W1"): "oc",
    ("libuv", "W1-cold"): "oc",
    ("libuv", "W1c"): "oc",
    ("libuv", "W2"): "oc",
    ("libuv", "W3-other"): "oc",
    ("libuv", "W1p"): "oc",
    ("libuv", "W3c-other"): "oc",
    ("pthreadpool", "W5"): "m",
    ("pthreadpool", "W6"): "m",
    ("pthreadpool", "W7"): "m",
    ("pthreadpool", "W8"): "m",
    ("pthreadpool", "mem-idle"): "m",
    ("std::async", "W2"): "tn",
    ("std::async", "W3-other"): "t",
    ("std::async", "W3c-other"): "t",
    ("std::async", "W7"): "t",
    ("std::async", "W8-async"): "t",
    ("ProcessPoolExecutor", "Y3"): "z",
    ("loky", "Y3"): "z",
    ("pebble", "Y3"): "ez",
    ("mp.Pool", "Y4-shared"): "x",
    ("joblib", "Y2"): "a",
    ("mpire", "Y3"): "e",
    ("joblib", "Y3"): "ae",
    ("joblib", "Y4"): "v",
    ("joblib", "Y5"): "f",
    (OURS, "W1"): "o",
    (OURS, "W1-cold"): "o",
    (OURS, "W1c"): "o",
    (OURS, "W2"): "w",
    (OURS, "W3"): "w",
    (OURS, "W5"): "w",
    (OURS, "W6"): "w",
    (OURS, "W10"): "w",
    (OURS, "W8"): "w",
    (OURS, "W1b"): "o",
    (OURS, "W1p"): "o",
    (OURS, "W3c"): "w",
    (OURS, "W7"): "w",
    (OURS, "W8-async"): "o",
}


def notes(program: str, row: str) -> str:
    return _NOTES_OF.get((program, row), "")
