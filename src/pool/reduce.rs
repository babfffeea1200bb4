#![allow(unsafe_code)]
//! Many items to one result: a map over pieces, whose results are then combined in order.

use super::{
    bodies::{Body, Bounds, PieceFunction},
    core::Core,
    group::Membership,
    map_call::MapCall,
    status::{Error, Result},
    submit,
};
use crate::support::alloc::Buffer;
use std::{ffi::c_void, ptr};

/// How many pieces at most: enough that uneven ones balance on many workers, few enough that
/// calling and combining them costs little.
const PIECES: usize = 512;
/// Fewer if the partial results would take more than so many bytes,
const BYTES: usize = 4 << 20;
/// but not fewer than this.
const FEWEST: usize = 64;
/// Each partial result begins a cache line, for two workers write to neighbours.
const LINE: usize = 64;

/// A `pool_combine_fn` that has been found not to be NULL.
pub type CombineFunction = unsafe extern "C" fn(*mut c_void, *const c_void, *mut c_void);

/// What to reduce, and how: checked.
pub struct Reduction {
    /// How many items.
    pub count: usize,
    /// Adds a piece to a partial result.
    pub piece: PieceFunction,
    /// Adds a partial result to those before it.
    pub combine: CombineFunction,
    /// The result of nothing; null: zero bytes.
    pub identity: *const c_void,
    /// Where the result goes.
    pub result: *mut c_void,
    /// The size of a result in bytes, not 0.
    pub result_size: usize,
    /// Passed to both functions.
    pub context: *mut c_void,
}

/// Runs a reduction and waits for it; the caller takes part if it may.
///
/// # Safety
/// `identity`, if not null, is readable, `result` writable for `result_size` bytes; the functions
/// are what `pool_reduce` says.
///
/// # Errors
/// The failure of the piece with the lowest items, or why it could not be run.
pub unsafe fn reduce(core: &Core, call: &Reduction) -> Result<()> {
    let error = || Error::no_memory("no memory for the partial results");
    let size = call.result_size;
    let stride = size.checked_next_multiple_of(LINE).ok_or_else(error)?;
    let count = call.count.min(PIECES).min((BYTES / stride).max(FEWEST));
    let mut bounds = Vec::<Bounds>::new();
    bounds.try_reserve_exact(count).map_err(|_| error())?;
    bounds.extend((0..count).map(|piece| split(call.count, count, piece)));
    let total = stride.checked_mul(count.max(1)).ok_or_else(error)?;
    let partial = Buffer::try_new(total).ok_or_else(error)?;
    let place = |piece: usize| partial.as_ptr().wrapping_add(piece * stride);
    for piece in 0..count.max(1) {
        // SAFETY: the buffer has room for as many; the identity is as the caller says.
        unsafe {
            if call.identity.is_null() {
                ptr::write_bytes(place(piece), 0, size);
            } else {
                ptr::copy_nonoverlapping(call.identity.cast::<u8>(), place(piece), size);
            }
        }
    }
    let map = MapCall {
        body: Body::Piece(call.piece),
        first: 0,
        args: bounds.as_ptr().cast(),
        arg_size: size_of::<Bounds>(),
        results: place(0).cast(),
        result_size: stride,
        count,
        context: call.context,
        statuses: ptr::null_mut(),
        membership: Membership::NONE,
        terms: None,
    };
    submit::map(core, map)?;
    for piece in 1..count {
        // SAFETY: all partial results are there, and nobody else's now.
        unsafe { (call.combine)(place(0).cast(), place(piece).cast(), call.context) };
    }
    // SAFETY: promised by the caller.
    unsafe { ptr::copy_nonoverlapping(place(0), call.result.cast::<u8>(), size) };
    Ok(())
}

/// Where a piece of `pieces` begins and ends: the first ones have one item more.
fn split(count: usize, pieces: usize, piece: usize) -> Bounds {
    let (each, more) = (count / pieces, count % pieces);
    let begin = |piece: usize| piece * each + piece.min(more);
    [begin(piece), begin(piece + 1)]
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::split;

    #[test]
    fn pieces_follow_one_another_and_differ_by_one_at_most() {
        for count in [1, 2, 511, 512, 513, 1000, usize::MAX] {
            let pieces = count.min(512);
            let mut end = 0;
            for piece in 0..pieces {
                let [low, high] = split(count, pieces, piece);
                assert_eq!(low, end);
                assert!((count / pieces..=count.div_ceil(pieces)).contains(&(high - low)));
                end = high;
            }
            assert_eq!(end, count);
        }
    }
}
