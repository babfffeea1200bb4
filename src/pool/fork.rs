#![allow(unsafe_code)]
//! Fork-join inside a task: `join2`. `fork.md` beside this file has the protocol and its proof.
//!
//! A fork is a record on the stack of the function that forks, in the list of its task's frame.
//! While nobody is hungry that is all, and only the owner touches it. When somebody is, the
//! oldest fork, which is the largest, is promoted: offered to the other workers (`offers.rs`).

use super::{
    abi::pool_task_t,
    context::{self, Context},
    fork_record::{Fork, Stolen},
    frame::Frame,
    status::{self, Error, Result, Status},
};
use crate::support::{
    spin,
    sync::{Ordering, WordForC},
};

pub use super::fork_record::Half;

/// Runs `a` here and `b` here or on another worker; returns when both have ended. If `a` fails,
/// `b` need not have run. The status is `a`'s failure, or `b`'s.
///
/// This is also `pool_join2_inline` of the C header; the two share the records.
///
/// # Safety
/// `task` was given to the function that calls this. Both halves are as `pool_fn` promises, for
/// any thread.
#[inline]
pub unsafe fn join2(task: *mut pool_task_t, a: Half, b: Half) -> Status {
    let mut fork = Fork::new(b);
    let fork = &raw mut fork;
    // SAFETY: the frame behind the task lives while its function runs; its list holds forks of
    // functions that called this one. The flag is a slot's, which lives as long as the pool.
    unsafe {
        let older = (*task).private_forks.older;
        (*fork).links.older = older;
        (*older).newer = fork.cast();
        (*task).private_forks.older = fork.cast();
        if WordForC::from_ptr((*task).private_hungry.cast_mut()).load(Ordering::Relaxed) != 0 {
            promote(task);
        }
        let status = (a.function)(a.arg, a.result, task);
        if status == status::OK && (*task).private_forks.older == fork.cast() {
            // Promotion may have changed what is older.
            (*task).private_forks.older = (*fork).links.older;
            return (b.function)(b.arg, b.result, task);
        }
        finish(task, fork, status).unwrap_or_else(|error| {
            if let Some(frame) = Frame::from_head(task) {
                frame.fail(error.message);
            }
            error.status
        })
    }
}

/// Somebody is hungry: offers the oldest fork.
///
/// # Safety
/// As `join2`, inside it.
#[cold]
#[inline(never)]
pub unsafe fn promote(task: *mut pool_task_t) {
    // SAFETY: promised by the caller.
    let Some(frame) = (unsafe { Frame::from_head(task) }) else { return };
    let Some(core) = frame.core() else { return };
    if !core.is_in_this_process() {
        // No worker has come along.
        frame.keep_forks();
        return;
    }
    let Some(context) = context::find(core) else { return };
    // SAFETY: the frames and their forks are this thread's.
    let Some((frame, fork)) = (unsafe { remove_oldest(frame) }) else { return };
    let origin = std::ptr::from_ref(frame).cast();
    // SAFETY: just removed; its owner will `finish` it.
    unsafe { frame.slot().offer(fork, context.promote(), origin, frame.index()) };
    core.engine.wake(core);
}

/// Removes the oldest fork of a task on this thread from the list of its frame.
///
/// # Safety
/// The frame is of the calling thread, and entered.
unsafe fn remove_oldest<'a, 'b>(frame: &'a Frame<'b>) -> Option<(&'a Frame<'b>, *mut Fork)> {
    if let Some(outer) = frame.outer()
        // SAFETY: the outer frame is of this thread too.
        && let Some(found) = unsafe { remove_oldest(outer) }
    {
        return Some(found);
    }
    // SAFETY: the list is this thread's. It is a ring through the head, but for the newest fork's
    // `newer`, and the head's if the list is empty.
    unsafe {
        let head = &raw mut (*frame.head()).private_forks;
        let newest = (*head).older;
        if newest == head {
            return None;
        }
        let oldest = (*head).newer;
        if oldest == newest {
            (*head).older = head;
        } else {
            let next = (*oldest).newer;
            (*head).newer = next;
            (*next).older = head;
        }
        Some((frame, oldest.cast()))
    }
}

