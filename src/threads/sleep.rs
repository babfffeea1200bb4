//! Who is awake: the counts, the eventcount, and the question whether a closed pool is done.
//! `README.md` beside this file has the protocol and its proof; steps in brackets refer to it.

use crate::support::{
    CachePadded,
    cpu::full_fence,
    sync::{AtomicU64, AtomicUsize, Ordering},
    wait_word::WaitWord,
};

/// The counts, unpacked from one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts(u64);

const WIDTH: u32 = 13;
const MASK: u64 = (1 << WIDTH) - 1;
const ACTIVE: u64 = 1;
const SEARCHING: u64 = 1 << WIDTH;
const SLEEPING: u64 = 1 << (2 * WIDTH);
const BLOCKED: u64 = 1 << (3 * WIDTH);
/// The highest bits, so that it may wrap: nothing carries out of it.
const VERSION: u64 = 1 << (4 * WIDTH);

/// Workers and visitors together are no more than this; threads that `hold` are few.
pub const MOST_THREADS: usize = 8000;

impl Counts {
    /// Threads that run or look for tasks: workers, and outsiders that help.
    fn active(self) -> usize {
        (self.0 & MASK) as usize
    }
    /// Active workers that look for a task, or are being started.
    fn searching(self) -> usize {
        (self.0 >> WIDTH & MASK) as usize
    }
    /// Workers that sleep and are owed no token.
    fn sleeping(self) -> usize {
        (self.0 >> (2 * WIDTH) & MASK) as usize
    }
    /// Threads that wait inside a task or are in a blocking section, end tasks from outside, or
    /// retire.
    fn blocked(self) -> usize {
        (self.0 >> (3 * WIDTH) & MASK) as usize
    }
    /// Whether somebody will look at what was queued, or nobody more may.
    #[inline]
    fn needs_nobody(self, limit: usize) -> bool {
        self.searching() > 0
            || self.active() >= limit
            || self.active() + self.blocked() >= MOST_THREADS
    }
}

/// What `notify` asks its caller to do.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Notify {
    /// Nothing: enough are awake, or one has been woken.
    Done,
    /// Start a worker; it is counted as active and searching already.
    Start,
}

/// What a worker that found nothing does next.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Rest {
    /// It is counted as sleeping: look once more, then `sleep` or `stay`.
    Sleep,
    /// There are sleepers enough: it is counted as blocked; look once more, leave, and `release`.
    Retire,
}

/// See the module.
pub struct Sleep {
    counts: CachePadded<AtomicU64>,
    /// Tokens posted and not yet consumed; each makes one sleeper active.
    tokens: WaitWord,
    /// Written by `set_limit`, [N3] of the README.
    limit: AtomicUsize,
}

impl Sleep {
    /// Nobody is awake; at most `limit` shall be, unless waiting threads come back.
    pub fn new(limit: usize) -> Self {
        Self {
            counts: CachePadded::new(AtomicU64::new(0)),
            tokens: WaitWord::new(0),
            limit: AtomicUsize::new(limit),
        }
    }

