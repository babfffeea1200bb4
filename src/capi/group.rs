#![allow(unsafe_code)]
//! Groups of tasks: waited for, and cancelled, as one.

use super::{
    boundary::{deadline, not_null, status},
    life::{self, Graveyard, Handle, Kind, Life},
};
use crate::pool::{
    group::Group,
    status::{self as code, Error, Result},
};

/// Tasks that are waited for, and cancelled, as one.
pub struct pool_group_t(Handle<Group>);

static FREED: Graveyard<pool_group_t> = Graveyard::new();

impl Kind for pool_group_t {
    type What = Group;
    const NAME: &'static str = "group";
    const LIFE: Life = Life::Group;

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

/// Makes a group. A task is in it from when it was submitted with the group in the field `group` of
/// its pool_call_t until it has ended; in any number of pools. Nobody need keep the futures.
///
/// Example:
///     pool_group_t *group;
///     pool_group_create(&group);
///     pool_call_t call = POOL_CALL_INIT;
///     call.fn = square;
///     call.arg_size = call.result_size = sizeof(int);
///     call.group = group;
///     for (int i = 0; i < 5; i++) {
///       call.arg = &in[i];
///       pool_submit(pool, &call, 1, NULL);
///     }
///     assert(pool_group_wait(group, -1) == POOL_OK);
///     pool_group_release(group);
///
/// group: written on success; the caller's to give back with pool_group_release().
/// Does not block. Returns POOL_OK, POOL_ERR_INVALID, _NO_MEMORY, _SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_group_create(group: *mut *mut pool_group_t) -> i32 {
    status(|| {
        not_null(group, "group")?;
        let made = life::create(Group::new()?)?;
        // SAFETY: the caller vouches for the place.
        unsafe { group.write(made) };
        Ok(())
    })
}

/// Waits until no task is in the group: also those that its tasks have submitted into it meanwhile.
/// It waits as pool_future_wait() does: without a time-out, this thread may run tasks of the group;
/// inside a task, another worker may take this one's place. Their callbacks may still run.
///
/// Returns POOL_OK if all have ended well since the last wait, at once for an empty group; the
/// status of the first that has not, and pool_last_error() its sentence: that is told once, and the
/// group, also one that was cancelled, can be used anew. POOL_ERR_TIMEOUT: some have not ended.
/// POOL_ERR_DEADLOCK, at once, inside a task of the group itself. POOL_ERR_INVALID, _FORKED,
/// _SYSTEM as pool_future_wait().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_group_wait(group: *mut pool_group_t, timeout_ms: i64) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let group = unsafe { life::of_this_process(group) }?;
        if group.wait(deadline(timeout_ms)?)? {
            return Ok(());
        }
        Err(Error::from(code::TIMEOUT))
    })
}

/// Cancels each task in the group, as pool_future_cancel(), and at once what is submitted into it
/// until a pool_group_wait() has seen it empty. So tasks that submit into their own group come to
/// an end. From any thread, also from its tasks. Does not block. Returns POOL_OK, POOL_ERR_INVALID;
/// _FORKED in a forked child, and in worker processes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_group_cancel(group: *mut pool_group_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { life::of_this_process(group) }?.cancel();
        Ok(())
    })
}

/// Gives the group back; once, after which it must not be used. Its tasks go on. NULL does nothing,
/// and so does a forked child. Returns POOL_OK, POOL_ERR_INVALID.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_group_release(group: *mut pool_group_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { life::release(group) }
    })
}
