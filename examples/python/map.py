"""One function over a hundred numbers on a pool of four workers; the results come back in order."""

import sys

from course import Course, sum_all_values, sum_by_formula

COUNT = 100


def main() -> int:
    course = Course("map", workers=4)
    first = course.size(1_000, 80_000, 100_000_000)
    numbers = range(first, first + COUNT)
    log = course.log()

    log.start("sequential, start")
    alone = [sum_all_values(x) for x in numbers]
    sequential = log.stop("sequential, end")

    for kind in course.kinds():
        log.start(f"map on {kind}, start")
        with kind.Pool(course.workers) as pool:
            sums = pool.map(sum_all_values, numbers)
        parallel = log.stop("map, end")

        print(sums)
        right = sums == alone == [sum_by_formula(x) for x in numbers]
        course.check_timed(kind, right, sequential, parallel, course.at_once(kind.mode, COUNT))
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
