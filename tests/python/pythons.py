"""The Python interpreters of this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest


@lru_cache(maxsize=None)
def interpreter(version: str) -> str:
    """One of this version, such as "3.13"; where there is none, the test is skipped."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in [*map(str, installed), shutil.which(f"python{version}")]:
        if candidate:
            asked = subprocess.run(
                [candidate, "-c", "import ctypes, sys; print('%d.%d' % sys.version_info[:2])"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if asked.stdout.strip() == version:
                return str(candidate)
    pytest.skip(f"there is no Python {version} here")
