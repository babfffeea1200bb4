//! The life of a worker: initialise, look, run, rest, leave.

use super::{
    engine::{Born, ThreadEngine},
    queue::Seat,
    sleep::Rest,
};
use crate::{
    pool::{
        blocks::Local,
        context::{self, Context},
        core::Core,
        engine::Engine,
        fork, log,
        site::Site,
        submit,
    },
    support::{
        spin,
        sync::{Arc, thread},
    },
    sys,
};
use std::ptr::NonNull;

/// Aborts the process when it is dropped by a panic: the counts could not be trusted any more.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}

/// The whole life of the worker `number`, which has been counted as `born` says.
pub fn run(core: &Arc<Core>, engine: &ThreadEngine, number: usize, born: Born) {
    let _bomb = Bomb;
    engine.placement.settle(number);
    let local = Local::new();
    if let Some(seat) = engine.queues.sit_down(number) {
        let reserve = engine.stack_reserve();
        let here = context::stack_pointer();
        let stack = sys::thread::stack()
            .map_or(here.saturating_sub(reserve)..here, |stack| stack.start + reserve..stack.end);
        let site = Site { worker: number as u32, slot: engine.offers.of_worker(number) };
        let context = {
            let engine = NonNull::from(&seat).cast();
            Context::worker(core, site, seat.tally(), stack, &local, engine)
        };
        let worker = Worker { core, engine, seat: &seat, context: &context };
        log::tell(core, log::INFO, || format!("worker {number} has started, a thread"));
        context.enter(|| worker.live(born));
        log::tell(core, log::INFO, || format!("worker {number} has ended"));
        core.blocks.come_home(&local);
    }
    engine.left();
}

/// How long a worker looks before it rests.
struct Eagerness {
    /// How many times. What did not pay last time is tried for less long the next.
    rounds: u32,
    /// How long it waits before the first look, in pauses: while tasks come so quickly that there
    /// is always one after a moment, to fetch each by itself would cost the submitter and this
    /// worker two cache lines a task; so they may gather for half a microsecond.
    lull: u32,
}

/// The longest lull, some 600 ns.
const LULL: u32 = 32;

/// Why a worker leaves.
#[derive(PartialEq, Eq)]
enum Left {
    /// The pool is finished.
    Finished,
    /// Too many were idle. Until the finalizer has returned the worker is counted as blocked, so
    /// that what it submits is not left behind in a pool that is finished.
    Retires,
}

struct Worker<'a> {
    core: &'a Core,
    engine: &'a ThreadEngine,
    seat: &'a Seat<'a>,
    context: &'a Context,
}

impl Worker<'_> {
    fn live(&self, born: Born) {
        let mut searching = true;
        if born == Born::Active && self.core.options.hooks.initializer.is_some() {
            // The initializer may take long: nobody shall rely on this worker meanwhile. It stops
            // searching as if it had found something.
            self.found(&mut searching);
        }
        let tally = self.seat.tally();
        let number = self.context.site().worker;
        let hooks = &self.core.options.hooks;
        let outcome = hooks.initialize(number);
        let ready = outcome.is_ok();
        self.engine.report(outcome);
        if born == Born::Asleep {
            self.engine.sleep.sleep();
        }
        let mut retires = false;
        if ready && !self.engine.is_finished() {
            self.context.counted.set(true);
            tally.begin(self.core);
            retires = self.work(searching) == Left::Retires;
            tally.end(self.core);
            self.context.counted.set(false);
        } else {
            self.engine.sleep.leave(searching);
            self.engine.pass_on(self.core);
        }
        if ready {
            hooks.finalize(number);
        }
        if retires {
            self.engine.release(self.core);
        }
    }

    /// Runs tasks until the pool is finished, or too many workers are idle.
    fn work(&self, mut searching: bool) -> Left {
        let mut eagerness = Eagerness { rounds: self.engine.patience, lull: 0 };
        let mut tick = 0_u32;
        loop {
            if self.run_callbacks(&mut searching) || self.run_one(&mut tick, &mut searching) {
                // A callback, too, may have waited, and have come back to a full pool.
                if !self.engine.sleep.is_crowded() {
                    continue;
                }
            } else if self.look_longer(&mut searching, &mut eagerness) {
                continue;
            }
            if let Some(left) = self.rest(&mut searching) {
                return left;
            }
        }
    }

    /// Runs the callbacks that others have left, if there are any.
    fn run_callbacks(&self, searching: &mut bool) -> bool {
        let wanted = self.core.callbacks.is_wanted();
        if wanted {
            self.found(searching);
            self.core.callbacks.drain_wanted();
        }
        wanted
    }

    /// Runs a task, or if there is none a fork of somebody's; false if there is neither.
    fn run_one(&self, tick: &mut u32, searching: &mut bool) -> bool {
        if let Some(task) = self.seat.find(&self.engine.queues, *tick) {
            *tick = tick.wrapping_add(1);
            self.found(searching);
            submit::run_queued(self.core, task, self.context);
            return true;
        }
        let thief = self.context.thief();
        let Some(stolen) = self.engine.offers.take(self.seat.number, thief) else {
            return false;
        };
        self.found(searching);
        self.seat.tally().count_steal();
        fork::run(stolen, self.context);
        self.core.leave_if_child();
        true
    }

    /// Stops searching; the last searcher that finds something calls another if there is more.
    fn found(&self, searching: &mut bool) {
        if *searching {
            *searching = false;
            if self.engine.sleep.found() && self.engine.has_work(self.core) {
                self.engine.wake(self.core);
            }
        }
    }

    /// Looks for a while before it rests; true if there is something.
    fn look_longer(&self, searching: &mut bool, eagerness: &mut Eagerness) -> bool {
        if self.engine.patience == 0 || !(*searching || self.engine.sleep.search()) {
            return false;
        }
        *searching = true;
        let mut found = false;
        let mut looks = 0;
        let Eagerness { rounds, lull } = eagerness;
        spin::pause(*lull);
        spin::spin_until(*rounds, || {
            looks += 1;
            found = self.engine.has_work(self.core);
            found || self.core.is_closed()
        });
        *rounds =
            if found { (*rounds * 2).min(self.engine.patience) } else { (*rounds / 2).max(16) };
        *lull = if found && looks == 1 { (*lull * 2).clamp(4, LULL) } else { *lull / 2 };
        found
    }

    /// Gives up its place and sleeps, or for good.
    fn rest(&self, searching: &mut bool) -> Option<Left> {
        let sleep = &self.engine.sleep;
        if sleep.rest(*searching) == Rest::Retire {
            // After the pool has shrunk, one leaves after the other.
            sleep.call_surplus();
            self.engine.pass_on(self.core);
            return Some(Left::Retires);
        }
        // [S3]
        if !(self.engine.has_work(self.core) && sleep.stay()) {
            self.engine.check_finished(self.core);
            self.seat.tally().sleep(self.core);
            sleep.sleep();
            self.seat.tally().begin(self.core);
        }
        *searching = true;
        if self.engine.is_finished() {
            sleep.leave(true);
            return Some(Left::Finished);
        }
        None
    }
}
