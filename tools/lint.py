"""Checks the form of every source file and says, tool by tool, what is not in order.

Changes nothing, unless told --fix: then it only formats.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "venv" / "bin"
# The last is the beginning of the first.
GENERATED = {"include/millpond.h", "include/millpond_prefixed.h", "src/capi/prologue.h"}
INCLUDES = ["include", "bindings/cpp/include", "tests/c", "benches/common"]
# Not for clang-tidy: their headers come from packages that need not be installed, or are written by the test; and the
# C++ header takes it so long in each of many programs that nobody would wait for it.
UNTIDIED = ("benches/peers/", "tests/fuzz/", "examples/cpp/", "tests/cpp/")


def sources(*suffixes: str) -> list[str]:
    """The files of the repository, new ones too; where there is no git, all but the built ones."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        names = done.stdout.splitlines()
    else:
        paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        names = [str(path) for path in paths if path.parts[0] not in {".git", "build", "target"}]
    return sorted(name for name in set(names) - GENERATED if name.endswith(suffixes) and (ROOT / name).exists())


def run(command: Sequence[str]) -> int:
    print(f"$ {' '.join(command[:6])}{' ...' if len(command) > 6 else ''}", flush=True)
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode


def tidy(files: list[str], language: Sequence[str]) -> int:
    """Once per processor: clang-tidy itself takes one file after the other."""
    files = [name for name in files if not name.startswith(UNTIDIED)]
    if not files:
        return 0
    flags = [*language, *(f"-I{folder}" for folder in INCLUDES), "-D_GNU_SOURCE", "-pthread"]
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    running = []
    for part in (files[start::count] for start in range(count)):
        if part:
            command = [str(BIN / "clang-tidy"), "--quiet", "--warnings-as-errors=*", *part, "--", *flags]
            print(f"$ clang-tidy {' '.join(part)}", flush=True)
            running.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE))
    failed = 0
    for process in running:
        # Its counts of suppressed warnings in system headers say nothing about this code.
        _, noise = process.communicate()
        for line in noise.decode(errors="replace").splitlines():
            if "error:" in line.lower():
                print(line, file=sys.stderr)
        failed |= process.returncode
    return failed


def main() -> int:
    c, cpp, headers = sources(".c"), sources(".cpp"), sources(".h", ".hpp")
    python = sources(".py")
    clippy = ["cargo", "clippy", "--all-targets"]
    if sys.argv[1:] == ["--fix"]:
        run(["cargo", "fmt"])
        run([str(BIN / "clang-format"), "-i", *c, *cpp, *headers])
        run([str(BIN / "ruff"), "check", "--fix-only", *python])
        return run([str(BIN / "ruff"), "format", *python])
    steps: dict[str, Callable[[], int]] = {
        "rustfmt": lambda: run(["cargo", "fmt", "--check"]),
        "clippy": lambda: run([*clippy, "--", "-D", "warnings"]),
        "clippy, portable": lambda: run([*clippy, "--features", "portable", "--", "-D", "warnings"]),
        "clippy, failpoints": lambda: run([*clippy, "--features", "failpoints", "--", "-D", "warnings"]),
        "clang-format": lambda: run([str(BIN / "clang-format"), "--dry-run", "--Werror", *c, *cpp, *headers]),
        "clang-tidy, C": lambda: tidy(c, ["-std=c11"]),
        "clang-tidy, C++": lambda: tidy(cpp, ["-xc++", "-std=c++17"]),
        "ruff": lambda: run([str(BIN / "ruff"), "check", *python]),
        "ruff format": lambda: run([str(BIN / "ruff"), "format", "--check", *python]),
        "mypy": lambda: run([str(BIN / "mypy"), "--python-executable", str(BIN / "python"), *python]),
    }
    if shutil.which("cargo") is None:
        sys.exit("lint: cargo is missing")
    rows = []
    for name, step in steps.items():
        print(f"\n== {name}", flush=True)
        start = time.monotonic()
        rows.append((name, step() == 0, time.monotonic() - start))
    print()
    for name, good, seconds in rows:
        print(f"{name:<20}{'ok' if good else 'NOT OK':<8}{seconds:>6.1f} s")
    return 0 if all(good for _, good, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
