"""The two libraries, with and without prefixes, and their names."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
C = ROOT / "tests" / "c"
OUT = ROOT / "build" / "tests" / "prefix"
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{C}"]
SYSTEM = ["-lpthread", "-ldl", "-lm"]


def command(*arguments: str | Path) -> str:
    done = subprocess.run([str(part) for part in arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}"
    return done.stdout


@functools.cache
def prefixed() -> Path:
    """The folder of libmillpond_prefixed.so and .a, under the names by which programs find them."""
    cargo = shutil.which("cargo") or str(Path.home() / ".cargo" / "bin" / "cargo")
    command(cargo, "build", "--release", "--lib", "--features", "prefix", "--target-dir", "target/prefixed")
    built, folder = ROOT / "target" / "prefixed" / "release", OUT / "lib"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("libmillpond_prefixed.so", "libmillpond_prefixed.so.0"):
        shutil.copy(built / "libmillpond.so", folder / name)
    shutil.copy(built / "libmillpond.a", folder / "libmillpond_prefixed.a")
    return folder


def compile_(name: str, sources: list[Path], *flags: str | Path, compiler: str = "cc", std: str = "c11") -> Path:
    binary = OUT / name
    binary.parent.mkdir(parents=True, exist_ok=True)
    include = f"-I{ROOT / 'include'}"
    command(compiler, f"-std={std}", "-g", "-O1", "-pthread", include, *WARNINGS, *sources, "-o", binary, *flags)
    return binary


def shared(folder: Path, name: str) -> list[str]:
    return [f"-L{folder}", f"-l{name}", f"-Wl,-rpath,{folder}"]


def exported(so: Path) -> set[str]:
    lines = [line.split() for line in command("nm", "--dynamic", "--defined-only", so).splitlines()]
    return {fields[-1].split("@")[0] for fields in lines if fields[1] != "A"}


def identifiers(header: Path) -> set[str]:
    """Every word of a header outside its comments."""
    return set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.DOTALL)))
