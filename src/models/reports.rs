//! The ring of a worker's reports: what is in it is noticed or read in order, so that callbacks are
//! sent in the order in which their tasks were done. Words and reports are the real ones; the steps
//! around them are those of `Worker::end` and of `ProcessEngine::gather`, `collect` and `take`, which
//! no model can run.

use super::check;
use crate::procs::word::{Finish, Generation, Word};
use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

/// The ring, which may go round under the host.
struct Reports {
    ring: Vec<AtomicU32>,
    count: AtomicU32,
}

impl Reports {
    fn new(length: usize) -> Self {
        let ring = (0..length).map(|_| AtomicU32::new(0)).collect();
        Self { ring, count: AtomicU32::new(0) }
    }

    /// Release: a host that sees this entry sees the count before it, and so that the ring has
    /// gone round.
    fn put(&self, report: u32) {
        let count = self.count.load(Ordering::Relaxed);
        self.ring[count as usize & (self.ring.len() - 1)].store(report, Ordering::Release);
        self.count.store(count + 1, Ordering::Release);
    }

    fn get(&self, at: u32) -> u32 {
        self.ring[at as usize & (self.ring.len() - 1)].load(Ordering::Acquire)
    }

    /// What has been reported from `first` on; `None` if some of that was written over.
    fn read(&self, first: u32) -> Option<Vec<u32>> {
        let last = self.count.load(Ordering::Acquire);
        let read = (first..last).map(|at| self.get(at)).collect();
        let is_over = self.count.load(Ordering::Acquire) - first >= self.ring.len() as u32;
        (!is_over).then_some(read)
    }
}

#[test]
fn a_report_that_was_written_over_is_noticed() {
    check(3, || {
        let reports = Arc::new(Reports::new(2));
        let worker = {
            let reports = Arc::clone(&reports);
            thread::spawn(move || (1..=3).for_each(|number| reports.put(number)))
        };
        let host = {
            let reports = Arc::clone(&reports);
            thread::spawn(move || {
                if let Some(read) = reports.read(0) {
                    assert_eq!(read, (1..=read.len() as u32).collect::<Vec<_>>());
                }
            })
        };
        worker.join().unwrap();
        host.join().unwrap();
    });
}

/// What a slot holds.
#[derive(Clone, Copy, Default)]
struct Info {
    generation: Generation,
    /// 0: nothing; 1: a task without a callback.
    load: u32,
}

struct Pool {
    words: [Word; 2],
    reports: Reports,
    /// The lock under which tasks are taken: what is in the slots, and the reports that were read.
    window: Mutex<([Info; 2], u32)>,
    /// What was called back.
    sent: Mutex<Vec<u32>>,
}

impl Pool {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            words: [Word::new(), Word::new()],
            reports: Reports::new(8),
            window: Mutex::new(([Info::default(); 2], 0)),
            sent: Mutex::new(Vec::new()),
        })
    }

    fn publish(&self, slot: u32, load: u32) -> Generation {
        let generation = self.words[slot as usize].publish(0);
        self.window.lock().unwrap().0[slot as usize] = Info { generation, load };
        generation
    }

    fn run(&self, slot: u32, generation: Generation) {
        let word = &self.words[slot as usize];
        assert!(word.claim(generation, 1) && word.start(1));
        assert!(matches!(word.finish(1), Finish::Done(_)));
        self.reports.put(generation.report(slot));
    }

    fn take(&self, infos: &mut [Info; 2], slot: u32) -> Option<u32> {
        let info = &mut infos[slot as usize];
        let taken = info.load != 0 && self.words[slot as usize].take(info.generation);
        taken.then(|| std::mem::take(&mut info.load))
    }

    /// Ends what was taken; a callback is sent after the lock was given back.
    fn take_in(&self, slot: u32, load: u32) {
        if load > 1 {
            self.sent.lock().unwrap().push(load);
        }
        let _ = self.words[slot as usize].release();
    }

    /// A waiter takes in what is not for the supervisor.
    fn collect(&self, slot: u32) -> bool {
        let load = {
            let infos = &mut self.window.lock().unwrap().0;
            if infos[slot as usize].load > 1 { None } else { self.take(infos, slot) }
        };
        load.inspect(|load| self.take_in(slot, *load)).is_some()
    }

    /// The supervisor takes all, a submitter stops at what is not its own.
    fn gather(&self, all: bool) {
        let mut batch = Vec::new();
        {
            let (infos, head) = &mut *self.window.lock().unwrap();
            let last = self.reports.count.load(Ordering::Acquire);
            while *head != last {
                let report = self.reports.get(*head);
                let slot = Generation::slot_of(report);
                let info = &infos[slot as usize];
                if info.generation.report(slot) == report {
                    if !all && info.load > 1 {
                        break;
                    }
                    batch.extend(self.take(infos, slot).map(|load| (slot, load)));
                }
                *head += 1;
            }
        }
        for (slot, load) in batch {
            self.take_in(slot, load);
        }
    }
}

/// Two tasks have callbacks. Who waits for them and who submits come in between, and in the ring there
/// are reports about tasks that were in the same slots before, the other way round.
#[test]
fn callbacks_are_sent_in_the_order_of_the_reports() {
    check(3, || {
        let pool = Pool::new();
        for slot in [0, 1] {
            let generation = pool.publish(slot, 1);
            pool.run(slot, generation);
            assert!(pool.collect(slot));
        }
        let first = pool.publish(1, 2);
        let second = pool.publish(0, 3);
        let threads = [
            thread::spawn({
                let pool = Arc::clone(&pool);
                move || {
                    pool.run(1, first);
                    pool.run(0, second);
                }
            }),
            thread::spawn({
                let pool = Arc::clone(&pool);
                move || {
                    pool.gather(false);
                    assert!(!pool.collect(0));
                }
            }),
        ];
        while pool.sent.lock().unwrap().len() < 2 {
            pool.gather(true);
            thread::yield_now();
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*pool.sent.lock().unwrap(), [2, 3]);
    });
}
