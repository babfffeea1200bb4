#![allow(unsafe_code)]
//! How a claimed task is run in this process.

use super::{
    abi::Function,
    attempts,
    frame::Frame,
    outcome::Outcome,
    payload::zero,
    site::Site,
    status::{self, Status},
    task::Task,
    terms::Terms,
};
use std::ptr;

impl Task {
    /// Runs a claimed task; then `finish` it with the status that this returns.
    // A call and its saved registers would cost as much as a tenth of it.
    #[inline(always)]
    pub fn run(&self, site: Site<'_>) -> Status {
        let Some(function) = self.function.get() else {
            return status::INTERNAL;
        };
        // Looked for once: most have none.
        let mut context = ptr::null();
        if let Some(cold) = self.cold() {
            if let Some(terms) = cold.terms.as_ref().filter(|terms| terms.has_attempts()) {
                return self.run_by_terms(function, terms, site);
            }
            context = cold.context;
        }
        let (arg, place) = self.places();
        // SAFETY: the result's place is ours until the task is finished, and is rounded up.
        unsafe { zero(place) };
        let frame = Frame::for_task(self, context, site);
        // SAFETY: the argument and the result are as `pool_fn` promises.
        let status = frame.enter(|| unsafe { frame.call(function, arg, place.start) });
        let outcome = frame.take_outcome();
        if outcome.is_none() && status == status::OK {
            return status;
        }
        self.keep_outcome(status, outcome)
    }

    #[cold]
    fn run_by_terms(&self, function: Function, terms: &Terms, site: Site<'_>) -> Status {
        let core = self.core();
        let frame = Frame::for_task(self, self.context(), site);
        let status = frame.enter(|| {
            let is_unwanted = || self.state.is_asked_to_stop() || core.is_terminated();
            attempts::run(core, terms, &frame, &is_unwanted, &mut || {
                let (arg, place) = self.places();
                // SAFETY: as in `run`.
                unsafe {
                    zero(place);
                    frame.call(function, arg, place.start)
                }
            })
        });
        self.keep_outcome(status, frame.take_outcome())
    }

    #[cold]
    fn keep_outcome(&self, status: Status, outcome: Option<Box<Outcome>>) -> Status {
        if outcome.is_none() && status == status::OK {
            return status;
        }
        let outcome = outcome.map(|outcome| *outcome).unwrap_or_default();
        if outcome.set_result.is_some()
            && !self.change_end(|end| end.set_result = outcome.set_result)
        {
            return status::NO_MEMORY;
        }
        if status != status::OK {
            let message = outcome.message.unwrap_or_else(|| status::meaning(status));
            self.set_message(&message);
        }
        status
    }
}
