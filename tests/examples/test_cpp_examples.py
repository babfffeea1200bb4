"""Every example in C++ is built without a warning and run at its default size, and at its tiny size in both modes; what
it prints, logs, draws and refuses is checked, that it notices a wrong answer, and that no process of it is left."""

from __future__ import annotations

import os
import shutil
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from runs import DEFAULT_MODES, LOG_LINE, ROOT, STRICT, SVG, in_both_modes, leaving_nothing, pictured, results

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from conftest import Compile, Run

SOURCES = ROOT / "examples" / "cpp"
INCLUDE = ROOT / "bindings" / "cpp" / "include"
NAMES = sorted(source.stem for source in SOURCES.glob("*.cpp"))
CPP20 = ("coroutines", "round_robin")

BROKEN = {
    "map": ("pool.map(numbers, course::sum_all_values)", "course::each(numbers, [](auto x) { return x; })"),
    "apply_async": ("pool.submit(course::sum_all_values, number)", "pool.submit(course::sum_all_values, number + 1)"),
    "callback": ("list.push_back(sum);", "list.push_back(sum + 1);"),
    "add_over_time": ("ended++;", ""),
    "blocking_sleep": ("  std::this_thread::sleep_for(time);\n  return", "  return"),
    "blocking_section": ("  std::this_thread::sleep_for(time);\n", ""),
    "sort": ("alone.push_back(generate_and_sort(job));", "alone.push_back(generate_and_sort({job.count, 9}));"),
    "busy_wait": ("return {course::since(start).count(), steps};", "return {course::since(start).count(), ++steps};"),
    "cpu_load": ("return steps;", "return steps + 1;"),
    "pids": ("return who_am_i(task.worker());", "return Who{1, 1, task.worker()};"),
    "norms": ("return std::sqrt(squares);", "return squares;"),
    "bad_luck": ('Bad luck!");', 'Bad");'),
    "background": ("if (self.cancelled()) return i - 1;", "if (self.cancelled()) return 0;"),
    "gil": ("std::this_thread::sleep_for(its);", "(void)its;"),
    "distance": ("rows.put({from, row_from(from)});", "rows.put({from, row_from(0)});"),
    "distance_sweep": ("alone = course::each(numbers, row_from);", "alone = std::vector<Row>(numbers.size());"),
    "distance_async": (
        "rows.put({from, distances_from(places, from)});",
        "rows.put({from, distances_from(places, 0)});",
    ),
    "fetch_all": ("return text.substr(body + 4);", "return text.substr(body + 4, 3);"),
    "fork_join": ("sort(half, first, middle);", ";"),
    "round_robin": ("step_later(stepper); //", "if (*value != 4) step_later(stepper); //"),
    "coroutines": ("wait(loop, i, time);", "wait(loop, i, i * time);"),
    "queue": ("    numbers++;\n", ""),
    "lock": ('count_together("with a", count_with_lock, lock.ref())', 'count_together("with a", count_without)'),
    "local": ("static thread_local std::uint64_t own;", "static std::uint64_t own;"),
    "event": ("std::this_thread::sleep_for(later);", ""),
    "condition": ("taken++;", "taken += 2;"),
    "daemon": ("millpond::lifetime::joinable, time", "millpond::lifetime::daemon, time"),
    "thread_subclass": ("counted++;", ""),
    "queue_objects": ("return 10 * times;", "return times;"),
    "deadlock": ("return true;", "return false;"),
    "interleave": ("print_together(program, lock.ref(), lines)", "print_together(program, std::nullopt, lines)"),
    "process_queue": ("i == count / 2 ? poison : 10'000 + i", "10'000 + i"),
}


@pytest.fixture(name="run", scope="module")
def run_leaving_nothing(run: Run) -> Run:
    return leaving_nothing(run)


def compile_all(cc: Compile, folder: Path, programs: Iterable[str], where: str, *flags: str) -> dict[str, Path]:
    """Compiles programs of one folder side by side."""

    def compile_one(program: str) -> Path:
        std = "c++20" if program in CPP20 else "c++17"
        source = folder / f"{program}.cpp"
        return cc([source], f"examples/{where}/{program}", compiler="c++", std=std, flags=(*flags, f"-I{INCLUDE}"))

    programs = list(programs)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as threads:
        return dict(zip(programs, threads.map(compile_one, programs)))


@pytest.fixture(name="built", scope="module")
def all_built(cc: Compile) -> dict[str, Path]:
    """All programs; a warning is an error."""
    return compile_all(cc, SOURCES, NAMES, "cpp", *STRICT)


