"""The distance matrix on pools of 1, 2, 4 and so on workers, as a picture: more of them than CPUs are of no use, and
making them costs."""

import statistics
import sys
import time
from typing import Dict, List, Tuple

from course import Course, Kind, cpus
from picture import Picture
from places import Calculator, Row, read_places

ROUNDS = 3


def measure(kind: Kind, workers: int, calculate: Calculator, expected: List[Row]) -> Tuple[float, float, bool]:
    """The seconds on a pool that is there, and those with making and closing it; and whether all was right."""
    there, made, right = [], [], True
    for _ in range(ROUNDS):
        start = time.perf_counter()
        with kind.Pool(workers) as pool:
            right &= pool.map(calculate, range(len(expected))) == expected  # the first map waits for the workers
            first = time.perf_counter()
            right &= pool.map(calculate, range(len(expected))) == expected
            there.append(time.perf_counter() - first)
            pool.close()
            pool.join()
        made.append(time.perf_counter() - start - there[-1])
    return statistics.median(there), statistics.median(made), right


def main() -> int:
    course = Course("distance_sweep", workers=8, svg="distance_sweep.svg")
    places = read_places("many")[: course.size(20, 100, 1_000)]
    calculate = Calculator(places)
    log = course.log()
    log.start("start")
    expected = [calculate(i) for i in range(len(places))]
    alone = log.stop("without a pool")

    sizes = [2**k for k in range(course.workers.bit_length())]
    curves: Dict[str, List[Tuple[float, float]]] = {}
    for kind in course.kinds():
        right = True
        for i, workers in enumerate(sizes):
            there, made, same = measure(kind, workers, calculate, expected)
            right &= same
            print(f"{kind}, {workers} workers: {there:.6f} s, with making and closing them {made:.6f} s")
            curves.setdefault(f"{kind}", []).append((i, there))
            curves.setdefault(f"{kind}, made and closed", []).append((i, made))
        course.check(kind, right)
    log.stop("end")

    top = max([alone, *(seconds for curve in curves.values() for _, seconds in curve)]) * 1.05
    title = f"milliseconds by the size of the pool, on {cpus()} CPUs"
    picture = Picture("The distance matrix", title, (0, len(sizes) - 1), top)
    picture.axes("workers", "milliseconds", [(i, str(workers)) for i, workers in enumerate(sizes)], 1000)
    picture.curve("without a pool", [(0, alone), (len(sizes) - 1, alone)], dashed=True)
    for name, curve in curves.items():
        picture.curve(name, curve, dots=True)
    picture.write(course.options.svg)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
