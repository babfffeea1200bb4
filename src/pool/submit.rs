#![allow(unsafe_code)]
//! What the calls of a pool do: apply, submit, map, and the handles they give out.

use super::{
    abi::{POOL_NO_WORKER, pool_callback_fn},
    bound::Admission,
    cold::Cold,
    context::{self, Context},
    core::Core,
    direct,
    group::Membership,
    map::Map,
    map_call::MapCall,
    payload::{Call, Outside, copy_result},
    priority::Level,
    site::Site,
    state::Cancel,
    status::{self, Error, Result, Status},
    task::{Task, TaskRef},
};
use crate::support::alloc::Buffer;
use std::{ffi::c_void, ptr::NonNull, time::Instant};

/// Runs a call and waits for it.
///
/// # Safety
/// The call's pointers are as `Call` says; `result` is writable for its `result_size` bytes.
///
/// # Errors
/// The task's failure, or why it could not be run.
pub unsafe fn apply(core: &Core, call: &Call, result: *mut u8) -> Result<()> {
    let inside = context::find(core).is_some();
    let mut outcome = None;
    let lent = core.engine.lend(core, &mut |context| {
        outcome = Some(core.require_open(inside).and_then(|()| {
            // SAFETY: promised by the caller.
            unsafe { direct::run_here(core, call, result, context) }
        }));
    });
    if lent {
        return outcome.unwrap_or_else(|| Err(Error::from(status::INTERNAL)));
    }
    let mut future = std::ptr::null_mut();
    // SAFETY: promised by the caller.
    unsafe { submit(core, call, Some(&mut future))? };
    let future = NonNull::new(future).ok_or_else(|| Error::from(status::INTERNAL))?;
    // SAFETY: `submit` gave us this reference.
    let future = unsafe { TaskRef::from_raw(future) };
    let outcome = wait_for_end(core, future).and_then(|()| {
        let (data, size) = future.result();
        // SAFETY: promised by the caller; the data live until the release below.
        unsafe { copy_result(data, size, result, call.result_size) }
    });
    let _ = future.release_handle();
    outcome
}

/// Waits for ever, and makes a failed task an error.
fn wait_for_end(core: &Core, task: TaskRef) -> Result<()> {
    if let Err(error) = core.engine.wait(core, task, None) {
        // In a child that it has forked, nobody works on it any more.
        if core.is_in_this_process() && (!cancel(task) || task.map().is_some()) {
            // Somebody has begun it after all; what it borrows must not be taken away.
            task.state.wait(None);
        }
        return Err(error);
    }
    task.outcome()
}

/// Enqueues a call. With `future`, a handle is written there before the task can start.
///
/// # Safety
/// The call's pointers are as `Call` says.
///
/// # Errors
/// Nothing was submitted then, and nothing written.
pub unsafe fn submit(core: &Core, call: &Call, future: Option<&mut *mut Task>) -> Result<()> {
    core.engine.admit(core, call)?;
    if call.fits_inside() {
        let enqueued = enqueue(core, 1, future, Level::Normal, |block, references| {
            // SAFETY: promised by the caller; the block is ours.
            unsafe { block.fill(call, references) };
            Ok(())
        });
        return enqueued.map(drop);
    }
    // SAFETY: promised by the caller.
    let cold = Cold::for_call(unsafe { Outside::new(&*core.engine, call)? })?;
    let level = call.terms.map_or(Level::Normal, |terms| terms.level);
    let enqueued = enqueue(core, 1, future, level, |block, references| {
        // SAFETY: promised by the caller; the block is ours.
        unsafe { block.fill_with(call, cold, references) };
        Ok(())
    });
    enqueued.map(drop)
}

/// Enqueues a map, which keeps the memory `keep` until it has ended. With `future`, a handle is
/// written there before the map can start.
///
/// # Errors
/// Nothing was submitted then, and nothing written.
pub fn submit_map(
    core: &Core,
    call: MapCall,
    keep: Option<Buffer>,
    callback: pool_callback_fn,
    user_data: *mut c_void,
    future: Option<&mut *mut Task>,
) -> Result<()> {
    core.engine.admit_map(core, &call, callback.is_some())?;
    let membership = call.membership;
    let (mut map, level) = (Map::new(call, core.workers())?, call.level());
    map.keep(keep);
    // One reference is the map's own, one the queue's, and one ours if it is to be seated.
    let references = if membership.is_none() { 2 } else { 3 };
    let task = enqueue(core, references, future, level, |block, references| {
        block.fill_map(map, callback, user_data, references)
    })?;
    if !membership.is_none() {
        sit_down(task, membership);
        task.release();
    }
    Ok(())
}

/// Seats a map in its groups, which are alive; it may be cancelled at once.
fn sit_down(task: TaskRef, membership: Membership) {
    task.sit_down();
    // SAFETY: promised by the caller.
    for group in unsafe { membership.groups() }.into_iter().flatten() {
        group.sweep_if_cancelled();
    }
}

