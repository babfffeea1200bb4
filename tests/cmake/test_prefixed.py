"""The package of the library with prefixes, installed beside the other one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from consume import (
    CONSUMER,
    ROOT,
    SQUARES,
    TARGET_DIR,
    call,
    cmake_build,
    fresh,
    libdir,
    package_env,
    tool,
    tree,
    version,
)

OPTIONS = [f"-DMILLPOND_TARGET_DIR={TARGET_DIR}", "-DMILLPOND_PREFIX=ON"]
BUILD = """cmake_minimum_required(VERSION 3.16)
project(consumer LANGUAGES C)
if(MILLPOND_SOURCE)
  add_subdirectory("${MILLPOND_SOURCE}" millpond)
else()
  find_package(millpond_prefixed CONFIG REQUIRED)
  find_package(millpond CONFIG REQUIRED)
  add_executable(plain plain.c)
  target_link_libraries(plain PRIVATE millpond::millpond)
endif()
foreach(kind millpond_prefixed millpond_prefixed_static)
  add_executable(${kind} prog.c)
  target_link_libraries(${kind} PRIVATE millpond_prefixed::${kind})
endforeach()
"""


def sources(name: str) -> Path:
    """The consumer's program with prefixes, and as it is. Nothing in it says which header it wants."""
    folder = fresh(name)
    text = (CONSUMER / "squares.c").read_text()
    (folder / "prog.c").write_text(text.replace("pool_", "millpond_pool_").replace("POOL_", "MILLPOND_POOL_"))
    (folder / "plain.c").write_text(text)
    (folder / "CMakeLists.txt").write_text(BUILD)
    return folder


@pytest.fixture(scope="module")
def both() -> Path:
    folder = fresh("prefix-both")
    for setting in ("ON", "OFF"):
        call("make", "install", f"PREFIX={folder}", f"PREFIXED={setting}")
    return folder


def test_the_two_libraries_stand_side_by_side(both: Path) -> None:
    lib = libdir(both)
    number = version()
    assert (lib / "libmillpond_prefixed.so").resolve().name == f"libmillpond_prefixed.so.{number}"
    assert (lib / "libmillpond.so").resolve().name == f"libmillpond.so.{number}"
    names = tree(both)
    assert {"include/millpond.h", "include/millpond_prefixed.h"} <= set(names)


def test_find_package_of_both(both: Path) -> None:
    source, build = sources("prefixed-find"), fresh("prefixed-find-build")
    cmake_build(source, build, f"-DCMAKE_PREFIX_PATH={both}")
    for program in ("millpond_prefixed", "millpond_prefixed_static", "plain"):
        assert call(build / program).stdout.strip() == SQUARES, program
    assert "libmillpond_prefixed.so.0" in call("ldd", build / "millpond_prefixed").stdout


def test_add_subdirectory() -> None:
    source, build = sources("prefixed-add"), fresh("prefixed-add-build")
    cmake_build(source, build, f"-DMILLPOND_SOURCE={ROOT}", *OPTIONS)
    for program in ("millpond_prefixed", "millpond_prefixed_static"):
        assert call(build / program).stdout.strip() == SQUARES, program


@pytest.mark.skipif(shutil.which("pkg-config") is None, reason="pkg-config is not installed")
@pytest.mark.parametrize("static", ["", "-static"])
def test_pkg_config(both: Path, static: str) -> None:
    work = sources(f"prefixed-pkg-config{static}")
    env = package_env(both)
    flags = f"-{static} --cflags --libs" if static else "--cflags --libs"
    call("sh", "-c", f"cc {static} prog.c $(pkg-config {flags} millpond_prefixed)", cwd=work, env=env)
    assert call(work / "a.out", env=env).stdout.strip() == SQUARES


def test_the_option_is_listed() -> None:
    build = fresh("prefixed-option")
    call(tool("cmake"), "-S", ROOT, "-B", build)
    assert "MILLPOND_PREFIX:BOOL=OFF" in (build / "CMakeCache.txt").read_text()
