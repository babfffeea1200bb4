//! Many tasks that somebody waits for at once: any of them, or one after the other as they end.

use super::{
    arrivals::Arrivals,
    context::{self, Context},
    stack,
    status::{self, Error, Result},
    submit,
    task::TaskRef,
    watchers::Watch,
};
use crate::support::counted::Counted;
use std::time::Instant;

/// The tasks, with a reference to each. Some numbers may be nobody's.
pub struct Gathering {
    tasks: Vec<Option<TaskRef>>,
    arrivals: Counted<Arrivals>,
    /// How many have not been given out.
    left: usize,
}

impl Gathering {
    /// None yet.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn new() -> Result<Self> {
        Ok(Self { tasks: Vec::new(), arrivals: Arrivals::new()?, left: 0 })
    }

    /// So many tasks, by their numbers; the caller has a reference to each. Those that have ended
    /// come first.
    ///
    /// # Errors
    /// `NO_MEMORY`, or what `task` says.
    pub fn of(count: usize, task: &dyn Fn(usize) -> Result<Option<TaskRef>>) -> Result<Self> {
        let mut gathering = Self::new()?;
        let reserved = gathering.tasks.try_reserve_exact(count);
        reserved.map_err(|_| Error::no_memory("no memory to wait for tasks"))?;
        for index in 0..count {
            match task(index)? {
                Some(task) => gathering.add(index, task)?,
                None => gathering.tasks.push(None),
            }
        }
        Ok(gathering)
    }

    /// One more task, under a number that is free: the next, or one that has been given out.
    ///
    /// # Errors
    /// `NO_MEMORY`, `FORKED`.
    pub fn add(&mut self, number: usize, task: TaskRef) -> Result<()> {
        let is_done = task.state.is_done();
        if !is_done {
            task.core().require_this_process()?;
        }
        self.reserve()?;
        if is_done || !task.core().watchers.add(task, self.watch(), number)? {
            self.arrivals.push(number);
        }
        self.keep(number, task);
        Ok(())
    }

    /// Room for one more, so that `add_surely` cannot fail.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn reserve(&mut self) -> Result<()> {
        self.arrivals.reserve(self.left + 1)?;
        let reserved = self.tasks.try_reserve(1);
        reserved.map_err(|_| Error::no_memory("no memory to wait for tasks"))
    }

    /// As `add`, after `reserve`; but when there is no memory to watch it `next` tells it before it
    /// has ended.
    pub fn add_surely(&mut self, number: usize, task: TaskRef) {
        if !matches!(task.core().watchers.add(task, self.watch(), number), Ok(true)) {
            self.arrivals.push(number);
        }
        self.keep(number, task);
    }

    fn keep(&mut self, number: usize, task: TaskRef) {
        task.state.add_reference();
        if number == self.tasks.len() {
            self.tasks.push(None);
        }
        self.tasks[number] = Some(task);
        self.left += 1;
    }

    fn watch(&self) -> Counted<dyn Watch> {
        self.arrivals.clone().widen(|inner| inner)
    }

    /// The task of a number that has not been taken out.
    pub fn task(&self, number: usize) -> Option<TaskRef> {
        self.tasks.get(number).copied().flatten()
    }

    /// The number of the next that ends, in the order in which they do; `None` when all have been
    /// given out. It stays among them until `take`.
    ///
    /// # Errors
    /// `TIMEOUT`; `DEADLOCK` when all that are left run on this thread's stack; `SYSTEM` when
    /// nobody can be had to run them.
    pub fn next(&mut self, deadline: Option<Instant>) -> Result<Option<usize>> {
        if self.left == 0 {
            return Ok(None);
        }
        loop {
            let heard = self.arrivals.heard();
            if let Some(number) = self.arrivals.pop() {
                return Ok(Some(number));
            }
            if deadline.is_some_and(|at| Instant::now() >= at) {
                return Err(Error::new(status::TIMEOUT, "none has ended yet"));
            }
            if self.is_all_mine() {
                let text = "the tasks that are to be waited for are running on this very thread";
                return Err(Error::new(status::DEADLOCK, text));
            }
            let slept = context::blocking(|served| {
                if served || deadline.is_some() {
                    self.arrivals.wait(heard, deadline);
                }
                served || deadline.is_some()
            });
            if !slept {
                self.help()?;
            }
        }
    }

    /// Whether all that have not ended run on this thread's stack, and there are such.
    fn is_all_mine(&self) -> bool {
        if self.left > stack::depth() {
            return false;
        }
        let mut waiting = self.waiting().peekable();
        waiting.peek().is_some() && waiting.all(|task| stack::is_on_this_stack(&task))
    }

    /// Puts one that `next` has told back, to be told again.
    pub fn put_back(&self, number: usize) {
        self.arrivals.push(number);
    }

    /// Takes out what `next` has told, with its reference.
    pub fn take(&mut self, number: usize) -> Option<TaskRef> {
        let task = self.tasks.get_mut(number).and_then(Option::take);
        self.left -= usize::from(task.is_some());
        task
    }

    /// The tasks that have not ended.
    pub fn waiting(&self) -> impl DoubleEndedIterator<Item = TaskRef> {
        self.tasks.iter().copied().flatten().filter(|task| !task.state.is_done())
    }

    /// Nobody can be had to run what is queued: runs one of the tasks here.
    fn help(&self) -> Result<()> {
        for task in self.waiting() {
            let context = context::find(task.core()).filter(|context| context.counted.get());
            let context = context.filter(|context| Context::has_stack(context));
            if let Some(context) = context
                && (task.state.is_queued() || task.map().is_some())
            {
                submit::run_awaited(task.core(), task, context);
                return task.core().require_this_process();
            }
        }
        let text = "no thread could be started to run what is waited for";
        Err(Error::new(status::SYSTEM, text))
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        // The last first: it is found first where one task is watched many times.
        for number in (0..self.tasks.len()).rev() {
            let Some(task) = self.take(number) else { continue };
            // In a forked child the pool's locks may be held for ever.
            if task.core().is_in_this_process() {
                task.core().watchers.remove(task, &self.watch(), number);
                task.release();
            }
        }
    }
}

