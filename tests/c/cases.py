"""Finds the cases in the C files, builds each file once and runs single cases of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run

HERE = Path(__file__).resolve().parent
STRICT = ("-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE")
SKIPPED = 77
# unload.c must not be linked with the library that it loads itself, and find it wherever dlopen is called from.
FLAGS = {"unload": ("-Wl,--as-needed", "-Wl,--disable-new-dtags")}


def files() -> list[str]:
    """The names of the files that hold cases, without .c."""
    return sorted(path.stem for path in HERE.glob("*.c") if names(path.stem))


def files_for_tools() -> list[str]:
    """Those that make sense under valgrind and the sanitizers. Pools of processes are left out: their workers die of
    signals and limits on purpose, and leave by _exit with all they have."""
    return [file for file in files() if not file.startswith("procs_")]


def names(file: str) -> list[str]:
    """The cases of one file, in order; read from the source, so that collecting needs no build."""
    return re.findall(r"^CASE\((\w+)\)", (HERE / f"{file}.c").read_text(), re.MULTILINE)


def every() -> list[tuple[str, str]]:
    """All cases as (file, case)."""
    return [(file, case) for file in files() for case in names(file)]


def build(cc: Compile, file: str, kind: str = "c", *, flags: tuple[str, ...] = (), static: bool = False) -> Path:
    """The file's program, named build/tests/KIND/FILE."""
    return cc([HERE / f"{file}.c"], f"{kind}/{file}", flags=(*STRICT, *FLAGS.get(file, ()), *flags), static=static)


def run_case(run: Run, binary: Path, case: str, *, timeout: float = 75) -> None:
    """Runs one case and turns its outcome into the test's."""
    done = run(binary, case, timeout=timeout)
    if done.returncode == SKIPPED:
        pytest.skip(done.stdout.strip().split(": ", 1)[-1])
    assert done.returncode == 0, f"{binary} {case} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    assert f"ok {case}" in done.stdout.splitlines(), done.stdout + done.stderr


def run_all(run: Run, command: list[str], *, timeout: float, env: dict[str, str]) -> None:
    """Runs all cases of a program, each in a child; every one must be well or skipped with a reason."""
    done = run(command[0], *command[1:], timeout=timeout, env=env)
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-12000:]}"
    outcomes = re.findall(r"^(ok|skipped) \w+", done.stdout, re.MULTILINE)
    assert len(outcomes) == len(names(Path(command[-1]).stem)), done.stdout + done.stderr
