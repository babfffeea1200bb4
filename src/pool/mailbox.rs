#![allow(unsafe_code)]
//! A queue with many senders and one reader at a time, in one word.
//!
//! The word is `IDLE` (null), `BUSY` (a reader is at work and has taken everything), or the
//! newest of a chain of nodes. A sender that finds `IDLE` has made the box its own: it, or
//! somebody it appoints, must read until the box is `IDLE` again. So there is never more than
//! one reader, and never a node without one. A reader takes the whole chain and turns it round:
//! nodes are read in the order in which they were sent. Release of a send pairs with acquire of
//! a take, and release of `try_leave` with acquire of the next first send: each reader sees
//! what the one before it wrote.

use crate::support::sync::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

/// What can be sent: it carries its own link.
pub trait Node: Sized {
    /// The link; the mailbox's own while the node is inside.
    fn link(&self) -> &AtomicPtr<Self>;
}

/// See the module.
pub struct Mailbox<T: Node> {
    newest: AtomicPtr<T>,
}

impl<T: Node> Mailbox<T> {
    /// An idle box.
    pub fn new() -> Self {
        Self { newest: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The address of no node.
    fn busy() -> *mut T {
        NonNull::dangling().as_ptr()
    }

    /// Sends a node; true if the box was idle, and a reader is now owed.
    ///
    /// # Safety
    /// The node stays alive until a reader has taken it, and is in no other chain.
    #[must_use]
    pub unsafe fn send(&self, node: NonNull<T>) -> bool {
        let mut newest = self.newest.load(Ordering::Relaxed);
        loop {
            let older = if newest == Self::busy() { ptr::null_mut() } else { newest };
            // SAFETY: alive, and not yet shared.
            unsafe { node.as_ref() }.link().store(older, Ordering::Relaxed);
            match self.newest.compare_exchange_weak(
                newest,
                node.as_ptr(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return newest.is_null(),
                Err(now) => newest = now,
            }
        }
    }

    /// Takes all nodes, oldest first, and leaves the box `BUSY`. Only for its reader.
    pub fn take(&self) -> Chain<T> {
        let newest = self.newest.swap(Self::busy(), Ordering::AcqRel);
        let mut node = if newest == Self::busy() { ptr::null_mut() } else { newest };
        let mut oldest = ptr::null_mut();
        // SAFETY: the nodes in the chain are alive, as `send` demands, and now the reader's.
        while let Some(current) = unsafe { node.as_ref() } {
            let older = current.link().load(Ordering::Relaxed);
            current.link().store(oldest, Ordering::Relaxed);
            oldest = node;
            node = older;
        }
        Chain(oldest)
    }

    /// `BUSY` to `IDLE`; false if something was sent meanwhile, and is to be read. Only for its
    /// reader.
    #[must_use]
    pub fn try_leave(&self) -> bool {
        self.newest
            .compare_exchange(Self::busy(), ptr::null_mut(), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether something is inside that nobody has taken.
    pub fn has_nodes(&self) -> bool {
        let newest = self.newest.load(Ordering::SeqCst);
        !newest.is_null() && newest != Self::busy()
    }

    /// Whether nothing is inside and nobody reads.
    pub fn is_idle(&self) -> bool {
        self.newest.load(Ordering::SeqCst).is_null()
    }
}

/// Nodes taken out, oldest first.
pub struct Chain<T: Node>(*mut T);

impl<T: Node> Iterator for Chain<T> {
    type Item = NonNull<T>;
    fn next(&mut self) -> Option<NonNull<T>> {
        let node = NonNull::new(self.0)?;
        // SAFETY: the chain's nodes are alive and the reader's own.
        self.0 = unsafe { node.as_ref() }.link().load(Ordering::Relaxed);
        Some(node)
    }
}
