"""Every C file built with AddressSanitizer, which also looks for leaks, the library's included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cases
import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run

FLAGS = ("-fsanitize=address", "-fno-omit-frame-pointer")
ENVIRONMENT = {
    "CHECK_TOOL": "asan",
    "CHECK_SCALE": "0.1",
    # A request that no memory can satisfy must return NULL as it does without the sanitizer.
    "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1",
}


@pytest.mark.parametrize("file", cases.files_for_tools())
def test_asan(cc: Compile, run: Run, file: str) -> None:
    cases.run_all(run, [str(cases.build(cc, file, "asan", flags=FLAGS))], timeout=300, env=ENVIRONMENT)
