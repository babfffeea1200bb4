"""The library with prefixes: no name of its own is in anybody's way, and it does all that the other one does."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from libraries import OUT, ROOT, SYSTEM, C, command, compile_, exported, identifiers, prefixed, shared

if TYPE_CHECKING:
    from conftest import Lib, Run

HERE = Path(__file__).resolve().parent
# Some files of every kind, renamed and run: threads, processes, what the header defines inline.
RENAMED = ["apply", "callbacks", "inline", "join_n", "map", "options", "procs_basic", "submit"]
BUILDS = [("shared", file) for file in RENAMED] + [("static", "apply"), ("static", "procs_basic")]
STANDARDS = [("gcc", "c99"), ("clang", "c17"), ("g++", "c++11"), ("clang++", "c++20")]


def with_prefix(text: str) -> str:
    """The names of the library, as sentences in quotes have them, stay."""

    def renamed(found: re.Match[str]) -> str:
        return {"pool": "millpond_", "POOL": "MILLPOND_"}.get(found[1] or "", "") + found[0]

    return re.sub(r'"(?:\\.|[^"\\\n])*"|\b(pool|POOL)_', renamed, text)


def all_cases_pass(run: Run, binary: Path) -> None:
    done = run(binary, timeout=300, env={"CHECK_SCALE": "0.2"})
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}{done.stderr}"


def test_exactly_the_same_names_with_a_prefix_are_exported(lib: Lib) -> None:
    assert exported(prefixed() / "libmillpond_prefixed.so") == {f"millpond_{name}" for name in exported(lib.so)}


def test_the_archive_defines_no_name_without_a_prefix() -> None:
    lines = command("nm", "--defined-only", "--extern-only", prefixed() / "libmillpond_prefixed.a").splitlines()
    names = {line.split()[-1] for line in lines if line.strip()}
    assert any(name.startswith("millpond_pool_") for name in names)
    assert [name for name in names if name.startswith("pool_")] == []


def test_the_soname_is_another() -> None:
    dynamic = command("readelf", "-d", prefixed() / "libmillpond_prefixed.so")
    assert re.findall(r"SONAME.*\[(.*)\]", dynamic) == ["libmillpond_prefixed.so.0"]


def test_the_header_has_no_name_without_a_prefix() -> None:
    names = identifiers(ROOT / "include" / "millpond_prefixed.h")
    assert [name for name in names if name.startswith(("pool_", "POOL_"))] == []
    plain = {name for name in identifiers(ROOT / "include" / "millpond.h") if name.startswith(("pool_", "POOL_"))}
    assert {with_prefix(name) for name in plain} == {name for name in names if "pool_" in name.lower()}


@pytest.mark.parametrize(("compiler", "standard"), STANDARDS)
def test_both_headers_in_one_source(lib: Lib, run: Run, compiler: str, standard: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing")
    source = tmp_path / ("both.c" if standard.startswith("c9") or standard == "c17" else "both.cpp")
    source.write_text(
        "#include <millpond.h>\n#include <millpond_prefixed.h>\n"
        "int main(void) {\n  pool_t *one = pool_create(1);\n  millpond_pool_t *two = millpond_pool_create(1);\n"
        "  return !one || !two || pool_close_join(one) || millpond_pool_close_join(two);\n}\n"
    )
    links = [*shared(lib.libdir, "millpond"), *shared(prefixed(), "millpond_prefixed")]
    assert run(compile_(f"both-{compiler}", [source], *links, compiler=compiler, std=standard)).returncode == 0


@pytest.mark.parametrize("how", ["shared", "static", "static and the other header"])
def test_a_program_that_has_all_these_names(lib: Lib, run: Run, how: str) -> None:
    own = {"pool_create"}
    others = OUT / "others.c"
    others.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"void {name}(void);\nvoid {name}(void) {{ abort(); }}" for name in sorted(exported(lib.so) - own)]
    others.write_text("\n".join(["#include <stdlib.h>", *lines, ""]))
    folder = prefixed()
    link = shared(folder, "millpond_prefixed") if how == "shared" else [folder / "libmillpond_prefixed.a", *SYSTEM]
    flags = ["-DPREFIXED_FIRST"] if "other" in how else []
    # The program's names are seen by every library, as those of a plug-in's host are.
    binary = compile_(f"foreign-{how.split()[-1]}", [HERE / "foreign.c", others], "-rdynamic", *flags, *link)
    all_cases_pass(run, binary)


@pytest.mark.parametrize(("how", "file"), BUILDS)
def test_it_does_what_the_other_one_does(run: Run, how: str, file: str) -> None:
    """The C tests themselves, with each name behind its prefix."""
    folder = OUT / "renamed"
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*C.glob("*.h"), C / f"{file}.c"]:
        (folder / path.name).write_text(with_prefix(path.read_text()).replace("<millpond.h>", "<millpond_prefixed.h>"))
    lib = prefixed()
    link = shared(lib, "millpond_prefixed") if how == "shared" else [lib / "libmillpond_prefixed.a", *SYSTEM]
    # The renamed headers stand beside their source, before those of the folder that the flags name.
    all_cases_pass(run, compile_(f"renamed-{how}/{file}", [folder / f"{file}.c"], *link))
