#![allow(unsafe_code)]
//! The block that holds one task: two cache lines with everything a small task needs.
//!
//! Who may touch which field when:
//!
//! | field                     | written by                            | read by                      |
//! |---------------------------|---------------------------------------|------------------------------|
//! | `state`                   | see `state.rs`                        | anyone with a reference      |
//! | `next`                    | who owns the block: free list, callback queue | the same             |
//! | `core`                    | the allocator, once                   | anyone with a reference      |
//! | `function`, `callback`, a map | the submitter, before `publish`   | anyone with a reference      |
//! | `user_data`, sizes, argument  | the same                          | who claimed it; who reads the result after `DONE` |
//! | `status`, `worker`, result, `Cold::end` | who claimed it, before `finish` | anyone, after `DONE` |
//! | `cold`, if there was none  | parts of the running task, who claimed it | anyone with a reference    |
//! | `user_data`, `worker`, `arg_size` of a free block | the depot: `Batch`  | the depot              |
//! | argument of a free block  | who owns the list: addresses of other free blocks | the same         |

use super::{
    abi::{Function, POOL_NO_WORKER, pool_callback_fn, pool_task_t},
    callbacks::Delivery,
    cold::Cold,
    core::Core,
    group::seats,
    map::Map,
    payload::{ALIGN, Call, INLINE, Place, Sizes, result_offset},
    state::State,
    status::{self, Error, Result, Status},
};
use crate::support::{
    alloc::try_box,
    cpu::prefetch_for_write,
    sync::{AtomicPtr, AtomicU32, Ordering},
};
use std::{
    cell::{Cell, UnsafeCell},
    ffi::c_void,
    ptr::{self, NonNull},
};

/// One task.
#[repr(C, align(64))]
pub struct Task {
    /// Where in its life the task is, and how many own it.
    pub state: State,
    pub(super) status: Cell<Status>,
    /// The next block in the free list or the callback queue.
    pub next: AtomicPtr<Task>,
    core: *const Core,
    pub(super) function: Cell<Option<Function>>,
    pub(super) callback: Cell<pool_callback_fn>,
    pub(super) user_data: Cell<*mut c_void>,
    pub(super) cold: AtomicPtr<Cold>,
    /// Before the end: the engine's own number for the task, if it has one.
    pub(super) worker: AtomicU32,
    /// Sizes when both fit inside; `OUTSIDE` in `arg_size` means: see `Cold`.
    pub(super) arg_size: Cell<u16>,
    pub(super) result_size: Cell<u16>,
    pub(super) inline: UnsafeCell<[u128; INLINE / ALIGN]>,
}

/// So many addresses a free block can carry.
pub const CARRIED: usize = INLINE / size_of::<*mut Task>();

/// What the first block of a batch of free ones knows of it.
pub struct Batch {
    /// The first block of the next batch.
    pub next: *mut Task,
    /// How many blocks are in the batch.
    pub count: usize,
    /// How many addresses the first one carries.
    pub carried: usize,
}

/// In `worker`: nobody ran the task.
pub const NEVER_RAN: u32 = POOL_NO_WORKER - 1;
/// In `arg_size`: the argument is the pointer in the first bytes.
pub(super) const POINTER: u16 = u16::MAX;
/// In `arg_size`: argument and result are in `Cold::memory`, sizes in front of them.
pub(super) const OUTSIDE: u16 = u16::MAX - 1;

/// A reference to a task; who holds one keeps the block from being reused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TaskRef(NonNull<Task>);

// SAFETY: a task may be touched from any thread under the rules of the table above.
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl std::ops::Deref for TaskRef {
    type Target = Task;
    fn deref(&self) -> &Task {
        // SAFETY: the holder of a TaskRef owns a reference, so the block is alive.
        unsafe { self.0.as_ref() }
    }
}

impl TaskRef {
    /// A reference from a pointer.
    ///
    /// # Safety
    /// The pointer is to a block in which the caller owns a reference.
    pub unsafe fn from_raw(task: NonNull<Task>) -> Self {
        Self(task)
    }

    /// The block's address.
    pub fn as_non_null(self) -> NonNull<Task> {
        self.0
    }

    /// Gives the reference up; the last one frees the block.
    pub fn release(self) {
        if self.state.drop_reference() {
            // SAFETY: the last owner.
            unsafe { self.free() };
        }
    }

    /// Gives the user's handle back; false if there is none any more.
    pub fn release_handle(self) -> bool {
        let last = self.state.take_handle();
        if last == Some(true) {
            // SAFETY: the last owner.
            unsafe { self.free() };
        }
        last.is_some()
    }

    /// Gives the block back.
    ///
    /// # Safety
    /// The caller is alone with the block.
    unsafe fn free(self) {
        let core = self.core;
        // SAFETY: promised by the caller; the core outlives its blocks.
        unsafe {
            self.drop_cold();
            (*core).blocks.free(self.0);
        }
    }

