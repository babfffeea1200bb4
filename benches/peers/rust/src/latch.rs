//! How a program waits when its library offers no way to: the same latch as in `common/latch.h`.

use std::sync::atomic::{AtomicU32, Ordering};

const OPEN: u32 = 0;
const SET: u32 = 1;
const SLEEPER: u32 = 2;
const SPINS: usize = 2000;

#[derive(Default)]
pub struct Latch(AtomicU32);

impl Latch {
    pub const fn new() -> Self {
        Latch(AtomicU32::new(OPEN))
    }

    pub fn reset(&self) {
        self.0.store(OPEN, Ordering::Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire) == SET
    }

    pub fn set(&self) {
        if self.0.swap(SET, Ordering::AcqRel) == SLEEPER {
            self.futex(libc::FUTEX_WAKE, 1);
        }
    }

    /// Spins about as long as a sleeping thread takes to wake, then sleeps on a futex.
    pub fn wait(&self) {
        for _ in 0..SPINS {
            if self.is_set() {
                return;
            }
            std::hint::spin_loop();
        }
        let _ = self.0.compare_exchange(OPEN, SLEEPER, Ordering::AcqRel, Ordering::Acquire);
        while !self.is_set() {
            self.futex(libc::FUTEX_WAIT, SLEEPER);
        }
    }

    fn futex(&self, operation: i32, value: u32) {
        let operation = operation | libc::FUTEX_PRIVATE_FLAG;
        let no_timeout = std::ptr::null::<libc::timespec>();
        // SAFETY: the word outlives the call, and neither operation touches any other memory.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), operation, value, no_timeout) };
    }
}
