#![allow(unsafe_code)]
//! Several arrays of arguments for one map: an item's argument is a table of pointers, one into each
//! array.

use super::{
    core::Core,
    status::{Error, Result},
};
use crate::support::alloc::Buffer;
use std::{ffi::c_void, ptr};

/// So many arrays at most.
pub const MOST: usize = 16;

/// One array.
#[derive(Clone, Copy)]
pub struct Column {
    /// The first element.
    pub data: *const c_void,
    /// The distance between elements; 0: each item gets `data` itself.
    pub item_size: usize,
}

/// The arrays of a map, where whoever runs an item sees them.
#[repr(C)]
pub struct Columns {
    count: usize,
    columns: [Column; MOST],
}

/// The pointers of one item.
pub type Table = [*const c_void; MOST];

impl Columns {
    /// Makes the arrays known to those who run the items: a copy of what they do not see, and the
    /// memory for it, which stays theirs until the map has ended.
    ///
    /// # Safety
    /// Each array is readable for `count` items.
    ///
    /// # Errors
    /// `NO_MEMORY`; `INVALID` for a pointer that they do not see, and that cannot be copied.
    pub unsafe fn publish(core: &Core, arrays: &[Column], count: usize) -> Result<Buffer> {
        const ALIGN: usize = 64;
        let no_memory = || Error::no_memory("no memory for the arrays of a map");
        let is_seen = |column: &Column| core.engine.sees(column.data, column.item_size * count);
        let mut size = size_of::<Self>().next_multiple_of(ALIGN);
        for (index, column) in arrays.iter().enumerate() {
            if is_seen(column) {
                continue;
            }
            if column.item_size == 0 {
                return Err(Error::invalid(format!(
                    "arrays[{index}] has item_size 0, and points into this process's own memory, \
                     which the workers do not see"
                )));
            }
            let more = (column.item_size * count).checked_next_multiple_of(ALIGN);
            size = more.and_then(|more| size.checked_add(more)).ok_or_else(no_memory)?;
        }
        let memory = match core.engine.argument(size) {
            Some(memory) => memory?,
            None => Buffer::try_new(size).ok_or_else(no_memory)?,
        };
        let nothing = Column { data: ptr::null(), item_size: 0 };
        let mut known = Self { count: arrays.len(), columns: [nothing; MOST] };
        let mut free = size_of::<Self>().next_multiple_of(ALIGN);
        for (to, from) in known.columns.iter_mut().zip(arrays) {
            *to = *from;
            if !is_seen(from) {
                let length = from.item_size * count;
                // SAFETY: promised by the caller; the memory is large enough, as counted above.
                unsafe {
                    let copy = memory.as_ptr().add(free);
                    ptr::copy_nonoverlapping(from.data.cast::<u8>(), copy, length);
                    to.data = copy.cast_const().cast();
                }
                free += length.next_multiple_of(ALIGN);
            }
        }
        // SAFETY: the memory begins with room for this, and is aligned.
        unsafe { memory.as_ptr().cast::<Self>().write(known) };
        Ok(memory)
    }

    /// The pointers of an item.
    ///
    /// # Safety
    /// `at` is the beginning of what `publish` gave.
    #[inline]
    pub unsafe fn table(at: *const c_void, index: usize) -> Table {
        // SAFETY: promised by the caller.
        let columns = unsafe { &*at.cast::<Self>() };
        let mut table = [ptr::null(); MOST];
        for (pointer, column) in table.iter_mut().zip(&columns.columns[..columns.count.min(MOST)]) {
            *pointer = column.data.wrapping_byte_add(index * column.item_size);
        }
        table
    }
}