    #[inline]
    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// From now on so many shall be awake. If they are more than before, a look at the queues and
    /// `notify` must follow.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::SeqCst);
        full_fence();
    }

    /// Makes a sleeper active, searching, if more sleep than there are places: it will find nothing
    /// and retire. False if there are not too many, or no place is free.
    pub fn call_surplus(&self) -> bool {
        let before = self.update(|counts| {
            (counts.sleeping() > self.limit() && counts.active() < self.limit())
                .then(|| (counts.0 - SLEEPING).wrapping_add(ACTIVE + SEARCHING + VERSION))
        });
        if before.is_some() {
            self.post(1);
        }
        before.is_some()
    }

    fn load(&self) -> Counts {
        Counts(self.counts.load(Ordering::SeqCst))
    }

    /// Changes the counts to what `change` makes of them, unless it says `None`.
    fn update(&self, change: impl Fn(Counts) -> Option<u64>) -> Option<Counts> {
        let mut word = self.counts.load(Ordering::SeqCst);
        loop {
            let next = change(Counts(word))?;
            match self.counts.compare_exchange_weak(word, next, Ordering::SeqCst, Ordering::SeqCst)
            {
                Ok(_) => return Some(Counts(word)),
                Err(now) => word = now,
            }
        }
    }

    /// After something was enqueued, or a place was given up while something is queued [N]:
    /// makes one sleeper active, or asks for a new worker, if a place is free and nobody is
    /// looking already.
    #[inline]
    pub fn notify(&self) -> Notify {
        // [N1] after the push, before the look at the counts.
        full_fence();
        if self.load().needs_nobody(self.limit()) {
            return Notify::Done;
        }
        self.call_one()
    }

    #[cold]
    fn call_one(&self) -> Notify {
        let before = self.update(|counts| {
            if counts.needs_nobody(self.limit()) {
                return None;
            }
            let next = counts.0.wrapping_add(ACTIVE + SEARCHING + VERSION);
            Some(if counts.sleeping() > 0 { next - SLEEPING } else { next })
        });
        match before {
            Some(counts) if counts.sleeping() > 0 => {
                self.post(1);
                Notify::Done
            }
            Some(_) => Notify::Start,
            None => Notify::Done,
        }
    }

    /// Counts a worker that is about to be started and begins with `sleep`.
    pub fn count_sleeper(&self) {
        self.counts.fetch_add(SLEEPING, Ordering::SeqCst);
    }

    /// A counted sleeper will not come, or goes away. `notify` must follow if the queues hold
    /// something [L].
    pub fn uncount_sleeper(&self) {
        let asleep = self.update(|counts| (counts.sleeping() > 0).then(|| counts.0 - SLEEPING));
        if asleep.is_none() {
            // All sleepers are owed tokens; one of them is this one's.
            self.sleep();
            self.leave(true);
        }
    }

    fn post(&self, count: u32) {
        self.tokens.fetch_add(count, Ordering::Release);
        if count == 1 {
            self.tokens.wake_one();
        } else {
            self.tokens.wake_all();
        }
    }

    /// A searching worker has found something; true if it was the last that searched: then
    /// somebody must `notify` if there is more [F].
    #[must_use]
    pub fn found(&self) -> bool {
        let before = Counts(self.counts.fetch_sub(SEARCHING, Ordering::SeqCst));
        full_fence();
        before.searching() == 1
    }

    /// An active worker begins to search; false if enough do already.
    #[must_use]
    pub fn search(&self) -> bool {
        self.update(|counts| {
            (counts.searching() < self.limit().div_ceil(2)).then_some(counts.0 + SEARCHING)
        })
        .is_some()
    }

    /// Whether more are active than should be: waiting threads have come back.
    pub fn is_crowded(&self) -> bool {
        Counts(self.counts.load(Ordering::Relaxed)).active() > self.limit()
    }

    /// [S1] An active worker gives up its place to sleep. A look at the queues must follow.
    pub fn rest(&self, searching: bool) -> Rest {
        let leave = ACTIVE + if searching { SEARCHING } else { 0 };
        let limit = self.limit();
        let before = self.update(|counts| {
            // Who retires may still submit, by its finalizer.
            let into = if counts.sleeping() >= limit { BLOCKED } else { SLEEPING };
            Some(counts.0 - leave + into)
        });
        // [S2] before the look at the queues.
        full_fence();
        match before {
            Some(counts) if counts.sleeping() >= limit => Rest::Retire,
            _ => Rest::Sleep,
        }
    }

    /// [S4] A sleeper that found something after all takes its place again, searching; false if
    /// all places are taken, or if it is owed a token: then it must `sleep`.
    #[must_use]
    pub fn stay(&self) -> bool {
        self.update(|counts| {
            (counts.sleeping() > 0 && counts.active() < self.limit())
                .then_some((counts.0 - SLEEPING).wrapping_add(ACTIVE + SEARCHING + VERSION))
        })
        .is_some()
    }

    /// Sleeps until a token is there, and consumes it: the worker is active and searching.
    pub fn sleep(&self) {
        let mut tokens = self.tokens.load(Ordering::Relaxed);
        loop {
            if tokens == 0 {
                self.tokens.wait(0, None);
                tokens = self.tokens.load(Ordering::Relaxed);
                continue;
            }
            match self.tokens.compare_exchange_weak(
                tokens,
                tokens - 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => tokens = now,
            }
        }
    }

    /// An outsider becomes active, if a place is free.
    #[must_use]
    pub fn enter(&self) -> bool {
        self.update(|counts| {
            (counts.active() < self.limit() && counts.active() + counts.blocked() < MOST_THREADS)
                .then_some(counts.0.wrapping_add(ACTIVE + VERSION))
        })
        .is_some()
    }

    /// An outsider becomes active, if nobody is.
    #[must_use]
    pub fn enter_alone(&self) -> bool {
        self.update(|counts| {
            (counts.active() == 0 && counts.blocked() == 0)
                .then_some(counts.0.wrapping_add(ACTIVE + VERSION))
        })
        .is_some()
    }

    /// An active outsider, or a worker that ends, is active no more. A look at the queues, and
    /// `notify` if they hold something, must follow [L].
    pub fn leave(&self, searching: bool) {
        let leave = ACTIVE + if searching { SEARCHING } else { 0 };
        self.counts.fetch_sub(leave, Ordering::SeqCst);
        full_fence();
    }

    /// An active thread begins to wait inside a task; [L] as `leave`.
    pub fn begin_blocking(&self) {
        self.counts.fetch_add(BLOCKED - ACTIVE, Ordering::SeqCst);
        full_fence();
    }

    /// A thread that waited is active again, even if that is one too many.
    pub fn end_blocking(&self) {
        self.counts.fetch_add(VERSION + ACTIVE - BLOCKED, Ordering::SeqCst);
    }

    /// Keeps the pool from being quiet: a thread that is not active is about to end a task.
    pub fn hold(&self) {
        self.counts.fetch_add(BLOCKED + VERSION, Ordering::SeqCst);
    }

    /// The end of `hold`, or of a worker that retires. A look whether the pool is quiet must follow [L].
    pub fn release(&self) {
        self.counts.fetch_sub(BLOCKED, Ordering::SeqCst);
        full_fence();
    }

    /// Whether some workers sleep.
    pub fn has_sleepers(&self) -> bool {
        self.load().sleeping() > 0
    }

    /// Whether anybody is active.
    pub fn has_active(&self) -> bool {
        self.load().active() > 0
    }

    /// How many run something, are blocked, and sleep.
    pub fn survey(&self) -> (usize, usize, usize) {
        let counts = self.load();
        let running = counts.active().saturating_sub(counts.searching());
        (running, counts.blocked(), counts.sleeping())
    }

    /// Whether nobody is active or waits in a task, and `is_empty` finds nothing to do, at one
    /// and the same moment [Q].
    pub fn is_quiet(&self, is_empty: impl FnOnce() -> bool) -> bool {
        // [Q1] after the pool was closed, before the look at the counts; pairs with [S2], [L].
        full_fence();
        let before = self.load();
        before.active() == 0 && before.blocked() == 0 && is_empty() && self.load() == before
    }

    /// Makes all sleepers active, so that they find out that the pool has ended.
    pub fn wake_all(&self) {
        let before = self.update(|counts| {
            let sleeping = counts.sleeping() as u64;
            (sleeping > 0).then(|| {
                (counts.0 - sleeping * SLEEPING)
                    .wrapping_add(sleeping * (ACTIVE + SEARCHING) + VERSION)
            })
        });
        if let Some(counts) = before {
            self.post(counts.sleeping() as u32);
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn the_version_wraps_and_disturbs_no_other_count() {
        let sleep = Sleep::new(2);
        for _ in 0..10_000 {
            assert!(sleep.enter());
            sleep.begin_blocking();
            sleep.end_blocking();
            sleep.leave(false);
            sleep.hold();
            sleep.release();
        }
        assert!(sleep.is_quiet(|| true));
        assert!(!sleep.has_sleepers());
    }

    #[test]
    fn places_are_as_many_as_the_limit() {
        let sleep = Sleep::new(2);
        assert!(sleep.enter() && sleep.enter() && !sleep.enter());
        sleep.begin_blocking();
        assert!(sleep.enter());
        sleep.end_blocking();
        assert!(sleep.is_crowded());
        sleep.leave(false);
        assert!(!sleep.is_crowded() && !sleep.enter() && !sleep.enter_alone());
    }
}
