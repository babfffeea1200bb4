#![allow(unsafe_code)]
//! Maps from a producer to a consumer.

use super::{
    boundary::{bytes, deadline, given, not_null, number, read_struct, remember, status},
    call::{self, pool_call_t},
    handle::{self, pool_future_t, pool_t},
    iterator::{self, Iterator},
    life::Graveyard,
};
use crate::{
    pool::{
        core::Core,
        imap::Imap,
        payload::copy_result,
        status::{self as code, Error, Result},
        task::Task,
    },
    support::sync::Arc,
};
use std::{
    ffi::c_void,
    ptr::{self, NonNull},
};

/// Produces the arguments of pool_imap(): writes the next one to `arg`, and returns 1; or 0 at the
/// end, or something negative for a failure, which is an end, too: pool_imap_next() then returns
/// POOL_ERR_INTERNAL, and pool_last_error() tells the number.
///
/// arg: zeroed bytes, as many as the call's `arg_size`, 16-aligned; NULL if that is 0.
/// It must return, as a task must, and not use the iterator it produces for.
pub type pool_producer_fn =
    Option<unsafe extern "C" fn(arg: *mut c_void, user_data: *mut c_void) -> i32>;

/// A map under way from a producer to a consumer.
pub struct pool_imap_t {
    _private: [u8; 0],
}

/// What the handle leads to.
struct Inner {
    core: Arc<Core>,
    call: pool_call_t,
    produce: unsafe extern "C" fn(arg: *mut c_void, user_data: *mut c_void) -> i32,
    user_data: *mut c_void,
    imap: Imap,
}

static FREED: Graveyard<Iterator<Inner>> = Graveyard::new();
const NAME: &str = "imap";

fn inner(imap: *mut pool_imap_t) -> *mut Iterator<Inner> {
    imap.cast()
}

impl Inner {
    fn fill(&mut self) -> Result<()> {
        let Self { core, call, produce, user_data, imap } = self;
        // SAFETY: the caller of `pool_imap` vouches for the function, and the place is large enough.
        let mut produce = |arg: *mut u8| unsafe {
            let arg = if call.arg_size > 0 { arg } else { ptr::null_mut() };
            produce(arg.cast(), *user_data)
        };
        let mut send = |arg: *const u8| {
            let mut one = *call;
            if one.arg_size > 0 {
                one.arg = arg.cast();
            }
            let mut future: *mut pool_future_t = ptr::null_mut();
            // SAFETY: the caller of `pool_imap` vouches for what the call points to.
            unsafe { call::submit_all(core, &raw const one, 1, &raw mut future) }?;
            NonNull::new(future.cast::<Task>()).ok_or_else(|| Error::from(code::INTERNAL))
        };
        imap.fill(&mut produce, &mut send)
    }
}

/// # Safety
/// As the callers of `pool_imap` promise.
unsafe fn begin(
    pool: *mut pool_t,
    call: *const pool_call_t,
    producer: pool_producer_fn,
    user_data: *mut c_void,
    window: usize,
    imap: *mut *mut pool_imap_t,
    ordered: bool,
) -> Result<()> {
    // SAFETY: the caller vouches for the handle.
    let core = unsafe { handle::core(pool) }?;
    // SAFETY: the caller vouches for the struct.
    let call = unsafe { read_struct(call)? };
    given(call.r#fn, "fn is NULL")?;
    let produce = given(producer, "producer is NULL")?;
    not_null(imap, "imap")?;
    if call.arg_size > 0 && !call.arg.is_null() {
        return Err(Error::invalid(
            "an imap takes its arguments from the producer; arg must be NULL",
        ));
    }
    if call.callback.is_some() || call.after_count > 0 {
        return Err(Error::invalid("an imap has no callback, and waits for no other futures"));
    }
    let made = Imap::new(core, call.arg_size, window, ordered)?;
    let core = core.to_arc();
    let mut made = Inner { core, call, produce, user_data, imap: made };
    if let Err(error) = made.fill()
        && made.imap.is_empty()
    {
        return Err(error);
    }
    // SAFETY: not null, and the caller vouches for it.
    unsafe { imap.write(iterator::make(made)?.cast()) };
    Ok(())
}

/// A map over arguments that a producer makes one after the other, and whose results are taken one
/// after the other, in the order of the arguments: for more of them than memory holds, or without
/// end. Never more than `window` items are there, from their production until their results are
/// taken.
///
/// Example:
///
///     static int32_t numbers(void *arg, void *user_data) {
///       int *next = user_data;
///       *(int *)arg = ++*next;
///       return *next <= 100000;
///     }
///     pool_call_t call = POOL_CALL_INIT;
///     call.fn = square;
///     call.arg_size = call.result_size = sizeof(int);
///     int next = 0, result;
///     int32_t status;
///     size_t index;
///     pool_imap_t *squares;
///     assert(pool_imap(pool, &call, numbers, &next, 0, &squares) == POOL_OK);
///     while (pool_imap_next(squares, -1, &result, sizeof result, &index, &status) == 1) {
///       assert(status == POOL_OK && result == (int)((index + 1) * (index + 1)));
///       if (index == 999) break; // enough
///     }
///     pool_imap_release(squares);
///
/// call: what to run, with all that it says for each item: context, priority and so on; `arg` is
///   NULL, or with `arg_size` 0 what every item gets. Read during the call only, but what it points
///   to is borrowed until the last item has ended. No callback.
/// producer, user_data: called on the thread that calls this or pool_imap_next(), inside these
///   calls, and never twice at a time: so it needs no lock, and is only as far ahead as the window.
/// window: how many items may be under way; 0 for four for each worker.
/// imap: goes there, the caller's to release with pool_imap_release().
/// Submits the first items. Blocks only as long as the producer does, or where the pool's option
/// `when_full` says so. Returns POOL_OK, or as pool_submit(): then nothing was submitted, though
/// the producer may have been called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_imap(
    pool: *mut pool_t,
    call: *const pool_call_t,
    producer: pool_producer_fn,
    user_data: *mut c_void,
    window: usize,
    imap: *mut *mut pool_imap_t,
) -> i32 {
    // SAFETY: the caller vouches for all of it.
    status(|| unsafe { begin(pool, call, producer, user_data, window, imap, true) })
}

