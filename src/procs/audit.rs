//! Finds tasks whose words say what cannot be: a worker has written over them. They end with an
//! error, where they would be waited for for ever.

use super::{
    engine::ProcessEngine,
    layout::ASLEEP,
    window::Load,
    word::{Generation, Phase, Reading},
};
use crate::{
    pool::{
        abi::POOL_NO_WORKER,
        core::Core,
        parcel::Ending,
        status::{self, Error},
    },
    support::{
        foreign::Foreign,
        sync::{AtomicU32, Ordering, lock},
    },
    sys::futex,
};
use std::{
    ptr,
    time::{Duration, Instant},
};

/// How often to look while tasks are with the workers: a look takes time, and what it finds is
/// never in a hurry.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// Whether a word can be that of a task that the host has put there and not taken.
fn is_right(reading: Reading, generation: Generation) -> bool {
    reading.generation() == generation && !matches!(reading.phase(), Phase::Free | Phase::Taken)
}

impl ProcessEngine {
    /// While anything is outstanding, looks now and then for words that were written over; and
    /// when every worker sleeps, for results that were not reported and hints that are not there.
    /// How long until the next look, `last` being the one before.
    pub(super) fn audit_while_busy(&self, core: &Core, last: &mut Instant) -> Option<Duration> {
        if !self.is_busy() {
            return None;
        }
        let left = EVERY.saturating_sub(last.elapsed());
        if !left.is_zero() {
            return Some(left);
        }
        *last = Instant::now();
        let sleeps = |(index, word): (usize, &AtomicU32)| {
            !self.fleet.is_at_work(index) || word.load(Ordering::SeqCst) == ASLEEP
        };
        self.audit(core);
        if self.memory.sleepers().iter().enumerate().all(sleeps) {
            // What was reported before they slept comes in that order; only the rest has none.
            self.harvest(core);
            let mut batch = Vec::new();
            let mut window = lock(&self.window);
            self.gather_all(&mut window, &mut batch);
            let queued = window.infos.iter().zip(self.memory.slots()).any(|(info, slot)| {
                !matches!(info.load, Load::None) && slot.word.read().phase() == Phase::Queued
            });
            if queued && !self.memory.has_hints() {
                self.mend_hints(&mut window);
            }
            drop(window);
            self.take_in(core, batch);
            if queued {
                self.wake_workers(usize::MAX);
            }
        }
        Some(EVERY)
    }

    /// Ends the tasks whose words were written over; whether there were any.
    pub(super) fn audit(&self, core: &Core) -> bool {
        let mut garbled = Vec::new();
        {
            let mut window = lock(&self.window);
            for (number, info) in window.infos.iter_mut().enumerate() {
                if matches!(info.load, Load::None) {
                    continue;
                }
                let slot = &self.memory.slots()[number];
                if !is_right(slot.word.read(), info.generation) {
                    let load = std::mem::take(&mut info.load);
                    garbled.push((number as u32, info.generation, load));
                }
            }
        }
        let any = !garbled.is_empty();
        for (number, generation, load) in garbled {
            self.end_garbled(core, number, generation, load);
        }
        any
    }

    fn end_garbled(&self, core: &Core, number: u32, generation: Generation, load: Load) {
        let text = "a worker has written over the state of the task, which may or may not have run";
        self.owners[number as usize].store(ptr::null_mut(), Ordering::SeqCst);
        let mut ended = 0;
        match load {
            Load::Task(task) => {
                task.finish_elsewhere(&Ending {
                    status: status::INTERNAL,
                    message: Some(text),
                    result: Foreign::EMPTY,
                    worker: POOL_NO_WORKER,
                    pid: 0,
                });
                ended = 1;
            }
            Load::Piece(piece) => {
                ended = self.end_whole_piece(core, piece, &Error::new(status::INTERNAL, text));
            }
            Load::None => {}
        }
        let word = &self.memory.slots()[number as usize].word;
        word.reset(generation);
        futex::wake_shared(self.memory.futex(word), i32::MAX);
        lock(&self.window).free.push(number);
        self.settle(core, ended);
    }
}
