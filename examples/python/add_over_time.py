"""Jobs are added while others run, at any time before close(); after it, adding one is an error."""

import sys
import time
from typing import List

from course import Course, sum_all_values, sum_by_formula

COUNT = 4


def main() -> int:
    course = Course("add_over_time", workers=4)
    first = course.size(1_000, 2_000_000, 100_000_000)
    pause = course.size(0.01, 0.1, 1.0)
    numbers = range(first, first + COUNT)
    log = course.log()

    log.start("sequential, start")
    alone = []
    for x in numbers:
        alone.append(sum_all_values(x))
        time.sleep(pause if x != numbers[-1] else 0)
    sequential = log.stop("sequential, end")

    for kind in course.kinds():
        results: List[int] = []  # no lock: callbacks never overlap
        refusal = ""
        log.start(f"{kind}, start")
        pool = kind.Pool(course.workers)
        for x in numbers:
            pool.apply_async(sum_all_values, (x,), callback=results.append)
            log.step("a job was added")
            time.sleep(pause if x != numbers[-1] else 0)
        pool.close()
        try:
            pool.apply_async(sum_all_values, (first,))
        except ValueError as error:
            refusal = str(error)
        print("one more after close:", refusal or "taken")
        pool.join()
        parallel = log.stop("joined")

        right = sorted(results) == sorted(alone) == [sum_by_formula(x) for x in numbers] and refusal != ""
        p = (sequential - (COUNT - 1) * pause) / sequential
        course.check_timed(kind, right, sequential, parallel, course.at_once(kind.mode, COUNT), p)
    print("the pauses are the serial part; the jobs run during them, which the law does not know")
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