/// As pool_imap(), but results come in the order in which the items end: one that takes long keeps
/// no other waiting.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_imap_unordered(
    pool: *mut pool_t,
    call: *const pool_call_t,
    producer: pool_producer_fn,
    user_data: *mut c_void,
    window: usize,
    imap: *mut *mut pool_imap_t,
) -> i32 {
    // SAFETY: the caller vouches for all of it.
    status(|| unsafe { begin(pool, call, producer, user_data, window, imap, false) })
}

/// Waits for the next item, and takes its result. Before that it produces and submits as many as
/// the window has room for.
///
/// imap: used by one thread at a time, else POOL_ERR_INVALID.
/// timeout_ms: how long at most, in milliseconds, beside what the producer takes; -1 for ever, and
///   then pool_imap() helps as pool_future_wait() does.
/// result, result_size: where the result goes, if the item was well; NULL and 0 if not wanted.
/// index: the number of its argument goes there, from 0; NULL if not wanted.
/// status: how the item ended goes there: POOL_OK, or its failure, whose sentence pool_last_error()
///   has. The others go on: a failure is delivered in its place.
/// Returns 1 with an item; 0 at the end; POOL_ERR_INTERNAL where the producer has failed, once all
/// items before that have been taken; POOL_ERR_TIMEOUT, or _SIZE when the result is larger than
/// `result_size`: then the item stays, and the call may be repeated. When an item could not be
/// submitted, and no other is under way, why: _CLOSED, _TERMINATED, _FULL, _NO_MEMORY and so on; its
/// argument is kept for the next call. POOL_ERR_INVALID; _FORKED; and as pool_future_wait().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_imap_next(
    imap: *mut pool_imap_t,
    timeout_ms: i64,
    result: *mut c_void,
    result_size: usize,
    index: *mut usize,
    status: *mut i32,
) -> i32 {
    number(|| {
        not_null(status, "status")?;
        bytes(result, result_size, 1, "result")?;
        let deadline = deadline(timeout_ms)?;
        let next = |inner: &mut Inner| {
            let filled = inner.fill();
            let Some(ended) = inner.imap.next(deadline, filled)? else { return Ok(0) };
            let outcome = ended.task.outcome();
            if outcome.is_ok() && !result.is_null() {
                let (data, size) = ended.task.result();
                // SAFETY: the caller vouches for the room; the result lives as long as the task.
                let copied = unsafe { copy_result(data, size, result.cast(), result_size) };
                if let Err(error) = copied {
                    inner.imap.put_back(&ended);
                    return Err(error);
                }
            }
            if let Err(error) = &outcome {
                remember(&error.message);
            }
            // SAFETY: null, or the caller vouches for it.
            if let Some(index) = unsafe { index.as_mut() } {
                *index = ended.index;
            }
            // SAFETY: not null, and the caller vouches for it.
            unsafe { status.write(ended.task.status()) };
            inner.imap.take(&ended);
            Ok(1)
        };
        // SAFETY: the caller vouches for the handle.
        unsafe { iterator::with(inner(imap), NAME, next) }
    })
}

/// Gives the iterator back, at its end or in the midst; once. Items that have not started are
/// cancelled; those that run are asked to stop, and what becomes of them is lost. Does not wait for
/// them. NULL does nothing. Returns POOL_OK; POOL_ERR_INVALID, also while another thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_imap_release(imap: *mut pool_imap_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { iterator::release(inner(imap), NAME, &FREED) }
    })
}
