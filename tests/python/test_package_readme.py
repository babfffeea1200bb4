"""The programs in the package's README run; what is no whole program, without an import, is left out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def blocks(language: str) -> list[str]:
    text = (ROOT / "bindings" / "python" / "README.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_readme(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "work.c").write_text("".join(blocks("c")))
    compiler = ["cc", "-shared", "-fPIC", "work.c", "-o", "libwork.so", f"-I{ROOT / 'include'}"]
    subprocess.run(compiler, cwd=tmp_path, check=True)
    programs = [block for block in blocks("python") if "import " in block]
    assert len(programs) >= 2
    for number, block in enumerate(programs):
        program = tmp_path / f"program{number}.py"
        program.write_text(block)
        command = [sys.executable, str(program)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
