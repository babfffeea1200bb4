#![allow(unsafe_code)]
//! Waiting for several futures.

use super::{
    boundary::{deadline, elements, number, status},
    handle::{self, pool_future_t},
    iterator::{self, Iterator},
    life::Graveyard,
};
use crate::pool::{
    gathering::{self, Gathering, Until},
    status::{Error, Result},
    task::TaskRef,
};

/// In pool_wait(): until one of the futures is ready.
pub const POOL_WAIT_ANY: i32 = 0;
/// In pool_wait(): until all are ready.
pub const POOL_WAIT_ALL: i32 = 1;
/// In pool_wait(): until one has failed, or all are ready.
pub const POOL_WAIT_FIRST_ERROR: i32 = 2;

/// The tasks of an array of futures, by their numbers.
///
/// # Safety
/// The array holds `count` futures that the caller has not released, or null.
unsafe fn each(
    futures: *const *mut pool_future_t,
    count: usize,
) -> Result<impl Fn(usize) -> Result<Option<TaskRef>>> {
    elements(futures, count, "futures")?;
    Ok(move |index: usize| {
        // SAFETY: promised by the caller.
        let future = unsafe { futures.add(index).read_unaligned() };
        if future.is_null() {
            return Ok(None);
        }
        // SAFETY: promised by the caller.
        let task = unsafe { handle::task(future) };
        task.map(Some).map_err(|error| error.about(&format!("future {index}")))
    })
}

/// Waits for several futures: until one is ready, or all are, or one has failed.
///
/// Example:
///
///     pool_future_t *futures[2];
///     for (int i = 0; i < 2; i++)
///       pool_apply_async(pool, i == 0 ? slow : square, &in[i], sizeof(int), sizeof(int), NULL, NULL, &futures[i]);
///     size_t first;
///     if (pool_wait(futures, 2, POOL_WAIT_ANY, -1, &first) == POOL_OK)
///       printf("future %zu is ready\n", first);
///     assert(pool_wait(futures, 2, POOL_WAIT_ALL, -1, NULL) == POOL_OK);
///     for (int i = 0; i < 2; i++) pool_future_release(futures[i]);
///
/// futures, count: an array of futures, of one pool or of several; the same may be there twice.
///   Those that are NULL are passed over, so that a future that is done with can be released and
///   set to NULL before the next wait. They must not be released while this waits.
/// until: POOL_WAIT_ANY, POOL_WAIT_ALL or POOL_WAIT_FIRST_ERROR. A task that was cancelled or
///   terminated has failed, too.
/// timeout_ms: how long at most, in milliseconds; 0 only looks, -1 is for ever. With POOL_WAIT_ALL
///   and -1 it helps as pool_future_wait() does; else it runs nothing on the calling thread (but
///   where no other thread could be started to do so).
/// index: the number of the future goes there that is ready (POOL_WAIT_ANY), or that has failed
///   (else): of several that were ready before the call the first in the array. `count` if none
///   has failed. NULL if not wanted.
/// Any number of threads may wait for the same futures. The cost grows with `count`: who waits for
/// many, one after the other, takes pool_as_completed().
/// Returns POOL_OK; POOL_ERR_TIMEOUT; POOL_ERR_INVALID, also when POOL_WAIT_ANY is given no future
/// at all, which would be for ever (all of none are ready); POOL_ERR_DEADLOCK when all that it
/// waits for runs on this very thread; _NO_MEMORY; _SYSTEM as pool_future_wait(); _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_wait(
    futures: *const *mut pool_future_t,
    count: usize,
    until: i32,
    timeout_ms: i64,
    index: *mut usize,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the array.
        let task = unsafe { each(futures, count) }?;
        let until = match until {
            POOL_WAIT_ANY => Until::Any,
            POOL_WAIT_ALL => Until::All,
            POOL_WAIT_FIRST_ERROR => Until::FirstError,
            _ => {
                let text = "is neither POOL_WAIT_ANY nor POOL_WAIT_ALL nor POOL_WAIT_FIRST_ERROR";
                return Err(Error::invalid(format!("until: {until} {text}")));
            }
        };
        let found = gathering::wait(count, &task, until, deadline(timeout_ms)?)?;
        // SAFETY: null, or the caller vouches for it.
        if let Some(index) = unsafe { index.as_mut() } {
            *index = found;
        }
        Ok(())
    })
}

