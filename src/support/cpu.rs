#![allow(unsafe_code)]
//! What processors offer and std does not.

/// A sequentially consistent fence. On x86-64 a locked instruction on the own stack is one, and
/// takes half the time of the `mfence` that std's becomes (20 cycles against 40 on Zen).
#[inline]
pub fn full_fence() {
    #[cfg(all(target_arch = "x86_64", not(loom), not(shuttle), not(miri)))]
    // SAFETY: adds nothing to a word of the own stack. The compiler takes it for an access to all
    // memory, and moves none across.
    unsafe {
        std::arch::asm!("lock or dword ptr [rsp], 0");
    }
    #[cfg(not(all(target_arch = "x86_64", not(loom), not(shuttle), not(miri))))]
    super::sync::fence(super::sync::Ordering::SeqCst);
}

/// Asks for the cache line at an address, to be written to soon. The address need not be valid.
#[inline]
pub fn prefetch_for_write<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(loom), not(shuttle), not(miri)))]
    // SAFETY: a hint, that faults nowhere and changes nothing.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(all(target_arch = "x86_64", not(loom), not(shuttle), not(miri))))]
    let _ = address;
}
