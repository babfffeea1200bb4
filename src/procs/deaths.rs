//! What a worker's death means, and the zygote's.

use super::{
    child,
    engine::ProcessEngine,
    fleet::{Fleet, State},
    hints::Hint,
    layout::{AWAKE, LEAVE, Slot},
    slab,
    window::Load,
    word::Phase,
    worker,
    zygote::{Report, Zygote},
};
use crate::{
    objects::home,
    pool::{
        core::Core,
        log,
        parcel::Ending,
        status::{self, Error},
    },
    support::{
        foreign::Foreign,
        robust::is_dead,
        sync::{Arc, Ordering, lock, thread},
    },
    sys::{children::End, signals::signal_name},
};
use std::{
    ptr,
    time::{Duration, Instant},
};

/// So often a task goes to another worker because the one that had claimed it has died.
const RETURNS: u32 = 10;

/// So often a fork may fail in a row while there is no worker at all.
const FORK_FAILURES: u32 = 6;

/// So long at most do workers outlive their zygote.
const LINGERING: Duration = Duration::from_secs(1);

/// What a death leaves behind in the slots.
#[derive(Default)]
struct Estate {
    /// Results that are whole.
    done: Vec<(u32, Load)>,
    /// What the worker was at, and why it was killed, if it was.
    lost: Vec<(u32, Load, Option<Error>)>,
}

/// Who died, and of what.
#[derive(Clone, Copy)]
struct Death {
    index: usize,
    pid: i32,
    end: End,
}

impl Death {
    /// What happened.
    fn error(self, core: &Core) -> Error {
        let Death { pid, end, .. } = self;
        let seconds = core.options.processes.task_cpu_seconds;
        match end {
            // Only the CPU limit sends this one.
            End::Signal(signal) if seconds != 0 && signal_name(signal) == "SIGXCPU" => {
                let text = format!("the task used more than {seconds} s of processor time");
                Error::new(status::TIME_LIMIT, text)
            }
            End::Signal(signal) => {
                let name = signal_name(signal);
                let text = format!("the worker, process {pid}, died by {name} (signal {signal})");
                Error::new(status::WORKER_DIED, text)
            }
            End::Code(code) => {
                let why = self.why().unwrap_or_default();
                let text = format!("the worker, process {pid}, ended with exit code {code}{why}");
                Error::new(status::WORKER_DIED, text)
            }
        }
    }

    /// What the worker itself says by its exit code.
    fn why(self) -> Option<&'static str> {
        match self.end {
            End::Code(child::UNWOUND) => {
                Some(" (so it does when an exception or pthread_exit leaves a task)")
            }
            End::Code(worker::LOST) => Some(" (the task has written over the pool's memory)"),
            End::Code(worker::NO_STACK) => {
                Some(" (the stack could not be had: see stack_size, memory limits)")
            }
            _ => None,
        }
    }

    /// The same, to who has submitted the task.
    fn task_error(self, core: &Core) -> Error {
        let mut error = self.error(core);
        if error.status == status::WORKER_DIED && self.why().is_none() {
            let advice = "submit the task again if running it twice does no harm";
            error.message = format!("{}; {advice}", error.message).into();
        }
        error
    }
}

