"""The rules of the house, each a function from the repository's root to what breaks it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import rust_source as rust

# Whom a layer may name, besides itself. lib.rs, which only lists the layers, is under no rule.
ALLOWED = {
    "capi": {"pool", "objects", "compose", "support"},
    "compose": {"pool", "threads", "procs", "sequential", "support"},
    "threads": {"pool", "sys", "support"},
    "sequential": {"pool", "sys", "support"},
    "procs": {"pool", "objects", "sys", "support"},
    "objects": {"pool", "support"},
    "pool": {"support"},
    "support": {"sys"},
    "sys": set[str](),
}
# A library that only some layers may name, by the beginnings of its paths.
CONFINED = [
    (("libc",), {"sys"}),
    (("std", "sync", "atomic"), {"support", "sys"}),
    (("core", "sync", "atomic"), {"support", "sys"}),
    *(
        (("std", "sync", kind), {"support", "sys"})
        for kind in ["Mutex", "Condvar", "RwLock", "Once", "OnceLock", "LazyLock", "Barrier", "mpsc"]
    ),
    (("std", "thread"), {"support", "sys"}),
    (("loom",), {"support"}),
    (("shuttle",), {"support"}),
]
MAX_LINES = 450
SOURCE_SUFFIXES = {".rs", ".c", ".h", ".cpp", ".hpp", ".py"}
GENERATED = {
    "include/millpond.h",
    "include/millpond_prefixed.h",
    "bindings/python/millpond/_declarations.py",
    "Cargo.lock",
}

ALLOW_UNSAFE = re.compile(r"#(!?)\[[^\]]*\ballow\([^)]*\bunsafe_code\b[^\]]*\]")
MODULE = re.compile(r"(?:\s*#\[[^\]]*\])*\s*(?:pub(?:\([^)]*\))?\s+)?mod\b")
UNSAFE_ITEM = re.compile(r"\bunsafe\s*(?:\{|impl\b|(?:extern\s+)?fn\s+\w|extern\s*\{|trait\b)|#\[unsafe\(")
UNSAFE_TO_JUSTIFY = re.compile(r"\bunsafe\s*(?:\{|impl\b)")

MACHINE_PATH = re.compile(r"(?<![\w.\-/:$})>*~])/(?:work|root|home|tmp|Users)(?![\w.*-])")
REGISTRY = re.compile(
    r"\b(?:index-url|extra-index-url|find-links|trusted-host|replace-with)\s*="
    r"|https?://(?:[\w.-]+\.(?:internal|intranet|corp|lan|local)\b|(?:10|192\.168)\.[\d.]+|(?!localhost)[\w-]+[:/])"
)
ISSUE = re.compile(r"(?:^|[\s(\[])(?:(?:issue|ticket|task|bug|PR|pull request|GH)[ -]?)?#\d{1,5}\b|\bissues?/\d+", re.I)


def sources(root: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted((root / "src").rglob("*.rs")):
        yield path, path.read_text()


def place(root: Path, path: Path, line: int) -> str:
    return f"{path.relative_to(root)}:{line}"


def directions(root: Path) -> Iterator[str]:
    """A layer names only the layers below it. A folder that is only compiled for tests is no layer."""
    src = root / "src"
    free = rust.test_files(src)
    for path, text in sources(root):
        module = rust.module_path(src, path)
        if not module or (path in free and module[0] not in ALLOWED):
            continue
        layer = module[0]
        if layer not in ALLOWED:
            yield f"{place(root, path, 1)}: {layer} is no layer of this house"
            continue
        for name in rust.names(rust.without_comments_and_strings(text)):
            target = rust.absolute(name, module)
            if target[0] == "crate" and target[1:2] and target[1] in ALLOWED.keys() - ALLOWED[layer] - {layer}:
                yield f"{place(root, path, name.line)}: {layer} names {target[1]}"


def confinement(root: Path) -> Iterator[str]:
    """System calls are made in sys; atomics, locks and threads are chosen in support. Tests and models are free."""
    src = root / "src"
    free = rust.test_files(src)
    for path, text in sources(root):
        module = rust.module_path(src, path)
        if path in free:
            continue
        for name in rust.names(rust.without_test_modules(rust.without_comments_and_strings(text))):
            for beginning, homes in CONFINED:
                if name.segments[: len(beginning)] == beginning and not (module and module[0] in homes):
                    owners = " and ".join(sorted(homes))
                    yield f"{place(root, path, name.line)}: {'::'.join(beginning)} belongs to {owners}"


def unsafe_by_name(root: Path) -> Iterator[str]:
    """Only a file that says so itself holds unsafe code, for the whole of it or item by item; a module's declaration,
    or lib.rs, would say so for files that a reader does not see."""
    for path, text in sources(root):
        code = rust.without_comments_and_strings(text)
        found = UNSAFE_ITEM.search(code)
        allowed = list(ALLOW_UNSAFE.finditer(code))
        if found and not allowed:
            line = code.count("\n", 0, found.start()) + 1
            yield f"{place(root, path, line)}: unsafe without a word that allows it in this file"
        for permit in allowed:
            of_a_module = MODULE.match(code, permit.end()) or (permit.group(1) and path.name in {"lib.rs", "mod.rs"})
            if not found or of_a_module:
                line = code.count("\n", 0, permit.start()) + 1
                yield f"{place(root, path, line)}: unsafe code is allowed where it has no place"


def has_reason(lines: list[str], at: int) -> bool:
    """A SAFETY comment on the line itself, or right above the statement that the line belongs to."""
    if "SAFETY:" in lines[at]:
        return True
    above = at - 1
    while above >= 0:
        line = lines[above].strip()
        if line.startswith("//"):
            while above >= 0 and lines[above].strip().startswith("//"):
                if "SAFETY:" in lines[above]:
                    return True
                above -= 1
            return False
        if not line or (line[-1] in ";{}" and not line.startswith("#[")):
            return False
        above -= 1
    return False


def unsafe_has_reasons(root: Path) -> Iterator[str]:
    """Each unsafe block and each unsafe impl says what makes it sound."""
    for path, text in sources(root):
        lines = text.splitlines()
        for number, line in enumerate(rust.without_comments_and_strings(text).splitlines()):
            if UNSAFE_TO_JUSTIFY.search(line) and not has_reason(lines, number):
                yield f"{place(root, path, number + 1)}: no // SAFETY: comment"


def files(root: Path) -> Iterator[tuple[Path, str]]:
    """Every text file of the repository, new ones too."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        paths = [root / name for name in sorted(set(done.stdout.split("\0"))) if name]
    else:
        built = {".git", "build", "target"}
        paths = [path for path in sorted(root.rglob("*")) if path.relative_to(root).parts[0] not in built]
    for path in paths:
        if path.is_file() and not path.is_symlink():
            try:
                yield path, path.read_text()
            except UnicodeDecodeError:
                continue


