"""What the tests of the examples share: how these are built and run, and that no process of them is left."""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from conftest import Compile, PathLike, Run

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ROOT / "examples" / "c"
DATA = ROOT / "examples" / "data"
EXECUTORS = ["basic", "threaded", "threadpool", "multiprocessing"]
PROGRAMS = sorted(source.stem for source in SOURCES.glob("*.c"))
ADDING = ("map", "apply_async", "apply_async_large", "callback", "add_over_time", "amdahl", "restart")
SYNCHRONISING = (
    *("queue", "lock", "local", "event", "condition", "daemon", "thread_subclass", "queue_objects", "deadlock"),
    *("interleave", "process_queue"),
)
UNTIMED = (
    *("pids", "pool_square", "process_hello", "restart", "distance_sweep", "bad_luck", "round_robin", "background"),
    *SYNCHRONISING,
)
AGAIN = (  # what the demonstration runs in processes as well
    *("map", "amdahl", "distance_sweep", "interleave", "queue", "lock", "local", "event", "condition", "daemon"),
    *("thread_subclass", "deadlock"),
)
DRAWN = ("amdahl", "distance_sweep")
PICTURES = ("amdahl", "cpu_load", "distance_sweep")
MODES = ("threads", "processes")
DEFAULT_MODES = {
    **{program: ["threads"] for program in PROGRAMS},
    **{program: ["threads", "processes"] for program in ("sort", "busy_wait", "pids", "distance", "cpu_load")},
    **{program: ["processes"] for program in ("process_hello", "restart", "process_queue", "queue_objects")},
}
STRICT = ("-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
LOG_LINE = re.compile(r"\d\d:\d\d:\d\d\| [^=]+ = \d+\.\d{8}")
SVG = "{http://www.w3.org/2000/svg}"
MARK = "MILLPOND_EXAMPLE_RUN"  # in the environment of a run, and so of every process that it forks
GRACE = 5  # seconds: one that was started or killed takes a moment to be there or gone

in_both_modes = pytest.mark.parametrize("mode", MODES)


def left_of(mark: str) -> list[int]:
    """The processes that still run of those that were started with this mark."""
    left = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                left.append(int(folder.name))
        except OSError:
            continue
    return left


def assert_left_of(mark: str, expected: list[int]) -> None:
    end = time.monotonic() + GRACE
    while left_of(mark) != expected and time.monotonic() < end:
        time.sleep(0.01)
    assert left_of(mark) == expected


def leaving_nothing(run: Run) -> Run:
    """As `run`, and no process of the program may be left when it has ended."""

    def run_(
        binary: PathLike,
        *args: str,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        mark = uuid.uuid4().hex
        done = run(binary, *args, timeout=timeout, env={**(env or {}), MARK: mark})
        assert_left_of(mark, [])
        return done

    return run_


def build(cc: Compile, program: str) -> Path:
    return cc([SOURCES / f"{program}.c"], f"examples/{program}", flags=("-O2",))


def tiny(cc: Compile, run: Run, program: str, *arguments: str) -> str:
    """What the program prints at its tiny size, after a success."""
    done = run(build(cc, program), "--tiny", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def results(output: str) -> list[dict[str, str]]:
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    return [dict(word.split("=", 1) for word in line.split()[1:]) for line in lines]


def pictured(program: str, folder: Path) -> list[str]:
    """The arguments that keep pictures and files out of the working folder."""
    if program in PICTURES:
        return ["--svg", str(folder / "picture.svg")]
    return ["--out", str(folder)] if program in ("distance", "distance_async") else []
