#![allow(unsafe_code)]
//! Many calls submitted at once: all or none, with one wake-up.
//!
//! Whatever may fail is done first: all calls are checked, what does not fit into a block is
//! copied, and as many blocks are promised as there are calls. After that the tasks are filled
//! and become visible portion by portion, so that the first run while the last are being filled,
//! and their blocks are used again. Those that may not start yet come last: from then on what they
//! wait for may start or end them.

use super::{
    abi::pool_task_t,
    blocks::Entry,
    bound::Admission,
    cold::Cold,
    context,
    core::Core,
    deferred::{Deferred, Held},
    group::{Group, seats},
    payload::{Call, Outside},
    priority::Counts,
    status::{self, Error, Result},
    submit,
    task::{Task, TaskRef},
    terms::Terms,
};
use crate::support::counted::Counted;
use std::{ffi::c_void, ptr, time::Instant, vec::IntoIter};

/// What a call needs beyond its block.
struct Need {
    /// The call's number.
    index: usize,
    cold: Box<Cold>,
    /// If it may not start at once.
    held: Option<Held>,
}

/// All calls, checked, and all made that may fail.
#[derive(Default)]
struct Prepared {
    needs: Vec<Need>,
    /// How many may not start at once.
    held: usize,
    /// How many may, by level.
    at_once: Counts,
    /// From when all delays count.
    now: Option<Instant>,
    /// The only task was accepted before.
    late: bool,
    /// The groups of all calls.
    groups: Vec<Counted<Group>>,
}

/// In place of a call that was accepted, and that somebody has spoilt before it was submitted.
const CHANGED: Call = Call {
    function: fail,
    arg: ptr::null(),
    arg_size: 0,
    result_size: 0,
    callback: None,
    user_data: ptr::null_mut(),
    context: ptr::null(),
    terms: None,
};

unsafe extern "C" fn fail(_: *const c_void, _: *mut c_void, _: *mut pool_task_t) -> i32 {
    status::INTERNAL
}

/// What is asked of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Everything.
    Check,
    /// The same once more, without its terms.
    Fill,
}

/// The calls of a batch, by their numbers.
pub type Calls<'a> = &'a dyn Fn(usize, Pass) -> Result<Call>;

/// Fills one block after the other.
struct Filler<'a> {
    call: Calls<'a>,
    count: usize,
    /// The next call.
    index: usize,
    entry: Entry<'a>,
    futures: *mut *mut Task,
    /// Whether we run the tasks ourselves, and so own a reference to each.
    is_over: bool,
    /// The next need, and those after it.
    need: Option<Need>,
    needs: IntoIter<Need>,
    /// Tasks that may not start at once, and their calls' numbers.
    held: Vec<(Held, TaskRef, usize)>,
}

