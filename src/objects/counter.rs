#![allow(unsafe_code)]
//! A number that many change at once. It is one atomic word: nobody can die in the middle.

use super::header::{Header, Object, Plan};
use crate::support::sync::{AtomicU64, Ordering};

/// See the module.
#[repr(C)]
pub struct Counter {
    header: Header,
    value: AtomicU64,
}

// SAFETY: as the trait asks.
unsafe impl Object for Counter {
    const KIND: u32 = 3;
    const NOUN: &'static str = "counter";

    fn bury(&self, _plan: &Plan, _violently: bool) {}
}

impl Counter {
    /// Adds to it, around the end of the range if need be; the new value.
    pub fn add(&self, amount: i64) -> i64 {
        let before = self.value.fetch_add(amount.cast_unsigned(), Ordering::SeqCst);
        before.cast_signed().wrapping_add(amount)
    }

    /// What it is now.
    pub fn get(&self) -> i64 {
        self.value.load(Ordering::SeqCst).cast_signed()
    }

    /// Makes it another; what it was.
    pub fn swap(&self, value: i64) -> i64 {
        self.value.swap(value.cast_unsigned(), Ordering::SeqCst).cast_signed()
    }

    /// Makes it another if it is what is expected; what it was.
    pub fn compare_exchange(&self, expected: i64, value: i64) -> i64 {
        let (expected, value) = (expected.cast_unsigned(), value.cast_unsigned());
        let order = Ordering::SeqCst;
        let was = self.value.compare_exchange(expected, value, order, order);
        was.unwrap_or_else(|was| was).cast_signed()
    }
}
