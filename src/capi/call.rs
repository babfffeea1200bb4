#![allow(unsafe_code)]
//! The full form of a call: many at once, and for maps.

use super::{
    boundary::{Versioned, bytes, elements, given, not_null, read_struct, status},
    group::pool_group_t,
    handle::{self, pool_future_t, pool_t},
    life,
    simple::map_call,
    token::pool_token_t,
};
use crate::pool::{
    abi::{pool_callback_fn, pool_fn},
    batch::{self, Pass},
    core::Core,
    group::Membership,
    map_call::MapCall,
    payload::Call,
    priority::Level,
    status::{self as code, Error, Result},
    submit,
    task::Task,
    terms::Terms,
};
use std::ffi::c_void;

/// Runs when nothing more urgent waits, and once in sixteen starts.
pub const POOL_PRIORITY_LOW: i32 = -1;
/// As all calls of the short forms.
pub const POOL_PRIORITY_NORMAL: i32 = 0;
/// Starts before whatever waits with a lower priority.
pub const POOL_PRIORITY_HIGH: i32 = 1;

/// A call in full. Begin with POOL_CALL_INIT, then set what you need.
///
/// Example:
///     pool_call_t calls[2] = {POOL_CALL_INIT, POOL_CALL_INIT};
///     pool_future_t *futures[2];
///     for (int i = 0; i < 2; i++) {
///         calls[i].fn = square;
///         calls[i].arg = &in[i];
///         calls[i].arg_size = calls[i].result_size = sizeof(int);
///         calls[i].timeout_ms = 60000;
///         calls[i].retries = 2;
///     }
///     calls[1].priority = POOL_PRIORITY_HIGH;
///     assert(pool_submit(pool, calls, 2, futures) == POOL_OK);
///     for (int i = 0; i < 2; i++) {
///         assert(pool_future_get(futures[i], &out[i], sizeof(int), -1) == POOL_OK);
///         pool_future_release(futures[i]);
///     }
///     assert(out[1] == 4);
///
/// With `delay_ms` or `after` a task is accepted at once, with a future and for its callback, but is
/// in no queue before its time has come and all of `after` have ended with POOL_OK; then it stands
/// behind what was submitted until then. One of `after` that ends otherwise ends it at once, with
/// the same status and a sentence that names it, without having run; and so on down a chain.
/// Until then pool_future_cancel() and pool_terminate() end it, and a wait for it only waits.
/// pool_close() lets it run at its time, and joining waits for that: also for ever, if `delay_ms` is
/// INT64_MAX. It counts for `max_pending` all the while.
///
/// The futures in `after` may be released as soon as it was submitted. Since a future is written by
/// the call that submits its task, tasks cannot wait in a circle; for tasks that follow others of
/// the same batch, submit twice.
///
/// Example:
///     pool_future_t *parts[5], *whole;
///     pool_call_t calls[5], last = POOL_CALL_INIT;
///     for (int i = 0; i < 5; i++) {
///         calls[i] = (pool_call_t)POOL_CALL_INIT;
///         calls[i].fn = slow;
///         calls[i].arg = &in[i];
///         calls[i].arg_size = calls[i].result_size = sizeof(int);
///         calls[i].delay_ms = 10 * i;
///     }
///     pool_submit(pool, calls, 5, parts);
///     last.fn = square;
///     last.arg = &in[1];
///     last.arg_size = last.result_size = sizeof(int);
///     last.after = parts;
///     last.after_count = 5;
///     pool_submit(pool, &last, 1, &whole);
///     assert(pool_future_wait(whole, -1) == POOL_OK);
///     assert(pool_future_ready(parts[4]) == 1);
///     for (int i = 0; i < 5; i++) pool_future_release(parts[i]);
///     pool_future_release(whole);
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pool_call_t {
    /// sizeof(pool_call_t), set by POOL_CALL_INIT.
    pub struct_size: usize,
    /// What to run.
    pub r#fn: pool_fn,
    /// The argument: `arg_size` bytes there, or with `arg_size` 0 the pointer itself. Not for maps.
    pub arg: *const c_void,
    /// The size of an argument in bytes.
    pub arg_size: usize,
    /// The size of a result in bytes.
    pub result_size: usize,
    /// What tasks see as task->context; borrowed until the call has ended.
    pub context: *const c_void,
    /// Called once with the outcome, where the pool's option `callbacks` says; NULL for none. Not
    /// for pool_map_with().
    pub callback: pool_callback_fn,
    /// Passed to the callback.
    pub user_data: *mut c_void,
    /// POOL_PRIORITY_NORMAL, which is 0, _HIGH or _LOW: of those that wait the more urgent start
    /// first, and among equals those of one submitting thread in its order. Nothing that runs is
    /// interrupted. Lest a stream of urgent tasks starve the others, of the starts of each worker one
    /// in sixteen is a normal task's, and one a low one's, if one waits. In a map it is that of all
    /// its items. Anything else is POOL_ERR_INVALID.
    pub priority: i32,
    /// How often to try again, at once, after a failure: a code of the task's own, POOL_ERR_INTERNAL,
    /// _WORKER_DIED or _TIME_LIMIT. Only the last attempt's failure is reported. task->attempt says
    /// which it is, the argument's bytes are the same and the result's are zero again. What was
    /// cancelled, killed or terminated is not tried again, nor is anything in a pool that is broken.
    /// In a map it is so for each item, in threads only, and an item finds in arrays what the attempt
    /// before has left there.
    pub retries: u32,
    /// How long a run may take, in milliseconds, in a map that of each item; 0: as long as the pool's
    /// option task_timeout_ms says; -1: for ever. In processes the worker is then killed, and the
    /// task fails with POOL_ERR_TIME_LIMIT. A thread cannot be killed: there the task is asked to stop
    /// (pool_task_cancelled() is 1), and if it then returns anything but POOL_OK, it has failed with
    /// POOL_ERR_TIME_LIMIT. The time that it waits to start does not count.
    pub timeout_ms: i64,
    /// How long to wait before it may start, in milliseconds. Not for maps.
    pub delay_ms: i64,
    /// Futures, of this pool or others, that must have ended well before it may start. Not for maps.
    pub after: *const *mut pool_future_t,
    /// How many.
    pub after_count: usize,
    /// Cancels it, with all others of that token; NULL for none.
    pub cancel: *mut pool_token_t,
    /// The group that it is in; NULL for none.
    pub group: *mut pool_group_t,
}

