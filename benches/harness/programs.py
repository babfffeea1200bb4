"""Builds the programs: for Millpond, for each peer that the machine has or a registry gives, and for the limits."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .rows import LIMITS, OURS

BENCHES = Path(__file__).resolve().parent.parent
ROOT = BENCHES.parent
BUILD = ROOT / "build" / "bench"
PEERS = BENCHES / "peers"
RUST = PEERS / "rust"

# The newest at the time of writing; Debian's, which is older, serves where there is no network.
TBB_VERSION = "2023.2.0"
RUST_PEERS = ("rayon", "forte", "chili")


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str | Path, ...]
    version: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Missing:
    name: str
    reason: str


@dataclass
class Built:
    programs: list[Program] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)


class BuildError(Exception):
    """Why a program could not be built, in a sentence."""


def run(command: Sequence[str | Path], timeout: float = 600) -> str:
    """Standard output of a command; its last words on standard error when it fails."""
    try:
        done = subprocess.run(
            [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(str(error)) from error
    if done.returncode != 0:
        words = done.stderr.splitlines() or ["failed without a word"]
        reason = next((line for line in words if "error" in line.lower()), words[-1])
        raise BuildError(f"{command[0]}: {reason.strip()}")
    return done.stdout.strip()


def compiler(variable: str, fallback: str) -> list[str]:
    return shlex.split(os.environ.get(variable, "")) or [fallback]


def compile_program(name: str, source: Path, flags: Sequence[str], version: str) -> Program:
    """Compiles when a source or what it includes is newer than the program, or when the flags have changed."""
    cpp = source.suffix == ".cpp"
    command = compiler("CXX", "c++") if cpp else compiler("CC", "cc")
    command += ["-std=c++17" if cpp else "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"]
    binary = BUILD / "bin" / source.stem
    command += ["-pthread", str(source), "-o", str(binary), *flags]
    recipe = binary.with_suffix(".command")
    wanted = shlex.join(command)
    newest = max(path.stat().st_mtime for path in (source, *(BENCHES / "common").iterdir()))
    fresh = binary.exists() and recipe.exists() and recipe.read_text() == wanted and binary.stat().st_mtime > newest
    if not fresh:
        binary.parent.mkdir(parents=True, exist_ok=True)
        run(command)
        recipe.write_text(wanted)
    return describe(name, [binary], version)


def describe(name: str, command: Sequence[str | Path], version: str) -> Program:
    return Program(name, tuple(command), version, tuple(run([*command, "--list"]).split()))


def package(name: str, debian: str) -> tuple[list[str], str]:
    """Flags and version of a library that pkg-config knows."""
    try:
        return shlex.split(run(["pkg-config", "--cflags", "--libs", name])), run(["pkg-config", "--modversion", name])
    except BuildError as error:
        raise BuildError(f"apt-get install pkg-config {debian}") from error


# ---- Millpond itself


def shared_library(folder: Path | None) -> Path:
    """The library, built first unless the caller names the folder where one lies."""
    if folder is None:
        run(["cargo", "build", "--release"], timeout=1800)
        folder = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
    return folder.resolve() / "libmillpond.so"


def link_folder(library: Path) -> Path:
    """A folder that holds the library under both names that an installed one has: to link with, and to load."""
    found = re.search(r"soname: \[(.+)\]", run(["readelf", "-d", library]))
    folder = BUILD / "lib"
    folder.mkdir(parents=True, exist_ok=True)
    for name in {library.name, found.group(1) if found else library.name}:
        link = folder / name
        if link.is_symlink():
            link.unlink()
        link.symlink_to(library)
    return folder


def build_ours(include: Path, folder: Path | None) -> list[Program]:
    libraries = link_folder(shared_library(folder))
    flags = [f"-I{include}", f"-L{libraries}", "-lmillpond", f"-Wl,-rpath,{libraries}"]
    header = (include / "millpond.h").read_text()
    version = re.findall(r"POOL_VERSION_(?:MAJOR|MINOR|PATCH)\s+(\d+)", header)
    sources = ("ours.c", "growth.c", "processes.c")
    return [compile_program(OURS, BENCHES / source, flags, ".".join(version)) for source in sources]


# ---- Peers


def unpack_tbb(offline: bool) -> Path:
    """oneTBB's two wheels hold headers and library as plain files; nothing needs to be installed."""
    folder = BUILD / f"tbb-{TBB_VERSION}"
    if (folder / "lib" / "libtbb.so").exists():
        return folder
    if offline:
        raise BuildError("not downloaded yet")
    wheels = BUILD / "wheels"
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--timeout=10"]
    wanted = [f"tbb=={TBB_VERSION}", f"tbb-devel=={TBB_VERSION}"]
    run([sys.executable, "-m", "pip", "download", *options, "--retries=1", "--dest", wheels, *wanted])
    for wheel in wheels.glob(f"tbb*{TBB_VERSION}*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                found = re.search(r"\.data/data/((?:include/|lib/libtbb\.so).*)", name)
                if found and not name.endswith("/"):
                    target = folder / found.group(1)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
    return folder


def build_tbb(offline: bool) -> list[Program]:
    try:
        folder = unpack_tbb(offline)
        library = folder / "lib"
        flags = [f"-I{folder / 'include'}", f"-L{library}", "-ltbb", f"-Wl,-rpath,{library}"]
        return [compile_program("oneTBB", PEERS / "onetbb.cpp", flags, TBB_VERSION)]
    except BuildError:
        flags, version = package("tbb", "libtbb-dev")
        return [compile_program("oneTBB", PEERS / "onetbb.cpp", flags, version)]


def build_openmp(offline: bool) -> list[Program]:
    del offline
    try:
        words = run([*compiler("CC", "cc"), "--version"]).splitlines()[0]
        return [compile_program("OpenMP", PEERS / "openmp.c", ["-fopenmp"], words)]
    except BuildError as error:
        raise BuildError(f"apt-get install gcc, and CC=gcc ({error})") from error


def build_glib(offline: bool) -> list[Program]:
    del offline
    flags, version = package("glib-2.0", "libglib2.0-dev")
    return [compile_program("GLib", PEERS / "glib.c", flags, version)]


def build_libuv(offline: bool) -> list[Program]:
    del offline
    flags, version = package("libuv", "libuv1-dev")
    return [compile_program("libuv", PEERS / "libuv.c", flags, version)]


def build_pthreadpool(offline: bool) -> list[Program]:
    """It has no pkg-config file, and Debian's names no version but the day it was taken."""
    del offline
    try:
        version = run(["dpkg-query", "-W", "-f", "${Version}", "libpthreadpool-dev"])
    except BuildError:
        version = ""
    try:
        return [compile_program("pthreadpool", PEERS / "pthreadpool.c", ["-lpthreadpool"], version)]
    except BuildError as error:
        raise BuildError(f"apt-get install libpthreadpool-dev ({error})") from error


def build_async(offline: bool) -> list[Program]:
    del offline
    words = run([*compiler("CXX", "c++"), "--version"]).splitlines()[0]
    return [compile_program("std::async", PEERS / "async.cpp", [], words)]


def build_rust(offline: bool) -> list[Program]:
    if shutil.which("cargo") is None:
        raise BuildError("install Rust: curl https://sh.rustup.rs -sSf | sh")
    target = BUILD / "rust"
    # forte asks for a compiler newer than it needs.
    options = ["--release", "--locked", "--ignore-rust-version", "--manifest-path", str(RUST / "Cargo.toml")]
    run(["cargo", "build", *options, "--target-dir", target, *(["--offline"] if offline else [])])
    lock = (RUST / "Cargo.lock").read_text()
    found = dict(re.findall(r'name = "(.+)"\nversion = "(.+)"', lock))
    return [describe(name, [target / "release" / name], found.get(name, "")) for name in RUST_PEERS]


PEER_BUILDERS: dict[str, Callable[[bool], list[Program]]] = {
    "oneTBB": build_tbb,
    "OpenMP": build_openmp,
    ", ".join(RUST_PEERS): build_rust,
    "GLib": build_glib,
    "libuv": build_libuv,
    "pthreadpool": build_pthreadpool,
    "std::async": build_async,
}


def build(include: Path, folder: Path | None, offline: bool) -> Built:
    """Millpond must be there; a peer that is not is named with the command that would bring it."""
    built = Built(build_ours(include, folder))
    for name, build_peer in PEER_BUILDERS.items():
        try:
            built.programs += build_peer(offline)
        except BuildError as error:
            built.missing.append(Missing(name, str(error)))
    sources = ("limits.c", "process_limits.c")
    built.programs += [compile_program(LIMITS, BENCHES / source, [], "") for source in sources]
    return built
