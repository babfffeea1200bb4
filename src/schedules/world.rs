#![allow(unsafe_code)]
//! One pool and what its tasks do: the C interface with the pointers taken care of.

use crate::{
    capi::{
        pool_apply, pool_apply_async, pool_close, pool_close_join, pool_create, pool_create_with,
        pool_for, pool_future_cancel, pool_future_get, pool_future_release, pool_future_t,
        pool_future_wait, pool_join2, pool_map, pool_options_t, pool_poll, pool_t, pool_terminate,
    },
    pool::abi::{pool_result_t, pool_task_t},
};
use shuttle::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use std::{ffi::c_void, mem::MaybeUninit, ptr};

pub const OK: i32 = 0;

/// What one task does, told its world.
pub type Body = fn(&World);

/// A pool and what is known of its tasks.
pub struct World {
    pool: *mut pool_t,
    /// Tasks that have run, callbacks that were called, and how many of these said `OK`.
    pub ran: AtomicUsize,
    pub called_back: AtomicUsize,
    pub succeeded: AtomicUsize,
    in_callback: AtomicBool,
    /// Whether a callback may run beside another.
    inline: bool,
    /// How many have come to `meet`.
    present: Mutex<usize>,
    changed: Condvar,
    /// What the callback of `submit_with_callback` does besides.
    in_callbacks: Option<Body>,
}

// SAFETY: the pool's handle may be used from any thread.
unsafe impl Send for World {}
// SAFETY: as above; all else is atomic or locked.
unsafe impl Sync for World {}

/// A future, to be got or dropped: either releases it.
pub struct Future(*mut pool_future_t);

// SAFETY: a future may be used from any thread.
unsafe impl Send for Future {}
// SAFETY: as above.
unsafe impl Sync for Future {}

struct Call<'a> {
    world: &'a World,
    body: Body,
}

/// The pool's options, for what a test changes.
pub struct Setup {
    pub workers: u32,
    pub callbacks: i32,
    pub in_callbacks: Option<Body>,
}