// SAFETY: begins with its size; numbers, pointers and functions may be zero.
unsafe impl Versioned for pool_call_t {
    const WHAT: &'static str = "call";
    const FORMER: &'static [usize] = &[64];
}

impl pool_call_t {
    pub(super) fn checked(&self, pass: Pass) -> Result<Call> {
        let Self { arg, arg_size, result_size, context, callback, user_data, .. } = *self;
        let terms =
            if pass == Pass::Fill || self.is_usual() { None } else { Some(self.all_terms()?) };
        let function = given(self.r#fn, "fn is NULL")?;
        bytes(arg, arg_size, 1, "arg")?;
        Ok(Call { function, arg, arg_size, result_size, callback, user_data, context, terms })
    }

    /// A map with what the call says.
    fn over(
        &self,
        args: *const c_void,
        results: *mut c_void,
        statuses: *mut i32,
        count: usize,
    ) -> Result<MapCall> {
        if !self.arg.is_null() {
            return Err(Error::invalid("a map takes its arguments from args; arg must be NULL"));
        }
        let mut call = map_call(self.r#fn, args, self.arg_size, results, self.result_size, count)?;
        if !statuses.is_null() {
            elements(statuses, count, "statuses")?;
        }
        call.terms = self.map_terms()?;
        call.membership = call.terms.map_or(Membership::NONE, |terms| terms.membership);
        call.context = self.context;
        call.statuses = statuses;
        Ok(call)
    }

    /// Whether the call says nothing beyond what to run.
    #[inline]
    fn is_usual(&self) -> bool {
        // All together: there is one question for most calls.
        let times = (self.timeout_ms | self.delay_ms).cast_unsigned();
        let places = (self.after_count | self.cancel.addr() | self.group.addr()) as u64;
        let rest = self.priority.cast_unsigned() | self.retries;
        times | places | u64::from(rest) == 0
    }

    /// What the call says beyond what to run, if it does.
    fn terms(&self) -> Result<Option<Terms>> {
        if self.is_usual() { Ok(None) } else { self.all_terms().map(Some) }
    }

    #[cold]
    fn all_terms(&self) -> Result<Terms> {
        let Self { priority, retries, timeout_ms, delay_ms, after, after_count, .. } = *self;
        if timeout_ms < -1 {
            return Err(Error::invalid(format!(
                "timeout_ms is {timeout_ms}; it must be above 0, 0 for the pool's, or -1 for none"
            )));
        }
        let level = match priority {
            POOL_PRIORITY_LOW => Level::Low,
            POOL_PRIORITY_NORMAL => Level::Normal,
            POOL_PRIORITY_HIGH => Level::High,
            _ => {
                let names = "POOL_PRIORITY_LOW, _NORMAL or _HIGH";
                return Err(Error::invalid(format!("priority is {priority}; it must be {names}")));
            }
        };
        if delay_ms < 0 {
            return Err(Error::invalid(format!("delay_ms is {delay_ms}; it must not be negative")));
        }
        self.check_after()?;
        let membership = self.membership()?;
        let after = after.cast::<*mut Task>();
        Ok(Terms {
            level,
            retries,
            timeout_ms,
            delay_ms,
            after,
            after_count,
            membership,
            ..Terms::USUAL
        })
    }

    fn check_after(&self) -> Result<()> {
        let Self { after, after_count, .. } = *self;
        elements(after, after_count, "after")?;
        for index in 0..after_count {
            // SAFETY: inside the array, which the caller vouches for.
            let future = unsafe { after.add(index).read_unaligned() };
            // SAFETY: the caller vouches for the handle.
            unsafe { handle::task_here(future) }
                .map_err(|error| error.about(&format!("after[{index}]")))?;
        }
        Ok(())
    }

    /// The groups that it names.
    fn membership(&self) -> Result<Membership> {
        let mut membership = Membership::NONE;
        if !self.cancel.is_null() {
            // SAFETY: the caller vouches for the handle.
            membership.token = unsafe { life::of_this_process(self.cancel) }?;
        }
        if !self.group.is_null() {
            // SAFETY: the caller vouches for the handle.
            membership.group = unsafe { life::of_this_process(self.group) }?;
        }
        Ok(membership)
    }

    /// For a map, which is not deferred.
    fn map_terms(&self) -> Result<Option<Terms>> {
        let terms = self.terms()?;
        if terms.is_some_and(|terms| terms.is_deferred()) {
            let text = "a map starts at once: delay_ms and after are for pool_submit()";
            return Err(Error::new(code::UNSUPPORTED, text));
        }
        Ok(terms)
    }
}

/// Submits many calls at once: all of them, or none.
///
/// calls, count: an array of `count` calls, each begun with POOL_CALL_INIT; read during the call
///   only, and each argument's bytes are copied, as by pool_apply_async(). `count` 0 does nothing.
/// futures: room for `count` handles, each written before its task can start and the caller's to
///   release with pool_future_release(); NULL if not wanted.
/// The tasks start in the order of the array. Costs a fraction of as many pool_apply_async(), and
/// one wake-up; the first tasks may have ended before it returns. Does not block, but for starting
/// a thread now and then. Returns POOL_OK, or as pool_apply_async(), with the number of the call
/// in the sentence if one is the reason: then nothing was submitted, nothing written, and no
/// callback is ever called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_submit(
    pool: *mut pool_t,
    calls: *const pool_call_t,
    count: usize,
    futures: *mut *mut pool_future_t,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        // SAFETY: the caller vouches for the arrays.
        unsafe { submit_all(core, calls, count, futures) }
    })
}

