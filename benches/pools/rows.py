"""The rows: each makes its pool, does its work, checks the answers, and gives values with their units."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from . import limits
from .engines import Engine
from .work import PAGE, bytes_of, identity, look_at, new_array, pages_seen

SIZES = ("smoke", "quick", "default", "full")


@dataclass(frozen=True)
class Value:
    row: str
    value: float
    unit: str
    label: str = ""


@dataclass(frozen=True)
class Scale:
    """How much is done in a run: calls of Y1, tasks of Y2, items of Y3, bytes of Y4, pools of Y5."""

    calls: int
    tasks: int
    items: int
    bytes: int
    trips: int
    pools: int


SCALES = {
    "smoke": Scale(20, 50, 1_000, 1 << 16, 1, 1),
    "quick": Scale(300, 4_000, 200_000, 100_000_000, 3, 5),
    "default": Scale(1_000, 20_000, 1_000_000, 100_000_000, 3, 9),
    "full": Scale(3_000, 20_000, 1_000_000, 100_000_000, 7, 15),
}
POOL_OF = 4


def seconds(action: Callable[[], Any], expected: Any) -> float:
    begin = time.perf_counter()
    found = action()
    took = time.perf_counter() - begin
    if found != expected:
        raise ValueError("a wrong result")
    return took


def middle(count: int, action: Callable[[], Any], expected: Any) -> float:
    return median(seconds(action, expected) for _ in range(count))


def apply(engine: Engine, scale: Scale) -> Iterator[Value]:
    # First the workers come up, and every way that a task takes is gone a few times.
    seconds(lambda: engine.each(identity, range(100)), list(range(100)))
    middle(20, lambda: engine.apply(identity, 7), 7)
    yield Value("Y1", 1e6 * middle(scale.calls, lambda: engine.apply(identity, 7), 7), "us")


def each(engine: Engine, scale: Scale) -> Iterator[Value]:
    seconds(lambda: engine.each(identity, range(500)), list(range(500)))
    items = range(scale.tasks)
    yield Value("Y2", 1e6 * seconds(lambda: engine.each(identity, items), list(items)) / scale.tasks, "us")


def map_all(engine: Engine, scale: Scale) -> Iterator[Value]:
    seconds(lambda: engine.map(identity, range(1_000)), list(range(1_000)))
    items = range(scale.items // engine.fewer)
    yield Value("Y3", 1e9 * seconds(lambda: engine.map(identity, items), list(items)) / len(items), "ns")


def array(engine: Engine, scale: Scale) -> Iterator[Value]:
    # Workers that were started anew import what an array needs with their first one.
    engine.each(look_at, [new_array(PAGE)] * 20)
    plain = new_array(scale.bytes)
    pages = pages_seen(plain)
    took = middle(scale.trips, lambda: pages_seen(engine.apply(look_at, plain)), pages)
    yield Value("Y4", 1e3 * took, "ms")


def shared_array(engine: Engine, scale: Scale) -> Iterator[Value]:
    engine.apply(identity, 7)
    plain = new_array(scale.bytes)
    shared = engine.shared(bytes_of(plain))
    took = middle(scale.trips, lambda: pages_seen(engine.apply(look_at, shared)), pages_seen(plain))
    yield Value("Y4-shared", 1e3 * took, "ms")


def life(kind: type[Engine], scale: Scale) -> Iterator[Value]:
    def live() -> Any:
        engine = kind(POOL_OF)
        found = engine.apply(identity, 7)
        engine.close()
        return found

    # Whatever is imported with the first pool.
    live()
    yield Value("Y5", 1e3 * middle(scale.pools, live, 7), "ms")


WITH_POOL: dict[str, Callable[[Engine, Scale], Iterator[Value]]] = {
    "Y1": apply,
    "Y2": each,
    "Y3": map_all,
    "Y4": array,
    "Y4-shared": shared_array,
}
ROWS = (*WITH_POOL, "Y5")


def measure(kind: type[Engine], row: str, workers: int, size: str) -> list[Value]:
    kind.prepare()
    # Before there are workers, so that forked ones have imported what it needs.
    new_array(PAGE)
    scale = SCALES[size]
    if row == "Y5":
        return list(life(kind, scale))
    engine = kind(workers)
    values = list(WITH_POOL[row](engine, scale))
    engine.close()
    return values


def measure_limit(row: str, workers: int, size: str) -> list[Value]:
    scale = SCALES[size]
    if row == "Y3":
        took, label = limits.pickling(scale.items, 4 * workers), "pickling alone"
        return [Value(row, 1e9 * took / scale.items, "ns", label)]
    if row == "Y4":
        took = median(limits.copies(scale.bytes) for _ in range(scale.trips))
        return [Value(row, 1e3 * took, "ms", "one copy each way")]
    took = median(limits.forks(POOL_OF) for _ in range(scale.pools))
    return [Value(row, 1e3 * took, "ms", "4 x os.fork, _exit, waitpid")]


LIMITED = ("Y3", "Y4", "Y5")
