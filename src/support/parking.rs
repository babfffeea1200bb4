//! `sys::futex` for shuttle: who sleeps stands in one list, under one lock.

use super::sync::{AtomicU32, Mutex, Ordering, lock, thread};
use shuttle::sync::Condvar;
use std::{sync::Arc, time::Instant};

/// A thread that sleeps on the word at that address.
struct Sleeper {
    word: usize,
    woken: Arc<Condvar>,
}

shuttle::lazy_static! {
    static ref SLEEPERS: Mutex<Vec<Sleeper>> = Mutex::new(Vec::new());
}

/// As `sys::futex::wait`. Shuttle knows no time: a wait that has a deadline returns at once, for no
/// reason, and its caller asks the clock.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Instant>) {
    if deadline.is_some() {
        thread::yield_now();
        return;
    }
    let mut sleepers = lock(&SLEEPERS);
    if word.load(Ordering::SeqCst) != expected {
        return;
    }
    let woken = Arc::new(Condvar::new());
    sleepers.push(Sleeper { word: std::ptr::from_ref(word) as usize, woken: Arc::clone(&woken) });
    while sleepers.iter().any(|sleeper| Arc::ptr_eq(&sleeper.woken, &woken)) {
        sleepers = woken.wait(sleepers).unwrap_or_else(|poisoned| poisoned.into_inner());
    }
}

/// As `sys::futex::wake`: the word may be gone.
pub fn wake(word: *const AtomicU32, count: i32) {
    let mut left = count;
    lock(&SLEEPERS).retain(|sleeper| {
        let stays = left == 0 || sleeper.word != word as usize;
        if !stays {
            left -= 1;
            sleeper.woken.notify_one();
        }
        stays
    });
}