impl ProcessEngine {
    /// Deals with a report of a zygote.
    pub(super) fn hear(&self, core: &Core, zygote: &Arc<Zygote>, report: Report) {
        match report {
            Report::Spawned { index, incarnation, pid } => {
                let state = lock(&self.fleet.state);
                let member = &state.members[index as usize];
                if member.alive && member.incarnation == incarnation {
                    self.fleet.pids[index as usize].store(pid, Ordering::SeqCst);
                }
                drop(state);
                log::tell(core, log::INFO, || format!("worker {index} has started, process {pid}"));
            }
            Report::ForkFailed { index, incarnation, errno } => {
                let error = std::io::Error::from_raw_os_error(errno);
                log::tell(core, log::WARNING, || {
                    format!("worker {index} could not be forked: {error}")
                });
                let had_failed = self.fleet.has_failed();
                self.lose(index as usize, incarnation, |state| {
                    if self.fleet.is_starting(state, index as usize) {
                        return Err(Error::system("a worker could not be forked", &error));
                    }
                    state.failed_starts += 1;
                    let failures = state.failed_starts;
                    let anybody = state.members.iter().any(|member| member.alive);
                    if !anybody && failures > FORK_FAILURES {
                        return Err(Error::system("no worker could be forked", &error));
                    }
                    Ok(Duration::from_millis(1 << failures.min(8)))
                });
                self.tell_failure(core, had_failed);
                self.give_up_if_failed(core);
            }
            Report::Exited { index, incarnation, pid, end } => {
                self.bury(core, incarnation, Death { index: index as usize, pid, end });
            }
            Report::Gone => self.lose_zygote(core, zygote),
        }
    }

    /// A worker is not there any more: `judge` says when to try again, or that it is no use.
    fn lose(
        &self,
        index: usize,
        incarnation: u32,
        judge: impl FnOnce(&mut State) -> Result<Duration, Error>,
    ) {
        let mut state = lock(&self.fleet.state);
        if state.members[index].incarnation != incarnation || !state.members[index].alive {
            return;
        }
        self.close_book(&state.members[index], index);
        state.members[index].alive = false;
        self.fleet.pids[index].store(0, Ordering::SeqCst);
        self.memory.sleepers()[index].store(AWAKE, Ordering::SeqCst);
        if state.leaving {
            return;
        }
        match judge(&mut state) {
            Ok(wait) => {
                self.fleet.promote(&state, index);
                if !self.fleet.is_short(&state) {
                    // There are fewer workers now than when it was made.
                    self.fleet.vacate(index);
                } else if wait.is_zero() {
                    self.fleet.spawn(&mut state, index);
                } else {
                    state.members[index].due = Some(Instant::now() + wait);
                }
            }
            Err(error) => self.fleet.fail_in(&mut state, error),
        }
    }

    /// A worker has died: settles what it had in hand, and asks for another.
    fn bury(&self, core: &Core, incarnation: u32, death: Death) {
        let Death { index, end, .. } = death;
        let record = self.memory.record(index);
        let was_ready = record.ready.load(Ordering::Acquire) == incarnation;
        let has_left = end == End::Code(0) && record.leaving.load(Ordering::Acquire) == incarnation;
        let failed = record.failed.load(Ordering::Acquire) == incarnation
            && end == End::Code(worker::NOT_READY);
        let initializer_error =
            || Fleet::initializer_error(index, record.status.load(Ordering::Relaxed));
        home::bury_all(end != End::Code(0));
        let idle = self.settle_estate(core, incarnation, death, || death.task_error(core));
        self.audit(core);
        if record.high.swap(0, Ordering::Relaxed) > 0 {
            let slab = self.memory.layout.slab(index);
            self.memory.discard(slab.start + slab::KEPT..slab.end);
        }
        let had_failed = self.fleet.has_failed();
        let mut has_died = false;
        self.lose(index, incarnation, |state| {
            let starting = core.options.hooks.initializer.is_some() && !was_ready;
            let was_told =
                self.memory.orders()[index].load(Ordering::SeqCst) == LEAVE && end == End::Code(0);
            if has_left || was_told {
                return Ok(Duration::ZERO);
            }
            has_died = true;
            self.books[index].deaths.fetch_add(1, Ordering::Relaxed);
            let age = state.members[index].since.map_or(Duration::MAX, |since| since.elapsed());
            let next = Fleet::judge(state, was_ready, age, idle);
            if starting && self.fleet.is_starting(state, index) {
                // Somebody waits for the initializers: one failure is the failure of all.
                return Err(if failed {
                    initializer_error()
                } else {
                    let error = death.error(core);
                    Error::new(error.status, format!("in the initializer: {}", error.message))
                });
            }
            next.ok_or_else(|| {
                let last =
                    if failed { initializer_error().message } else { death.error(core).message };
                let text = format!("{}; the last one: {last}", status::meaning(status::CRASH_LOOP));
                Error::new(status::CRASH_LOOP, text)
            })
        });
        if has_died {
            let said = if failed { initializer_error() } else { death.error(core) };
            log::tell(core, log::WARNING, || {
                said.message.replace("the worker,", &format!("worker {index},"))
            });
        } else {
            log::tell(core, log::INFO, || {
                format!("worker {index}, process {}, has left", death.pid)
            });
        }
        self.tell_failure(core, had_failed);
        self.give_up_if_failed(core);
        // The dead one may have been woken for something that it did not take, and it may have
        // died between the two steps of a ring, so that nobody else's would be heard.
        self.wake_workers(1);
        self.ring();
    }

