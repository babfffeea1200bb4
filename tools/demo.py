#!/usr/bin/env python3
"""Builds the library and the examples, runs them one by one, some on threads and in processes, language by language,
and ends with one table and pictures of their speed-ups.

Two environment variables take a library built elsewhere instead of building one:
MILLPOND_INCLUDE is the folder of millpond.h, MILLPOND_LIBDIR that of libmillpond.so.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import List, Mapping, Optional

import demo_picture
import demo_table
from demo_languages import LANGUAGES, ROOT, Failed, Language, build_library, link_library
from demo_table import Outcome

WIDTH = 110  # columns: longer lines of the examples are cut
LIMIT = 900  # seconds for one program: a hang is a failure
FULL_LIMIT = 7200  # at the course's size an interpreter takes its time


def cut(line: str) -> str:
    """Shortens a long list to its ends, and any other long line to what fits."""
    values = line.split(", ")
    if len(line) > WIDTH and line.startswith("[") and len(values) > 4:
        line = f"{values[0]}, {values[1]}, ... {len(values) - 4} more ..., {values[-2]}, {values[-1]}"
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def run_program(outcome: Outcome, command: List[str], out: Path, limit: float, environment: Mapping[str, str]) -> None:
    """Shows the program's output as it comes, and collects its RESULT lines."""
    with subprocess.Popen(
        command,
        cwd=out,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        guard = threading.Timer(limit, process.kill)
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


def languages(text: str) -> List[Language]:
    names = text.split(",")
    if not set(names) <= set(LANGUAGES):
        raise argparse.ArgumentTypeError(f"some of {','.join(LANGUAGES)} are wanted")
    return [LANGUAGES[name] for name in LANGUAGES if name in names]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Builds and runs the examples, and compares their speed-ups.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--tiny", action="store_true", help="all at sizes of a few milliseconds: do they work at all?")
    large = " and ".join(LANGUAGES["C"].large)
    size.add_argument("--full", action="store_true", help=f"{large} at the course's size, in compiled languages")
    size.add_argument("--full-all", action="store_true", help="all of them at the course's size")
    parser.add_argument("--languages", type=languages, metavar="A,B", default=list(LANGUAGES.values()))
    parser.add_argument("--workers", type=int, metavar="N", help="instead of each program's own number")
    parser.add_argument("--out", type=Path, metavar="DIR", default=ROOT / "build" / "demo", help="default build/demo")
    options = parser.parse_args()
    if options.workers is not None and options.workers < 1:
        parser.error("--workers takes a number from 1")
    return options


def arguments_of(language: Language, program: str, mode: Optional[str], options: argparse.Namespace) -> List[str]:
    arguments = [] if mode is None else ["--mode", mode]
    if options.tiny:
        arguments.append("--tiny")
    elif options.full_all or (options.full and program in language.large):
        arguments.append("--full")
    if options.workers is not None:
        arguments += ["--workers", str(options.workers)]
    if program in language.pictures:
        arguments += ["--svg", f"{program}.svg" if mode is None else f"{program}_{mode}.svg"]
    return arguments


def demo(options: argparse.Namespace) -> int:
    for language in options.languages:
        language.check()
    top = options.out.resolve()
    library = link_library(build_library(), top)
    outcomes: List[Outcome] = []
    for language in options.languages:
        out = top / language.key
        out.mkdir(exist_ok=True)
        complaints = language.prepare(library, out)
        for program in language.programs():
            for mode in dict.fromkeys((None, language.again.get(program))):
                arguments = arguments_of(language, program, mode, options)
                print(f"\n--- {language.name}: {shlex.join([program, *arguments])}", flush=True)
                outcome = Outcome(language.name, program)
                outcomes.append(outcome)
                if program in complaints:
                    print(complaints[program], flush=True)
                    outcome.failure = "does not compile"
                    break
                command = [*language.command(program, out), *arguments]
                limit = FULL_LIMIT if options.full_all else LIMIT
                run_program(outcome, command, out, limit, language.environment(library))
    print()
    demo_table.show(outcomes)
    (top / "speedups.svg").write_text(demo_picture.bars(demo_table.by_program(outcomes)), encoding="utf-8")
    folders = [top, *(top / language.key for language in options.languages)]
    print("\npictures:", *(os.path.relpath(path) for folder in folders for path in sorted(folder.glob("*.svg"))))
    failed = [f"{outcome.program} ({outcome.language})" for outcome in outcomes if outcome.failure is not None]
    if failed:
        print(f"failed: {', '.join(dict.fromkeys(failed))}", file=sys.stderr)
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
