//! What the host's threads ask about single tasks: wait, look, take back, kill.

use super::{
    audit::EVERY,
    engine::{HAS_WOKEN, ProcessEngine},
    window::{Load, Waiting, Window},
    word::{AWAITED, Generation, NOTICE, Phase, Reading, STOP, WAITED},
};
use crate::{
    pool::{
        core::Core,
        status::{Error, Status},
        task::TaskRef,
    },
    support::{
        spin,
        sync::{Ordering, fence, lock},
    },
    sys::futex,
};
use std::{ptr, time::Instant};

impl ProcessEngine {
    /// The slot that a task is in, and a reading of its word. The owner is looked at before and
    /// after the word: if that was the task both times, the reading is of its time there.
    pub(super) fn find(&self, task: TaskRef) -> Option<(u32, Reading)> {
        let number = task.engine_number();
        let owner = self.owners.get(number as usize)?;
        if !ptr::eq(owner.load(Ordering::SeqCst), task.as_non_null().as_ptr()) {
            return None;
        }
        let reading = self.memory.slots()[number as usize].word.read();
        let is_its = ptr::eq(owner.load(Ordering::SeqCst), task.as_non_null().as_ptr());
        let is_there = !matches!(reading.phase(), Phase::Free);
        (is_its && is_there).then_some((number, reading))
    }

    /// Waits until a task has ended; false when the deadline came first. Without a deadline, on
    /// the task's own word in shared memory: the worker wakes this thread, which takes the result
    /// in itself. Else, and if the task has a callback, the supervisor does that, and wakes this
    /// thread.
    pub(super) fn wait_for(&self, core: &Core, task: TaskRef, deadline: Option<Instant>) -> bool {
        if task.has_callback() {
            return self.wait_for_supervisor(core, task, deadline);
        }
        if task.map().is_none()
            && deadline.is_none()
            && let Some((number, reading)) = self.find(task)
        {
            // From here on this thread does not leave without the result.
            let word = &self.memory.slots()[number as usize].word;
            if word.set(reading.generation(), AWAITED).is_ok() {
                let generation = reading.generation();
                let patience = if HAS_WOKEN.take() { 0 } else { self.patience };
                spin::spin_until(patience, || {
                    let word = word.read();
                    word.phase() == Phase::Done || word.generation() != generation
                });
            }
        }
        loop {
            if task.state.is_done() {
                return true;
            }
            match self.find(task) {
                Some((number, reading)) if reading.phase() == Phase::Done => {
                    if !self.collect(core, number, reading.generation()) {
                        // Another thread is at it.
                        return task.state.wait(deadline);
                    }
                }
                Some((number, reading))
                    if deadline.is_none() && reading.phase() != Phase::Taken =>
                {
                    let word = &self.memory.slots()[number as usize].word;
                    if let Ok(reading) = word.set(reading.generation(), WAITED | AWAITED) {
                        let late = Instant::now() + EVERY;
                        futex::wait_shared(self.memory.futex(word), reading.low(), Some(late));
                        if Instant::now() >= late {
                            // It may sleep until it is rung for, and not know of this task.
                            self.ring();
                        }
                    }
                }
                _ => return self.wait_for_supervisor(core, task, deadline),
            }
        }
    }

    fn wait_for_supervisor(&self, core: &Core, task: TaskRef, deadline: Option<Instant>) -> bool {
        if !task.state.announce() {
            return true;
        }
        self.ask_for_notice(core, task);
        let late = Instant::now() + EVERY;
        if deadline.is_none_or(|at| at > late) {
            if task.state.wait(Some(late)) {
                return true;
            }
            // As in `wait_for`.
            self.ring();
        }
        task.state.wait(deadline)
    }

    /// Has the supervisor told at once when the task has ended; its word says that somebody relies
    /// on that. It says so from the beginning if the task has a callback.
    pub(super) fn ask_for_notice(&self, core: &Core, task: TaskRef) {
        // Either the task is seen to be with the workers, or who sends it sees the announcement.
        fence(Ordering::SeqCst);
        if task.map().is_none()
            && !task.has_callback()
            && let Some((number, reading)) = self.find(task)
        {
            let word = &self.memory.slots()[number as usize].word;
            let generation = reading.generation();
            if let Err(now) = word.set(generation, NOTICE)
                && now.phase() == Phase::Done
            {
                // The worker may not have reported it yet, and will not hurry to.
                self.collect(core, number, generation);
            }
        }
    }

    /// Takes the result of a task in, if it is there, and not for the supervisor.
    pub(super) fn collect_if_done(&self, core: &Core, task: TaskRef) {
        if !task.has_callback()
            && let Some((number, reading)) = self.find(task)
            && reading.phase() == Phase::Done
            && !self.collect(core, number, reading.generation())
            && !task.may_begin_again()
        {
            // Whoever is at it will have ended the task in a moment.
            task.state.wait(None);
        }
    }

    /// Whether a worker has a task that is not in the queue any more.
    pub(super) fn has_begun(&self, task: TaskRef) -> bool {
        task.map().is_some()
            || self.find(task).is_none_or(|(_, word)| word.phase() != Phase::Queued)
    }

    /// Ends a task that no worker has begun; otherwise asks it to stop, and returns false.
    pub(super) fn take_back(&self, core: &Core, task: TaskRef, status: Status) -> bool {
        // Under the lock, so that a task that is just being placed is found.
        let mut window = lock(&self.window);
        let Some((number, reading)) = self.find(task) else { return false };
        let generation = reading.generation();
        let Some(load) = self.withdraw_from(&mut window, number, generation) else {
            let _ = self.memory.slots()[number as usize].word.set(generation, STOP);
            return false;
        };
        drop(window);
        self.end_unrun(core, number, load, &Error::from(status));
        true
    }

