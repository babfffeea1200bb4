#![allow(unsafe_code)]
//! Tasks that are run again and again.

use super::{
    boundary::{self, deadline, number, read_struct, status, value},
    call::pool_call_t,
    handle::{self, pool_t},
    life::{self, Graveyard, Handle, Kind, Life},
};
use crate::pool::{
    batch::Pass,
    periodic::{self, Periodic},
    status::{self as code, Error, Result},
};
use std::ffi::c_void;

/// A task that is run again and again.
pub struct pool_periodic_t(Handle<Periodic>);

static FREED: Graveyard<pool_periodic_t> = Graveyard::new();

impl Kind for pool_periodic_t {
    type What = Periodic;
    const NAME: &'static str = "periodic";
    const LIFE: Life = Life::Periodic;

    fn graveyard() -> &'static Graveyard<Self> {
        &FREED
    }

    fn wrap(handle: Handle<Periodic>) -> Self {
        Self(handle)
    }

    fn handle(&self) -> &Handle<Periodic> {
        &self.0
    }

    fn require_this_process(periodic: &Periodic) -> Result<()> {
        periodic.require_this_process()
    }
}

/// Runs a task again and again, at a fixed rate: for the first time after the call's `delay_ms`,
/// then every `period_ms` after that. There are never two runs of it at once: if one takes longer
/// than a period, or starts late, the moments that have passed meanwhile are left out, and the plan
/// is kept. Between two runs it costs nothing.
///
/// Example:
///     static int32_t tick(const void *arg, void *result, pool_task_t *task) {
///       (void)arg, (void)task;
///       *(int *)result = 42;
///       return 0;
///     }
///     pool_call_t call = POOL_CALL_INIT;
///     call.fn = tick;
///     call.result_size = sizeof(int);
///     pool_periodic_t *ticks;
///     pool_periodic_start(pool, &call, 1, &ticks);
///     while (pool_periodic_runs(ticks) < 3) usleep(1000);
///     int last = 0;
///     assert(pool_periodic_get(ticks, &last, sizeof last) == POOL_OK && last == 42);
///     pool_periodic_cancel(ticks);
///     assert(pool_periodic_wait(ticks, -1) == POOL_ERR_CANCELLED);
///     pool_periodic_release(ticks);
///
/// call: what each run is, as for pool_submit(): with the same argument, copied now; the callback is
///   called for each run. Its token ends it at the latest with the next run; each run is in its
///   group while it is under way. `context` is borrowed until the end. No `after`.
/// period_ms: at least 1.
/// periodic: a handle is written there, the caller's to give back with pool_periodic_release(); NULL
///   if not wanted.
/// It ends when a run ends otherwise than with POOL_OK (so it can end itself by a positive code),
/// by pool_periodic_cancel(), and when its pool is closed or terminated: a run that is under way
/// then ends as others do. Its runs are not kept out by `max_pending`.
/// Does not block. Returns POOL_OK, or as pool_submit(); POOL_ERR_SYSTEM also when there can be no
/// timer thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_periodic_start(
    pool: *mut pool_t,
    call: *const pool_call_t,
    period_ms: i64,
    periodic: *mut *mut pool_periodic_t,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        // SAFETY: the caller vouches for the struct.
        let call = unsafe { read_struct(call)? }.checked(Pass::Check)?;
        let period = u64::try_from(period_ms).ok().filter(|period| *period > 0);
        let period = period.ok_or_else(|| {
            Error::invalid(format!("a period of {period_ms} ms; it must be at least 1"))
        })?;
        // SAFETY: the caller vouches for the call's pointers.
        let made = unsafe { periodic::prepare(core, &call, period)? };
        if periodic.is_null() {
            return made.start(core);
        }
        // Before it can run: there may be no memory for it.
        let handle = life::create(made.clone())?;
        // SAFETY: the handle is ours; the caller vouches for the place.
        unsafe {
            made.start(core).or_else(|error| life::release(handle).and(Err(error)))?;
            periodic.write(handle);
        }
        Ok(())
    })
}

/// Ends it: there are no more runs, and one that is under way is asked to stop, as by
/// pool_future_cancel(). Does not block; also from its own run or callback. Returns 1, or 0 if it
/// had ended; POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_periodic_cancel(periodic: *mut pool_periodic_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        Ok(unsafe { life::of_this_process(periodic) }?.cancel().into())
    })
}

/// Waits until it has ended, and tells why: POOL_ERR_CANCELLED, _CLOSED or _TERMINATED (its pool
/// was), or the status of the run that has not ended well, with its sentence. Or POOL_ERR_TIMEOUT:
/// it has not ended (with `timeout_ms` 0 this only looks); POOL_ERR_DEADLOCK in its own run;
/// POOL_ERR_INVALID, _FORKED. May be called again and again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_periodic_wait(
    periodic: *const pool_periodic_t,
    timeout_ms: i64,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let periodic = unsafe { life::of_this_process(periodic) }?;
        periodic.wait(deadline(timeout_ms)?)?;
        Err(Error::from(code::TIMEOUT))
    })
}

/// How many runs have ended, however they did; or POOL_ERR_INVALID, _FORKED. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_periodic_runs(periodic: *const pool_periodic_t) -> i64 {
    // SAFETY: the caller vouches for the handle.
    value(|| Ok(unsafe { life::of_this_process(periodic) }?.runs())).unwrap_or_else(i64::from)
}

/// Copies the result of the last run that has ended well; during the next run, too, and after the
/// end.
///
/// result, result_size: where it goes, on success only.
/// Does not block. Returns POOL_OK; POOL_ERR_TIMEOUT when no run has ended well yet; _SIZE when the
/// result is larger; POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_periodic_get(
    periodic: *const pool_periodic_t,
    result: *mut c_void,
    result_size: usize,
) -> i32 {
    status(|| {
        boundary::bytes(result, result_size, 1, "result")?;
        // SAFETY: the caller vouches for the handle and the room.
        unsafe { life::of_this_process(periodic)?.result(result.cast(), result_size) }
    })
}

/// Gives the handle back; once, after which it must not be used. The runs go on. NULL does nothing,
/// and so does a forked child. Returns POOL_OK, POOL_ERR_INVALID.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_periodic_release(periodic: *mut pool_periodic_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { life::release(periodic) }
    })
}
