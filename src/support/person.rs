//! Who the calling thread and process are, for memory that outlives them; and whether others are
//! still there.

use super::{
    process,
    sync::{AtomicU32, AtomicU64, Ordering, thread_local},
};
use crate::sys::identity;
use std::cell::Cell;

/// A process: its id, and when it was started. Not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person(u64);

impl Person {
    /// The process behind a word of `bits`; `None` for 0.
    pub fn from_bits(bits: u64) -> Option<Self> {
        (bits >> 32 != 0).then_some(Self(bits))
    }

    /// As a word.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Its id.
    pub fn pid(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whether the process has not ended. Reads a file.
    pub fn is_alive(self) -> bool {
        identity::is_alive(self.pid(), self.0 as u32)
    }
}

thread_local! {
    /// The thread's number, and the epoch of the process in which that was right.
    static THREAD: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

/// The number of the calling thread.
#[inline]
pub fn thread() -> u32 {
    THREAD.with(|cell| {
        let (number, epoch) = cell.get();
        if number != 0 && process::is_current(epoch) { number } else { ask(cell) }
    })
}

#[cold]
fn ask(cell: &Cell<(u32, u32)>) -> u32 {
    let number = identity::own_thread();
    cell.set((number, process::epoch().unwrap_or(0)));
    number
}

/// This process.
pub fn me() -> Person {
    // Written by any thread of the process, with the same value each time. Release of the epoch
    // pairs with its acquire: who sees it sees the process's own number.
    static ME: AtomicU64 = AtomicU64::new(0);
    static EPOCH: AtomicU32 = AtomicU32::new(0);
    let epoch = EPOCH.load(Ordering::Acquire);
    if epoch != 0 && process::is_current(epoch) {
        return Person(ME.load(Ordering::Relaxed));
    }
    let pid = identity::own_process();
    let own = u64::from(pid) << 32 | u64::from(identity::start_of(pid));
    ME.store(own, Ordering::Relaxed);
    EPOCH.store(process::epoch().unwrap_or(0), Ordering::Release);
    Person(own)
}

/// The worker that this process is, and the process whose pool it works for, which learns of its
/// death. Written once, before its first task; in a child of the worker's the first is another's.
static WORKER: AtomicU32 = AtomicU32::new(0);
static HOST: AtomicU32 = AtomicU32::new(0);

/// This process is a worker of a pool of that process.
pub fn become_worker_of(pid: u32) {
    HOST.store(pid, Ordering::Relaxed);
    WORKER.store(me().pid(), Ordering::Relaxed);
}

/// Whether this process is a worker.
#[cfg(feature = "failpoints")]
pub fn is_worker() -> bool {
    WORKER.load(Ordering::Relaxed) == me().pid()
}

/// Whether that process learns of this one's death at once, being its host or itself.
pub fn is_watched_by(pid: u32) -> bool {
    let own = me().pid();
    own == pid || HOST.load(Ordering::Relaxed) == pid && WORKER.load(Ordering::Relaxed) == own
}

/// Whether another processor can run while this one spins.
pub fn has_other_cpus() -> bool {
    // 0 before it was asked for; the answer is the same each time.
    static CPUS: AtomicU32 = AtomicU32::new(0);
    let mut cpus = CPUS.load(Ordering::Relaxed);
    if cpus == 0 {
        cpus = process::cpus() as u32;
        CPUS.store(cpus, Ordering::Relaxed);
    }
    cpus > 1
}
