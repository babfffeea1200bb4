"""What of the C layer and of the pool the C tests run: lines of each file, and functions of the header that none calls.

What a process leaves by _exit or dies in is not counted, and so nothing of worker processes is.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "coverage"
PROFILES = OUT / "profiles"
LIBRARY = OUT / "release" / "libmillpond.so"
SOURCES = ["src/capi", "src/pool"]


def output(*command: str | Path) -> str:
    return subprocess.run(
        [str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def rustc_llvm() -> int:
    found = re.search(r"LLVM version: (\d+)", output("rustc", "-vV"))
    return int(found.group(1)) if found else 0


def tool(name: str) -> Path:
    """LLVM's tool: rustup's own, or the system's if it is not older than the compiler's LLVM."""
    host = re.search(r"host: (\S+)", output("rustc", "-vV"))
    assert host is not None
    own = Path(output("rustc", "--print", "sysroot").strip()) / "lib" / "rustlib" / host.group(1) / "bin" / name
    if own.exists():
        return own
    # Not every version of llvm-profdata says which it is; llvm-cov of the same package does.
    system, teller = shutil.which(name), shutil.which("llvm-cov")
    if system is not None and teller is not None:
        version = re.search(r"LLVM version (\d+)", output(teller, "--version"))
        if version is not None and int(version.group(1)) >= rustc_llvm():
            return Path(system)
    sys.exit(f"{name} of LLVM {rustc_llvm()} or later is missing: rustup component add llvm-tools")


def run_tests(arguments: list[str]) -> int:
    """The cases of tests/c, with the instrumented library."""
    shutil.rmtree(PROFILES, ignore_errors=True)
    PROFILES.mkdir(parents=True)
    flags = f"{os.environ.get('RUSTFLAGS', '')} -C instrument-coverage".strip()
    build = ["cargo", "build", "--release", "--lib", "--target-dir", str(OUT)]
    # What the build itself writes of profiles is nobody's.
    environment = {**os.environ, "LLVM_PROFILE_FILE": str(OUT / "build-%m.profraw")}
    subprocess.run(build, cwd=ROOT, env={**environment, "RUSTFLAGS": flags}, check=True)
    environment |= {"MILLPOND_LIBDIR": str(LIBRARY.parent), "LLVM_PROFILE_FILE": str(PROFILES / "%8m.profraw")}
    python = ROOT / "build" / "venv" / "bin" / "python"
    pytest = [str(python), "-m", "pytest", "-q", "tests/c/test_cases.py", *arguments]
    return subprocess.run(pytest, cwd=ROOT, env=environment, check=False).returncode


def report() -> None:
    merged = OUT / "merged.profdata"
    # A test that was killed may have left half a file.
    profiles = sorted(PROFILES.glob("*.profraw"))
    output(tool("llvm-profdata"), "merge", "--sparse", "--failure-mode=all", "-o", merged, *profiles)
    sources = [ROOT / path for path in SOURCES]
    text = output(tool("llvm-cov"), "export", "--format=lcov", f"--instr-profile={merged}", LIBRARY, *sources)
    print(f"\n{'file':<32}{'lines':>8}{'run':>8}{'share':>8}")
    total, run = 0, 0
    for record in text.split("end_of_record"):
        name = re.search(r"^SF:(.*)$", record, re.MULTILINE)
        if name is None:
            continue
        counts = [int(count) for count in re.findall(r"^DA:\d+,(\d+)", record, re.MULTILINE)]
        done = sum(1 for count in counts if count)
        total, run = total + len(counts), run + done
        share = 100 * done / max(1, len(counts))
        print(f"{os.path.relpath(name.group(1), ROOT):<32}{len(counts):>8}{done:>8}{share:>7.1f}%")
    print(f"{'together':<32}{total:>8}{run:>8}{100 * run / max(1, total):>7.1f}%")
    calls: dict[str, int] = {}
    for count, name in re.findall(r"^FNDA:(\d+),(pool_\w+)$", text, re.MULTILINE):
        calls[name] = calls.get(name, 0) + int(count)
    never = sorted(name for name, count in calls.items() if count == 0)
    print(f"\n{len(calls)} functions of the header, never called: {', '.join(never) or 'none'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arguments", nargs="*", help="for pytest: -- -k future")
    options = parser.parse_args()
    # Before the tests run for minutes.
    for name in ("llvm-profdata", "llvm-cov"):
        tool(name)
    failed = run_tests(options.arguments)
    report()
    return failed


if __name__ == "__main__":
    sys.exit(main())
