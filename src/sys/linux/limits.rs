#![allow(unsafe_code)]
//! What a process does about itself: its signals, streams, limits and name.

use std::{
    fs, io,
    mem::MaybeUninit,
    ptr,
    time::{SystemTime, UNIX_EPOCH},
};

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

/// Every signal does what it does by default, and none is blocked; this process has no handlers
/// and no signal stack left. It is not in the terminal's foreground group, so that the terminal
/// must not stop it (SIGTTOU, SIGTTIN), and interrupting is not for it (SIGINT): these three are
/// ignored. For a process with one thread.
pub fn default_signals() {
    const IGNORED: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTTIN, libc::SIGTTOU];
    for_each_signal(|signal| if IGNORED.contains(&signal) { libc::SIG_IGN } else { libc::SIG_DFL });
    let mut none = MaybeUninit::uninit();
    // SAFETY: no handler is left to run on the signal stack; the set is written before use.
    unsafe {
        let mut stack = MaybeUninit::<libc::stack_t>::zeroed().assume_init();
        stack.ss_flags = libc::SS_DISABLE;
        libc::sigaltstack(&stack, ptr::null_mut());
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

/// Gives each signal the action that is named for it, the default or to be ignored.
pub(super) fn for_each_signal(action: impl Fn(libc::c_int) -> libc::sighandler_t) {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: the structure is valid with all bytes zero, and the action is no function.
        // Signals that the C library keeps for itself, or that nobody can set, are refused.
        unsafe {
            let mut wanted = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            wanted.sa_sigaction = action(signal);
            libc::sigaction(signal, &wanted, ptr::null_mut());
        }
    }
}

/// Puts /dev/null in the place of standard input.
pub fn close_stdin() {
    // SAFETY: plain system calls; descriptor 0 is replaced, and none of ours is below 3.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        match null {
            -1 => {
                libc::close(0);
            }
            // It was closed, and is kept open for programs that this process executes.
            0 => {
                libc::fcntl(0, libc::F_SETFD, 0);
            }
            _ => {
                libc::dup2(null, 0);
                libc::close(null);
            }
        }
    }
}

unsafe extern "C" {
    // Not in the libc crate.
    static stdout: *mut libc::FILE;
    static stderr: *mut libc::FILE;
    fn ftrylockfile(stream: *mut libc::FILE) -> libc::c_int;
    fn funlockfile(stream: *mut libc::FILE);
}

/// Writes out what standard output and error have buffered. Not other streams: one that another
/// thread is reading from is locked until its next line comes, and what the host has buffered for
/// a file of its own is not for a worker to write.
pub fn flush_stdio() {
    // SAFETY: the two streams live as long as the process, and each lock that was taken is given
    // back.
    unsafe {
        for stream in [stdout, stderr] {
            if ftrylockfile(stream) == 0 {
                libc::fflush(stream);
                funlockfile(stream);
            }
        }
    }
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

/// Pins the calling thread onto one of the CPUs that it may run on: the `index`th, counted
/// round and round.
pub fn pin(index: usize) {
    const WORDS: usize = 4096;
    let mut set = vec![0_u64; WORDS];
    // SAFETY: the kernel writes and reads at most the size given, which is the vector's.
    unsafe {
        let size = WORDS * 8;
        if libc::sched_getaffinity(0, size, set.as_mut_ptr().cast::<libc::cpu_set_t>()) != 0 {
            return;
        }
        let allowed = |cpu: &usize| set[cpu / 64] & 1 << (cpu % 64) != 0;
        let cpus: Vec<usize> = (0..WORDS * 64).filter(allowed).collect();
        let Some(cpu) = index.checked_rem(cpus.len()).map(|at| cpus[at]) else { return };
        set.fill(0);
        set[cpu / 64] = 1 << (cpu % 64);
        libc::sched_setaffinity(0, size, set.as_ptr().cast::<libc::cpu_set_t>());
    }
}

/// The bytes of memory that are resident for this process; 0 if the system does not say.
pub fn rss() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_usize).saturating_mul(super::memory::page())
}

/// A number that nobody can guess, or at least no process has twice.
pub fn random() -> u64 {
    let mut seed = 0_u64;
    // SAFETY: writes at most eight bytes into a live variable.
    let got = unsafe { libc::getrandom((&raw mut seed).cast(), 8, 0) };
    if got == 8 {
        return seed;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64);
    now ^ u64::from(std::process::id()) << 40
}

/// The error of the last system call or C function that this thread made, as a number.
pub fn last_errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself() {
        assert!(rss() > 4096);
        assert_ne!(random(), random());
        flush_stdio();
    }
}
