"""Workers are killed at random under load, and every task is accounted for. `make chaos` runs more of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Compile, Run

HERE = Path(__file__).resolve().parent
FLAGS = ("-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{HERE.parent / 'c'}")


def test_chaos(cc: Compile, run: Run) -> None:
    """As many tasks as CHAOS_TASKS says, again and again for CHAOS_MINUTES."""
    tasks, minutes = os.environ.get("CHAOS_TASKS") or "10000", os.environ.get("CHAOS_MINUTES") or "0"
    binary = cc([HERE / "chaos.c"], "chaos/chaos", flags=FLAGS)
    done = run(binary, tasks, minutes, timeout=660 + 60 * float(minutes))
    print(done.stdout)
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}{done.stderr}"
    assert "ok chaos" in done.stdout.splitlines(), done.stdout + done.stderr