impl Filler<'_> {
    /// The next task that may start at once, and those before it that may not; `None` when there is
    /// none any more.
    ///
    /// # Safety
    /// As `submit_all`; and there is a promised block for each call.
    #[inline(always)]
    unsafe fn next(&mut self) -> Option<TaskRef> {
        while self.index < self.count {
            let index = self.index;
            self.index += 1;
            let block = self.entry.allocate_promised();
            // SAFETY: `allocate_promised` gave us the block alone; the queue's reference, or the
            // agenda's, is counted in.
            let task = unsafe { TaskRef::from_raw(block) };
            // Looked at in place: a call is large.
            let made = (self.call)(index, Pass::Fill);
            if let Some(need) = self.need.take_if(|need| need.index == index) {
                // SAFETY: promised by the caller.
                let at_once = unsafe { self.fill_with(task, index, &made, need) };
                if at_once {
                    return Some(task);
                }
                continue;
            }
            let call = match &made {
                Ok(call) if call.is_small() => call,
                _ => &CHANGED,
            };
            // SAFETY: promised by the caller, and it is small.
            unsafe { task.fill(call, self.references(self.is_over)) };
            // SAFETY: promised by the caller.
            unsafe { self.hand_out(task, index) };
            return Some(task);
        }
        None
    }

    /// Fills a block with a call that needs more; false if it may not start at once.
    ///
    /// # Safety
    /// As `next`.
    #[cold]
    unsafe fn fill_with(
        &mut self,
        task: TaskRef,
        index: usize,
        made: &Result<Call>,
        need: Need,
    ) -> bool {
        self.need = self.needs.next();
        let Need { cold, held, .. } = need;
        let call = match made {
            Ok(call) if cold.is_outside() || call.is_small() => call,
            _ => &CHANGED,
        };
        // Our own reference if it is kept.
        let is_kept = self.is_over && held.is_none();
        // SAFETY: promised by the caller; what has no memory outside fits inside.
        unsafe { task.fill_with(call, cold, self.references(is_kept)) };
        // SAFETY: promised by the caller.
        unsafe { self.hand_out(task, index) };
        if held.is_some() {
            task.state.defer();
        }
        task.sit_down();
        let Some(held) = held else { return true };
        self.held.push((held, task, index));
        false
    }

    fn references(&self, is_kept: bool) -> u32 {
        1 + u32::from(!self.futures.is_null()) + u32::from(is_kept)
    }

    /// # Safety
    /// There is room for the future.
    #[inline]
    unsafe fn hand_out(&self, task: TaskRef, index: usize) {
        if !self.futures.is_null() {
            task.state.hand_out();
            // SAFETY: promised by the caller.
            unsafe { self.futures.add(index).write(task.as_non_null().as_ptr()) };
        }
    }
}

/// Submits `count` calls, at least one, given by their numbers. With `futures`, not NULL, a handle on each is
/// written there before its task can start.
///
/// # Safety
/// The calls' pointers, and those in their terms, are as `Call` says; there is room for as many
/// futures.
///
/// # Errors
/// Nothing was submitted then, and nothing written.
pub unsafe fn submit_all(
    core: &Core,
    count: usize,
    call: Calls<'_>,
    futures: *mut *mut Task,
) -> Result<()> {
    let context = context::find(core);
    core.require_open(context.is_some())?;
    // SAFETY: promised by the caller.
    let prepared = unsafe { prepare(core, count, call)? };
    let counts = prepared.at_once;
    let at_once = counts.all();
    let admission = prepared.enter(core, count)?;
    let leave = |_: &Error| core.bound.leave(core, count);
    let is_over = admission == Admission::Over;
    let (mut own, mut held) = (Vec::new(), Vec::new());
    let reserved = own
        .try_reserve_exact(if is_over { at_once } else { 0 })
        .and_then(|()| held.try_reserve_exact(prepared.held));
    reserved.map_err(|_| Error::no_memory("no memory for a batch")).inspect_err(leave)?;
    let mut entry = core.blocks.enter(core, context).inspect_err(leave)?;
    entry.promise(count).inspect_err(leave)?;
    let door = entry.door();
    let mut needs = prepared.needs.into_iter();
    let need = needs.next();
    let mut filler = Filler { call, count, index: 0, entry, futures, is_over, need, needs, held };
    let mut enqueued = Ok(());
    if at_once > 0 {
        enqueued = core.engine.enqueue_all(core, door, counts, &mut || {
            // SAFETY: promised by the caller.
            let task = unsafe { filler.next() }.expect("as many as were counted");
            if is_over {
                own.push(task);
            }
            task
        });
    }
    if enqueued.is_ok() && filler.index < count {
        // SAFETY: promised by the caller.
        let none = unsafe { filler.next() };
        debug_assert!(none.is_none());
    }
    let Filler { entry, mut held, .. } = filler;
    // Whoever wakes may end other tasks, whose blocks come back through the lane.
    drop(entry);
    enqueued.inspect_err(leave)?;
    if at_once > 0 {
        core.engine.wake(core);
    }
    // Some moments may have passed meanwhile: what is earlier comes first.
    held.sort_unstable_by_key(|(waits, _, number)| (waits.at, *number));
    for (waits, task, _) in held {
        waits.commit(task);
    }
    for group in prepared.groups {
        group.sweep_if_cancelled();
    }
    // Those in front are begun by others meanwhile.
    while let Some(task) = own.pop() {
        if core.bound.is_over(core) {
            submit::run_inline(core, task);
        } else {
            task.release();
        }
    }
    Ok(())
}

