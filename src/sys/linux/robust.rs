#![allow(unsafe_code)]
//! Locks whose owner may die: futexes of which the kernel knows the owner (`FUTEX_LOCK_PI`).
//!
//! The word holds the thread that has the lock, 0 for nobody, and two flags. Who waits is queued in
//! the kernel, which hands the lock on when it is released, and when its owner dies, however and in
//! whatever process; and which sees when a wait could never end.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// In the word: the thread.
pub const OWNER: u32 = libc::FUTEX_TID_MASK;
/// In the word: somebody waits in the kernel.
pub const WANTED: u32 = libc::FUTEX_WAITERS;
/// In the word: an owner has died.
pub const DIED: u32 = libc::FUTEX_OWNER_DIED;

/// What came of a wait for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The word names this thread.
    Locked,
    /// The owner that the word names is dead, and nobody was waiting when it died.
    Dead,
    /// The time is over.
    TimedOut,
    /// The owner waits, by way of other such locks, for this thread.
    Deadlock,
    /// Look at the word again.
    Again,
    /// The word is not what the kernel has seen there.
    Spoilt,
}

/// `FUTEX_LOCK_PI2`, since Linux 5.14: the deadline is one of the monotonic clock.
const LOCK_PI2: i32 = 13;
/// How long a wait takes where the kernel has no such locks, before the owner is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for the lock until the deadline.
pub fn lock(word: &AtomicU32, shared: bool, deadline: Option<Instant>) -> Verdict {
    let Some(at) = deadline else {
        return verdict(word, shared, call(word, shared, libc::FUTEX_LOCK_PI, None), None);
    };
    let left = at.saturating_duration_since(Instant::now());
    let mut outcome = call(word, shared, LOCK_PI2, Some(after(libc::CLOCK_MONOTONIC, left)));
    if outcome == libc::ENOSYS {
        let until = after(libc::CLOCK_REALTIME, left);
        outcome = call(word, shared, libc::FUTEX_LOCK_PI, Some(until));
    }
    verdict(word, shared, outcome, deadline)
}

fn verdict(word: &AtomicU32, shared: bool, outcome: i32, deadline: Option<Instant>) -> Verdict {
    match outcome {
        0 => Verdict::Locked,
        libc::ESRCH => Verdict::Dead,
        libc::EDEADLK => Verdict::Deadlock,
        libc::EAGAIN | libc::EINTR => Verdict::Again,
        libc::ETIMEDOUT if deadline.is_some_and(|at| Instant::now() < at) => Verdict::Again,
        libc::ETIMEDOUT => Verdict::TimedOut,
        libc::ENOSYS => wait_and_look(word, shared, deadline),
        _ => Verdict::Spoilt,
    }
}

/// Where the kernel has no such locks: it is slept in short turns, and the owner looked at.
#[cold]
fn wait_and_look(word: &AtomicU32, shared: bool, deadline: Option<Instant>) -> Verdict {
    let seen = word.load(Ordering::Relaxed);
    if seen & OWNER == 0 {
        return Verdict::Again;
    }
    if is_dead(seen & OWNER) {
        return Verdict::Dead;
    }
    if deadline.is_some_and(|at| Instant::now() >= at) {
        return Verdict::TimedOut;
    }
    let wanted = seen | WANTED;
    if word.compare_exchange(seen, wanted, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        let turn = Instant::now() + LOOK;
        let until = Some(deadline.map_or(turn, |at| at.min(turn)));
        let wait = if shared { super::futex::wait_shared } else { super::futex::wait };
        wait(word, wanted, until);
    }
    Verdict::Again
}

/// Gives the lock, which this thread has, to the next; false if the word says otherwise.
pub fn unlock(word: &AtomicU32, shared: bool) -> bool {
    match call(word, shared, libc::FUTEX_UNLOCK_PI, None) {
        0 => true,
        libc::ENOSYS => {
            word.store(0, Ordering::Release);
            let wake = if shared { super::futex::wake_shared } else { super::futex::wake };
            wake(word, i32::MAX);
            true
        }
        _ => false,
    }
}

/// Whether there is no such thread any more; one that has ended and has not been reaped is dead.
pub fn is_dead(thread: u32) -> bool {
    // The kernel looks for the owner of a lock that is asked for, and does not wait.
    let word = AtomicU32::new(thread & OWNER);
    match call(&word, false, libc::FUTEX_TRYLOCK_PI, None) {
        libc::ESRCH => true,
        libc::ENOSYS => {
            // SAFETY: signal 0 is sent to nobody.
            let sent = unsafe { libc::kill(thread.cast_signed(), 0) };
            sent != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
        }
        _ => false,
    }
}

/// 0, or the error's number.
fn call(word: &AtomicU32, shared: bool, what: i32, until: Option<libc::timespec>) -> i32 {
    let flag = if shared { 0 } else { libc::FUTEX_PRIVATE_FLAG };
    let until = until.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the word lives across the call, and the kernel changes it atomically; the time is
    // only read.
    let status = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), what | flag, 0, until) };
    if status == 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap_or(0) }
}

fn after(clock: libc::clockid_t, left: Duration) -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes to a live variable; both clocks always exist.
    unsafe { libc::clock_gettime(clock, &mut time) };
    let nanos = time.tv_nsec + libc::c_long::from(left.subsec_nanos().cast_signed());
    let seconds = libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX / 4);
    libc::timespec {
        tv_sec: time.tv_sec.saturating_add(seconds).saturating_add(nanos / 1_000_000_000),
        tv_nsec: nanos % 1_000_000_000,
    }
}
