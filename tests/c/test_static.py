"""A program that links the archive behaves as one that links the shared library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cases
import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run


@pytest.mark.parametrize("file", ["apply", "callbacks", "close", "exit", "fork", "map", "procs_basic", "workers"])
def test_static(cc: Compile, run: Run, file: str) -> None:
    binary = cases.build(cc, file, "static", static=True)
    cases.run_all(run, [str(binary)], timeout=300, env={"CHECK_SCALE": "0.2"})