/// As `pool_submit`.
///
/// # Safety
/// As the caller of that promises.
pub unsafe fn submit_all(
    core: &Core,
    calls: *const pool_call_t,
    count: usize,
    futures: *mut *mut pool_future_t,
) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    not_null(calls, "calls")?;
    // SAFETY: the caller vouches for the array; each element begins with its size.
    let stride = unsafe { calls.cast::<usize>().read_unaligned() };
    bytes(calls, stride, count, "calls")?;
    let call = |index: usize, pass: Pass| {
        // SAFETY: inside the array, which the caller vouches for.
        let call = unsafe { calls.byte_add(index * stride) };
        // SAFETY: every such struct begins with its size.
        if unsafe { call.cast::<usize>().read_unaligned() } != stride {
            return Err(Error::invalid("its struct_size is not that of the first call"));
        }
        if stride == size_of::<pool_call_t>() && call.is_aligned() {
            // SAFETY: the array holds structs of this very version; nobody changes it meanwhile.
            return unsafe { &*call }.checked(pass);
        }
        // SAFETY: as above.
        let full = unsafe { read_struct(call)? };
        full.checked(pass)
    };
    // SAFETY: the caller vouches for the sizes and the room; a future is a task's block.
    unsafe { batch::submit_all(core, count, &call, futures.cast::<*mut Task>()) }
}

