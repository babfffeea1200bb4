"""Workers die at each step of what they do with locks, queues and their like, often; the objects go on.

The steps are the calls of `point` in src/objects; tests/c/procs_mayhem.c uses all of them and says what must hold.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "build" / "tests" / "failpoints"
SECONDS = 2
# A step at which one in so many dies.
POINTS = {
    "section": 300,
    "journal": 200,
    "armed": 200,
    "half": 400,
    "leaving_section": 300,
    "left_section": 300,
    "head": 10,
    "asleep": 10,
    "awake": 10,
    "found": 10,
    "copied_in": 50,
    "put": 50,
    "copied_out": 50,
    "placed": 50,
    "laid_down": 50,
    "called": 50,
    "locked": 100,
}
LEAST = 20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pools of processes are for Linux")


@pytest.fixture(scope="session")
def mayhem() -> Path:
    """procs_mayhem.c with a library that has the points."""
    cargo = shutil.which("cargo") or str(Path.home() / ".cargo" / "bin" / "cargo")
    target = ROOT / "build" / "failpoints"
    OUT.mkdir(parents=True, exist_ok=True)
    binary = OUT / "mayhem"
    build = [cargo, "build", "--release", "--features", "failpoints", "--target-dir", str(target)]
    compile_ = ["cc", "-std=c11", "-g", "-O1", "-pthread", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"]
    compile_ += [f"-I{ROOT / 'include'}", str(ROOT / "tests" / "c" / "procs_mayhem.c"), "-o", str(binary)]
    compile_ += [str(target / "release" / "libmillpond.a"), "-lpthread", "-ldl", "-lm"]
    for command in (build, compile_):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr[-8000:]}"
    return binary


def deaths(run: Run, mayhem: Path, odds: dict[str, int]) -> dict[str, int]:
    """Runs it; the number of deaths at each point."""
    log = OUT / "mayhem.log"
    log.unlink(missing_ok=True)
    text = ",".join(f"{point}=1/{one}" for point, one in odds.items())
    env = {"MILLPOND_FAILPOINTS": text, "MILLPOND_FAILPOINTS_LOG": str(log), "CHECK_TIMEOUT": "60"}
    done = run(mayhem, str(SECONDS), timeout=120, env=env)
    assert done.returncode == 0, f"MILLPOND_FAILPOINTS={text}\n{done.stdout}{done.stderr}"
    lines = log.read_text().splitlines()
    return {point: lines.count(point) for point in odds}


def test_every_point_has_a_test() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "src" / "objects").rglob("*.rs"))
    assert set(re.findall(r'\bpoint\("(\w+)"\)', sources)) == POINTS.keys()


@pytest.mark.parametrize("name", POINTS)
def test_deaths_at(name: str, run: Run, mayhem: Path) -> None:
    assert deaths(run, mayhem, {name: POINTS[name]})[name] >= LEAST


def test_deaths_at_all_points(run: Run, mayhem: Path) -> None:
    found = deaths(run, mayhem, {point: odds * 8 for point, odds in POINTS.items()})
    assert sum(count > 0 for count in found.values()) >= len(POINTS) * 2 // 3, found
