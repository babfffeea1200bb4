"""The examples in the comments of the C++ header, and in its README, compiled and run."""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import TYPE_CHECKING

import programs
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Compile, Run

# In the comment of a declaration: indented by four more than its text.
EXAMPLE = re.compile(r"(?:^ *///     .*\n)+", re.MULTILINE)
PLACE = re.compile(r"^ *@(\w+) (\d+)$", re.MULTILINE)
README = programs.INCLUDE.parent / "README.md"


def examples() -> dict[tuple[str, int], str]:
    """By file and number, from 1."""
    found = {}
    for path in sorted((programs.INCLUDE / "millpond").glob("*.hpp")):
        for number, block in enumerate(EXAMPLE.findall(path.read_text()), 1):
            found[path.stem, number] = re.sub(r"^ *///     ", "", block, flags=re.MULTILINE)
    return found


def surroundings() -> str:
    return (programs.HERE / "snippets.cpp.in").read_text()


def test_each_example_has_its_place() -> None:
    places = [(file, int(number)) for file, number in PLACE.findall(surroundings())]
    assert len(examples()) > 30
    assert sorted(places) == sorted(examples())


def test_examples(cc: Compile, run: Run, tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is missing")
    known = examples()
    text = surroundings()
    cases = set(re.findall(r"^CASE\((\w+)\)", text, re.MULTILINE))
    source = tmp_path / "snippets.cpp"
    # Where the compiler complains, it names the header's file.
    source.write_text(PLACE.sub(lambda place: f"\n// {place[1]}.hpp\n{known[place[1], int(place[2])]}", text))
    flags = (*programs.STRICT, "-Wno-shadow", "-Wno-unused-variable", f"-I{programs.HERE}")
    done = run(cc(source, "cpp/snippets", compiler="g++", std="c++20", flags=flags))
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"^ok (\w+)", done.stdout, re.MULTILINE)) == cases
    assert "out_of_range: no such column" in done.stderr
    assert "hello, you" in done.stdout


def test_the_programs_of_its_readme(cc: Compile, run: Run, tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is missing")
    shown = re.findall(r"^```cpp\n(.*?)^```\n\nIt prints `(.*?)`", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(shown) == README.read_text().count("```cpp") > 0
    for number, (program, promised) in enumerate(shown):
        source = tmp_path / f"readme{number}.cpp"
        source.write_text(textwrap.dedent(program))
        binary = cc(source, f"cpp/its-readme-{number}", compiler="g++", std="c++17", flags=programs.STRICT)
        assert run(binary).stdout.split() == promised.split()
