#![allow(unsafe_code)]
//! Sorting on the pool: what both sorts have in common, and the numbers among which `pool_sort`
//! can bring order.
//!
//! A sort is a task that forks (`fork`). It may be told to stop between its steps; after each of
//! these the array holds all of its elements, so that a sort that was stopped has lost nothing.

use super::{
    abi::pool_task_t,
    core::Core,
    fork::{Half, join2},
    frame::Frame,
    options::Mode,
    payload::Call,
    status::{self, Error, Result, Status},
    submit,
};
use crate::support::sync::{AtomicI32, Ordering};
use std::{cell::Cell, ffi::c_void, ptr};

/// A number that can be sorted, by its rank among all of its type.
///
/// # Safety
/// It has the size and alignment of its rank, and any bits are both a number and a rank.
pub unsafe trait Key: Copy + Send + Sync {
    /// Numbers without sign in the order of what the keys stand for.
    type Rank: Ord + Copy + Send + Sync;

    /// The number's rank.
    fn rank(self) -> Self::Rank;

    /// The number of that rank.
    fn of_rank(rank: Self::Rank) -> Self;
}

macro_rules! keys {
    ($($key:ty, $rank:ty, |$number:ident| $to:expr, |$place:ident| $from:expr;)*) => {
        $(
            // SAFETY: a number, or the bits of one.
            unsafe impl Key for $key {
                type Rank = $rank;

                fn rank(self) -> $rank {
                    let $number = self;
                    $to
                }

                fn of_rank($place: $rank) -> Self {
                    $from
                }
            }
        )*
    };
}

/// A `float` by its bits: -0 is before 0, and what is no number, of either sign, comes last.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Float32(i32);

/// A `double`: as `Float32`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Float64(i64);

/// Turns the bits of a negative number below its sign, and back: then signed integers have the
/// total order of IEEE 754.
const fn turn32(bits: i32) -> i32 {
    bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed()
}

