"""What the tests of the packaging share: an installed copy, a stand-in source, and commands that show why they fail."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Optional, Union

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "build" / "tests" / "cmake"
CONSUMER = HERE / "consumer"
TARGET_DIR = ROOT / "target"
SQUARES = "1 4 9 16 25"
Argument = Union[str, "os.PathLike[str]"]

# The environment may belong to a `make` that called us, with settings meant for it alone.
LEFT_OUT = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR", "PREFIX", "CMAKE_PREFIX_PATH", "PKG_CONFIG_PATH"}
ENV = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not on PATH")
    return found


def call(
    *command: Argument, cwd: Path = ROOT, env: Optional[Mapping[str, str]] = None, fails: bool = False
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end and returns it; one that fails (or, with `fails`, does not) raises with its output."""
    done = subprocess.run(
        [os.fspath(part) for part in command],
        cwd=cwd,
        env={**ENV, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=900,
        check=False,
    )
    if (done.returncode != 0) != fails:
        shown = " ".join(os.fspath(part) for part in command)
        raise AssertionError(f"{shown}: status {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
    return done


def fresh(name: str) -> Path:
    """An empty folder of that name."""
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@functools.cache
def prefix() -> Path:
    """Where `make install` has put the library."""
    folder = fresh("prefix")
    call("make", "install", f"PREFIX={folder}")
    return folder


def libdir(installed: Path) -> Path:
    found = sorted(installed.rglob("libmillpond.a"))
    assert len(found) == 1, found
    return found[0].parent


def package_env(installed: Path) -> dict[str, str]:
    """What the README says to set for a library installed off the usual paths."""
    return {"PKG_CONFIG_PATH": str(libdir(installed) / "pkgconfig"), "LD_LIBRARY_PATH": str(libdir(installed))}


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder, with where it points if it is a link."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = os.readlink(path)
        elif path.is_file():
            found[str(path.relative_to(folder))] = "file"
    return found


def version() -> str:
    for line in (ROOT / "Cargo.toml").read_text().splitlines():
        if line.startswith("version"):
            return line.split('"')[1]
    raise AssertionError("Cargo.toml names no version")


def cmake_build(source: Path, build: Path, *definitions: str, env: Optional[Mapping[str, str]] = None) -> str:
    """Configures and builds; returns what the configuration printed."""
    done = call(tool("cmake"), "-S", source, "-B", build, *definitions, env=env)
    call(tool("cmake"), "--build", build, env=env)
    return done.stdout + done.stderr


def stand_in(name: str, number: str = "3.4.5") -> Path:
    """Millpond's CMake files around a crate of one function, which builds in a second and may be edited."""
    folder = fresh(name)
    shutil.copy(ROOT / "CMakeLists.txt", folder)
    shutil.copytree(ROOT / "cmake", folder / "cmake")
    for licence in ROOT.glob("LICENSE-*"):
        shutil.copy(licence, folder)
    shutil.copy(ROOT / "build.rs", folder)
    (folder / "include").mkdir()
    (folder / "bindings" / "cpp" / "include").mkdir(parents=True)
    (folder / "include" / "millpond.h").write_text("int pool_number(void);\n")
    (folder / "src").mkdir()
    (folder / "src" / "lib.rs").write_text(
        '#[unsafe(no_mangle)]\npub extern "C" fn pool_number() -> core::ffi::c_int {\n    1\n}\n'
    )
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "millpond"\nversion = "{number}"\nedition = "2024"\n\n'
        '[lib]\ncrate-type = ["cdylib", "staticlib"]\n\n[features]\nheader = []\n\n[workspace]\n'
    )
    return folder


def program_of(stand_in_source: Path) -> Path:
    """A consumer of the stand-in that prints its number."""
    folder = stand_in_source.parent / f"{stand_in_source.name}-program"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(program LANGUAGES C)\n"
        f'add_subdirectory("{stand_in_source}" millpond)\n'
        "add_executable(program program.c)\ntarget_link_libraries(program PRIVATE millpond::millpond)\n"
    )
    (folder / "program.c").write_text(
        '#include <millpond.h>\n#include <stdio.h>\nint main(void) { printf("%d\\n", pool_number()); return 0; }\n'
    )
    return folder