/// Futures in the order in which they become ready.
pub struct pool_as_completed_t {
    _private: [u8; 0],
}

static FREED: Graveyard<Iterator<Gathering>> = Graveyard::new();
const NAME: &str = "iterator";

fn inner(iterator: *mut pool_as_completed_t) -> *mut Iterator<Gathering> {
    iterator.cast()
}

/// Begins to go through futures in the order in which they become ready, whatever their order in
/// the array is.
///
/// Example:
///
///     pool_future_t *futures[5];
///     for (int i = 0; i < 5; i++)
///       pool_apply_async(pool, square, &in[i], sizeof(int), sizeof(int), NULL, NULL, &futures[i]);
///     pool_as_completed_t *ready;
///     size_t index;
///     int sum = 0;
///     assert(pool_as_completed(futures, 5, &ready) == POOL_OK);
///     while (pool_as_completed_next(ready, -1, &index) == 1) {
///       pool_future_get(futures[index], &out[index], sizeof(int), 0);
///       pool_future_release(futures[index]);
///       sum += out[index];
///     }
///     pool_as_completed_release(ready);
///     assert(sum == 55);
///
/// futures, count: as in pool_wait(); the array is read during the call only. A future may be
///   released once it has been given out. One that is there twice is given out twice.
/// iterator: goes there, the caller's to release with pool_as_completed_release().
/// Each future costs the same, however many there are. Does not block. Returns POOL_OK;
/// POOL_ERR_INVALID; _NO_MEMORY; _SYSTEM; _FORKED for futures from before a fork that had not ended
/// then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_as_completed(
    futures: *const *mut pool_future_t,
    count: usize,
    iterator: *mut *mut pool_as_completed_t,
) -> i32 {
    status(|| {
        super::boundary::not_null(iterator, "iterator")?;
        // SAFETY: the caller vouches for the array.
        let task = unsafe { each(futures, count) }?;
        let made = iterator::make(Gathering::of(count, &task)?)?;
        // SAFETY: not null, and the caller vouches for it.
        unsafe { iterator.write(made.cast()) };
        Ok(())
    })
}

/// Waits for the next future that becomes ready.
///
/// iterator: used by one thread at a time, else POOL_ERR_INVALID.
/// timeout_ms: how long at most, in milliseconds; -1 for ever. Runs no task on the calling thread
///   (but where no other thread could be started to do so); inside a task it counts as blocking.
/// index: the number of the future in the array goes there.
/// Returns 1, or 0 when all have been given out; POOL_ERR_TIMEOUT, after which it may be called
/// again; POOL_ERR_INVALID; _DEADLOCK when all that are left run on this very thread; _SYSTEM as
/// pool_future_wait(); _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_as_completed_next(
    iterator: *mut pool_as_completed_t,
    timeout_ms: i64,
    index: *mut usize,
) -> i32 {
    number(|| {
        super::boundary::not_null(index, "index")?;
        let deadline = deadline(timeout_ms)?;
        let next = |gathering: &mut Gathering| {
            let Some(number) = gathering.next(deadline)? else { return Ok(0) };
            if let Some(task) = gathering.take(number) {
                task.release();
            }
            // SAFETY: not null, and the caller vouches for it.
            unsafe { index.write(number) };
            Ok(1)
        };
        // SAFETY: the caller vouches for the handle.
        unsafe { iterator::with(inner(iterator), NAME, next) }
    })
}

/// Gives the iterator back, at any time; once. The tasks go on, and the futures stay the caller's.
/// NULL does nothing. Returns POOL_OK; POOL_ERR_INVALID, also while another thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_as_completed_release(iterator: *mut pool_as_completed_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { iterator::release(inner(iterator), NAME, &FREED) }
    })
}
