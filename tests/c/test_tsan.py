"""Every C file and the library under ThreadSanitizer: no two threads touch the same bytes without an order.

The library is compiled for it (`--cfg tsan` takes locks that the sanitizer sees through), the program by clang, and
the runtime is the one that comes with rustc, since both must agree. What std does inside, and fences, the sanitizer
does not see; docs/proof.md says what that leaves out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import cases
import pytest

if TYPE_CHECKING:
    from conftest import Run

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / "build" / "tsan"
FLAGS = ("-Zsanitizer=thread", "-Cunsafe-allow-abi-mismatch=sanitizer", "--cfg tsan")
# These, with fork in their names, run threads in forked children, which the sanitizer does not support; unload.c loads
# the library later than the runtime could bear. Those of blocking sections count the program's threads, and
# the sanitizer has one of its own.
LEFT_OUT = {"blocking", "blocking_pool", "fork", "fork_later", "fork_return", "join_fork", "unload"}
ENVIRONMENT = {
    "CHECK_TOOL": "tsan",
    "CHECK_SCALE": "0.05",
    "CHECK_TIMEOUT": "120",
    # A request that no memory can satisfy must return NULL as it does without the sanitizer. The last owner of an Arc
    # is ordered behind the others by a fence inside std.
    "TSAN_OPTIONS": f"allocator_may_return_null=1:suppressions={cases.HERE / 'tsan_suppressions.txt'}",
}


def rustc(*arguments: str) -> str:
    return subprocess.run(["rustc", *arguments], capture_output=True, text=True, check=True, cwd=ROOT).stdout


@pytest.fixture(scope="session")
def parts() -> tuple[Path, Path]:
    """The library's archive for ThreadSanitizer, and the sanitizer's runtime."""
    if shutil.which("clang") is None:
        pytest.skip("clang is missing: apt-get install clang")
    host = next(line.split(": ")[1] for line in rustc("-vV").splitlines() if line.startswith("host: "))
    folder = Path(rustc("--print", "sysroot").strip()) / "lib" / "rustlib" / host / "lib"
    runtime = next(folder.glob("librustc-*_rt.tsan.a"), None)
    if runtime is None:
        pytest.skip(f"this toolchain has no ThreadSanitizer for {host}")
    env = {**os.environ, "RUSTC_BOOTSTRAP": "1", "RUSTFLAGS": " ".join(FLAGS), "CARGO_TARGET_DIR": str(TARGET)}
    # With --target the flags are not those of build scripts too.
    command = ["cargo", "build", "--release", "--target", host]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)} failed:\n{done.stderr[-8000:]}")
    return TARGET / host / "release" / "libmillpond.a", runtime


@pytest.mark.parametrize("file", [file for file in cases.files_for_tools() if file not in LEFT_OUT])
def test_tsan(parts: tuple[Path, Path], run: Run, file: str) -> None:
    archive, runtime = parts
    binary = TARGET / file
    compile_it = ["clang", "-fsanitize=thread", "-fPIE", "-std=c11", "-O1", "-g", *cases.STRICT]
    compile_it += ["-c", str(cases.HERE / f"{file}.c"), f"-I{ROOT / 'include'}", "-o", f"{binary}.o"]
    link = ["cc", f"{binary}.o", str(archive), "-Wl,--whole-archive", str(runtime), "-Wl,--no-whole-archive"]
    link += ["-Wl,--export-dynamic", "-lpthread", "-ldl", "-lm", "-lrt", "-o", str(binary)]
    for command in (compile_it, link):
        subprocess.run(command, check=True, cwd=ROOT)
    cases.run_all(run, [str(binary)], timeout=300, env=ENVIRONMENT)
