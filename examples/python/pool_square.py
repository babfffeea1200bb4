"""The squares of 1..5 on five workers, in each of the ways to call a pool."""

import operator
import sys

from course import PROCESSES, THREADS, Course

NUMBERS = range(1, 6)
SQUARES = [1, 4, 9, 16, 25]


def square(x: int) -> int:
    return x * x


def main() -> int:
    course = Course("pool_square", workers=5, modes=(THREADS, PROCESSES))
    pairs = list(zip(NUMBERS, NUMBERS))
    log = course.log()
    for kind in course.kinds():
        log.start(f"{kind}, start")
        with kind.Pool(course.workers) as pool:
            handles = [pool.apply_async(square, (x,)) for x in NUMBERS]
            ways = {
                "apply": [pool.apply(square, (x,)) for x in NUMBERS],
                "apply_async": [handle.get() for handle in handles],
                "map": pool.map(square, NUMBERS),
                "map_async": pool.map_async(square, NUMBERS).get(),
                "starmap": pool.starmap(operator.mul, pairs),
                "starmap_async": pool.starmap_async(operator.mul, pairs).get(),
                "imap": list(pool.imap(square, NUMBERS)),
                "imap_unordered": sorted(pool.imap_unordered(square, NUMBERS)),
            }
        log.stop("end")
        for way, squares in ways.items():
            print(f"{way:<16}{squares}")
        course.check(kind, all(squares == SQUARES for squares in ways.values()))
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