/// As pool_map(), with a context for all items, and a status of each.
///
/// call: read during the call only.
/// args, results, count: as in pool_map().
/// statuses: room for `count` statuses; then every item is run, whatever becomes of the others,
///   and POOL_OK is returned also if some have failed. After pool_terminate() those that were
///   not started have POOL_ERR_TERMINATED, which is then returned. NULL: as in pool_map().
/// Blocks, and returns, as pool_map().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_map_with(
    pool: *mut pool_t,
    call: *const pool_call_t,
    args: *const c_void,
    results: *mut c_void,
    statuses: *mut i32,
    count: usize,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        // SAFETY: the caller vouches for the struct.
        let full = unsafe { read_struct(call)? };
        if full.callback.is_some() {
            let text = "a map that is waited for has no callback; pool_map_with_async() has one";
            return Err(Error::invalid(text));
        }
        submit::map(core, full.over(args, results, statuses, count)?)
    })
}

/// As pool_map_with(), but returns at once, as pool_map_async() does: `args`, `results` and
/// `statuses` are borrowed until the map has ended.
///
/// Example:
///
///     pool_call_t call = POOL_CALL_INIT;
///     call.fn = square;
///     call.arg_size = call.result_size = sizeof(int);
///     pool_future_t *future;
///     int32_t statuses[5];
///     assert(pool_map_with_async(pool, &call, in, out, statuses, 5, &future) == POOL_OK);
///     uint64_t done, total;
///     while (pool_future_wait(future, 100) == POOL_ERR_TIMEOUT) {
///       pool_future_progress(future, &done, &total);
///       printf("\r%d of %d", (int)done, (int)total);
///     }
///     assert(pool_future_status(future) == POOL_OK && statuses[4] == POOL_OK && out[4] == 25);
///     pool_future_release(future);
///
/// call: read during the call only. Its callback is called once for the whole map, its outcome as
///   that of pool_map_async().
/// future: goes there; NULL if not wanted. pool_future_cancel() ends the map, and with `statuses`
///   those items that were not started have POOL_ERR_CANCELLED; pool_future_progress() tells how
///   many are done.
/// Returns as pool_map_async().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_map_with_async(
    pool: *mut pool_t,
    call: *const pool_call_t,
    args: *const c_void,
    results: *mut c_void,
    statuses: *mut i32,
    count: usize,
    future: *mut *mut pool_future_t,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        // SAFETY: the caller vouches for the struct.
        let full = unsafe { read_struct(call)? };
        let call = full.over(args, results, statuses, count)?;
        // SAFETY: the caller vouches for the pointer; a future is a task's block.
        let future = unsafe { future.cast::<*mut Task>().as_mut() };
        submit::submit_map(core, call, None, full.callback, full.user_data, future)
    })
}
