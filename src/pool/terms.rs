//! The terms of a call: when it may start, before whom, for how long, how often.

use super::{group::Membership, periodic::Periodic, priority::Level, task::Task};
use std::ptr;

/// What the full form of a call says beside what to run; the fields are those of `pool_call_t`.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Who goes ahead of whom.
    pub level: Level,
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
    /// Its argument is the result of the one future in `after`; its own result has so many bytes.
    pub then: Option<usize>,
    /// Whose run it is, or null. Such a call was accepted before: there is always room for it.
    pub run_of: *const Periodic,
    /// Whether there is room for it whatever the pool's bound is, also if it is no such run.
    pub late: bool,
    /// The groups that it is in.
    pub membership: Membership,
}

impl Terms {
    /// Those of a call that says nothing.
    pub const USUAL: Self = Self {
        level: Level::Normal,
        retries: 0,
        timeout_ms: 0,
        delay_ms: 0,
        after: ptr::null(),
        after_count: 0,
        then: None,
        run_of: ptr::null(),
        late: false,
        membership: Membership::NONE,
    };

    /// Whether the task may not start at once.
    pub fn is_deferred(&self) -> bool {
        self.delay_ms > 0 || self.after_count > 0
    }
}
