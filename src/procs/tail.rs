//! What workers wrote to stderr: passed on to the host's, and its end kept.

use crate::{
    support::sync::{Mutex, lock},
    sys::stdio::{Reader, STDERR_MARK, pass_on_to_stderr},
};

/// The ends of what the workers wrote, by their number.
pub struct Tails {
    most: usize,
    tails: Vec<Mutex<Vec<u8>>>,
}

impl Tails {
    /// Nothing yet, for so many workers and at most so many bytes each; 0 keeps nothing.
    pub fn new(workers: usize, most: usize) -> Self {
        let count = if most == 0 { 0 } else { workers };
        Self { most, tails: (0..count).map(|_| Mutex::default()).collect() }
    }

    /// Reads what is there, without waiting for more.
    pub fn drain(&self, worker: usize, reader: &Reader) {
        let Some(tail) = self.tails.get(worker) else { return };
        let mut tail = lock(tail);
        let mut buffer = [0; 4096];
        // A worker that writes without end must not keep the reader here.
        for _ in 0..64 {
            let count = reader.read(&mut buffer);
            if count == 0 {
                break;
            }
            for (number, words) in buffer[..count].split(|byte| *byte == STDERR_MARK).enumerate() {
                if number > 0 {
                    // Another task has begun.
                    tail.clear();
                }
                pass_on_to_stderr(words);
                tail.extend_from_slice(words);
                let excess = tail.len().saturating_sub(self.most);
                tail.drain(..excess);
            }
        }
    }

    /// Takes what a worker wrote last; `None` if that is nothing.
    pub fn take(&self, worker: usize) -> Option<String> {
        let tail = std::mem::take(&mut *lock(self.tails.get(worker)?));
        let text = String::from_utf8_lossy(&tail);
        let text = text.trim_end();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.most > 0
    }
}
