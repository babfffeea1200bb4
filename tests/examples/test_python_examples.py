"""Every example in Python is run at its default size, ours beside the standard library's, and at its tiny size in each
mode; what it prints, logs, draws and refuses is checked, and that no process of it is left."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest
from runs import LOG_LINE, MODES, ROOT, SVG, SYNCHRONISING, leaving_nothing, pictured, results

if TYPE_CHECKING:
    from conftest import Lib, Run

SOURCES = ROOT / "examples" / "python"
SHARED = ("course", "log", "picture", "places")
PROGRAMS = sorted({source.stem for source in SOURCES.glob("*.py")} - set(SHARED))
NAMES = {"work_queue": "queue"}  # in the RESULT line, where the file cannot have the name
WITHOUT_POOL = ("coroutines", "distance", "round_robin")  # those of which a part, or all, needs none
BOTH_MODES = (
    *("sort", "busy_wait", "pids", "distance", "cpu_load", "gil", "norms", "pool_square", "native"),
    *(set(SYNCHRONISING) - {"queue", "interleave", "process_queue"}),
    "work_queue",
)
ON_THREADS = ("blocking_sleep", "fetch_all", "interleave", "distance_async", "coroutines", "round_robin")
UNTIMED = (
    *("pids", "pool_square", "process_hello", "restart", "distance_sweep", "bad_luck", "round_robin", "background"),
    "limits",
    *(set(SYNCHRONISING) - {"queue"}),
    "work_queue",
)

Example = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(name="example", scope="module")
def run_example(run: Run, lib: Lib) -> Example:
    """Runs a program on the built library; no process of it may be left."""
    guarded = leaving_nothing(run)

    def example(program: str | Path, *arguments: str) -> CompletedProcess[str]:
        source = program if isinstance(program, Path) else SOURCES / f"{program}.py"
        return guarded(sys.executable, str(source), *arguments, timeout=120, env={"MILLPOND_LIBRARY": str(lib.so)})

    return example


def found_by(done: CompletedProcess[str]) -> list[dict[str, str]]:
    """The results of a run that has found them right."""
    assert done.returncode == 0, done.stdout + done.stderr
    found = results(done.stdout)
    assert found
    assert {result["checked"] for result in found} == {"1"}
    return found


@pytest.mark.parametrize("program", PROGRAMS)
def test_runs_at_its_default_size_beside_the_standard_library(example: Example, tmp_path: Path, program: str) -> None:
    found = found_by(example(program, *pictured(program, tmp_path)))
    shown = {(result["mode"], result["by"]) for result in found}
    modes = MODES if program in BOTH_MODES else ("threads",) if program in ON_THREADS else ("processes",)
    wanted = {(mode, by) for mode in modes for by in ("ours", "standard")}
    assert shown == wanted if program != "round_robin" else {("threads", "standard")}
    for result in found:
        assert result["name"].startswith(NAMES.get(program, program))
        assert int(result["workers"]) >= 1
        assert int(result["cpus"]) >= 1
        if program not in UNTIMED and result["name"] != "distance_pickle":
            assert float(result["sequential"]) > 0
            assert float(result["pool"]) > 0
            assert float(result["predicted"]) >= 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_runs_on_ours_in_each_mode(example: Example, tmp_path: Path, program: str, mode: str) -> None:
    log = tmp_path / "log"
    arguments = ["--tiny", "--mode", mode, "--pool", "ours", "--log", str(log), *pictured(program, tmp_path)]
    done = example(program, *arguments)
    found = found_by(done)
    if program not in WITHOUT_POOL:
        assert {(result["mode"], result["by"]) for result in found} == {(mode, "ours")}
    assert all(LOG_LINE.fullmatch(line) for line in log.read_text(encoding="utf-8").splitlines())
    assert len(log.read_text(encoding="utf-8").splitlines()) >= 2


@pytest.mark.parametrize("workers", ["1", "7"])
@pytest.mark.parametrize("program", ["map", "apply_async", "amdahl", "work_queue", "process_queue", "deadlock", "gil"])
def test_takes_any_number_of_workers(example: Example, tmp_path: Path, program: str, workers: str) -> None:
    done = example(program, "--tiny", "--pool", "ours", "--workers", workers, *pictured(program, tmp_path))
    assert {result["workers"] for result in found_by(done)} == {workers}


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--nonsense"], ["extra"], ["--log"], ["--tiny", "--full"]),
        *(["--workers"], ["--workers", "0"], ["--workers", "-1"], ["--workers", "2x"], ["--workers", "1001"]),
        *(["--mode"], ["--mode", "process"], ["--mode", ""], ["--pool", "theirs"]),
    ],
    ids=" ".join,
)
def test_unknown_arguments_give_a_usage_line(example: Example, arguments: list[str]) -> None:
    done = example("map", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.match(r"usage: map \[-h\] \[--tiny \| --full\] .*\n", done.stderr)
    assert re.search(r"^map: error: .*\n\Z", done.stderr, re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_reads_its_arguments(example: Example, program: str) -> None:
    done = example(program, "--workers", "0")
    assert done.returncode == 2
    assert done.stderr.startswith(f"usage: {NAMES.get(program, program)} ")


@pytest.mark.parametrize("arguments", [["amdahl", "--serial", "1.5"], ["distance", "--executor", "magic"]])
def test_options_of_their_own_are_checked(example: Example, arguments: list[str]) -> None:
    assert example(*arguments).returncode == 2


def test_a_log_file_that_cannot_be_written_is_an_error(example: Example, tmp_path: Path) -> None:
    done = example("map", "--tiny", "--log", str(tmp_path / "missing" / "log"))
    assert done.returncode == 1
    assert "missing/log" in done.stderr
    assert "Traceback" not in done.stderr


BROKEN = (
    ("map", "pool.map(sum_all_values, numbers)", "pool.map(sum_all_values, numbers)[::-1]"),
    ("apply_async", "handle.get() for", "1 + handle.get() for"),
    ("apply_async_large", "handle.get() for", "1 + handle.get() for"),
    ("callback", "results.append(result)", "results.append(result + 1)"),
    ("add_over_time", "(x,), callback", "(x + 1,), callback"),
    ("amdahl", "pool.map(sum_all_values, [piece]", "pool.map(sum_all_values, [piece + 1]"),
    ("sort", "    numbers.sort()\n", ""),
    ("busy_wait", "steps += 1", "steps += 2"),
    ("distance", "matrix = pool.map(calculate, range(count))", "matrix = pool.map(calculate, [0] * count)"),
    ("distance_sweep", "pool.map(calculate, range(len(expected))) == expected  #", "False  #"),
    ("distance_async", "write_row(file, place, row)\n\n    await", "write_row(file, places[0], row)\n\n    await"),
    ("gil", "sum_by_formula(x) for", "1 + sum_by_formula(x) for"),
    ("norms", "executor.map(norm, jobs, chunksize=4)", "executor.map(norm, jobs[1:], chunksize=4)"),
    ("bad_luck", '"Bad luck!")\n    return', '"Bad luck?")\n    return'),
    ("fetch_all", "executor.map(fetch, urls)", "executor.map(fetch, urls[::-1])"),
    ("round_robin", "await asyncio.sleep(0)", "await asyncio.sleep(0.001 * value)"),
    ("background", 'return "asked to stop"', 'return "tired"'),
    ("coroutines", "await asyncio.sleep(seconds)", "time.sleep(seconds)"),
    ("cpu_load", "steps += 1", "steps += 2"),
    ("work_queue", "total + item", "total + 1"),
    ("lock", "course.workers, kind.objects.Lock(), rounds", "course.workers, nullcontext(), rounds"),
    ("local", "own = threading.local()", "own = type('Shared', (), {})()"),
    ("event", "    time.sleep(seconds)\n", ""),
    ("condition", "taken += 1", "taken += 2"),
    ("thread_subclass", "self.counted + 1", "self.counted"),
    ("queue_objects", "return 10 * self.times", "return self.times"),
    ("deadlock", "stuck and cured", "not stuck and cured"),
    ("process_queue", "(number, sum_all_values(number))", "(number, number)"),
    ("daemon", "its_kind, False, 3, pause", "its_kind, True, 3_000, pause"),
    ("limits", "return int(tries.value)", "return 2"),
    ("restart", "= saboteur.last.total", "= 0"),
)


@pytest.mark.parametrize(("program", "right", "wrong"), BROKEN)
def test_what_is_broken_fails(example: Example, tmp_path: Path, program: str, right: str, wrong: str) -> None:
    folder = tmp_path / "examples" / "python"
    shutil.copytree(SOURCES.parent / "data", tmp_path / "examples" / "data")
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bindings").symlink_to(ROOT / "bindings")
    source = folder / f"{program}.py"
    text = source.read_text(encoding="utf-8")
    assert right in text
    source.write_text(text.replace(right, wrong), encoding="utf-8")
    done = example(source, "--tiny", "--pool", "ours", *pictured(program, tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "wrong answer" in done.stderr
    assert "0" in {result["checked"] for result in results(done.stdout)}


@pytest.mark.parametrize("program", ["amdahl", "cpu_load", "distance_sweep"])
def test_pictures_are_whole(example: Example, tmp_path: Path, program: str) -> None:
    picture = tmp_path / "picture.svg"
    found_by(example(program, "--tiny", "--svg", str(picture)))
    root = ElementTree.parse(picture).getroot()
    assert root.tag == f"{SVG}svg"
    assert len(list(root.iter(f"{SVG}path"))) >= 1
    points = [(float(at.get("cx", "")), float(at.get("cy", ""))) for at in root.iter(f"{SVG}circle")]
    assert all(0 <= x <= 800 and 0 <= y <= 520 for x, y in points)


def test_demo_has_a_line_for_each_in_its_table(lib: Lib, tmp_path: Path) -> None:
    found = {"MILLPOND_INCLUDE": str(lib.include), "MILLPOND_LIBDIR": str(lib.libdir)}
    command = [
        sys.executable,
        str(ROOT / "tools" / "demo.py"),
        "--tiny",
        "--languages",
        "Python",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)],
        env={**os.environ, **found},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("Python  ")]
    assert {row[-1] for row in rows} == {"right"}
    for program in PROGRAMS:
        assert any(row[1].startswith(NAMES.get(program, program)) for row in rows)
    for picture in ("speedups.svg", "python/amdahl.svg", "python/cpu_load.svg", "python/distance_sweep.svg"):
        assert ElementTree.parse(tmp_path / picture).getroot().tag == f"{SVG}svg"


def test_every_example_is_named_where_it_should_be() -> None:
    readme = (SOURCES / "README.md").read_text(encoding="utf-8")
    demo = (ROOT / "tools" / "demo_languages.py").read_text(encoding="utf-8")
    for program in PROGRAMS:
        assert f"| `{program}.py` |" in readme
        assert f'"{program}"' in demo
