#![allow(unsafe_code)]
//! A task that another process runs: what is sent there, and what comes back.

use super::{
    abi::Function,
    attempts::{after_attempts, is_worth_another},
    options::Mode,
    payload::{ALIGN, INLINE},
    status::{self, Status},
    task::{NEVER_RAN, OUTSIDE, POINTER, Task, TaskRef},
};
use crate::support::{alloc::Buffer, foreign::Foreign, sync::Ordering};
use std::{borrow::Cow, ffi::c_void};

/// What another process needs to run a task.
pub struct Parcel<'a> {
    /// What to run.
    pub function: Function,
    /// What it sees as its context.
    pub context: *const c_void,
    /// The argument, or the pointer that is the argument if `arg_size` is 0.
    pub arg: *const c_void,
    /// The argument's bytes.
    pub arg_size: usize,
    /// The result's bytes.
    pub result_size: usize,
    /// How often it has been begun before.
    pub attempts: u32,
    /// How long it may run, in milliseconds; `None`: as the pool says; -1: for ever.
    pub timeout_ms: Option<i64>,
    /// Argument and room for the result, if they are small: the argument or the pointer first, the
    /// result at the next multiple of `ALIGN` behind it.
    pub inline: Option<&'a [u128; INLINE / ALIGN]>,
}

/// How a task ended in another process.
pub struct Ending<'a> {
    /// Its status.
    pub status: Status,
    /// A sentence about its failure.
    pub message: Option<&'a str>,
    /// Its result, wherever that is.
    pub result: Foreign<'a>,
    /// The worker that ran it, and its process.
    pub worker: u32,
    /// See `worker`.
    pub pid: i32,
}

impl TaskRef {
    /// Ends a claimed task that never ran.
    pub fn finish_unrun(self, status: Status) {
        self.finish_unrun_because(status, &status::meaning(status));
    }

    /// As `finish_unrun`, with a sentence of its own.
    pub fn finish_unrun_because(self, status: Status, message: &str) {
        self.set_message(message);
        self.finish(status, NEVER_RAN);
    }

    /// Ends a claimed task that another process ran: its result is copied.
    pub fn finish_elsewhere(self, ending: &Ending<'_>) {
        let mut status = ending.status;
        if status == status::OK && !self.keep_result(ending.result) {
            status = status::NO_MEMORY;
            self.set_message("no memory for the task's result");
        } else if status != status::OK {
            let said = ending.message.map_or_else(|| status::meaning(status), Cow::Borrowed);
            match self.attempts() {
                0 => self.set_message(&said),
                before => self.set_message(&after_attempts(&said, before + 1)),
            }
        }
        self.drop_argument();
        // SAFETY: who claimed the task is alone with its argument, which is not needed any more.
        unsafe { self.inline.get().cast::<i32>().write(ending.pid) };
        self.finish(status, ending.worker);
    }
}

impl Task {
    /// What is to be sent to another process to run the claimed task there.
    pub fn parcel(&self) -> Option<Parcel<'_>> {
        let function = self.function.get()?;
        let (arg, place) = self.places();
        let arg_size = match self.arg_size.get() {
            OUTSIDE => self.outside_sizes().map_or(0, |sizes| sizes.arg),
            POINTER => 0,
            size => size.into(),
        };
        let inline = (self.arg_size.get() != OUTSIDE).then(|| {
            // SAFETY: who claimed the task is alone with its argument.
            unsafe { &*self.inline.get() }
        });
        Some(Parcel {
            function,
            context: self.context(),
            arg,
            arg_size,
            result_size: place.size,
            attempts: self.attempts(),
            timeout_ms: self.terms().map(|terms| terms.timeout_ms).filter(|ms| *ms != 0),
            inline,
        })
    }

    /// How often the task has failed and was begun again.
    pub fn attempts(&self) -> u32 {
        self.cold().map_or(0, |cold| cold.attempts.load(Ordering::Relaxed))
    }

    /// Whether it may be begun again when it fails.
    pub fn may_begin_again(&self) -> bool {
        self.terms().is_some_and(|terms| terms.retries > 0)
    }

    /// Whether the claimed task, which has ended so, is to be begun again; then that is counted.
    pub fn begins_again(&self, status: Status) -> bool {
        let Some(cold) = self.cold() else { return false };
        let before = cold.attempts.load(Ordering::Relaxed);
        let again = cold.terms.is_some_and(|terms| before < terms.retries)
            && is_worth_another(status)
            && !self.state.is_asked_to_stop()
            && !self.core().is_terminated();
        if again {
            cold.attempts.store(before + 1, Ordering::Relaxed);
        }
        again
    }

    /// The process that ran the task; 0 for a map in processes.
    pub(super) fn pid(&self) -> i32 {
        match self.core().options.mode {
            Mode::Threads | Mode::Sequential => self.core().pid,
            Mode::Processes if self.map().is_some() => 0,
            // SAFETY: `finish_elsewhere` wrote it where the argument was.
            Mode::Processes => unsafe { *self.inline.get().cast::<i32>() },
        }
    }

    /// Copies a result from elsewhere, and drops an argument that lies outside; false when there
    /// is no memory. Only by who claimed the task.
    fn keep_result(&self, result: Foreign<'_>) -> bool {
        let (_, place) = self.places();
        if self.arg_size.get() != OUTSIDE && result.len() == place.size {
            // SAFETY: the result's place is ours until the task is finished, and that large.
            unsafe { result.copy_to(place.start) };
            return true;
        }
        let Some(buffer) = Buffer::try_new(result.len()) else {
            return false;
        };
        // SAFETY: the buffer is that large and nobody else's.
        unsafe { result.copy_to(buffer.as_ptr()) };
        self.change_end(|end| end.set_result = Some(buffer))
    }

    /// Gives the memory of an argument that lies outside back. Only by who claimed the task, and
    /// will not run it.
    pub fn drop_argument(&self) {
        if self.arg_size.get() == OUTSIDE {
            self.arg_size.set(POINTER);
            self.result_size.set(0);
            if let Some(cold) = self.cold() {
                // SAFETY: as promised by the caller; nobody else looks at the argument any more.
                unsafe { *cold.memory.get() = None };
            }
        }
    }
}
