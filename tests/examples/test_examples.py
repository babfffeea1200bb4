"""Every example is built and run at its tiny size, on threads and in processes; what it prints, logs, draws and refuses
is checked, and that no process of it is left."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import uuid
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

import pytest
from runs import (
    ADDING,
    AGAIN,
    DEFAULT_MODES,
    DRAWN,
    LOG_LINE,
    MARK,
    MODES,
    PROGRAMS,
    ROOT,
    SOURCES,
    STRICT,
    SVG,
    UNTIMED,
    assert_left_of,
    build,
    in_both_modes,
    leaving_nothing,
    pictured,
    results,
    tiny,
)

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Compile, Lib, Run


@pytest.fixture(name="run", scope="module")
def run_leaving_nothing(run: Run) -> Run:
    return leaving_nothing(run)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_compiles_without_a_warning(cc: Compile, compiler: str, program: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    cc([SOURCES / f"{program}.c"], f"examples/{program}_{compiler}", compiler=compiler, flags=STRICT)


def test_what_looks_for_processes_finds_them() -> None:
    mark = uuid.uuid4().hex
    with subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: mark}, start_new_session=True) as process:
        assert_left_of(mark, [process.pid])
        process.kill()
    assert_left_of(mark, [])


@in_both_modes
@pytest.mark.parametrize("program", PROGRAMS)
def test_runs_and_finds_its_answer_right(cc: Compile, run: Run, tmp_path: Path, program: str, mode: str) -> None:
    found = results(tiny(cc, run, program, "--mode", mode, *pictured(program, tmp_path)))
    assert found
    for result in found:
        assert result["name"].startswith(program)
        assert result["mode"] == mode
        assert result["checked"] == "1"
        assert int(result["workers"]) >= 1
        assert int(result["cpus"]) >= 1
        if program not in UNTIMED:
            assert float(result["sequential"]) > 0
            assert float(result["pool"]) > 0
            assert float(result["predicted"]) >= 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_without_a_mode_it_shows_what_it_is_about(cc: Compile, run: Run, tmp_path: Path, program: str) -> None:
    found = results(tiny(cc, run, program, *pictured(program, tmp_path)))
    assert list(dict.fromkeys(result["mode"] for result in found)) == DEFAULT_MODES[program]
    assert {result["checked"] for result in found} == {"1"}


@in_both_modes
@pytest.mark.parametrize("workers", ["1", "7"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_takes_any_number_of_workers(
    cc: Compile, run: Run, tmp_path: Path, program: str, workers: str, mode: str
) -> None:
    arguments = ["--mode", mode, "--workers", workers, *pictured(program, tmp_path)]
    found = results(tiny(cc, run, program, *arguments))
    assert {(result["workers"], result["checked"]) for result in found} == {(workers, "1")}


@in_both_modes
@pytest.mark.parametrize("program", PROGRAMS)
def test_log_file_holds_the_timers_lines(cc: Compile, run: Run, tmp_path: Path, program: str, mode: str) -> None:
    log = tmp_path / "log"
    output = tiny(cc, run, program, "--mode", mode, "--log", str(log), *pictured(program, tmp_path))
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 2
    assert all(LOG_LINE.fullmatch(line) for line in lines)
    assert float(lines[0].rsplit(" ", 1)[1]) < 0.001
    assert lines == [line for line in output.splitlines() if LOG_LINE.fullmatch(line)]


def test_a_log_file_that_cannot_be_written_is_an_error(cc: Compile, run: Run, tmp_path: Path) -> None:
    done = run(build(cc, "map"), "--tiny", "--log", str(tmp_path / "missing" / "log"))
    assert done.returncode == 1
    assert "missing/log" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--nonsense"], ["extra"], ["--log"]),
        *(["--workers"], ["--workers", "0"], ["--workers", "-1"], ["--workers", "2x"]),
        *(["--mode"], ["--mode", "process"], ["--mode", ""]),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("program", PROGRAMS)
def test_unknown_arguments_give_a_usage_line(cc: Compile, run: Run, program: str, arguments: list[str]) -> None:
    done = run(build(cc, program), *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(rf"usage: {program} \[--tiny \| --full\] .*\n", done.stderr)


def test_help_goes_to_standard_output(cc: Compile, run: Run) -> None:
    done = run(build(cc, "amdahl"), "--help")
    assert done.returncode == 0
    assert "[--serial SHARE] [--svg FILE]" in done.stdout


@in_both_modes
@pytest.mark.parametrize("program", ADDING)
def test_a_wrong_answer_fails(cc: Compile, run: Run, tmp_path: Path, program: str, mode: str) -> None:
    """The same program with a job that adds one too much."""
    folder = tmp_path / "wrong"
    shutil.copytree(SOURCES, folder)
    header = folder / "course.h"
    right = header.read_text(encoding="utf-8")
    wrong = right.replace("uint64_t sum = 0;", "uint64_t sum = 1;")
    assert wrong != right
    header.write_text(wrong, encoding="utf-8")
    wrong_program = cc([folder / f"{program}.c"], f"examples/wrong/{program}")
    done = run(wrong_program, "--tiny", "--mode", mode, *pictured(program, tmp_path))
    assert done.returncode == 1
    assert "wrong answer" in done.stderr
    assert {result["checked"] for result in results(done.stdout)} == {"0"}


def test_the_job_agrees_with_the_course(cc: Compile, run: Run, tmp_path: Path) -> None:
    """The first and last sum that the course prints, by the loop and by the formula."""
    source = tmp_path / "sums.c"
    source.write_text(
        """#include "course.h"
