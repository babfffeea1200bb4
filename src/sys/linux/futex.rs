#![allow(unsafe_code)]
//! `futex(2)`, private to the process.

use std::{
    ptr,
    sync::atomic::AtomicU32,
    time::{Duration, Instant},
};

/// Sleeps while `word` holds `expected`, at most until `deadline`; may return early.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Instant>) {
    let timeout = deadline.map(|at| timespec(at.saturating_duration_since(Instant::now())));
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the word and the time live across the call; FUTEX_WAIT only reads both. Every
    // outcome (woken, value changed, interrupted, timed out) is one the caller loops on.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            expected,
            timeout,
        );
    }
}

/// Wakes up to `count` threads that sleep on `word`. The word is only an address here: it may
/// already be gone.
pub fn wake(word: *const AtomicU32, count: i32) {
    // SAFETY: FUTEX_WAKE does not read the memory behind the address.
    unsafe {
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, count);
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
