#![allow(unsafe_code)]
//! A map whose arguments come one after the other from a producer, and whose results go one after the
//! other to a consumer; never more than a window of both is there at a time.

use super::{
    context,
    core::Core,
    gathering::Gathering,
    status::{self, Error, Result},
    submit,
    task::{Task, TaskRef},
};
use crate::support::{alloc::Buffer, sync::Arc, text::sentence};
use std::{collections::VecDeque, ptr::NonNull, time::Instant};

/// So many items are under way for each worker, if nobody says how many.
const FOR_EACH_WORKER: usize = 4;

/// Writes the next argument: 1 if there was one, 0 at the end, negative for a failure.
pub type Produce<'a> = &'a mut dyn FnMut(*mut u8) -> i32;
/// Submits the argument, and returns the task with a handle on it.
pub type Send<'a> = &'a mut dyn FnMut(*const u8) -> Result<NonNull<Task>>;

/// The items that have been submitted and not been given out.
enum UnderWay {
    /// In the order in which they were produced; with the handles.
    Ordered(VecDeque<TaskRef>),
    /// In the order in which they end. For each place its item, and the places that are free.
    Unordered { gathering: Gathering, items: Vec<usize>, free: Vec<usize> },
}

/// See the module.
pub struct Imap {
    core: Arc<Core>,
    /// How many may be under way; 0: as many as the workers keep busy with.
    window: usize,
    arg: Buffer,
    /// Whether `arg` holds one that could not be submitted yet.
    pending: bool,
    /// What the producer has returned last, if that was not 1.
    end: Option<i32>,
    /// How many were submitted, and how many given out.
    counts: (usize, usize),
    under_way: UnderWay,
}

/// An item that has ended: the number of its argument, and its task.
pub struct Ended {
    /// Counted from 0.
    pub index: usize,
    /// Stays until `take`.
    pub task: TaskRef,
    place: usize,
}

fn no_memory<E>(_: E) -> Error {
    Error::no_memory("no memory for the items of an imap")
}

impl Imap {
    /// Nothing yet.
    ///
    /// # Errors
    /// `CLOSED`, `TERMINATED`, `NO_MEMORY`.
    pub fn new(core: &Core, arg_size: usize, window: usize, ordered: bool) -> Result<Self> {
        core.require_open(context::find(core).is_some())?;
        let arg = Buffer::try_new(arg_size).ok_or_else(|| no_memory(()))?;
        let under_way = if ordered {
            UnderWay::Ordered(VecDeque::new())
        } else {
            let gathering = Gathering::new()?;
            UnderWay::Unordered { gathering, items: Vec::new(), free: Vec::new() }
        };
        let core = core.to_arc();
        Ok(Self { core, window, arg, pending: false, end: None, counts: (0, 0), under_way })
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.counts.0 == self.counts.1
    }

    /// Produces and submits as many as the window allows.
    ///
    /// # Errors
    /// Those of submitting; the argument is kept for the next time, so that none is lost.
    pub fn fill(&mut self, produce: Produce<'_>, send: Send<'_>) -> Result<()> {
        let window = match self.window {
            0 => self.core.workers() * FOR_EACH_WORKER,
            window => window,
        };
        while self.counts.0 - self.counts.1 < window && self.end.is_none() {
            self.reserve()?;
            if !self.pending {
                // SAFETY: the buffer is that large, and ours.
                unsafe { self.arg.as_ptr().write_bytes(0, self.arg.size()) };
                match produce(self.arg.as_ptr()) {
                    1.. => self.pending = true,
                    end => {
                        self.end = Some(end);
                        break;
                    }
                }
            }
            let task = send(self.arg.as_ptr())?;
            self.pending = false;
            // SAFETY: the handle is ours.
            self.push(unsafe { TaskRef::from_raw(task) });
        }
        Ok(())
    }

    /// Room for one more, so that `push` cannot fail.
    fn reserve(&mut self) -> Result<()> {
        match &mut self.under_way {
            UnderWay::Ordered(tasks) => tasks.try_reserve(1).map_err(no_memory),
            UnderWay::Unordered { gathering, items, free } => {
                gathering.reserve()?;
                items.try_reserve(1).map_err(no_memory)?;
                free.try_reserve(items.len() + 1).map_err(no_memory)
            }
        }
    }

    fn push(&mut self, task: TaskRef) {
        let item = self.counts.0;
        self.counts.0 += 1;
        match &mut self.under_way {
            UnderWay::Ordered(tasks) => tasks.push_back(task),
            UnderWay::Unordered { gathering, items, free } => {
                let place = free.pop().unwrap_or(items.len());
                if place == items.len() {
                    items.push(item);
                } else {
                    items[place] = item;
                }
                gathering.add_surely(place, task);
                let _ = task.release_handle();
            }
        }
    }

    /// Waits for the next item that is to be given out; `None` when there are no more. `fill` has
    /// been called before, and what it said is `filled`.
    ///
    /// # Errors
    /// `TIMEOUT`, and those of waiting for one task; when nothing is under way what `fill` or the
    /// producer has said.
    pub fn next(&mut self, deadline: Option<Instant>, filled: Result<()>) -> Result<Option<Ended>> {
        if self.is_empty() {
            filled?;
            return match self.end {
                None | Some(0) => Ok(None),
                // As a task's: otherwise it might be taken for a status of ours.
                Some(code) => Err(Error::new(
                    status::INTERNAL,
                    sentence(format_args!("the producer of the imap failed: it returned {code}")),
                )),
            };
        }
        let late = || Error::new(status::TIMEOUT, "the next item has not ended yet");
        match &mut self.under_way {
            UnderWay::Ordered(tasks) => {
                let task = *tasks.front().ok_or(status::INTERNAL)?;
                let ended = Ended { index: self.counts.1, task, place: 0 };
                if submit::wait(task, deadline)? { Ok(Some(ended)) } else { Err(late()) }
            }
            UnderWay::Unordered { gathering, items, .. } => {
                let place = gathering.next(deadline)?.ok_or(status::INTERNAL)?;
                let task = gathering.task(place).ok_or(status::INTERNAL)?;
                let ended = Ended { index: items[place], task, place };
                // It may be there only because there was no memory to watch it.
                match submit::wait(task, deadline) {
                    Ok(true) => Ok(Some(ended)),
                    other => {
                        gathering.put_back(place);
                        other.and_then(|_| Err(late()))
                    }
                }
            }
        }
    }

    /// Gives an item back that is to be given out again.
    pub fn put_back(&mut self, ended: &Ended) {
        if let UnderWay::Unordered { gathering, .. } = &mut self.under_way {
            gathering.put_back(ended.place);
        }
    }

    /// An item has been given out.
    pub fn take(&mut self, ended: &Ended) {
        self.counts.1 += 1;
        match &mut self.under_way {
            UnderWay::Ordered(tasks) => {
                tasks.pop_front();
                let _ = ended.task.release_handle();
            }
            UnderWay::Unordered { gathering, free, .. } => {
                if let Some(task) = gathering.take(ended.place) {
                    task.release();
                }
                free.push(ended.place);
            }
        }
    }
}

impl Drop for Imap {
    /// What has not started never will; what runs goes on, for nobody.
    fn drop(&mut self) {
        // The last first, so that none starts meanwhile for nothing.
        match &mut self.under_way {
            UnderWay::Ordered(tasks) => {
                while let Some(task) = tasks.pop_back() {
                    submit::cancel(task);
                    let _ = task.release_handle();
                }
            }
            UnderWay::Unordered { gathering, .. } => {
                for task in gathering.waiting().rev() {
                    submit::cancel(task);
                }
            }
        }
    }
}
