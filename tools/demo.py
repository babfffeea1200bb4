#!/usr/bin/env python3
"""Builds the library and the examples, runs them one by one, some on threads and in processes, and ends with a table
and pictures of their speed-ups.

Two environment variables take a library built elsewhere instead of building one:
MILLPOND_INCLUDE is the folder of millpond.h, MILLPOND_LIBDIR that of libmillpond.so.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Mapping, Optional

import demo_picture

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 110  # columns: longer lines of the examples are cut
LIMIT = 900  # seconds for one program: a hang is a failure

PROGRAMS = (
    "map",
    "apply_async",
    "apply_async_large",
    "callback",
    "add_over_time",
    "amdahl",
    "blocking_sleep",
    "blocking_section",
    "sort",
    "busy_wait",
    "reduce",
    "fill_and_sort",
    "pids",
    "pool_square",
    "process_hello",
    "restart",
    "fork_join",
    "distance",
    "distance_sweep",
    "gil",
    "norms",
    "bad_luck",
    "fetch_all",
    "round_robin",
    "cpu_load",
    "queue",
    "lock",
    "local",
    "event",
    "condition",
    "daemon",
    "thread_subclass",
    "queue_objects",
    "deadlock",
    "interleave",
    "process_queue",
    "distance_async",
    "coroutines",
    "background",
)
# Those that are run a second time, in processes; some others show both modes anyway.
IN_PROCESSES = (
    *("map", "amdahl", "distance_sweep", "interleave", "queue", "lock", "local", "event", "condition", "daemon"),
    *("thread_subclass", "deadlock"),
)
PICTURES = ("amdahl", "distance_sweep", "cpu_load")  # those that draw one of their own
LARGE = ("map", "apply_async_large")  # those that --full runs at the course's size


class Failed(Exception):
    """Something without which the demonstration cannot go on, in one line."""


@dataclass
class Outcome:
    """What one program's run came to; a program may report several measurements."""

    program: str
    failure: Optional[str] = None
    results: List[Dict[str, str]] = field(default_factory=list)


def find_cargo() -> str:
    cargo = shutil.which("cargo") or shutil.which("cargo", path=str(Path.home() / ".cargo" / "bin"))
    if cargo is None:
        raise Failed("cargo is missing; install Rust: curl --proto '=https' -sSf https://sh.rustup.rs | sh")
    return cargo


