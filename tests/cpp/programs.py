"""Builds the programs of this folder in one of their variants, and runs them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conftest import Compile, Run

HERE = Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "bindings" / "cpp" / "include"
STRICT = (f"-I{INCLUDE}", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", "-pedantic")


def files() -> list[str]:
    """The names of the files that hold cases, without .cpp."""
    return sorted(path.stem for path in HERE.glob("*.cpp") if names(path.stem))


def names(file: str) -> list[str]:
    """The cases of one file."""
    return re.findall(r"^CASE\((\w+)\)", (HERE / f"{file}.cpp").read_text(), re.MULTILINE)


def check(
    cc: Compile,
    run: Run,
    file: str,
    variant: str,
    *,
    compiler: str = "g++",
    std: str = "c++17",
    flags: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> None:
    """Every case of a file must be well."""
    binary = cc(HERE / f"{file}.cpp", f"cpp/{variant}/{file}", compiler=compiler, std=std, flags=(*STRICT, *flags))
    done = run(binary, timeout=150, env=env)
    assert done.returncode == 0, f"{binary} ended with {done.returncode}\n{done.stdout}{done.stderr[-8000:]}"
    assert set(names(file)) <= set(re.findall(r"^ok (\w+)", done.stdout, re.MULTILINE)), done.stdout + done.stderr
