"""Finds the interpreters that a machine has beside the one that runs the tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=None)
def find_python(version: str) -> str | None:
    """The interpreter of a version such as "3.13": the running one, that of PATH, or one that pyenv has built."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    built = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python{version}"))
    for candidate in filter(None, [shutil.which(f"python{version}"), *map(str, built)]):
        # A shim of pyenv is there for versions that are not chosen, and fails.
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def has_module(interpreter: str, module: str) -> bool:
    """Whether an interpreter has a module, such as its own tests, which distributions pack apart."""
    return subprocess.run([interpreter, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0
