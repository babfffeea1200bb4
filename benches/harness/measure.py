"""Runs the programs, one row after the other and within a row one program after the other, round by round."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from .programs import Program
from .rows import LIMITS, OURS, Row, notes

# Far above what any run needs: what is not done by then hangs, as a library with a lost wake-up does now and then.
TIMEOUT_S = {"smoke": 20.0, "quick": 20.0, "default": 20.0, "full": 90.0}


@dataclass(frozen=True)
class Settings:
    workers: int
    size: str
    rounds: int
    # More of the programs' options.
    options: tuple[str, ...] = ()

    @property
    def timeout_s(self) -> float:
        return TIMEOUT_S[self.size]

    def limit_s(self, row: Row) -> float:
        """The slowest peers in Python take half a millisecond a task."""
        return self.timeout_s * (4 if row.in_python else 1)


@dataclass
class Series:
    """The values of one program in one row; a label tells its variants apart."""

    program: str
    label: str
    values: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.program} {self.label}" if self.label and self.program != LIMITS else self.label or self.program

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def lowest(self) -> float:
        return min(self.values)

    @property
    def highest(self) -> float:
        return max(self.values)


@dataclass
class Results:
    """All series of all rows, in the order in which the programs were given."""

    series: dict[str, dict[tuple[str, str], Series]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    # What all runs of a row took, by what the programs call it.
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, program: str, row: str, label: str, value: float) -> None:
        of_row = self.series.setdefault(row, {})
        of_row.setdefault((program, label), Series(program, label)).values.append(value)

    def of(self, row: str) -> list[Series]:
        return list(self.series.get(row, {}).values())

    def ours(self, row: str) -> Series | None:
        return next((series for series in self.of(row) if series.program == OURS), None)

    def variants(self, row: str) -> list[Series]:
        """Ours but for the first one, which is what the row is about: shown with it, for comparison."""
        return [series for series in self.of(row) if series.program == OURS][1:]

    def peers(self, row: str) -> list[Series]:
        return [series for series in self.of(row) if series.program not in (OURS, LIMITS)]

    def limits(self, row: str) -> list[Series]:
        return [series for series in self.of(row) if series.program == LIMITS]

    def best_peer(self, row: str, without_note: str = "") -> Series | None:
        """The peer with the lowest median; without_note leaves out those that do the row in that way."""
        peers = [one for one in self.peers(row) if not without_note or without_note not in notes(one.program, row)]
        return min(peers, key=lambda series: series.median, default=None)


def clean_environment() -> dict[str, str]:
    """Without the settings by which a user tunes one of the libraries."""
    tuned = ("OMP_", "GOMP_", "KMP_", "TBB_", "RAYON_", "UV_", "MILLPOND_", "JOBLIB_", "LOKY_")
    return {name: value for name, value in os.environ.items() if not name.startswith(tuned)}


def start(program: Program, row: Row, settings: Settings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*program.command, row.id, "--workers", str(settings.workers), "--size", settings.size, *settings.options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
        # A pool of processes may outlive the program that made it, and then it ends with this group.
        start_new_session=True,
    )


def end_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def parse(line: str, printed: set[str]) -> tuple[str, float, str]:
    """A line `ROW value unit [label]`; anything else is a fault of the program, and ValueError."""
    words = line.split(maxsplit=3)
    if len(words) < 3 or words[0] not in printed:
        raise ValueError(f"not a result: {line!r}")
    value = float(words[1])
    if not 0 <= value < float("inf"):
        raise ValueError(f"not a possible value: {line!r}")
    return words[0], value, words[3] if len(words) > 3 else ""


def finish(
    program: Program, process: subprocess.Popen[str], printed: set[str], results: Results, timeout: float
) -> None:
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        end_group(process)
        process.communicate()
        results.hangs.append(f"{program.name} {min(printed)}")
        return
    except BaseException:
        end_group(process)
        raise
    try:
        if process.returncode != 0:
            words = errors.strip().splitlines() or ["no message"]
            raise ValueError(f"exit status {process.returncode}: {words[-1]}")
        lines = [parse(line, printed) for line in output.splitlines()]
    except ValueError as error:
        results.failures.append(f"{program.name} {min(printed)}: {error}")
        return
    for row, value, label in lines:
        results.add(program.name, row, label, value)


def measure(programs: Sequence[Program], rows: Sequence[Row], settings: Settings) -> Results:
    results = Results()
    to_run = [row for row in rows if not row.printed_by]
    for at, row in enumerate(to_run):
        able = [program for program in programs if row.id in program.rows]
        printed = {other.id for other in rows if other.run_as == row.id}
        begin = time.monotonic()
        for number in range(settings.rounds):
            show_progress(f"{row.id} ({at + 1} of {len(to_run)}), round {number + 1} of {settings.rounds}")
            if row.id == "W9":
                # Idle processes do not disturb each other, and each counts only what is its own.
                running = [(program, start(program, row, settings)) for program in able]
                for program, process in running:
                    finish(program, process, printed, results, settings.limit_s(row))
            else:
                for program in able:
                    finish(program, start(program, row, settings), printed, results, settings.limit_s(row))
        results.seconds[row.id] = round(time.monotonic() - begin, 1)
    show_progress("")
    return results


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
