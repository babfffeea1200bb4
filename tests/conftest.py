"""Fixtures shared by the tests of every language: the built library, a compiler, a guarded runner.

Two environment variables point the tests at a library built elsewhere:
MILLPOND_INCLUDE is the folder of millpond.h, MILLPOND_LIBDIR that of libmillpond.so and libmillpond.a.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, Union

import pytest

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = os.environ.get("MILLPOND_LIBDIR")
# Programs for a library built elsewhere lie apart, so that both kinds of run can go on at the same time.
OUT = ROOT / "build" / "tests" / (hashlib.sha256(ELSEWHERE.encode()).hexdigest()[:8] if ELSEWHERE else "")
PathLike = Union[str, "os.PathLike[str]"]

# A shell starts what runs in the background with Ctrl-C ignored, and programs hand that on to those that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Lib:
    """Where the library under test lies."""

    include: Path
    libdir: Path  # holds the library under its link name and its SONAME
    so: Path
    a: Path


class CompileError(RuntimeError):
    """A compiler refused; the message is its command and its output."""


class Compile(Protocol):
    """The type of the fixture `cc`."""

    def __call__(
        self,
        sources: PathLike | Iterable[PathLike],
        name: str,
        *,
        compiler: str = "cc",
        std: str = "c11",
        flags: Sequence[str] = (),
        static: bool = False,
    ) -> Path: ...


class Run(Protocol):
    """The type of the fixture `run`."""

    def __call__(
        self,
        binary: PathLike,
        *args: str,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]: ...


def _soname(so: Path) -> str | None:
    readelf = shutil.which("readelf")
    if readelf is None:
        return "libmillpond.so.0"
    dynamic = subprocess.run([readelf, "-d", str(so)], capture_output=True, text=True, check=True)
    found = re.search(r"SONAME.*\[(.*)\]", dynamic.stdout)
    return found.group(1) if found else None


def _link(link: Path, target: Path) -> None:
    """Replaces a link in one step, as another run of the tests may be using it."""
    fresh = link.with_name(f"{link.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(link)


@lru_cache(maxsize=None)
def _built() -> Path:
    """The folder of the library, built in release mode unless MILLPOND_LIBDIR says where it is."""
    if ELSEWHERE:
        return Path(ELSEWHERE).resolve()
    cargo = shutil.which("cargo") or str(Path.home() / ".cargo" / "bin" / "cargo")
    done = subprocess.run([cargo, "build", "--release"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.exit(f"cargo build --release failed:\n{done.stderr[-8000:]}", returncode=1)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or "target")
    return ROOT / target / "release"


def pytest_collectstart(collector: pytest.Collector) -> None:
    """The Python package, here and in processes that the tests start, is the checkout's with the library under test."""
    if isinstance(collector, pytest.Module) and collector.path.parent == ROOT / "tests" / "python":
        os.environ["MILLPOND_LIBRARY"] = str(_built() / "libmillpond.so")
        os.environ["PYTHONPATH"] = str(ROOT / "bindings" / "python")


@pytest.fixture(scope="session")
def lib() -> Lib:
    """The library under test."""
    built = _built()
    include = Path(os.environ.get("MILLPOND_INCLUDE") or ROOT / "include").resolve()
    so, archive = built / "libmillpond.so", built / "libmillpond.a"
    for path in (include / "millpond.h", so, archive):
        if not path.exists():
            pytest.exit(f"{path} is missing", returncode=1)
    # Programs ask the loader for the SONAME, under which only an installed library lies.
    libdir = OUT / "lib"
    libdir.mkdir(parents=True, exist_ok=True)
    _link(libdir / so.name, so)
    _link(libdir / archive.name, archive)
    soname = _soname(so)
    if soname and soname != so.name:
        _link(libdir / soname, so)
    return Lib(include=include, libdir=libdir, so=so, a=archive)


@pytest.fixture(scope="session")
def cc(lib: Lib) -> Compile:
    """Compiles C or C++ against the library: `cc([source], "name") -> binary`, or CompileError.

    Sources are absolute or relative to the repository's root; the same name and options compile once a session.
    """
    made: dict[tuple[object, ...], Path] = {}

    def compile_(
        sources: PathLike | Iterable[PathLike],
        name: str,
        *,
        compiler: str = "cc",
        std: str = "c11",
        flags: Sequence[str] = (),
        static: bool = False,
    ) -> Path:
        listed = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
        paths = [str(ROOT / os.fspath(source)) for source in listed]
        key = (tuple(paths), name, compiler, std, tuple(flags), static)
        if key in made:
            return made[key]
        output = OUT / name
        output.parent.mkdir(parents=True, exist_ok=True)
        fresh = output.with_name(f"{output.name}.{os.getpid()}")
        if static:
            link = [str(lib.a), "-lpthread", "-ldl", "-lm"]
        else:
            link = [f"-L{lib.libdir}", "-lmillpond", f"-Wl,-rpath,{lib.libdir}"]
        command = [compiler, f"-std={std}", "-g", "-O1", "-pthread", f"-I{lib.include}", *flags]
        command += [*paths, "-o", str(fresh), *link, "-ldl", "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CompileError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        fresh.replace(output)
        made[key] = output
        return output

    return compile_


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs a program with a guard against hanging; after `timeout` seconds its whole process group is killed.

    `env` adds to the environment. The result's stdout and stderr are text; the return code is not checked.
    """

    def run_(
        binary: PathLike,
        *args: str,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        command = [os.fspath(binary), *args]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
                pytest.fail(f"{' '.join(command)}: still running after {timeout} s\n{out}{err}")
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    return run_
