"""A job with a serial part on 1..N workers: its speed-up as measured, and as Amdahl's law predicts it; a picture."""

import statistics
import sys
import time
from typing import Any, Dict, List, Optional, Tuple

from course import Course, amdahl, cpus, sum_all_values, sum_by_formula
from picture import Picture

PIECES, ROUNDS = 64, 5


def run(pool: Optional[Any], serial: int, piece: int) -> Tuple[float, bool]:
    """Runs the job several times, on the pool or, without one, sequentially; returns its seconds, and whether it was
    right. The median, not the best: a single quick run would bend all speed-ups."""
    times, right = [], True
    for _ in range(ROUNDS):
        start = time.perf_counter()
        sums = [sum_all_values(serial)]
        if pool is None:
            sums += [sum_all_values(piece) for _ in range(PIECES)]
        else:
            sums += pool.map(sum_all_values, [piece] * PIECES)
        times.append(time.perf_counter() - start)
        right &= sums == [sum_by_formula(serial)] + [sum_by_formula(piece)] * PIECES
    return statistics.median(times), right


def fit(speedups: List[float]) -> float:
    """Least squares: with S = 1 / ((1 - p) + p / s), 1 - 1/S is p times 1 - 1/s. Only workers with a CPU count."""
    pairs = [(1 - 1 / s, 1 - 1 / speedup) for s, speedup in enumerate(speedups[: cpus()], 1)]
    below = sum(x * x for x, _ in pairs)
    return min(1.0, max(0.0, sum(x * y for x, y in pairs) / below)) if below > 0 else 0.0


def main() -> int:
    course = Course("amdahl", workers=max(2, min(cpus(), 8)), serial=0.05, svg="amdahl.svg")
    serial: float = course.options.serial
    if not 0 <= serial <= 1:
        course.parser.error("--serial takes a share from 0 to 1")
    additions = course.size(60_000, 1_000_000, 1_000_000_000)
    job = int(additions * serial), int(additions * (1 - serial) / PIECES)
    log = course.log()
    log.start("sequential, start")
    alone, _ = run(None, *job)
    log.step("sequential, end")

    measured: Dict[str, List[float]] = {}
    for kind in course.kinds():
        speedups, right, took = [], True, alone
        for s in range(1, course.workers + 1):
            with kind.Pool(s) as pool:
                took, its_right = run(pool, *job)
            right &= its_right
            speedups.append(alone / took)
            print(f"{kind}, {s} workers: {took:.4f} s, speed-up {speedups[-1]:.2f}")
        measured[kind.name] = speedups
        print(f"p = {1 - serial:.3f} as set, {fit(speedups):.3f} as fitted to the workers that have a CPU")
        course.check_timed(kind, right, alone, took, course.at_once(kind.mode, PIECES), 1 - serial)
    log.stop("end")

    most = max(16, course.workers)
    top = max([amdahl(1 - serial, most), *(s for speedups in measured.values() for s in speedups)]) * 1.1
    picture = Picture("Amdahl\u2019s law", f"{100 * serial:g} % of the job is serial", (1, most), top)
    picture.axes("workers", "speed-up", [(s, str(s)) for s in range(1, most + 1, (most + 15) // 16)])
    picture.curve("predicted", [(s, amdahl(1 - serial, s)) for s in range(1, most + 1)], dashed=True)
    for name, speedups in measured.items():
        picture.curve(name, list(enumerate(speedups, 1)), dots=True)
    picture.write(course.options.svg)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