    /// Tells the program's log that no worker can run anything any more, if that is new.
    fn tell_failure(&self, core: &Core, had_failed: bool) {
        if let Some(error) = self.fleet.failure().filter(|_| !had_failed) {
            log::tell(core, log::ERROR, || error.message.into_owned());
        }
    }

    /// Takes in what a dead worker has done, what it has reported first, in order, and ends what it
    /// was at, because of `error` unless it was killed for a reason; whether that was nothing.
    fn settle_estate(
        &self,
        core: &Core,
        incarnation: u32,
        death: Death,
        error: impl Fn() -> Error,
    ) -> bool {
        self.harvest(core);
        let estate = self.estate(incarnation);
        let idle = estate.lost.is_empty();
        self.take_in(core, estate.done);
        for (number, load, reason) in estate.lost {
            self.end_lost(core, number, load, death, reason.unwrap_or_else(&error));
        }
        self.wait_for_readers(incarnation);
        idle
    }

    /// Goes through all words that a dead worker may have changed last.
    fn estate(&self, incarnation: u32) -> Estate {
        let mut estate = Estate::default();
        let mut returned = Vec::new();
        let mut window = lock(&self.window);
        for (number, info) in window.infos.iter_mut().enumerate() {
            if matches!(info.load, Load::None) {
                continue;
            }
            let word = &self.memory.slots()[number].word;
            let reading = word.read();
            if reading.worker() != incarnation {
                continue;
            }
            let generation = info.generation;
            match reading.phase() {
                Phase::Claimed if info.returns >= RETURNS => {
                    // Getting ready for it may be what they die of.
                    if word.kill(generation).is_some() && word.bury(generation) {
                        let load = std::mem::take(&mut info.load);
                        estate.lost.push((number as u32, load, info.reason.take()));
                    }
                }
                Phase::Claimed => {
                    info.returns += 1;
                    if word.return_to_queue(generation) {
                        returned.push(Hint { slot: number as u32, generation });
                    }
                }
                Phase::Started | Phase::Killed => {
                    if word.bury(generation) {
                        let load = std::mem::take(&mut info.load);
                        estate.lost.push((number as u32, load, info.reason.take()));
                    }
                }
                Phase::Done => {
                    if word.take(generation) {
                        self.readers.fetch_add(1, Ordering::SeqCst);
                        estate.done.push((number as u32, std::mem::take(&mut info.load)));
                    }
                }
                Phase::Free | Phase::Queued | Phase::Taken => {}
            }
        }
        for hint in returned {
            self.push_returned(&mut window, hint);
        }
        estate
    }

    /// Waits until no other thread is copying a result out of the slab of a dead worker, which is
    /// about to be another's.
    fn wait_for_readers(&self, incarnation: u32) {
        let is_read = |slot: &Slot| {
            let word = slot.word.read();
            word.worker() == incarnation && word.phase() == Phase::Taken
        };
        while self.readers.load(Ordering::SeqCst) > 0 && self.memory.slots().iter().any(is_read) {
            thread::sleep(Duration::from_micros(50));
        }
    }

