"""Two locks taken in opposite order by two: each has what the other waits for. A time limit tells; it is cured."""

import sys
from typing import Any, Dict, Tuple

from course import PROCESSES, THREADS, Course

locks: Dict[str, Any]
both: Any  # a barrier


def share(its_locks: Dict[str, Any], its_both: Any) -> None:
    """Runs first in every worker: locks can be handed on to processes only while these are made."""
    global locks, both
    locks, both = its_locks, its_both


def take_both(name: str, order: Tuple[str, str], meet: bool, patience: float) -> bool:
    """Returns whether both locks were to be had."""
    first, second = (locks[what] for what in order)
    with first:
        if meet:
            both.wait()  # now the other one has a lock, too
        if not second.acquire(timeout=patience):
            print(f"{name} gives up: it has the {order[0]}, somebody else has the {order[1]}")
            return False
        print(f"{name} has both locks")
        second.release()
        return True


def main() -> int:
    course = Course("deadlock", workers=2, modes=(THREADS, PROCESSES))
    patience = course.size(0.05, 0.2, 2.0)
    log = course.log()
    for kind in course.kinds():
        its_locks = {"pen": kind.objects.Lock(), "paper": kind.objects.Lock()}
        with kind.Pool(max(course.workers, 2), share, (its_locks, kind.objects.Barrier(2))) as pool:
            log.start(f"{kind}, in opposite order")
            alice = pool.apply_async(take_both, ("alice", ("pen", "paper"), True, patience))
            bob = pool.apply_async(take_both, ("bob", ("paper", "pen"), True, patience))
            stuck = not (alice.get() and bob.get())
            log.step("in the same order")
            alice = pool.apply_async(take_both, ("alice", ("pen", "paper"), False, 60))
            bob = pool.apply_async(take_both, ("bob", ("pen", "paper"), False, 60))
            cured = alice.get() and bob.get()
            log.stop("end")
        course.check(kind, stuck and cured)
    return course.end()


if __name__ == "__main__":
    sys.exit(main())
