#![allow(unsafe_code)]
//! What a task says before it waits for something that the pool does not know of.

use super::boundary::status;
use crate::pool::{abi::pool_task_t, blocking, stack};

/// Says that the calling thread is about to block: to sleep, to read from a network or a disk, to
/// wait for a lock or for another program. Until pool_blocking_end(), a spare worker runs other
/// tasks in its place, so that tasks that only wait keep nobody from computing. (A wait for a
/// task or a map of a pool needs no section: it lets a spare worker in by itself.)
///
///   pool_blocking_begin(task);
///   ssize_t got = read(socket, buffer, sizeof buffer);
///   pool_blocking_end(task);
///
/// Sections nest: the outermost counts. One that is still open when the task returns (in a map:
/// the item) ends then. Ending one does not wait for a place: for a moment more than `workers`
/// may compute, until another task ends. Inside a section the thread is to its pool a thread from
/// outside: a task that it waits for runs on it only if a place is free. A map never runs more
/// than `workers` of its own items at a time, blocked or not; its places go to other tasks.
/// Spare workers are started when there is something to do, and leave when there is nothing.
///
/// task: the running task; NULL in a callback, and wherever the task is not at hand: then what
///   the calling thread is running is meant. A thread that takes no worker's place (that of a
///   polled callback, or of the callbacks of a pool of processes) has none to give up: POOL_OK.
/// Returns POOL_OK, or, without a section: POOL_ERR_INVALID outside of tasks and callbacks, or if
/// `task` is not what the calling thread is running; _FULL if `max_blocked` are in sections
/// already; _SYSTEM if something waits to be run and no spare worker can be started; _UNSUPPORTED
/// in a worker process, which keeps its place: give the pool more workers instead; _FORKED.
/// A task that has got no section may block all the same: it just keeps its place. Does not block.
///
/// Example:
///     static int32_t nap(const void *arg, void *result, pool_task_t *task) {
///         int32_t section = pool_blocking_begin(task); // somebody else may use this worker's place
///         usleep(50000);
///         if (section == POOL_OK) pool_blocking_end(task);
///         return 0;
///     }
///     // Five naps on two workers take about as long as one.
///     assert(pool_map(pool, nap, NULL, 0, NULL, 0, 5) == POOL_OK);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_blocking_begin(task: *mut pool_task_t) -> i32 {
    status(|| blocking::begin(stack::innermost(task)?))
}

/// Ends what the last pool_blocking_begin() has begun: the thread takes a place again.
///
/// Returns POOL_OK; POOL_ERR_INVALID if the running task or callback has no section open, or as
/// pool_blocking_begin(); _UNSUPPORTED in a worker process; _FORKED. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_blocking_end(task: *mut pool_task_t) -> i32 {
    status(|| blocking::end(stack::innermost(task)?))
}
