"""The repository keeps the rules of the house, and each rule notices when it is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from rules import RULES

ROOT = Path(__file__).resolve().parent.parent.parent

CLEAN = {
    "src/lib.rs": "#[cfg(not(loom))]\npub mod capi;\nmod pool;\n#[cfg(all(test, loom))]\nmod models;\n",
    "src/models/mod.rs": "use crate::threads::sleep;\nuse loom::sync::atomic::AtomicBool;\nmod deep;\n",
    "src/models/deep.rs": "use crate::{pool, threads};\nuse std::thread;\n",
    "src/capi/call.rs": "#![allow(unsafe_code)]\nuse crate::{pool::task::Task, support};\n"
    "#[unsafe(no_mangle)]\nextern fn pool_f() {\n    // SAFETY: it is.\n    unsafe { g() };\n}\n",
    "src/pool/mod.rs": "use crate::support::sync::{AtomicU32, Mutex};\n"
    '// as crate::threads does, std::thread and unsafe { }\nconst A: &str = "crate::threads unsafe {";\n'
    "type F = unsafe extern \"C\" fn(*const ());\nfn f<'a>(x: &'a str) -> char { '\"' }\n"
    "#[cfg(test)]\nmod tests {\n    use std::thread;\n    use super::F;\n}\n#[cfg(loom)]\nmod models;\n",
    "src/pool/models.rs": "use loom::model;\n",
    "src/compose.rs": "use crate::{procs, threads};\n",
    "src/threads/worker.rs": "#![allow(unsafe_code)]\nuse crate::{pool::Engine, sys::futex};\nuse super::deque;\n"
    "// SAFETY: nobody\n// else does.\n#[cfg(unix)]\nunsafe impl Send for X {}\n",
    "src/support/sync.rs": "pub use std::sync::atomic::AtomicU32;\nuse crate::sys::futex;\n",
    "src/sys/linux.rs": "use libc::syscall;\nuse std::sync::Mutex;\n",
    "README.md": "See https://example.com/home/page, `./work/x`, and colour #12ab34; read docs/tmp.\n",
    "Cargo.lock": 'source = "registry+https://github.com/rust-lang/crates.io-index"\n',
}

PLANTED = [
    ("directions", "src/pool/a.rs", "use crate::threads::Engine;\n", "pool names threads"),
    ("directions", "src/pool/a.rs", "use crate::{support, sys::futex};\n", "pool names sys"),
    ("directions", "src/threads/a.rs", "fn f() { crate::procs::g() }\n", "threads names procs"),
    ("directions", "src/procs/a/b.rs", "use super::super::super::threads;\n", "procs names threads"),
    ("directions", "src/capi/a.rs", "use crate::{pool::{self}, threads as t};\n", "capi names threads"),
    ("directions", "src/capi/a.rs", "use crate::sys;\n", "capi names sys"),
    ("directions", "src/sys/a.rs", "use crate::support::spin;\n", "sys names support"),
    ("directions", "src/support/a.rs", "use crate::pool::Task;\n", "support names pool"),
    ("directions", "src/cellar/a.rs", "\n", "no layer"),
    ("confinement", "src/pool/a.rs", "fn f() { libc::getpid(); }\n", "libc belongs to sys"),
    ("confinement", "src/capi/mod.rs", "use std::thread;\n", "std::thread belongs"),
    ("confinement", "src/capi/a.rs", "use std::sync::{Arc, Condvar};\n", "std::sync::Condvar belongs"),
    ("confinement", "src/threads/a.rs", "use core::sync::atomic::AtomicBool;\n", "core::sync::atomic belongs"),
    ("confinement", "src/pool/a.rs", "fn f() { std::thread::spawn(g); }\n", "std::thread belongs"),
    ("confinement", "src/threads/a.rs", "use loom::model;\n", "loom belongs to support"),
    ("confinement", "src/threads/a.rs", "use shuttle::sync::Arc;\n", "shuttle belongs to support"),
    ("unsafe by name", "src/pool/a.rs", "fn f() {\n    // SAFETY: yes.\n    unsafe { g() }\n}\n", "unsafe without"),
    ("unsafe by name", "src/pool/a.rs", "pub unsafe fn f() {}\n", "unsafe without"),
    ("unsafe by name", "src/lib.rs", "#![allow(unsafe_code)]\nfn f() { unsafe { g() } }\n", "no place"),
    ("unsafe by name", "src/pool/a.rs", "#![allow(unsafe_code)]\nfn f() {}\n", "no place"),
    ("unsafe by name", "src/pool/mod.rs", "#[allow(unsafe_code)]\npub mod f;\nfn f() { unsafe { g() } }\n", "no place"),
    ("unsafe by name", "src/pool/mod.rs", "#![allow(unsafe_code)]\nfn f() { unsafe { g() } }\n", "no place"),
    ("unsafe has reasons", "src/pool/a.rs", "fn f() {\n    let a = unsafe { g() };\n}\n", "a.rs:2: no // SAFETY:"),
    ("unsafe has reasons", "src/pool/a.rs", "// SAFETY: x.\nlet a = 1;\nunsafe { g() };\n", "a.rs:3: no // SAFETY:"),
    ("unsafe has reasons", "src/pool/a.rs", "// About X.\nunsafe impl Send for X {}\n", "a.rs:2: no // SAFETY:"),
    ("length", "src/pool/a.rs", "\n" * 451, "451 lines"),
    ("machine paths", "docs/a.md", "Built in `/work/main`.\n", "a path of one machine"),
    ("machine paths", "tests/a.py", 'open("/tmp/x")\n', "a path of one machine"),
    ("registries", "tools/a.txt", "--index-url=https://mirror.corp/simple\n", "a registry"),
    ("registries", "docs/a.md", "From http://nexus:8081/pypi.\n", "a registry"),
    ("issue numbers", "src/pool/a.rs", "// See #12.\n", "means nothing here"),
    ("issue numbers", "docs/a.md", "Fixes issue #3\n", "means nothing here"),
    ("crates", "Cargo.lock", 'source = "registry+https://mirror.example/index"\n', "Cargo.lock:1"),
]


def write(root: Path, tree: dict[str, str]) -> None:
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("rule", RULES)
def test_the_house_is_in_order(rule: str) -> None:
    found = list(RULES[rule](ROOT))
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_found_in_a_clean_house(rule: str, tmp_path: Path) -> None:
    write(tmp_path, CLEAN)
    assert list(RULES[rule](tmp_path)) == []


@pytest.mark.parametrize(("rule", "name", "text", "message"), PLANTED)
def test_a_planted_violation_is_found(rule: str, name: str, text: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, {**CLEAN, name: text})
    found = list(RULES[rule](tmp_path))
    assert len(found) == 1, found
    assert message in found[0]
