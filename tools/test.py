"""Runs every kind of test, one after the other, and ends with a table and the line `N passed, N failed, N skipped`.

A kind that fails does not stop the others; the exit status is 1 when anything failed.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV_BIN = ROOT / "build" / "venv" / "bin"
REPORTS = ROOT / "build" / "tests"
CARGO_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
# Cases of what std alone cannot do: a descriptor for event loops, signal masks, affinity, and the bounds of a foreign
# stack, without which a caller cannot stand in for threads that the system refuses; memory that is given back but for
# one page; and pools of processes.
NOT_PORTABLE = [
    "descriptor",
    "an_event_loop",
    "with_a_polled_pool",
    "cancelled_and_terminated_tasks_call_back_in_poll",
    "block_all_signals",
    "affinity",
    "cancellation",
    "limits",
    "a_thread_that_ends_leaves_its_lock",
    "who_waits_gets_it_when_the_thread_ends",
    "opposite_orders",
    "processors",
    "pinned_workers",
    "threads_from_outside_have_numbers",
    "what_was_large_and_freed_is_refused",
    "procs_",
]


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""

    def __add__(self, other: Counts) -> Counts:
        note = "; ".join(filter(None, [self.note, other.note]))
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped, note)


class Clock:
    """What is left of the time for everything; a kind may use all of it."""

    def __init__(self, minutes: float) -> None:
        self.end = time.monotonic() + 60 * minutes

    def left(self) -> float:
        return max(0.0, self.end - time.monotonic())


def stream(command: Sequence[str], clock: Clock, extra_env: Mapping[str, str]) -> tuple[int, list[str]]:
    """Runs a command, showing its output as it comes. Out of time, its whole process group is killed."""
    env = {**os.environ, **extra_env}
    env["PATH"] = f"{VENV_BIN}{os.pathsep}{env['PATH']}"
    # Tests read the repository's own files and nothing that a previous `make header` left set.
    env.pop("MILLPOND_BLESS", None)
    print(f"$ {' '.join([f'{key}={value!r}' for key, value in extra_env.items()] + list(command))}", flush=True)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        late = threading.Event()

        def kill() -> None:
            late.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(clock.left(), kill)
        timer.start()
        lines = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line)
            process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
    if late.is_set():
        lines.append("ran out of time\n")
    return process.returncode, lines


def checked(counts: Counts, code: int, lines: list[str]) -> Counts:
    """A command that failed without naming a failed test (it did not compile, it crashed) counts as one failure."""
    if code != 0 and counts.failed == 0:
        counts.failed = 1
        counts.note = "ran out of time" if lines[-1:] == ["ran out of time\n"] else f"ended with status {code}"
    elif code == 0 and counts.passed + counts.failed + counts.skipped == 0:
        counts.failed, counts.note = 1, "ran no test"
    return counts


def cargo(clock: Clock, *arguments: str, **env: str) -> Counts:
    code, lines = stream(["cargo", "test", "--no-fail-fast", *arguments], clock, env)
    counts = Counts()
    for line in lines:
        found = CARGO_RESULT.match(line)
        if found:
            counts.passed += int(found.group(1))
            counts.failed += int(found.group(2))
            counts.skipped += int(found.group(3))
    return checked(counts, code, lines)


def pytest(clock: Clock, tests: Path, *arguments: str, **env: str) -> Counts:
    report = REPORTS / f"{tests.stem}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [str(VENV_BIN / "python"), "-m", "pytest", "-q", "-rs", f"--junitxml={report}"]
    code, lines = stream([*command, *arguments, str(tests.relative_to(ROOT))], clock, env)
    counts = Counts()
    if report.exists():
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            counts.passed += total - failed - skipped
            counts.failed += failed
            counts.skipped += skipped
    return checked(counts, code, lines)


def portable(clock: Clock) -> Counts:
    """The fallbacks under the library's own tests, and under the C tests as any other build of the library."""
    unit = cargo(clock, "--features", "portable")
    built = ROOT / "build" / "portable"
    build = ["cargo", "build", "--release", "--features", "portable", "--target-dir", str(built)]
    code, lines = stream(build, clock, {})
    contract = checked(Counts(passed=int(code == 0)), code, lines)
    cases = ROOT / "tests" / "c" / "test_cases.py"
    if code == 0 and cases.exists():
        chosen = f"not ({' or '.join(NOT_PORTABLE)})"
        contract = pytest(clock, cases, "-k", chosen, MILLPOND_LIBDIR=str(built / "release"))
    return unit + contract


def bench(clock: Clock) -> Counts:
    """One test: the benchmarks run, with sizes too small to mean anything, and check their own answers."""
    code, lines = stream([sys.executable, "benches/bench.py", "--smoke"], clock, {})
    return checked(Counts(passed=int(code == 0)), code, lines)


def kinds() -> dict[str, Callable[[Clock], Counts]]:
    """In the order they run: what is quick to fail and closest to the code first."""
    flags = os.environ.get("RUSTFLAGS", "")
    loom = {"RUSTFLAGS": f"{flags} --cfg loom".strip(), "CARGO_TARGET_DIR": "build/loom"}
    shuttle = {"RUSTFLAGS": f"{flags} --cfg shuttle".strip(), "CARGO_TARGET_DIR": "build/shuttle"}
    table: dict[str, Callable[[Clock], Counts]] = {
        "rust": lambda clock: cargo(clock),
        "loom": lambda clock: cargo(clock, "--release", "--lib", "models", **loom),
        "shuttle": lambda clock: cargo(clock, "--release", "--lib", "--features", "portable", "schedules", **shuttle),
        "portable": portable,
        "header": lambda clock: cargo(clock, "--features", "header", "--test", "header"),
    }
    for folder in sorted({path.parent for path in (ROOT / "tests").glob("*/test_*.py")}):
        apart = ["--ignore=tests/c/test_tsan.py"] if folder.name == "c" else []
        table[folder.name] = lambda clock, folder=folder, apart=apart: pytest(clock, folder, *apart)  # type: ignore[misc]
    # Of the folder c, but with a build of its own.
    table["tsan"] = lambda clock: pytest(clock, ROOT / "tests" / "c" / "test_tsan.py")
    table["bench"] = bench
    return table


def main() -> int:
    table = kinds()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="KIND,...", help=f"some of: {', '.join(table)}")
    parser.add_argument("--minutes", type=float, default=60, help="for everything together")
    options = parser.parse_args()
    chosen = [name.strip() for name in options.only.split(",") if name.strip()] or list(table)
    unknown = [name for name in chosen if name not in table]
    if unknown:
        parser.error(f"no such kind: {', '.join(unknown)}; there are {', '.join(table)}")

    clock = Clock(options.minutes)
    rows: list[tuple[str, Counts, float]] = []
    for name in [name for name in table if name in chosen]:
        print(f"\n== {name}", flush=True)
        start = time.monotonic()
        counts = table[name](clock) if clock.left() else Counts(failed=1, note="no time was left for it")
        rows.append((name, counts, time.monotonic() - start))

    print(f"\n{'kind':<12}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}")
    for name, counts, seconds in rows:
        row = f"{name:<12}{counts.passed:>8}{counts.failed:>8}{counts.skipped:>8}{seconds:>9.1f}"
        print(f"{row}  {counts.note}".rstrip())
    passed = sum(counts.passed for _, counts, _ in rows)
    failed = sum(counts.failed for _, counts, _ in rows)
    skipped = sum(counts.skipped for _, counts, _ in rows)
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
