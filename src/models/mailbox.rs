#![allow(unsafe_code)]
//! Serial callbacks: never two at once, none lost, in order.

use super::check;
use crate::pool::mailbox::{Mailbox, Node};
use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicPtr, AtomicUsize, Ordering},
    },
    thread,
};
use std::ptr::{self, NonNull};

struct Message {
    link: AtomicPtr<Message>,
    number: usize,
}

impl Node for Message {
    fn link(&self) -> &AtomicPtr<Self> {
        &self.link
    }
}

struct Post {
    mailbox: Mailbox<Message>,
    /// A plain global of the program: only callbacks touch it.
    read: UnsafeCell<Vec<usize>>,
    count: AtomicUsize,
}

// SAFETY: the mailbox lets one reader in at a time; loom checks that it does.
unsafe impl Sync for Post {}
// SAFETY: plain data.
unsafe impl Send for Post {}

impl Post {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            mailbox: Mailbox::new(),
            read: UnsafeCell::new(Vec::new()),
            count: AtomicUsize::new(0),
        })
    }

    fn send(&self, number: usize) {
        let message = Box::new(Message { link: AtomicPtr::new(ptr::null_mut()), number });
        // SAFETY: the reader frees it after it has taken it.
        let first = unsafe { self.mailbox.send(NonNull::from(Box::leak(message))) };
        if first {
            self.drain();
        }
    }

    fn drain(&self) {
        loop {
            for message in self.mailbox.take() {
                // SAFETY: leaked by `send`, and taken once.
                let message = unsafe { Box::from_raw(message.as_ptr()) };
                // SAFETY: loom fails the model if anybody else is at it.
                self.read.with_mut(|read| unsafe { (*read).push(message.number) });
                self.count.fetch_add(1, Ordering::Relaxed);
            }
            if self.mailbox.try_leave() {
                return;
            }
        }
    }
}

#[test]
fn callbacks_run_once_each_one_at_a_time_in_order() {
    check(3, || {
        let post = Post::new();
        let senders: Vec<_> = [10, 20]
            .into_iter()
            .map(|base| {
                let post = Arc::clone(&post);
                thread::spawn(move || {
                    post.send(base + 1);
                    post.send(base + 2);
                })
            })
            .collect();
        for sender in senders {
            sender.join().unwrap();
        }
        assert!(post.mailbox.is_idle());
        post.read.with(|read| {
            // SAFETY: the senders are gone.
            let read = unsafe { &*read };
            let place = |number| read.iter().position(|n| *n == number);
            assert_eq!(read.len(), 4);
            assert!(place(11) < place(12) && place(21) < place(22));
        });
    });
}
