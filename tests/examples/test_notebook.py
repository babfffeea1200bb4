"""The notebook of the examples in Python: its code cells are executed one after the other, as by a kernel, in
the module __main__ of a process of its own; by Jupyter's own client, too, where it is installed."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runs import ROOT, leaving_nothing

if TYPE_CHECKING:
    from conftest import Lib, Run

NOTEBOOK = ROOT / "examples" / "python" / "course.ipynb"

# The script's own names stay out of the cells' sight, but they are in the same module: where functions are looked for.
KERNEL = """
import json, os, sys

def run_all(path):
    os.chdir(os.path.dirname(path))
    with open(path, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"<cell {number}>", "exec"), sys.modules["__main__"].__dict__)
            print("cell", number, "ended", flush=True)

run_all(sys.argv[1])
"""

JUPYTER = """
import os, sys
import nbformat
from nbclient import NotebookClient

os.chdir(os.path.dirname(sys.argv[1]))
NotebookClient(nbformat.read(sys.argv[1], 4), timeout=120).execute()
"""


def code_cells(notebook: Path) -> list[int]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [number for number, cell in enumerate(cells) if cell["cell_type"] == "code"]


def run_cells(run: Run, lib: Lib, notebook: Path) -> tuple[int, str, str]:
    environment = {"MILLPOND_LIBRARY": str(lib.so), "PYTHONPATH": str(ROOT / "bindings" / "python")}
    done = leaving_nothing(run)(sys.executable, "-c", KERNEL, str(notebook), timeout=120, env=environment)
    return done.returncode, done.stdout, done.stderr


def test_functions_of_a_notebook_run_in_processes(run: Run, lib: Lib) -> None:
    status, output, errors = run_cells(run, lib, NOTEBOOK)
    assert status == 0, errors
    assert [int(line.split()[1]) for line in output.splitlines() if line.endswith(" ended")] == code_cells(NOTEBOOK)
    assert errors == ""


def test_a_cell_that_fails_is_noticed(run: Run, lib: Lib, tmp_path: Path) -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.ipynb"
    wrong.write_text(text.replace("return x * x\\n", "return x + x\\n"), encoding="utf-8")
    assert wrong.read_text(encoding="utf-8") != text
    status, _, errors = run_cells(run, lib, wrong)
    assert status == 1
    assert "AssertionError" in errors


def test_it_is_kept_without_output() -> None:
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_jupyter_executes_it(run: Run, lib: Lib) -> None:
    if importlib.util.find_spec("nbclient") is None or importlib.util.find_spec("ipykernel") is None:
        pytest.skip("nbclient and ipykernel are not installed")
    environment = {"MILLPOND_LIBRARY": str(lib.so)}
    done = leaving_nothing(run)(sys.executable, "-c", JUPYTER, str(NOTEBOOK), timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
