#![allow(unsafe_code)]
//! Signals: their names, what a worker does about them, and how the zygote hears them.

use super::descriptor::above_stdio;
use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr,
};

/// The name of a signal, as in `SIGSEGV`.
pub fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGSTKFLT => "SIGSTKFLT",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGVTALRM => "SIGVTALRM",
        libc::SIGPROF => "SIGPROF",
        libc::SIGIO => "SIGIO",
        libc::SIGPWR => "SIGPWR",
        libc::SIGSYS => "SIGSYS",
        _ => "a real-time signal",
    }
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
fn for_each_signal(action: impl Fn(libc::c_int) -> libc::sighandler_t) {
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

/// What a process that only looks after children hears: that one has ended, and that somebody
/// asks it to end. Made before the fork, it serves the child that reads from it.
pub struct Signals(OwnedFd);

impl Signals {
    /// A descriptor for SIGCHLD and SIGTERM; closed on exec.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let set = Self::set();
        // SAFETY: the set lives; the descriptor is owned by nobody else.
        unsafe {
            match libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
                -1 => Err(io::Error::last_os_error()),
                fd => Ok(Self(above_stdio(OwnedFd::from_raw_fd(fd))?)),
            }
        }
    }

    fn set() -> libc::sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: `sigemptyset` writes the set, and both signals are valid.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
            libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
            set.assume_init()
        }
    }

    /// From now on this process's only thread hears these two signals through the descriptor and
    /// is deaf to all others, except those that say that it is broken.
    pub fn listen(&self) {
        const BROKEN: [libc::c_int; 7] = [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGILL,
            libc::SIGFPE,
            libc::SIGABRT,
            libc::SIGTRAP,
            libc::SIGSYS,
        ];
        // The default action of SIGCHLD keeps ended children until they are reaped, which an
        // ignored one, as the parent may have left it, would not.
        for_each_signal(|signal| {
            let heard = [libc::SIGCHLD, libc::SIGTERM].contains(&signal);
            if heard || BROKEN.contains(&signal) { libc::SIG_DFL } else { libc::SIG_IGN }
        });
        // SAFETY: the set is initialised.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &Self::set(), ptr::null_mut()) };
    }

    /// The descriptor, for `poll`.
    pub fn fd(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// Takes what was heard; whether somebody asked this process to end.
    pub fn take(&self) -> bool {
        let mut asked = false;
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: a read that succeeds fills in one whole structure.
        unsafe {
            while libc::read(self.fd(), info.as_mut_ptr().cast(), size) > 0 {
                asked |= i32::try_from(info.assume_init_ref().ssi_signo) == Ok(libc::SIGTERM);
            }
        }
        asked
    }
}
