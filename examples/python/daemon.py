"""S: a daemon works in the background and does not keep the program alive: so does a pool that nobody has joined.
What is handed to an executor is done before the program ends."""

import subprocess
import sys
import time
from typing import Any, List

from course import PROCESSES, THREADS, Course, Kind, kind

kept: List[Any] = []  # so that nobody closes it before the program ends


def work(seconds: float) -> None:
    time.sleep(seconds)
    print("done")


def program(its_kind: Kind, daemon: bool, seconds: float) -> None:
    """Starts the work, has nothing else to do, and ends."""
    if daemon:
        pool = its_kind.Pool(1)
        pool.apply_async(work, (seconds,))
    else:
        pool = its_kind.Executor(1)
        pool.submit(work, seconds)
    kept.append(pool)


def run_program(its_kind: Kind, daemon: bool, seconds: float) -> bool:
    """Runs this file as the program; returns whether the work was done."""
    what = f"{its_kind.mode},{its_kind.by},{daemon:d},{seconds}"
    command = [sys.executable, __file__, "--program", what]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return ended.stdout == "done\n"


def main() -> int:
    course = Course("daemon", workers=1, modes=(THREADS, PROCESSES), program="")
    if course.options.program:
        mode, by, daemon, seconds = course.options.program.split(",")
        program(kind(mode, by), daemon == "1", float(seconds))
        return 0
    pause = course.size(0.05, 0.1, 5.0)
    log = course.log()
    for its_kind in course.kinds():
        log.start(f"{its_kind.mode}, {its_kind.by}: a program with an executor")
        joined = run_program(its_kind, False, pause)
        first = log.stop("ended after its work" if joined else "ended before its work")
        log.start(f"{its_kind.mode}, {its_kind.by}: a program with a pool, a daemon")
        outlived = run_program(its_kind, True, 20 + pause)
        second = log.stop("ended after its work" if outlived else "ended before its work")
        course.check(its_kind, joined and first >= pause and not outlived and second < 20 + pause)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
