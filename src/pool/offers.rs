#![allow(unsafe_code)]
//! Forks that any worker may take: the public tier of fork-join. `fork.rs` has the private one,
//! and `fork.md` the protocol and why nothing is lost or run twice.

use super::{
    abi::pool_fork_link_t,
    fork_record::{Fork, Mark, Stolen},
};
use crate::support::{
    CachePadded, spin,
    sync::{AtomicU32, Mutex, Ordering, WordForC, lock},
};
use std::{
    ffi::c_void,
    ptr::{self, NonNull},
};

/// Who takes a fork: whose promotions to look for later, and where.
#[derive(Clone, Copy)]
pub struct Thief<'a> {
    /// The thread.
    pub mark: Mark,
    /// The slot that the thread offers its own forks in.
    pub slot: &'a Slot,
}

/// The forks in a slot, in the order of their promotion.
struct List {
    oldest: *mut Fork,
    newest: *mut Fork,
}

// SAFETY: the list is touched under its lock only, and its forks wait for those who do.
unsafe impl Send for List {}

/// Where the threads of a pool offer forks. Threads may share one.
#[repr(C)]
pub struct Slot {
    /// 1 while more forks are wanted here: while there are fewer than `wanted`. Written under the
    /// lock; read by those who fork here, without any order: who sees it late promotes its next
    /// fork.
    hungry: WordForC,
    /// How many forks there are. Written under the lock, read by those who look for one: after
    /// the fences [N1] and [S2] of `threads/README.md` where it matters.
    count: AtomicU32,
    /// How many there should be, whoever comes for them.
    wanted: u32,
    /// How often a waiting owner looks before it sleeps.
    pub patience: u32,
    list: Mutex<List>,
}

/// Where nobody ever wants a fork.
#[cfg(not(loom))]
pub static NOWHERE: Slot = Slot {
    hungry: WordForC::new(0),
    count: AtomicU32::new(0),
    wanted: 0,
    patience: 0,
    list: Mutex::new(List { oldest: ptr::null_mut(), newest: ptr::null_mut() }),
};

impl Slot {
    /// An empty slot.
    pub fn new(wanted: u32, patience: u32) -> Self {
        Self {
            hungry: WordForC::new(u32::from(wanted > 0)),
            count: AtomicU32::new(0),
            wanted,
            patience,
            list: Mutex::new(List { oldest: ptr::null_mut(), newest: ptr::null_mut() }),
        }
    }

    /// Whether a fork is wanted.
    #[cfg(not(loom))]
    pub fn hungry(&self) -> *const u32 {
        self.hungry.as_ptr()
    }

    /// Whether a fork is wanted.
    pub fn is_hungry(&self) -> bool {
        self.hungry.load(Ordering::Relaxed) != 0
    }

    /// Whether there is nothing to take: a look after the last `SeqCst` fence.
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Makes a private fork public. The engine must be called to `wake` somebody then.
    ///
    /// # Safety
    /// The fork has just left its frame's list, stays where it is until its owner has reclaimed
    /// it or seen it done, and is the calling thread's, which `owner` names. `frame` is the
    /// task's that forked it, `index` its item.
    pub unsafe fn offer(&self, fork: *mut Fork, owner: Mark, frame: *const c_void, index: usize) {
        // SAFETY: promised by the caller.
        unsafe { Fork::publish(fork, owner, frame, index) };
        let mut list = lock(&self.list);
        // SAFETY: the forks in the list are there, and the lock is held.
        unsafe { list.append(fork) };
        self.changed(1);
    }

    /// Takes the oldest fork.
    pub fn take(&self, thief: Thief<'_>) -> Option<Stolen> {
        if self.is_empty() {
            return None;
        }
        let mut list = lock(&self.list);
        let fork = NonNull::new(list.oldest)?;
        // SAFETY: it is in the list, and the lock is held.
        Some(unsafe { self.steal(&mut list, fork, thief) })
    }

    /// Takes the oldest fork that descends from `waited`, whose thief offers here: one that this
    /// thief has promoted since it began, and before it ended.
    ///
    /// # Safety
    /// The calling thread waits for `waited`, which was stolen.
    pub unsafe fn take_below(&self, waited: *const Fork, thief: Thief<'_>) -> Option<Stolen> {
        if self.is_empty() {
            return None;
        }
        // SAFETY: promised by the caller.
        let (mark, _) = unsafe { Fork::thief(waited) };
        let mut list = lock(&self.list);
        // Under the lock: whatever the thief has promoted after the end is not in the list yet, or
        // the end is seen.
        // SAFETY: promised by the caller.
        if unsafe { Fork::is_done(waited) } {
            return None;
        }
        let mut fork = list.oldest;
        while let Some(found) = NonNull::new(fork) {
            // SAFETY: the fork is in the list, and the lock is held.
            let owner = unsafe { Fork::owner(fork) };
            if owner.who == mark.who && owner.number >= mark.number {
                // SAFETY: as above.
                return Some(unsafe { self.steal(&mut list, found, thief) });
            }
            // SAFETY: as above.
            fork = unsafe { (*fork).links.newer }.cast();
        }
        None
    }

