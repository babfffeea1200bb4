#![allow(unsafe_code)]
//! Something that every worker does once.
//!
//! As many errands are submitted as there are workers, all at once. An errand first waits, and keeps
//! its worker's place meanwhile, until all have been begun; so no worker can have two of them. Only
//! then it calls the user's function, so that no worker is free for a second one while a first
//! waits for something. An errand that ends without having been begun, because its worker died or the
//! pool was terminated, is not waited for: who submitted them watches them all. (Whoever takes a dead
//! worker's place may then have one that was meant for a busy worker.)
//!
//! Two broadcasts in the same pool would wait for each other with half of the workers each, and one in
//! a pool that shrinks for a worker that has been sent away: so they are one at a time, and a change of
//! the number of workers takes effect after them.

use super::{
    abi::{Function, pool_task_t},
    batch, context,
    core::Core,
    frame::Frame,
    payload::{Call, copy_result},
    rendezvous::Rendezvous,
    status::{self, Error, Result, Status},
    submit,
    task::{Task, TaskRef},
    terms::Terms,
    watchers::Watch,
};
use crate::support::{
    alloc::Buffer,
    counted::Counted,
    sync::{Ordering, lock},
    wait_word::WaitWord,
};
use std::{
    cell::Cell,
    ffi::c_void,
    ptr::{self, NonNull},
    time::{Duration, Instant},
};

/// How long to wait for all to come before looking whether they can.
const PATIENCE: Duration = Duration::from_millis(50);

/// What stands in front of the user's argument; the sizes are such that this is 16-aligned.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Header {
    rendezvous: Rendezvous,
    index: usize,
    function: Function,
    /// The argument itself if it has no bytes.
    arg: *const c_void,
    arg_size: usize,
}

/// What each worker runs.
unsafe extern "C" fn errand(
    header: *const c_void,
    result: *mut c_void,
    task: *mut pool_task_t,
) -> i32 {
    // SAFETY: the submitter has put it there, aligned.
    let Header { rendezvous, index, function, arg, arg_size } =
        unsafe { header.cast::<Header>().read() };
    rendezvous.come(index);
    // SAFETY: the task is running.
    let core = unsafe { Frame::from_head(task) }.and_then(Frame::core);
    if !rendezvous.wait() || core.is_some_and(Core::is_terminated) {
        rendezvous.turn_back(index);
        return 1;
    }
    // SAFETY: the argument follows the header.
    let bytes = unsafe { header.cast::<Header>().add(1).cast() };
    // SAFETY: the caller of `run` has promised that it may be called so.
    unsafe { function(if arg_size == 0 { arg } else { bytes }, result, task) }
}

/// Who watches the errands.
struct Watcher {
    rendezvous: Rendezvous,
    /// How many have not ended. The rendezvous is not touched any more once it is 0.
    left: WaitWord,
}

impl Watch for Watcher {
    fn ended(&self, task: TaskRef, index: usize) {
        if task.core().is_terminated() {
            // Those who wait in other processes do not know yet.
            self.rendezvous.cancel();
        }
        self.rendezvous.come(index);
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.left.wake_all();
        }
    }
}

/// Memory that the workers share, until it is dropped.
struct Room<'a>(&'a Core, NonNull<u8>);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let _ = self.0.engine.shared().free(self.1.as_ptr());
    }
}

/// The errands' futures.
struct Futures(Vec<*mut Task>);

impl Futures {
    fn get(&self, index: usize) -> Option<TaskRef> {
        // SAFETY: `submit_all` has written all of them, and they have not been released.
        NonNull::new(self.0[index]).map(|task| unsafe { TaskRef::from_raw(task) })
    }
}

impl Drop for Futures {
    fn drop(&mut self) {
        for index in 0..self.0.len() {
            if let Some(task) = self.get(index) {
                task.release_handle();
            }
        }
    }
}

/// Where the outcomes go.
pub struct Outcomes {
    /// One result behind the other; only those of errands that end well.
    pub results: *mut u8,
    /// The status of each; NULL: the first failure is the whole's.
    pub statuses: *mut Status,
    /// For so many there is room; `None` if nothing is to be written.
    pub room: Option<usize>,
}

/// Has each worker run the call once, and waits for all of them.
///
/// # Safety
/// The call's pointers are as `Call` says; there is room for the outcomes.
///
/// # Errors
/// Why not; without statuses the first failure.
pub unsafe fn run(core: &Core, call: &Call, outcomes: &Outcomes) -> Result<()> {
    core.require_outside("wait for all workers of")?;
    core.require_open(false)?;
    core.engine.admit(core, call)?;
    let _alone = context::blocking(|_| lock(&core.broadcasting));
    let (count, _steady) = core.steady();
    if let Some(room) = outcomes.room.filter(|room| *room < count) {
        let text = format!("there is room for {room} results or statuses, and {count} workers");
        return Err(Error::new(status::SIZE, text));
    }
    let shared = core.engine.shared();
    let place = shared.allocate(Rendezvous::size_for(count)?)?;
    let _room = Room(core, place);
    // SAFETY: it is zeroed, aligned, of that size, and stays until all errands have ended.
    let rendezvous = unsafe { Rendezvous::new(place, count, shared.is_between_processes()) };
    let mut futures = Vec::new();
    let no_memory = |_| Error::no_memory("no memory for all workers' results");
    futures.try_reserve_exact(count).map_err(no_memory)?;
    futures.resize(count, ptr::null_mut());
    let mut futures = Futures(futures);
    let watcher = Counted::try_new(Watcher { rendezvous, left: WaitWord::new(count as u32) })
        .ok_or_else(|| Error::no_memory("no memory for all workers' results"))?;
    // SAFETY: promised by the caller.
    unsafe { submit_errands(core, call, rendezvous, &mut futures)? };
    // What a sequential pool has run may have forked, and returned in the child.
    core.require_this_process()?;
    wait_for_all(core, &watcher, &futures)?;
    // SAFETY: promised by the caller.
    unsafe { hand_out(call, rendezvous, &futures, outcomes) }
}

