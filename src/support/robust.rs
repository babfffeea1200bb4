//! A lock that threads of all processes may share, and that is passed on when its owner dies.
//!
//! | word                      | means                                  | left by |
//! |---------------------------|----------------------------------------|---------|
//! | 0                         | nobody's                               | `lock` |
//! | thread                    | that thread's                          | `unlock`; its death: the next `lock` finds the thread gone |
//! | thread, `WANTED`          | that thread's, and others sleep        | `unlock`, or its death: the kernel hands it on |
//! | thread, `DIED`            | handed on, its owner having died       | the new owner takes the flag away |
//! | `DIED`                    | nobody's, its owner having died        | `lock` |
//!
//! The owner's death is told to the next owner, who has the lock then. Acquire by who gets the
//! lock pairs with the release by who gave it; where the kernel handed it on, with a write that
//! changes nothing.

use super::{
    person, spin,
    sync::{AtomicU32, Ordering},
};
pub use crate::sys::robust::is_dead;
use crate::sys::robust::{self, DIED, OWNER, Verdict, WANTED};
use std::time::Instant;

/// The lock is the caller's.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was nobody's.
    Freely,
    /// It was somebody's who has died.
    FromTheDead,
}

/// The lock is not the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The time was over first.
    Late,
    /// It is the caller's already, or its owner waits for the caller.
    Deadlock,
}

/// How often to look before sleeping, where there is more than one processor.
const ROUNDS: u32 = 60;
/// After so many surprises in a row the word is not the owner's any more: it was written over.
const SURPRISES: u32 = 1000;

/// See the module. Zero is a free one.
#[derive(Default)]
#[repr(transparent)]
pub struct RobustLock(AtomicU32);

impl RobustLock {
    /// Takes the lock if that needs no waiting.
    #[inline]
    pub fn try_lock(&self) -> Option<Taken> {
        let me = person::thread();
        if self.0.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return Some(Taken::Freely);
        }
        self.try_bequest(me)
    }

    /// Takes the lock of somebody who is known to have died.
    #[cold]
    fn try_bequest(&self, me: u32) -> Option<Taken> {
        let seen = self.0.load(Ordering::Relaxed);
        let is_free = seen & OWNER == 0 && seen & DIED != 0;
        (is_free && self.replace(seen, me)).then_some(Taken::FromTheDead)
    }

    fn replace(&self, seen: u32, me: u32) -> bool {
        let new = me | (seen & WANTED);
        self.0.compare_exchange(seen, new, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes the lock; waits for it until the deadline. `shared` says whether other processes may
    /// have it.
    ///
    /// # Errors
    /// See `Refused`.
    pub fn lock(&self, shared: bool, deadline: Option<Instant>) -> Result<Taken, Refused> {
        if let Some(taken) = self.try_lock() {
            return Ok(taken);
        }
        self.wait(shared, deadline)
    }

    #[cold]
    fn wait(&self, shared: bool, deadline: Option<Instant>) -> Result<Taken, Refused> {
        let me = person::thread();
        if self.is_mine() {
            return Err(Refused::Deadlock);
        }
        let mut taken = None;
        let rounds = if person::has_other_cpus() { ROUNDS } else { 0 };
        let is_there = || {
            taken = if self.0.load(Ordering::Relaxed) == 0 { self.try_lock() } else { None };
            taken.is_some()
        };
        if spin::spin_until(rounds, is_there)
            && let Some(taken) = taken
        {
            return Ok(taken);
        }
        let mut surprises = 0;
        loop {
            if let Some(taken) = self.try_lock() {
                return Ok(taken);
            }
            match robust::lock(&self.0, shared, deadline) {
                Verdict::Locked => {
                    let was = self.0.fetch_and(!DIED, Ordering::Acquire);
                    return Ok(if was & DIED == 0 { Taken::Freely } else { Taken::FromTheDead });
                }
                Verdict::Dead => {
                    let seen = self.0.load(Ordering::Relaxed);
                    let owner = seen & OWNER;
                    if owner != 0 && owner != me && is_dead(owner) && self.replace(seen, me) {
                        return Ok(Taken::FromTheDead);
                    }
                }
                Verdict::TimedOut => return Err(Refused::Late),
                Verdict::Deadlock => return Err(Refused::Deadlock),
                Verdict::Again => {}
                Verdict::Spoilt => {
                    if deadline.is_some_and(|at| Instant::now() >= at) {
                        return Err(Refused::Late);
                    }
                    surprises += 1;
                    if surprises > SURPRISES {
                        self.0.store(me, Ordering::Release);
                        return Ok(Taken::FromTheDead);
                    }
                    super::sync::thread::yield_now();
                }
            }
        }
    }

    /// Gives the lock back; false if it is not the calling thread's.
    #[inline]
    pub fn unlock(&self, shared: bool) -> bool {
        let me = person::thread();
        if self.0.compare_exchange(me, 0, Ordering::Release, Ordering::Relaxed).is_ok() {
            return true;
        }
        self.hand_on(shared)
    }

    #[cold]
    fn hand_on(&self, shared: bool) -> bool {
        if !self.is_mine() {
            return false;
        }
        self.0.fetch_or(0, Ordering::Release);
        if !robust::unlock(&self.0, shared) {
            // The word was written over. Who sleeps in the kernel finds out by itself.
            self.0.store(0, Ordering::Release);
        }
        true
    }

    /// Whether the calling thread has the lock.
    pub fn is_mine(&self) -> bool {
        self.0.load(Ordering::Relaxed) & OWNER == person::thread()
    }

    /// Whether some thread has the lock, living or dead.
    pub fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed) & OWNER != 0
    }

    /// Notes that the owner is dead, if it is, before its number can mean another thread.
    pub fn look_after_owner(&self) {
        let seen = self.0.load(Ordering::Relaxed);
        let owner = seen & OWNER;
        if owner != 0 && seen & WANTED == 0 && is_dead(owner) {
            let _ = self.0.compare_exchange(seen, DIED, Ordering::Release, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, target_os = "linux", not(feature = "portable")))]
