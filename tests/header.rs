//! `include/millpond.h` is what the sources generate; `make header` writes it anew.
#![cfg(feature = "header")]

const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/millpond.h"));

#[test]
fn the_header_is_what_the_sources_generate() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/include/millpond.h");
    if std::env::var_os("MILLPOND_BLESS").is_some() {
        std::fs::write(path, GENERATED).expect("writing the header");
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    let differs = checked_in.lines().zip(GENERATED.lines()).position(|(old, new)| old != new);
    assert!(
        checked_in == GENERATED,
        "include/millpond.h differs from its sources (first at line {:?}); run `make header`",
        differs.map(|line| line + 1)
    );
}
