"""Maps and fork-join through the library's own symbols, as bindings and other compilers call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cases
import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run


@pytest.mark.parametrize("file", ["join", "join_deep", "join_fork", "join_n", "map", "map_errors"])
def test_without_the_inline_part(cc: Compile, run: Run, file: str) -> None:
    binary = cases.build(cc, file, "out-of-line", flags=("-DPOOL_NO_INLINE",))
    cases.run_all(run, [str(binary)], timeout=300, env={"CHECK_SCALE": "0.3"})