    /// Takes a fork back that nobody has taken; false if somebody has.
    ///
    /// # Safety
    /// The calling thread has promoted it into this slot.
    pub unsafe fn reclaim(&self, fork: *mut Fork) -> bool {
        let mut list = lock(&self.list);
        // SAFETY: promised by the caller.
        if !unsafe { Fork::is_left(fork) } {
            return false;
        }
        // SAFETY: nobody has taken it, so it is in the list; the lock is held.
        unsafe { list.remove(fork) };
        self.changed(-1);
        true
    }

    /// # Safety
    /// The fork is in the list.
    unsafe fn steal(&self, list: &mut List, fork: NonNull<Fork>, thief: Thief<'_>) -> Stolen {
        // SAFETY: promised by the caller, who holds the lock.
        let stolen = unsafe {
            list.remove(fork.as_ptr());
            Fork::take(fork, thief.mark, thief.slot)
        };
        self.changed(-1);
        stolen
    }

    /// After each change of the list, under the lock.
    fn changed(&self, by: i32) {
        let count = self.count.load(Ordering::Relaxed).wrapping_add_signed(by);
        self.count.store(count, Ordering::Relaxed);
        self.hungry.store(u32::from(count < self.wanted), Ordering::Relaxed);
    }
}

impl List {
    /// # Safety
    /// The fork is in no list, and those in this one are there.
    unsafe fn append(&mut self, fork: *mut Fork) {
        // SAFETY: promised by the caller.
        unsafe {
            (*fork).links = pool_fork_link_t { older: self.newest.cast(), newer: ptr::null_mut() };
            match self.newest.as_mut() {
                Some(newest) => newest.links.newer = fork.cast(),
                None => self.oldest = fork,
            }
        }
        self.newest = fork;
    }

    /// # Safety
    /// The fork is in this list.
    unsafe fn remove(&mut self, fork: *mut Fork) {
        // SAFETY: promised by the caller; so are its neighbours.
        unsafe {
            let (older, newer) =
                ((*fork).links.older.cast::<Fork>(), (*fork).links.newer.cast::<Fork>());
            match older.as_mut() {
                Some(older) => older.links.newer = newer.cast(),
                None => self.oldest = newer,
            }
            match newer.as_mut() {
                Some(newer) => newer.links.older = older.cast(),
                None => self.newest = older,
            }
        }
    }
}

/// All slots of a pool: one for each worker, spare workers sharing them, and some for visitors,
/// apart from those, so that a visitor and the worker that it waits for have two.
pub struct Offers {
    slots: Box<[CachePadded<Slot>]>,
    workers: usize,
}

impl Offers {
    const MOST_FOR_VISITORS: usize = 8;

    /// How many forks each thread should have on offer, in a pool of so many workers: one for
    /// each halving until all have a part, lest the last ones lie private under a long leaf, and
    /// one for whoever is ready first.
    fn wanted(workers: usize) -> u32 {
        if workers > 1 { workers.next_power_of_two().ilog2() + 1 } else { 0 }
    }

    /// Slots for a pool of so many workers, on so many CPUs.
    pub fn new(workers: usize, cpus: usize) -> Self {
        let places = workers.next_power_of_two();
        let patience = spin::patience(workers, cpus);
        let slot = || CachePadded::new(Slot::new(Self::wanted(workers), patience));
        let all = places + places.min(Self::MOST_FOR_VISITORS);
        Self { slots: (0..all).map(|_| slot()).collect(), workers: places }
    }

    /// The slot of the worker `number`.
    pub fn of_worker(&self, number: usize) -> &Slot {
        &self.slots[number & (self.workers - 1)]
    }

    /// A slot for a visitor, chosen by any number of its own.
    pub fn of_visitor(&self, number: usize) -> &Slot {
        let visitors = self.slots.len() - self.workers;
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) >> (usize::BITS / 2);
        &self.slots[self.workers + (mixed & (visitors - 1))]
    }

    /// Whether there is nothing to take: a look after the last `SeqCst` fence.
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| slot.is_empty())
    }

    /// Takes a fork from any slot, beginning behind the thief's number.
    pub fn take(&self, number: usize, thief: Thief<'_>) -> Option<Stolen> {
        let start = (number + 1) % self.slots.len();
        let (before, behind) = self.slots.split_at(start);
        behind.iter().chain(before).find_map(|slot| slot.take(thief))
    }
}
