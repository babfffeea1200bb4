"""The hot paths take as many instructions as figures.json says: a slower path is noticed on the busiest machine."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import counts
import pytest

if TYPE_CHECKING:
    from conftest import Compile

FIGURES = json.loads(counts.FIGURES.read_text())
# From run to run the counts differ by less than one instruction; another compiler or libc chooses other ones.
CLOSE, ROUGH = 0.02, 0.25
BLESS = "`make instructions ARGS=--bless` writes the figures anew"


def tolerance() -> float:
    """How much more is still the same."""
    return CLOSE if counts.environment().items() <= FIGURES.items() else ROUGH


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is missing: apt-get install valgrind")
@pytest.mark.parametrize("operation", counts.OPERATIONS, ids=lambda operation: operation.key)
def test_instructions(cc: Compile, operation: counts.Operation) -> None:
    if counts.environment()["machine"] != FIGURES["machine"]:
        pytest.skip(f"the figures are for {FIGURES['machine']}")
    assert operation.key in FIGURES["instructions"], f"{operation.key} has no figure: {BLESS}"
    was = FIGURES["instructions"][operation.key]
    now = counts.cost(cc([counts.HERE / "operations.c"], "instructions/operations"), operation)
    told = f"{operation.key} ({operation.what}): was {was} instructions, is {now}"
    assert now <= was * (1 + tolerance()) + 1, f"{told}. If it is worth that, {BLESS}"
    assert now >= was * (1 - tolerance()) - 1, f"{told}: better! {BLESS}, so that it stays"


def test_every_figure_is_counted() -> None:
    assert set(FIGURES["instructions"]) == {operation.key for operation in counts.OPERATIONS}, BLESS