int main(void) {
  for (uint64_t x = 100000000; x <= 100000099; x += 99) {
    printf("%" PRIu64 " %" PRIu64 "\\n", sum_all_values(x), sum_by_formula(x));
  }
  return amdahl(0.95, 1e9) > 19.99 && amdahl(0.95, 1e9) < 20 ? 0 : 1;
}
""",
        encoding="utf-8",
    )
    done = run(cc([source], "examples/sums", flags=("-O2", f"-I{SOURCES}")))
    assert done.returncode == 0
    assert done.stdout.split() == ["5000000050000000"] * 2 + ["5000009950004950"] * 2


@in_both_modes
def test_map_prints_the_whole_list(cc: Compile, run: Run, mode: str) -> None:
    expected = [x * (x + 1) // 2 for x in range(10000, 10100)]
    assert str(expected) in tiny(cc, run, "map", "--mode", mode).splitlines()


@in_both_modes
def test_apply_async_prints_the_courses_list(cc: Compile, run: Run, mode: str) -> None:
    expected = "[50005000, 50015001, 50025003, 50035006, 50045010, 50055015, 50065021, 50075028, 50085036, 50095045]"
    assert expected in tiny(cc, run, "apply_async", "--mode", mode).splitlines()


@in_both_modes
def test_apply_async_large_prints_first_and_last(cc: Compile, run: Run, mode: str) -> None:
    assert "first 50005000, last 50999950" in tiny(cc, run, "apply_async_large", "--mode", mode).splitlines()


@in_both_modes
def test_callbacks_run_serially_and_then_in_the_main_thread(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "callback", "--mode", mode)
    assert [result["name"] for result in results(output)] == ["callback_serial", "callback_polled"]
    assert output.count("100 results, in order of completion") == 2
    assert "100 of the callbacks ran in the main thread" in output.split("callback_polled")[1]
    for step in ("before the loop", "after the loop"):
        assert len(re.findall(rf"\| {step} = ", output)) == 2


@in_both_modes
def test_adding_after_close_is_an_error(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "add_over_time", "--mode", mode)
    assert output.count("a job was added") == 4
    assert re.search(r"^one more after close: (?!taken).+", output, re.MULTILINE)


@in_both_modes
def test_sleeping_tasks_overlap(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "blocking_sleep", "--mode", mode)
    assert len(re.findall(r"^task \d slept 0\.0\d+ s$", output, re.MULTILINE)) == 7


@in_both_modes
def test_tasks_that_say_that_they_wait_overlap(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "blocking_section", "--mode", mode)
    assert re.search(r"^8 answers, each after 0\.\d+ s, all after 0\.\d+ s$", output, re.MULTILINE)


@pytest.mark.parametrize("program", ["sort", "busy_wait"])
def test_threads_and_processes_are_held_against_the_same_run(cc: Compile, run: Run, program: str) -> None:
    output = tiny(cc, run, program)
    assert len({result["sequential"] for result in results(output)}) == 1
    per_task = re.findall(r"^task \d: ", output, re.MULTILINE)
    assert len(per_task) == len(MODES) * {"sort": 4, "busy_wait": 3}[program]


@in_both_modes
def test_threads_share_one_process_and_processes_do_not(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "pids", "--mode", mode)
    host = re.search(rf"^{mode}: the main thread is (\d+) of process (\d+)$", output, re.MULTILINE)
    assert host
    tasks = re.findall(r"^task \d: worker (\d+), process (\d+), thread (\d+)$", output, re.MULTILINE)
    assert len(tasks) == 8
    workers = {worker for worker, _, _ in tasks}
    processes = {process for _, process, _ in tasks}
    assert host[1] not in {thread for _, _, thread in tasks}
    assert len({thread for _, _, thread in tasks}) == len(workers)
    if mode == "threads":
        assert processes == {host[2]}
    else:
        assert host[2] not in processes
        assert len(processes) == len(workers)


@in_both_modes
def test_hello_comes_from_one_process(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "process_hello", "--mode", mode)
    hello = re.findall(r"^hello bob, this is process (\d+)$", output, re.MULTILINE)
    both = re.findall(r"^the program is process (\d+), the function ran in process (\d+), ", output, re.MULTILINE)
    assert len(both) == 1
    assert hello == [both[0][1]]
    assert (both[0][0] == both[0][1]) == (mode == "threads")


def test_whoever_is_killed_every_result_comes(cc: Compile, run: Run) -> None:
    output = tiny(cc, run, "restart")
    kills = re.findall(r"\| kill (\d+): (worker|the zygote)", output)
    assert [int(number) for number, _ in kills] == list(range(1, 13))
    assert [whom for _, whom in kills].count("the zygote") == 2
    end = re.search(r"\| end: (\d+) jobs, (\d+) results, (\d+) times a job again, (\d+) times refreshed", output)
    assert end
    jobs, found, again, refreshed = (int(number) for number in end.groups())
    assert jobs == found >= 300
    assert again >= len(re.findall(r"\| job \d+ again: ", output))
    # Between the two zygotes that were killed there must have been a refresh.
    assert refreshed == len(re.findall(r"\| the pool is refreshed; ", output)) >= 1


def test_threads_are_not_killed(cc: Compile, run: Run) -> None:
    output = tiny(cc, run, "restart", "--mode", "threads")
    assert "kill " not in output
    assert "| end: 300 jobs, 300 results, 0 times a job again, 0 times refreshed = " in output


@in_both_modes
def test_squares_are_the_same_in_every_way_to_call(cc: Compile, run: Run, mode: str) -> None:
    output = tiny(cc, run, "pool_square", "--mode", mode)
    for call in ("apply", "apply_async", "map", "map_async", "starmap", "starmap_async", "map in place"):
        assert re.search(rf"^{call} +\[1, 4, 9, 16, 25\]$", output, re.MULTILINE)


@pytest.mark.parametrize(("workers", "serial"), [("1", "0"), ("3", "0.05"), ("20", "1")])
def test_amdahl_draws_what_it_measured(cc: Compile, run: Run, tmp_path: Path, workers: str, serial: str) -> None:
    picture = tmp_path / "law.svg"
    output = tiny(cc, run, "amdahl", "--workers", workers, "--serial", serial, "--svg", str(picture))
    assert len(re.findall(r"^workers +\d+: ", output, re.MULTILINE)) == int(workers)
    root = ElementTree.parse(picture).getroot()
    assert root.tag == f"{SVG}svg"
    points = [(float(at.get("cx", "")), float(at.get("cy", ""))) for at in root.iter(f"{SVG}circle")]
    assert len(points) == int(workers) + 1  # and one in the legend
    assert all(0 < x < 800 and 0 < y < 540 for x, y in points)
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert {"workers", "speed-up", "ideal", "measured", f"predicted, p = {1 - float(serial):.3f}"} <= set(texts)


@pytest.mark.parametrize("share", ["", "x", "-0.1", "1.5", "nan"])
def test_amdahl_refuses_what_is_no_share(cc: Compile, run: Run, share: str) -> None:
    assert run(build(cc, "amdahl"), "--serial", share).returncode == 2


def test_every_example_is_named_where_it_should_be() -> None:
    readme = (SOURCES / "README.md").read_text(encoding="utf-8")
    lists = (SOURCES / "CMakeLists.txt").read_text(encoding="utf-8")
    demo = (ROOT / "tools" / "demo_languages.py").read_text(encoding="utf-8")
    for program in PROGRAMS:
        assert f"| `{program}.c` |" in readme
        assert re.search(rf"\b{program}\b", lists)
        assert f'"{program}"' in demo


def demo(lib: Lib, out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    mark = uuid.uuid4().hex
    found = {"MILLPOND_INCLUDE": str(lib.include), "MILLPOND_LIBDIR": str(lib.libdir), MARK: mark}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "demo.py"), "--tiny", "--languages", "C", "--out", str(out)],
        env={**os.environ, **found, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert_left_of(mark, [])
    return done


def test_demo_ends_with_a_table_and_pictures(lib: Lib, tmp_path: Path) -> None:
    done = demo(lib, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    table = done.stdout.split("program  ")[1]
    rows = [re.split(r"  +", line) for line in table.splitlines() if line.startswith("C ")]
    assert {row[-1] for row in rows} == {"right"}
    for program in PROGRAMS:
        its = [row for row in rows if row[1].startswith(program)]
        again = ["processes"] if program in AGAIN else []
        for mode in [*DEFAULT_MODES[program], *again]:
            assert any(row[3 + MODES.index(mode)] != "-" for row in its)
    assert "FAILED" not in table
    for name in ("speedups", "cpu_load", *(f"{program}{mode}" for program in DRAWN for mode in ("", "_processes"))):
        folder = tmp_path if name == "speedups" else tmp_path / "c"
        assert ElementTree.parse(folder / f"{name}.svg").getroot().tag == f"{SVG}svg"


def test_demo_names_what_is_missing(lib: Lib, tmp_path: Path) -> None:
    done = demo(lib, tmp_path, CC="no-such-compiler")
    assert done.returncode == 1
    assert re.fullmatch(r".*no-such-compiler is missing; install .*\n", done.stderr)


def test_demo_fails_when_an_example_does(lib: Lib, tmp_path: Path) -> None:
    """Without the name of their task some of them do not compile; the others are run all the same."""
    done = demo(lib, tmp_path, CC="cc -Dsum_task=")
    assert done.returncode == 1
    assert re.search(r"^C +map .* FAILED: does not compile$", done.stdout, re.MULTILINE)
    assert re.search(r"^C +pool_square .* right$", done.stdout, re.MULTILINE)
    failed = ("map", "apply_async", "apply_async_large", "callback", "add_over_time", "restart")
    assert done.stderr == f"failed: {', '.join(f'{program} (C)' for program in failed)}\n"
