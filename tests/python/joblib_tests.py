"""Runs joblib's own tests of parallel calls on Millpond's backends: joblib_tests.py [--only TEST ...]

joblib brings its tests with it. Its backends of processes and of threads are replaced by Millpond's before they are
imported: what they say of "loky" and "threading", of the default and of nested calls, is said of "millpond" and
"millpond_threads". Prints one line of JSON for each test: [name, outcome, details].
"""

from __future__ import annotations

import argparse
import json
import multiprocessing.context
import sys
from typing import Any

import joblib._parallel_backends as backends
import joblib.parallel as parallel
import pytest

import millpond.joblib

MODULES = ["joblib.test.test_parallel", "joblib.test.test_config"]


def take_their_names() -> None:
    processes, threads = millpond.joblib.MillpondBackend, millpond.joblib.MillpondThreadsBackend
    backends.LokyBackend = backends.MultiprocessingBackend = processes
    backends.ThreadingBackend = threads
    parallel.BACKENDS.clear()
    parallel.BACKENDS.update(loky=processes, threading=threads)


class Lines:
    """Chooses the tests, and tells each outcome as soon as it is known: a plugin of pytest."""

    def __init__(self, options: Any) -> None:
        self.options = options

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        only, without = self.options.only, self.options.without
        items[:] = [
            item for item in items if applies(item) and not named(item, without) and (not only or named(item, only))
        ]
        if self.options.list:
            for item in items:
                print(name_of(item.nodeid))
            items.clear()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or not report.passed:
            details = "" if report.passed else str(report.longrepr)[-4000:]
            print(json.dumps([name_of(report.nodeid), report.outcome, details]), file=sys.__stdout__, flush=True)


def name_of(node: str) -> str:
    """test_parallel.test_simple_parallel[...]"""
    path, test = node.split("::", 1)
    return f"{path.rsplit('/', 1)[-1][: -len('.py')]}.{test}"


def named(item: Any, names: list[str]) -> bool:
    """Whether it is one of these: a test without its parameters stands for all of its kind."""
    name = name_of(item.nodeid)
    return name in names or name.split("[")[0] in names


def applies(item: Any) -> bool:
    """Not what is said of a second backend of processes, or of joblib's own for one job, or of start methods."""
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return not any(
        value in ("multiprocessing", "sequential", "spawn") or isinstance(value, multiprocessing.context.BaseContext)
        for value in values
        if isinstance(value, (str, multiprocessing.context.BaseContext))
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="names the tests and runs none")
    parser.add_argument("--only", nargs="+", default=[], help="these tests, as MODULE.TEST")
    parser.add_argument("--without", nargs="+", default=[], help="all but these")
    options = parser.parse_args()
    take_their_names()
    settings = ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:warnings", "-o", "timeout=100"]
    code = pytest.main([*settings, "-c", "/dev/null", "--pyargs", *MODULES], [Lines(options)])
    return 0 if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED) else code


if __name__ == "__main__":
    sys.exit(main())
