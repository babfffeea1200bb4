//! What is made once in each process, at its first use there.

use super::{alloc::try_box, process};
use once_cell::race::OnceBox;
use std::io;

/// A value for the process, and for each one forked from it in turn: a child has none to begin
/// with, so that it never meets a lock that a fork has copied while another thread held it.
pub struct PerProcess<T>(OnceBox<Link<T>>);

struct Link<T> {
    epoch: u32,
    value: T,
    child: PerProcess<T>,
}

impl<T> PerProcess<T> {
    /// None yet.
    pub const fn new() -> Self {
        Self(OnceBox::new())
    }

    /// This process's, made now if there is none. A race of two makes two, and drops one.
    ///
    /// # Errors
    /// When the process cannot be told from others, and those of `make`.
    pub fn get_or_try_init<E>(&self, make: impl Fn() -> Result<T, E>) -> Result<&T, E>
    where
        E: From<io::Error>,
    {
        let epoch = process::epoch()?;
        let mut place = self;
        loop {
            let link = place.0.get_or_try_init(|| {
                let link = try_box(Link { epoch, value: make()?, child: Self::new() });
                link.ok_or_else(|| E::from(io::ErrorKind::OutOfMemory.into()))
            })?;
            if link.epoch == epoch {
                return Ok(&link.value);
            }
            place = &link.child;
        }
    }

    /// This process's, if there is one.
    pub fn get(&self) -> Option<&T> {
        let mut link = self.0.get()?;
        while !process::is_current(link.epoch) {
            link = link.child.0.get()?;
        }
        Some(&link.value)
    }
}
