#![allow(unsafe_code)]
//! Small pieces of memory that this process shares with all that it forks from now on.

#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub use own::Arena;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use shared::Arena;

/// How pieces are aligned.
const ALIGN: usize = 64;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod shared {
    use super::{super::extents::Extents, ALIGN};
    use crate::sys::{memory::Mapping, this_process};
    use std::ptr::NonNull;

    /// A sparse mapping and its books.
    pub struct Arena {
        mapping: Mapping,
        extents: Extents,
    }

    impl Arena {
        /// Whether other processes see the memory.
        pub const SHARED: bool = true;

        /// As large as the process may map.
        pub fn new() -> Option<Self> {
            // Valgrind's search for leaks reads all that is mapped.
            let most: usize = if this_process::is_under_valgrind() { 64 << 20 } else { 16 << 30 };
            let sizes = std::iter::successors(Some(most), |size| Some(size / 4));
            let mapping = sizes
                .take_while(|size| *size >= 1 << 20)
                .find_map(|size| Mapping::new(size).ok().map(|mapping| (mapping, size)));
            let (mapping, size) = mapping?;
            Some(Self { mapping, extents: Extents::new(0..size) })
        }

        /// `size` bytes, zeroed, with their pages.
        pub fn take(&mut self, size: usize) -> Option<NonNull<u8>> {
            let start = self.extents.allocate(size, ALIGN)?;
            if self.mapping.populate(start, size).is_err() {
                self.extents.free(start);
                return None;
            }
            // SAFETY: inside the mapping, and nobody else's now.
            unsafe {
                let place = self.mapping.start().add(start);
                place.write_bytes(0, size);
                Some(place)
            }
        }

        /// Takes a piece back; false if it is none. Its pages go back to the system.
        pub fn give(&mut self, address: usize) -> bool {
            let Some(start) = address.checked_sub(self.mapping.start().as_ptr() as usize) else {
                return false;
            };
            let Some((block, _)) = self.extents.free(start) else { return false };
            self.mapping.discard(block.start, block.len());
            true
        }
    }
}

#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod own {
    use super::ALIGN;
    use std::{
        alloc::{Layout, alloc_zeroed, dealloc},
        collections::BTreeMap,
        ptr::NonNull,
    };

    /// Memory of this process alone: there are no others here.
    pub struct Arena(BTreeMap<usize, Layout>);

    impl Arena {
        /// Whether other processes see the memory.
        pub const SHARED: bool = false;

        /// Empty.
        pub fn new() -> Option<Self> {
            Some(Self(BTreeMap::new()))
        }

        /// `size` bytes, zeroed.
        pub fn take(&mut self, size: usize) -> Option<NonNull<u8>> {
            let layout = Layout::from_size_align(size.max(1), ALIGN).ok()?;
            // SAFETY: the layout has a size.
            let place = NonNull::new(unsafe { alloc_zeroed(layout) })?;
            self.0.insert(place.as_ptr() as usize, layout);
            Some(place)
        }

        /// Takes a piece back; false if it is none.
        pub fn give(&mut self, address: usize) -> bool {
            let Some(layout) = self.0.remove(&address) else { return false };
            // SAFETY: allocated with this layout, and not given back before.
            unsafe { dealloc(address as *mut u8, layout) };
            true
        }
    }
}
