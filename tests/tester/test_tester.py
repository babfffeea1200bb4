"""The randomised tester, for as long as TESTER_SECONDS says in each mode. `make soak` runs it for hours."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run

HERE = Path(__file__).resolve().parent
STRICT = ("-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE")
SOURCES = sorted(HERE.glob("*.c"))
SECONDS = os.environ.get("TESTER_SECONDS") or "12"
SEED = os.environ.get("TESTER_SEED")


def check(run: Run, command: list[str], *, timeout: float, env: dict[str, str] | None = None) -> None:
    """All was as the model says; the seed is in the output of either end."""
    done = run(command[0], *command[1:], timeout=timeout, env=env)
    print(done.stdout)
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-20000:]}"
    assert "ok tester" in done.stdout.splitlines(), done.stdout + done.stderr


@pytest.mark.timeout(0)
@pytest.mark.parametrize("mode", ["threads", "processes"])
def test_tester(cc: Compile, run: Run, mode: str) -> None:
    # Its own malloc stands before the library's calls, so that allocations can fail.
    binary = cc(SOURCES, "tester/tester", flags=(*STRICT, "-DTESTER_STARVES"))
    seed = ["--seed", SEED] if SEED else []
    command = [str(binary), "--mode", mode, "--seconds", SECONDS, *seed]
    check(run, command, timeout=120 + 4 * float(SECONDS))


def test_a_seed_repeats_the_decisions(cc: Compile, run: Run) -> None:
    binary = cc(SOURCES, "tester/tester", flags=(*STRICT, "-DTESTER_STARVES"))
    plans = [run(binary, "--plan", "--mode", "threads", "--seed", seed, "--round", "3").stdout for seed in "778"]
    assert len(plans[0].splitlines()) > 200
    assert plans[0] == plans[1] != plans[2]


def test_tester_under_asan(cc: Compile, run: Run) -> None:
    binary = cc(SOURCES, "asan/tester", flags=(*STRICT, "-fsanitize=address", "-fno-omit-frame-pointer"))
    environment = {"TESTER_PATIENCE": "4", "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1"}
    check(run, [str(binary), "--mode", "threads", "--seconds", "4", "--short"], timeout=240, env=environment)


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is missing: apt-get install valgrind")
def test_tester_under_valgrind(cc: Compile, run: Run) -> None:
    binary = cc(SOURCES, "tester/plain", flags=STRICT)
    command = ["valgrind", "--quiet", "--error-exitcode=99", "--fair-sched=try"]
    # In a forked child what only the parent's threads pointed to is lost.
    command += ["--errors-for-leak-kinds=none", "--child-silent-after-fork=yes"]
    command += [str(binary), "--mode", "threads", "--rounds", "2", "--short"]
    check(run, command, timeout=300, env={"TESTER_PATIENCE": "10"})
