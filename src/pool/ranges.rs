//! Ranges of items that nobody has begun, one for each participant in a map; split when somebody
//! has run out.
//!
//! A range is one word, changed by compare-and-swap, so that every item is taken exactly once.
//!
//! | change     | by whom         | what becomes of the range |
//! |------------|-----------------|---------------------------|
//! | `take`     | its owner       | loses items at its front  |
//! | `put_back` | its owner       | gets those of its last `take` back that it has not begun |
//! | `steal`    | another owner   | loses its back half, which becomes the thief's range |
//! | `drain`    | any participant | becomes empty             |
//!
//! Thieves and `drain` leave an empty range alone, so its owner may write it without asking. An
//! owner leaves its slot only with an empty range; the next owner goes on from there.

use crate::support::{
    CachePadded,
    sync::{AtomicBool, AtomicU64, Ordering},
};

#[derive(Default)]
struct Slot {
    /// The items not yet taken: the first in the low half, the end in the high half.
    range: AtomicU64,
    /// Whether it has an owner: written by owners, acquire after release, so that the next one
    /// finds the range that the last one left.
    owned: AtomicBool,
}

/// See the module.
pub struct Ranges(Box<[CachePadded<Slot>]>);

const fn pack(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

const fn unpack(range: u64) -> (u32, u32) {
    (range as u32, (range >> 32) as u32)
}

impl Ranges {
    /// Items from 0 to `count` for up to `participants` at a time; `None` without memory.
    pub fn try_new(participants: usize, count: u32) -> Option<Self> {
        let participants = participants.min(count as usize).max(1);
        let mut slots = Vec::new();
        slots.try_reserve_exact(participants).ok()?;
        slots.resize_with(participants, CachePadded::<Slot>::default);
        slots[0].range.store(pack(0, count), Ordering::Relaxed);
        Some(Self(slots.into_boxed_slice()))
    }

    /// How many may participate.
    pub fn participants(&self) -> usize {
        self.0.len()
    }

    /// A slot for one more participant, who is its owner from now on.
    pub fn enter(&self) -> Option<usize> {
        let free = |slot: &Slot| {
            let owned = &slot.owned;
            !owned.load(Ordering::Relaxed)
                && owned.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        self.0.iter().position(|slot| free(slot))
    }

    /// The owner of a slot, whose range is empty, takes part no more.
    pub fn leave(&self, mine: usize) {
        self.0[mine].owned.store(false, Ordering::Release);
    }

    /// Whether there is something to take; a hint.
    pub fn has_more(&self) -> bool {
        self.0.iter().any(|slot| {
            let (low, high) = unpack(slot.range.load(Ordering::Relaxed));
            low < high
        })
    }

    /// Takes items from the front of the own range: `size`, but no more than a `share`-th of
    /// what is there, and at least one.
    pub fn take(&self, mine: usize, size: usize, share: usize) -> Option<(u32, u32)> {
        self.change(mine, |low, high| {
            let left = high.saturating_sub(low);
            let most = size.min(left as usize / share).max(1);
            let count = u32::try_from(most).map_or(left, |most| most.min(left));
            (count > 0).then(|| ((low, low + count), (low + count, high)))
        })
    }

    /// Makes the own range begin at `low` again, where it began at `high` after a take.
    pub fn put_back(&self, mine: usize, low: u32, high: u32) {
        self.change(mine, |begin, end| {
            debug_assert!(begin == high || begin >= end);
            Some(((), (low, end.max(high))))
        });
    }

    /// Takes the back half of somebody's range as the own one, which is empty; false if all are.
    pub fn steal(&self, mine: usize) -> bool {
        let count = self.0.len();
        for victim in (1..count).map(|step| (mine + step) % count) {
            let stolen = self.change(victim, |low, high| {
                let share = high.saturating_sub(low).div_ceil(2);
                (share > 0).then(|| ((high - share, high), (low, high - share)))
            });
            if let Some((low, high)) = stolen {
                self.0[mine].range.store(pack(low, high), Ordering::Release);
                return true;
            }
        }
        false
    }

    /// Takes everything that is there, and hands it to `take` range by range. What a thief has in
    /// its hands just then it finds in its own range afterwards.
    pub fn drain(&self, mut take: impl FnMut(u32, u32)) {
        for slot in 0..self.0.len() {
            let taken =
                self.change(slot, |low, high| (low < high).then_some(((low, high), (0, 0))));
            if let Some((low, high)) = taken {
                take(low, high);
            }
        }
    }

    /// Changes a slot's range; `change` returns what came of it and the new range, or `None` to
    /// leave the range as it is.
    fn change<R>(
        &self,
        slot: usize,
        change: impl Fn(u32, u32) -> Option<(R, (u32, u32))>,
    ) -> Option<R> {
        let word = &self.0[slot].range;
        let mut range = word.load(Ordering::Acquire);
        loop {
            let (low, high) = unpack(range);
            let (result, (low, high)) = change(low, high)?;
            match word.compare_exchange_weak(
                range,
                pack(low, high),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(result),
                Err(now) => range = now,
            }
        }
    }
}
