#![allow(unsafe_code)]
//! Tasks that are cancelled, and waited for, as one. A token that cancels is a group for which
//! nobody waits.

use super::{
    context, stack,
    status::{self, Error, Result},
    submit,
    task::{Task, TaskRef},
};
use crate::support::{
    counted::{Counted, Itself},
    process,
    sync::{AtomicBool, Mutex, Ordering, lock},
    wait_word::WaitWord,
};
use std::{ptr, time::Instant};

/// See the module.
pub struct Group {
    me: Itself<Self>,
    /// The process that it belongs to.
    epoch: u32,
    /// What comes now is cancelled at once. Set under the lock, so that who is seated before is seen
    /// by who cancels, and who comes later sees it.
    cancelled: AtomicBool,
    members: Mutex<Members>,
    /// Counts how often the last member has ended while somebody waited.
    ends: WaitWord,
}

#[derive(Default)]
struct Members {
    /// A seated task has a reference for each seat.
    seats: Vec<Option<TaskRef>>,
    /// There is room for all seats.
    free: Vec<usize>,
    seated: usize,
    waiting: usize,
    /// How the first failed since the last wait.
    failure: Option<Error>,
}

/// A place in a group, for a task that may not be there yet.
pub struct Seat {
    group: Counted<Group>,
    place: usize,
}

/// The groups that a call names: its token's, and its own; null for none.
#[derive(Clone, Copy, Debug)]
pub struct Membership {
    /// The token's.
    pub token: *const Group,
    /// Its own.
    pub group: *const Group,
}

/// The seats of one task.
pub type Seats = [Option<Seat>; 2];

impl Membership {
    /// In no group.
    pub const NONE: Self = Self { token: ptr::null(), group: ptr::null() };

    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        self.token.is_null() && self.group.is_null()
    }

    /// The groups.
    ///
    /// # Safety
    /// They are alive until `'a` ends.
    pub unsafe fn groups<'a>(&self) -> [Option<&'a Group>; 2] {
        // SAFETY: promised by the caller.
        unsafe { [self.token.as_ref(), self.group.as_ref()] }
    }
}

/// Seats in all groups that are named; `None` when there are none.
///
/// # Safety
/// The groups are alive.
///
/// # Errors
/// `NO_MEMORY`.
pub unsafe fn seats(membership: &Membership) -> Result<Option<Seats>> {
    if membership.is_none() {
        return Ok(None);
    }
    // SAFETY: promised by the caller.
    let [token, group] = unsafe { membership.groups() };
    let seat = |group: Option<&Group>| group.map(Group::reserve).transpose();
    Ok(Some([seat(token)?, seat(group)?]))
}

impl Group {
    /// A group without members.
    ///
    /// # Errors
    /// `NO_MEMORY`; `SYSTEM` when the process cannot be told from its future children.
    pub fn new() -> Result<Counted<Self>> {
        let epoch = process::epoch().map_err(|error| Error::system("no page of memory", &error))?;
        let made = Counted::try_cyclic(|me| Self {
            me,
            epoch,
            cancelled: AtomicBool::new(false),
            members: Mutex::default(),
            ends: WaitWord::new(0),
        });
        made.ok_or_else(|| Error::no_memory("no memory for a group of tasks"))
    }

    /// One more owner.
    pub fn share(&self) -> Counted<Self> {
        // SAFETY: a group is only used while it has owners.
        unsafe { self.me.share() }
    }

    /// Fails in a process that was forked since.
    ///
    /// # Errors
    /// `FORKED`.
    pub fn require_this_process(&self) -> Result<()> {
        if process::is_current(self.epoch) {
            return Ok(());
        }
        Err(Error::new(status::FORKED, "it was made before this process was forked"))
    }

