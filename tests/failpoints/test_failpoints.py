"""Processes die at each step of the process mode's protocol in turn, often, and every task is accounted for.

The steps are the calls of `fail::point` in src/procs; the library is built with the feature `failpoints`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "build" / "tests" / "failpoints"
FLAGS = ("-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{HERE.parent / 'c'}", f"-I{ROOT / 'include'}")
SECONDS = 3
# Tasks for each worker where only births and ends matter: else there would be few of them.
FEW = 3

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pools of processes are for Linux")


@dataclass(frozen=True)
class Point:
    """A step at which one in `odds` dies, `deaths` at least; what that may lead to, see rounds.c."""

    odds: int
    allow: str = ""
    tasks_per_worker: int = 0
    initializer: bool = False
    deaths: int = 200


POINTS = {
    # A worker between two tasks, or one that has claimed a task: nothing is lost.
    "hint": Point(15),
    "claimed": Point(15),
    "asleep": Point(3),
    "awake": Point(3),
    "searching": Point(2, deaths=100),
    "finding": Point(3, deaths=100),
    "found": Point(3, deaths=100),
    # A worker that has ended a task: its result is whole.
    "done": Point(15, deaths=150),
    "report": Point(15),
    "ring": Point(15),
    "rung": Point(4),
    "leaving": Point(5, tasks_per_worker=FEW),
    # A worker with a task: it alone is lost.
    "started": Point(20, "d"),
    "returned": Point(20, "d"),
    "written": Point(20, "d"),
    "copying": Point(2, "d", deaths=100),
    "copied": Point(2, "d", deaths=100),
    "item": Point(40, "d"),
    # A worker that is not ready. So many in a row that it is a crash loop are seldom.
    "forked": Point(10, "l", FEW, deaths=150),
    "born": Point(10, "l", FEW, deaths=150),
    "ready": Point(10, "l", FEW, deaths=150),
    "initializer": Point(10, "l", FEW, initializer=True, deaths=150),
    "initialized": Point(10, "l", FEW, initializer=True, deaths=150),
    # The zygote: the pool is broken, and must be refreshed.
    "fork": Point(8, "b", FEW, deaths=100),
    "spawned": Point(8, "b", FEW, deaths=100),
    "reap": Point(8, "b", FEW, deaths=100),
}


@pytest.fixture(scope="session")
def program() -> Path:
    """rounds.c with a library that has the points."""
    cargo = shutil.which("cargo") or str(Path.home() / ".cargo" / "bin" / "cargo")
    target = ROOT / "build" / "failpoints"
    binary = OUT / "rounds"
    OUT.mkdir(parents=True, exist_ok=True)
    build = [cargo, "build", "--release", "--features", "failpoints", "--target-dir", str(target)]
    link = [str(target / "release" / "libmillpond.a"), "-lpthread", "-ldl", "-lm"]
    compile_ = ["cc", "-std=c11", "-g", "-O1", "-pthread", *FLAGS, str(HERE / "rounds.c"), "-o", str(binary), *link]
    for command in (build, compile_):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr[-8000:]}"
    return binary


def rounds(run: Run, program: Path, name: str, odds: dict[str, int], *args: object) -> dict[str, int]:
    """Runs rounds; the number of deaths at each point."""
    log = OUT / f"{name}.log"
    log.unlink(missing_ok=True)
    text = ",".join(f"{point}=1/{one}" for point, one in odds.items())
    seed = os.environ.get("FAILPOINTS_SEED")
    words = [str(int(arg) if isinstance(arg, bool) else arg) for arg in args] + ([seed] if seed else [])
    done = run(program, *words, timeout=300, env={"MILLPOND_FAILPOINTS": text, "MILLPOND_FAILPOINTS_LOG": str(log)})
    print(done.stdout)
    ended = f"MILLPOND_FAILPOINTS={text} rounds {' '.join(words)} ended with {done.returncode}"
    assert done.returncode == 0, f"{ended}\n{done.stdout}{done.stderr}"
    assert "ok rounds" in done.stdout.splitlines(), done.stdout + done.stderr
    lines = log.read_text().splitlines()
    return {point: lines.count(point) for point in odds}


def test_every_point_has_a_test() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "src").rglob("*.rs"))
    assert set(re.findall(r'fail::point\("(\w+)"\)', sources)) == POINTS.keys()


@pytest.mark.parametrize("name", POINTS)
def test_deaths_at(name: str, run: Run, program: Path) -> None:
    point = POINTS[name]
    args = (SECONDS, point.deaths, point.tasks_per_worker, point.initializer, point.allow)
    deaths = rounds(run, program, name, {name: point.odds}, *args)
    assert deaths[name] >= point.deaths


@pytest.mark.parametrize(
    ("name", "allow"), [("nothing", ""), ("a_task", "d"), ("everything", "dlb")], ids=lambda value: value or None
)
def test_deaths_at_all_points_that_may_cost(name: str, allow: str, run: Run, program: Path) -> None:
    """Those where a death costs nothing; where it costs a task at most; all."""
    odds = {one: point.odds * 8 for one, point in POINTS.items() if set(point.allow) <= set(allow)}
    deaths = rounds(run, program, name, odds, SECONDS + 2, 200, 10, False, allow)
    assert sum(count > 0 for count in deaths.values()) >= len(odds) * 2 // 3, deaths
