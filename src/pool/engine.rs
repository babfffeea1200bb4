//! What a pool asks of whoever runs its tasks.

use super::{context::Context, core::Core, status::Result, task::TaskRef};
use crate::support::sync::Arc;
use std::time::Instant;

/// An engine. The pool's layer decides what a call means; an engine decides who runs a task,
/// where, and who wakes whom. Every method may be called from any thread.
pub trait Engine: Send + Sync {
    /// Called once, before anything else. Starts whatever must run from the first moment.
    ///
    /// # Errors
    /// The initializer's failure, or the system's; nothing is left running then.
    fn start(&self, core: &Arc<Core>) -> Result<()>;

    /// Sees to it that a task enqueued after this will be run by somebody.
    ///
    /// # Errors
    /// When there is no worker, and none can be had.
    fn prepare(&self, core: &Core) -> Result<()>;

    /// Puts a task, and one reference to it, behind those that were enqueued before; `context` is
    /// the calling thread's in the pool. `wake` must follow.
    fn enqueue(&self, context: Option<&Context>, task: TaskRef);

    /// Calls a worker if there is something to do and one is allowed to run.
    fn wake(&self, core: &Core);

    /// Runs `body` with a worker's number on the calling thread, if the pool may use it as one
    /// right now: inside a task, or when a worker's place is free and nobody waits for it.
    fn lend(&self, core: &Core, body: &mut dyn FnMut(u32)) -> bool;

    /// Waits until the task has ended, running it here if that is allowed; false when the
    /// deadline came first.
    ///
    /// # Errors
    /// `DEADLOCK` when the task is waiting for this very thread; `SYSTEM` when it can only be
    /// run by another worker, and none can be had.
    fn wait(&self, core: &Core, task: TaskRef, deadline: Option<Instant>) -> Result<bool>;

    /// This active thread is about to sleep: somebody else may use its place. False when
    /// something is queued and nobody can be had to run it.
    fn begin_blocking(&self, core: &Core) -> bool;

    /// The thread takes its place again.
    fn end_blocking(&self, core: &Core);

    /// Takes a task from the queues, any, with the queues' reference. Only inside `hold`.
    fn take_queued(&self, core: &Core) -> Option<TaskRef>;

    /// Keeps a closed pool from being finished while the calling thread, which may be no worker,
    /// ends tasks that have not started.
    fn hold(&self, core: &Core);

    /// The end of `hold`.
    fn release(&self, core: &Core);

    /// Looks whether a closed pool has done all it had to do, after something that may have
    /// been the last.
    fn check_finished(&self, core: &Core);

    /// Whether a closed pool has done all it had to do.
    fn is_finished(&self) -> bool;

    /// Waits until the pool is finished and its workers have gone; false when the deadline came
    /// first.
    fn join(&self, core: &Core, deadline: Option<Instant>) -> bool;
}
