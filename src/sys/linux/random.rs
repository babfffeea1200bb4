#![allow(unsafe_code)]
//! Numbers that nobody can guess.

use std::time::{SystemTime, UNIX_EPOCH};

/// A number that nobody can guess, or at least no process has twice.
pub fn number() -> u64 {
    let mut seed = 0_u64;
    // SAFETY: writes at most eight bytes into a live variable.
    let got = unsafe { libc::getrandom((&raw mut seed).cast(), 8, 0) };
    if got == 8 {
        return seed;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64);
    now ^ u64::from(std::process::id()) << 40
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_number_comes_twice() {
        assert_ne!(super::number(), super::number());
    }
}
