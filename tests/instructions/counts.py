"""Counts the instructions of the hot paths: what the operations of operations.c cost, by operation, side and step.

    counts.py            prints where each instruction goes, by operation and step (Markdown)
    counts.py --bless    writes the figures that test_instructions.py holds the library to, and the tables of
                         docs/performance.md

An operation is run under callgrind with two counts; the difference, divided, is its cost without that of the start and
of the end. Nothing is timed, so the figures are the same on a busy machine, and on any with the same compiler and libc.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FIGURES = HERE / "figures.json"
PAGE = ROOT / "docs" / "performance.md"
MARKS = ("<!-- the tables of instructions: make instructions ARGS=--bless -->", "<!-- end of these tables -->")
COUNTS = (1000, 2000)
VALGRIND = ("valgrind", "--tool=callgrind", "--separate-threads=yes", "--compress-strings=no", "--compress-pos=no")
# Steps of less than this many instructions are summed up in the table.
LEAST = 2.0


@dataclass(frozen=True)
class Operation:
    """One figure: what one thread does for one of the operations of operations.c."""

    name: str  # as operations.c knows it
    caller: bool  # counted on the calling thread, else on the worker
    what: str
    # Only what is done each time: a map's chunks are as long as some time, so that how many there are differs.
    each: bool = False

    @property
    def key(self) -> str:
        return f"{self.name}, {'caller' if self.caller else 'worker'}"


OPERATIONS = (
    Operation("apply", True, "`pool_apply` on an idle pool: the caller runs the task itself"),
    Operation("submit", True, "`pool_apply_async`, no future, no callback, nobody to wake"),
    Operation("submit", False, "the same task on its worker: take, run, end"),
    Operation("submit_batch", True, "one of the tasks of a `pool_submit`, filling in its call included"),
    Operation("submit_future", True, "`pool_apply_async` with a future"),
    Operation("submit_future", False, "a task with a future on its worker"),
    Operation("get", True, "`pool_future_get` and `pool_future_release` of a task that has ended"),
    Operation("submit_callback", True, "`pool_apply_async` with a callback"),
    Operation("submit_callback", False, "a task with a callback on its worker, which delivers it"),
    Operation("map", True, "one item of a `pool_map`, without what is done once a chunk", each=True),
    Operation("join2", True, "one `pool_join2` that nobody takes a half of, and both its halves"),
    Operation("join2_by_call", True, "the same by the library's symbol, without the header's inline part"),
    Operation("nested", False, "a task submitted inside a task: submit, take, run, end"),
    Operation("fork_join", False, "submit inside a task with a future, get, release: the waiter runs the task"),
    Operation("wake", True, "`pool_apply_async` that wakes a sleeping worker"),
    Operation("wake", False, "that worker: wake, take, run, end, rest"),
)


def environment() -> dict[str, str]:
    """What the figures depend on besides the sources."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    return {"rustc": rustc, "libc": os.confstr("CS_GNU_LIBC_VERSION") or "unknown", "machine": os.uname().machine}


# The columns of the page's table by step.
COLUMNS = {
    "submit, caller": "submit",
    "submit, worker": "take, run, end",
    "submit_callback, worker": "the same, call back",
    "get, caller": "get, release",
    "nested, worker": "all inside a task",
    "fork_join, worker": "the same, with a future, waited for",
    "apply, caller": "`pool_apply`",
}

Steps = Counter[tuple[str, int]]


def read_profile(text: str) -> Steps:
    """The instructions at each address of each object (own cost: what is called stands at its own address)."""
    costs: Steps = Counter()
    thing, called = "", False
    for line in text.splitlines():
        if line.startswith("ob="):
            thing = line[3:]
        elif line.startswith("calls="):
            called = True
        elif line.startswith("0x"):
            address, *_, cost = line.split()
            if not called:
                costs[thing, int(address, 16)] += int(cost)
            called = False
    return costs


def profile(program: Path, operation: Operation, count: int) -> Steps:
    """What the operation's thread executes in all when it is done `count` times."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [*VALGRIND, "--dump-instr=yes", f"--callgrind-out-file={out}"]
        if operation.caller:
            command.append("--toggle-collect=measured")
        command += [str(program), operation.name, str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        total: Steps = Counter()
        for part in sorted(Path(folder).glob("out-*")):
            if (part.name == "out-01") == operation.caller:
                total += read_profile(part.read_text())
        return total


def steps(program: Path, operation: Operation) -> dict[tuple[str, int], float]:
    """The cost of one operation, by object and address."""
    few, many = (profile(program, operation, count) for count in COUNTS)
    span = COUNTS[1] - COUNTS[0]
    costs = {place: (many[place] - few[place]) / span for place in many.keys() | few.keys()}
    return {place: cost for place, cost in costs.items() if cost > 0.5 or not operation.each}


def cost(program: Path, operation: Operation) -> float:
    """How many instructions one operation takes."""
    return round(sum(steps(program, operation).values()), 1)


def build() -> tuple[Path, Path]:
    """The program, and the library, which is the released one with the lines of its sources."""
    target = ROOT / "build" / "instructions"
    env = {
        **os.environ,
        "CARGO_TARGET_DIR": str(target),
        "CARGO_PROFILE_RELEASE_DEBUG": "1",
        "CARGO_PROFILE_RELEASE_STRIP": "none",
    }
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, env=env, check=True)
    library, program = target / "release" / "libmillpond.so", target / "operations"
    soname = target / "release" / "libmillpond.so.0"
    soname.unlink(missing_ok=True)
    soname.symlink_to(library.name)
    command = ["cc", "-std=c11", "-O1", "-g", str(HERE / "operations.c"), f"-I{ROOT / 'include'}", "-o", str(program)]
    command += [f"-L{library.parent}", f"-Wl,-rpath,{library.parent}", "-lmillpond", "-lpthread"]
    subprocess.run(command, check=True)
    return program, library


def functions(library: Path, addresses: list[int]) -> dict[int, tuple[str, str]]:
    """For each address of the library the file and the function it comes from, inlined ones told apart; what std does
    is its caller's."""
    text = "\n".join(hex(address) for address in addresses)
    command = ["addr2line", "-a", "-f", "-i", "-C", "-e", str(library)]
    shown = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.splitlines()
    found: dict[int, tuple[str, str]] = {}
    address = 0
    for index, line in enumerate(shown):
        if line.startswith("0x"):
            address = int(line, 16)
            name = shown[index + 1]
            found[address] = ("std", name)
        elif index + 1 < len(shown) and ":" in line and line.startswith("/") and found[address][0] == "std":
            file = line.rsplit(":", 1)[0]
            name = re.sub(r"<.*>|::h[0-9a-f]{16}|\{\S*\}", "", shown[index - 1]).strip(":").split("::")[-1]
            name = name or "closure"
            if file.startswith(f"{ROOT}/src/"):
                found[address] = (file.removeprefix(f"{ROOT}/src/"), name)
            elif "/registry/src/" in file:
                found[address] = (file.split("/registry/src/")[1].split("/")[1], name)
    return found


