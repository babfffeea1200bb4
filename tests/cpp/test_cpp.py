"""The C++ header under each compiler and standard, and under AddressSanitizer."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import programs
import pytest

if TYPE_CHECKING:
    from conftest import Compile, Run

ASAN = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer")
each_file = pytest.mark.parametrize("file", programs.files())


@each_file
@pytest.mark.parametrize(("compiler", "std"), [("g++", "c++17"), ("clang++", "c++20")])
def test_cases(cc: Compile, run: Run, file: str, compiler: str, std: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing")
    programs.check(cc, run, file, f"{compiler}-{std}", compiler=compiler, std=std)


@each_file
def test_asan(cc: Compile, run: Run, file: str) -> None:
    env = {"ASAN_OPTIONS": "detect_leaks=1", "CHECK_TOOL": "asan"}
    programs.check(cc, run, file, "asan", std="c++20", flags=ASAN, env=env)
