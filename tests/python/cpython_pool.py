"""Runs CPython's own tests of multiprocessing.Pool, from the interpreter that runs this, on millpond's pools.

    python tests/python/cpython_pool.py processes|threads

Says `ok`, `skipped: why` or what went wrong of each test, and ends with how many there were; status 77 where the tests
are not installed.
"""

from __future__ import annotations

import importlib
import multiprocessing
import multiprocessing.pool
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "bindings" / "python"))

import millpond

try:
    theirs: Any = importlib.import_module("test._test_multiprocessing")
except ImportError as missing:
    print(f"the tests of this Python are not installed: {missing}")
    sys.exit(77)

# With it a lambda can be sent, and a test wants that it cannot.
sys.modules["cloudpickle"] = None  # type: ignore[assignment]

# What is not run, and why.
SKIPPED = {
    ("TestPoolWorkerLifetime", "test_worker_finalization_via_atexit_handler_of_multiprocessing"): (
        "runs a program of its own that imports multiprocessing's Pool; tests/python/test_exit.py has it on ours"
    ),
}
if sys.version_info < (3, 13):
    SKIPPED["OnThreads", "test_terminate"] = (
        "waits for minutes for a thread that has begun to sleep: the test was mended in 3.13, by a shorter sleep"
    )
CASES = ("_TestPool", "_TestPoolWorkerErrors", "_TestPoolWorkerLifetime")


class OnProcesses(theirs.ProcessesMixin):  # type: ignore[misc]
    Pool = staticmethod(millpond.Pool)


class OnThreads(theirs.ThreadsMixin):  # type: ignore[misc]
    Pool = staticmethod(millpond.ThreadPool)


def suite(kind: str) -> unittest.TestSuite:
    mixin = OnProcesses if kind == "processes" else OnThreads
    tests = unittest.TestSuite()
    for name in CASES:
        base = getattr(theirs, name)
        if kind in base.ALLOWED_TYPES:
            case = type(name[1:], (base, mixin, unittest.TestCase), {"__module__": __name__})
            # Workers find the functions of a test by the name of its class.
            globals()[case.__name__] = case
            for method in unittest.defaultTestLoader.getTestCaseNames(case):
                test = case(method)
                why = SKIPPED.get((case.__name__, method)) or SKIPPED.get((mixin.__name__, method))
                if why:
                    setattr(test, method, unittest.skip(why)(lambda: None))
                tests.addTest(test)
    return tests


def main(kind: str) -> int:
    multiprocessing.set_start_method("fork", force=True)
    # Some tests take the class from there, and not from the mixin.
    multiprocessing.Pool = millpond.Pool  # type: ignore[assignment]
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite(kind))
    return 0 if result.wasSuccessful() and result.testsRun > 20 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
