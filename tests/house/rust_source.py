"""Just enough of Rust's syntax to see which modules a file names and where it is unsafe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STRING = re.compile(r'b?r(#*)".*?"\1|[bc]?"(?:\\.|[^"\\])*"|b?\'(?:\\(?:u\{[^}]*\}|x..|.)|[^\'\\])\'', re.DOTALL)
USE = re.compile(r"\buse\s+([^;]+);")
PATH = re.compile(r"\b(?:crate|super|self|std|core|alloc|loom|shuttle|libc)(?:\s*::\s*\w+)+")
TEST_MODULE = re.compile(
    r"#\[cfg\((?:all\()?(?:test|loom|shuttle)\b(?![^\]]*\bnot\b)[^\]]*\)\]\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*([;{])"
)


@dataclass(frozen=True)
class Name:
    """A path as written, and the line it is on."""

    segments: tuple[str, ...]
    line: int


def blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def without_comments_and_strings(text: str) -> str:
    """The code alone, every character still on its line."""
    out: list[str] = []
    at = 0
    while at < len(text):
        if text.startswith("//", at):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
        elif text.startswith("/*", at):
            end, depth = at + 2, 1
            while depth and end < len(text):
                step = {"/*": 1, "*/": -1}.get(text[end : end + 2], 0)
                depth += step
                end += 2 if step else 1
        elif (found := STRING.match(text, at)) and not (at and (text[at - 1].isalnum() or text[at - 1] == "_")):
            end = found.end()
        else:
            out.append(text[at])
            at += 1
            continue
        out.append(blank(text[at:end]))
        at = end
    return "".join(out)


def end_of_block(code: str, start: int) -> int:
    """Behind the brace that closes the one at `start`."""
    depth = 0
    for at in range(start, len(code)):
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        if depth == 0:
            return at + 1
    return len(code)


def without_test_modules(code: str) -> str:
    """The code less its inline modules of tests and models."""
    for found in list(TEST_MODULE.finditer(code)):
        if found.group(2) == "{":
            end = end_of_block(code, found.end() - 1)
            code = code[: found.start()] + blank(code[found.start() : end]) + code[end:]
    return code


def test_files(src: Path) -> set[Path]:
    """Files that are modules of tests or models, by how their parent declares them."""
    found: set[Path] = set()
    for path in src.rglob("*.rs"):
        home = path.parent if path.stem in {"mod", "lib"} else path.with_suffix("")
        for module in TEST_MODULE.finditer(without_comments_and_strings(path.read_text())):
            if module.group(2) == ";":
                found |= {home / f"{module.group(1)}.rs", *(home / module.group(1)).rglob("*.rs")}
    return found


def expand(tree: str) -> Iterator[tuple[str, ...]]:
    """`a::{b, c::{d, self}}` names a::b, a::c::d and a::c."""
    tree = tree.strip()
    if "{" not in tree:
        plain = re.sub(r"\s+as\s+\w+$", "", tree).replace(" ", "").replace("\n", "")
        segments = tuple(part for part in plain.split("::") if part)
        yield segments[:-1] if segments[-1:] == ("self",) and len(segments) > 1 else segments
        return
    start = tree.index("{")
    head = tree[:start]
    depth, part = 0, ""
    for char in tree[start + 1 : tree.rindex("}")] + ",":
        if char == "," and depth == 0:
            if part.strip():
                yield from expand(head + part.strip())
            part = ""
            continue
        depth += {"{": 1, "}": -1}.get(char, 0)
        part += char


def names(code: str) -> Iterator[Name]:
    """Every path that the code names, in `use` or in passing."""
    for found in USE.finditer(code):
        line = code.count("\n", 0, found.start()) + 1
        for segments in expand(found.group(1)):
            yield Name(segments, line)
    rest = USE.sub(lambda found: blank(found.group()), code)
    for found in PATH.finditer(rest):
        yield Name(tuple(re.split(r"\s*::\s*", found.group())), rest.count("\n", 0, found.start()) + 1)


def module_path(src: Path, path: Path) -> tuple[str, ...]:
    """`src/pool/task.rs` is the module (pool, task)."""
    parts = path.relative_to(src).with_suffix("").parts
    return parts[:-1] if parts[-1] in {"mod", "lib"} else parts


def absolute(name: Name, module: tuple[str, ...]) -> tuple[str, ...]:
    """The path from the crate's root, as ("crate", ...); one into another crate stays as it is."""
    segments = name.segments
    if segments[:1] == ("self",):
        return ("crate", *module, *segments[1:])
    ups = 0
    while segments[ups : ups + 1] == ("super",):
        ups += 1
    if ups:
        return ("crate", *module[: max(0, len(module) - ups)], *segments[ups:])
    return segments
