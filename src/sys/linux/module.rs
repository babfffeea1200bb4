#![allow(unsafe_code)]
//! The shared object that this code was loaded from.

use std::{
    mem::MaybeUninit,
    sync::atomic::{AtomicBool, Ordering},
};

/// Keeps the shared object that holds this code mapped until the process ends: threads of a
/// pool run its code, and nobody can say when the last of them has left it. Does nothing when
/// the code is part of the program itself.
pub fn pin() {
    static PINNED: AtomicBool = AtomicBool::new(false);
    if PINNED.swap(true, Ordering::Relaxed) {
        return;
    }
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: `dladdr` fills in the structure when it returns non-zero, and the name it gives
    // lives as long as the object. A second handle on a loaded object runs no constructors.
    unsafe {
        if libc::dladdr(pin as *const libc::c_void, info.as_mut_ptr()) != 0 {
            let name = info.assume_init().dli_fname;
            if !name.is_null() {
                libc::dlopen(name, libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE);
            }
        }
    }
}
