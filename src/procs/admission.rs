//! Which calls the workers could run.

use super::engine::ProcessEngine;
use crate::pool::{
    bodies::Body,
    core::Core,
    map_call::MapCall,
    payload::{Call, require_possible},
    status::{self, Error, Result},
};
use std::ffi::c_void;

impl ProcessEngine {
    /// As `Engine::admit`.
    pub(super) fn admit_task(&self, core: &Core, call: &Call) -> Result<()> {
        self.names.name(call.function)?;
        if call.callback.is_some() {
            self.runner.prepare(core)?;
        }
        if call.arg_size == 0 {
            self.require_shared(call.arg, "arg, with arg_size 0,")?;
        }
        self.require_shared(call.context, "context")?;
        if call.result_size > self.memory.layout.slab(0).len() {
            require_possible(call.result_size)?;
            return Err(Error::no_memory("no shared memory for a result of that size"));
        }
        Ok(())
    }

    /// As `Engine::admit_map`.
    pub(super) fn admit_items(
        &self,
        core: &Core,
        call: &MapCall,
        has_callback: bool,
    ) -> Result<()> {
        if call.terms.is_some_and(|terms| terms.retries > 0) {
            let text =
                "the items of a map are tried again in pools of threads only: here submit tasks";
            return Err(Error::new(status::UNSUPPORTED, text));
        }
        self.names.name(call.body.function())?;
        if has_callback {
            self.runner.prepare(core)?;
        }
        // Columns are where the workers see them.
        if call.arg_size == 0 && !matches!(call.body, Body::Star(_)) {
            self.require_shared(call.args, "args, with arg_size 0,")?;
        }
        self.require_shared(call.context, "context")
    }

    /// A pointer that workers see, or NULL.
    fn require_shared(&self, pointer: *const c_void, what: &str) -> Result<()> {
        if pointer.is_null() || self.shared.contains(pointer as usize, 1) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "{what} points into this process's own memory, which the workers do not see: \
             it must be NULL, or memory of this pool's pool_shared_alloc()"
        )))
    }

    /// Whether an array lies in memory that workers see.
    pub(super) fn is_shared(&self, start: *const c_void, size: usize) -> bool {
        self.shared.contains(start as usize, size)
    }
}