/// Enqueues what `fill` makes with the number of references that it is given: `references`, and
/// those that are needed here. The task is the caller's to use if one of `references` is.
#[inline]
fn enqueue(
    core: &Core,
    references: u32,
    future: Option<&mut *mut Task>,
    level: Level,
    fill: impl FnOnce(&Task, u32) -> Result<()>,
) -> Result<TaskRef> {
    let context = context::find(core);
    core.require_open(context.is_some())?;
    let admission = core.bound.enter(core, 1)?;
    let references =
        references + u32::from(future.is_some()) + u32::from(admission == Admission::Over);
    let fill = |block: &Task| fill(block, references);
    let task = enter_queue(core, context, future, level, fill)
        .inspect_err(|_| core.bound.leave(core, 1))?;
    core.engine.wake(core);
    if admission == Admission::Over {
        run_inline(core, task);
    }
    Ok(task)
}

#[inline]
fn enter_queue(
    core: &Core,
    context: Option<&Context>,
    future: Option<&mut *mut Task>,
    level: Level,
    fill: impl FnOnce(&Task) -> Result<()>,
) -> Result<TaskRef> {
    let mut entry = core.blocks.enter(core, context)?;
    let block = entry.allocate()?;
    // SAFETY: `allocate` gave us the block alone.
    let task = unsafe { block.as_ref() };
    if let Err(error) = fill(task) {
        entry.give_back(block);
        return Err(error);
    }
    let handle = future.map(|future| {
        task.state.hand_out();
        (std::mem::replace(future, block.as_ptr()), future)
    });
    let door = entry.door_for(level);
    // SAFETY: the queue's reference was counted in.
    let enqueued = core.engine.enqueue(core, door, unsafe { TaskRef::from_raw(block) });
    if let Err(error) = enqueued {
        if let Some((before, future)) = handle {
            *future = before;
        }
        task.empty_again();
        entry.give_back(block);
        return Err(error);
    }
    // SAFETY: the caller only uses it if a reference was counted in for it.
    Ok(unsafe { TaskRef::from_raw(block) })
}

/// Runs a task that there was no room for on the thread that has submitted it, which owns a
/// reference, unless somebody else has begun it.
pub fn run_inline(core: &Core, task: TaskRef) {
    match context::find(core) {
        Some(context) if context.counted.get() && context.has_stack() => {
            run_awaited(core, task, context);
        }
        // On top of another that leaves no stack: it stays in the queue.
        Some(_) => {}
        None => {
            core.engine.hold(core);
            let site = Site::nowhere(POOL_NO_WORKER);
            let visitor = Context::visitor(core, site, false, 0..0);
            visitor.enter(|| run_awaited(core, task, &visitor));
            core.engine.release(core);
        }
    }
    task.release();
}

/// Runs a map and waits for it; the caller takes part if it may.
///
/// # Errors
/// The lowest failed item's failure, or why the map could not be run.
pub fn map(core: &Core, call: MapCall) -> Result<()> {
    let context = context::find(core);
    core.require_open(context.is_some())?;
    core.engine.admit_map(core, &call, false)?;
    if let Some(terms) = &call.terms {
        core.prepare_for(terms)?;
    }
    if call.count == 0 {
        return Ok(());
    }
    let membership = call.membership;
    let map = Map::new(call, core.workers())?;
    let task = claimed_map(core, context, map)?;
    core.bound.enter_anyhow(1);
    sit_down(task, membership);
    let mut outcome = Ok(());
    let lent = task.state.is_done()
        || core.engine.lend(core, &mut |here| {
            outcome = core.require_open(context.is_some());
            if outcome.is_ok() {
                participate(core, task, here.site());
            }
        });
    // An item has forked, and returned in the child: who has the other items is not here.
    core.require_this_process()?;
    if !lent {
        outcome = enqueue_again(core, task);
    }
    if let Err(error) = &outcome {
        stop(core, task, error.status);
    }
    let ended = wait_for_end(core, task);
    task.release();
    outcome.and(ended)
}

/// A map in no queue, claimed: one reference is its own, one the caller's.
fn claimed_map(core: &Core, context: Option<&Context>, map: Map) -> Result<TaskRef> {
    let mut entry = core.blocks.enter(core, context)?;
    let block = entry.allocate()?;
    // SAFETY: `allocate` gave us the block alone.
    if let Err(error) = unsafe { block.as_ref() }.fill_map(map, None, std::ptr::null_mut(), 2) {
        entry.give_back(block);
        return Err(error);
    }
    // SAFETY: counted just above.
    let task = unsafe { TaskRef::from_raw(block) };
    let claimed = task.state.claim();
    debug_assert!(claimed);
    Ok(task)
}

/// Takes part in a map on this thread, and calls others if they could help.
pub fn participate(core: &Core, task: TaskRef, site: Site<'_>) {
    if let Some(map) = task.map() {
        // Without help, this thread does it all.
        map.participate(task, site, &|| drop(enqueue_again(core, task)));
    }
}

