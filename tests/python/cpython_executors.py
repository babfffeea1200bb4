"""Runs CPython's own tests of executors against Millpond's: cpython_executors.py MODULE [--standard] [--only TEST ...]

Started by test_cpython_executors.py with an interpreter that has them. Millpond's classes take the names of the
standard ones before a module of tests is imported, and in the scripts that tests start. Prints one line of JSON for
each test: [name, outcome, details].
"""

from __future__ import annotations

import argparse
import concurrent.futures
import importlib
import sys
from collections.abc import Callable
from typing import Any

from outcomes import add_choices, run_chosen

PACKAGE = "test.test_concurrent_futures"
FOR_SCRIPTS = """if True:
    import concurrent.futures, millpond, sys
    concurrent.futures.ThreadPoolExecutor = millpond.ThreadPoolExecutor
    concurrent.futures.ProcessPoolExecutor = millpond.ProcessPoolExecutor
"""


def take_their_names() -> None:
    import millpond

    class ProcessPoolExecutor(millpond.ProcessPoolExecutor):
        """What the tests rely on is the standard behaviour, which is an option here."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, on_worker_death="break", **kwargs)

    futures: Any = concurrent.futures
    futures.ThreadPoolExecutor = millpond.ThreadPoolExecutor
    futures.ProcessPoolExecutor = ProcessPoolExecutor
    futures.Future = futures._base.Future = millpond.Future


def keep_to_fork(util: Any) -> None:
    """Tests are made for threads and for processes that are forked, as Millpond's are."""
    create = util.create_executor_tests

    def create_fewer(namespace: dict[str, Any], mixin: type, **options: Any) -> None:
        mixins = options.pop("executor_mixins", (util.ThreadPoolMixin, util.ProcessPoolForkMixin))
        dropped = (util.ProcessPoolSpawnMixin, util.ProcessPoolForkserverMixin)
        create(namespace, mixin, executor_mixins=[each for each in mixins if each not in dropped], **options)

    util.create_executor_tests = create_fewer


def in_scripts(module: Any) -> None:
    """The scripts that tests start isolated from the environment use Millpond, too."""
    start: Callable[..., Any] = module.assert_python_ok
    path = f"    sys.path[:0] = {sys.path!r}\n"

    def assert_python_ok(option: str, script: str, *rest: Any, **options: Any) -> Any:
        first, *others = FOR_SCRIPTS.splitlines(keepends=True)
        prologue = first + "    import sys\n" + path + "".join(others)
        return start(option, prologue + script, *rest, **options)

    module.assert_python_ok = assert_python_ok


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module")
    parser.add_argument("--standard", action="store_true", help="against the standard library's own classes")
    add_choices(parser)
    options = parser.parse_args()

    if not options.standard:
        take_their_names()
    # Else tests say how long they took, amid the lines of this.
    support: Any = importlib.import_module("test.support")
    support.verbose = 0
    keep_to_fork(importlib.import_module(f"{PACKAGE}.util"))
    module = importlib.import_module(f"{PACKAGE}.{options.module}")
    if not options.standard and hasattr(module, "assert_python_ok"):
        in_scripts(module)

    run_chosen(module, options)


if __name__ == "__main__":
    main()
