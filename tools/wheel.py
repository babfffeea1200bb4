"""Builds the Python wheel that holds the shared library, and prints where it is.

It is written as it is specified, without a build backend: the package needs no compiler beyond the library's own.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bindings" / "python"
LICENSES = ["LICENSE-MIT", "LICENSE-APACHE"]
# The library's file is the same whenever it is built, and so is the wheel.
TIME = (1980, 1, 1, 0, 0, 0)


def version() -> str:
    declarations = (PACKAGE / "millpond" / "_declarations.py").read_text()
    found = re.search(r'^VERSION = "(.+)"$', declarations, re.MULTILINE)
    assert found is not None
    return found.group(1)


def tag(library: Path) -> str:
    """Which systems it runs on: those with the newest version of glibc that it asks for, or a newer one."""
    machine = platform.machine()
    if sys.platform != "linux":
        sys.exit(f"wheel: wheels are built on Linux only, and this is {sys.platform}")
    wanted = [
        tuple(map(int, found)) for found in re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)", library.read_bytes())
    ]
    if not wanted:
        return f"linux_{machine}"
    major, minor = max(wanted)
    return f"manylinux_{major}_{minor}_{machine}"


def metadata() -> str:
    """The core metadata, from the package's pyproject.toml."""
    project = (PACKAGE / "pyproject.toml").read_text()

    def value(pattern: str) -> str:
        found = re.search(pattern, project, re.MULTILINE)
        if found is None:
            sys.exit(f"wheel: bindings/python/pyproject.toml has nothing like {pattern}")
        return found.group(1)

    lines = [
        "Metadata-Version: 2.1",
        "Name: " + value('^name = "(.+)"$'),
        "Version: " + version(),
        "Summary: " + value('^description = "(.+)"$'),
        "License: " + value('^license = .*text = "(.+?)"'),
        "Requires-Python: " + value('^requires-python = "(.+)"$'),
        "Description-Content-Type: text/markdown",
    ]
    extras = value(r"^\[project\.optional-dependencies\]\n((?:.+\n)*)")
    lines += [f"License-File: {name}" for name in LICENSES]
    for extra, needs in re.findall(r"^(\w+) = \[(.*)\]$", extras, re.MULTILINE):
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {need}; extra == '{extra}'" for need in re.findall(r'"(.+?)"', needs)]
    return "\n".join(lines) + "\n\n" + (PACKAGE / "README.md").read_text()


def contents(library: Path, platform_tag: str) -> dict[str, bytes]:
    """The files of the wheel, but for the record of them."""
    info = f"millpond-{version()}.dist-info"
    files = {f"millpond/{path.name}": path.read_bytes() for path in sorted((PACKAGE / "millpond").glob("*.py"))}
    files["millpond/py.typed"] = (PACKAGE / "millpond" / "py.typed").read_bytes()
    files["millpond/libmillpond.so"] = library.read_bytes()
    files[f"{info}/METADATA"] = metadata().encode()
    about = ["Wheel-Version: 1.0", "Generator: millpond", "Root-Is-Purelib: false", f"Tag: py3-none-{platform_tag}"]
    files[f"{info}/WHEEL"] = ("\n".join(about) + "\n").encode()
    for name in LICENSES:
        files[f"{info}/{name}"] = (ROOT / name).read_bytes()
    return files


def record(files: dict[str, bytes], name: str) -> bytes:
    def line(path: str, data: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{path},sha256={digest},{len(data)}\n"

    return ("".join(line(path, data) for path, data in files.items()) + f"{name},,\n").encode()


def write(library: Path, folder: Path) -> Path:
    platform_tag = tag(library)
    files = contents(library, platform_tag)
    name = f"millpond-{version()}.dist-info/RECORD"
    files[name] = record(files, name)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("millpond-*.whl"):
        old.unlink()
    wheel = folder / f"millpond-{version()}-py3-none-{platform_tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if path.endswith(".so") else 0o100644) << 16
            archive.writestr(entry, data)
    return wheel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, help="the shared library; by default it is built")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "wheel", help="the folder for the wheel")
    options = parser.parse_args()
    library = options.library
    if library is None:
        subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True)
        library = ROOT / "target" / "release" / "libmillpond.so"
    print(write(library, options.output))


if __name__ == "__main__":
    main()
