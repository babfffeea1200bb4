#![allow(unsafe_code)]
//! Fork-join over many items inside a task: halved until one is left, so that whoever is hungry
//! takes half of what there is.

use super::{
    abi::{Function, pool_task_t},
    fork::{Half, join2},
    frame::Frame,
    payload::Place,
    status::{self, Error, Result, Status},
};
use crate::support::{
    sync::{AtomicBool, Mutex, Ordering, lock},
    text::sentence,
};
use std::{borrow::Cow, ffi::c_void, ptr};

/// What to run, over what: checked, and borrowed from the caller until all have ended.
#[derive(Clone, Copy)]
pub struct ItemsCall {
    /// The function.
    pub function: Function,
    /// The first argument.
    pub args: *const c_void,
    /// The distance between arguments; 0: each item gets `args` itself.
    pub arg_size: usize,
    /// The first result's place.
    pub results: *mut c_void,
    /// The distance between results, and the size of each.
    pub result_size: usize,
    /// How many items.
    pub count: usize,
}

struct Failure {
    index: usize,
    status: Status,
    message: Cow<'static, str>,
}

/// Items inside a task.
pub struct Items<'a> {
    call: ItemsCall,
    /// The task's.
    outer: &'a Frame<'a>,
    /// An item has failed. A hint: the failure itself is under the lock.
    stopped: AtomicBool,
    /// The failed item with the lowest index so far.
    failure: Mutex<Option<Failure>>,
}

/// Some of the items; lies on the stack of who halved them.
struct Range<'a> {
    items: &'a Items<'a>,
    low: usize,
    high: usize,
}

/// Runs a function over many items, here and on whichever workers are free. After a failure
/// nothing more is started.
///
/// # Safety
/// `task` was given to the function that calls this; the call's arrays are as it says.
///
/// # Errors
/// The lowest failed item's.
pub unsafe fn join_n(task: *mut pool_task_t, call: ItemsCall) -> Result<()> {
    // SAFETY: promised by the caller.
    let outer = unsafe { Frame::from_head(task) }.ok_or(status::INVALID)?;
    if call.count == 0 {
        return Ok(());
    }
    let failure = Mutex::new(None);
    let items = Items { call, outer, stopped: AtomicBool::new(false), failure };
    let frame = Frame::for_items(outer, &items);
    let all = Range { items: &items, low: 0, high: call.count };
    // SAFETY: the range lives until all of it has been run.
    let status = frame.enter(|| unsafe { all.run(frame.head()) });
    let failure = lock(&items.failure).take();
    match failure {
        Some(Failure { index, status, message }) => {
            let message = sentence(format_args!("item {index}: {message}"));
            outer.fail(message.clone());
            Err(Error::new(status, message))
        }
        // Not an item's, but the forks' own.
        None if status != status::OK => {
            let said = frame.take_outcome().and_then(|outcome| outcome.message);
            Err(said.map_or_else(|| status.into(), |message| Error::new(status, message)))
        }
        None => Ok(()),
    }
}

unsafe extern "C" fn run_range(
    arg: *const c_void,
    _result: *mut c_void,
    task: *mut pool_task_t,
) -> Status {
    // SAFETY: only ranges are forked with this function.
    unsafe { (*arg.cast::<Range<'_>>()).run(task) }
}

impl Range<'_> {
    /// # Safety
    /// `task` is that of a frame of the items, on the calling thread.
    unsafe fn run(&self, task: *mut pool_task_t) -> Status {
        let Self { items, low, high } = *self;
        if items.is_stopped() {
            return status::OK;
        }
        if high - low == 1 {
            // SAFETY: promised by the caller; each item is run once.
            unsafe { items.run_one(task, low) };
            return status::OK;
        }
        let middle = low + (high - low) / 2;
        let half = |range: &Range<'_>| Half {
            function: run_range,
            arg: ptr::from_ref(range).cast(),
            result: ptr::null_mut(),
        };
        let first = Range { items, low, high: middle };
        let second = Range { items, low: middle, high };
        // SAFETY: promised by the caller; both ranges live until both have been run.
        unsafe { join2(task, half(&first), half(&second)) }
    }
}

impl<'a> Items<'a> {
    /// # Safety
    /// As `Range::run`; nobody else runs this item.
    unsafe fn run_one(&self, task: *mut pool_task_t, index: usize) {
        let ItemsCall { function, args, arg_size, .. } = self.call;
        // SAFETY: promised by the caller.
        let Some(frame) = (unsafe { Frame::from_head(task) }) else { return };
        frame.set_item(index);
        let arg = args.wrapping_byte_add(index * arg_size);
        // SAFETY: promised by the caller.
        let status = unsafe { frame.call(function, arg, self.place(index).start) };
        let outcome = frame.take_outcome();
        if status != status::OK {
            let message = outcome.and_then(|outcome| outcome.message);
            self.fail(index, status, message);
        }
    }

    #[cold]
    fn fail(&self, index: usize, status: Status, message: Option<Cow<'static, str>>) {
        let message = message.unwrap_or_else(|| status::meaning(status));
        let mut failure = lock(&self.failure);
        if failure.as_ref().is_none_or(|lowest| index < lowest.index) {
            *failure = Some(Failure { index, status, message });
        }
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Where the result of an item goes.
    pub fn place(&self, index: usize) -> Place {
        let size = self.call.result_size;
        let start = self.call.results.wrapping_byte_add(index * size).cast();
        Place { start, size }
    }

    /// Whether an item has failed.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The frame of the task that the items are in.
    pub fn outer(&self) -> &'a Frame<'a> {
        self.outer
    }
}
