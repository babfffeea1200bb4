#![allow(unsafe_code)]
//! Signal masks, affinity and stack bounds of the calling thread; and threads' beginning and end.

pub use super::started::{Started, set_name, start};

use std::{mem::MaybeUninit, ops::Range};

/// Blocks every signal in this thread until dropped; a thread started meanwhile is born, and
/// stays, with all signals blocked.
pub struct SignalsBlocked(libc::sigset_t);

impl SignalsBlocked {
    /// Blocks all signals and remembers the mask.
    pub fn new() -> Self {
        let mut all = MaybeUninit::uninit();
        let mut old = MaybeUninit::uninit();
        // SAFETY: both sets are written before they are read: `sigfillset` cannot fail, and
        // `pthread_sigmask` with a valid `how` cannot either.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr());
            Self(old.assume_init())
        }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the mask was filled in by `pthread_sigmask`.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut());
        }
    }
}

unsafe extern "C" {
    // Not in the libc crate.
    fn pthread_setcancelstate(state: libc::c_int, old: *mut libc::c_int) -> libc::c_int;
}

/// Keeps `pthread_cancel` from unwinding this thread until dropped: it would unwind through
/// frames that must not be left that way.
pub struct Uncancellable(libc::c_int);

impl Uncancellable {
    /// Puts cancellation off, and remembers whether it was on.
    pub fn new() -> Self {
        const PTHREAD_CANCEL_DISABLE: libc::c_int = 1;
        let mut old = 0;
        // SAFETY: the state is a valid one, and the old one is written to a live variable.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut old) };
        Self(old)
    }
}

impl Drop for Uncancellable {
    fn drop(&mut self) {
        // SAFETY: restores what `new` was given.
        unsafe { pthread_setcancelstate(self.0, std::ptr::null_mut()) };
    }
}

/// A set of CPUs, as large as the kernel's.
#[derive(Clone)]
pub struct CpuSet(Vec<u64>);

impl CpuSet {
    /// The CPUs with these numbers; none that the system could not have.
    pub fn of(cpus: &[u32]) -> Option<Self> {
        let mut set = vec![0; cpus.iter().max().map_or(0, |most| *most as usize / 64 + 1)];
        for cpu in cpus {
            set[*cpu as usize / 64] |= 1 << (cpu % 64);
        }
        Some(Self(set))
    }

    /// How many CPUs are in the set.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Only the `index`th of these CPUs, counted round and round; `None` if there are none.
    fn only(&self, index: usize) -> Option<Self> {
        let has = |cpu: &usize| self.0[cpu / 64] & 1 << (cpu % 64) != 0;
        let cpu = (0..self.0.len() * 64).filter(has).nth(index.checked_rem(self.count())?)?;
        let mut set = vec![0; self.0.len()];
        set[cpu / 64] = 1 << (cpu % 64);
        Some(Self(set))
    }
}

/// The CPUs that the calling thread may run on; `None` if the system does not say.
pub fn affinity() -> Option<CpuSet> {
    let mut words = 16;
    while words <= 4096 {
        let mut set = vec![0_u64; words];
        // SAFETY: the kernel writes at most the size given.
        let status = unsafe {
            libc::sched_getaffinity(0, words * 8, set.as_mut_ptr().cast::<libc::cpu_set_t>())
        };
        if status == 0 {
            return Some(CpuSet(set));
        }
        words *= 2;
    }
    None
}

/// Moves the calling thread onto `set`. A set that has become impossible is left aside: the
/// thread then runs wherever it may.
pub fn set_affinity(set: &CpuSet) {
    // SAFETY: the kernel reads the size given, which is the vector's.
    unsafe {
        libc::sched_setaffinity(0, set.0.len() * 8, set.0.as_ptr().cast::<libc::cpu_set_t>());
    }
}

/// The first of these CPUs on which no thread of this process may run: tried out on this thread,
/// which comes back to where it was.
pub fn first_impossible(cpus: &[u32]) -> Option<u32> {
    const MOST: u32 = 1 << 18;
    let before = affinity();
    let may_run_on = |cpu: &u32| {
        *cpu < MOST
            && CpuSet::of(&[*cpu]).is_some_and(|set| {
                // SAFETY: as in `set_affinity`.
                let status = unsafe {
                    libc::sched_setaffinity(
                        0,
                        set.0.len() * 8,
                        set.0.as_ptr().cast::<libc::cpu_set_t>(),
                    )
                };
                status == 0
            })
    };
    let impossible = cpus.iter().find(|cpu| !may_run_on(cpu)).copied();
    if let Some(before) = before {
        set_affinity(&before);
    }
    impossible
}

/// Pins the calling thread onto one of the CPUs that it may run on: the `index`th, counted round
/// and round.
pub fn pin(index: usize) {
    if let Some(set) = affinity().and_then(|set| set.only(index)) {
        set_affinity(&set);
    }
}

/// The CPUs with these numbers, or those of the calling thread if there are no numbers.
pub fn chosen(cpus: &[u32]) -> Option<CpuSet> {
    if cpus.is_empty() { affinity() } else { CpuSet::of(cpus) }
}

/// The usable addresses of the calling thread's stack; `None` if the system does not say.
pub fn stack() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut low = std::ptr::null_mut();
    let mut size = 0;
    let mut guard = 0;
    // SAFETY: the attributes are initialised by `pthread_getattr_np` when it returns 0, and
    // destroyed after use.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let known = libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut size) == 0;
        libc::pthread_attr_getguardsize(attributes.as_ptr(), &mut guard);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        known.then(|| low as usize + guard..low as usize + size)
    }
}

/// The stack size in bytes that new threads get by default.
pub fn default_stack_size() -> usize {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut size = 0;
    // SAFETY: initialised by `pthread_attr_init` when it returns 0, and destroyed after use.
    unsafe {
        if libc::pthread_attr_init(attributes.as_mut_ptr()) == 0 {
            libc::pthread_attr_getstacksize(attributes.as_ptr(), &mut size);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
        }
    }
    if size == 0 { 8 << 20 } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cpu_of_a_set() {
        let set = CpuSet(vec![0b1010, 0, 1]);
        for (index, words) in [(0, [2, 0, 0]), (1, [8, 0, 0]), (2, [0, 0, 1]), (3, [2, 0, 0])] {
            assert_eq!(set.only(index).expect("a CPU").0, words);
        }
        assert!(CpuSet(vec![0]).only(0).is_none());
    }
}
