//! What a pool asks of whoever runs its tasks.

use super::{
    blocks::Door,
    context::Context,
    core::Core,
    map_call::MapCall,
    payload::Call,
    priority::Counts,
    shared::Shared,
    stats::Books,
    status::{self, Error, Result},
    task::TaskRef,
};
use crate::support::{alloc::Buffer, sync::Arc};
use std::{ffi::c_void, time::Instant};

/// An engine. The pool's layer decides what a call means; an engine decides who runs a task,
/// where, and who wakes whom. Every method may be called from any thread.
pub trait Engine: Send + Sync {
    /// Called once, before anything else. Starts whatever must run from the first moment.
    ///
    /// # Errors
    /// The initializer's failure, or the system's; nothing is left running then.
    fn start(&self, core: &Arc<Core>) -> Result<()>;

    /// Memory for what tasks share.
    fn shared(&self) -> &dyn Shared;

    /// Memory for an argument of `size` bytes that workers can read; `None` when any will do.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    fn argument(&self, _size: usize) -> Option<Result<Buffer>> {
        None
    }

    /// Whether the workers see memory of this process, which is not NULL, as it is.
    fn sees(&self, _start: *const c_void, _size: usize) -> bool {
        true
    }

    /// Whether the workers could run this call.
    ///
    /// # Errors
    /// `UNKNOWN_FUNCTION`, `INVALID` for a pointer that means nothing to them.
    fn admit(&self, _core: &Core, _call: &Call) -> Result<()> {
        Ok(())
    }

    /// As `admit`.
    ///
    /// # Errors
    /// The same.
    fn admit_map(&self, _core: &Core, _call: &MapCall, _has_callback: bool) -> Result<()> {
        Ok(())
    }

    /// Puts a task, and one reference to it, behind those that entered by this door before, and
    /// sees to it that it will be run by somebody, once `wake` has followed. The door is the
    /// caller's.
    ///
    /// # Errors
    /// `NO_MEMORY`; when there is no worker, and none can be had.
    fn enqueue(&self, core: &Core, door: Door, task: TaskRef) -> Result<()>;

    /// As `enqueue`, for as many tasks as `counts` says, which `next` gives. It may wake somebody
    /// meanwhile, so that the first tasks run while the last are being filled.
    ///
    /// # Errors
    /// As `enqueue`; `next` was not called then.
    fn enqueue_all(
        &self,
        core: &Core,
        door: Door,
        counts: Counts,
        next: &mut dyn FnMut() -> TaskRef,
    ) -> Result<()>;

    /// Calls a worker if there is something to do and one is allowed to run.
    fn wake(&self, core: &Core);

    /// As `wake`, but says so when there is something to do, a worker is allowed to run, and none can
    /// be had.
    ///
    /// # Errors
    /// Why not.
    fn call(&self, core: &Core) -> Result<()> {
        self.wake(core);
        Ok(())
    }

    /// Runs `body` on the calling thread, told as what it does so, if the pool may use it as one
    /// right now: inside a task, or when a worker's place is free and nobody waits for it.
    fn lend(&self, _core: &Core, _body: &mut dyn FnMut(&Context)) -> bool {
        false
    }

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

    /// Somebody is to be called when the task has ended, and does not come to look.
    fn expect(&self, _core: &Core, _task: TaskRef) {}

    /// Makes the end of a claimed task known, if it has ended and nobody has looked yet.
    fn look(&self, _core: &Core, _task: TaskRef) {}

    /// Whether a claimed task has really begun.
    fn is_started(&self, _task: TaskRef) -> bool {
        true
    }

    /// How far a task that another process runs says it has come; of a map, how many items are
    /// done there and not accounted for. `None` when it has not said so.
    fn said(&self, _core: &Core, _task: TaskRef) -> Option<(u64, u64)> {
        None
    }

    /// Asks a claimed task to stop. True if it had not begun after all and never will: it has
    /// ended as `CANCELLED` then.
    fn withdraw(&self, _core: &Core, _task: TaskRef) -> bool {
        false
    }

    /// Ends a claimed task by force; false if it has ended by itself.
    ///
    /// # Errors
    /// `UNSUPPORTED` where tasks cannot be killed.
    fn kill(&self, _core: &Core, _task: TaskRef) -> Result<bool> {
        Err(Error::new(
            status::UNSUPPORTED,
            "a running thread cannot be killed; the task has been asked to stop",
        ))
    }

    /// The items of a map that nobody has begun will not be: the map has been stopped.
    fn skip_rest(&self, core: &Core, task: TaskRef);

    /// Ends by force what runs in a terminated pool, where that is possible.
    fn terminate(&self, _core: &Core) {}

    /// Renews the workers' image of this process.
    ///
    /// # Errors
    /// `CLOSED`; the initializer's failure, or the system's.
    fn refresh(&self, core: &Core) -> Result<()> {
        core.require_open(false)
    }

    /// The pool's workers are so many from now on (`Core::workers`). One at a time.
    ///
    /// # Errors
    /// The system's; nothing has changed then.
    fn resize(&self, core: &Core, workers: usize) -> Result<()>;

    /// The process of a worker; 0 if there is none right now.
    ///
    /// # Errors
    /// `INVALID` for a number that no worker can have.
    fn worker_pid(&self, core: &Core, worker: u32) -> Result<i32>;

    /// What it knows of its workers.
    fn books(&self) -> &dyn Books;

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
