"""The C++ header under each compiler and standard, under AddressSanitizer, without exceptions, and what it refuses."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import programs
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Compile, Run

ASAN = (
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-fno-omit-frame-pointer",
    "-D_GLIBCXX_DEBUG",
)
# What does not compile, and a part of what the compiler must say then.
REFUSED = {
    "function": (
        "std::string s; pool.submit([s] { return s.size(); }).get();",
        "this function cannot go",
    ),
    "argument": (
        "pool.submit([](std::string_view s) { return s.size(); }, std::string_view()).get();",
        "an argument cannot go",
    ),
    "result": ("pool.submit([] { return std::make_unique<int>(1); }).get();", "the result cannot come back"),
    "call": ("pool.submit([](int) {}, std::string()).get();", "cannot be called with these arguments"),
    "no range": ("pool.map([](int x) { return x; }, std::vector<int>());", "this is no range"),
    "loop": (
        "millpond::pool threads; threads.for_each(std::vector<int>(), [](std::string) {});",
        "cannot be called with an element",
    ),
    "tuples": (
        "millpond::pool threads; threads.starmap(std::vector<std::pair<int, int>>(), [](int x) { return x; });",
        "cannot be called with the values of an element",
    ),
    "copy": (
        "millpond::pool threads; auto one = std::make_unique<int>(1);"
        "threads.submit([](std::unique_ptr<int> p) { return *p; }, one).get();",
        "what can only be moved",
    ),
    "output": (
        "std::vector<int> in; std::vector<bool> out; pool.map_into(in, out, [](int x) { return x > 0; });",
        "must be objects of their own",
    ),
    "callback": ("pool.post(millpond::with().callback([](std::string) {}), [] { return 1; });", "a callback takes"),
    "retries": (
        "millpond::pool threads;"
        "threads.post(millpond::with().retries(1), [](std::unique_ptr<int>) {}, std::make_unique<int>(1));",
        "must be copyable",
    ),
}
PROGRAM = """
#include <memory>
#include <millpond.hpp>
#include <string>
#include <vector>
int main() {
  millpond::process_pool pool;
  %s
}
"""
each_file = pytest.mark.parametrize("file", programs.files())


def need(compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing: apt-get install {compiler.replace('clang++', 'clang')}")


@each_file
@pytest.mark.parametrize(("compiler", "std"), [("g++", "c++17"), ("clang++", "c++20")])
def test_cases(cc: Compile, run: Run, file: str, compiler: str, std: str) -> None:
    need(compiler)
    std = "c++20" if file == "later" else std
    programs.check(cc, run, file, f"{compiler}-{std}", compiler=compiler, std=std)


@each_file
def test_asan(cc: Compile, run: Run, file: str) -> None:
    need("g++")
    env = {"ASAN_OPTIONS": "detect_leaks=1"}
    programs.check(cc, run, file, "asan", std="c++20", flags=ASAN, env=env)


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_without_exceptions_and_types(cc: Compile, run: Run, compiler: str) -> None:
    need(compiler)
    flags = ("-fno-exceptions", "-fno-rtti")
    programs.check(cc, run, "bare", f"bare-{compiler}", compiler=compiler, flags=flags)


MIXED = """
#include <cstdio>
#include <millpond.hpp>
#include <stdexcept>
#if MILLPOND_EXCEPTIONS
std::size_t without();
#define NAME with
#else
#define NAME without
#endif
int fails(int n);
std::size_t NAME() {
  millpond::pool pool(1);
  auto failed = pool.submit(fails, -3);
  return sizeof failed.try_get() * (pool.submit(fails, 4).get() == 4);
}
#if MILLPOND_EXCEPTIONS
int fails(int n) { return n < 0 ? throw std::out_of_range("negative") : n; }
int main() {
  millpond::pool pool(1);
  const auto outcome = pool.submit(fails, -3).try_get();
  if (!outcome.exception() || with() == 0) return 1;
  std::puts("well");
}
#endif
"""


def test_files_with_and_without_exceptions(cc: Compile, run: Run, tmp_path: Path) -> None:
    need("g++")
    source = tmp_path / "mixed.cpp"
    source.write_text(MIXED)
    flags = (*programs.STRICT, "-O0")
    without = cc(source, "cpp/mixed/without.o", compiler="g++", std="c++17", flags=(*flags, "-fno-exceptions", "-c"))
    # The other's object comes first: of functions that both have, the linker takes its.
    binary = cc([without, source], "cpp/mixed/program", compiler="g++", std="c++20", flags=flags)
    assert run(binary).stdout == "well\n"


@pytest.mark.parametrize("part", sorted(path.name for path in (programs.INCLUDE / "millpond").glob("*.hpp")))
def test_each_part_stands_alone(cc: Compile, tmp_path: Path, part: str) -> None:
    need("g++")
    source = tmp_path / "part.cpp"
    source.write_text(f"#include <millpond/{part}>\n#include <millpond/{part}>\nint main() {{}}\n")
    cc(source, f"cpp/parts/{part}", compiler="g++", std="c++20", flags=(*programs.STRICT, "-O0"))


def test_the_program_of_the_readme(cc: Compile, run: Run, tmp_path: Path) -> None:
    need("g++")
    text = (programs.HERE.parent.parent / "README.md").read_text()
    source = tmp_path / "readme.cpp"
    source.write_text(text.split("```cpp\n")[1].split("```")[0])
    binary = cc(source, "cpp/readme", compiler="g++", std="c++17", flags=programs.STRICT)
    assert run(binary).stdout.split() == ["0", "1", "1.41421", "1.73205", "2", "42"]


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_says_why(cc: Compile, tmp_path: Path, what: str) -> None:
    need("g++")
    statement, sentence = REFUSED[what]
    source = tmp_path / "refused.cpp"
    source.write_text(PROGRAM % statement)
    with pytest.raises(RuntimeError, match=sentence):
        cc(source, f"cpp/refused/{what}", compiler="g++", std="c++17", flags=programs.STRICT)
