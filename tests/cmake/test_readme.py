"""Everything that the README, and the header at its top, says to type works as it stands there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from consume import ROOT, SQUARES, TARGET_DIR, call, cmake_build, package_env, prefix

README = (ROOT / "README.md").read_text()
PROCESS_MODE = (ROOT / "docs" / "process-mode.md").read_text()


def blocks(language: str, text: str = README) -> list[re.Match[str]]:
    return list(re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def promised(program: re.Match[str]) -> str:
    """What the text says right after a program that it prints."""
    found = re.match(r"\s*It prints `([^`]*)`", program.string[program.end() :])
    assert found is not None, "each C block is a whole program, and the next sentence says what it prints"
    return found.group(1)


PROGRAMS = blocks("c")
# Lines that compile a program, as shown to the reader.
COMPILE = [line for block in blocks("sh") for line in block.group(1).splitlines() if line.startswith("cc ")]
CMAKE = [block.group(1) for block in blocks("cmake")]


def test_the_readme_shows_what_is_tested_here() -> None:
    assert len(PROGRAMS) == 2
    assert COMPILE[0] == "cc prog.c $(pkg-config --cflags --libs millpond)"
    assert len(COMPILE) == 2
    assert len(CMAKE) == 3
    # Two blank lines, two includes and three lines of braces aside, the first program has ten lines.
    lines = [line for line in PROGRAMS[0].group(1).splitlines() if line.strip() not in {"", "}"}]
    assert len([line for line in lines if not line.startswith("#")]) <= 10


@pytest.mark.skipif(shutil.which("pkg-config") is None, reason="pkg-config is not installed")
@pytest.mark.parametrize("command", COMPILE)
@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_programs(number: int, command: str, tmp_path: Path) -> None:
    (tmp_path / "prog.c").write_text(PROGRAMS[number].group(1))
    env = package_env(prefix())
    call("sh", "-c", command, cwd=tmp_path, env=env)
    assert call(tmp_path / "a.out", env=env).stdout.strip() == promised(PROGRAMS[number])


def test_the_program_in_the_page_on_process_mode(tmp_path: Path) -> None:
    (program,) = blocks("c", PROCESS_MODE)
    (tmp_path / "prog.c").write_text(program.group(1))
    env = package_env(prefix())
    call("sh", "-c", COMPILE[0], cwd=tmp_path, env=env)
    assert call(tmp_path / "a.out", env=env).stdout.split() == promised(program).split()


def test_the_first_program_in_processes(tmp_path: Path) -> None:
    """The README shows as a difference what makes its first program one of process mode."""
    (change,) = blocks("diff")
    text = PROGRAMS[0].group(1)
    lines = change.group(1).splitlines()
    before = [line[1:].strip() for line in lines if line[0] in "- "]
    after = "\n".join(line[1:] for line in lines if line[0] in "+ ")
    first = next(line for line in text.splitlines() if line.strip() == before[0])
    (tmp_path / "prog.c").write_text(text.replace(first, after, 1))
    env = package_env(prefix())
    call("sh", "-c", COMPILE[0], cwd=tmp_path, env=env)
    assert call(tmp_path / "a.out", env=env).stdout.strip() == promised(PROGRAMS[0])


def test_the_program_in_the_header(tmp_path: Path) -> None:
    opening = (prefix() / "include" / "millpond.h").read_text().split("*/")[0]
    text = "\n".join(line.removeprefix(" *").removeprefix("   ") for line in opening.splitlines())
    program = text[text.index("#include") : text.index("\n}\n", text.index("int main")) + 3]
    (tmp_path / "prog.c").write_text(program)
    env = package_env(prefix())
    call("sh", "-c", COMPILE[0], cwd=tmp_path, env=env)
    assert call(tmp_path / "a.out", env=env).stdout.strip() == SQUARES


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_programs_compile_without_a_warning(number: int, compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    (tmp_path / "prog.c").write_text(PROGRAMS[number].group(1))
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wno-unused-parameter", "-pedantic", "-Werror", "-fsyntax-only"]
    call(compiler, *flags, f"-I{prefix() / 'include'}", tmp_path / "prog.c")


@pytest.mark.parametrize("number", range(len(CMAKE)))
def test_cmake_lines(number: int, tmp_path: Path) -> None:
    # Outside the repository, where a link to it would be a folder within itself.
    work = tmp_path
    (work / "prog.c").write_text(PROGRAMS[0].group(1))
    (work / "millpond").symlink_to(ROOT)
    (work / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app LANGUAGES C)\nadd_executable(app prog.c)\n" + CMAKE[number]
    )
    cmake_build(
        work, work / "build",
        f"-DCMAKE_PREFIX_PATH={prefix()}", f"-DMILLPOND_TARGET_DIR={TARGET_DIR}",
        f"-DFETCHCONTENT_SOURCE_DIR_MILLPOND={ROOT}",
    )  # fmt: skip
    assert call(work / "build" / "app").stdout.strip() == promised(PROGRAMS[0])


def test_the_files_it_names_exist() -> None:
    for text, home in [(README, ROOT), ((ROOT / "docs" / "README.md").read_text(), ROOT / "docs")]:
        # In code the same signs are a lambda.
        for link in re.findall(r"\]\(([^)#]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            if "://" not in link:
                assert (home / link).exists(), link


def test_the_make_targets_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z]+)", README + contributing, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
