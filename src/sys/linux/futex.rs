#![allow(unsafe_code)]
//! `futex(2)`: words of this process, and words that processes share.

use std::{
    ptr,
    sync::atomic::AtomicU32,
    time::{Duration, Instant},
};

/// Sleeps while `word` holds `expected`, at most until `deadline`; may return early.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Instant>) {
    wait_with(libc::FUTEX_PRIVATE_FLAG, word, expected, deadline);
}

/// As `wait`, on a word in memory that processes share.
pub fn wait_shared(word: &AtomicU32, expected: u32, deadline: Option<Instant>) {
    wait_with(0, word, expected, deadline);
}

fn wait_with(flag: i32, word: &AtomicU32, expected: u32, deadline: Option<Instant>) {
    let timeout = deadline.map(|at| timespec(at.saturating_duration_since(Instant::now())));
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the word and the time live across the call; FUTEX_WAIT only reads both. Every
    // outcome (woken, value changed, interrupted, timed out) is one the caller loops on.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT | flag, expected, timeout);
    }
}

/// Wakes up to `count` threads that sleep on `word`. The word is only an address here: it may
/// already be gone.
pub fn wake(word: *const AtomicU32, count: i32) {
    wake_with(libc::FUTEX_PRIVATE_FLAG, word, count);
}

/// As `wake`, for threads of all processes that share the word.
pub fn wake_shared(word: *const AtomicU32, count: i32) {
    wake_with(0, word, count);
}

fn wake_with(flag: i32, word: *const AtomicU32, count: i32) {
    // SAFETY: FUTEX_WAKE does not read the memory behind the address.
    unsafe {
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE | flag, count);
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
