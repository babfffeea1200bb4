//! The engine as the pool's layer sees it.

use super::{queue::Queue, turn::this_thread};
use crate::{
    pool::{
        abi::POOL_NO_WORKER,
        blocks::Door,
        context::{self, Context},
        core::Core,
        engine::Engine,
        priority::Counts,
        shared::{Heap, Shared},
        site::Site,
        stack,
        stats::Books,
        status::{self, Error, Result},
        submit,
        tally::Tally,
        task::TaskRef,
    },
    support::{CachePadded, sync::Arc, wait_word::WaitWord},
    sys,
};
use std::time::Instant;

/// See the module.
pub struct SequentialEngine {
    pub(super) queue: Queue,
    pub(super) tally: CachePadded<Tally>,
    shared: Heap,
    /// 1 when the pool is finished and the finalizer has returned.
    gone: WaitWord,
}

impl SequentialEngine {
    /// An engine without tasks.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::default(),
            tally: CachePadded::new(Tally::shared()),
            shared: Heap::default(),
            gone: WaitWord::new(0),
        })
    }

    /// Takes part in what the caller waits for, or runs it, if this thread may.
    fn help(&self, core: &Core, task: TaskRef, deadline: Option<Instant>) -> Result<()> {
        if deadline.is_some() {
            return Ok(());
        }
        match context::find(core).filter(|context| context.counted.get()) {
            Some(context) if context.has_stack() => submit::run_awaited(core, task, context),
            Some(_) if task.state.is_queued() => return Err(too_deep()),
            Some(_) => {}
            None => {
                self.visit(core, false, &mut |context| submit::run_awaited(core, task, context));
            }
        }
        Ok(())
    }
}

/// What is queued cannot be run on top of what this thread runs.
fn too_deep() -> Error {
    let text = "the stack is too deep to run the awaited task here, \
                and a sequential pool has no other thread";
    Error::new(status::SYSTEM, text)
}

impl Engine for SequentialEngine {
    fn start(&self, core: &Arc<Core>) -> Result<()> {
        sys::module::pin();
        self.in_place(core, |_| core.options.hooks.initialize(0))
    }

    fn shared(&self) -> &dyn Shared {
        &self.shared
    }

    fn enqueue(&self, _core: &Core, _door: Door, task: TaskRef) -> Result<()> {
        let mut state = self.queue.lock();
        if !state.reserve(1) {
            return Err(Error::no_memory("no memory for the queue of tasks"));
        }
        state.put(task, this_thread());
        Ok(())
    }

    fn enqueue_all(
        &self,
        _core: &Core,
        _door: Door,
        counts: Counts,
        next: &mut dyn FnMut() -> TaskRef,
    ) -> Result<()> {
        if !self.queue.lock().reserve(counts.all()) {
            return Err(Error::no_memory("no memory for the queue of tasks"));
        }
        for _ in 0..counts.all() {
            let task = next();
            self.queue.lock().put(task, this_thread());
        }
        Ok(())
    }

    fn wake(&self, core: &Core) {
        self.run_all(core);
    }

    fn lend(&self, core: &Core, body: &mut dyn FnMut(&Context)) -> bool {
        match context::find(core).filter(|context| context.counted.get()) {
            Some(context) if context.has_stack() => {
                body(context);
                true
            }
            Some(_) => false,
            None => self.visit(core, false, body),
        }
    }

    fn wait(&self, core: &Core, task: TaskRef, deadline: Option<Instant>) -> Result<bool> {
        if stack::is_on_this_stack(&task) {
            let text = "the task that is to be waited for is running on this very thread";
            return Err(Error::new(status::DEADLOCK, text));
        }
        self.help(core, task, deadline)?;
        // What was run just now may have forked, and returned in the child.
        core.require_this_process()?;
        if task.state.is_done() {
            return Ok(true);
        }
        // Another thread runs it, or it may not start yet.
        context::blocking(|_| {
            // It may have come into the queue since, or what it waits for is there.
            if deadline.is_none() && task.state.is_ahead() && self.queue.lock().is_deserted() {
                return Err(too_deep());
            }
            Ok(task.state.wait(deadline))
        })
    }

    fn begin_blocking(&self, core: &Core) -> bool {
        loop {
            let all_run = self.run_left(core);
            let mut state = self.queue.lock();
            // Who has just left something here has found the place taken.
            if all_run && state.len() > 0 {
                continue;
            }
            state.active -= 1;
            state.aside += 1;
            state.arrivals += 1;
            return !state.is_deserted();
        }
    }

    fn end_blocking(&self, _core: &Core) {
        let mut state = self.queue.lock();
        state.active += 1;
        state.aside -= 1;
    }

    fn take_queued(&self, _core: &Core) -> Option<TaskRef> {
        self.queue.lock().take()
    }

    fn skip_rest(&self, core: &Core, task: TaskRef) {
        submit::participate(core, task, Site::nowhere(POOL_NO_WORKER));
    }

    fn resize(&self, _core: &Core, _workers: usize) -> Result<()> {
        let text = "a sequential pool has one worker: whoever calls";
        Err(Error::new(status::UNSUPPORTED, text))
    }

    fn worker_pid(&self, core: &Core, worker: u32) -> Result<i32> {
        if worker != 0 {
            return Err(Error::invalid(format!("{worker} is no worker of the pool")));
        }
        Ok(core.pid)
    }

    fn books(&self) -> &dyn Books {
        self
    }

    fn hold(&self, _core: &Core) {
        let mut state = self.queue.lock();
        state.aside += 1;
        state.arrivals += 1;
    }

    fn release(&self, core: &Core) {
        self.queue.lock().aside -= 1;
        self.check_finished(core);
    }

    fn check_finished(&self, core: &Core) {
        if !core.is_closed() {
            return;
        }
        // Nothing runs or waits, then no callback is left, and nothing has arrived meanwhile: only
        // a callback could still submit. The agenda first: what leaves it is in the queue by then.
        let before = {
            let agenda = core.agenda.is_empty();
            let state = self.queue.lock();
            if !agenda || state.finished || !state.is_quiet() {
                return;
            }
            state.arrivals
        };
        if !core.callbacks.is_idle() {
            return;
        }
        {
            let mut state = self.queue.lock();
            if state.finished || !state.is_quiet() || state.arrivals != before {
                return;
            }
            state.finished = true;
        }
        self.in_place(core, |_| core.options.hooks.finalize(0));
        self.gone.store(1, crate::support::sync::Ordering::SeqCst);
        self.gone.wake_all();
        core.has_finished();
    }

    fn is_finished(&self) -> bool {
        self.queue.lock().finished
    }

    fn join(&self, _core: &Core, deadline: Option<Instant>) -> bool {
        self.gone.wait_until_not(0, deadline)
    }
}