/// Ends a join whose first half has ended with `status`, when that was a failure, or when the
/// fork is not the newest private one any more: then it has been promoted.
///
/// # Safety
/// As `join2`, inside it; the fork is of this join.
///
/// # Errors
/// `FORKED` when the fork was taken by a worker that this process does not have.
#[cold]
#[inline(never)]
pub unsafe fn finish(task: *mut pool_task_t, fork: *mut Fork, status: Status) -> Result<Status> {
    // SAFETY: promised by the caller.
    let half = unsafe { (*fork).half };
    let run = move || {
        if status == status::OK {
            // SAFETY: promised by the caller.
            unsafe { (half.function)(half.arg, half.result, task) }
        } else {
            status
        }
    };
    // SAFETY: the list is this thread's.
    unsafe {
        if (*task).private_forks.older == fork.cast() {
            (*task).private_forks.older = (*fork).links.older;
            return Ok(run());
        }
    }
    // SAFETY: promised by the caller.
    let frame = unsafe { Frame::from_head(task) }.ok_or(status::INTERNAL)?;
    let core = frame.core().ok_or(status::INTERNAL)?;
    if core.is_in_this_process() {
        // SAFETY: it was promoted by this thread, into the slot of the frame.
        if unsafe { frame.slot().reclaim(fork) } {
            return Ok(run());
        }
        let context = context::find(core).ok_or(status::INTERNAL)?;
        // SAFETY: it could not be reclaimed, so it was stolen.
        unsafe { wait(fork, context) };
    }
    // Also when what ran meanwhile has forked, and returned in the child.
    if !core.is_in_this_process() {
        // The lock may have been held by a thread that is not here; the copy of the fork shows
        // what had become of it.
        // SAFETY: it was promoted.
        if unsafe { Fork::is_left(fork) } {
            return Ok(run());
        }
        // SAFETY: as above.
        if !unsafe { Fork::is_done(fork) } {
            let text = "another thread had taken half of the work when this process was forked";
            return Err(Error::new(status::FORKED, text));
        }
    }
    // SAFETY: this is its owner, and it is done.
    let (ended, outcome) = unsafe { Fork::end(fork) };
    if status != status::OK {
        return Ok(status);
    }
    if let Some(outcome) = outcome {
        frame.absorb(*outcome);
    }
    Ok(ended)
}

/// Waits until a stolen fork has ended. Meanwhile this thread helps its thief, and nobody else
/// (leapfrogging): what the thief waits for may run on top of this frame, anything else might
/// wait for this very frame. In a blocking section, where it has no place, it helps nobody. In a
/// child that what it ran has forked it returns at once.
///
/// # Safety
/// The calling thread, whose context this is, found that it cannot reclaim the fork.
unsafe fn wait(fork: *const Fork, context: &Context) {
    // SAFETY: promised by the caller; a slot lives as long as the pool.
    let slot = unsafe { &*Fork::thief(fork).1 };
    // SAFETY: promised by the caller.
    let is_done = || unsafe { Fork::is_done(fork) };
    loop {
        let mut found = None;
        spin::spin_until(slot.patience, || {
            if !is_done() && context.counted.get() && context.has_stack() {
                // SAFETY: promised by the caller.
                found = unsafe { slot.take_below(fork, context.thief()) };
            }
            found.is_some() || is_done()
        });
        match found {
            Some(stolen) => {
                run(stolen, context);
                if !context.core().is_in_this_process() {
                    return;
                }
            }
            None => break,
        }
    }
    if !is_done() {
        // SAFETY: promised by the caller.
        context::blocking(|_| unsafe { Fork::wait(fork) });
    }
}

/// Runs a stolen fork on this thread, whose context this is.
pub fn run(stolen: Stolen, context: &Context) {
    let half = stolen.half();
    let (origin, index) = stolen.origin();
    // SAFETY: the frame that forked is there until the fork has ended. Of its fields only those
    // are read that nobody writes.
    let origin = unsafe { &*origin.cast::<Frame<'_>>() };
    let frame = Frame::for_fork(origin, index, context.site());
    // SAFETY: promised by who forked.
    let status = frame.enter(|| unsafe { (half.function)(half.arg, half.result, frame.head()) });
    frame.end_sections();
    let outcome = frame.take_outcome();
    stolen.finish(status, outcome);
}
