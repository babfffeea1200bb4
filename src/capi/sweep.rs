#![allow(unsafe_code)]
//! `pool_map` for programs that bring its innermost loop along. A call from the library into the
//! program and back costs some processors more than the function itself does.

use super::{
    boundary::{given, status},
    handle::{self, pool_t},
    simple::map_call,
};
use crate::pool::{
    abi::pool_fn,
    bodies::{Body, Sweeper},
    submit,
    sweep::pool_sweep_fn,
};
use std::ffi::c_void;

/// Private to pool_map().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_map_swept(
    pool: *mut pool_t,
    r#fn: pool_fn,
    args: *const c_void,
    arg_size: usize,
    results: *mut c_void,
    result_size: usize,
    count: usize,
    sweep: pool_sweep_fn,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let mut call = map_call(r#fn, args, arg_size, results, result_size, count)?;
        let sweep = given(sweep, "sweep is NULL")?;
        call.body = Body::Swept(Sweeper { sweep, function: call.body.function() });
        submit::map(core, call)
    })
}
