#![allow(unsafe_code)]
//! Fork-join inside a task.

use super::boundary::{bytes, given, status};
use crate::pool::{
    abi::{pool_fn, pool_fork_t, pool_task_t},
    fork::{self, Half},
    items::{self, ItemsCall},
    status::{Error, Result},
};
use std::ffi::c_void;

fn in_task(task: *const pool_task_t) -> Result<()> {
    if task.is_null() || !task.is_aligned() {
        return Err(Error::invalid("task is NULL; call it inside a task, pool_apply() starts one"));
    }
    Ok(())
}

/// Runs two functions, perhaps at the same time: `a` here, and `b` on another worker if one is
/// free, else here after `a`. Returns when both have ended. It costs a few nanoseconds when
/// nobody is free, so that a recursion needs no cut-off. To be called inside a task; from
/// outside, pool_apply() starts one.
///
/// task: what the calling function was given, on the thread that runs it. Nothing checks that: the
///   task of another thread, as in a thread that a task starts, or of one that has ended, breaks the program.
/// a, arg_a, result_a, b, arg_b, result_b: what to run. The pointers are passed on as they are,
///   nothing is copied or zeroed; what they point to may lie on the caller's stack. Both get a
///   task with the context and index of this one: this one itself, or the other worker's own. It
///   is that one which they pass on. As any task they must return: no exception may leave `a` or
///   `b`, not even one that the caller would catch.
/// If `a` fails, `b` may or may not have run, and has ended. What `b` says with pool_task_fail()
/// or pool_task_set_result() counts as said by this task, and pool_task_cancelled() asks on its behalf.
/// In worker processes, and in a pool of one worker, `b` always runs after `a`.
/// Blocks while another worker still runs `b`; it runs parts of `b` meanwhile, if there are any.
/// Returns POOL_OK, or what `a` returned, or else what `b` returned, negative numbers too: they are
/// the functions' own, and pool_last_error() has no sentence about them. Or POOL_ERR_INVALID, or
/// POOL_ERR_FORKED in a child that the program forked while another worker ran `b`.
/// GCC and Clang take it from this header, unless POOL_NO_INLINE is defined before.
///
/// Example:
///     static int32_t fib(const void *arg, void *result, pool_task_t *task) {
///         int n = *(const int *)arg, a, b, before[2] = {n - 1, n - 2};
///         if (n < 2) {
///             *(int *)result = n;
///             return 0;
///         }
///         int32_t status = pool_join2(task, fib, &before[0], &a, fib, &before[1], &b);
///         *(int *)result = a + b;
///         return status;
///     }
///     int n = 20, result;
///     assert(pool_apply(pool, fib, &n, sizeof n, &result, sizeof result) == POOL_OK && result == 6765);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_join2(
    task: *mut pool_task_t,
    a: pool_fn,
    arg_a: *const c_void,
    result_a: *mut c_void,
    b: pool_fn,
    arg_b: *const c_void,
    result_b: *mut c_void,
) -> i32 {
    let (Some(first), Some(second), false) = (a, b, task.is_null()) else {
        return refuse(task, a, b);
    };
    let first = Half { function: first, arg: arg_a, result: result_a };
    let second = Half { function: second, arg: arg_b, result: result_b };
    // SAFETY: the caller vouches for the handle and the pointers.
    unsafe { fork::join2(task, first, second) }
}

#[cold]
fn refuse(task: *const pool_task_t, a: pool_fn, b: pool_fn) -> i32 {
    status(|| {
        in_task(task)?;
        given(a, "a is NULL")?;
        given(b, "b is NULL")?;
        Ok(())
    })
}

/// As pool_map(), inside a task: the items are halved by pool_join2() until one is left, so that
/// they run here and on whichever workers are free.
///
/// task: as for pool_join2().
/// fn, args, arg_size, results, result_size, count: as in pool_map(), also in processes: the
///   arrays are used in place. Each item gets a task with the context of this one and the
///   item's number as index.
/// After a failure nothing more is started, and pool_task_cancelled() is 1 in the items that run.
/// Blocks until all items that were started have ended.
/// Returns POOL_OK; the status of the failed item with the lowest index, and what it said counts
/// as said by this task; POOL_ERR_INVALID, _FORKED as pool_join2().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_join_n(
    task: *mut pool_task_t,
    r#fn: pool_fn,
    args: *const c_void,
    arg_size: usize,
    results: *mut c_void,
    result_size: usize,
    count: usize,
) -> i32 {
    status(|| {
        in_task(task)?;
        let function = given(r#fn, "fn is NULL")?;
        bytes(args, arg_size, count, "args")?;
        bytes(results, result_size, count, "results")?;
        let call = ItemsCall { function, args, arg_size, results, result_size, count };
        // SAFETY: the caller vouches for the handle and the arrays.
        unsafe { items::join_n(task, call) }
    })
}

/// Private to pool_join2().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_join2_promote(task: *mut pool_task_t) {
    // SAFETY: only called inside pool_join2().
    unsafe { fork::promote(task) }
}

/// Private to pool_join2().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_join2_finish(
    task: *mut pool_task_t,
    fork: *mut pool_fork_t,
    status_a: i32,
) -> i32 {
    // SAFETY: only called inside pool_join2().
    unsafe { fork::finish(task, fork.cast(), status_a) }
        .unwrap_or_else(|error| status(|| Err(error)))
}
