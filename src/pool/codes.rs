//! The numbers of the statuses, as the header has them.

/// Success.
pub const POOL_OK: i32 = 0;
/// An argument is not valid; the sentence says which and why.
pub const POOL_ERR_INVALID: i32 = -1;
/// The pool takes no more tasks.
pub const POOL_ERR_CLOSED: i32 = -2;
/// Your wait ran out of time; what you waited for goes on.
pub const POOL_ERR_TIMEOUT: i32 = -3;
/// The task ran longer than its limit.
pub const POOL_ERR_TIME_LIMIT: i32 = -4;
/// The task was cancelled before it started, or killed by pool_future_kill().
pub const POOL_ERR_CANCELLED: i32 = -5;
/// The pool was terminated before the task started, or before it ended if it can be killed.
pub const POOL_ERR_TERMINATED: i32 = -6;
/// The worker died while it ran the task; the sentence names the signal or the exit code.
pub const POOL_ERR_WORKER_DIED: i32 = -7;
/// Workers die as fast as they are started; pool_refresh() makes the pool try again.
pub const POOL_ERR_CRASH_LOOP: i32 = -8;
/// The process that makes the workers is gone; pool_refresh() makes a new one.
pub const POOL_ERR_BROKEN: i32 = -9;
/// The call would wait for itself for ever.
pub const POOL_ERR_DEADLOCK: i32 = -10;
/// The pool was made before this process was forked.
pub const POOL_ERR_FORKED: i32 = -11;
/// The queue is full; or as many tasks are in blocking sections as may be.
pub const POOL_ERR_FULL: i32 = -12;
/// The buffer is too small for the result.
pub const POOL_ERR_SIZE: i32 = -13;
/// There is no memory left.
pub const POOL_ERR_NO_MEMORY: i32 = -14;
/// The system refused; the sentence has its reason.
pub const POOL_ERR_SYSTEM: i32 = -15;
/// Not possible in this mode, or in this version.
pub const POOL_ERR_UNSUPPORTED: i32 = -16;
/// The function is not known to the workers.
pub const POOL_ERR_UNKNOWN_FUNCTION: i32 = -17;
/// Something went wrong inside the library, or a task returned a negative number.
pub const POOL_ERR_INTERNAL: i32 = -18;
