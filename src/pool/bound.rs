#![allow(unsafe_code)]
//! How many tasks may be in a pool at a time, and what becomes of one too many.
//!
//! A task counts from its submission to its end. Those who wait for room stand in a line; who
//! ends a task counts in the first of them, and tells it so. Nobody passes the line.

use super::{
    context,
    core::Core,
    stack,
    status::{self, Error, Result},
};
use crate::support::{
    sync::{AtomicUsize, Mutex, Ordering, lock},
    wait_word::WaitWord,
};
use std::{collections::VecDeque, ptr::NonNull};

/// What to do when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Wait until there is.
    Block,
    /// Fail.
    Fail,
    /// Submit nevertheless, and run it here.
    RunInline,
}

/// Whether a submitter was counted in.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    /// There is room.
    Within,
    /// There is none: the submitter is to run the tasks itself.
    Over,
}

/// Somebody who waits, in the waiting thread's frame.
struct Waiter {
    /// `WAITING`, then `ADMITTED` or `REFUSED`: written once, under the lock of the line.
    word: WaitWord,
    count: usize,
}

const WAITING: u32 = 0;
const ADMITTED: u32 = 1;
const REFUSED: u32 = 2;

/// A waiter that stands in the line: it does not go before it was taken out.
struct Standing(NonNull<Waiter>);

// SAFETY: only touched under the lock of the line, while the waiter waits.
unsafe impl Send for Standing {}

/// See the module.
pub struct Bound {
    /// How many more than there are workers; 0: any number.
    pending: usize,
    when_full: WhenFull,
    /// Tasks that were submitted and have not ended. Counted only if there is a bound.
    inside: AtomicUsize,
    /// How many stand in the line. Either who leaves sees them counted, or they see the room.
    waiting: AtomicUsize,
    line: Mutex<VecDeque<Standing>>,
}

impl Bound {
    /// At most `pending` tasks more than there are workers; 0: any number.
    pub fn new(pending: usize, when_full: WhenFull) -> Self {
        Self {
            pending,
            when_full,
            inside: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            line: Mutex::new(VecDeque::new()),
        }
    }

    /// Counts `count` tasks in, as the pool's option says.
    ///
    /// # Errors
    /// `FULL`; `INVALID` for more than ever fit; `CLOSED` and the like if that happens meanwhile.
    #[inline]
    pub fn enter(&self, core: &Core, count: usize) -> Result<Admission> {
        if self.pending == 0 { Ok(Admission::Within) } else { self.enter_bounded(core, count) }
    }

    #[cold]
    fn enter_bounded(&self, core: &Core, count: usize) -> Result<Admission> {
        let most = self.most(core);
        if count > most {
            let text = format!("{count} calls at once; with its max_pending the pool takes {most}");
            return Err(Error::invalid(text));
        }
        if self.waiting.load(Ordering::SeqCst) == 0 && self.try_enter(core, count) {
            return Ok(Admission::Within);
        }
        match self.when_full {
            WhenFull::Fail => {
                let text = "as many tasks as max_pending allows have not been started yet; \
                            submit again when some have ended";
                Err(Error::new(status::FULL, text))
            }
            WhenFull::RunInline => {
                self.inside.fetch_add(count, Ordering::SeqCst);
                Ok(Admission::Over)
            }
            // What waits inside a task may wait for that task; a closed pool needs no bound.
            WhenFull::Block if is_exempt(core) => {
                self.inside.fetch_add(count, Ordering::SeqCst);
                Ok(Admission::Within)
            }
            WhenFull::Block => self.wait(core, count).map(|()| Admission::Within),
        }
    }

    /// Counts `count` tasks in, room or not.
    pub fn enter_anyhow(&self, count: usize) {
        if self.pending != 0 {
            self.inside.fetch_add(count, Ordering::SeqCst);
        }
    }

    fn most(&self, core: &Core) -> usize {
        self.pending.saturating_add(core.workers())
    }

    fn try_enter(&self, core: &Core, count: usize) -> bool {
        let most = self.most(core);
        let room = |inside: usize| {
            let after = inside.checked_add(count)?;
            // Into an empty pool: a batch may wait that fitted before the pool was made smaller.
            (after <= most || inside == 0).then_some(after)
        };
        self.inside.fetch_update(Ordering::SeqCst, Ordering::SeqCst, room).is_ok()
    }

    fn wait(&self, core: &Core, count: usize) -> Result<()> {
        let waiter = Waiter { word: WaitWord::new(WAITING), count };
        {
            let mut line = lock(&self.line);
            line.try_reserve(1).map_err(|_| Error::no_memory("no memory to wait for room"))?;
            line.push_back(Standing(NonNull::from(&waiter)));
            self.waiting.fetch_add(1, Ordering::SeqCst);
            // There may be room by now; or `close` has been here.
            self.admit(core, &mut line);
            if core.is_closed() {
                self.refuse(&mut line);
            }
        }
        context::blocking(|_| waiter.word.wait_until_not(WAITING, None));
        // Whoever changed the word has done with the waiter when it gives the lock back.
        drop(lock(&self.line));
        if waiter.word.load(Ordering::Acquire) == ADMITTED {
            return Ok(());
        }
        core.require_open(context::find(core).is_some())?;
        self.inside.fetch_add(count, Ordering::SeqCst);
        Ok(())
    }

    /// `count` tasks have ended, or were not submitted after all.
    #[inline]
    pub fn leave(&self, core: &Core, count: usize) {
        if self.pending != 0 {
            self.leave_bounded(core, count);
        }
    }

    #[cold]
    fn leave_bounded(&self, core: &Core, count: usize) {
        self.inside.fetch_sub(count, Ordering::SeqCst);
        self.look(core);
    }

    /// There may be room for somebody who waits.
    pub fn look(&self, core: &Core) {
        if self.waiting.load(Ordering::SeqCst) != 0 {
            self.admit(core, &mut lock(&self.line));
        }
    }

    /// Nobody is let in any more: the pool has been closed.
    pub fn close(&self) {
        if self.pending != 0 {
            self.refuse(&mut lock(&self.line));
        }
    }

    fn admit(&self, core: &Core, line: &mut VecDeque<Standing>) {
        while let Some(Standing(first)) = line.front() {
            // SAFETY: it stands in the line.
            let waiter = unsafe { first.as_ref() };
            if !self.try_enter(core, waiter.count) {
                return;
            }
            line.pop_front();
            self.answer(waiter, ADMITTED);
        }
    }

    fn refuse(&self, line: &mut VecDeque<Standing>) {
        for Standing(waiter) in line.drain(..) {
            // SAFETY: it stood in the line, whose lock it takes before it goes.
            self.answer(unsafe { waiter.as_ref() }, REFUSED);
        }
    }

    fn answer(&self, waiter: &Waiter, answer: u32) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        waiter.word.store(answer, Ordering::Release);
        waiter.word.wake_all();
    }

    /// Whether more are inside than the bound says.
    pub fn is_over(&self, core: &Core) -> bool {
        self.inside.load(Ordering::SeqCst) > self.most(core)
    }
}

fn is_exempt(core: &Core) -> bool {
    context::find(core).is_some() && (stack::is_inside() || core.is_closed())
}