/// # Safety
/// As `run`.
unsafe fn submit_errands(
    core: &Core,
    call: &Call,
    rendezvous: Rendezvous,
    futures: &mut Futures,
) -> Result<()> {
    let Call { function, arg, arg_size, result_size, .. } = *call;
    let no_memory = || Error::no_memory("no memory for an argument");
    let size = size_of::<Header>().checked_add(arg_size).ok_or_else(no_memory)?;
    let buffer = Buffer::try_new(size).ok_or_else(no_memory)?;
    let place = buffer.as_ptr().cast::<Header>();
    // SAFETY: the buffer is that large; the argument is readable.
    unsafe { ptr::copy_nonoverlapping(arg.cast::<u8>(), place.add(1).cast(), arg_size) };
    let header = Cell::new(Header { rendezvous, index: 0, function, arg, arg_size });
    // Each is copied before the next is asked for.
    let errand = |index, _| {
        // SAFETY: the buffer begins with a header, and is aligned.
        unsafe { place.write(Header { index, ..header.get() }) };
        Ok(Call {
            function: errand,
            arg: place.cast_const().cast(),
            arg_size: size,
            result_size,
            callback: None,
            user_data: ptr::null_mut(),
            context: ptr::null(),
            // They are let in whatever the pool's bound is: fewer would wait for ever.
            terms: Some(Terms { late: true, ..Terms::USUAL }),
        })
    };
    let count = futures.0.len();
    // SAFETY: the buffer stays until the end of the call, and there is room for the futures.
    unsafe { batch::submit_all(core, count, &errand, futures.0.as_mut_ptr()) }
}

/// Waits until all errands have ended.
fn wait_for_all(core: &Core, watcher: &Counted<Watcher>, futures: &Futures) -> Result<()> {
    let rendezvous = watcher.rendezvous;
    let mut failure = None;
    for index in 0..futures.0.len() {
        let Some(task) = futures.get(index) else { continue };
        let watch: Counted<dyn Watch> = watcher.clone().widen(|inner| inner);
        let added = core.watchers.add(task, watch, index).inspect_err(|_| {
            // Unwatched, it could leave the others waiting.
            rendezvous.cancel();
            if submit::wait(task, None).is_err() {
                task.state.wait(None);
            }
        });
        if !matches!(added, Ok(true)) {
            watcher.ended(task, index);
        }
        failure = failure.or(added.err());
    }
    loop {
        let left = watcher.left.load(Ordering::SeqCst);
        if left == 0 {
            break;
        }
        let deadline = rendezvous.is_shut().then(|| Instant::now() + PATIENCE);
        let in_time = context::blocking(|_| watcher.left.wait_until_not(left, deadline));
        if !in_time
            && rendezvous.is_shut()
            && let Err(error) = core.engine.call(core)
        {
            // Those who have come would wait for one that cannot be had.
            rendezvous.cancel();
            failure.get_or_insert(error);
        }
    }
    match failure {
        Some(error) if rendezvous.is_cancelled() => Err(error),
        _ => Ok(()),
    }
}

/// # Safety
/// There is room for the outcomes.
unsafe fn hand_out(
    call: &Call,
    rendezvous: Rendezvous,
    futures: &Futures,
    outcomes: &Outcomes,
) -> Result<()> {
    let mut first = Ok(());
    for index in 0..futures.0.len() {
        let Some(task) = futures.get(index) else { continue };
        let outcome = match task.outcome() {
            Err(_) if rendezvous.has_turned_back(index) => Err(Error::from(status::TERMINATED)),
            Err(error) => Err(error),
            Ok(()) => {
                let (data, size) = task.result();
                let to = outcomes.results.wrapping_add(index * call.result_size);
                // SAFETY: promised by the caller; the data live as long as the future.
                unsafe { copy_result(data, size, to, call.result_size) }
            }
        };
        if !outcomes.statuses.is_null() {
            let status = outcome.as_ref().err().map_or(status::OK, |error| error.status);
            // SAFETY: promised by the caller.
            unsafe { outcomes.statuses.add(index).write(status) };
        } else if first.is_ok() {
            first = outcome.map_err(|error| error.about(&format!("run {index}")));
        }
    }
    first
}
