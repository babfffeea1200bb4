#![allow(unsafe_code)]
//! How much of the machine this process may use, and uses.

use std::{ffi::CStr, fs, mem::MaybeUninit};

/// What the system's error `code` means, written into `room`.
pub fn meaning_of_error(code: i32, room: &mut [u8; 128]) -> &str {
    // SAFETY: at most so many bytes are written, the last of them a zero.
    unsafe { libc::strerror_r(code, room.as_mut_ptr().cast(), room.len()) };
    CStr::from_bytes_until_nul(room).ok().and_then(|text| text.to_str().ok()).unwrap_or("an error")
}

/// Adds to this process's niceness.
pub fn nice(more: i32) {
    // SAFETY: a plain system call; what is refused stays as it is.
    unsafe { libc::nice(more) };
}

/// How readily the system kills this process when memory runs out, -1000 to 1000; a value that
/// is refused changes nothing.
pub fn oom_score_adj(value: i32) {
    let _ = fs::write("/proc/self/oom_score_adj", value.to_string());
}

/// A crash leaves no core file.
pub fn no_core_dumps() {
    set_limit(libc::RLIMIT_CORE, 0);
}

/// Limits the private writable memory of this process (heap, anonymous mappings) to `bytes`,
/// what it has already included: more is refused.
pub fn limit_data(bytes: usize) {
    set_limit(libc::RLIMIT_DATA, bytes as libc::rlim_t);
}

/// Kills this process by SIGXCPU when it has used that many seconds of CPU time more; 0 takes
/// the limit away.
pub fn limit_cpu_from_now(seconds: u32) {
    if seconds == 0 {
        set_limit(libc::RLIMIT_CPU, libc::RLIM_INFINITY);
        return;
    }
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `getrusage` of this process fills the structure in.
    let used = unsafe {
        if libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) != 0 {
            return;
        }
        let usage = usage.assume_init();
        let micros = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
        usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (micros + 999_999) / 1_000_000
    };
    let used = libc::rlim_t::try_from(used).unwrap_or(0);
    set_limit(libc::RLIMIT_CPU, used.saturating_add(seconds.into()));
}

#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

/// Sets the soft limit, which may later be raised again up to the hard one.
fn set_limit(resource: Resource, value: libc::rlim_t) {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the limit is read and written only when `getrlimit` has filled it in.
    unsafe {
        if libc::getrlimit(resource, limit.as_mut_ptr()) == 0 {
            let limit = limit.assume_init_mut();
            limit.rlim_cur = value.min(limit.rlim_max);
            libc::setrlimit(resource, limit);
        }
    }
}

/// The bytes of memory that are resident for this process; 0 if the system does not say.
pub fn rss() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_usize).saturating_mul(super::memory::page())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory() {
        assert!(rss() > 4096);
    }
}
