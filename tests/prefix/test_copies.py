"""Several copies of the library in one process: loaded twice, linked and loaded, with and without prefixes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from libraries import OUT, SYSTEM, compile_, prefixed, shared

if TYPE_CHECKING:
    from conftest import Lib, Run

SOURCE = Path(__file__).resolve().parent / "copies.c"
CASES = re.findall(r"^CASE\((\w+)\)", SOURCE.read_text(), re.MULTILINE)
# What the first copy is, and the second.
PAIRS = [
    ("loaded", "loaded"),
    ("loaded", "prefixed"),
    ("static", "loaded"),
    ("shared", "loaded"),
    ("shared", "prefixed"),
]


built: dict[str, Path] = {}


def spec(kind: str, lib: Lib, name: str) -> str:
    """The copy for the program: another file each time, or the loader would find that it has it."""
    if kind == "prefixed":
        return f"millpond_:{prefixed() / 'libmillpond_prefixed.so'}"
    if kind != "loaded":
        return ":"
    place = OUT / "copies" / f"{name}.so"
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(lib.so, place)
    return f":{place}"


def program(kind: str, lib: Lib) -> Path:
    if kind not in built:
        built[kind] = build(kind, lib)
    return built[kind]


def build(kind: str, lib: Lib) -> Path:
    if kind == "static":
        # The program's own functions are those of the library, and in sight of the other copy.
        return compile_("copies-static", [SOURCE], "-DLINKED", "-rdynamic", lib.a, *SYSTEM)
    if kind == "shared":
        return compile_("copies-shared", [SOURCE], "-DLINKED", *shared(lib.libdir, "millpond"))
    return compile_("copies-loaded", [SOURCE], "-ldl")


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("case", CASES)
def test_copies(lib: Lib, run: Run, pair: tuple[str, str], case: str) -> None:
    first, second = pair
    env = {"COPY_ONE": spec(first, lib, "one"), "COPY_TWO": spec(second, lib, "two"), "CHECK_SCALE": "0.3"}
    done = run(program(first, lib), case, timeout=75, env=env)
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}{done.stderr}"
    assert f"ok {case}" in done.stdout.splitlines()


def test_both_archives_in_one_program(lib: Lib, run: Run, tmp_path: Path) -> None:
    source = tmp_path / "both.c"
    source.write_text(
        "#include <millpond.h>\n#include <millpond_prefixed.h>\n"
        "int main(void) {\n  pool_t *one = pool_create(2);\n  millpond_pool_t *two = millpond_pool_create(2);\n"
        "  return !one || !two || pool_close_join(one) || millpond_pool_close_join(two);\n}\n"
    )
    archives = [lib.a, prefixed() / "libmillpond_prefixed.a"]
    assert run(compile_("both-archives", [source], *archives, *SYSTEM)).returncode == 0
