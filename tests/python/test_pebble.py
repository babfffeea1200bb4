"""pebble's own tests of its pools, run on Millpond's: see pebble_tests.py, and pebble_shim.py for what they call.

They are those for workers that are forked, and for threads. The others are the same ones for other start methods, which
Millpond has not, or about decorators. They sleep and measure times. So one that fails is tried again, alone: it has
failed when it fails three times.
"""

from __future__ import annotations

import functools
import json
import sys
import tarfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import outcomes
import pytest

RUNNER = Path(__file__).with_name("pebble_tests.py")
SOURCES = Path(__file__).resolve().parent.parent.parent / "build" / "peers"
MODULES = ["test_process_pool_fork", "test_thread_pool"]
ENGINES = ["executor", "pool"]

FASTER = "takes for granted that a call has begun 0.1 s after one that takes as long: it may be cancelled before"
INSIDE = "replaces a function inside pebble, to break its pool"
BROKEN = "sets the status inside pebble's pool, as if it were broken"
FOR_EVER = "wants calls that never end after a stop: here each of them ends, as cancelled or terminated"
SKIPPED = {
    "test_process_pool_fork.TestAsyncIOProcessPool.test_process_pool_stop_cancel": FASTER,
    "test_process_pool_fork.TestProcessPool.test_process_pool_stop_cancel": FASTER,
    "test_process_pool_fork.TestProcessPool.test_process_pool_active_error": INSIDE,
    "test_process_pool_fork.TestProcessPool.test_process_pool_broken_pickling_error": (
        "wants a broken pool after an exception that cannot be unpickled: here the error says what could not be"
    ),
    "test_process_pool_fork.TestProcessPool.test_process_pool_expired_worker": (
        "asks for the process of a worker after the call that ends it: it may have been replaced already"
    ),
    "test_process_pool_fork.TestProcessPool.test_process_pool_map_broken_pool": BROKEN,
    "test_process_pool_fork.TestProcessPool.test_process_pool_pickling_error_result": (
        "wants the error of the pickler itself: it is a MaybeEncodingError, as in multiprocessing"
    ),
    "test_process_pool_fork.TestProcessPool.test_process_pool_stop_futures": FOR_EVER,
    "test_process_pool_fork.TestProcessPoolDeadlockOnCancelLargeData.test_pool_deadlock_stop_cancel": (
        "moves two gigabytes, which takes a busy machine longer than all the others"
    ),
    "test_process_pool_fork.TestProcessPoolDeadlockOnNewFutures.test_pool_deadlock_stop": INSIDE,
    "test_process_pool_fork.TestProcessPoolDeadlockOnResult.test_pool_deadlock": INSIDE,
    "test_thread_pool.TestThreadPool.test_thread_pool_active_error": INSIDE,
    "test_thread_pool.TestThreadPool.test_thread_pool_map_broken_pool": BROKEN,
    "test_thread_pool.TestThreadPool.test_thread_pool_stop_futures": FOR_EVER,
    "test_thread_pool.TestThreadPool.test_thread_pool_tasks_limit": (
        "wants a thread replaced after so many calls: Millpond replaces processes only"
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tests are; without pebble's source package, all here is skipped."""
    if sys.version_info < (3, 10):
        pytest.skip("pebble's tests need Python 3.10")
    packages = sorted(SOURCES.glob("pebble-*.tar.gz"))
    if not packages:
        pytest.skip("pebble's source package is not there: tools/setup.py could not download it")
    unpacked = tmp_path_factory.mktemp("pebble")
    with tarfile.open(packages[-1]) as package:
        for member in package:
            file = package.extractfile(member) if Path(member.name).parent.name == "test" else None
            if file is not None:
                (unpacked / Path(member.name).name).write_bytes(file.read())
    return unpacked


def run(folder: Path, module: str, engine: str, *options: str) -> list[str]:
    return outcomes.lines([sys.executable, str(RUNNER), str(folder), module, engine, *options], 500)


@functools.lru_cache(maxsize=None)
def listed(folder: Path, module: str) -> list[str]:
    return run(folder, module, "executor", "--list")


@pytest.fixture(scope="module")
def started(folder: Path) -> dict[tuple[str, str], Future[list[str]]]:
    """Both modules run at once on both engines, as they mostly sleep."""
    threads = ThreadPoolExecutor(len(MODULES) * len(ENGINES))
    futures = {}
    for module in MODULES:
        without = [name.split(".", 1)[1] for name in SKIPPED if name.startswith(f"{module}.")]
        for engine in ENGINES:
            futures[module, engine] = threads.submit(run, folder, module, engine, "--without", *without)
    threads.shutdown(wait=False)
    return futures


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("module", MODULES)
def test_what_pebble_tests(
    module: str, engine: str, folder: Path, started: dict[tuple[str, str], Future[list[str]]]
) -> None:
    results = [json.loads(line) for line in started[module, engine].result()]
    assert sum(outcome == "passed" for _, outcome, _ in results) > 20
    assert [name for name, outcome, _ in results if outcome == "skipped"] == []
    for name, outcome, details in results:
        if outcome == "failed":
            again = [run(folder, module, engine, "--only", name) for _ in range(2) if "." in name]
            assert any(json.loads(line)[1] == "passed" for lines in again for line in lines), f"{name}: {details}"


@pytest.mark.parametrize("name", SKIPPED)
def test_what_is_left_out(name: str, folder: Path) -> None:
    module, test = name.split(".", 1)
    assert test in listed(folder, module), f"there is no {name} any more"
    pytest.skip(f"{name} {SKIPPED[name]}")
