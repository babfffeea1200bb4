#![allow(unsafe_code)]
//! Threads whose start fails with an error when there is no memory, where std's would abort.

#[cfg(all(target_os = "linux", not(any(feature = "portable", shuttle))))]
pub use system::{Thread, start};
#[cfg(not(all(target_os = "linux", not(any(feature = "portable", shuttle)))))]
pub use with_std::{Thread, start};

#[cfg(all(target_os = "linux", not(any(feature = "portable", shuttle))))]
mod system {
    use crate::{support::alloc::try_box, sys::thread as sys};
    use std::{ffi::c_void, fmt, io, io::Write};

    /// A thread that runs, to be joined; dropped, it goes on by itself.
    pub struct Thread(sys::Started);

    struct Start<F> {
        name: [u8; 16],
        body: F,
    }

    /// Starts a thread that is called `name`, cut to 15 bytes, and has a stack of so many bytes;
    /// 0: the system's default.
    ///
    /// # Errors
    /// The system's; `OutOfMemory`.
    pub fn start<F: FnOnce() + Send + 'static>(
        name: fmt::Arguments<'_>,
        stack_size: usize,
        body: F,
    ) -> io::Result<Thread> {
        let mut start = Start { name: [0; 16], body };
        // What does not fit is left out.
        let _ = (&mut start.name[..15]).write_fmt(name);
        let start = try_box(start).ok_or(io::ErrorKind::OutOfMemory)?;
        let place = Box::into_raw(start);
        // SAFETY: `run` takes the box back, once.
        unsafe { sys::start(stack_size, run::<F>, place.cast()) }.map(Thread).inspect_err(|_| {
            // SAFETY: no thread has been started that would take it back.
            drop(unsafe { Box::from_raw(place) });
        })
    }

    extern "C" fn run<F: FnOnce()>(start: *mut c_void) -> *mut c_void {
        // SAFETY: `start` has made it for this call.
        let Start { name, body } = *unsafe { Box::from_raw(start.cast::<Start<F>>()) };
        sys::set_name(&name);
        body();
        std::ptr::null_mut()
    }

    impl Thread {
        /// Waits until the thread has ended.
        pub fn join(self) {
            self.0.join();
        }

        /// Whether the thread has ended, so that joining it does not block.
        pub fn has_ended(&mut self) -> bool {
            self.0.has_ended()
        }
    }
}

#[cfg(not(all(target_os = "linux", not(any(feature = "portable", shuttle)))))]
mod with_std {
    use crate::support::sync::thread;
    use std::{fmt, io};

    /// A thread that runs, to be joined; dropped, it goes on by itself.
    pub struct Thread(thread::JoinHandle<()>);

    /// Starts a thread that is called `name` and has a stack of so many bytes; 0: the default.
    ///
    /// # Errors
    /// The system's.
    pub fn start<F: FnOnce() + Send + 'static>(
        name: fmt::Arguments<'_>,
        stack_size: usize,
        body: F,
    ) -> io::Result<Thread> {
        let mut builder = thread::Builder::new().name(name.to_string());
        if stack_size != 0 {
            builder = builder.stack_size(stack_size);
        }
        builder.spawn(body).map(Thread)
    }

    impl Thread {
        /// Waits until the thread has ended.
        pub fn join(self) {
            let _ = self.0.join();
        }

        /// Whether the thread has ended, so that joining it does not block. Shuttle cannot say.
        pub fn has_ended(&mut self) -> bool {
            #[cfg(not(shuttle))]
            return self.0.is_finished();
            #[cfg(shuttle)]
            return false;
        }
    }
}
