#![allow(unsafe_code)]
//! Arguments and results as bytes: copied in when a task is submitted, copied out at its end.

use super::{
    abi::{Function, pool_callback_fn},
    engine::Engine,
    status::{self, Error, Result},
    terms::Terms,
};
use crate::support::alloc::Buffer;
use std::{ffi::c_void, ptr};

/// Where a result goes.
#[derive(Clone, Copy)]
pub struct Place {
    /// The first byte; null when there is no room.
    pub start: *mut u8,
    /// The room in bytes.
    pub size: usize,
}

/// Bytes for argument and result inside the block.
pub const INLINE: usize = 64;
/// Argument and result start at multiples of this.
pub const ALIGN: usize = 16;

/// What to run, and on what: a call, checked and ready to be submitted.
#[derive(Clone, Copy)]
pub struct Call {
    /// The function.
    pub function: Function,
    /// The argument's bytes, or with `arg_size` 0 the argument itself.
    pub arg: *const c_void,
    /// Bytes to copy from `arg`.
    pub arg_size: usize,
    /// Bytes of the result.
    pub result_size: usize,
    /// Called with the outcome.
    pub callback: pool_callback_fn,
    /// Passed to the callback.
    pub user_data: *mut c_void,
    /// What the task sees as its context.
    pub context: *const c_void,
    /// When it may start and so on; `None`: at once, and as usual.
    pub terms: Option<Terms>,
}

impl Call {
    /// Whether argument and result fit inside the block.
    #[inline]
    pub fn is_small(&self) -> bool {
        self.arg_size <= INLINE
            && self.result_size <= INLINE
            && result_offset(self.arg_size) + self.result_size.next_multiple_of(ALIGN) <= INLINE
    }

    /// Whether the block has room for all of the call.
    #[inline]
    pub fn fits_inside(&self) -> bool {
        self.is_small() && self.context.is_null() && self.terms.is_none()
    }
}

/// Sizes in front of an argument that lies outside.
#[repr(C, align(16))]
pub struct Sizes {
    /// The argument's bytes; 0 when it is a pointer.
    pub arg: usize,
    /// The result's bytes.
    pub result: usize,
}

/// The next multiple of `ALIGN`, if there is one.
pub const fn round_up(size: usize) -> Option<usize> {
    match size.checked_add(ALIGN - 1) {
        Some(size) => Some(size / ALIGN * ALIGN),
        None => None,
    }
}

/// Where the result begins behind an argument of this size, or behind a pointer for size 0.
#[inline]
pub const fn result_offset(arg_size: usize) -> usize {
    let size = if arg_size == 0 { 1 } else { arg_size };
    size.next_multiple_of(ALIGN)
}

/// Refuses a result that no memory could hold.
///
/// # Errors
/// `INVALID`.
pub fn require_possible(result_size: usize) -> Result<()> {
    if result_size > isize::MAX as usize {
        return Err(Error::invalid(format!("result_size: {result_size} bytes are too many")));
    }
    Ok(())
}

/// What does not fit inside a block, made ready before the submitter takes any lock.
pub struct Outside {
    /// A copy of the argument, and room for the result; `None` when both fit inside.
    pub memory: Option<Buffer>,
    /// See `Call`.
    pub context: *const c_void,
    /// See `Call`.
    pub terms: Option<Terms>,
}

impl Outside {
    /// Copies the argument, if it does not fit inside a block together with the result.
    ///
    /// # Safety
    /// `call.arg` is readable for `call.arg_size` bytes.
    ///
    /// # Errors
    /// `NO_MEMORY`; `INVALID` as `require_possible`.
    pub unsafe fn new(engine: &dyn Engine, call: &Call) -> Result<Self> {
        if call.is_small() {
            return Ok(Self { memory: None, context: call.context, terms: call.terms });
        }
        require_possible(call.result_size)?;
        let error = || Error::no_memory("no memory for the task's argument and result");
        let arg = round_up(call.arg_size).ok_or_else(error)?;
        let result = round_up(call.result_size).ok_or_else(error)?;
        let place = if call.arg_size == 0 { ALIGN } else { arg };
        let before = place.checked_add(size_of::<Sizes>()).ok_or_else(error)?;
        let size = before.checked_add(result).ok_or_else(error)?;
        let buffer = match engine.argument(before) {
            Some(buffer) => buffer?,
            None => Buffer::try_new(size).ok_or_else(error)?,
        };
        // SAFETY: the buffer holds the sizes, then the argument rounded up, then the result, unless
        // that is made elsewhere.
        unsafe {
            let sizes = Sizes { arg: call.arg_size, result: call.result_size };
            buffer.as_ptr().cast::<Sizes>().write(sizes);
            let place = buffer.as_ptr().add(size_of::<Sizes>());
            if call.arg_size == 0 {
                place.cast::<*const c_void>().write(call.arg);
            } else {
                ptr::copy_nonoverlapping(call.arg.cast::<u8>(), place, call.arg_size);
            }
        }
        Ok(Self { memory: Some(buffer), context: call.context, terms: call.terms })
    }
}

/// Zeroes a result; the small ones without a call.
///
/// # Safety
/// The place is aligned and has room for its size, rounded up to `ALIGN`.
pub unsafe fn zero(place: Place) {
    if place.size <= INLINE {
        for step in 0..place.size.div_ceil(ALIGN) {
            // SAFETY: promised by the caller.
            unsafe { place.start.cast::<u128>().add(step).write(0) };
        }
    } else {
        // SAFETY: promised by the caller.
        unsafe { ptr::write_bytes(place.start, 0, place.size) };
    }
}

/// Hands a result of `size` bytes out to a buffer of `room`.
///
/// # Safety
/// Both pointers are valid for these sizes; they may overlap.
///
/// # Errors
/// `SIZE` when it does not fit; nothing is written then.
pub unsafe fn copy_result(
    data: *const c_void,
    size: usize,
    to: *mut u8,
    room: usize,
) -> Result<()> {
    if size > room {
        let message = format!("the result has {size} bytes, the buffer {room}");
        return Err(Error::new(status::SIZE, message));
    }
    if size > 0 {
        // SAFETY: promised by the caller.
        unsafe { ptr::copy(data.cast::<u8>(), to, size) };
    }
    Ok(())
}