unsafe extern "C" fn perform(arg: *const c_void, _: *mut c_void, _: *mut pool_task_t) -> i32 {
    // SAFETY: `submit` and `apply` pass a call, whose world outlives the pool.
    let call = unsafe { &*arg.cast::<Call<'_>>() };
    call.world.ran.fetch_add(1, Ordering::SeqCst);
    (call.body)(call.world);
    OK
}

unsafe extern "C" fn add_one(arg: *const c_void, result: *mut c_void, _: *mut pool_task_t) -> i32 {
    // SAFETY: `map` passes numbers in and out.
    unsafe { *result.cast::<u64>() = *arg.cast::<u64>() + 1 };
    OK
}

/// Counts a leaf of a tree of forks, or forks twice what is one less deep.
unsafe extern "C" fn fork(arg: *const c_void, leaves: *mut c_void, task: *mut pool_task_t) -> i32 {
    // SAFETY: `tree` and the forks pass a depth, and the number of leaves.
    let (depth, all) = unsafe { (*arg.cast::<u32>(), &*leaves.cast::<AtomicUsize>()) };
    if depth == 0 {
        all.fetch_add(1, Ordering::SeqCst);
        return OK;
    }
    let less = depth - 1;
    let less = (&raw const less).cast();
    // SAFETY: the depth stays until both have ended; the task was given to this function.
    unsafe { pool_join2(task, Some(fork), less, leaves, Some(fork), less, leaves) }
}

/// What a task is given that begins a tree.
struct Tree {
    depth: u32,
    leaves: AtomicUsize,
}

unsafe extern "C" fn grow(arg: *const c_void, _: *mut c_void, task: *mut pool_task_t) -> i32 {
    // SAFETY: `tree` passes one.
    let tree = unsafe { &*arg.cast::<Tree>() };
    let leaves = ptr::from_ref(&tree.leaves).cast_mut().cast();
    // SAFETY: as in `fork`.
    unsafe { fork((&raw const tree.depth).cast(), leaves, task) }
}

unsafe extern "C" fn see(begin: usize, end: usize, times: *mut c_void, _: *mut pool_task_t) -> i32 {
    for number in begin..end {
        // SAFETY: `count` passes as many.
        unsafe { &*times.cast::<AtomicUsize>().add(number) }.fetch_add(1, Ordering::SeqCst);
    }
    OK
}

unsafe extern "C" fn call_back(outcome: *const pool_result_t, user_data: *mut c_void) {
    // SAFETY: `submit_with_callback` passes the world; the outcome is valid during the call.
    let (world, status) = unsafe { (&*user_data.cast::<World>(), (*outcome).status) };
    let alone = !world.in_callback.swap(true, Ordering::SeqCst);
    assert!(alone || world.inline, "two callbacks at once");
    world.called_back.fetch_add(1, Ordering::SeqCst);
    world.succeeded.fetch_add(usize::from(status == OK), Ordering::SeqCst);
    if let Some(body) = world.in_callbacks {
        body(world);
    }
    world.in_callback.store(false, Ordering::SeqCst);
}

impl World {
    /// A pool of so many workers.
    pub fn new(workers: u32) -> Arc<Self> {
        Self::with(&Setup { workers, callbacks: 0, in_callbacks: None })
    }

    /// A pool that is set up so.
    pub fn with(setup: &Setup) -> Arc<Self> {
        let mut pool = ptr::null_mut();
        if setup.callbacks == 0 {
            pool = pool_create(setup.workers);
        } else {
            // SAFETY: all options are numbers and pointers that may be zero.
            let mut options: pool_options_t = unsafe { MaybeUninit::zeroed().assume_init() };
            options.struct_size = size_of::<pool_options_t>();
            options.workers = setup.workers;
            options.callbacks = setup.callbacks;
            // SAFETY: both are live variables.
            assert_eq!(unsafe { pool_create_with(&raw const options, &raw mut pool) }, OK);
        }
        assert!(!pool.is_null());
        Arc::new(Self {
            pool,
            ran: AtomicUsize::new(0),
            called_back: AtomicUsize::new(0),
            succeeded: AtomicUsize::new(0),
            in_callback: AtomicBool::new(false),
            inline: setup.callbacks == crate::capi::POOL_CALLBACKS_INLINE,
            present: Mutex::new(0),
            changed: Condvar::new(),
            in_callbacks: setup.in_callbacks,
        })
    }

    fn submit_all(&self, body: Body, called_back: bool, future: *mut *mut pool_future_t) -> i32 {
        let call = Call { world: self, body };
        let user_data = ptr::from_ref(self).cast_mut().cast();
        // SAFETY: the call is copied; the world outlives the pool, since `close_join` comes last.
        unsafe {
            pool_apply_async(
                self.pool,
                Some(perform),
                (&raw const call).cast(),
                size_of_val(&call),
                0,
                called_back.then_some(call_back),
                user_data,
                future,
            )
        }
    }

    /// Submits a task; the status.
    pub fn submit(&self, body: Body) -> i32 {
        self.submit_all(body, false, ptr::null_mut())
    }

    /// Submits a task that calls back; the status.
    pub fn submit_with_callback(&self, body: Body) -> i32 {
        self.submit_all(body, true, ptr::null_mut())
    }

    /// Submits a task, with a callback or without, and with a future.
    pub fn start(&self, body: Body, called_back: bool) -> Result<Future, i32> {
        let mut future = ptr::null_mut();
        match self.submit_all(body, called_back, &raw mut future) {
            OK => Ok(Future(future)),
            status => Err(status),
        }
    }

    /// Runs a task and waits for it; the status.
    pub fn apply(&self, body: Body) -> i32 {
        let call = Call { world: self, body };
        let (arg, size) = ((&raw const call).cast(), size_of_val(&call));
        // SAFETY: the call is copied; no result is wanted.
        unsafe { pool_apply(self.pool, Some(perform), arg, size, ptr::null_mut(), 0) }
    }

    /// Adds one to so many numbers in a map, and checks them.
    pub fn map(&self, count: usize) {
        let numbers: Vec<u64> = (0..count as u64).collect();
        let mut sums = vec![0_u64; count];
        // SAFETY: both arrays have `count` numbers, and outlive the call, which waits.
        let status = unsafe {
            let (args, results) = (numbers.as_ptr().cast(), sums.as_mut_ptr().cast());
            pool_map(self.pool, Some(add_one), args, 8, results, 8, count)
        };
        assert_eq!(status, OK);
        assert!(sums.iter().zip(&numbers).all(|(sum, number)| *sum == number + 1));
    }

    /// Forks a tree, and checks that each leaf was there once. Terminate does not end it.
    pub fn tree(&self, depth: u32) {
        let tree = Tree { depth, leaves: AtomicUsize::new(0) };
        let arg = (&raw const tree).cast();
        // SAFETY: the tree outlives the call, which waits.
        let status = unsafe { pool_apply(self.pool, Some(grow), arg, 0, ptr::null_mut(), 0) };
        let leaves = tree.leaves.load(Ordering::SeqCst);
        assert_eq!(leaves, if status == OK { 1 << depth } else { 0 });
    }

    /// Loops over so many numbers: each is seen once, or, if the loop was ended, at most once.
    pub fn count(&self, count: usize) {
        let times: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
        let context = times.as_ptr().cast_mut().cast();
        // SAFETY: the numbers outlive the call, which waits.
        let status = unsafe { pool_for(self.pool, 0, count, Some(see), context) };
        for times in times {
            let times = times.load(Ordering::SeqCst);
            assert!(times == 1 || status != OK && times == 0);
        }
    }

    /// Runs waiting callbacks of a polled pool; their number.
    pub fn poll(&self) -> i32 {
        // SAFETY: the pool is alive until `close_join`.
        unsafe { pool_poll(self.pool, -1) }
    }

    /// Takes no more tasks.
    pub fn close(&self) {
        // SAFETY: as above.
        assert_eq!(unsafe { pool_close(self.pool) }, OK);
    }

    /// Ends what has not started.
    pub fn terminate(&self) {
        // SAFETY: as above.
        assert_eq!(unsafe { pool_terminate(self.pool) }, OK);
    }

    /// Waits for all, and frees the pool.
    pub fn close_join(&self) {
        // SAFETY: nobody uses the pool after this.
        assert_eq!(unsafe { pool_close_join(self.pool) }, OK);
    }

    /// Returns when so many have come.
    pub fn meet(&self, expected: usize) {
        let mut present = self.present.lock().unwrap();
        *present += 1;
        self.changed.notify_all();
        while *present < expected {
            present = self.changed.wait(present).unwrap();
        }
    }

    /// Runs `body` on a thread of its own.
    pub fn outside(
        self: &Arc<Self>,
        body: impl FnOnce(&World) + Send + 'static,
    ) -> thread::JoinHandle<()> {
        let world = Arc::clone(self);
        thread::spawn(move || body(&world))
    }
}

impl Future {
    /// Waits for the task; its status.
    pub fn get(&self) -> i32 {
        // SAFETY: released only by `drop`; no result is asked for.
        unsafe { pool_future_get(self.0, ptr::null_mut(), 0, -1) }
    }

    /// Waits until the task has ended.
    pub fn wait(&self) {
        // SAFETY: as above.
        assert_eq!(unsafe { pool_future_wait(self.0, -1) }, OK);
    }

    /// Whether the task will never start.
    pub fn cancel(&self) -> bool {
        // SAFETY: as above.
        unsafe { pool_future_cancel(self.0) > 0 }
    }
}

impl Drop for Future {
    fn drop(&mut self) {
        // SAFETY: released once.
        unsafe { pool_future_release(self.0) };
    }
}
