"""At each allocation of a call in turn there is no memory; a failure says at which number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run

HERE = Path(__file__).resolve().parent
FILES = ("allocations", "handles")
FLAGS = ("-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{HERE.parent / 'c'}")


def cases(file: str) -> list[str]:
    """Those of one file; CALLS(name) makes two of a call."""
    text = (HERE / f"{file}.c").read_text()
    calls = re.findall(r"^CALLS\((\w+)\)", text, re.MULTILINE)
    found = re.findall(r"^CASE\((\w+)\)", text, re.MULTILINE)
    return found + [f"of_{name}{end}" for name in calls for end in ("", "_on_every_thread")]


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
@pytest.mark.parametrize(("file", "case"), [(file, case) for file in FILES for case in cases(file)])
def test_allocations(cc: Compile, run: Run, file: str, case: str, static: bool) -> None:
    name = f"allocations/{file}-{'static' if static else 'shared'}"
    binary = cc([HERE / f"{file}.c"], name, flags=FLAGS, static=static)
    done = run(binary, case, timeout=150, env={"CHECK_TIMEOUT": "120"})
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}{done.stderr[-6000:]}"
    assert f"ok {case}" in done.stdout.splitlines()
