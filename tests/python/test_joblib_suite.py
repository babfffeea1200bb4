"""joblib's own tests of parallel calls, run on Millpond's backends: see joblib_tests.py.

Some measure times. So one that fails is tried again, alone: it has failed when it fails three times.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from pathlib import Path

import outcomes
import pytest

pytest.importorskip("joblib", reason="joblib is not installed")
if importlib.util.find_spec("joblib.test.test_parallel") is None:
    pytest.skip("joblib is installed without its tests", allow_module_level=True)

RUNNER = Path(__file__).with_name("joblib_tests.py")

PROGRAM = "runs a program of its own, which has joblib's backends"
MEMORY = "wants arrays as files that are mapped: Millpond has memory of its own for large ones"
NAMES = "wants the names of joblib's classes"
INNER = "limits the threads of libraries inside workers: Millpond does not, and refuses inner_max_num_threads"
REUSED = "wants workers that outlive a call: here they do only within `with Parallel()`"
OWN = "wants the error of an executor that all calls share: here each has its own, and the second call works"
PROTOCOL = "changes how joblib asks its backend for results, for a class that knows both ways"
SLEEPS = "leaves a thread asleep for half a minute, for which the program waits at its end"
SEPARATED = "test_parallel.test_multiple_generator_call_separated_gc"
FASTEST = "test_parallel.test_parallel_unordered_generator_returns_fastest_first"
SKIPPED = {
    "test_parallel.test_parallel_with_interactively_defined_functions": PROGRAM,
    "test_parallel.test_parallel_with_unpicklable_functions_in_args": PROGRAM,
    "test_parallel.test_parallel_with_interactively_defined_functions_loky": PROGRAM,
    "test_parallel.test_parallel_with_interactively_defined_bound_method_loky": PROGRAM,
    "test_parallel.test_nested_parallel_warnings[threading-loky-True]": (
        "wants a warning that processes within threads are not had: Millpond starts them"
    ),
    "test_parallel.test_parallel_pickling": "wants loky's error: here it is what the pickler itself has raised",
    "test_parallel.test_batching_auto_threading": "wants no batches on threads: Millpond makes them there, too",
    "test_parallel.test_nested_exception_dispatch": "is expected to fail by joblib itself",
    "test_parallel.test_backend_no_multiprocessing": "is for a Python without multiprocessing",
    "test_parallel.test_retrieval_context[False-parallel_config]": PROTOCOL,
    "test_parallel.test_retrieval_context[False-parallel_backend]": PROTOCOL,
    "test_parallel.test_auto_memmap_on_arrays_from_generator": MEMORY,
    "test_parallel.test_memmapping_leaks": MEMORY,
    "test_config.test_parallel_config_no_backend": MEMORY,
    f"{FASTEST}[threading-2]": SLEEPS,
    f"{FASTEST}[threading-4]": SLEEPS,
    f"{SEPARATED}[generator-generator-loky-True]": OWN,
    f"{SEPARATED}[generator-generator_unordered-loky-True]": OWN,
    f"{SEPARATED}[generator_unordered-generator-loky-True]": OWN,
    f"{SEPARATED}[generator_unordered-generator_unordered-loky-True]": OWN,
    "test_parallel.test_backend_hinting_and_constraints_with_custom_backends": NAMES,
    "test_parallel.test_nested_parallelism_limit": NAMES,
    "test_parallel.test_parallel_thread_limit": INNER,
    "test_parallel.test_threadpool_limitation_in_child_loky": INNER,
    "test_parallel.test_threadpool_limitation_in_child_context": INNER,
    "test_parallel.test_threadpool_limitation_in_child_override": INNER,
    "test_parallel.test_loky_reuse_workers": REUSED,
    "test_parallel.test_initializer_reused": REUSED,
}


def run(*options: str) -> list[str]:
    return outcomes.lines([sys.executable, str(RUNNER), *options], 500)


@functools.lru_cache(maxsize=None)
def listed() -> set[str]:
    names = run("--list")
    return {*names, *(name.split("[")[0] for name in names)}


def test_what_joblib_tests() -> None:
    results = [json.loads(line) for line in run("--without", *SKIPPED)]
    assert sum(outcome == "passed" for _, outcome, _ in results) > 250
    assert [name for name, outcome, _ in results if outcome == "skipped"] == []
    for name, outcome, details in results:
        if outcome == "failed":
            again = [run("--only", name) for _ in range(2) if "." in name]
            assert any(json.loads(line)[1] == "passed" for lines in again for line in lines), f"{name}: {details}"


@pytest.mark.parametrize("name", SKIPPED)
def test_what_is_left_out(name: str) -> None:
    assert name in listed(), f"there is no {name} any more"
    pytest.skip(f"{name} {SKIPPED[name]}")