@pytest.fixture(name="broken", scope="module")
def broken_built(cc: Compile, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Programs of which each has one mistake."""
    folder = tmp_path_factory.mktemp("broken")
    shutil.copytree(SOURCES.parent / "data", folder / "data")
    shutil.copytree(SOURCES, folder / "cpp")
    for program, (right, wrong) in BROKEN.items():
        source = folder / "cpp" / f"{program}.cpp"
        text = source.read_text(encoding="utf-8")
        assert right in text
        source.write_text(text.replace(right, wrong), encoding="utf-8")
    return compile_all(cc, folder / "cpp", BROKEN, "cpp_broken", "-O0")


def checked(run: Run, program: Path, *arguments: str) -> str:
    """What the program prints, after a success."""
    done = run(program, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {result["checked"] for result in results(done.stdout)} == {"1"}
    return done.stdout


@pytest.mark.parametrize("program", NAMES)
def test_runs_at_its_default_size(built: dict[str, Path], run: Run, tmp_path: Path, program: str) -> None:
    log = tmp_path / "log"
    output = checked(run, built[program], "--log", str(log), *pictured(program, tmp_path))
    assert {result["mode"] for result in results(output)} == set(DEFAULT_MODES[program])
    lines = [line for line in output.splitlines() if "| " in line]
    assert lines
    assert all(LOG_LINE.fullmatch(line) for line in lines)
    assert log.read_text(encoding="utf-8").splitlines() == lines
    timed = "end_timed(" in (SOURCES / f"{program}.cpp").read_text(encoding="utf-8")
    assert all(("speedup" in result) == timed for result in results(output))


@in_both_modes
@pytest.mark.parametrize("program", NAMES)
def test_runs_in_both_modes(built: dict[str, Path], run: Run, tmp_path: Path, program: str, mode: str) -> None:
    output = checked(run, built[program], "--tiny", "--mode", mode, *pictured(program, tmp_path))
    assert {result["mode"] for result in results(output)} == {mode}


@pytest.mark.parametrize(
    "arguments",
    [
        "--nothing",
        "--workers",
        "--workers 0",
        "--workers 4x",
        f"--workers {10**20}",
        "--workers -1",
        "--mode",
        "--mode both",
        "map",
        "--log",
        "--svg x",
        "",
    ],
)
def test_refuses_what_it_does_not_understand(built: dict[str, Path], run: Run, arguments: str) -> None:
    done = run(built["map"], *arguments.split(" "))
    assert done.returncode == 2
    assert done.stderr.startswith("usage: map [--tiny | --full] ")
    assert not results(done.stdout)


def test_says_what_it_takes(built: dict[str, Path], run: Run) -> None:
    done = run(built["amdahl"], "--help")
    assert done.returncode == 0
    assert "[--serial 0.05] [--svg amdahl.svg]" in done.stdout


@pytest.mark.parametrize("share", ["", "x", "-0.1", "1.5", "nan"])
def test_amdahl_refuses_what_is_no_share(built: dict[str, Path], run: Run, share: str) -> None:
    assert run(built["amdahl"], "--serial", share).returncode == 2


def test_what_is_thrown_is_said(built: dict[str, Path], run: Run, tmp_path: Path) -> None:
    done = run(built["map"], "--tiny", "--log", str(tmp_path / "missing" / "log"))
    assert done.returncode == 1
    assert done.stderr == f"cannot write {tmp_path}/missing/log\n"


@pytest.mark.parametrize("program", ["amdahl", "distance_sweep", "cpu_load"])
def test_pictures_are_drawn(built: dict[str, Path], run: Run, tmp_path: Path, program: str) -> None:
    picture = tmp_path / "picture.svg"
    checked(run, built[program], "--tiny", "--workers", "3", "--svg", str(picture))
    root = ElementTree.parse(picture).getroot()
    assert root.tag == f"{SVG}svg"
    points = [(float(at.get("cx", "")), float(at.get("cy", ""))) for at in root.iter(f"{SVG}circle")]
    assert len(points) == {"amdahl": 4, "distance_sweep": 4, "cpu_load": 0}[program]
    assert all(60 < x < 780 and 70 < y < 530 for x, y in points)


@pytest.mark.parametrize("program", BROKEN)
def test_what_is_broken_fails(broken: dict[str, Path], run: Run, tmp_path: Path, program: str) -> None:
    done = run(broken[program], "--tiny", *pictured(program, tmp_path))
    assert done.returncode == 1
    assert "wrong answer" in done.stderr
    assert "0" in {result["checked"] for result in results(done.stdout)}


def test_every_example_is_named_where_it_should_be() -> None:
    readme = (SOURCES / "README.md").read_text(encoding="utf-8")
    for program in NAMES:
        assert f"| `{program}.cpp` |" in readme
