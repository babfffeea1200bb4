#![allow(unsafe_code)]
//! Threads of the system's own, which are started without memory of ours.

use std::{ffi::c_void, io, mem::MaybeUninit, ptr};

/// A thread that runs, to be joined; dropped, it goes on by itself.
pub struct Started {
    thread: libc::pthread_t,
    joined: bool,
}

/// Starts a thread with a stack of so many bytes; 0: the system's default.
///
/// # Safety
/// `main` may be called with `argument` on another thread.
///
/// # Errors
/// The system's.
pub unsafe fn start(
    stack_size: usize,
    main: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
) -> io::Result<Started> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::uninit();
    // SAFETY: the attributes are initialised before and destroyed after their use; the thread is
    // written when it has been created; what it is given the caller vouches for.
    unsafe {
        let mut error = libc::pthread_attr_init(attributes.as_mut_ptr());
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        if stack_size != 0 {
            // Whole pages, and what the C library needs for itself.
            let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
            let least = stack_size.max(libc::PTHREAD_STACK_MIN);
            error = least.checked_next_multiple_of(page).map_or(libc::ENOMEM, |size| {
                libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), size)
            });
        }
        if error == 0 {
            let attributes = attributes.as_ptr();
            error = libc::pthread_create(thread.as_mut_ptr(), attributes, main, argument);
        }
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        Ok(Started { thread: thread.assume_init(), joined: false })
    }
}

impl Started {
    /// Waits until the thread has ended.
    pub fn join(mut self) {
        if !self.joined {
            // SAFETY: a thread that has been neither joined nor detached.
            unsafe { libc::pthread_join(self.thread, ptr::null_mut()) };
            self.joined = true;
        }
    }

    /// Whether the thread has ended, so that joining it does not block.
    pub fn has_ended(&mut self) -> bool {
        if !self.joined {
            // SAFETY: as above.
            self.joined = unsafe { libc::pthread_tryjoin_np(self.thread, ptr::null_mut()) } == 0;
        }
        self.joined
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.joined {
            // SAFETY: as above.
            unsafe { libc::pthread_detach(self.thread) };
        }
    }
}

/// Names the calling thread; the name ends with a zero byte.
pub fn set_name(name: &[u8; 16]) {
    // SAFETY: the kernel reads 16 bytes at most.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}
