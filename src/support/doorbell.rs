//! A file descriptor that is readable while it is set, made only when somebody asks for it.

use crate::sys::event::Event;
use once_cell::race::OnceBox;
use std::io;

/// See the module. Setting it costs nothing until `descriptor` was called.
#[derive(Default)]
pub struct Doorbell(OnceBox<Event>);

impl Doorbell {
    /// A bell without a descriptor.
    pub fn new() -> Self {
        Self::default()
    }

    /// The descriptor; the bell owns it.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn descriptor(&self) -> io::Result<i32> {
        self.0.get_or_try_init(|| Event::new().map(Box::new)).map(Event::fd)
    }

    /// Makes the descriptor readable.
    pub fn set(&self) {
        if let Some(event) = self.0.get() {
            event.set();
        }
    }

    /// Makes the descriptor unreadable.
    pub fn clear(&self) {
        if let Some(event) = self.0.get() {
            event.clear();
        }
    }
}
