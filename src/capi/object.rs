#![allow(unsafe_code)]
//! What the functions of all objects have in common.

use super::{
    boundary::not_null,
    handle::{self, pool_t},
};
use crate::{
    objects::{
        header::{Object, Plan, open},
        home,
    },
    pool::status::Result,
};
use std::ptr::NonNull;

/// Makes an object in the memory of a pool, or for no pool in particular.
///
/// # Safety
/// As `handle::core`; `out` is null or writable.
///
/// # Errors
/// As `handle::core` and `home::make`.
pub unsafe fn make<T: Object, H>(
    pool: *mut pool_t,
    out: *mut *mut H,
    what: &'static str,
    extra: usize,
    sizes: [u64; 2],
    begin: impl FnOnce(&T),
) -> Result<()> {
    not_null(out, what)?;
    // SAFETY: promised by the caller.
    let core = if pool.is_null() { None } else { Some(unsafe { handle::core(pool) }?) };
    let object: NonNull<T> = home::make(core, extra, sizes, begin)?;
    // SAFETY: promised by the caller, and not null.
    unsafe { out.write(object.as_ptr().cast()) };
    Ok(())
}

/// Runs `body` on the object behind a handle.
///
/// # Safety
/// As `open`.
///
/// # Errors
/// As `open`, and those of the body.
#[inline]
pub unsafe fn with<T: Object, H, R>(
    handle: *mut H,
    body: impl FnOnce(&T, &Plan) -> Result<R>,
) -> Result<R> {
    // SAFETY: promised by the caller.
    let (object, plan) = unsafe { open(handle.cast::<T>().cast_const()) }?;
    body(object, &plan)
}

/// Frees the object behind a handle; null is none.
///
/// # Safety
/// As `home::free`.
///
/// # Errors
/// As `home::free`.
pub unsafe fn free<T: Object, H>(handle: *mut H) -> Result<()> {
    if handle.is_null() {
        return Ok(());
    }
    // SAFETY: promised by the caller.
    unsafe { home::free(handle.cast::<T>().cast_const()) }
}

/// Writes a value where the caller wants it, if anywhere.
///
/// # Safety
/// `out` is null or writable.
pub unsafe fn put<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: promised by the caller.
        unsafe { out.write(value) };
    }
}
