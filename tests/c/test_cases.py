"""Every case of every C file, each in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cases
import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run


@pytest.mark.parametrize(("file", "case"), cases.every(), ids=lambda value: value)
def test_case(cc: Compile, run: Run, file: str, case: str) -> None:
    cases.run_case(run, cases.build(cc, file), case)
