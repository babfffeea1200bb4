"""What happens to pools, told to logging. Each in a process of its own, as it is for all pools of a process."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import logging, os, sys
import millpond
if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)
    {enable}
    executor = millpond.ProcessPoolExecutor(1)
    assert isinstance(executor.submit(os._exit, 7).exception(60), millpond.errors.WorkerDied)
    assert executor.submit(abs, -1).result(60) == 1
"""


def run(enable: str) -> str:
    program = PROGRAM.format(enable=enable).replace("import millpond\n", "import millpond, millpond.errors\n")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_deaths_are_warnings() -> None:
    told = run("assert millpond.enable_logging(logging.WARNING) is logging.getLogger('millpond')")
    deaths = [line for line in told.splitlines() if "exit code 7" in line]
    assert deaths and all(line.startswith("WARNING millpond ") for line in deaths)
    assert "INFO" not in told


def test_more_is_told_if_so_wanted() -> None:
    assert "INFO millpond " in run("millpond.enable_logging()")


def test_nothing_is_told_unasked() -> None:
    assert run("") == run("millpond.enable_logging(logging.CRITICAL)") == ""
    assert run("millpond.enable_logging(); millpond.enable_logging(logging.CRITICAL)") == ""
