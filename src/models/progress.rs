//! How far a task has come: no reader puts the numbers of two sayings together.

use super::check;
use crate::pool::progress::Progress;
use loom::{sync::Arc, thread};

const OWNER: u32 = 256;

#[test]
fn numbers_that_belong_together() {
    check(3, || {
        let progress = Arc::new(Progress::default());
        let writer = {
            let progress = Arc::clone(&progress);
            thread::spawn(move || {
                progress.say(OWNER, 1, 10);
                progress.say(OWNER, 2, 20);
            })
        };
        if let Some((done, total)) = progress.read(OWNER) {
            assert_eq!(done * 10, total);
        }
        writer.join().unwrap();
        assert_eq!(progress.read(OWNER), Some((2, 20)));
    });
}

#[test]
fn two_parts_of_a_task() {
    check(3, || {
        let progress = Arc::new(Progress::default());
        let other = {
            let progress = Arc::clone(&progress);
            thread::spawn(move || progress.say(OWNER, 1, 10))
        };
        progress.say(OWNER, 2, 20);
        if let Some((done, total)) = progress.read(OWNER) {
            assert_eq!(done * 10, total);
        }
        other.join().unwrap();
        assert!(progress.read(OWNER).is_some());
    });
}

#[test]
fn what_was_said_before_by_another_is_not_told() {
    check(3, || {
        let progress = Arc::new(Progress::default());
        progress.say(OWNER - 1, 1, 10);
        assert_eq!(progress.read(OWNER), None);
        let writer = {
            let progress = Arc::clone(&progress);
            thread::spawn(move || progress.say(OWNER, 2, 20))
        };
        assert_ne!(progress.read(OWNER), Some((1, 10)));
        writer.join().unwrap();
        assert_eq!(progress.read(OWNER), Some((2, 20)));
    });
}
