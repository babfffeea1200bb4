"""Work in the background that does not keep the program alive: that of a pool which nobody has joined. What is
handed to an executor keeps it alive, until all is done."""

import subprocess
import sys
import time
from typing import Any, List

from course import PROCESSES, THREADS, Course, Kind, kind

kept: List[Any] = []  # so that nobody closes it before the program ends


def work(seconds: float) -> None:
    time.sleep(seconds)
    print("done")


def program(its_kind: Kind, daemon: bool, count: int, seconds: float) -> None:
    """Starts the work, has nothing else to do, and ends."""
    if daemon:
        pool = its_kind.Pool(1)
        kept.extend([pool, *(pool.apply_async(work, (seconds,)) for _ in range(count))])
    else:
        executor = its_kind.Executor(1)
        kept.extend([executor, *(executor.submit(work, seconds) for _ in range(count))])


def run_program(its_kind: Kind, daemon: bool, count: int, seconds: float) -> bool:
    """Runs this file as the program; returns whether all of the work was done."""
    what = f"{its_kind.mode},{its_kind.by},{daemon:d},{count},{seconds}"
    command = [sys.executable, __file__, "--program", what]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return ended.stdout == "done\n" * count


def main() -> int:
    course = Course("daemon", workers=1, modes=(THREADS, PROCESSES), program="")
    if course.options.program:
        mode, by, daemon, count, seconds = course.options.program.split(",")
        program(kind(mode, by), daemon == "1", int(count), float(seconds))
        return 0
    pause = course.size(0.01, 0.03, 1.0)
    log = course.log()
    for its_kind in course.kinds():
        log.start(f"{its_kind.mode}, {its_kind.by}: a program with an executor")
        joined = run_program(its_kind, False, 3, pause)
        first = log.stop("ended after its work" if joined else "ended before its work")
        log.start(f"{its_kind.mode}, {its_kind.by}: a program with a pool, a daemon")
        outlived = run_program(its_kind, True, int(60 / pause), pause)  # a minute of work
        second = log.stop("ended after its work" if outlived else "ended before its work")
        course.check(its_kind, joined and first >= 3 * pause and not outlived and second < 60)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
