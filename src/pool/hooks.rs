#![allow(unsafe_code)]
//! What the user does at the beginning and the end of each worker.

use super::{
    options::WorkerHooks,
    status::{self, Error, Result},
};

impl WorkerHooks {
    /// Calls the initializer, if there is one, on the worker that it is for.
    ///
    /// # Errors
    /// Its own code; `INTERNAL` for a negative one.
    pub fn initialize(&self, worker: u32) -> Result<()> {
        let Some(initializer) = self.initializer else {
            return Ok(());
        };
        // SAFETY: the caller's function, called as its contract says.
        let code = unsafe { initializer(self.data, worker) };
        if code == 0 {
            return Ok(());
        }
        let status = if code > 0 { code } else { status::INTERNAL };
        Err(Error::new(status, format!("the initializer of worker {worker} returned {code}")))
    }

    /// Calls the finalizer, if there is one, on the worker that it is for.
    pub fn finalize(&self, worker: u32) {
        if let Some(finalizer) = self.finalizer {
            // SAFETY: the caller's function, called as its contract says.
            unsafe { finalizer(self.data, worker) }
        }
    }
}
