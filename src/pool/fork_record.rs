#![allow(unsafe_code)]
//! A fork: a record on the stack of the function that forks.
//!
//! The life of a fork; between `PUBLIC` and `DONE` the word `State` says which it is:
//!
//! | state   | moved on by                                                  | to              |
//! |---------|--------------------------------------------------------------|-----------------|
//! | private | its owner, `offer`, under the slot's lock                    | public          |
//! |         | its owner pops it                                            | ended           |
//! | public  | a thief, `take` or `take_below`, under the lock              | taken           |
//! |         | its owner, `reclaim`, under the lock                         | private, popped |
//! | taken   | its thief, `finish`, which is the last that it does with it  | done            |
//! | done    | its owner, who has waited for it                             | ended           |

use super::{
    abi::{Function, pool_fork_link_t},
    offers::Slot,
    outcome::Outcome,
    status::Status,
};
use crate::support::{sync::Ordering, wait_word::WaitWord};
use std::{
    cell::Cell,
    ffi::c_void,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

/// What to run, and on what: one side of a fork.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Half {
    /// The function.
    pub function: Function,
    /// Its argument, passed on as it is.
    pub arg: *const c_void,
    /// Its result's place, passed on as it is.
    pub result: *mut c_void,
}

const PUBLIC: u32 = 0;
const TAKEN: u32 = 1;
const DONE: u32 = 2;
/// The owner sleeps on the word. Set by `wait` in `TAKEN` only.
const WAITED: u32 = 1 << 2;

/// Where a public fork is in its life. `TAKEN` is written under the slot's lock; `finish` is
/// release and pairs with the acquire of `is_done` and `wait`: who sees `DONE` sees the result.
struct State(WaitWord);

/// A thread of the pool, and how many forks it had promoted at some moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The address of the thread's context: only compared.
    pub who: *const c_void,
    /// The number of promotions.
    pub number: u64,
}

/// What only public forks need, written when they are promoted.
struct Public {
    state: State,
    /// Written by the thief before `DONE`, read by the owner after.
    status: Cell<Status>,
    /// The forking task's frame.
    frame: *const c_void,
    /// The forking task's item.
    index: usize,
    /// Who promoted it, and how many the same thread had promoted before.
    owner: Mark,
    /// Written under the lock by the thief, read by the owner once it has seen `TAKEN` there.
    thief: Cell<Mark>,
    thief_slot: Cell<*const Slot>,
    /// As `status`.
    outcome: Cell<Option<Box<Outcome>>>,
}

/// A fork, on the stack of the function that forks: what C knows as `pool_fork_t`.
#[repr(C)]
pub struct Fork {
    /// In the list of its frame, and once public in that of its slot. The first field: a link's
    /// address is its fork's.
    pub links: pool_fork_link_t,
    /// What may be taken.
    pub half: Half,
    public: MaybeUninit<Public>,
}

