//! Gives the shared library its SONAME, with the feature `prefix` its symbols a prefix and, with
//! the feature `header`, generates the C headers.

use std::{fs, path::Path};

/// What the feature `prefix` puts before the names of all symbols.
const PREFIX: &str = "millpond_";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target != "macos" && target != "windows" {
        let major = env("CARGO_PKG_VERSION_MAJOR");
        let suffix = if cfg!(feature = "prefix") { "_prefixed" } else { "" };
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libmillpond{suffix}.so.{major}");
    }
    if cfg!(feature = "prefix") {
        prefix_symbols();
    }
    #[cfg(feature = "header")]
    header::generate();
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}

/// Writes a copy of the C layer to OUT_DIR in which each exported function has its symbol with the
/// prefix; `src/lib.rs` takes it in place of `src/capi`.
fn prefix_symbols() {
    let (from, to) = (Path::new("src/capi"), Path::new(&env("OUT_DIR")).join("capi"));
    println!("cargo:rerun-if-changed=src/capi");
    // Files that are gone from the sources must not stay in the copy.
    let _ = fs::remove_dir_all(&to);
    fs::create_dir_all(&to).expect("a folder in OUT_DIR");
    for entry in fs::read_dir(from).expect("src/capi") {
        let path = entry.expect("a file of src/capi").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source of the C layer");
            let copy = to.join(path.file_name().expect("a file's name"));
            fs::write(copy, with_prefix(&text)).expect("writing to OUT_DIR");
        }
    }
    let root = format!("#[path = {:?}]\npub mod capi;\n", to.join("mod.rs"));
    fs::write(to.with_extension("rs"), root).expect("writing to OUT_DIR");
}

fn with_prefix(text: &str) -> String {
    let mut parts = text.split("#[unsafe(no_mangle)]");
    let mut copy = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = part.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
        let (name, _) = name.expect("no_mangle stands before a function");
        copy.push_str(&format!("#[unsafe(export_name = \"{PREFIX}{name}\")]{part}"));
    }
    copy
}

#[cfg(feature = "header")]
mod header {
    use super::{PREFIX, env};
    use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};
    use std::path::Path;

    /// One noun, one file, one section of the header, in the order a newcomer reads them.
    const SECTIONS: &[(&str, &[&str], &str)] = &[
        ("Statuses", &["pool/codes.rs"], ""),
        ("Handles", &["capi/handle.rs"], ""),
        ("Tasks and outcomes", &["pool/abi.rs"], ""),
        ("The simple calls", &["capi/simple.rs"], ""),
        ("Loops, sums, sorts", &["pool/callables.rs", "capi/loops.rs", "capi/sort.rs"], ""),
        ("Closing a pool", &["capi/close.rs"], ""),
        ("Errors", &["capi/errors.rs"], ""),
        ("Submitting without waiting", &["capi/submit.rs"], ""),
        ("Futures", &["capi/future.rs"], ""),
        ("Waiting for several futures", &["capi/wait.rs"], ""),
        ("Continuations", &["capi/then.rs"], ""),
        ("Groups", &["capi/group.rs"], ""),
        ("Cancel tokens", &["capi/token.rs"], ""),
        ("Inside a task", &["capi/task.rs"], ""),
        ("Blocking sections", &["capi/blocking.rs"], ""),
        ("Fork-join inside a task", &["capi/join.rs"], include_str!("src/capi/join_inline.h")),
        ("Options of a pool", &["capi/options.rs"], ""),
        ("The number of workers", &["capi/workers.rs"], ""),
        ("Something that every worker does once", &["capi/broadcast.rs"], ""),
        ("Calls in full", &["capi/call.rs"], ""),
        ("Periodic tasks", &["capi/periodic.rs"], ""),
        ("Maps over several arrays", &["capi/starmap.rs"], ""),
        ("Maps from a producer to a consumer", &["capi/imap.rs"], ""),
        ("Callbacks on a thread of your choice", &["capi/poll.rs"], ""),
        ("Memory that all workers share", &["capi/shared.rs"], ""),
        ("Processes", &["capi/processes.rs"], ""),
        ("Locks", &["capi/lock.rs"], ""),
        ("Conditions", &["capi/condition.rs"], ""),
        ("Events", &["capi/event.rs"], ""),
        ("Semaphores", &["capi/semaphore.rs"], ""),
        ("Barriers", &["capi/barrier.rs"], ""),
        ("Counters", &["capi/counter.rs"], ""),
        ("Queues", &["capi/queue.rs"], ""),
        ("One function in a process of its own", &["capi/spawn.rs"], ""),
        ("Values of each worker's own", &["capi/local.rs"], ""),
        ("What happens in pools", &["capi/log.rs"], ""),
        ("A pool in numbers", &["capi/stats.rs"], ""),
        (
            "Private to pool_map()",
            &["pool/sweep.rs", "capi/sweep.rs"],
            include_str!("src/capi/sweep_inline.h"),
        ),
        ("Version", &["capi/version.rs"], ""),
    ];

    pub fn generate() {
        let root = env("CARGO_MANIFEST_DIR");
        println!("cargo:rerun-if-changed=src");
        let prologue = std::fs::read_to_string(Path::new(&root).join("src/capi/prologue.h"))
            .expect("src/capi/prologue.h");
        let mut text = prologue;
        for name in ["MAJOR", "MINOR", "PATCH"] {
            let value = env(&format!("CARGO_PKG_VERSION_{name}"));
            text.push_str(&format!("#define POOL_VERSION_{name} {value}\n"));
        }
        text.push_str("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
        for (title, files, macros) in SECTIONS {
            let rule = "-".repeat(66usize.saturating_sub(title.len()));
            text.push_str(&format!("\n/* ---- {title} {rule} */\n"));
            for file in *files {
                let section = section(&Path::new(&root).join("src").join(file));
                text.push('\n');
                text.push_str(section.trim());
                text.push('\n');
                text.push_str(&initialisers(&Path::new(&root).join("src").join(file)));
            }
            if !macros.is_empty() {
                text.push('\n');
                text.push_str(macros);
            }
        }
        text.push_str(
            "\n#ifdef __cplusplus\n} /* extern \"C\" */\n#endif\n\n#endif /* MILLPOND_PREFIX */\n\n\
             #endif /* MILLPOND_H */\n",
        );
        let out = env("OUT_DIR");
        let write = |name: &str, text: &str| {
            std::fs::write(Path::new(&out).join(name), text).expect("writing to OUT_DIR");
        };
        write("millpond.h", &text);
        write("millpond_prefixed.h", &prefixed(&text));
    }

    /// The header in which every name has the prefix, without the manual.
    fn prefixed(text: &str) -> String {
        let (_, body) = text.split_once("#else\n").expect("the part without MILLPOND_PREFIX");
        let (body, _) = body.rsplit_once("#endif /* MILLPOND_PREFIX */").expect("its end");
        let mut code = String::new();
        for (at, part) in body.split("/*").enumerate() {
            code.push_str(if at == 0 { part } else { part.split_once("*/").map_or("", |it| it.1) });
        }
        let lines: Vec<&str> =
            code.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let mut renamed = String::from(PREFIXED_PROLOGUE);
        for word in lines.join("\n").split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
            match word.get(..5) {
                Some("pool_") => renamed.push_str(PREFIX),
                Some("POOL_") => renamed.push_str(&PREFIX.to_uppercase()),
                _ => (),
            }
            renamed.push_str(word);
        }
        renamed.push_str("\n#endif\n");
        renamed
    }

    const PREFIXED_PROLOGUE: &str = "\
/* millpond_prefixed.h: millpond.h for programs in which names like pool_create are taken.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 * Generated from millpond.h by `make header`. That is the manual: each name there is one here, behind millpond_ or
 * MILLPOND_. It belongs to the library built with the feature prefix, libmillpond_prefixed, and holds no other name.
 * It is what millpond.h includes where MILLPOND_PREFIX is defined. */
