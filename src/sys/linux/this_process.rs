#![allow(unsafe_code)]
//! This process itself: who it is, whom it outlives, and how it ends.

/// This process.
pub fn own_pid() -> i32 {
    // SAFETY: cannot fail.
    unsafe { libc::getpid() }
}

/// The process that this one is a child of; 0 if that is outside its pid namespace.
pub fn parent_pid() -> i32 {
    // SAFETY: cannot fail.
    unsafe { libc::getppid() }
}

/// Leaves at once: no handlers of exit, no destructors, no flushing.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// Sleeps until it is killed.
pub fn pause_for_ever() -> ! {
    loop {
        // SAFETY: a plain system call.
        unsafe { libc::pause() };
    }
}

/// Makes this process the parent of all descendants whose own parents have ended.
pub fn become_subreaper() {
    set_process(libc::PR_SET_CHILD_SUBREAPER, 1);
}

/// From now on this process is killed when the thread that forked it ends. The caller checks
/// afterwards that this has not happened already.
pub fn die_with_parent() {
    set_process(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong);
}

/// Names this process's first thread, and with it the process; 15 bytes of it count.
pub fn set_name(name: &str) {
    let mut bytes = [0_u8; 16];
    let length = (0..=name.len().min(15)).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    // SAFETY: the name ends with a zero byte.
    unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
}

fn set_process(what: libc::c_int, value: libc::c_ulong) {
    // SAFETY: these options take a number and touch no memory.
    unsafe { libc::prctl(what, value, 0, 0, 0) };
}

/// Whether this process runs under valgrind.
pub fn is_under_valgrind() -> bool {
    std::env::var("LD_PRELOAD").is_ok_and(|preload| preload.contains("vgpreload"))
}
