//! Threads that run a task while they wait for it.
//!
//! A waiter runs only the very task it waits for (or items of the very map). A task run on top
//! of another must not depend on what lies below it; the awaited task cannot, unless the program
//! waits in a circle, while any other might, and would then wait for ever for a frame that cannot
//! go on until it returns. What the awaited task submits is run by the spare worker that may
//! take a blocked waiter's place.

use super::engine::ThreadEngine;
use crate::{
    pool::{
        abi::POOL_NO_WORKER,
        context::{self, Context},
        core::Core,
        site::Site,
        stack,
        status::{self, Error, Result},
        submit,
        task::TaskRef,
    },
    support::{spin, stack::this_stack},
};
use std::time::Instant;

/// As `Engine::lend`.
pub fn lend(engine: &ThreadEngine, core: &Core, body: &mut dyn FnMut(&Context)) -> bool {
    if let Some(context) = context::find(core).filter(|context| context.counted.get()) {
        if context.has_stack() {
            body(context);
            return true;
        }
        return false;
    }
    // Whoever submitted earlier comes first. [Q2]: `body` asks whether the pool is closed.
    engine.queues.is_nobody_ahead() && visit(engine, core, body)
}

/// Runs `body` on this outsider's thread if a place is free and the stack has room. A pool of
/// one worker is a serial queue: there an outsider steps in only when nobody is at work.
fn visit(engine: &ThreadEngine, core: &Core, body: &mut dyn FnMut(&Context)) -> bool {
    if core.options.hooks.initializer.is_some() {
        return false;
    }
    let stack = this_stack(engine.stack_reserve());
    let here = context::stack_pointer();
    if !stack.contains(&here) {
        return false;
    }
    let sleep = &engine.sleep;
    let serial = core.workers() == 1;
    if !(if serial { sleep.enter_alone() } else { sleep.enter() }) {
        return false;
    }
    let site = Site { worker: POOL_NO_WORKER, slot: engine.offers.of_visitor(stack.end) };
    let visitor = Context::visitor(core, site, true, stack);
    let free = !serial || engine.queues.is_nobody_ahead();
    if free {
        visitor.enter(|| body(&visitor));
    }
    sleep.leave(false);
    engine.pass_on(core);
    free
}

/// As `Engine::wait`.
pub fn wait(
    engine: &ThreadEngine,
    core: &Core,
    task: TaskRef,
    deadline: Option<Instant>,
) -> Result<bool> {
    if stack::is_on_this_stack(&task) {
        let text = "the task that is to be waited for is running on this very thread";
        return Err(Error::new(status::DEADLOCK, text));
    }
    let inside = context::find(core);
    let context = inside.filter(|context| context.counted.get());
    let is_aside = inside.is_some_and(Context::is_aside);
    let has_stack = context.is_some_and(Context::has_stack);
    if deadline.is_none() {
        if let Some(context) = context {
            if has_stack {
                submit::run_awaited(core, task, context);
            }
        } else if core.workers() > 1
            && !task.has_callback()
            && (task.state.is_queued() || task.map().is_some())
        {
            visit(engine, core, &mut |here| submit::run_awaited(core, task, here));
        }
    }
    if spin::spin_until(engine.patience / 2, || task.state.is_done()) {
        return Ok(true);
    }
    // What was run just now may have forked, and returned in the child.
    core.require_this_process()?;
    context::blocking(|served| {
        // In a section the thread has given up its place before; but only now must it rely on others.
        let served = served && (!is_aside || engine.is_served(core));
        let nobody_is_at_it = || match task.map() {
            Some(map) => map.is_deserted(),
            // What it is to follow may be queued, if it is not queued itself.
            None => task.state.is_ahead(),
        };
        if !served && deadline.is_none() && (context.is_some() || is_aside) && nobody_is_at_it() {
            let text = if task.state.is_queued() || task.map().is_some() {
                "the stack is too deep to run the awaited task here, \
                 and no thread could be started to run it"
            } else {
                "the awaited task may not start yet, \
                 and no thread could be started to run what is queued"
            };
            return Err(Error::new(status::SYSTEM, text));
        }
        Ok(task.state.wait(deadline))
    })
}
