"""The package as other builds meet it: installed and found, added as a source folder, named by pkg-config."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from consume import (
    CONSUMER,
    OUT,
    ROOT,
    SQUARES,
    TARGET_DIR,
    call,
    cmake_build,
    fresh,
    libdir,
    package_env,
    prefix,
    program_of,
    stand_in,
    tool,
    tree,
    version,
)

NATIVE = f"-DMILLPOND_TARGET_DIR={TARGET_DIR}"
needs_pkg_config = pytest.mark.skipif(shutil.which("pkg-config") is None, reason="pkg-config is not installed")
needs_ninja = pytest.mark.skipif(shutil.which("ninja") is None, reason="ninja is not installed")
GENERATORS = ["Unix Makefiles", pytest.param("Ninja", marks=needs_ninja)]


def cpp_headers() -> list[str]:
    folder = ROOT / "bindings" / "cpp" / "include"
    found = [str(path.relative_to(folder)) for path in folder.rglob("*.hpp")]
    assert "millpond.hpp" in found
    return found


def check_programs(build: Path) -> None:
    for program in ["c_millpond", "cpp_millpond", "hpp_millpond", "c_millpond_static", "cpp_millpond_static"]:
        assert call(build / program).stdout.strip() == SQUARES, program
    needed = call("ldd", build / "c_millpond_static").stdout
    assert "libmillpond" not in needed


def test_the_installed_tree() -> None:
    lib = str(libdir(prefix()).relative_to(prefix()))
    number = version()
    major = number.split(".")[0]
    assert tree(prefix()) == {
        "include/millpond.h": "file",
        "include/millpond_prefixed.h": "file",
        **{f"include/{name}": "file" for name in cpp_headers()},
        f"{lib}/libmillpond.a": "file",
        f"{lib}/libmillpond.so": f"libmillpond.so.{major}",
        f"{lib}/libmillpond.so.{major}": f"libmillpond.so.{number}",
        f"{lib}/libmillpond.so.{number}": "file",
        f"{lib}/pkgconfig/millpond.pc": "file",
        f"{lib}/cmake/millpond/millpondConfig.cmake": "file",
        f"{lib}/cmake/millpond/millpondConfigVersion.cmake": "file",
        "share/doc/millpond/LICENSE-APACHE": "file",
        "share/doc/millpond/LICENSE-MIT": "file",
    }


def test_the_soname_is_the_link_s_name() -> None:
    so = libdir(prefix()) / "libmillpond.so"
    dynamic = call("readelf", "-d", so).stdout
    found = re.search(r"SONAME.*\[(.*)\]", dynamic)
    assert found is not None
    assert found.group(1) == f"libmillpond.so.{version().split('.')[0]}"


def test_nothing_installed_names_the_place_it_was_built_in() -> None:
    for name, kind in tree(prefix()).items():
        if kind == "file" and not name.endswith((".a", f".so.{version()}")):
            text = (prefix() / name).read_text()
            assert str(ROOT) not in text, name
            assert str(prefix()) not in text, name


def test_cmake_installs_what_make_installs() -> None:
    build, target = fresh("install-build"), fresh("install")
    cmake_build(ROOT, build, NATIVE)
    call(tool("cmake"), "--install", build, "--prefix", target)
    assert tree(target) == tree(prefix())


def test_destdir_holds_the_same_tree() -> None:
    stage = fresh("stage")
    call("make", "install", "PREFIX=/opt/millpond", f"DESTDIR={stage}")
    assert tree(stage / "opt" / "millpond") == tree(prefix())


@pytest.mark.parametrize("generator", GENERATORS)
def test_find_package(generator: str) -> None:
    build = fresh(f"find-{generator.split()[-1]}")
    cmake_build(CONSUMER, build, f"-DCMAKE_PREFIX_PATH={prefix()}", "-G", generator)
    check_programs(build)


def test_find_package_after_the_tree_has_moved() -> None:
    moved = fresh("moved") / "elsewhere"
    shutil.copytree(prefix(), moved, symlinks=True)
    build = fresh("find-moved")
    cmake_build(CONSUMER, build, f"-DCMAKE_PREFIX_PATH={moved}")
    check_programs(build)
    assert str(moved) in call("ldd", build / "c_millpond").stdout


@pytest.mark.parametrize(("wanted", "good"), [("same", True), ("next minor", False), ("next major", False)])
def test_version_asked_for(wanted: str, good: bool) -> None:
    major, minor, _ = map(int, version().split("."))
    number = {"same": f"{major}.{minor}", "next minor": f"{major}.{minor + 1}", "next major": f"{major + 1}.0"}[wanted]
    build = fresh(f"version-{number}")
    done = call(
        tool("cmake"), "-S", CONSUMER, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix()}", f"-DMILLPOND_WANTED={number}",
        fails=not good,
    )  # fmt: skip
    if not good:
        assert f"version: {version()}" in done.stderr


@pytest.mark.parametrize("generator", GENERATORS)
def test_add_subdirectory(generator: str) -> None:
    build = fresh(f"add-{generator.split()[-1]}")
    cmake_build(CONSUMER, build, f"-DMILLPOND_SOURCE={ROOT}", NATIVE, "-G", generator)
    check_programs(build)


def test_add_subdirectory_builds_and_installs_on_its_own() -> None:
    """Once without cargo's folder of this repository, as a stranger's build has it."""
    build, target = fresh("add-alone"), fresh("add-alone-installed")
    cmake_build(CONSUMER, build, f"-DMILLPOND_SOURCE={ROOT}")
    check_programs(build)
    call(tool("cmake"), "--install", build, "--prefix", target)
    assert call(target / "bin" / "c_millpond").stdout.strip() == SQUARES
    shutil.rmtree(build)


@needs_pkg_config
def test_pkg_config() -> None:
    work = fresh("pkg-config")
    shutil.copy(CONSUMER / "squares.c", work / "prog.c")
    env = package_env(prefix())
    call("sh", "-c", "cc prog.c $(pkg-config --cflags --libs millpond)", cwd=work, env=env)
    assert call(work / "a.out", env=env).stdout.strip() == SQUARES
    assert call("pkg-config", "--modversion", "millpond", env=env).stdout.strip() == version()


@needs_pkg_config
@pytest.mark.parametrize("compiler", ["cc", "clang"])
def test_pkg_config_static(compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    work = fresh(f"pkg-config-static-{compiler}")
    shutil.copy(CONSUMER / "squares.c", work / "prog.c")
    env = {"PKG_CONFIG_PATH": package_env(prefix())["PKG_CONFIG_PATH"]}
    call("sh", "-c", f"{compiler} -static prog.c $(pkg-config --static --cflags --libs millpond)", cwd=work, env=env)
    assert call(work / "a.out").stdout.strip() == SQUARES
    assert call("ldd", work / "a.out", fails=True).stdout.strip() in {"", "not a dynamic executable"}


@needs_pkg_config
def test_the_system_libraries_are_those_that_rust_asks_for() -> None:
    work = fresh("native-libs")
    (work / "empty.rs").write_text("")
    command = ["rustc", "--crate-type", "staticlib", "--print", "native-static-libs", "empty.rs"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=True)
    asked = re.search(r"native-static-libs: (.*)", done.stderr)
    assert asked is not None, done.stderr
    env = package_env(prefix())
    given = set(call("pkg-config", "--static", "--libs-only-l", "millpond", env=env).stdout.split()) - {"-lmillpond"}
    # The compiler driver adds these itself.
    assert set(asked.group(1).split()) - {"-lc", "-lgcc_s"} <= given


def printed_by(build: Path) -> str:
    return call(build / "program").stdout.strip()


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_changed_source_is_built_again_and_an_unchanged_one_is_not(generator: str) -> None:
    short = generator.split()[-1]
    source = stand_in(f"standin-{short}")
    program, build = program_of(source), fresh(f"standin-{short}-build")
    cmake_build(program, build, "-G", generator)
    assert printed_by(build) == "1"

    built = build / "millpond" / "lib" / "libmillpond.so.3.4.5"
    before = built.stat().st_mtime_ns
    cmake_build(program, build)
    assert built.stat().st_mtime_ns == before

    lib = source / "src" / "lib.rs"
    lib.write_text(lib.read_text().replace("    1\n", "    2\n"))
    cmake_build(program, build)
    assert printed_by(build) == "2"

    (source / "src" / "three.rs").write_text("pub const NUMBER: core::ffi::c_int = 3;\n")
    lib.write_text("mod three;\n" + lib.read_text().replace("    2\n", "    three::NUMBER\n"))
    cmake_build(program, build)
    assert printed_by(build) == "3"


def test_the_version_is_cargo_s() -> None:
    source = stand_in("standin-version", "7.8.9")
    build, target = fresh("standin-version-build"), fresh("standin-version-installed")
    cmake_build(source, build)
    call(tool("cmake"), "--install", build, "--prefix", target)
    assert (libdir(target) / "libmillpond.so").resolve().name == "libmillpond.so.7.8.9"
    assert (libdir(target) / "libmillpond.so.7").exists()
    assert "Version: 7.8.9" in (libdir(target) / "pkgconfig" / "millpond.pc").read_text()


@pytest.mark.parametrize("folder", ["lib64", "lib/some-triple"])
def test_other_library_folders(folder: str) -> None:
    source = stand_in("standin-libdir")
    build, target = fresh("standin-libdir-build"), fresh("standin-libdir-installed")
    cmake_build(source, build, f"-DCMAKE_INSTALL_LIBDIR={folder}")
    call(tool("cmake"), "--install", build, "--prefix", target)
    assert libdir(target) == target / folder
    pc = (libdir(target) / "pkgconfig" / "millpond.pc").read_text()
    here = re.search(r"^prefix=\$\{pcfiledir\}/(.*)$", pc, re.MULTILINE)
    assert here is not None, pc
    assert (libdir(target) / "pkgconfig" / here.group(1)).resolve() == target.resolve()


def test_an_environment_that_redirects_cargo_does_no_harm() -> None:
    source = stand_in("standin-env")
    host = re.search(r"host: (\S+)", call("rustc", "-vV").stdout)
    assert host is not None
    env = {"CARGO_BUILD_TARGET": host.group(1), "CARGO_TARGET_DIR": str(OUT / "standin-env-target")}
    build = fresh("standin-env-build")
    cmake_build(program_of(source), build, env=env)
    assert printed_by(build) == "1"


def test_without_cargo_the_message_says_what_to_do() -> None:
    source, build = stand_in("standin-no-cargo"), fresh("no-cargo")
    # An empty answer stands for a search that found nothing, wherever this machine keeps its cargo.
    done = call(tool("cmake"), "-S", source, "-B", build, "-DMILLPOND_CARGO=", fails=True)
    assert "cargo was not found" in done.stderr
    assert "rustup.rs" in done.stderr