    /// Ends the task: the outcome becomes visible, waiters wake, the callback is delivered, and
    /// the caller's reference is given up.
    pub fn finish(self, status: Status, worker: u32) {
        if self.has_callback() {
            let core = self.core();
            let delivery = self.finish_with_callback(status, worker);
            core.callbacks.serve(core, delivery);
            return;
        }
        self.count_end(status, worker);
        if self.state.finish_alone() {
            // SAFETY: no callback, no handle: nobody asks how it ended.
            unsafe { self.free() };
            return;
        }
        self.status.set(status);
        self.worker.store(worker, Ordering::Relaxed);
        let word = &raw const self.state;
        let core = self.core;
        let (finished, last) = self.state.finish_and_drop();
        if finished.wake {
            State::wake_at(word);
        }
        if finished.watched {
            // SAFETY: the watchers' references keep the block, and so the core.
            unsafe { &*core }.watchers.call(self);
        }
        if last {
            // SAFETY: the last owner.
            unsafe { self.free() };
        }
    }

    /// As `finish`, but runs no function of the user's: that is left to who serves the delivery,
    /// while the core is alive.
    pub fn finish_owing(self, status: Status, worker: u32) -> Delivery {
        if self.has_callback() {
            return self.finish_with_callback(status, worker);
        }
        self.finish(status, worker);
        Delivery::Left
    }

    fn finish_with_callback(self, status: Status, worker: u32) -> Delivery {
        self.count_end(status, worker);
        self.status.set(status);
        self.worker.store(worker, Ordering::Relaxed);
        let word = &raw const self.state;
        let core = self.core();
        // Sent before anybody can know that the task has ended, so that what ends because of
        // this is called back later; whoever reads the callback waits for the end.
        let delivery = core.callbacks.send(core, self);
        let finished = self.state.finish();
        if finished.wake {
            State::wake_at(word);
        }
        if finished.watched {
            core.watchers.call(self);
        }
        delivery
    }

    #[inline]
    fn count_end(self, status: Status, worker: u32) {
        let core = self.core();
        core.bound.leave(core, 1);
        if status != status::OK {
            core.census.count_failure(worker);
        }
    }
}

impl Task {
    /// A block that holds no task.
    pub fn empty(core: *const Core) -> Self {
        Self {
            state: State::default(),
            status: Cell::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
            core,
            function: Cell::new(None),
            callback: Cell::new(None),
            user_data: Cell::new(ptr::null_mut()),
            cold: AtomicPtr::new(ptr::null_mut()),
            worker: AtomicU32::new(POOL_NO_WORKER),
            arg_size: Cell::new(0),
            result_size: Cell::new(0),
            inline: UnsafeCell::new([0; INLINE / ALIGN]),
        }
    }

    /// Makes this free block the first of a batch in front of others.
    pub fn set_batch(&self, batch: &Batch) {
        self.user_data.set(batch.next.cast());
        self.worker.store(batch.count as u32, Ordering::Relaxed);
        self.arg_size.set(batch.carried as u16);
    }

    /// What `set_batch` has set.
    pub fn batch(&self) -> Batch {
        Batch {
            next: self.user_data.get().cast(),
            count: self.worker.load(Ordering::Relaxed) as usize,
            carried: self.arg_size.get().into(),
        }
    }

    fn addresses(&self) -> &[Cell<*mut Self>; CARRIED] {
        // SAFETY: a free block's own memory, large enough and aligned.
        unsafe { &*self.inline.get().cast() }
    }

    /// Makes this free block carry the address of another.
    pub fn carry(&self, index: usize, task: *mut Self) {
        self.addresses()[index].set(task);
    }

    /// The address that this free block carries.
    pub fn carried(&self, index: usize) -> *mut Self {
        self.addresses()[index].get()
    }

    /// Asks for a block's cache lines, to be written to soon.
    pub fn prefetch(task: *const Self) {
        prefetch_for_write(task);
        prefetch_for_write(task.wrapping_byte_add(64));
    }

    /// The pool that the task belongs to.
    pub fn core(&self) -> &Core {
        // SAFETY: a core outlives its blocks.
        unsafe { &*self.core }
    }

    /// Fills an empty block with a call that fits inside, and makes it `QUEUED`. Must be alone
    /// with the block.
    ///
    /// # Safety
    /// `call.arg` is readable for `call.arg_size` bytes, and argument and result are small.
    #[inline]
    pub unsafe fn fill(&self, call: &Call, references: u32) {
        // SAFETY: promised by the caller.
        unsafe { self.fill_argument(call) };
        self.set_call(call, references);
    }

    /// Copies a small argument into the block.
    ///
    /// # Safety
    /// As `fill`.
    #[inline]
    pub(super) unsafe fn fill_argument(&self, call: &Call) {
        let inline = self.inline.get().cast::<u8>();
        // SAFETY: promised by the caller.
        unsafe {
            match call.arg_size {
                0 => inline.cast::<*const c_void>().write(call.arg),
                // The commonest, without a call.
                8 => inline.cast::<u64>().write(call.arg.cast::<u64>().read_unaligned()),
                size => ptr::copy_nonoverlapping(call.arg.cast::<u8>(), inline, size),
            }
        }
        self.arg_size.set(if call.arg_size == 0 { POINTER } else { call.arg_size as u16 });
        self.result_size.set(call.result_size as u16);
    }