mod tests {
    use super::*;
    use std::{sync::Arc, thread, time::Duration};

    fn soon() -> Option<Instant> {
        Some(Instant::now() + Duration::from_millis(20))
    }

    #[test]
    fn one_at_a_time() {
        let state = Arc::new((RobustLock::default(), AtomicU32::new(0), AtomicU32::new(0)));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let state = Arc::clone(&state);
                thread::spawn(move || {
                    for _ in 0..20_000 {
                        let _ = state.0.lock(false, None).expect("the lock");
                        assert_eq!(state.1.fetch_add(1, Ordering::Relaxed), 0);
                        state.2.fetch_add(1, Ordering::Relaxed);
                        state.1.store(0, Ordering::Relaxed);
                        assert!(state.0.unlock(false));
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert_eq!(state.2.load(Ordering::Relaxed), 80_000);
        assert!(!state.0.is_taken());
    }

    #[test]
    fn a_thread_that_ends_leaves_it_to_the_next() {
        let lock = Arc::new(RobustLock::default());
        let theirs = Arc::clone(&lock);
        let _ = thread::spawn(move || theirs.lock(false, None))
            .join()
            .expect("no panic")
            .expect("free");
        assert_eq!(lock.lock(false, None), Ok(Taken::FromTheDead));
        assert!(lock.unlock(false));
        assert_eq!(lock.lock(false, None), Ok(Taken::Freely));
        assert_eq!(lock.lock(false, None), Err(Refused::Deadlock));
    }

    #[test]
    fn a_death_is_noted_before_anybody_asks() {
        let lock = Arc::new(RobustLock::default());
        lock.look_after_owner();
        let theirs = Arc::clone(&lock);
        let _ = thread::spawn(move || theirs.lock(false, None))
            .join()
            .expect("no panic")
            .expect("free");
        lock.look_after_owner();
        assert!(!lock.is_taken());
        assert_eq!(lock.try_lock(), Some(Taken::FromTheDead));
        lock.look_after_owner();
        assert!(lock.is_mine());
    }

    #[test]
    fn opposite_orders_are_seen() {
        let locks = Arc::new((RobustLock::default(), RobustLock::default()));
        let theirs = Arc::clone(&locks);
        assert_eq!(locks.0.lock(false, None), Ok(Taken::Freely));
        let other = thread::spawn(move || {
            let _ = theirs.1.lock(false, None).expect("free");
            let first = theirs.0.lock(false, None);
            theirs.1.unlock(false);
            first.map(|_| theirs.0.unlock(false))
        });
        while !locks.1.is_taken() {
            thread::yield_now();
        }
        // One of the two is told, whoever is later.
        let mine = locks.1.lock(false, None);
        if mine.is_ok() {
            locks.1.unlock(false);
        }
        locks.0.unlock(false);
        let theirs = other.join().expect("no panic");
        assert!(mine == Err(Refused::Deadlock) || theirs == Err(Refused::Deadlock));
    }

    #[test]
    fn a_word_that_was_written_over_is_taken_in_the_end() {
        let lock = RobustLock(AtomicU32::new(OWNER - 5));
        assert_eq!(lock.lock(false, soon()), Ok(Taken::FromTheDead));
        assert!(lock.unlock(false));
    }
}
