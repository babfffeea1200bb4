//! The headers in `include` are what the sources generate; `make header` writes them anew.
#![cfg(feature = "header")]

fn check(name: &str, generated: &str) {
    let path = format!("{}/include/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("MILLPOND_BLESS").is_some() {
        std::fs::write(&path, generated).expect("writing the header");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = checked_in.lines().zip(generated.lines()).position(|(old, new)| old != new);
    assert!(
        checked_in == generated,
        "include/{name} differs from its sources (first at line {:?}); run `make header`",
        differs.map(|line| line + 1)
    );
}

#[test]
fn the_header_is_what_the_sources_generate() {
    check("millpond.h", include_str!(concat!(env!("OUT_DIR"), "/millpond.h")));
}

#[test]
fn the_header_with_prefixes_is_what_the_sources_generate() {
    check("millpond_prefixed.h", include_str!(concat!(env!("OUT_DIR"), "/millpond_prefixed.h")));
}
