"""The header by itself: clean in every standard of C and C++, and equal to what the library exports."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import cases
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Compile, Lib, Run

ROOT = cases.HERE.parent.parent
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Werror"]
LANGUAGES = {
    "c": (["c99", "c11", "c17"], ["gcc", "clang"], ["-Wstrict-prototypes"]),
    "c++": (["c++11", "c++14", "c++17", "c++20"], ["g++", "clang++"], ["-Wold-style-cast"]),
}
VARIANTS = [
    (compiler, language, standard)
    for language, (standards, compilers, _) in LANGUAGES.items()
    for compiler in compilers
    for standard in standards
]
# Included first and twice, and every initialiser and constant used.
USE = """
#include <millpond.h>
#include <millpond.h>
int main(void)
{
  pool_options_t options = POOL_OPTIONS_INIT;
  pool_call_t call = POOL_CALL_INIT;
  pool_future_t *future = 0;
  if (pool_join2(0, 0, 0, 0, 0, 0, 0) != POOL_ERR_INVALID)
    return 3;
  if (options.mode != POOL_THREADS || call.struct_size != sizeof call || POOL_MAX_WORKERS < 1 || POOL_NO_WORKER < 1)
    return 1;
  return pool_version() != 0 && pool_future_release(future) == POOL_OK && POOL_ERR_INVALID < 0 ? 0 : 2;
}
"""


def header(lib: Lib) -> str:
    """The header without its comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", (lib.include / "millpond.h").read_text(), flags=re.DOTALL)


def declared(lib: Lib) -> set[str]:
    """The functions the header declares, without those that it defines itself."""
    lines = [line for line in header(lib).splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"^static inline .*?^}$", " ", "\n".join(lines), flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"\b(pool_\w+)\s*\(", text))


def macro(lib: Lib, name: str) -> str:
    found = re.search(rf"^#define {name}\s+(\S+)", header(lib), re.MULTILINE)
    assert found, f"the header doesn't define {name}"
    return found.group(1)


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def symbols(path: Path, *options: str) -> set[str]:
    """The names that nm lists as defined and global."""
    lines = [line.split() for line in output("nm", "--defined-only", "--extern-only", *options, str(path)).splitlines()]
    return {fields[-1].split("@")[0] for fields in lines if len(fields) == 3 and fields[1] != "A"}


@pytest.mark.parametrize(("compiler", "language", "standard"), VARIANTS, ids=lambda value: value)
def test_header_is_clean(cc: Compile, run: Run, compiler: str, language: str, standard: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing: apt-get install {compiler.replace('clang++', 'clang')}")
    source = tmp_path / ("use.c" if language == "c" else "use.cpp")
    source.write_text(USE)
    flags = [*WARNINGS, *LANGUAGES[language][2]]
    binary = cc([source], f"header/{compiler}-{standard}", compiler=compiler, std=standard, flags=flags)
    assert run(binary).returncode == 0


def test_header_in_several_sources(cc: Compile, run: Run, tmp_path: Path) -> None:
    for name in ("one.c", "two.cpp"):
        (tmp_path / name).write_text("#include <millpond.h>\n")
    (tmp_path / "main.c").write_text(USE)
    binary = cc(
        [tmp_path / name for name in ("main.c", "one.c", "two.cpp")],
        "header/several",
        compiler="gcc",
        std="gnu11",
        flags=["-lstdc++"],
    )
    assert run(binary).returncode == 0


def test_header_has_only_its_own_names(lib: Lib) -> None:
    macros = re.findall(r"^#\s*define\s+(\w+)", header(lib), re.MULTILINE)
    assert macros
    # A macro may stand in for the function of its name.
    assert [name for name in set(macros) - declared(lib) if not name.startswith(("POOL_", "MILLPOND_"))] == []


def test_shared_library_exports_what_the_header_declares(lib: Lib) -> None:
    assert symbols(lib.so, "--dynamic") == declared(lib)


def test_every_exported_name_begins_with_pool(lib: Lib) -> None:
    exported = symbols(lib.so, "--dynamic")
    assert exported
    assert [name for name in exported if not name.startswith("pool_")] == []


def test_archive_holds_what_the_header_declares(lib: Lib, cc: Compile, run: Run, tmp_path: Path) -> None:
    functions = ", ".join(f"(void (*)(void)){name}" for name in sorted(declared(lib)))
    source = tmp_path / "all.c"
    source.write_text(
        "#include <millpond.h>\n"
        f"void (*const all[])(void) = {{{functions}}};\n"
        "int main(void) { return sizeof all > 0 && all[0] ? 0 : 1; }\n"
    )
    assert run(cc([source], "header/all", static=True)).returncode == 0


def test_soname(lib: Lib) -> None:
    assert re.findall(r"SONAME.*\[(.*)\]", output("readelf", "-d", str(lib.so))) == ["libmillpond.so.0"]


def test_shared_library_needs_only_the_system(lib: Lib) -> None:
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-d", str(lib.so))))
    system = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "ld-linux-x86-64.so.2"}
    assert needed <= system


def test_shared_library_asks_for_no_executable_stack(lib: Lib) -> None:
    segments = output("readelf", "-lW", str(lib.so))
    assert re.findall(r"GNU_STACK.*?\s(RWE?)\s", segments) == ["RW"]
    assert "TEXTREL" not in output("readelf", "-d", str(lib.so))


def test_versions_agree(lib: Lib) -> None:
    cargo = re.search(r'^\[package\].*?^version\s*=\s*"([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.M | re.S)
    assert cargo
    macros = [macro(lib, f"POOL_VERSION_{part}") for part in ("MAJOR", "MINOR", "PATCH")]
    library = ctypes.CDLL(str(lib.so))
    library.pool_version.restype = ctypes.c_char_p
    assert ".".join(macros) == cargo.group(1)
    assert library.pool_version().decode() == cargo.group(1)


def test_statuses_are_all_different(lib: Lib) -> None:
    statuses = re.findall(r"^#define (POOL_(?:OK|ERR_\w+))\s+\(?(-?\d+)\)?", header(lib), re.MULTILINE)
    values = [int(value) for _, value in statuses]
    assert sorted(values, reverse=True) == list(range(0, -len(values), -1))


def test_every_function_is_used_by_some_case(lib: Lib) -> None:
    sources = "\n".join(path.read_text() for path in cases.HERE.glob("*.[ch]"))
    private = {"pool_join2_promote", "pool_join2_finish", "pool_map_swept"}  # Called by what the header defines.
    assert sorted(name for name in declared(lib) - private if not re.search(rf"\b{name}\b", sources)) == []
