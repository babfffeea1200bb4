#![allow(unsafe_code)]
//! What a map runs: items of an array, ranges of numbers, or pieces of a reduction.

use super::{
    abi::{Function, pool_task_t},
    sweep::pool_sweep_t,
};
use std::{ffi::c_void, mem::transmute};

/// A pool_range_fn that has been found not to be NULL.
pub type RangeFunction = unsafe extern "C" fn(usize, usize, *mut c_void, *mut pool_task_t) -> i32;
/// A pool_reduce_fn that has been found not to be NULL.
pub type PieceFunction =
    unsafe extern "C" fn(usize, usize, *mut c_void, *mut c_void, *mut pool_task_t) -> i32;

/// Where a piece of a reduction begins and ends.
pub type Bounds = [usize; 2];

/// A caller's own innermost loop, and the function that it calls.
#[derive(Clone, Copy)]
pub struct Sweeper {
    /// Runs the items.
    pub sweep: unsafe extern "C" fn(sweep: *mut pool_sweep_t) -> i32,
    /// What an item is.
    pub function: Function,
}

/// What a map runs.
#[derive(Clone, Copy)]
pub enum Body {
    /// Each item by itself: its argument, its result.
    Item(Function),
    /// The same, with the caller's own innermost loop.
    Swept(Sweeper),
    /// Each item by itself; its argument is a table of pointers into the `Columns` that are the
    /// map's argument.
    Star(Function),
    /// Items by their numbers, many in one call.
    Range(RangeFunction),
    /// An item's argument is the `Bounds` of a piece.
    Piece(PieceFunction),
}

const RANGE: u32 = 1;
const PIECE: u32 = 2;
const STAR: u32 = 3;

impl Body {
    /// Which of them it is, as a number for another process.
    pub fn kind(self) -> u32 {
        match self {
            Self::Item(_) | Self::Swept(_) => 0,
            Self::Star(_) => STAR,
            Self::Range(_) => RANGE,
            Self::Piece(_) => PIECE,
        }
    }

    /// The function, as one that is known by its address only.
    pub fn function(self) -> Function {
        // SAFETY: pointers to functions are all alike, and nobody calls it as what it is not.
        unsafe {
            match self {
                Self::Item(function)
                | Self::Star(function)
                | Self::Swept(Sweeper { function, .. }) => function,
                Self::Range(function) => transmute::<RangeFunction, Function>(function),
                Self::Piece(function) => transmute::<PieceFunction, Function>(function),
            }
        }
    }

    /// What `kind` and `function` have come from.
    ///
    /// # Safety
    /// Both are of the same body.
    pub unsafe fn new(kind: u32, function: Function) -> Self {
        // SAFETY: promised by the caller.
        unsafe {
            match kind {
                RANGE => Self::Range(transmute::<Function, RangeFunction>(function)),
                PIECE => Self::Piece(transmute::<Function, PieceFunction>(function)),
                STAR => Self::Star(function),
                _ => Self::Item(function),
            }
        }
    }
}