const fn turn64(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// Ranks of floats count from minus infinity on, and around: NaNs with a sign, which are before it
/// in the total order, come after everything else.
const FIRST32: i32 = turn32(f32::NEG_INFINITY.to_bits().cast_signed());
const FIRST64: i64 = turn64(f64::NEG_INFINITY.to_bits().cast_signed());

keys! {
    u32, u32, |number| number, |rank| rank;
    u64, u64, |number| number, |rank| rank;
    i32, u32, |number| number.wrapping_sub(i32::MIN).cast_unsigned(),
        |rank| rank.cast_signed().wrapping_add(i32::MIN);
    i64, u64, |number| number.wrapping_sub(i64::MIN).cast_unsigned(),
        |rank| rank.cast_signed().wrapping_add(i64::MIN);
    Float32, u32, |float| turn32(float.0).wrapping_sub(FIRST32).cast_unsigned(),
        |rank| Self(turn32(rank.cast_signed().wrapping_add(FIRST32)));
    Float64, u64, |float| turn64(float.0).wrapping_sub(FIRST64).cast_unsigned(),
        |rank| Self(turn64(rank.cast_signed().wrapping_add(FIRST64)));
}

/// A sort that is under way, as all of its forks see it.
pub struct Progress {
    /// Why no more is done; `OK`: it goes on. Written by any fork, read by all; it orders nothing.
    ended: AtomicI32,
    /// How many workers the pool has.
    pub workers: usize,
}

impl Progress {
    /// Whether the rest is to be left undone.
    pub fn is_stopped(&self, task: *mut pool_task_t) -> bool {
        if self.ended.load(Ordering::Relaxed) != status::OK {
            return true;
        }
        // SAFETY: the functions of a sort pass on what the pool has given them.
        let asked = unsafe { Frame::from_head(task) }.is_some_and(Frame::is_asked_to_stop);
        if asked {
            self.stop(status::TERMINATED);
        }
        asked
    }

    fn stop(&self, status: Status) {
        self.ended.store(status, Ordering::Relaxed);
    }
}

/// One step of a sort, to be run once.
struct Step<F>(Cell<Option<F>>);

impl<F: FnOnce(*mut pool_task_t)> Step<F> {
    fn new(body: F) -> Self {
        Self(Cell::new(Some(body)))
    }

    /// As a half of a fork. The step must stay where it is until that has been run.
    fn half(&self) -> Half {
        Half { function: Self::run, arg: ptr::from_ref(self).cast(), result: ptr::null_mut() }
    }

    unsafe extern "C" fn run(arg: *const c_void, _: *mut c_void, task: *mut pool_task_t) -> i32 {
        // SAFETY: made by `half`; whoever runs it is the only one, and the step is still there.
        if let Some(body) = unsafe { &*arg.cast::<Self>() }.0.take() {
            body(task);
        }
        status::OK
    }
}

/// Runs both steps, the second perhaps on another worker.
pub fn fork(
    progress: &Progress,
    task: *mut pool_task_t,
    first: impl FnOnce(*mut pool_task_t) + Send,
    second: impl FnOnce(*mut pool_task_t) + Send,
) {
    let (first, second) = (Step::new(first), Step::new(second));
    // SAFETY: the steps are here until both have ended, and may run on any thread.
    let status = unsafe { join2(task, first.half(), second.half()) };
    if status != status::OK {
        progress.stop(status);
    }
}

/// Runs a sort as a task of the pool, and waits for it.
///
/// # Errors
/// `UNSUPPORTED` in processes; why it could not be run, or not to its end.
pub fn run(core: &Core, sort: impl FnOnce(&Progress, *mut pool_task_t) + Send) -> Result<()> {
    if core.options.mode == Mode::Processes {
        let text = "a pool of processes does not sort: processes would not make it safer, and a \
                    pool of threads sorts shared memory as well";
        return Err(Error::new(status::UNSUPPORTED, text));
    }
    let progress = Progress { ended: AtomicI32::new(status::OK), workers: core.workers() };
    let step = Step::new(|task| sort(&progress, task));
    let half = step.half();
    let call = Call {
        function: half.function,
        arg: half.arg,
        arg_size: 0,
        result_size: 0,
        callback: None,
        user_data: ptr::null_mut(),
        context: ptr::null(),
        terms: None,
    };
    // SAFETY: the argument is a pointer to what stays until the task has ended.
    unsafe { submit::apply(core, &call, ptr::null_mut())? };
    match progress.ended.load(Ordering::Relaxed) {
        status::OK => Ok(()),
        status => Err(Error::from(status)),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Float32, Float64, Key};

    #[test]
    fn ranks_of_floats_are_in_order_and_nans_last() {
        let small = f64::from(f32::MIN_POSITIVE);
        let numbers =
            [f64::NEG_INFINITY, -1e30, -1.0, -small, -0.0, 0.0, small, 1.0, f64::INFINITY];
        let float = |number: f64| Float32((number as f32).to_bits().cast_signed());
        let double = |number: f64| Float64(number.to_bits().cast_signed());
        for pair in numbers.windows(2) {
            assert!(double(pair[0]).rank() < double(pair[1]).rank(), "{pair:?}");
            assert!(float(pair[0]).rank() < float(pair[1]).rank(), "{pair:?}");
        }
        for nan in [f64::NAN, -f64::NAN] {
            assert!(double(nan).rank() > double(f64::INFINITY).rank());
            assert!(float(nan).rank() > float(f64::INFINITY).rank());
        }
    }

    #[test]
    fn every_number_is_that_of_its_rank() {
        for bits in (0..=u32::MAX).step_by(65_521).chain([i32::MAX.cast_unsigned(), u32::MAX]) {
            assert_eq!(Float32::of_rank(Float32(bits.cast_signed()).rank()).0, bits.cast_signed());
            assert_eq!(i32::of_rank(bits.cast_signed().rank()), bits.cast_signed());
            let wide = (i64::from(bits) << 32 | i64::from(bits)).wrapping_mul(3);
            assert_eq!(Float64::of_rank(Float64(wide).rank()).0, wide);
            assert_eq!(i64::of_rank(wide.rank()), wide);
        }
    }
}
