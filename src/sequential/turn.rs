//! A thread that runs tasks: the caller.

use super::engine::SequentialEngine;
use crate::{
    pool::{
        context::{self, Context},
        core::Core,
        engine::Engine,
        site::Site,
        submit,
    },
    support::{stack, sync::thread_local},
};
use std::ptr::NonNull;

/// Names the calling thread among those that are alive.
pub fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| std::ptr::from_ref(place) as usize)
}

/// So much stack is there, where the system does not say.
const SUPPOSED: usize = 256 << 10;

impl SequentialEngine {
    /// Runs what there is to be run, if this thread may.
    pub(super) fn run_all(&self, core: &Core) {
        match context::find(core).filter(|context| context.counted.get()) {
            Some(context) => self.run_own(core, context),
            None if core.is_in_this_process() => {
                self.visit(core, true, &mut |_| ());
            }
            None => {}
        }
    }

    /// On top of a task: what this thread has submitted, and nothing that may need what lies below.
    fn run_own(&self, core: &Core, context: &Context) {
        let me = this_thread();
        while context.has_stack() {
            let task = self.queue.lock().take_own(me);
            let Some(task) = task else { return };
            submit::run_queued(core, task, context);
        }
    }

    /// Takes the place, runs `body`, and then whatever is left to run; false if another thread
    /// has it. With `if_needed`, not if there is nothing.
    pub(super) fn visit(
        &self,
        core: &Core,
        if_needed: bool,
        body: &mut dyn FnMut(&Context),
    ) -> bool {
        {
            let mut state = self.queue.lock();
            if if_needed && state.len() == 0 && !core.callbacks.is_wanted() || !state.enter() {
                return false;
            }
        }
        self.in_place(core, |context| {
            let begun = core.age();
            body(context);
            // A task, or an item, may have forked, and returned in the child.
            while core.is_in_this_process() {
                let task = self.queue.lock().take();
                if let Some(task) = task {
                    submit::run_queued(core, task, context);
                }
                core.callbacks.drain_wanted();
                let mut state = self.queue.lock();
                if state.len() == 0 && !core.callbacks.is_wanted() {
                    state.active -= 1;
                    break;
                }
            }
            self.tally.count_awake(core.age().saturating_sub(begun));
        });
        if core.is_in_this_process() {
            self.check_finished(core);
        }
        true
    }

    /// Runs `body` as the pool's worker, on this thread's stack.
    pub(super) fn in_place<R>(&self, core: &Core, body: impl FnOnce(&Context) -> R) -> R {
        let here = context::stack_pointer();
        let stack = stack::this_stack(0);
        // So much must be free for one more task on top of another.
        let reserve = (stack.len() / 2).min(1 << 20);
        let stack = if stack.is_empty() {
            here.saturating_sub(SUPPOSED)..here + 1
        } else {
            stack.start + reserve..stack.end
        };
        let engine = NonNull::from(self).cast();
        let context = Context::caller(core, Site::nowhere(0), &self.tally, stack, engine);
        context.enter(|| body(&context))
    }

    /// Before a thread waits inside a task, and nobody else may come: what others have left here
    /// is run. False if this thread may run nothing.
    pub(super) fn run_left(&self, core: &Core) -> bool {
        let Some(context) = context::find(core).filter(|context| context.has_stack()) else {
            return false;
        };
        loop {
            let task = self.queue.lock().take();
            let Some(task) = task else { return true };
            submit::run_queued(core, task, context);
        }
    }
}
