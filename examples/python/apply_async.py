"""Ten small jobs are handed over, the main thread does something else, then each result is fetched."""

import sys

from course import Course, sum_all_values, sum_by_formula

NUMBERS = range(10_000, 10_010)  # the course's size: it takes no time in any of the sizes


def main() -> int:
    course = Course("apply_async", workers=4)
    log = course.log()

    log.start("sequential, start")
    alone = [sum_all_values(x) for x in NUMBERS]
    sequential = log.stop("sequential, end")

    for kind in course.kinds():
        log.start(f"apply_async on {kind}, start")
        with kind.Pool(course.workers) as pool:
            handles = [pool.apply_async(sum_all_values, (x,)) for x in NUMBERS]
            log.step("all handed over, the main thread does something else")
            sums = [handle.get() for handle in handles]
        parallel = log.stop("apply_async, end")

        print(sums)
        right = sums == alone == [sum_by_formula(x) for x in NUMBERS]
        course.check_timed(kind, right, sequential, parallel, course.at_once(kind.mode, len(NUMBERS)))
    print("jobs of less than a millisecond: what is timed here is the start of the pool")
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
