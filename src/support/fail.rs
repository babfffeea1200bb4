//! Points at which a test lets a process die: compiled in only with the feature `failpoints`.
//!
//! `MILLPOND_FAILPOINTS` is a list like `claimed=1/50,done=1/100`: at each passing of the point
//! `claimed` the process gets SIGKILL with a chance of 1 in 50.

/// Dies here, if the environment says so.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn point(_name: &str) {}

/// Dies here, if the environment says so.
#[cfg(feature = "failpoints")]
pub fn point(name: &str) {
    use std::cell::Cell;
    thread_local! {
        static SEED: Cell<u64> = const { Cell::new(0) };
    }
    let Ok(text) = std::env::var("MILLPOND_FAILPOINTS") else { return };
    let odds = text.split(',').find_map(|one| one.strip_prefix(name)?.strip_prefix("=1/"));
    let Some(odds) = odds.and_then(|odds| odds.parse::<u64>().ok()) else { return };
    let mut seed = SEED.get();
    if seed == 0 {
        seed = u64::from(std::process::id()) << 20 | 1;
    }
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    SEED.set(seed);
    if seed % odds.max(1) == 0 {
        crate::sys::children::kill(std::process::id().cast_signed());
        crate::sys::limits::pause_for_ever();
    }
}
