"""The wheel: what it holds, and that it works where nothing else is installed, on each version of Python."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import Lib
from pythons import interpreter

ROOT = Path(__file__).resolve().parent.parent.parent
USE = Path(__file__).resolve().parent / "wheel_use.py"


@pytest.fixture(scope="module")
def wheel(lib: Lib, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, str(ROOT / "tools" / "wheel.py"), "--library", str(lib.so), "--output", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def test_its_name_says_where_it_runs(wheel: Path) -> None:
    assert re.fullmatch(r"millpond-\d+\.\d+\.\d+-py3-none-(manylinux_2_\d+|linux)_\w+\.whl", wheel.name)


def test_it_holds_the_whole_package_and_its_record_is_right(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        package = ROOT / "bindings" / "python" / "millpond"
        sources = {f"millpond/{path.name}" for path in package.iterdir() if path.suffix in {".py", ".typed"}}
        assert sources | {"millpond/libmillpond.so"} == {name for name in names if name.startswith("millpond/")}
        (record,) = (name for name in names if name.endswith(".dist-info/RECORD"))
        lines = archive.read(record).decode().splitlines()
        assert [line.split(",")[0] for line in lines] == names
        for line in lines[:-1]:
            name, digest, size = line.split(",")
            data = archive.read(name)
            expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert digest == f"sha256={expected}" and int(size) == len(data)
        metadata = archive.read(record.replace("RECORD", "METADATA")).decode()
        assert "\nRequires-Python: >=3.8\n" in metadata and "\nProvides-Extra: cloudpickle\n" in metadata


def test_it_is_the_same_each_time(wheel: Path, lib: Lib, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "wheel.py"), "--library", str(lib.so), "--output", str(tmp_path)]
    subprocess.run(command, check=True)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def pip_of(python: str) -> tuple[list[str], list[str]]:
    """How to make an environment and call pip there: the one that comes with Python runs as it is packed, which is
    quicker by far than to install it; where there is none, as in Debian, an environment brings its own."""
    code = "import ensurepip, glob; print(*glob.glob(f'{ensurepip.__path__[0]}/_bundled/pip-*.whl'), sep='\\n')"
    shown = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.splitlines()
    return (["--without-pip"], [f"{max(shown)}/pip"]) if shown else ([], ["-m", "pip"])


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_it_works_in_a_clean_environment(wheel: Path, version: str, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    # Nothing of the checkout, nor of pip's settings.
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MILLPOND", "PIP_"))}
    bare, pip = pip_of(interpreter(version))
    for command in (
        [interpreter(version), "-m", "venv", *bare, str(tmp_path / "venv")],
        [str(python), *pip, "-q", "--disable-pip-version-check", "install", "--no-index", "--no-compile", str(wheel)],
        [str(python), str(USE)],
    ):
        done = subprocess.run(
            command, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert str(tuple(map(int, version.split(".")))) in done.stdout
