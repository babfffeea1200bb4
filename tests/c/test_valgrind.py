"""Every C file under valgrind: no bad access and no lost memory, at a small scale."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import cases
import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run

COMMAND = [
    "valgrind",
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--show-leak-kinds=definite",
    "--fair-sched=try",
]
# In a forked child what only the parent's threads pointed to is lost.
LOSING = {"broadcast", "fork_return", "fork", "fork_later", "join_fork", "sequential", "stats", "wait_fork"}
ENVIRONMENT = {"CHECK_TOOL": "valgrind", "CHECK_SCALE": "0.01", "CHECK_TIMEOUT": "120"}


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is missing: apt-get install valgrind")
@pytest.mark.parametrize("file", cases.files_for_tools())
def test_valgrind(cc: Compile, run: Run, file: str) -> None:
    leaks = "--errors-for-leak-kinds=" + ("none" if file in LOSING else "definite")
    cases.run_all(run, [*COMMAND, leaks, str(cases.build(cc, file))], timeout=300, env=ENVIRONMENT)
