#![allow(unsafe_code)]
//! How a map keeps account of its items, and ends when all are accounted for.

use super::{
    abi::POOL_NO_WORKER,
    core::Core,
    map::{Map, STOP},
    status::{self, Status},
    task::{NEVER_RAN, TaskRef},
};
use crate::support::{
    sync::{Ordering, lock},
    text::sentence,
};
use std::borrow::Cow;

/// The failed item with the lowest index so far.
pub(super) struct Failure {
    index: usize,
    status: Status,
    message: Cow<'static, str>,
}

impl Map {
    /// Items that were not begun, and will not be. Only once the map is stopped.
    pub fn skip(&self, low: usize, high: usize) {
        if !self.call.statuses.is_null() {
            let reason = self.stopped.load(Ordering::Relaxed).cast_signed();
            for index in low..high {
                // SAFETY: the array holds `count` statuses, and these are the caller's alone.
                unsafe { self.call.statuses.add(index).write(reason) };
            }
        }
        self.skipped.fetch_add(high - low, Ordering::Relaxed);
    }

    /// So many items have been done or skipped; the last of them end the map.
    pub fn account(&self, task: TaskRef, count: usize) {
        if count > 0 && self.left.fetch_sub(count, Ordering::AcqRel) == count {
            self.end(task);
        }
    }

    /// An item has failed: the map stops.
    pub fn fail(&self, core: &Core, index: usize, status: Status, message: Cow<'static, str>) {
        let mut failure = lock(&self.failure);
        if failure.as_ref().is_none_or(|lowest| index < lowest.index) {
            *failure = Some(Failure { index, status, message });
        }
        drop(failure);
        self.raise(core, STOP);
    }

    /// All items are accounted for.
    fn end(&self, task: TaskRef) {
        let failure = lock(&self.failure).take();
        let reason = self.stopped.load(Ordering::Relaxed).cast_signed();
        let status = if let Some(failure) = failure {
            task.set_index(failure.index);
            let name = self.call.name(failure.index);
            task.set_message(&sentence(format_args!("{name}: {}", failure.message)));
            failure.status
        } else if self.skipped.load(Ordering::Relaxed) > 0 {
            task.set_message(&status::meaning(reason));
            reason
        } else {
            status::OK
        };
        let unrun = self.skipped.load(Ordering::Relaxed) == self.call.count && reason != status::OK;
        if !unrun {
            task.core().census.count_map();
        }
        task.finish(status, if unrun { NEVER_RAN } else { POOL_NO_WORKER });
    }
}
