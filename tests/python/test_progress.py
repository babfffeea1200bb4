"""Maps that say how far they have come."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import millpond
from millpond.progress import Line, Progress


def square(number: int) -> int:
    if number == 13:
        raise LookupError("thirteen")
    return number * number


@pytest.fixture(params=["processes", "threads", "executor"])
def pool(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "executor":
        with ThreadPoolExecutor(2) as executor, millpond.Pool(executor=executor) as made:
            yield made
    else:
        with millpond.Pool(2) if request.param == "processes" else millpond.ThreadPool(2) as made:
            yield made


def test_a_map_tells_each_step(pool: Any) -> None:
    told: list[Any] = []
    for options in ({}, {"chunksize": 3}):
        told.clear()
        results = pool.map(square, iter(range(10)), progress=lambda *step: told.append(step), **options)
        assert results == [n * n for n in range(10)]
        assert told == [(n, 10) for n in range(1, 11)]
    assert pool.map(square, [], progress=lambda *step: told.append(step)) == []
    assert pool.map(square, [1, 2], progress=False) == [1, 4]
    with pytest.raises(LookupError, match="thirteen"):
        pool.map(square, range(20), progress=lambda *step: None)
    with pytest.raises(TypeError, match="progress"):
        pool.map(square, [1], progress=3)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_is_written_anew_on_a_terminal_and_once_elsewhere() -> None:
    for file, before in ((Terminal(), "\r"), (io.StringIO(), "")):
        line = Line(desc="work", total=4, file=file, mininterval=0)
        for _ in range(4):
            line.update(1)
        line.close()
        line.close()
        assert file.getvalue().endswith("s\n") and "work: 4/4 (100%) in " in file.getvalue()
        assert file.getvalue().count("work: ") == (5 if before else 1)
        assert file.getvalue().startswith(before + "work: ")


def test_a_line_without_a_total_or_without_a_terminal() -> None:
    file = io.StringIO()
    line = Line(file=file)
    line.update(3)
    line.close()
    assert file.getvalue().startswith("3 in ")
    silent = io.StringIO()
    for disable in (True, None):
        line = Line(file=silent, disable=disable)
        line.update(3)
        line.close()
    assert silent.getvalue() == ""


def test_the_bar_is_closed_when_results_end_early() -> None:
    closed: list[Any] = []

    class Bar:
        def __init__(self, **options: Any) -> None:
            self.options = options

        def update(self, count: int) -> None:
            pass

        def close(self) -> None:
            closed.append(self.options)

    bar = Progress.__new__(Progress)
    bar._bar = Bar(total=3)
    results = bar.over(iter([1, 2, 3]))
    assert next(results) == 1
    results.close()  # type: ignore[attr-defined]
    assert closed == [{"total": 3}]


TQDM = """
import sys, types
class tqdm:
    def __init__(self, **options): print(options)
    def update(self, count): print(count)
    def close(self): print("closed")
module = types.ModuleType("tqdm.auto"); module.tqdm = tqdm
sys.modules["tqdm"] = types.ModuleType("tqdm"); sys.modules["tqdm.auto"] = module
import millpond
with millpond.ThreadPool(1) as pool:
    pool.map(abs, [-1, 2], progress={"desc": "work", "colour": "green"})
"""


def test_tqdm_is_used_where_it_is_installed() -> None:
    done = subprocess.run([sys.executable, "-c", TQDM], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["{'total': 2, 'desc': 'work', 'colour': 'green'}", "1", "1", "closed"]
