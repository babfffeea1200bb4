//! How far the tasks in the slots say they have come.

use super::{engine::ProcessEngine, window::Load};
use crate::{
    pool::task::TaskRef,
    support::sync::{Ordering, lock},
};

impl ProcessEngine {
    /// As `Engine::said`.
    pub(super) fn what_is_said(&self, task: TaskRef) -> Option<(u64, u64)> {
        let Some(map) = task.map() else {
            let (number, reading) = self.find(task)?;
            return self.memory.slots()[number as usize].said.read(reading.generation().mark());
        };
        let number = map.number.load(Ordering::Relaxed);
        let window = lock(&self.window);
        let pieces = self.memory.slots().iter().zip(&window.infos);
        let done = pieces.filter_map(|(slot, info)| match &info.load {
            Load::Piece(piece) if piece.job == number => {
                let done = slot.map.progress.load(Ordering::Relaxed) as usize;
                Some(done.min(piece.count))
            }
            _ => None,
        });
        let done: usize = done.sum();
        Some((done as u64, 0))
    }

    /// What the task in a slot that has been taken has said last is known from now on.
    pub(super) fn keep_said(&self, number: u32, task: TaskRef) {
        let slot = &self.memory.slots()[number as usize];
        if let Some((done, total)) = slot.said.read(slot.word.read().generation().mark()) {
            // Without memory nobody is told.
            let _ = task.say(done, total);
        }
    }
}
