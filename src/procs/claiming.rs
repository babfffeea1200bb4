//! What a worker does before it runs something: claims it, notes the time, limits itself.

use super::{
    hints::Hint,
    layout::{HAS_LIMIT, Slot},
    worker::Worker,
};
use crate::{
    pool::priority::Level,
    support::{fail, sync::Ordering},
    sys::{clock, limits, stdio},
};

impl Worker<'_> {
    pub(super) fn claim(&self) -> Option<Hint> {
        let slots = self.heritage.memory.slots();
        let claim = |hint: Hint| {
            let slot = slots.get(hint.slot as usize);
            let claimed =
                slot.is_some_and(|slot| slot.word.claim(hint.generation, self.incarnation));
            if claimed {
                fail::point("hint");
            }
            claimed
        };
        let memory = self.heritage.memory;
        if let Some(hint) = memory.returned().claim(claim) {
            return Some(hint);
        }
        if memory.has_levels().load(Ordering::Relaxed) == 0 {
            return memory.fresh(Level::Normal).claim(claim);
        }
        let order = Level::order(self.turn.get());
        let hint = order.into_iter().find_map(|level| memory.fresh(level).claim(claim))?;
        self.turn.set(self.turn.get().wrapping_add(1));
        Some(hint)
    }

    /// The task, or the next item, starts now.
    #[inline]
    fn stamp(&self, slot: &Slot) {
        if slot.kind.load(Ordering::Relaxed) & HAS_LIMIT != 0 {
            slot.started_at.store(clock::now(), Ordering::Relaxed);
        }
    }

    /// Whether there is something to do between the items of a map.
    pub(super) fn is_timed(&self, slot: &Slot) -> bool {
        let options = &self.options().processes;
        slot.kind.load(Ordering::Relaxed) & HAS_LIMIT != 0
            || options.task_cpu_seconds != 0
            || options.stderr_tail_bytes != 0
    }

    /// Before a task, and between the items of a map if `is_timed`.
    pub(super) fn next_item(&self, slot: &Slot) {
        if self.options().processes.task_cpu_seconds != 0 {
            limits::limit_cpu_from_now(self.options().processes.task_cpu_seconds);
        }
        if self.options().processes.stderr_tail_bytes != 0 {
            stdio::mark_stderr();
        }
        self.stamp(slot);
    }
}
