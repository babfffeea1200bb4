"""One function in one new process, joined."""

import multiprocessing
import os
import sys
import threading
from typing import Any

from course import OURS, PROCESSES, Course


def hello(name: str) -> int:
    print(f"hello {name}, this is process {os.getpid()}")
    return os.getpid()


def hello_into(pids: Any, name: str) -> None:
    """What a process of the standard library returns is lost: it needs a queue."""
    pids.put(hello(name))


def main() -> int:
    course = Course("process_hello", workers=1)
    log = course.log()
    for kind in course.kinds():
        log.start(f"{kind.mode}, {kind.by}, start")
        if kind.by == OURS:
            with kind.Pool(1) as pool:
                other = pool.apply(hello, ("bob",))
                pool.close()
                pool.join()
        else:
            pids = kind.simple_queue()
            new = multiprocessing.Process if kind.mode == PROCESSES else threading.Thread
            process: Any = new(target=hello_into, args=(pids, "bob"))
            process.start()
            other = pids.get()
            process.join()
        log.stop("joined")
        gone = not os.path.exists(f"/proc/{other}")
        print(f"the program is process {os.getpid()}, the function ran in {other},", "gone" if gone else "there")
        # A thread would have run in this very process.
        course.check(kind, other != os.getpid() and gone if kind.mode == PROCESSES else other == os.getpid())
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
