"""The C++ header on the library with prefixes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from libraries import OUT, ROOT, compile_, prefixed, shared
from test_prefix import all_cases_pass, with_prefix

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lib, Run

CPP = ROOT / "tests" / "cpp"
# What the checked names are: submissions, what follows them, objects between processes, coroutines.
RENAMED = [("submit", "c++17"), ("follow", "c++17"), ("objects", "c++17"), ("later", "c++20")]
FLAGS = ("-DMILLPOND_PREFIX", f"-I{ROOT / 'bindings' / 'cpp' / 'include'}", "-pedantic", "-Wconversion")
# A program with names of its own, and a part of it that has the other library's header.
FOREIGN = """
struct pool_t {
  int own;
};
int pool_submit = 1;
int pool_create(int a) {
  return a;
}
enum { POOL_OK = 40, POOL_ERR_CLOSED };
#include <cstdio>
#include <millpond.hpp>
int with_the_other();
int main() {
  millpond::pool threads(1);
  millpond::process_pool processes(1);
  const pool_t own{pool_create(POOL_OK)};
  auto two = threads.submit([] { return millpond::join([] { return 1; }, [] { return 2; }).second; });
  auto far = processes.submit([](int x) { return x; }, own.own);
  threads.close();
  millpond::future<int> late;
  const bool closed = threads.try_submit(late, [] { return 1; }) == MILLPOND_POOL_ERR_CLOSED;
  std::printf("%d %d %d\\n", two.get() + far.get(), closed, with_the_other());
}
"""
OTHER = """
#include <millpond.hpp>
int with_the_other() {
  millpond::pool pool(1);
  return pool.submit([](int x) { return x; }, POOL_ERR_CLOSED).get();
}
"""


def need(compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing")


def test_the_part_with_the_names_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "cpp_names.py", "--check"], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(("file", "standard"), RENAMED)
def test_it_does_what_it_does_on_the_other_one(run: Run, file: str, standard: str) -> None:
    need("g++")
    folder = OUT / "renamed-cpp"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{file}.cpp"
    source.write_text(with_prefix((CPP / source.name).read_text()))
    links = shared(prefixed(), "millpond_prefixed")
    all_cases_pass(run, compile_(f"cpp/{file}", [source], *FLAGS, f"-I{CPP}", *links, compiler="g++", std=standard))


@pytest.mark.parametrize(("compiler", "standard"), [("g++", "c++17"), ("clang++", "c++20")])
def test_programs_with_names_of_their_own(lib: Lib, run: Run, compiler: str, standard: str, tmp_path: Path) -> None:
    need(compiler)
    for name, text in [("foreign", FOREIGN), ("other", OTHER)]:
        (tmp_path / f"{name}.cpp").write_text(text)
    plain = [flag for flag in FLAGS if flag != "-DMILLPOND_PREFIX"]
    other = compile_(f"cpp/{compiler}.o", [tmp_path / "other.cpp"], *plain, "-c", compiler=compiler, std=standard)
    links = [*shared(prefixed(), "millpond_prefixed"), *shared(lib.libdir, "millpond")]
    sources = [tmp_path / "foreign.cpp", other]
    program = compile_(f"cpp/foreign-{compiler}", sources, *FLAGS, *links, compiler=compiler, std=standard)
    assert run(program).stdout == "42 1 -2\n"
