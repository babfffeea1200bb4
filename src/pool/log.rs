#![allow(unsafe_code)]
//! What happens in pools that a program may want to write down.
//!
//! Whoever sets a function leaves the one before where it is: a thread may just be calling it. They are
//! few. Nothing is told in a child that was forked since, nor to a function that is just being told
//! something by this thread.

use super::{
    core::Core,
    status::{Error, Result},
};
use crate::support::{
    alloc::try_box,
    process,
    sync::{AtomicI32, AtomicPtr, Ordering, thread_local},
};
use std::{
    cell::Cell,
    ffi::{CString, c_char, c_void},
    ptr,
};

/// What is told.
pub type Tell = unsafe extern "C" fn(
    level: i32,
    pool: *const c_char,
    text: *const c_char,
    user_data: *mut c_void,
);

/// Something is broken.
pub const ERROR: i32 = 1;
/// Something was lost, or could not be had.
pub const WARNING: i32 = 2;
/// Something has changed.
pub const INFO: i32 = 3;

struct Hook {
    tell: Tell,
    user_data: *mut c_void,
    /// The process that has set it.
    epoch: u32,
    /// The one before, so that all can be reached.
    older: *mut Hook,
}

/// Up to which level there is somebody to tell: written after `HOOK`, so that who sees it sees that.
static LEVEL: AtomicI32 = AtomicI32::new(0);
static HOOK: AtomicPtr<Hook> = AtomicPtr::new(ptr::null_mut());

thread_local! {
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// Sets who is told what happens up to a level; `None`: nobody.
///
/// # Errors
/// `NO_MEMORY`, `SYSTEM`.
pub fn set(tell: Option<Tell>, user_data: *mut c_void, level: i32) -> Result<()> {
    let Some(tell) = tell else {
        LEVEL.store(0, Ordering::Release);
        return Ok(());
    };
    let epoch = process::epoch().map_err(|error| Error::system("no page of memory", &error))?;
    let hook = Hook { tell, user_data, epoch, older: HOOK.load(Ordering::Acquire) };
    let hook = try_box(hook).ok_or_else(|| Error::no_memory("no memory for a log"))?;
    let hook = Box::into_raw(hook);
    loop {
        // SAFETY: nobody else knows the hook yet.
        let older = unsafe { (*hook).older };
        match HOOK.compare_exchange(older, hook, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            // SAFETY: as above.
            Err(now) => unsafe { (*hook).older = now },
        }
    }
    LEVEL.store(level, Ordering::Release);
    Ok(())
}

/// Tells that something has happened. Without any lock of the library's.
#[inline]
pub fn tell(core: &Core, level: i32, text: impl FnOnce() -> String) {
    if level <= LEVEL.load(Ordering::Acquire) {
        tell_now(core, level, &text());
    }
}

#[cold]
fn tell_now(core: &Core, level: i32, text: &str) {
    // SAFETY: hooks stay.
    let Some(hook) = (unsafe { HOOK.load(Ordering::Acquire).as_ref() }) else { return };
    if !process::is_current(hook.epoch) || TELLING.with(|telling| telling.replace(true)) {
        return;
    }
    let to_c = |text: &str| CString::new(text.replace('\0', " ")).unwrap_or_default();
    let (name, text) = (to_c(&core.options.name), to_c(text));
    // SAFETY: the caller's function, called as its contract says.
    unsafe { (hook.tell)(level, name.as_ptr(), text.as_ptr(), hook.user_data) };
    TELLING.with(|telling| telling.set(false));
}
