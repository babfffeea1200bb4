"""The examples as a build of their own, and as part of another: all are configured, some are built and run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from consume import ROOT, TARGET_DIR, call, fresh, prefix, tool

if TYPE_CHECKING:
    from pathlib import Path

SUPERPROJECT = """
cmake_minimum_required(VERSION 3.16)
project(both LANGUAGES C CXX)
add_subdirectory("@ROOT@" millpond)
add_subdirectory("@ROOT@/examples/@LANGUAGE@" examples)
"""
# In C++ one of each standard that the programs are written in.
BUILT = {"c": ["pool_square"], "cpp": ["pool_square", "round_robin"]}
each_language = pytest.mark.parametrize("language", BUILT)


def check_some(build: Path, programs: Path, language: str) -> None:
    every = {f"millpond_{language}_{path.stem}" for path in (ROOT / "examples" / language).glob(f"*.{language}")}
    offered = call(tool("cmake"), "--build", build, "--target", "help").stdout.replace("...", "").split()
    assert every <= set(offered)
    for program in BUILT[language]:
        call(tool("cmake"), "--build", build, "--target", f"millpond_{language}_{program}")
        assert "checked=1" in call(programs / program, cwd=build).stdout


@each_language
def test_against_the_installed_library(language: str) -> None:
    build = fresh(f"examples-{language}")
    call(
        tool("cmake"), "-S", ROOT / "examples" / language, "-B", build, "-G", "Unix Makefiles",
        f"-DCMAKE_PREFIX_PATH={prefix()}",
    )  # fmt: skip
    check_some(build, build, language)


@each_language
def test_inside_another_build(language: str) -> None:
    source, build = fresh(f"examples-{language}-in"), fresh(f"examples-{language}-in-build")
    text = SUPERPROJECT.replace("@ROOT@", str(ROOT)).replace("@LANGUAGE@", language)
    (source / "CMakeLists.txt").write_text(text)
    call(
        tool("cmake"), "-S", source, "-B", build, "-G", "Unix Makefiles",
        f"-DMILLPOND_TARGET_DIR={TARGET_DIR}",
    )  # fmt: skip
    check_some(build, build / "examples", language)
