#![allow(unsafe_code)]
//! What went wrong.

use super::boundary;
use crate::pool::status;
use std::ffi::c_char;

/// A sentence about this thread's last failed call; "" if none has failed. Never NULL, and valid
/// until this thread's next call that fails.
#[unsafe(no_mangle)]
pub extern "C" fn pool_last_error() -> *const c_char {
    boundary::last()
}

/// The name of a status, such as "POOL_ERR_TIMEOUT"; "task code" for positive ones, which are
/// a task's own, and "unknown status" for other numbers. Never NULL, and valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn pool_status_name(status: i32) -> *const c_char {
    let other = if status > 0 { c"task code" } else { c"unknown status" };
    status::name(status).unwrap_or(other).as_ptr()
}
