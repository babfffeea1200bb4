#![allow(unsafe_code)]
//! A task that runs in its caller, without a block.

use super::{
    abi::POOL_NO_WORKER,
    context::Context,
    core::Core,
    frame::Frame,
    payload::{ALIGN, Call, Place, copy_result, round_up, zero},
    status::{self, Error, Result},
};
use crate::support::alloc::Buffer;
use std::{mem::MaybeUninit, ptr};

/// A task that runs in the caller, without a block: what `pool_apply` does when nobody else
/// need be asked.
///
/// # Safety
/// As `pool_fn` and `Call` say; `result` is writable for `call.result_size` bytes, or null.
pub unsafe fn run_here(core: &Core, call: &Call, result: *mut u8, context: &Context) -> Result<()> {
    const SMALL: usize = 256;
    let mut small = MaybeUninit::<[u128; 2 * SMALL / ALIGN]>::uninit();
    let memory;
    let base: *mut u8 = if call.arg_size <= SMALL && call.result_size <= SMALL {
        small.as_mut_ptr().cast()
    } else {
        let error = || Error::no_memory("no memory for the task's argument and result");
        let size = round_up(call.arg_size)
            .zip(round_up(call.result_size))
            .and_then(|(arg, result)| arg.checked_add(result))
            .ok_or_else(error)?;
        memory = Buffer::try_new(size).ok_or_else(error)?;
        memory.as_ptr()
    };
    // SAFETY: the memory holds the argument and then the result, both rounded up.
    unsafe {
        let arg = if call.arg_size == 0 {
            call.arg
        } else {
            ptr::copy_nonoverlapping(call.arg.cast::<u8>(), base, call.arg_size);
            base.cast_const().cast()
        };
        let start = if call.result_size == 0 {
            ptr::null_mut()
        } else {
            base.add(call.arg_size.div_ceil(ALIGN) * ALIGN)
        };
        zero(Place { start, size: call.result_size });
        let frame = Frame::without_task(core, context.site());
        let status = frame.enter(|| frame.call(call.function, arg, start));
        let outcome = frame.take_outcome();
        context.tally().count_direct();
        if status != status::OK {
            core.census.count_failure(POOL_NO_WORKER);
            let message = outcome.and_then(|outcome| outcome.message);
            let message = message.unwrap_or_else(|| status::meaning(status));
            return Err(Error::new(status, message));
        }
        match outcome.and_then(|outcome| outcome.set_result) {
            Some(set) => copy_result(set.as_ptr().cast(), set.size(), result, call.result_size)?,
            None => copy_result(start.cast(), call.result_size, result, call.result_size)?,
        }
    }
    Ok(())
}
