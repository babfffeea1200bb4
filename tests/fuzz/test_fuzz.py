"""Structs with anything in them, for FUZZ_SECONDS (1) a case; FUZZ_SEED and FUZZ_ROUND repeat what a failure names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Compile, Lib, Run

HERE = Path(__file__).resolve().parent
CASES = re.findall(r"^CASE\((\w+)\)", (HERE / "fuzz.c").read_text(), re.MULTILINE)
FLAGS = ("-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{HERE.parent / 'c'}")
STRUCT = re.compile(r"typedef struct (pool_\w+_t) \{\s*(size_t struct_size;.*?)\} \1;", re.DOTALL)
FIELD = re.compile(r"^\s*([^;]*?)(\w+);", re.MULTILINE)


def fields(header: str) -> str:
    """For each struct that begins with its size a macro with its numbers and its pointers."""
    text = re.sub(r"/\*.*?\*/", " ", header, flags=re.DOTALL)
    lines = ["#include <millpond.h>"]
    for struct, body in STRUCT.findall(text):
        kinds = [
            f"{'POINTER' if '*' in type_ or '_fn' in type_ else 'NUMBER'}({struct}, {name})"
            for type_, name in FIELD.findall(body)
        ]
        lines.append(f"#define FIELDS_{struct}(NUMBER, POINTER) " + " ".join(kinds))
    return "\n".join([*lines, ""])


def test_every_struct_that_callers_fill_is_tried(lib: Lib) -> None:
    header = (lib.include / "millpond.h").read_text()
    structs = re.findall(r"FIELDS_(\w+)\(", fields(header))
    assert {"pool_options_t", "pool_call_t"} <= set(structs)
    fuzzed = re.findall(r"FIELDS_(\w+)\(", (HERE / "fuzz.h").read_text())
    assert sorted(set(structs) - set(fuzzed)) == []


@pytest.mark.parametrize("flags", [(), ("-fsanitize=address",)], ids=["plain", "asan"])
@pytest.mark.parametrize("case", CASES)
def test_fuzz(lib: Lib, cc: Compile, run: Run, case: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "fields.h").write_text(fields((lib.include / "millpond.h").read_text()))
    seconds = float(os.environ.get("FUZZ_SECONDS") or 1)
    binary = cc([HERE / "fuzz.c"], f"fuzz/{'asan' if flags else 'plain'}", flags=(*FLAGS, f"-I{tmp_path}", *flags))
    env = {"ASAN_OPTIONS": "allocator_may_return_null=1:handle_segv=0:handle_abort=0"}
    done = run(binary, case, timeout=seconds + 120, env=env)
    print(done.stdout)
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}{done.stderr}"