    /// As `fill`, for a call that needs more than the block.
    ///
    /// # Safety
    /// `call.arg` is readable for `call.arg_size` bytes, and `cold` was made for the call.
    pub unsafe fn fill_with(&self, call: &Call, cold: Box<Cold>, references: u32) {
        let is_outside = cold.is_outside();
        self.set_cold(cold);
        if is_outside {
            self.arg_size.set(OUTSIDE);
            self.set_call(call, references);
        } else {
            // SAFETY: promised by the caller; what is not outside is small.
            unsafe { self.fill(call, references) };
        }
    }

    /// What the block holds, but for argument and result; `None` for a map.
    pub fn call(&self) -> Option<Call> {
        Some(Call {
            function: self.function.get()?,
            arg: ptr::null(),
            arg_size: 0,
            result_size: 0,
            callback: self.callback.get(),
            user_data: self.user_data.get(),
            context: self.context(),
            terms: None,
        })
    }

    #[inline]
    fn set_call(&self, call: &Call, references: u32) {
        self.worker.store(POOL_NO_WORKER, Ordering::Relaxed);
        self.function.set(Some(call.function));
        self.callback.set(call.callback);
        self.user_data.set(call.user_data);
        self.state.publish(references);
    }

    /// Empties a block that was filled and then not submitted.
    pub fn empty_again(&self) {
        self.drop_cold();
        self.state.unpublish();
    }

    /// Fills an empty block with a map and makes it `QUEUED`. Must be alone with the block.
    ///
    /// # Errors
    /// `NO_MEMORY`; the block stays empty.
    pub fn fill_map(
        &self,
        map: Map,
        callback: pool_callback_fn,
        user_data: *mut c_void,
        references: u32,
    ) -> Result<()> {
        // SAFETY: the groups are alive during the call.
        let seats = unsafe { seats(&map.call().membership)? };
        let terms = map.call().terms;
        let cold = try_box(Cold { map: Some(map), seats, terms, ..Cold::default() })
            .ok_or_else(|| Error::no_memory("no memory for a map"))?;
        self.set_cold(cold);
        self.worker.store(POOL_NO_WORKER, Ordering::Relaxed);
        self.arg_size.set(POINTER);
        self.result_size.set(0);
        self.function.set(None);
        self.callback.set(callback);
        self.user_data.set(user_data);
        self.state.publish(references);
        Ok(())
    }

    /// The map that the block holds, if it is one. May be asked while another thread ends the
    /// task: a task with a function is no map, and its cold part is not looked at.
    pub fn map(&self) -> Option<&Map> {
        if self.function.get().is_some() {
            return None;
        }
        self.cold()?.map.as_ref()
    }

    /// Whether the task was started, in a block whose task has ended.
    pub fn has_run(&self) -> bool {
        self.worker.load(Ordering::Relaxed) != NEVER_RAN
    }

    /// The engine's own number for a task that has not ended; anything for one that has.
    pub fn engine_number(&self) -> u32 {
        self.worker.load(Ordering::Relaxed)
    }

    /// Sets the engine's own number. Only by who claimed the task, before its end.
    pub fn set_engine_number(&self, number: u32) {
        self.worker.store(number, Ordering::Relaxed);
    }

    /// Whether the task has a callback.
    pub fn has_callback(&self) -> bool {
        self.callback.get().is_some()
    }

    /// The places of argument and result.
    pub(super) fn places(&self) -> (*const c_void, Place) {
        let (start, pointer, arg_size, result_size) = match self.arg_size.get() {
            OUTSIDE => {
                let sizes = self.outside_sizes().expect("a large task has memory of its own");
                // SAFETY: the argument follows the sizes.
                let start = unsafe { ptr::from_ref(sizes).add(1).cast_mut().cast::<u8>() };
                (start, sizes.arg == 0, sizes.arg, sizes.result)
            }
            POINTER => (self.inline.get().cast::<u8>(), true, 0, self.result_size.get().into()),
            size => {
                (self.inline.get().cast::<u8>(), false, size.into(), self.result_size.get().into())
            }
        };
        let arg = if pointer {
            // SAFETY: `fill` or `Outside::new` wrote the pointer there.
            unsafe { *start.cast::<*const c_void>() }
        } else {
            start.cast_const().cast::<c_void>()
        };
        // SAFETY: the result follows the argument, rounded up; it may be empty.
        let behind = unsafe { start.add(result_offset(arg_size)) };
        let result = if result_size == 0 { ptr::null_mut() } else { behind };
        (arg, Place { start: result, size: result_size })
    }

    pub(super) fn outside_sizes(&self) -> Option<&Sizes> {
        // SAFETY: only asked by those who may read the argument; `Outside::new` wrote the sizes there.
        unsafe {
            let memory = (*self.cold()?.memory.get()).as_ref()?;
            Some(&*memory.as_ptr().cast::<Sizes>())
        }
    }
}

const _: () = assert!(size_of::<Task>() == 128 || cfg!(shuttle), "a task is two cache lines");
const _: () = assert!(align_of::<pool_task_t>() <= ALIGN);
