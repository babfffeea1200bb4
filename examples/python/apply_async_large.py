"""As apply_async, with a hundred jobs that are large enough for the pool to pay."""

import sys

from course import Course, sum_all_values, sum_by_formula

COUNT = 100


def main() -> int:
    course = Course("apply_async_large", workers=4)
    first = course.size(1_000, 80_000, 100_000_000)
    numbers = range(first, first + COUNT)
    log = course.log()

    log.start("sequential, start")
    alone = [sum_all_values(x) for x in numbers]
    sequential = log.stop("sequential, end")

    for kind in course.kinds():
        log.start(f"apply_async on {kind}, start")
        with kind.Pool(course.workers) as pool:
            handles = [pool.apply_async(sum_all_values, (x,)) for x in numbers]
            log.step("all handed over, the main thread does something else")
            sums = [handle.get() for handle in handles]
        parallel = log.stop("apply_async, end")

        print(f"first {sums[0]}, last {sums[-1]}")
        right = sums == alone == [sum_by_formula(x) for x in numbers]
        course.check_timed(kind, right, sequential, parallel, course.at_once(kind.mode, COUNT))
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
