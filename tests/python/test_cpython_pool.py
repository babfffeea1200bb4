"""CPython's own tests of Pool and ThreadPool, from each installed interpreter that has them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pythons import interpreter

RUNNER = Path(__file__).resolve().parent / "cpython_pool.py"


@pytest.mark.parametrize("kind", ["processes", "threads"])
@pytest.mark.parametrize("version", ["3.8", "3.11", "3.13"])
def test_what_multiprocessing_promises(version: str, kind: str) -> None:
    command = [interpreter(version), "-W", "ignore", str(RUNNER), kind]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500, check=False)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^OK", done.stdout, re.MULTILINE), done.stdout
    sys.stdout.write(done.stdout)
