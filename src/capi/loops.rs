#![allow(unsafe_code)]
//! Loops over numbers, and reductions.

use super::{
    boundary::{bytes, given, not_null, status},
    handle::{self, pool_t},
};
use crate::pool::{
    bodies::Body,
    callables::{pool_combine_fn, pool_range_fn, pool_reduce_fn},
    group::Membership,
    map_call::MapCall,
    reduce::{Reduction, reduce},
    status::Error,
    submit,
};
use std::{ffi::c_void, ptr};

/// Runs a loop: calls a function with ranges that together are all numbers from `begin` to `end`,
/// `end` not included, each number once. Blocks until all is done; the calling thread takes part
/// if the pool has a place free.
///
/// fn: what to run. It gets single numbers first, and longer ranges while they are quick; there
///   is no chunk size to choose, and neither even nor uneven work needs one.
/// begin, end: nothing is run if they are equal; POOL_ERR_INVALID if `end` is less.
/// context: passed on to the function. In processes NULL, or into pool_shared_alloc() memory.
/// After a failure nothing more is started. Returns POOL_OK, the status of the failed range with
/// the lowest `begin` (named by pool_last_error()), or as pool_apply(). In a pool of processes
/// limits for a task hold for each call of the function, and so for a whole range: where many
/// quick numbers come before slow ones, a range that began quickly may exceed a limit that each
/// number keeps. A map's limits hold for each item.
///
/// Example:
///     static int32_t halve(size_t begin, size_t end, void *context, pool_task_t *task) {
///         double *numbers = context;
///         for (size_t i = begin; i < end; i++) numbers[i] /= 2;
///         return 0;
///     }
///     double numbers[1000] = {[999] = 5};
///     assert(pool_for(pool, 0, 1000, halve, numbers) == POOL_OK && numbers[999] == 2.5);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_for(
    pool: *mut pool_t,
    begin: usize,
    end: usize,
    r#fn: pool_range_fn,
    context: *mut c_void,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let count = end.checked_sub(begin).ok_or_else(|| {
            Error::invalid(format!("the loop's end, {end}, is before its beginning, {begin}"))
        })?;
        let call = MapCall {
            body: Body::Range(given(r#fn, "fn is NULL")?),
            first: begin,
            args: ptr::null(),
            arg_size: 0,
            results: ptr::null_mut(),
            result_size: 0,
            count,
            context,
            statuses: ptr::null_mut(),
            membership: Membership::NONE,
            terms: None,
        };
        submit::map(core, call)
    })
}

/// Adds up: the numbers from 0 to `count` are divided into pieces, each of which makes a partial
/// result, and these are combined in order. The pieces depend on `count` and `result_size` alone,
/// never on workers or time: sums of floating-point numbers too are the same in every run, in
/// every pool. Blocks until all is done; the calling thread takes part if the pool has a place
/// free.
///
/// count: how many numbers; 0 makes `result` a copy of `identity`.
/// piece: adds the numbers of one range to a partial result, which begins as a copy of `identity`.
/// combine: adds a partial result to that of all numbers before it. It must be associative, and
///   need not be commutative. It runs on the calling thread, after all pieces.
/// identity: `result_size` bytes, the result of no numbers; NULL for zero bytes.
/// result, result_size: where the result goes, on success only; at least one byte.
/// context: passed on to both functions. In processes NULL, or into pool_shared_alloc() memory.
/// After a failure nothing more is started. Returns POOL_OK, the status of the failed piece with
/// the lowest numbers (named by pool_last_error()), or as pool_apply(). There are at most 512
/// pieces, and fewer where a result has more than 8 KiB.
///
/// Example:
///     static int32_t sum(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
///         int64_t *total = result;
///         for (size_t i = begin; i < end; i++) *total += (int64_t)i;
///         return 0;
///     }
///     static void add(void *into, const void *from, void *context) {
///         *(int64_t *)into += *(const int64_t *)from;
///     }
///     int64_t total = 0;
///     const int64_t zero = 0;
///     int32_t status = pool_reduce(pool, 1000000, sum, add, &zero, &total, sizeof total, NULL);
///     assert(status == POOL_OK);
///     assert(total == 499999500000);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_reduce(
    pool: *mut pool_t,
    count: usize,
    piece: pool_reduce_fn,
    combine: pool_combine_fn,
    identity: *const c_void,
    result: *mut c_void,
    result_size: usize,
    context: *mut c_void,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        if result_size == 0 {
            return Err(Error::invalid("result_size is 0"));
        }
        not_null(result, "result")?;
        bytes(result, result_size, 1, "result")?;
        let call = Reduction {
            count,
            piece: given(piece, "piece is NULL")?,
            combine: given(combine, "combine is NULL")?,
            identity,
            result,
            result_size,
            context,
        };
        // SAFETY: the caller vouches for the sizes and functions.
        unsafe { reduce(core, &call) }
    })
}
