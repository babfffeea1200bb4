"""joblib on Millpond's backends, where joblib is installed."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

joblib = pytest.importorskip("joblib", reason="joblib is not installed")
backends = pytest.importorskip("millpond.joblib")

BACKENDS = ["millpond", "millpond_threads"]


def square(number: int) -> int:
    return number * number


def unlucky(number: int) -> int:
    if number == 13:
        raise LookupError("thirteen")
    return number


def where() -> Any:
    return os.getpid(), threading.get_ident()


@pytest.mark.parametrize("name", BACKENDS)
def test_parallel(name: str) -> None:
    with joblib.parallel_config(name, n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(square)(n) for n in range(1000)) == [n * n for n in range(1000)]
        generated = joblib.Parallel(return_as="generator")(joblib.delayed(square)(n) for n in range(10))
        assert list(generated) == [n * n for n in range(10)]
        places = set(joblib.Parallel()(joblib.delayed(where)() for _ in range(20)))
        assert where() not in places
        assert (os.getpid() in {pid for pid, _ in places}) == (name == "millpond_threads")


@pytest.mark.parametrize("name", BACKENDS)
def test_errors_come_back_and_the_next_call_works(name: str) -> None:
    with joblib.parallel_config(name, n_jobs=2):
        for _ in range(3):
            # Within one `with Parallel()`, joblib itself mixes up the two calls, with any backend.
            with pytest.raises(LookupError, match="thirteen"):
                joblib.Parallel()(joblib.delayed(unlucky)(n) for n in range(50))
            assert joblib.Parallel()(joblib.delayed(unlucky)(n) for n in range(5)) == list(range(5))
        with joblib.Parallel() as parallel:
            for _ in range(3):
                assert parallel(joblib.delayed(unlucky)(n) for n in range(5)) == list(range(5))


@pytest.mark.parametrize("name", BACKENDS)
def test_one_job_needs_no_worker(name: str) -> None:
    with joblib.parallel_config(name, n_jobs=1):
        assert joblib.Parallel()(joblib.delayed(where)() for _ in range(3)) == [where()] * 3
    with joblib.parallel_config(name, n_jobs=0), pytest.raises(ValueError, match="n_jobs"):
        joblib.Parallel()(joblib.delayed(where)() for _ in range(3))


def test_nested_calls() -> None:
    def outer(number: int) -> int:
        return sum(joblib.Parallel(n_jobs=2)(joblib.delayed(square)(n) for n in range(number)))

    with joblib.parallel_config("millpond_threads", n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(outer)(n) for n in range(4)) == [0, 0, 1, 5]


def test_options_are_those_of_the_executor() -> None:
    with joblib.parallel_config("millpond", n_jobs=2, max_tasks_per_child=1):
        pids = joblib.Parallel(batch_size=1)(joblib.delayed(os.getpid)() for _ in range(6))
    assert len(set(pids)) == 6
    with joblib.parallel_config("millpond", n_jobs=2, nonsense=1), pytest.raises(TypeError, match="nonsense"):
        joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(6))
