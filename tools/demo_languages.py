"""What the demonstration knows of each language: its programs, how they are built, and how one is called."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Dict, List, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

# In the order in which they are shown; those of one language only are beside the others of their kind.
COURSE = (
    *("map", "apply_async", "apply_async_large", "callback", "add_over_time", "amdahl", "blocking_sleep"),
    *("blocking_section", "sort", "busy_wait", "reduce", "fill_and_sort", "pids", "pool_square", "process_hello"),
    *("restart", "fork_join", "distance", "distance_sweep", "gil", "norms", "bad_luck", "fetch_all", "round_robin"),
    *("cpu_load", "queue", "work_queue", "lock", "local", "event", "condition", "daemon", "thread_subclass"),
    *("queue_objects", "deadlock", "interleave", "process_queue", "distance_async", "coroutines", "background"),
    *("limits", "native"),
)
# Those that show one mode by themselves and are run a second time, in processes.
IN_PROCESSES = (
    *("map", "amdahl", "distance_sweep", "interleave", "queue", "lock", "local", "event", "condition", "daemon"),
    *("thread_subclass", "deadlock"),
)


class Failed(Exception):
    """Something without which the demonstration cannot go on, in one line."""


@dataclass(frozen=True)
class Library:
    """The library that the programs use."""

    include: Path
    folder: Path  # where the linker finds it by its plain name and the loader by its SONAME


class Language:
    """The base: programs that lie as files in one folder of the examples."""

    name: str  # as in the table
    key: str  # of its folder
    suffix: str
    # Those that are run a second time, in this mode; that draw a picture; that --full runs at the course's size.
    again: ClassVar[Dict[str, str]]
    pictures: Tuple[str, ...] = ("amdahl", "distance_sweep", "cpu_load")
    large: Tuple[str, ...] = ("map", "apply_async_large")

    @property
    def folder(self) -> Path:
        return EXAMPLES / self.key

    def programs(self) -> List[str]:
        return [program for program in COURSE if self.source(program).exists()]

    def source(self, program: str) -> Path:
        return self.folder / f"{program}{self.suffix}"

    def check(self) -> None:
        """Raises Failed when what it needs is missing."""

    def prepare(self, library: Library, out: Path) -> Dict[str, str]:
        """Builds all programs; what went wrong, by program."""
        return {}

    def command(self, program: str, out: Path) -> List[str]:
        raise NotImplementedError

    def environment(self, library: Library) -> Dict[str, str]:
        """What its programs need beside the demonstration's own environment."""
        return {}


class C(Language):
    name, key, suffix = "C", "c", ".c"
    again: ClassVar[Dict[str, str]] = dict.fromkeys(IN_PROCESSES, "processes")

    def compiler(self) -> List[str]:
        return shlex.split(os.environ.get("CC") or "cc")

    def check(self) -> None:
        compiler = self.compiler()[0]
        if shutil.which(compiler) is None:
            raise Failed(f"the C compiler {compiler} is missing; install one: sudo apt-get install gcc libc6-dev")

    def prepare(self, library: Library, out: Path) -> Dict[str, str]:
        print(f"{shlex.join(self.compiler())}: {len(self.programs())} examples in {self.name}", flush=True)
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as threads:
            said = threads.map(lambda program: self.compile(program, library, out), self.programs())
        return {program: text for program, text in zip(self.programs(), said) if text is not None}

    def flags(self, program: str) -> List[str]:
        return ["-std=c11"]

    def compile(self, program: str, library: Library, out: Path) -> Optional[str]:
        """Returns what the compiler said if it refused."""
        command = [*self.compiler(), *self.flags(program), "-O2", f"-I{library.include}", str(self.source(program))]
        command += ["-o", *self.command(program, out), f"-L{library.folder}", "-lmillpond", "-lm"]
        command += [f"-Wl,-rpath,{library.folder}", "-pthread"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return None if done.returncode == 0 else f"{shlex.join(command)}\n{done.stdout}"

    def command(self, program: str, out: Path) -> List[str]:
        return [str(out / program)]


class Cpp(C):
    name, key, suffix = "C++", "cpp", ".cpp"
    again: ClassVar[Dict[str, str]] = {}  # in C they are: what runs is the same library

    def compiler(self) -> List[str]:
        return shlex.split(os.environ.get("CXX") or "c++")

    def check(self) -> None:
        compiler = self.compiler()[0]
        if shutil.which(compiler) is None:
            raise Failed(f"the C++ compiler {compiler} is missing; install one: sudo apt-get install g++")

    def flags(self, program: str) -> List[str]:
        standard = "c++20" if program in ("coroutines", "round_robin") else "c++17"
        return [f"-std={standard}", f"-I{ROOT / 'bindings' / 'cpp' / 'include'}"]


class Python(Language):
    name, key, suffix = "Python", "python", ".py"
    again: ClassVar[Dict[str, str]] = {"map": "threads"}
    large = ()  # the course's size takes the interpreter ten minutes

    def command(self, program: str, out: Path) -> List[str]:
        return [sys.executable, str(self.source(program))]

    def environment(self, library: Library) -> Dict[str, str]:
        return {"MILLPOND_LIBRARY": str(library.folder / "libmillpond.so")}


LANGUAGES: Dict[str, Language] = {language.name: language for language in (C(), Cpp(), Python())}


def build_library() -> Path:
    """Returns the folder of libmillpond.so."""
    override = os.environ.get("MILLPOND_LIBDIR")
    if override:
        return Path(override).resolve()
    cargo = shutil.which("cargo") or shutil.which("cargo", path=str(Path.home() / ".cargo" / "bin"))
    if cargo is None:
        raise Failed("cargo is missing; install Rust: curl --proto '=https' -sSf https://sh.rustup.rs | sh")
    print("cargo build --release", flush=True)
    if subprocess.run([cargo, "build", "--release"], cwd=ROOT, check=False).returncode != 0:
        raise Failed("cargo build --release failed")
    return ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / "release"


def link_library(built: Path, out: Path) -> Library:
    """Puts links to the library, under all its names, into a folder of their own."""
    library = built / "libmillpond.so"
    if not library.exists():
        raise Failed(f"{library} is missing")
    folder = out / "lib"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = {library.name, *(name.decode() for name in re.findall(rb"libmillpond\.so\.\d+", library.read_bytes()))}
    for name in names:
        (folder / name).symlink_to(library)
    return Library(Path(os.environ.get("MILLPOND_INCLUDE") or ROOT / "include").resolve(), folder)
