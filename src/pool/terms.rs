//! The terms of a call: when it may start, before whom, for how long, how often.

use super::task::Task;

/// What the full form of a call says beside what to run; the fields are those of `pool_call_t`.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Goes before tasks with a lower one.
    pub priority: i32,
    /// How often to try again after a failure.
    pub retries: u32,
    /// How long a run may take in milliseconds; 0: as the pool says.
    pub timeout_ms: i64,
    /// How long to wait before it may start, in milliseconds.
    pub delay_ms: i64,
    /// So many futures must have ended well before; read during the call only.
    pub after: *const *mut Task,
    /// See `after`.
    pub after_count: usize,
}