#ifndef MILLPOND_PREFIXED_H
#define MILLPOND_PREFIXED_H
";

    fn section(source: &Path) -> String {
        let config = Config {
            language: Language::C,
            style: Style::Both,
            no_includes: true,
            usize_is_size_t: true,
            documentation_style: DocumentationStyle::Doxy,
            line_length: 100,
            tab_width: 2,
            export: cbindgen::ExportConfig { include: types(source), ..Default::default() },
            ..Config::default()
        };
        let mut text = Vec::new();
        Builder::new()
            .with_config(config)
            .with_src(source)
            .generate()
            .unwrap_or_else(|error| panic!("{}: {error}", source.display()))
            .write(&mut text);
        tidy(&String::from_utf8(text).expect("the header is text"))
    }

    /// The types that a file defines: the generator leaves out those that no function of the
    /// same file mentions.
    fn types(source: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(source).expect("a source of the header");
        let words = |line: &str| {
            let rest = line.strip_prefix("pub struct ").or(line.strip_prefix("pub type "))?;
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
        };
        text.lines().filter_map(words).collect()
    }

    /// The macros that begin the structs of a file which callers fill: those that begin with their
    /// size. All else is 0.
    fn initialisers(source: &Path) -> String {
        let source = std::fs::read_to_string(source).expect("a source of the header");
        let mut macros = String::new();
        for body in source.split("\npub struct ").skip(1) {
            let (name, fields) = body.split_once(" {\n").expect("a struct");
            let fields = fields.split("\n}").next().unwrap_or_default();
            if !fields.contains("pub struct_size: usize") {
                continue;
            }
            let count = fields.lines().filter(|line| line.starts_with("    pub ")).count();
            let zeros = vec!["0"; count - 1].join(", ");
            let noun = name.trim_start_matches("pool_").trim_end_matches("_t").to_uppercase();
            let text = format!("{{ sizeof({name}), {zeros} }}");
            let mut lines = vec![String::new()];
            for word in text.split(' ') {
                if lines.last().is_some_and(|line| line.len() + word.len() > 88) {
                    lines.push(String::new());
                }
                let line = lines.last_mut().expect("a line");
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(word);
            }
            macros.push_str(&format!(
                "\n/* The value to begin a {name} with. */\n#define POOL_{noun}_INIT \\\n  {}\n",
                lines.join(" \\\n    ")
            ));
        }
        macros
    }

    /// Comments of one sentence on one line; constants that are safe inside expressions.
    fn tidy(text: &str) -> String {
        let lines: Vec<&str> = text.lines().collect();
        let mut tidied = String::new();
        let mut at = 0;
        while at < lines.len() {
            let line = lines[at];
            let short = lines.get(at + 2).is_some_and(|end| end.trim() == "*/");
            if line.trim() == "/**" && short {
                let body = lines[at + 1].replacen("* ", "", 1);
                let indent = &line[..line.len() - line.trim_start().len()];
                tidied.push_str(&format!("{indent}/** {} */\n", body.trim()));
                at += 3;
                continue;
            }
            match line.strip_prefix("#define ").and_then(|rest| rest.split_once(' ')) {
                Some((name, value)) if value.starts_with('-') => {
                    tidied.push_str(&format!("#define {name} ({value})\n"));
                }
                Some((name, value)) if value.parse::<i32>().is_err() => {
                    tidied.push_str(&format!("#define {name} {value}u\n"));
                }
                _ => {
                    tidied.push_str(line);
                    tidied.push('\n');
                }
            }
            at += 1;
        }
        tidied
    }
}
