"""Two print lines letter by letter. What they print is mixed up, unless each locks the page for a whole line."""

import os
import sys
import time
from contextlib import nullcontext
from typing import Any

from course import THREADS, Course, Kind

WIDTH = 10

page: int  # the end of a pipe where to print
lock: Any


def share(its_page: int, its_lock: Any) -> None:
    """Runs first in every worker: a lock can be handed on to processes only while these are made."""
    global page, lock
    page, lock = its_page, its_lock


def print_lines(letter: str, lines: int) -> None:
    for _ in range(lines):
        with lock:
            for character in letter * WIDTH + "\n":
                os.write(page, character.encode())
                time.sleep(0.00001)


def print_together(kind: Kind, its_lock: Any, lines: int) -> int:
    """Returns how many lines are whole: ten times the same letter."""
    read, write = os.pipe()
    with open(read, encoding="ascii") as paper, kind.Pool(2, share, (write, its_lock)) as pool:
        printers = [pool.apply_async(print_lines, (letter, lines)) for letter in "ab"]
        text = [paper.readline() for _ in range(2 * lines)]
        for printer in printers:
            printer.get()
    os.close(write)
    print(*text[:4], sep="", end="")
    return sum(line in ("a" * WIDTH + "\n", "b" * WIDTH + "\n") for line in text)


def main() -> int:
    course = Course("interleave", workers=2, modes=(THREADS,))
    lines = course.size(20, 100, 5_000)
    log = course.log()
    for kind in course.kinds():
        log.start(f"{kind}, without a lock")
        print(f"without a lock: {print_together(kind, nullcontext(), lines)} of {2 * lines} lines are whole")
        log.step("with a lock")
        whole = print_together(kind, kind.objects.Lock(), lines)
        print(f"with a lock: {whole} of {2 * lines} lines are whole")
        log.stop("end")
        course.check(kind, whole == 2 * lines)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