    /// Whether it has been cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// A seat that is kept free.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn reserve(&self) -> Result<Seat> {
        let no_memory = |_| Error::no_memory("no memory for one more task in a group");
        let mut members = lock(&self.members);
        if members.free.is_empty() {
            let next = members.seats.len();
            members.seats.try_reserve(1).map_err(no_memory)?;
            members.free.try_reserve(next + 1).map_err(no_memory)?;
            members.seats.push(None);
            members.free.push(next);
        }
        let place = members.free.pop().unwrap_or_default();
        drop(members);
        Ok(Seat { group: self.share(), place })
    }

    /// Cancels all members, and what will come.
    pub fn cancel(&self) {
        let members = lock(&self.members);
        self.cancelled.store(true, Ordering::Relaxed);
        drop(members);
        self.sweep();
    }

    /// Cancels those that came in while the group was being cancelled.
    pub fn sweep_if_cancelled(&self) {
        if self.is_cancelled() {
            self.sweep();
        }
    }

    /// Those that run come last: one that is asked to stop, and does, must not make room for
    /// another one of these.
    fn sweep(&self) {
        self.cancel_those(|task| !task.state.is_running());
        self.cancel_those(|_| true);
    }

    fn cancel_those(&self, are_meant: impl Fn(TaskRef) -> bool) {
        for place in 0.. {
            let task = match lock(&self.members).seats.get(place) {
                None => return,
                Some(None) => continue,
                // While it is seated its reference is there.
                Some(Some(task)) => {
                    task.state.add_reference();
                    *task
                }
            };
            if are_meant(task) {
                submit::cancel(task);
            }
            task.release();
        }
    }

    /// Waits until all members have ended, running those on the calling thread that may be; then
    /// the group is as new. False when the deadline came first.
    ///
    /// # Errors
    /// How the first failed; `DEADLOCK` inside a member.
    pub fn wait(&self, deadline: Option<Instant>) -> Result<bool> {
        if stack::is_inside_member(self) {
            let text = "a task cannot wait for its own group: it would wait for itself";
            return Err(Error::new(status::DEADLOCK, text));
        }
        let mut next = 0;
        loop {
            let mut members = lock(&self.members);
            if members.seated == 0 {
                self.cancelled.store(false, Ordering::Relaxed);
                return members.failure.take().map_or(Ok(true), Err);
            }
            if deadline.is_none()
                && let Some(task) = members.pick(&mut next)
            {
                drop(members);
                let waited = submit::wait(task, None);
                task.release();
                waited?;
                continue;
            }
            members.waiting += 1;
            let seen = self.ends.load(Ordering::SeqCst);
            drop(members);
            let ended = context::blocking(|_| self.ends.wait_until_not(seen, deadline));
            lock(&self.members).waiting -= 1;
            if !ended {
                return Ok(false);
            }
        }
    }
}

impl Members {
    /// A member that has not ended, with a reference; from `next` on, round and round.
    fn pick(&mut self, next: &mut usize) -> Option<TaskRef> {
        for _ in 0..self.seats.len() {
            let place = *next % self.seats.len();
            *next = place + 1;
            if let Some(task) = self.seats[place].filter(|task| !task.state.is_done()) {
                task.state.add_reference();
                return Some(task);
            }
        }
        None
    }
}

impl Seat {
    /// Unless the task has ended already. Under the lock, so that who ends it finds it seated.
    fn sit(&self, task: TaskRef) {
        let mut members = lock(&self.group.members);
        if task.state.watch() {
            members.seats[self.place] = Some(task);
            members.seated += 1;
        }
    }

    /// Whether the task sat there.
    fn leave(&self, task: TaskRef) -> bool {
        let mut members = lock(&self.group.members);
        if members.seats[self.place].take().is_none() {
            return false;
        }
        members.seated -= 1;
        if members.failure.is_none() {
            members.failure = task.outcome().err();
        }
        let wakes = members.seated == 0 && members.waiting > 0;
        if wakes {
            self.group.ends.fetch_add(1, Ordering::SeqCst);
        }
        drop(members);
        if wakes {
            self.group.ends.wake_all();
        }
        true
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.group.members).free.push(self.place);
    }
}

impl TaskRef {
    /// Takes the seats that were reserved. The caller owns a reference, and is the submitter.
    pub fn sit_down(self) {
        for seat in self.seats().into_iter().flatten().flatten() {
            seat.sit(self);
        }
    }

    /// The task has ended: nobody in its groups need wait for it. How many references for its seats
    /// are the caller's now.
    pub fn leave_groups(self) -> usize {
        self.seats().into_iter().flatten().flatten().filter(|seat| seat.leave(self)).count()
    }
}

impl Task {
    /// Whether the task is in that group. Only by who has claimed it.
    pub fn is_in(&self, group: &Group) -> bool {
        let is_there = |seat: &Seat| ptr::eq(seat.group.as_ptr(), group);
        self.seats().is_some_and(|seats| seats.iter().flatten().any(is_there))
    }
}