def length(root: Path) -> Iterator[str]:
    """A source file fits in a reader's head."""
    for path, text in files(root):
        count = len(text.splitlines())
        name = str(path.relative_to(root))
        if path.suffix in SOURCE_SUFFIXES and name not in GENERATED and count > MAX_LINES:
            yield f"{place(root, path, count)}: {count} lines, the most is {MAX_LINES}"


def each_line(pattern: re.Pattern[str], what: str, left_out: set[str]) -> Callable[[Path], Iterator[str]]:
    def rule(root: Path) -> Iterator[str]:
        for path, text in files(root):
            if str(path.relative_to(root)) not in left_out:
                for number, line in enumerate(text.splitlines(), 1):
                    found = pattern.search(line)
                    if found:
                        yield f"{place(root, path, number)}: {what}: {found.group().strip()}"

    return rule


def crates_from_the_registry(root: Path) -> Iterator[str]:
    """Cargo.lock names crates.io and nothing else."""
    lock = root / "Cargo.lock"
    if lock.exists():
        for number, line in enumerate(lock.read_text().splitlines(), 1):
            if line.startswith("source = ") and '"registry+https://github.com/rust-lang/crates.io-index"' not in line:
                yield f"{place(root, lock, number)}: {line}"


RULES: dict[str, Callable[[Path], Iterator[str]]] = {
    "directions": directions,
    "confinement": confinement,
    "unsafe by name": unsafe_by_name,
    "unsafe has reasons": unsafe_has_reasons,
    "length": length,
    "machine paths": each_line(MACHINE_PATH, "a path of one machine", {"tests/house/test_house.py"}),
    "registries": each_line(REGISTRY, "a registry or host of one network", {"tests/house/test_house.py"}),
    "issue numbers": each_line(ISSUE, "a number that means nothing here", {"tests/house/test_house.py"}),
    "crates": crates_from_the_registry,
}