#[cfg(not(any(loom, shuttle)))]
const _: () = {
    use super::abi::pool_fork_t;
    assert!(size_of::<Fork>() <= size_of::<pool_fork_t>());
    assert!(align_of::<Fork>() <= align_of::<pool_fork_t>());
    assert!(std::mem::offset_of!(Fork, half) == std::mem::offset_of!(pool_fork_t, r#fn));
};

impl Fork {
    /// A private fork, in no list yet.
    #[inline]
    pub fn new(half: Half) -> Self {
        let links = pool_fork_link_t { older: ptr::null_mut(), newer: ptr::null_mut() };
        Self { links, half, public: MaybeUninit::uninit() }
    }

    /// Makes a private fork one that can be offered.
    ///
    /// # Safety
    /// The fork is in no list, and the calling thread's, which `owner` names. `frame` is the
    /// task's that forked it, `index` its item.
    pub unsafe fn publish(fork: *mut Self, owner: Mark, frame: *const c_void, index: usize) {
        let public = Public {
            state: State(WaitWord::new(PUBLIC)),
            status: Cell::new(0),
            frame,
            index,
            owner,
            thief: Cell::new(owner),
            thief_slot: Cell::new(ptr::null()),
            outcome: Cell::new(None),
        };
        // SAFETY: promised by the caller.
        unsafe { (*fork).public.write(public) };
    }

    /// Who promoted the fork.
    ///
    /// # Safety
    /// It has been promoted.
    pub unsafe fn owner(fork: *const Self) -> Mark {
        // SAFETY: promised by the caller.
        unsafe { Self::public(fork) }.owner
    }

    /// Somebody has taken the fork: notes who.
    ///
    /// # Safety
    /// The fork is public; the caller has removed it from its slot, whose lock it holds.
    pub unsafe fn take(fork: NonNull<Self>, thief: Mark, slot: &Slot) -> Stolen {
        // SAFETY: promised by the caller.
        let public = unsafe { Self::public(fork.as_ptr()) };
        public.thief.set(thief);
        public.thief_slot.set(slot);
        public.state.0.store(TAKEN, Ordering::Relaxed);
        Stolen(fork)
    }

    /// # Safety
    /// The fork has been promoted.
    unsafe fn public<'a>(fork: *const Self) -> &'a Public {
        // SAFETY: promised by the caller; `offer` wrote it.
        unsafe { (*fork).public.assume_init_ref() }
    }

    /// Whether the fork has ended.
    ///
    /// # Safety
    /// It has been promoted.
    pub unsafe fn is_done(fork: *const Self) -> bool {
        // SAFETY: promised by the caller.
        unsafe { Self::public(fork) }.state.is_done()
    }

    /// Whether nobody has taken the fork, in a copy of the memory that nobody else works in.
    ///
    /// # Safety
    /// It has been promoted.
    pub unsafe fn is_left(fork: *const Self) -> bool {
        // SAFETY: promised by the caller.
        unsafe { Self::public(fork) }.state.0.load(Ordering::Relaxed) == PUBLIC
    }

    /// Who took the fork, and the slot of who did.
    ///
    /// # Safety
    /// The calling thread has promoted it, and found that it cannot `reclaim` it.
    pub unsafe fn thief(fork: *const Self) -> (Mark, *const Slot) {
        // SAFETY: promised by the caller.
        let public = unsafe { Self::public(fork) };
        (public.thief.get(), public.thief_slot.get())
    }

    /// Sleeps until the fork has ended.
    ///
    /// # Safety
    /// As `thief`.
    pub unsafe fn wait(fork: *const Self) {
        // SAFETY: promised by the caller.
        unsafe { Self::public(fork) }.state.wait();
    }

    /// How the fork ended.
    ///
    /// # Safety
    /// The calling thread is its owner, and has seen that it `is_done`.
    pub unsafe fn end(fork: *const Self) -> (Status, Option<Box<Outcome>>) {
        // SAFETY: promised by the caller.
        let public = unsafe { Self::public(fork) };
        (public.status.get(), public.outcome.take())
    }
}

impl State {
    fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire) & !WAITED == DONE
    }

    /// `TAKEN` to `DONE`; whether the owner sleeps. The fork may be gone right after.
    fn finish(&self) -> bool {
        self.0.swap(DONE, Ordering::AcqRel) & WAITED != 0
    }

    fn wait(&self) {
        while !self.is_done() {
            // Fails when the thief was quicker, or when the owner has said so before.
            let _ = self.0.compare_exchange(
                TAKEN,
                TAKEN | WAITED,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            self.0.wait(TAKEN | WAITED, None);
        }
    }
}

/// A fork that the calling thread has taken, and must run and `finish`.
#[must_use]
pub struct Stolen(NonNull<Fork>);

impl Stolen {
    /// What to run.
    pub fn half(&self) -> Half {
        // SAFETY: whoever forked waits until `finish`, so the fork is there.
        unsafe { self.0.as_ref() }.half
    }

    /// The forking task's frame, and its item.
    pub fn origin(&self) -> (*const c_void, usize) {
        // SAFETY: as above; a stolen fork has been promoted.
        let public = unsafe { Fork::public(self.0.as_ptr()) };
        (public.frame, public.index)
    }

    /// Ends the fork: who forked it goes on.
    pub fn finish(self, status: Status, outcome: Option<Box<Outcome>>) {
        // SAFETY: as above.
        let public = unsafe { Fork::public(self.0.as_ptr()) };
        public.status.set(status);
        public.outcome.set(outcome);
        let word = &raw const public.state.0;
        if public.state.finish() {
            #[cfg(not(loom))]
            WaitWord::wake_all_at(word);
            // SAFETY: models keep their forks.
            #[cfg(loom)]
            unsafe { &*word }.wake_all();
        }
    }
}