/// What is to have happened for a wait to end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// One task has ended.
    Any,
    /// All have.
    All,
    /// One has failed, or all have ended.
    FirstError,
}

/// Waits for many tasks, by their numbers; the caller has a reference to each. Returns the number
/// of the one that has ended, for `Any`; else of a failed one, or `count` if there is none.
///
/// # Errors
/// `TIMEOUT`, and those of waiting for one task.
pub fn wait(
    count: usize,
    task: &dyn Fn(usize) -> Result<Option<TaskRef>>,
    until: Until,
    deadline: Option<Instant>,
) -> Result<usize> {
    let is_it = |task: TaskRef| until == Until::Any || task.status() != status::OK;
    if until == Until::All {
        for index in 0..count {
            if let Some(task) = task(index)?
                && !submit::wait(task, deadline)?
            {
                return Err(Error::from(status::TIMEOUT));
            }
        }
    } else {
        let mut left = 0;
        for index in 0..count {
            let Some(task) = task(index)? else { continue };
            submit::look(task)?;
            if task.state.is_done() && is_it(task) {
                return Ok(index);
            }
            left += 1;
        }
        if left == 0 && until == Until::Any {
            return Err(Error::invalid("there is no future, so that none can ever end"));
        }
        let mut gathering = Gathering::of(count, task)?;
        while let Some(number) = gathering.next(deadline)? {
            let Some(task) = gathering.take(number) else { continue };
            let is_it = is_it(task);
            task.release();
            if is_it {
                return Ok(number);
            }
        }
        return Ok(count);
    }
    for index in 0..count {
        if task(index)?.is_some_and(is_it) {
            return Ok(index);
        }
    }
    Ok(count)
}