    /// Ends what a dead worker was at.
    fn end_lost(&self, core: &Core, number: u32, load: Load, death: Death, mut error: Error) {
        if let Some(tail) = self.fleet.stderr_tail(death.index) {
            error.message = format!("{}\nstderr: {tail}", error.message).into();
        }
        if let Load::Task(task) = &load {
            if self.begin_again(number, *task, error.status) {
                return;
            }
            self.keep_said(number, *task);
        }
        self.owners[number as usize].store(ptr::null_mut(), Ordering::SeqCst);
        let slot = &self.memory.slots()[number as usize];
        let mut ended = 0;
        match load {
            Load::Task(task) => {
                task.finish_elsewhere(&Ending {
                    status: error.status,
                    message: Some(&error.message),
                    result: Foreign::EMPTY,
                    worker: death.index as u32,
                    pid: death.pid,
                });
                self.books[death.index].tally.count_task();
                ended = 1;
            }
            Load::Piece(piece) => {
                let done = (slot.map.progress.load(Ordering::Acquire) as usize).min(piece.count);
                let answer = self.remains(number, death.index);
                ended = self.end_items(core, number, piece, done, Some(&error), Some(&answer));
            }
            Load::None => {}
        }
        self.free_word(number);
        self.settle(core, ended);
        if self.backlog.load(Ordering::Relaxed) {
            self.feed(core);
        }
    }

    /// The zygote is dead, and its workers with it. Until what each of them has left is settled
    /// it counts as alive, so that no refresh gives its slab to another.
    fn lose_zygote(&self, core: &Core, zygote: &Arc<Zygote>) {
        zygote.wait_until_gone();
        let had_failed = self.fleet.has_failed();
        let error = || Error::from(status::BROKEN);
        let orphans: Vec<_> = {
            let mut state = lock(&self.fleet.state);
            let was_current = state.zygotes.last().is_some_and(|last| Arc::ptr_eq(last, zygote));
            state.zygotes.retain(|one| !Arc::ptr_eq(one, zygote));
            if was_current && !state.leaving {
                self.fleet.fail_in(&mut state, error());
            }
            let is_its = |one: &Arc<Zygote>| Arc::ptr_eq(one, zygote);
            let members = state.members.iter().enumerate();
            members
                .filter(|(_, member)| member.alive && member.zygote.as_ref().is_some_and(is_its))
                .map(|(index, member)| (index, member.incarnation))
                .collect()
        };
        for (index, incarnation) in orphans {
            let pid = self.fleet.pids[index].swap(0, Ordering::SeqCst);
            // Killed with the zygote, but maybe not quite gone: whoever hears of it shall find it so.
            let since = Instant::now();
            while pid > 0 && !is_dead(pid.cast_unsigned()) && since.elapsed() < LINGERING {
                thread::sleep(Duration::from_micros(200));
            }
            home::bury_all(true);
            let death = Death { index, pid, end: End::Signal(9) };
            self.settle_estate(core, incarnation, death, error);
            self.memory.sleepers()[index].store(AWAKE, Ordering::SeqCst);
            self.books[index].deaths.fetch_add(1, Ordering::Relaxed);
            let mut state = lock(&self.fleet.state);
            self.close_book(&state.members[index], index);
            state.members[index].alive = false;
            if !self.fleet.is_short(&state) {
                self.fleet.vacate(index);
            } else if !state.leaving && !state.zygotes.is_empty() {
                // There is a younger zygote by now.
                self.fleet.spawn(&mut state, index);
            }
        }
        self.audit(core);
        self.tell_failure(core, had_failed);
        self.give_up_if_failed(core);
        self.wake_workers(usize::MAX);
    }

    /// When no worker can run anything any more, nothing shall wait for one. A refresh may come
    /// meanwhile: what was submitted after it is not meant.
    pub(super) fn give_up_if_failed(&self, core: &Core) {
        if let Some(error) = self.fleet.failure() {
            self.end_waiting(core, &error, &|| self.fleet.has_failed());
        }
    }
}
