"""The programs in Python: Millpond's package, the standard library's pools, and peers that PyPI gives."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from .programs import BENCHES, BUILD, ROOT, BuildError, Built, Missing, Program, describe, run
from .rows import LIMITS, OURS

PROGRAM = BENCHES / "python_pools.py"
PACKAGE = ROOT / "bindings" / "python"
# One folder for each peer, so that none of them decides about what another one needs.
PACKAGES = BUILD / f"python-{sys.version_info.major}.{sys.version_info.minor}"

STANDARD = ("mp.Pool", "ProcessPoolExecutor")
ARRAYS = "numpy==2.4.6"
# What each is called in the tables, and the newest at the time of writing.
PEERS = {
    "loky": "loky==3.7.0",
    "pebble": "pebble==5.2.3",
    "mpire": "mpire==2.10.2",
    "joblib": "joblib==1.6.0",
    "deadpool": "deadpool-executor==2026.7.1",
}


def installed(pin: str) -> Path:
    """The folder that holds a package and what it needs; nothing else of this machine sees it."""
    folder = PACKAGES / pin
    if not folder.exists():
        unfinished = PACKAGES / f"{pin}.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        options = ["--quiet", "--disable-pip-version-check", "--timeout=10", "--retries=1", f"--target={unfinished}"]
        try:
            run([sys.executable, "-m", "pip", "install", *options, pin])
        except BuildError as error:
            raise BuildError(f"pip cannot install {pin}; is there a network, or a mirror in its settings?") from error
        unfinished.rename(folder)
    return folder


def program(engine: str, version: str, paths: Sequence[Path], *options: str | Path) -> Program:
    found = [f"--path={path}" for path in paths]
    return describe(engine, [sys.executable, PROGRAM, "--engine", engine, *found, *options], version)


def add(built: Built, offline: bool) -> None:
    """Millpond's must be there. Without a network these are it and the standard library's."""
    version = next(other.version for other in built.programs if other.name == OURS)
    arrays: list[Path] = []
    if not offline:
        try:
            arrays.append(installed(ARRAYS))
        except BuildError as error:
            built.missing.append(Missing("numpy", f"{error}; the arrays are bytes"))
    library = BUILD / "lib" / "libmillpond.so"
    built.programs.append(program(OURS, version, [PACKAGE, *arrays], "--library", library))
    for name in STANDARD:
        built.programs.append(program(name, f"of Python {platform.python_version()}", arrays))
    for name, pin in PEERS.items():
        try:
            if offline:
                raise BuildError("not in a run without a network")
            built.programs.append(program(name, pin.split("==")[1], [installed(pin), *arrays]))
        except BuildError as error:
            built.missing.append(Missing(name, str(error)))
    built.programs.append(program(LIMITS, "", arrays))
