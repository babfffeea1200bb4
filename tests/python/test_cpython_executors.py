"""CPython's own tests of executors, run against Millpond's by an interpreter that has them: see cpython_executors.py.

They sleep and measure times. So one that fails is tried again, alone: it has failed when it fails three times.
"""

from __future__ import annotations

import functools
import json
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import outcomes
import pytest
import pythons

RUNNER = Path(__file__).with_name("cpython_executors.py")
VERSION = "3.13"
# The longest first.
MODULES = [
    "test_wait",
    "test_thread_pool",
    "test_as_completed",
    "test_shutdown",
    "test_deadlock",
    "test_process_pool",
    "test_future",
    "test_init",
]

ALL_START = "counts threads before all are needed: Millpond starts them all with the first call"
ONLY_FORK = "is about workers that are not forked: Millpond's are"
NO_MORE_DAMAGE = "wants the executor broken: in Millpond the one call fails, with the error"
AT_LEAST_ONE = "takes for granted that a call has begun before those that wait are cancelled: see test_futures.py"
ENCODING = "wants the error of the pickler itself: it is a MaybeEncodingError, as in multiprocessing"
DEADLOCK = "test_deadlock.ProcessPoolForkExecutorDeadlockTest"
PROCESS = "test_process_pool.ProcessPoolForkProcessPoolExecutorTest"
SHUTDOWN = "test_shutdown.ProcessPoolForkProcessPoolShutdownTest"
SKIPPED = {
    "test_thread_pool.ThreadPoolExecutorTest.test_idle_thread_reuse": ALL_START,
    "test_shutdown.ThreadPoolShutdownTest.test_threads_terminate": ALL_START,
    "test_shutdown.ThreadPoolShutdownTest.test_cancel_futures": AT_LEAST_ONE,
    f"{SHUTDOWN}.test_cancel_futures": AT_LEAST_ONE,
    f"{SHUTDOWN}.test_hang_gh83386": "is one on which the standard executor hangs, and skips processes itself",
    f"{PROCESS}.test_idle_process_reuse_one": ONLY_FORK,
    f"{PROCESS}.test_idle_process_reuse_multiple": ONLY_FORK,
    f"{PROCESS}.test_max_tasks_early_shutdown": ONLY_FORK,
    f"{PROCESS}.test_max_tasks_per_child": "wants max_tasks_per_child refused where workers are forked: it works here",
    f"{PROCESS}.test_max_tasks_per_child_defaults_to_spawn_context": ONLY_FORK,
    f"{PROCESS}.test_max_workers_too_large": "is for Windows only",
    f"{PROCESS}.test_python_finalization_error": "breaks a thread of the standard executor, which Millpond has not",
    "test_init.FailingInitializerResourcesTest.test_spawn": ONLY_FORK,
    "test_init.FailingInitializerResourcesTest.test_forkserver": ONLY_FORK,
    f"{DEADLOCK}.test_error_at_task_unpickle": NO_MORE_DAMAGE,
    f"{DEADLOCK}.test_exit_at_task_unpickle": NO_MORE_DAMAGE,
    f"{DEADLOCK}.test_error_during_result_unpickle_in_result_handler": NO_MORE_DAMAGE,
    f"{DEADLOCK}.test_exit_during_result_unpickle_in_result_handler": NO_MORE_DAMAGE,
    f"{DEADLOCK}.test_error_during_result_pickle_on_worker": ENCODING,
    f"{DEADLOCK}.test_exit_during_result_pickle_on_worker": ENCODING,
}


@functools.lru_cache(maxsize=None)
def interpreter() -> str:
    """The one that has the tests; else all here is skipped."""
    found = pythons.interpreter(VERSION)
    if subprocess.run([found, "-c", "import test.test_concurrent_futures"], capture_output=True).returncode:
        pytest.skip(f"{found} lacks the package test.test_concurrent_futures")
    return found


def run(python: str, module: str, *options: str) -> list[str]:
    return outcomes.lines([python, str(RUNNER), module, *options], 240)


def all_of(python: str, module: str) -> list[list[str]]:
    without = [name.split(".", 1)[1] for name in SKIPPED if name.startswith(f"{module}.")]
    return [json.loads(line) for line in run(python, module, *(["--without", *without] if without else []))]


@functools.lru_cache(maxsize=None)
def listed(module: str) -> list[str]:
    return run(interpreter(), module, "--list")


@pytest.fixture(scope="module")
def started() -> dict[str, Future[list[list[str]]]]:
    """All modules run at once, as they mostly sleep."""
    python = interpreter()
    threads = ThreadPoolExecutor(3)
    futures = {module: threads.submit(all_of, python, module) for module in MODULES}
    threads.shutdown(wait=False)
    return futures


@pytest.mark.parametrize("module", MODULES)
def test_what_cpython_tests(module: str, started: dict[str, Future[list[list[str]]]]) -> None:
    results = started[module].result()
    assert any(outcome == "passed" for _, outcome, _ in results)
    assert [name for name, outcome, _ in results if outcome == "skipped"] == []
    for name, outcome, details in results:
        if outcome == "failed":
            again = [run(interpreter(), module, "--only", name) for _ in range(2) if "." in name]
            assert any(json.loads(line)[1] == "passed" for lines in again for line in lines), f"{name}: {details}"


@pytest.mark.parametrize("name", SKIPPED)
def test_what_is_left_out(name: str) -> None:
    module, test = name.split(".", 1)
    assert test in listed(module), f"there is no {name} any more"
    pytest.skip(f"{name} {SKIPPED[name]}")
