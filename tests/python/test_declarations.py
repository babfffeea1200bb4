"""The package's declarations are those of the header, and its errors those of the statuses."""

from __future__ import annotations

import builtins
import concurrent.futures
import ctypes
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from conftest import Compile, Run

from millpond import _declarations as c
from millpond import _library, errors

ROOT = Path(__file__).resolve().parent.parent.parent
HEADER = (ROOT / "include" / "millpond.h").read_text()
STRUCTS = [value for value in vars(c).values() if isinstance(value, type) and issubclass(value, ctypes.Structure)]


def test_the_declarations_are_what_the_header_generates() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "python_declarations.py", "--check"], check=False)
    assert done.returncode == 0, "run `make header`"


def test_every_function_of_the_header_is_declared() -> None:
    assert set(re.findall(r"^\w[\w ]* \*?(pool_\w+)\([^;{]*\);", HEADER, re.MULTILINE)) == set(c.FUNCTIONS)
    assert len(c.FUNCTIONS) > 100


def test_structs_and_constants_are_those_of_the_compiler(cc: Compile, run: Run, tmp_path: Path) -> None:
    structs = [struct for struct in STRUCTS if struct is not ctypes.Structure]
    constants = [name for name in vars(c) if name.startswith("POOL_")]
    lines = [f'printf("{name} %lld\\n", (long long){name});' for name in constants]
    expected = [f"{name} {getattr(c, name)}" for name in constants]
    for struct in structs:
        name = struct.__name__
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected.append(f"{name} {ctypes.sizeof(struct)}")
        for field in struct._fields_:
            lines.append(f'printf("{name}.{field[0]} %zu\\n", offsetof({name}, {field[0]}));')
            expected.append(f"{name}.{field[0]} {getattr(struct, field[0]).offset}")
    source = tmp_path / "layout.c"
    body = "\n".join(lines)
    source.write_text(f"#include <millpond.h>\n#include <stdio.h>\nint main(void) {{\n{body}\nreturn 0;\n}}\n")
    shown = run(cc(source, "python_layout"))
    assert shown.stdout.splitlines() == expected


def test_each_status_is_an_exception_that_can_be_pickled() -> None:
    assert set(errors.BY_STATUS) == set(c.STATUSES) - {c.POOL_OK}
    for status, kind in errors.BY_STATUS.items():
        copy = pickle.loads(pickle.dumps(errors.error(status, "a sentence")))
        assert type(copy) is kind and str(copy) == "a sentence"
        assert isinstance(copy, errors.MillpondError) and copy.status_name == c.STATUSES[status]
    failed = pickle.loads(pickle.dumps(errors.error(7, "seven")))
    assert isinstance(failed, errors.TaskFailed) and failed.code == failed.status == 7 and str(failed) == "seven"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (errors.PoolClosed, ValueError),
        (errors.WaitTimeout, builtins.TimeoutError),
        (errors.WaitTimeout, multiprocessing.TimeoutError),
        (errors.WaitTimeout, concurrent.futures.TimeoutError),
        (errors.TimeLimitExceeded, builtins.TimeoutError),
        (errors.TaskCancelled, concurrent.futures.CancelledError),
        (errors.WorkerDied, BrokenProcessPool),
        (errors.PoolBroken, BrokenProcessPool),
        (errors.OutOfMemory, MemoryError),
        (errors.Unsupported, NotImplementedError),
    ],
)
def test_errors_are_what_a_python_program_catches(kind: type[Exception], expected: type[Exception]) -> None:
    assert issubclass(kind, expected)


def test_a_failed_call_raises_with_the_librarys_sentence() -> None:
    with pytest.raises(errors.InvalidArgument, match="pool is NULL"):
        _library.check(_library.library.pool_join(None, 0))
    _library.check(c.POOL_OK)


def python(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    whole = {**os.environ, **env}
    return subprocess.run(
        [sys.executable, "-c", code], env=whole, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_missing_library_is_one_sentence() -> None:
    done = python("import millpond._library", MILLPOND_LIBRARY="/nowhere/libmillpond.so")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "ImportError: millpond: the shared library cannot be loaded (/nowhere"
    )


def test_a_library_that_is_not_ours_is_refused() -> None:
    libc = python("import ctypes.util; print(ctypes.util.find_library('c'))").stdout.strip()
    done = python("import millpond._library", MILLPOND_LIBRARY=libc)
    assert f"ImportError: millpond: {libc} is no library for this package" in done.stderr


def test_an_older_library_is_refused(cc: Compile, tmp_path: Path) -> None:
    stubs = "\n".join(f"void {name}(void) {{}}" for name in c.FUNCTIONS if name != "pool_version")
    source = tmp_path / "old.c"
    source.write_text(f'{stubs}\nconst char *pool_version(void) {{ return "0.0.9"; }}\n')
    old = cc(source, "python_old.so", flags=["-shared", "-fPIC"])
    done = python("import millpond._library", MILLPOND_LIBRARY=str(old))
    assert done.stderr.splitlines()[-1].endswith(f"has version 0.0.9, but this package needs {c.VERSION}")


def test_subinterpreters_are_refused() -> None:
    code = """
import importlib, sys
interpreters = importlib.import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
try:
    answer = interpreters.run_string(interpreters.create(), "import millpond")
except interpreters.RunFailedError as failure:
    answer = failure
print(answer)
"""
    assert "millpond: subinterpreters are not supported" in python(code).stdout