ByFile = dict[str, dict[str, float]]


def by_file(places: dict[tuple[str, int], float], library: Path) -> ByFile:
    """The instructions by file, and in it by function."""
    names = functions(library, [address for thing, address in places if thing == str(library)])
    found: ByFile = {}
    for (thing, address), count in places.items():
        file, name = names[address] if thing == str(library) else (Path(thing).name.split(".")[0], "")
        file = {"operations": "the program and its task", "ld-linux-x86-64": "ld-linux"}.get(file, file)
        functions_of = found.setdefault(file, {})
        functions_of[name] = functions_of.get(name, 0) + count
    return found


def table(operation: Operation, files: ByFile) -> str:
    """Where the instructions of one operation go."""
    total = sum(sum(counts.values()) for counts in files.values())
    lines = [f"{operation.what}: **{total:.0f}**", "", "| instructions | where | by function |", "|--:|---|---|"]
    rest = 0.0
    for file, counts in sorted(files.items(), key=lambda item: -sum(item[1].values())):
        total = sum(counts.values())
        if total < LEAST:
            rest += total
            continue
        parts = [f"`{name}` {count:.0f}" for name, count in largest_first(counts) if name and count >= LEAST]
        lines.append(f"| {total:.0f} | {shown(file)} | {', '.join(parts)} |")
    if rest >= LEAST:
        lines.append(f"| {rest:.0f} | the rest | |")
    return "\n".join(lines)


def largest_first(counts: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(counts.items(), key=lambda item: -item[1])


def shown(file: str) -> str:
    return f"`{file}`" if "." in file else file


def page(found: dict[str, ByFile]) -> str:
    """The tables of docs/performance.md: all operations, and some of them by step."""
    lines = ["| operation | instructions |", "|---|--:|"]
    totals = {key: {file: sum(counts.values()) for file, counts in files.items()} for key, files in found.items()}
    for operation in OPERATIONS:
        lines.append(f"| {operation.what} | {sum(totals[operation.key].values()):.0f} |")
    lines += ["", f"| where | {' | '.join(COLUMNS.values())} |", "|---|" + "--:|" * len(COLUMNS)]
    files = {file: sum(totals[key].get(file, 0) for key in COLUMNS) for key in COLUMNS for file in totals[key]}
    for file, _ in largest_first(files):
        row = [totals[key].get(file, 0) for key in COLUMNS]
        if max(row) >= 5:
            cells = [f"{count:.0f}" if count >= 0.5 else "" for count in row]
            lines.append(f"| {shown(file)} | {' | '.join(cells)} |")
    sums = [f"**{sum(totals[key].values()):.0f}**" for key in COLUMNS]
    where = environment()
    lines += [f"| **all** | {' | '.join(sums)} |", "", f"{where['rustc'].split(' (')[0]}, {where['libc']}."]
    return "\n".join(lines)


def write_page(found: dict[str, ByFile]) -> None:
    before, rest = PAGE.read_text().split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{page(found)}\n\n{MARKS[1]}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bless", action="store_true", help="write the figures anew")
    known = ", ".join(dict.fromkeys(operation.name for operation in OPERATIONS))
    parser.add_argument("--only", default="", metavar="NAME,...", help=f"some of: {known}")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        parser.error("valgrind is missing: apt-get install valgrind")
    only = set(filter(None, options.only.split(",")))
    program, library = build()
    if options.bless and only:
        parser.error("--bless takes all operations")
    figures = {}
    found = {}
    for operation in OPERATIONS:
        if not only or operation.name in only:
            places = steps(program, operation)
            figures[operation.key] = round(sum(places.values()), 1)
            found[operation.key] = by_file(places, library)
            print(f"\n{table(operation, found[operation.key])}")
    if options.bless:
        FIGURES.write_text(json.dumps({**environment(), "instructions": figures}, indent=2) + "\n")
        write_page(found)


if __name__ == "__main__":
    main()
