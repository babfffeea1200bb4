#![allow(unsafe_code)]
//! Tokens that cancel many tasks at once.

use super::{
    boundary::{not_null, number, status},
    life::{self, Graveyard, Handle, Kind, Life},
};
use crate::pool::{group::Group, status::Result};

/// Cancels all tasks and maps whose pool_call_t names it.
pub struct pool_token_t(Handle<Group>);

static FREED: Graveyard<pool_token_t> = Graveyard::new();

impl Kind for pool_token_t {
    type What = Group;
    const NAME: &'static str = "token";
    const LIFE: Life = Life::Token;

    fn graveyard() -> &'static Graveyard<Self> {
        &FREED
    }

    fn wrap(handle: Handle<Group>) -> Self {
        Self(handle)
    }

    fn handle(&self) -> &Handle<Group> {
        &self.0
    }

    fn require_this_process(group: &Group) -> Result<()> {
        group.require_this_process()
    }
}

/// Makes a token: what pool_future_cancel() does to one task, pool_token_cancel() does to all whose
/// pool_call_t has it in the field `cancel`, in any number of pools of both modes.
///
/// Example:
///     static int32_t search(const void *arg, void *result, pool_task_t *task) {
///       (void)arg, (void)result;
///       while (pool_task_cancelled(task) == 0) usleep(1000);
///       return 0;
///     }
///     pool_token_t *found;
///     pool_token_create(&found);
///     pool_call_t calls[5];
///     for (int i = 0; i < 5; i++) {
///       calls[i] = (pool_call_t)POOL_CALL_INIT;
///       calls[i].fn = search;
///       calls[i].cancel = found;
///     }
///     pool_submit(pool, calls, 5, NULL);
///     pool_token_cancel(found);
///     assert(pool_token_cancelled(found) == 1);
///     pool_token_release(found);
///
/// token: written on success; the caller's to give back with pool_token_release().
/// Does not block. Returns POOL_OK, POOL_ERR_INVALID, _NO_MEMORY, _SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_token_create(token: *mut *mut pool_token_t) -> i32 {
    status(|| {
        not_null(token, "token")?;
        let made = life::create(Group::new()?)?;
        // SAFETY: the caller vouches for the place.
        unsafe { token.write(made) };
        Ok(())
    })
}

/// Cancels each task that has the token: one that has not started never will, its status is
/// POOL_ERR_CANCELLED, its callback is called; a running one is asked to stop, as
/// pool_task_cancelled() tells it; a map starts no more items. So ends, at once, what is submitted
/// with the token later: a token stays cancelled. From any thread, also from tasks and callbacks;
/// a second call does nothing. Does not block, and kills nothing.
///
/// Returns POOL_OK, POOL_ERR_INVALID; _FORKED in a forked child, and in worker processes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_token_cancel(token: *mut pool_token_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { life::of_this_process(token) }?.cancel();
        Ok(())
    })
}

/// Whether pool_token_cancel() was called: 1 or 0, or POOL_ERR_INVALID, _FORKED. (A task asks
/// pool_task_cancelled(), which knows in both modes.)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_token_cancelled(token: *const pool_token_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        Ok(unsafe { life::of_this_process(token) }?.is_cancelled().into())
    })
}

/// Gives the token back; once, after which it must not be used. The tasks that have it go on, and
/// nobody can cancel them by it any more. NULL does nothing, and so does a forked child. Returns
/// POOL_OK, POOL_ERR_INVALID.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_token_release(token: *mut pool_token_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { life::release(token) }
    })
}
