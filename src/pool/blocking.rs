//! Blocking sections: what a thread runs is about to wait for something that the pool does not
//! know of, and somebody else may use its place.
//!
//! A section belongs to the task, the item of a map, or the callback that began it, and ends with
//! it. While it lasts, the pools that counted the thread as active count it as blocked, as in a
//! wait for a task; in what it asks of them it is treated as a thread from outside.

use super::{
    context,
    core::Core,
    frame::Frame,
    status::{self, Error, Result},
};
use crate::support::sync::{AtomicUsize, Ordering};

/// How many threads have given up a place of the pool for a section.
#[derive(Default)]
pub struct Sections(AtomicUsize);

impl Sections {
    /// Counts one more, if there are fewer than the pool allows.
    ///
    /// # Errors
    /// `FULL`.
    pub fn enter(&self, core: &Core) -> Result<()> {
        let most = core.options.max_blocked;
        let one_more = |count| (count < most).then_some(count + 1);
        // The count orders nothing; the engine's does.
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok() {
            return Ok(());
        }
        let text = format!("{most} tasks are in blocking sections, as many as max_blocked allows");
        Err(Error::new(status::FULL, text))
    }

    /// Counts one less.
    pub fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Begins a section, or one more inside it.
///
/// # Errors
/// `UNSUPPORTED` in a worker process, `FORKED`, `FULL`, `SYSTEM` when nobody can step in.
pub fn begin(frame: &Frame<'_>) -> Result<()> {
    let core = require_place(frame)?;
    let depth = frame.sections.get();
    let deeper = depth.checked_add(1).ok_or_else(|| Error::invalid("too many sections"))?;
    if depth == 0 {
        context::step_aside(frame.address())?;
        // A map looks whether its item has left one open only when it is poked.
        if frame.is_map() {
            core.poke();
        }
    }
    frame.sections.set(deeper);
    Ok(())
}

/// Ends the innermost section.
///
/// # Errors
/// `INVALID` when there is none; `UNSUPPORTED`, `FORKED` as `begin`.
pub fn end(frame: &Frame<'_>) -> Result<()> {
    require_place(frame)?;
    match frame.sections.get() {
        0 => return Err(Error::invalid("no blocking section has been begun here")),
        1 => context::step_back(frame.address()),
        _ => {}
    }
    frame.sections.update(|depth| depth - 1);
    Ok(())
}

/// Ends all sections that what ran in the frame has left open.
#[cold]
pub fn end_all(frame: &Frame<'_>) {
    frame.sections.set(0);
    context::step_back(frame.address());
}

fn require_place<'a>(frame: &Frame<'a>) -> Result<&'a Core> {
    match frame.core() {
        Some(core) => core.require_this_process().map(|()| core),
        None => Err(Error::new(
            status::UNSUPPORTED,
            "a worker process keeps its place while it blocks; give the pool more workers",
        )),
    }
}