def find_compiler() -> List[str]:
    compiler = shlex.split(os.environ.get("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        raise Failed(f"the C compiler {compiler[0]} is missing; install one: sudo apt-get install gcc libc6-dev")
    return compiler


def build_library() -> Path:
    """Returns the folder of libmillpond.so."""
    override = os.environ.get("MILLPOND_LIBDIR")
    if override:
        return Path(override).resolve()
    print("cargo build --release", flush=True)
    if subprocess.run([find_cargo(), "build", "--release"], cwd=ROOT, check=False).returncode != 0:
        raise Failed("cargo build --release failed")
    return ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / "release"


def link_library(built: Path, out: Path) -> Path:
    """Returns a folder where the linker finds the library by its plain name and the loader by its SONAME."""
    library = built / "libmillpond.so"
    if not library.exists():
        raise Failed(f"{library} is missing")
    folder = out / "lib"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = {library.name, *(name.decode() for name in re.findall(rb"libmillpond\.so\.\d+", library.read_bytes()))}
    for name in names:
        (folder / name).symlink_to(library)
    return folder


def compile_program(program: str, compiler: List[str], library: Path, out: Path) -> Optional[str]:
    """Returns what the compiler said if it refused."""
    include = Path(os.environ.get("MILLPOND_INCLUDE") or ROOT / "include").resolve()
    command = [*compiler, "-std=c11", "-O2", f"-I{include}", str(ROOT / "examples" / "c" / f"{program}.c")]
    command += ["-o", str(out / program), f"-L{library}", "-lmillpond", "-lm", f"-Wl,-rpath,{library}", "-pthread"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return None if done.returncode == 0 else f"{shlex.join(command)}\n{done.stdout}"


def cut(line: str) -> str:
    """Shortens a long list to its ends, and any other long line to what fits."""
    values = line.split(", ")
    if len(line) > WIDTH and line.startswith("[") and len(values) > 4:
        line = f"{values[0]}, {values[1]}, ... {len(values) - 4} more ..., {values[-2]}, {values[-1]}"
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def run_program(program: str, arguments: List[str], out: Path) -> Outcome:
    """Shows the program's output as it comes, and collects its RESULT lines."""
    outcome = Outcome(program)
    print(f"\n--- {shlex.join([program, *arguments])}", flush=True)
    with subprocess.Popen(
        [str(out / program), *arguments],
        cwd=out,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        guard = threading.Timer(LIMIT, process.kill)
        guard.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("RESULT "):
                    outcome.results.append(dict(word.split("=", 1) for word in line.split()[1:]))
                else:
                    print(cut(line.rstrip("\n")), flush=True)
        finally:
            guard.cancel()
    if process.returncode != 0:
        outcome.failure = f"exit status {process.returncode}"
    elif not outcome.results:
        outcome.failure = "no RESULT line"
    elif any(result.get("checked") != "1" for result in outcome.results):
        outcome.failure = "wrong answer"
    return outcome


def row(result: Mapping[str, str]) -> List[str]:
    def number(key: str, digits: int) -> str:
        return f"{float(result[key]):.{digits}f}" if key in result else "-"

    answer = "right" if result.get("checked") == "1" else "WRONG"
    return [
        result.get("name", "?"),
        result.get("mode", "-"),
        number("sequential", 4),
        number("pool", 4),
        number("speedup", 2),
        number("predicted", 2),
        result.get("workers", "-"),
        answer,
    ]


def labelled(result: Mapping[str, str]) -> Dict[str, str]:
    """The result under the name that it has in the picture, where threads go without saying."""
    name, mode = result["name"], result.get("mode", "threads")
    return {**result, "name": name if mode == "threads" else f"{name}, {mode}"}


def print_table(outcomes: List[Outcome]) -> None:
    rows = [["program", "mode", "sequential s", "pool s", "speed-up", "Amdahl", "workers", "answer"]]
    for outcome in outcomes:
        rows += [row(result) for result in outcome.results]
        if outcome.failure is not None:
            rows.append([outcome.program, "-", "-", "-", "-", "-", "-", f"FAILED: {outcome.failure}"])
    widths = [max(len(line[column]) for line in rows) for column in range(len(rows[0]))]
    for index, line in enumerate(rows):
        words = [cell.ljust(width) for cell, width in zip(line[:2], widths)]
        cells = [*words, *(cell.rjust(width) for cell, width in zip(line[2:-1], widths[2:-1]))]
        print("  ".join([*cells, line[-1]]))
        if index == 0:
            print("  ".join("-" * width for width in widths))
    results = [result for outcome in outcomes for result in outcome.results if "speedup" in result]
    if any(float(result["speedup"]) > 1.1 * float(result["predicted"]) for result in results):
        print("A speed-up well above Amdahl's law: the machine was slower during the sequential run.")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Builds and runs the examples, and compares their speed-ups.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--tiny", action="store_true", help="all at sizes of a few milliseconds: do they work at all?")
    size.add_argument("--full", action="store_true", help=f"{' and '.join(LARGE)} at the course's size")
    size.add_argument("--full-all", action="store_true", help="all of them at the course's size")
    parser.add_argument("--workers", type=int, metavar="N", help="instead of each program's own number")
    parser.add_argument("--out", type=Path, metavar="DIR", default=ROOT / "build" / "demo", help="default build/demo")
    options = parser.parse_args()
    if options.workers is not None and options.workers < 1:
        parser.error("--workers takes a number from 1")
    return options


def arguments_of(program: str, mode: Optional[str], options: argparse.Namespace) -> List[str]:
    arguments = [] if mode is None else ["--mode", mode]
    if options.tiny:
        arguments.append("--tiny")
    elif options.full_all or (options.full and program in LARGE):
        arguments.append("--full")
    if options.workers is not None:
        arguments += ["--workers", str(options.workers)]
    if program in PICTURES:
        arguments += ["--svg", f"{program}.svg" if mode is None else f"{program}_{mode}.svg"]
    return arguments


def demo(options: argparse.Namespace) -> int:
    compiler = find_compiler()
    out = options.out.resolve()
    library = link_library(build_library(), out)
    print(f"{shlex.join(compiler)}: {len(PROGRAMS)} examples in C", flush=True)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as threads:
        complaints = list(threads.map(lambda program: compile_program(program, compiler, library, out), PROGRAMS))
    outcomes = []
    for program, complaint in zip(PROGRAMS, complaints):
        if complaint is None:
            for mode in (None, "processes") if program in IN_PROCESSES else (None,):
                outcomes.append(run_program(program, arguments_of(program, mode, options), out))
        else:
            print(f"\n--- {program}\n{complaint}", flush=True)
            outcomes.append(Outcome(program, failure="does not compile"))
    print()
    print_table(outcomes)
    timed = [labelled(result) for outcome in outcomes for result in outcome.results if "speedup" in result]
    (out / "speedups.svg").write_text(demo_picture.bars(timed), encoding="utf-8")
    print("\npictures:", *(os.path.relpath(path) for path in sorted(out.glob("*.svg"))))
    failed = list(dict.fromkeys(outcome.program for outcome in outcomes if outcome.failure is not None))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def main() -> int:
    try:
        return demo(parse())
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