    /// Takes what no worker has begun out of a slot; `end_unrun` must follow.
    pub(super) fn withdraw_from(
        &self,
        window: &mut Window,
        number: u32,
        generation: Generation,
    ) -> Option<Load> {
        let info = &mut window.infos[number as usize];
        let word = &self.memory.slots()[number as usize].word;
        let withdrawn = info.generation == generation && word.withdraw(generation);
        withdrawn.then(|| std::mem::take(&mut info.load))
    }

    /// Gives a slot back whose task has ended, and wakes whoever still sleeps on its word.
    pub(super) fn free_word(&self, number: u32) {
        let word = &self.memory.slots()[number as usize].word;
        let was = word.release();
        lock(&self.window).free.push(number);
        if was.has(WAITED) {
            futex::wake_shared(self.memory.futex(word), i32::MAX);
        }
    }

    /// Ends what was withdrawn from a slot, and frees that.
    pub(super) fn end_unrun(&self, core: &Core, number: u32, load: Load, error: &Error) {
        self.owners[number as usize].store(ptr::null_mut(), Ordering::SeqCst);
        let mut ended = 0;
        match load {
            Load::Task(task) => {
                task.finish_unrun_because(error.status, &error.message);
                ended = 1;
            }
            Load::Piece(piece) => ended = self.end_items(core, number, piece, 0, None, None),
            Load::None => {}
        }
        self.free_word(number);
        self.settle(core, ended);
        if self.backlog.load(Ordering::Relaxed) {
            self.ring();
        }
    }

    /// Kills the worker that runs what is in a slot. The word says so first, so that the worker
    /// cannot begin anything else meanwhile: only this task is lost.
    pub(super) fn kill_slot(&self, number: u32, generation: Generation, error: Error) -> bool {
        let mut window = lock(&self.window);
        let info = &mut window.infos[number as usize];
        if info.generation != generation {
            return false;
        }
        let Some(incarnation) = self.memory.slots()[number as usize].word.kill(generation) else {
            return false;
        };
        // The death cannot be dealt with before this lock is free.
        info.reason = Some(error);
        drop(window);
        self.fleet.kill(incarnation);
        // The command may wait for room.
        self.ring();
        true
    }

    /// Kills whoever runs the task, or pieces of the map; false if nobody does.
    pub(super) fn end_by_force(
        &self,
        core: &Core,
        task: TaskRef,
        error: &dyn Fn() -> Error,
    ) -> bool {
        if let Some(map) = task.map() {
            let number = map.number.load(Ordering::Relaxed);
            let is_its = |load: &Load| matches!(load, Load::Piece(piece) if piece.job == number);
            let mut any = false;
            for (slot, generation) in self.loaded(is_its) {
                any |= self.kill_slot(slot, generation, error());
            }
            return any;
        }
        loop {
            let found = {
                let _window = lock(&self.window);
                self.find(task)
            };
            let Some((number, reading)) = found else { return false };
            match reading.phase() {
                Phase::Claimed | Phase::Started => {
                    if self.kill_slot(number, reading.generation(), error()) {
                        return true;
                    }
                }
                Phase::Queued if self.take_back(core, task, error().status) => return true,
                Phase::Queued if self.audit(core) => return true,
                Phase::Queued => {}
                Phase::Killed => return true,
                Phase::Done | Phase::Taken | Phase::Free => return self.audit(core),
            }
        }
    }

    /// The slots that hold something of a kind.
    pub(super) fn loaded(&self, is_meant: impl Fn(&Load) -> bool) -> Vec<(u32, Generation)> {
        let window = lock(&self.window);
        let slots = window.infos.iter().enumerate();
        slots
            .filter(|(_, info)| is_meant(&info.load))
            .map(|(number, info)| (number as u32, info.generation))
            .collect()
    }

    /// Ends all that is there: what no worker has begun at once, the rest by force.
    pub(super) fn end_all(&self, core: &Core, error: impl Fn() -> Error) {
        self.end_waiting(core, &error(), &|| true);
        for (number, generation) in self.loaded(|load| !matches!(load, Load::None)) {
            self.kill_slot(number, generation, error());
        }
    }

    /// Ends all that no worker has begun, as long as `must_end` holds. It is asked under the lock
    /// under which tasks come in: what came after it was made false is left alone.
    pub(super) fn end_waiting(&self, core: &Core, error: &Error, must_end: &dyn Fn() -> bool) {
        let maps: Vec<TaskRef> = {
            let window = lock(&self.window);
            let tasks = window.jobs.values().filter(|_| must_end()).map(|job| job.task);
            tasks.inspect(|task| task.state.add_reference()).collect()
        };
        for task in maps {
            let _ = task.state.claim();
            if let Some(map) = task.map() {
                map.stop(core, error.status);
            }
            self.skip_map(core, task);
            task.release();
        }
        loop {
            let task = {
                let mut window = lock(&self.window);
                window.queues.iter_mut().find_map(|queue| {
                    let mut waiting = queue.iter();
                    let at =
                        waiting.position(|one| must_end() && matches!(one, Waiting::Task(_)))?;
                    queue.remove(at)
                })
            };
            let Some(Waiting::Task(task)) = task else { break };
            if task.state.claim() {
                task.finish_unrun_because(error.status, &error.message);
            } else {
                task.release();
            }
            self.settle(core, 1);
        }
        for (number, generation) in self.loaded(|load| !matches!(load, Load::None)) {
            let load = {
                let mut window = lock(&self.window);
                if !must_end() {
                    return;
                }
                self.withdraw_from(&mut window, number, generation)
            };
            if let Some(load) = load {
                self.end_unrun(core, number, load, error);
            }
        }
    }
}