/// Puts a map that the caller owns into the queue, for somebody else to take part in.
fn enqueue_again(core: &Core, task: TaskRef) -> Result<()> {
    let entry = core.blocks.enter(core, context::find(core))?;
    task.state.add_reference();
    let level = task.map().map_or(Level::Normal, |map| map.call().level());
    let enqueued = core.engine.enqueue(core, entry.door_for(level), task);
    drop(entry);
    if enqueued.is_ok() {
        core.engine.wake(core);
    } else {
        // Not the last: the caller has one.
        task.release();
    }
    enqueued
}

/// Runs what a worker has found in a queue, and gives the queue's reference up.
// For each task there is: without the price of a call.
#[inline(always)]
pub fn run_queued(core: &Core, task: TaskRef, context: &Context) {
    let claimed = task.state.claim();
    if task.map().is_some() {
        run_queued_map(core, task, claimed, context);
    } else if !claimed {
        task.release();
    } else if core.is_terminated() {
        task.finish_unrun(status::TERMINATED);
    } else {
        let site = context.site();
        let status = task.run(site);
        core.leave_if_child();
        context.tally().count_task();
        task.finish(status, site.worker);
    }
}

/// The same, with a map.
#[inline(never)]
fn run_queued_map(core: &Core, task: TaskRef, claimed: bool, context: &Context) {
    if claimed || task.state.is_running() {
        participate(core, task, context.site());
        core.leave_if_child();
    }
    task.release();
}

/// Ends all tasks that have not started as terminated.
pub fn drop_queued(core: &Core) {
    core.engine.hold(core);
    core.agenda.end_all();
    while let Some(task) = core.engine.take_queued(core) {
        if task.map().is_some() {
            let _ = task.state.claim();
            stop(core, task, status::TERMINATED);
            task.release();
        } else if task.state.claim() {
            task.finish_unrun(status::TERMINATED);
        } else {
            task.release();
        }
    }
    core.engine.release(core);
}

/// Runs a task that the caller waits for, if nobody has begun it. The caller holds a reference.
pub fn run_awaited(core: &Core, task: TaskRef, context: &Context) {
    if task.map().is_some() {
        if task.state.claim() || task.state.is_running() {
            participate(core, task, context.site());
        }
    } else if task.state.claim() {
        task.state.add_reference();
        let site = context.site();
        let status = task.run(site);
        context.tally().count_task();
        task.finish(status, site.worker);
    }
}

/// Starts no more items of a map; ends it here if none are running.
fn stop(core: &Core, task: TaskRef, reason: Status) {
    if let Some(map) = task.map() {
        map.stop(core, reason);
        core.engine.skip_rest(core, task);
    }
}

/// Cancels a task: true if it will never start (a map: no more items will).
pub fn cancel(task: TaskRef) -> bool {
    if task.state.is_done() {
        return false;
    }
    let core = task.core();
    core.engine.hold(core);
    let cancelled = if task.map().is_some() {
        let _ = task.state.claim();
        stop(core, task, status::CANCELLED);
        true
    } else {
        match task.state.cancel() {
            Cancel::Claimed => {
                task.state.add_reference();
                task.finish_unrun(status::CANCELLED);
                true
            }
            Cancel::Withheld => {
                let deferred = task.deferred();
                task.state.add_reference();
                task.finish_unrun(status::CANCELLED);
                if let Some(deferred) = deferred {
                    deferred.refuse(Error::from(status::CANCELLED));
                }
                true
            }
            Cancel::Asked => core.engine.withdraw(core, task),
            Cancel::TooLate => false,
        }
    };
    core.engine.release(core);
    cancelled
}

/// Ends a task now: true if it will not end by itself any more.
///
/// # Errors
/// `UNSUPPORTED` when it is running where it cannot be killed.
pub fn kill(task: TaskRef) -> Result<bool> {
    let core = task.core();
    let cancelled = cancel(task);
    if task.state.is_done() || cancelled && task.map().is_none() {
        return Ok(cancelled);
    }
    Ok(core.engine.kill(core, task)? || cancelled)
}

/// Makes the end of a task known, if it has ended and nobody has looked yet.
///
/// # Errors
/// `FORKED` if it can end no more in this process.
pub fn look(task: TaskRef) -> Result<()> {
    if !task.state.is_done() {
        task.core().require_this_process()?;
        task.core().engine.look(task.core(), task);
    }
    Ok(())
}

/// Waits until a task has ended; false when the deadline came first.
///
/// # Errors
/// `FORKED`, `DEADLOCK`.
pub fn wait(task: TaskRef, deadline: Option<Instant>) -> Result<bool> {
    if task.state.is_done() {
        return Ok(true);
    }
    task.core().require_this_process()?;
    task.core().engine.wait(task.core(), task, deadline)
}
