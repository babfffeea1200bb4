//! What a task says about its outcome while it runs.

use crate::support::alloc::Buffer;
use std::borrow::Cow;

/// What a task said about its outcome.
#[derive(Default)]
pub struct Outcome {
    /// The item of a map that said it.
    pub index: usize,
    /// The sentence given to `pool_task_fail`.
    pub message: Option<Cow<'static, str>>,
    /// The result given to `pool_task_set_result`.
    pub set_result: Option<Buffer>,
}
