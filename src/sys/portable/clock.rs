//! The clock of this process, the only one there is.

use std::{sync::OnceLock, time::Instant};

/// Nanoseconds since it was first asked.
pub fn now() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let passed = FIRST.get_or_init(Instant::now).elapsed();
    u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
}
