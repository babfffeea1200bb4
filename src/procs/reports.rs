//! What the workers have reported to be done, and who takes it in.
//!
//! What has a callback is for the supervisor alone, which goes through each worker's reports in
//! their order: so callbacks are sent in the order in which a worker has finished their tasks. The
//! rest is for whoever comes first: the supervisor, a submitter that is short of slots, a waiter
//! (`collect`).

use super::{
    engine::ProcessEngine,
    window::{Load, Window},
};
use crate::{
    pool::core::Core,
    support::sync::{Ordering, lock},
};

/// So many results are taken in at a time between two uses of the lock.
const BATCH: usize = 64;

impl ProcessEngine {
    /// Takes all in that has been reported. By the supervisor.
    pub(super) fn harvest(&self, core: &Core) {
        loop {
            let mut batch = Vec::new();
            self.gather(&mut lock(&self.window), &mut batch, true);
            if batch.is_empty() {
                return;
            }
            self.take_in(core, batch);
        }
    }

    /// Takes one batch in if that seems worth it: whoever submits has other things to do. True if
    /// there was anything.
    pub(super) fn help_to_harvest(&self, core: &Core) -> bool {
        let mut batch = Vec::new();
        {
            let mut window = lock(&self.window);
            if self.reported(&window) < BATCH / 4 {
                return false;
            }
            self.gather(&mut window, &mut batch, false);
        }
        let any = !batch.is_empty();
        self.take_in(core, batch);
        any
    }

    fn reported(&self, window: &Window) -> usize {
        let count = |(worker, head): (usize, &u32)| {
            let record = self.fleet.has_record(worker).then(|| self.memory.record(worker));
            record.map_or(0, |record| {
                record.reports.load(Ordering::Acquire).wrapping_sub(*head) as usize
            })
        };
        window.heads.iter().enumerate().map(count).fold(0, usize::saturating_add)
    }

    /// Takes what has been reported: everything, or with `!all` what is before the first report
    /// about something that is the supervisor's; `take_in` must follow.
    fn gather(&self, window: &mut Window, batch: &mut Vec<(u32, Load)>, all: bool) {
        for worker in 0..window.heads.len() {
            if !self.fleet.has_record(worker) {
                continue;
            }
            let reports = self.memory.reports(worker);
            let tail = || self.memory.record(worker).reports.load(Ordering::Acquire);
            let first = window.heads[worker];
            let has_gone_round = |tail: u32| tail.wrapping_sub(first) as usize >= reports.len();
            let last = tail();
            let mut at = first;
            while !has_gone_round(last) && at != last && batch.len() < BATCH {
                let report = reports[at as usize & (reports.len() - 1)].load(Ordering::Acquire);
                if let Some((number, load)) = window.reported(report) {
                    if !all && window.has_callback(load) {
                        break;
                    }
                    batch.extend(self.take(window, number).map(|load| (number, load)));
                }
                at = at.wrapping_add(1);
            }
            // Results that waiters took leave reports of nothing behind, and so the ring may
            // have gone round: what was written over is found by its word.
            let last = tail();
            if !has_gone_round(last) {
                window.heads[worker] = at;
            } else if all {
                window.heads[worker] = last;
                self.gather_all(window, batch);
            }
        }
    }

    pub(super) fn gather_all(&self, window: &mut Window, batch: &mut Vec<(u32, Load)>) {
        for number in 0..self.memory.layout.slots as u32 {
            if let Some(load) = self.take(window, number) {
                batch.push((number, load));
            }
        }
    }

    /// Takes what is in a slot, if it is done; `take_in` must follow.
    pub(super) fn take(&self, window: &mut Window, number: u32) -> Option<Load> {
        let info = window.infos.get_mut(number as usize)?;
        let word = &self.memory.slots()[number as usize].word;
        if matches!(info.load, Load::None) || !word.take(info.generation) {
            return None;
        }
        self.readers.fetch_add(1, Ordering::SeqCst);
        Some(std::mem::take(&mut info.load))
    }
}
