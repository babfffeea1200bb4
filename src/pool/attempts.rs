//! Running something as often, and as long, as its terms say.
//!
//! A thread cannot be killed: what runs for too long is asked to stop, and if it then fails, however
//! it does, that is the reason. Each attempt has a mark of its own, so that an alarm that comes late
//! marks nothing else.

use super::{
    core::Core,
    frame::Frame,
    status::{self, Error, Result, Status},
    terms::Terms,
    timer::Alarm,
};
use crate::support::{
    counted::Counted,
    sync::{AtomicBool, Ordering},
    text::sentence,
};
use std::borrow::Cow;
use std::time::{Duration, Instant};

/// Whether an attempt has run for too long.
struct Mark(AtomicBool);

impl Alarm for Mark {
    fn ring(&self, core: &Core) {
        self.0.store(true, Ordering::Relaxed);
        core.poke();
    }
}

/// Whether what failed so may be tried again.
pub fn is_worth_another(status: Status) -> bool {
    let own = status > 0 || status == status::INTERNAL;
    own || status == status::WORKER_DIED || status == status::TIME_LIMIT
}

/// The sentence about the last of several attempts.
pub fn after_attempts(message: &str, attempts: u32) -> Cow<'static, str> {
    sentence(format_args!("{message} (attempt {attempts}, and the last)"))
}

impl Terms {
    /// Whether it may be run more than once, or not for ever.
    pub fn has_attempts(&self) -> bool {
        self.retries > 0 || self.timeout_ms > 0
    }
}

/// Runs `once` in the frame until it ends well, or has failed often enough, or is not wanted any
/// more. What it said in the end is left in the frame.
pub fn run(
    core: &Core,
    terms: &Terms,
    frame: &Frame<'_>,
    is_unwanted: &dyn Fn() -> bool,
    once: &mut dyn FnMut() -> Status,
) -> Status {
    let mut attempt = 1;
    loop {
        frame.set_attempt(attempt);
        let status = match run_once(core, terms, frame, once) {
            Ok(status) => status,
            Err(error) => {
                frame.fail(error.message);
                return error.status;
            }
        };
        if status == status::OK {
            return status;
        }
        let said = frame.take_outcome().and_then(|outcome| outcome.message);
        let is_last = attempt > terms.retries || !is_worth_another(status);
        if is_last || is_unwanted() || !core.is_in_this_process() {
            let said = said.unwrap_or_else(|| status::meaning(status));
            frame.fail(if attempt > 1 { after_attempts(&said, attempt) } else { said });
            return status;
        }
        attempt += 1;
    }
}

/// One attempt, asked to stop when its time is over.
fn run_once(
    core: &Core,
    terms: &Terms,
    frame: &Frame<'_>,
    once: &mut dyn FnMut() -> Status,
) -> Result<Status> {
    let Ok(limit @ 1..) = u64::try_from(terms.timeout_ms) else { return Ok(once()) };
    let Some(end) = Instant::now().checked_add(Duration::from_millis(limit)) else {
        return Ok(once());
    };
    let mark = Counted::try_new(Mark(AtomicBool::new(false)))
        .ok_or_else(|| Error::no_memory("no memory for the task's limit"))?;
    let ticket = core.timer.at(core, end, mark.clone().widen(|inner| inner))?;
    frame.set_late(Some(&mark.0));
    let status = once();
    frame.set_late(None);
    if !core.is_in_this_process() || core.timer.cancel(ticket) || status == status::OK {
        return Ok(status);
    }
    let said = frame.take_outcome().and_then(|outcome| outcome.message);
    let said = said.unwrap_or_else(|| status::meaning(status));
    frame.fail(sentence(format_args!(
        "the task ran longer than {limit} ms and was asked to stop; then it returned {status}: {said}"
    )));
    Ok(status::TIME_LIMIT)
}
