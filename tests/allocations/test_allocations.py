"""At each allocation of a call in turn there is no memory; a failure says at which number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run

HERE = Path(__file__).resolve().parent
TEXT = (HERE / "allocations.c").read_text()
# CALLS(name) makes two cases of a call.
CALLS = re.findall(r"^CALLS\((\w+)\)", TEXT, re.MULTILINE)
CASES = re.findall(r"^CASE\((\w+)\)", TEXT, re.MULTILINE)
CASES += [f"of_{name}{end}" for name in CALLS for end in ("", "_on_every_thread")]
FLAGS = ("-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{HERE.parent / 'c'}")


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
@pytest.mark.parametrize("case", CASES)
def test_allocations(cc: Compile, run: Run, case: str, static: bool) -> None:
    name = f"allocations/{'static' if static else 'shared'}"
    binary = cc([HERE / "allocations.c"], name, flags=FLAGS, static=static)
    done = run(binary, case, timeout=150, env={"CHECK_TIMEOUT": "120"})
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}{done.stderr[-6000:]}"
    assert f"ok {case}" in done.stdout.splitlines()