/// Checks all calls, and makes what they need beyond their blocks.
///
/// # Safety
/// The calls' pointers, and those in their terms, are as `Call` says.
unsafe fn prepare(core: &Core, count: usize, call: Calls<'_>) -> Result<Prepared> {
    let mut prepared = Prepared { at_once: Counts::normal(count), ..Prepared::default() };
    for index in 0..count {
        let numbered = |error: Error| error.about(&format!("call {index}"));
        // Looked at in place, as above.
        let made = call(index, Pass::Check);
        let call = match &made {
            Ok(call) => call,
            Err(error) => return Err(numbered(error.clone())),
        };
        core.engine.admit(core, call).map_err(numbered)?;
        if !call.fits_inside() {
            // SAFETY: promised by the caller.
            unsafe { prepared.add(core, index, call)? };
        }
    }
    Ok(prepared)
}

impl Prepared {
    /// # Safety
    /// As `prepare`.
    unsafe fn add(&mut self, core: &Core, index: usize, call: &Call) -> Result<()> {
        let no_memory = |_| Error::no_memory("no memory for a batch");
        self.needs.try_reserve(1).map_err(no_memory)?;
        // SAFETY: promised by the caller.
        let outside = unsafe { Outside::new(&*core.engine, call)? };
        let mut cold = Cold::for_call(outside)?;
        let mut held = None;
        if let Some(terms) = call.terms {
            self.late |= terms.late || !terms.run_of.is_null();
            core.prepare_for(&terms)?;
            // SAFETY: promised by the caller.
            unsafe {
                cold.seats = seats(&terms.membership)?;
                held = self.hold(core, &terms)?;
            }
        }
        if let Some(held) = &held {
            cold.deferred = Some(held.share());
            self.held += 1;
            self.at_once.drop_normal();
        } else if let Some(terms) = call.terms {
            self.at_once.shift(terms.level);
        }
        self.needs.push(Need { index, cold, held });
        Ok(())
    }

    /// Counts all tasks in.
    fn enter(&self, core: &Core, count: usize) -> Result<Admission> {
        if self.late {
            core.bound.enter_anyhow(count);
            return Ok(Admission::Within);
        }
        core.bound.enter(core, count)
    }

    /// # Safety
    /// As `prepare`.
    unsafe fn hold(&mut self, core: &Core, terms: &Terms) -> Result<Option<Held>> {
        let no_memory = |_| Error::no_memory("no memory for a batch");
        let mut is_cancelled = false;
        // SAFETY: promised by the caller.
        for group in unsafe { terms.membership.groups() }.into_iter().flatten() {
            if group.is_cancelled() {
                is_cancelled = true;
                continue;
            }
            // If it is cancelled from here on, its new members may have been missed.
            if !self.groups.last().is_some_and(|last| ptr::eq(last.as_ptr(), group)) {
                self.groups.try_reserve(1).map_err(no_memory)?;
                self.groups.push(group.share());
            }
        }
        if is_cancelled {
            return Deferred::refused(core, Error::from(status::CANCELLED)).map(Some);
        }
        if terms.is_deferred() {
            let now = *self.now.get_or_insert_with(Instant::now);
            // SAFETY: promised by the caller.
            return unsafe { Deferred::prepare(core, terms, now) }.map(Some);
        }
        Ok(None)
    }
}
