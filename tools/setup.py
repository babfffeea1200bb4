"""Gathers what the tests and the linters need in build/venv, and names what only the system's packages can give.

Usage: setup.py {test,lint,cmake}
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "build" / "venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
PEERS = ROOT / "build" / "peers"

CMAKE_MINIMUM = (3, 16)
PINS = {
    "test": ["pytest==9.2.0", "pytest-timeout==2.4.0", "ninja==1.13.2"],
    "lint": ["clang-format==23.1.5", "clang-tidy==23.1.4", "ruff==0.17.6", "mypy==2.4.1"],
    "cmake": ["cmake==4.4.4"],
}
# What the Python package works with where it is installed. Not every Python has it yet: then its tests are skipped.
PARTNERS = ["numpy==2.4.6", "numba==0.68.1", "cloudpickle==3.1.2", "joblib==1.6.0", "tqdm==4.70.1"]
# Source packages whose own tests run on Millpond's pools.
SOURCES = ["pebble==5.2.3"]

# Program, what to type to get it on Debian, and what is lost without it.
RUST = "curl https://sh.rustup.rs -sSf | sh"
SYSTEM = {
    "test": [
        ("cargo", RUST, "nothing can be built"),
        ("cc", "apt-get install gcc", "nothing can be linked"),
        ("c++", "apt-get install g++", "the C++ tests are skipped"),
        ("make", "apt-get install make", "the installation cannot be tested"),
        ("pkg-config", "apt-get install pkg-config", "the pkg-config tests are skipped"),
        ("valgrind", "apt-get install valgrind", "the tests under valgrind and the instruction counts are skipped"),
        ("clang", "apt-get install clang", "the tests under ThreadSanitizer are skipped"),
    ],
    "lint": [
        ("cargo", RUST, "the Rust code cannot be checked"),
        ("cargo-clippy", "rustup component add clippy", "the Rust code cannot be checked"),
        ("cargo-fmt", "rustup component add rustfmt", "the Rust code cannot be checked"),
    ],
    "cmake": [],
}
NEEDED = {"test": {"cargo", "cc"}, "lint": {"cargo"}, "cmake": set[str]()}


def fail(message: str) -> NoReturn:
    sys.exit(f"setup: {message}")


def cmake_is_usable() -> bool:
    found = shutil.which("cmake")
    if found is None:
        return False
    shown = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"(\d+)\.(\d+)", shown)
    return version is not None and tuple(map(int, version.groups())) >= CMAKE_MINIMUM


def report_missing(group: str) -> None:
    missing = [row for row in SYSTEM[group] if shutil.which(row[0]) is None]
    for program, command, loss in missing:
        print(f"setup: {program} is missing ({loss}): {command}", file=sys.stderr)
    if NEEDED[group] & {row[0] for row in missing}:
        sys.exit(1)


def make_venv() -> None:
    """Debian packs ensurepip apart from python3, so that a plain `venv` may fail where one without pip works."""
    if PYTHON.exists() and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.parent.mkdir(parents=True, exist_ok=True)
    if subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True).returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    bare = subprocess.run([sys.executable, "-m", "venv", "--without-pip", VENV], capture_output=True)
    if bare.returncode == 0 and importlib.util.find_spec("pip") is not None:
        command = [sys.executable, "-m", "pip", "-q", "--python", str(PYTHON), "install", "pip"]
        if subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0:
            return
    shutil.rmtree(VENV, ignore_errors=True)
    fail("python3 cannot make a virtual environment: apt-get install python3-venv")


def pip(*arguments: str) -> bool:
    """Whether pip, in the environment, has done that."""
    # An environment that the caller has activated would send pip elsewhere.
    env = {key: value for key, value in os.environ.items() if key not in {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET"}}
    command = [str(PYTHON), "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL).returncode == 0


def install(pins: list[str], *, needed: bool = True) -> None:
    """Installs what the environment lacks; the note of what it holds spares a second run pip's start-up."""
    note = VENV / "installed.txt"
    held = set(note.read_text().split()) if note.exists() else set()
    wanted = [pin for pin in pins if pin not in held]
    if not wanted:
        return
    print(f"setup: installing {' '.join(wanted)} into {VENV.relative_to(ROOT)}")
    if not pip("install", *wanted):
        if not needed:
            print("setup: pip could not install them; the tests that use them are skipped", file=sys.stderr)
            return
        fail("pip could not install the packages above; is there a network, or a mirror set in pip's configuration?")
    note.write_text("\n".join(sorted(held | set(wanted))) + "\n")


def download(pins: list[str]) -> None:
    """Lays source packages into build/peers, one version of each."""
    for pin in pins:
        package, version = pin.split("==")
        if (PEERS / f"{package}-{version}.tar.gz").exists():
            continue
        for other in PEERS.glob(f"{package}-*"):
            other.unlink()
        print(f"setup: downloading {pin} into {PEERS.relative_to(ROOT)}")
        options = ["--no-deps", "--no-binary", package, "--retries=1", "--dest", str(PEERS)]
        if not pip("download", *options, pin):
            print(f"setup: pip could not download {pin}; its tests are skipped", file=sys.stderr)


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in PINS:
        fail(f"usage: setup.py {{{','.join(PINS)}}}")
    if sys.version_info < (3, 10):
        fail("Python 3.10 or later is needed for the tests")
    group = sys.argv[1]
    report_missing(group)
    pins = list(PINS[group])
    if group == "test" and not cmake_is_usable():
        pins += PINS["cmake"]
    if group == "lint":
        pins += PINS["test"]  # mypy reads pytest's types
    make_venv()
    install(pins)
    if group == "test":
        install(PARTNERS, needed=False)
        download(SOURCES)


if __name__ == "__main__":
    main()
