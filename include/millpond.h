/* millpond.h: multiprocessing.Pool for C and C++.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 * Generated from src/capi and src/pool by `make header`; change those, not this file.
 *
 *   #include <millpond.h>
 *   #include <stdio.h>
 *
 *   static int32_t square(const void *arg, void *result, pool_task_t *task) {
 *     (void)task;
 *     *(int *)result = *(const int *)arg * *(const int *)arg;
 *     return 0;
 *   }
 *
 *   int main(void) {
 *     int in[5] = {1, 2, 3, 4, 5}, out[5];
 *     pool_t *pool = pool_create(0);
 *     if (pool == NULL || pool_map(pool, square, in, sizeof(int), out, sizeof(int), 5) != POOL_OK)
 *       fprintf(stderr, "%s\n", pool_last_error());
 *     else
 *       for (int i = 0; i < 5; i++) printf("%d ", out[i]);
 *     pool_close_join(pool);
 *   }
 *
 * It wants C99 or C++11, or later.
 *
 * Where other code has names such as pool_t or pool_create, link the library that was built with
 * prefixes and define MILLPOND_PREFIX before including this: then nothing here begins with pool_
 * or POOL_, but with millpond_pool_ and MILLPOND_POOL_ (millpond_pool_create(), millpond_pool_t,
 * MILLPOND_POOL_OK).
 *
 * Rules that hold for every function:
 *
 * - Errors. A call returns POOL_OK (0), or a status; pool_last_error() has a sentence about it.
 *   Functions that return a pointer return NULL instead; those that answer a question return 1
 *   or 0, or a status, which is negative. Every argument is checked: NULL where it may not be,
 *   numbers out of range and pools that were freed are POOL_ERR_INVALID. What else a pointer
 *   leads to cannot be seen: it must be what it is said to be. Outputs are written only on
 *   success (the results of a map in place apart).
 *   What went wrong in a task that you do not wait for, pool_future_message() and the callback's
 *   outcome say.
 * - Threads. Every function may be called from any thread, at the same time, also from tasks and
 *   callbacks, unless it says otherwise. A pool must not be freed while other threads still call
 *   it; a future is released once.
 * - Modes. A pool's tasks run on threads, or in processes that may crash without harm, or, for
 *   debugging, at once in the caller: the same calls, the same functions. The tables below say what
 *   differs. The environment variable MILLPOND_MODE sets the mode of all pools of a program.
 * - Arguments go by value: `arg_size` bytes are copied when a task is submitted, `result_size`
 *   bytes are copied out. Maps borrow their arrays until they have ended.
 * - Order. Tasks that one thread submits start in that order. A pool of one worker is a serial
 *   queue: one task at a time, and others while it waits or blocks. Two things may go ahead of
 *   others: a task that a task of the same pool submits, and the very task that somebody waits
 *   for without a time-out. One that may not start yet (pool_call_t.delay_ms, after) takes its place
 *   when it may.
 * - Places. A pool has as many places as `workers`, and each running task takes one. A task that
 *   waits, or says that it is about to block (pool_blocking_begin()), gives its place to a spare
 *   worker, and does not wait for one when it goes on. So at most `workers` tasks run at a time,
 *   and for a while one more for each that has gone on, until some task ends.
 * - Waiting helps. Whoever waits without a time-out for a task that has not started may run it.
 *   A task that waits does so whenever its stack suffices: so tasks may wait for tasks, to any
 *   depth. A thread from outside does so if a place is free, the pool has more than one worker and
 *   no initializer, and the awaited task has no callback. A wait with a time-out runs nothing in
 *   the caller.
 * - Times are milliseconds; -1 is for ever.
 * - fork. In a child that the program forks, every call on the parent's pools and unfinished
 *   futures is POOL_ERR_FORKED, at once (pool_future_release() does nothing there, and
 *   pool_future_message() is ""). Make a new pool there; pool_default() does so itself. A child
 *   that a task forks ends with _exit() or runs another program: it does not return from the task.
 *   On a worker thread it begins with all signals blocked. One that returns nevertheless runs
 *   nothing of its parent's: on a worker it ends, elsewhere it returns from the call that ran the
 *   task, with POOL_ERR_FORKED from a map, a loop, or a wait.
 * - pthread_cancel of a thread that is in one of these functions is put off until it returns.
 * - Copies. A process may hold several copies of the library, say its own and a plug-in's: they share
 *   nothing, and a pool of one is POOL_ERR_INVALID to another. They do not see each other's waits:
 *   where tasks of both wait for each other in a circle, pool_blocking_begin() says so.
 * - exit and dlclose are safe with work pending: what has not run by then does not.
 * - Worker threads are started when first needed, block all signals, and run on the CPUs that
 *   the thread which made the pool was allowed at that moment; so do worker processes, which are
 *   started when the pool is made. An idle pool uses no CPU. A pool in which something was to happen
 *   later, a delayed task or a periodic one, has a thread more, which sleeps until then.
 * - Structs that you fill begin with `struct_size` and may grow: use their _INIT macros. A program
 *   compiled with an older header works with a newer library; the other way round, while it uses
 *   nothing that the library lacks, else POOL_ERR_UNSUPPORTED.
 *
 * What differs between the modes, and nothing else does:
 *
 *                      | POOL_THREADS                 | POOL_PROCESSES
 *   -------------------+------------------------------+------------------------------------------
 *   a task that        | ends the program             | fails with POOL_ERR_WORKER_DIED, alone;
 *   crashes or exits   |                              | its worker is replaced
 *   pointers: an `arg` | anything                     | NULL, or into pool_shared_alloc() memory,
 *   of size 0, context |                              | else POOL_ERR_INVALID
 *   a map's arrays     | used in place                | used in place if in that memory, else
 *                      |                              | copied there and back piece by piece
 *   arrays of          | used in place                | used in place if in that memory, else
 *   pool_starmap       |                              | copied there before the first item starts
 *   which functions    | any                          | those of the program and of libraries that
 *                      |                              | were loaded when the pool was made, else
 *                      |                              | POOL_ERR_UNKNOWN_FUNCTION
 *   a task sees        | the program's memory         | a copy of it from when the pool was made
 *                      |                              | or refreshed; what it writes stays there
 *   stdin of a task    | the program's                | empty
 *   callbacks run on   | the pool's threads           | a thread of the pool in the program;
 *                      |                              | POOL_CALLBACKS_INLINE is _SERIAL
 *   who runs a task    | workers; also those who wait | workers only, also for pool_apply()
 *   a task may use its | submit, apply, map, wait,    | nothing (POOL_ERR_UNSUPPORTED); it may
 *   own pool to        | loop, reduce, sort           | make another, or use pool_default()
 *   pool_blocking_begin| lets a spare worker in       | POOL_ERR_UNSUPPORTED in a task: its
 *                      |                              | process keeps its place
 *   pool_join2() runs  | here, or on another worker   | here, after `a`
 *   its `b`            |                              |
 *   pool_sort,         | sort on the workers          | POOL_ERR_UNSUPPORTED; pools of threads
 *   pool_sort_with     |                              | sort shared memory, too
 *   pool_future_cancel | asks a running task to stop  | the same
 *   tokens and groups  | can be used in tasks         | POOL_ERR_FORKED in a task, which asks
 *                      |                              | pool_task_cancelled()
 *   pool_future_kill   | POOL_ERR_UNSUPPORTED if it   | kills it; then POOL_ERR_CANCELLED
 *                      | runs                         |
 *   POOL_FULL_RUN_INLI | the submitter runs the task  | POOL_ERR_UNSUPPORTED
 *   NE, see when_full  |                              |
 *   locks, queues and  | for the threads of this      | for this process, the workers, their
 *   so on made with it | process; elsewhere           | pools, and what is forked later
 *                      | POOL_ERR_FORKED              |
 *   a task that waits  | gives its place to a spare   | keeps its place
 *   for one of them    | worker                       |
 *   a thread, process  | leaves its locks to the next | leaves its locks, permits and items to
 *   that ends          | (POOL_ERR_WORKER_DIED)       | others, who are told, as each says
 *   pool_terminate     | asks running tasks to stop   | kills them; then POOL_ERR_TERMINATED
 *   pool_refresh       | does nothing                 | makes new workers
 *   pool_broadcast     | once on every worker         | the same; sequential: once, in the caller
 *   pool_resize        | to POOL_MAX_WORKERS, or      | to max_workers; without, fewer only
 *                      | max_workers                  |
 *   timeout_ms of a    | asks the task to stop; then  | kills its worker; POOL_ERR_TIME_LIMIT
 *   pool_call_t        | POOL_ERR_TIME_LIMIT unless   |
 *                      | it returns POOL_OK           |
 *   retries of a map   | of each item                 | POOL_ERR_UNSUPPORTED
 *   limits (time, CPU, | POOL_ERR_UNSUPPORTED         | per worker, as pool_options_t says
 *   memory and so on)  |                              |
 *   signals to a task  | the program's handling       | SIGINT, SIGTTIN and SIGTTOU are ignored,
 *                      |                              | all others have their default action
 *   pool_result_t.pid  | this process                 | the worker's; 0 for a map
 *   the stack of a task| stack_size                   | stack_size; 0: what the thread that made
 *                      |                              | the pool had left
 *
 * POOL_SEQUENTIAL is as POOL_THREADS, but that everything runs in the caller, before the call returns:
 *
 *   workers            | one, whatever `workers` says: whoever calls; pool_resize() is _UNSUPPORTED
 *   tasks, map items   | run in order, on the thread that submits; while another thread is at it, on that
 *                      | one; after a delay, and periodic ones, on the thread that keeps the pool's
 *                      | time: such a task must not wait for what is due later, for that thread is busy;
 *                      | for the same reason timeout_ms is no limit to it
 *   callbacks run      | right behind their task: inside the call that submitted it, or when the
 *                      | outermost task has returned; polled ones in pool_poll()
 *   a task that submits| runs its task on top of itself; without room on the stack, when it has
 *                      | returned, and waiting for it is POOL_ERR_SYSTEM
 *   a timed wait       | finds the task ended, as a rule
 *   pool_blocking_begin| keeps the place: there is nobody else
 *   initializer, final-| run where the pool is made, and where it is closed
 *   izer               |
 *   stack_size, cpus,  | POOL_ERR_UNSUPPORTED: tasks have the caller's thread
 *   pin_workers, max_  |
 *   workers            |
 *   a child that a task| ends when it returns from the task
 *   has forked         |
 */
#ifndef MILLPOND_H
#define MILLPOND_H

#ifdef MILLPOND_PREFIX
#include "millpond_prefixed.h"
#else

#include <stddef.h>
#include <stdint.h>

#define POOL_VERSION_MAJOR 0
#define POOL_VERSION_MINOR 1
#define POOL_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Statuses ---------------------------------------------------------- */

/** Success. */
#define POOL_OK 0

/** An argument is not valid; the sentence says which and why. */
#define POOL_ERR_INVALID (-1)

/** The pool takes no more tasks. */
#define POOL_ERR_CLOSED (-2)

/** Your wait ran out of time; what you waited for goes on. */
#define POOL_ERR_TIMEOUT (-3)

/** The task ran longer than its limit. */
#define POOL_ERR_TIME_LIMIT (-4)

/** The task was cancelled before it started, or killed by pool_future_kill(). */
#define POOL_ERR_CANCELLED (-5)

/** The pool was terminated before the task started, or before it ended if it can be killed. */
#define POOL_ERR_TERMINATED (-6)

/** The worker died while it ran the task; the sentence names the signal or the exit code. */
#define POOL_ERR_WORKER_DIED (-7)

/** Workers die as fast as they are started; pool_refresh() makes the pool try again. */
#define POOL_ERR_CRASH_LOOP (-8)

/** The process that makes the workers is gone; pool_refresh() makes a new one. */
#define POOL_ERR_BROKEN (-9)

/** The call would wait for itself for ever. */
#define POOL_ERR_DEADLOCK (-10)

/** The pool was made before this process was forked. */
#define POOL_ERR_FORKED (-11)

/** The queue is full; or as many tasks are in blocking sections as may be. */
#define POOL_ERR_FULL (-12)

/** The buffer is too small for the result. */
#define POOL_ERR_SIZE (-13)

/** There is no memory left. */
#define POOL_ERR_NO_MEMORY (-14)

/** The system refused; the sentence has its reason. */
#define POOL_ERR_SYSTEM (-15)

/** Not possible in this mode, or in this version. */
#define POOL_ERR_UNSUPPORTED (-16)

/** The function is not known to the workers. */
#define POOL_ERR_UNKNOWN_FUNCTION (-17)

/** Something went wrong inside the library, or a task returned a negative number. */
#define POOL_ERR_INTERNAL (-18)

/* ---- Handles ----------------------------------------------------------- */

/** A handle on a submitted task or map. */
typedef struct pool_future_t pool_future_t;

/** A pool. */
typedef struct pool_t pool_t;

/* ---- Tasks and outcomes ------------------------------------------------ */

/** The `worker` of a task that no worker ran. */
#define POOL_NO_WORKER 4294967295u

/** The most workers that a pool may have. */
#define POOL_MAX_WORKERS 4096

/** Private to pool_join2(): a place in a list of forks. */
typedef struct pool_fork_link_t {
  /** Private. */
  struct pool_fork_link_t *older;
  /** Private. */
  struct pool_fork_link_t *newer;
} pool_fork_link_t;

/**
 * A running task, as its function sees it. The fields are to be read only, and valid until the
 * function returns; hand the pointer on to the functions that take a task.
 */
typedef struct pool_task_t {
  /** The `context` of the pool_call_t, or NULL in the short forms. */
  const void *context;
  /** The number of the item in a map, from 0; in pool_for() and pool_reduce() as said there; else 0. */
  size_t index;
  /**
   * The number of the worker that runs the task, from 0: no two have the same at a time. It
   * can be `workers` or more where spare workers have stepped in.
   * POOL_NO_WORKER on a thread that is none of the pool's, and waits for the task. So it is no
   * index into an array of `workers`: for scratch memory use thread-local variables.
   */
  uint32_t worker;
  /**
   * 1 the first time the task or item runs, 2 when it is tried again after a failure, and so on:
   * see `retries` of pool_call_t.
   */
  uint32_t attempt;
  /** Private: the forks of the task that run here. */
  struct pool_fork_link_t private_forks;
  /** Private: whether somebody wants one of them. */
  const uint32_t *private_hungry;
} pool_task_t;

/**
 * A task: reads its argument, writes its result, returns 0; or a positive code of its own for
 * failure. (A negative return is reported as POOL_ERR_INTERNAL.) The same function serves
 * pool_apply and pool_map, in threads and in processes.
 *
 * arg: a copy of the bytes that were submitted, 16-aligned; in a map the item's place in the
 *   caller's array. With `arg_size` 0 it is the very pointer that was submitted.
 * result: `result_size` zeroed bytes, 16-aligned; in a map the item's place in the caller's
 *   array, as the caller left it. NULL when `result_size` is 0.
 *
 * It runs on a thread of the pool, or on a thread that waits for it. It must return: no C++
 * exception, longjmp or pthread_exit may leave it (an exception ends the program, or the worker
 * process). In a pool of threads it may use its pool: submit, apply, map, wait, and run loops,
 * reductions and sorts, to any depth.
 */
typedef int32_t (*pool_fn)(const void *arg, void *result, struct pool_task_t *task);

/** Private to pool_join2(): a fork, on the stack of the function that forks. */
typedef struct pool_fork_t {
  /** Private. */
  struct pool_fork_link_t links;
  /** Private. */
  pool_fn fn;
  /** Private. */
  const void *arg;
  /** Private. */
  void *result;
  /** Private. */
  size_t rest[10];
} pool_fork_t;

/** How a task ended. Everything it points to is valid during the callback only. */
typedef struct pool_result_t {
  /** POOL_OK, the task's own positive code, or one of POOL_ERR_... */
  int32_t status;
  /** A sentence about a failure; "" on success. Never NULL. */
  const char *message;
  /** The result, 16-aligned; NULL after a failure, for a map, and when `size` is 0. */
  const void *data;
  /** The size of the result in bytes. */
  size_t size;
  /** For a map that failed the lowest failed item; else 0. */
  size_t index;
  /** The worker that ran the task; POOL_NO_WORKER when none did, and for maps. */
  uint32_t worker;
  /** The process that ran the task; 0 when it never ran, and for maps in processes. */
  int32_t pid;
} pool_result_t;

/**
 * A callback: called exactly once for each task that was accepted with one, also when the task
 * was cancelled or terminated; never when the submitting call returned an error. Which thread
 * it runs on is the pool's option `callbacks`. It must return, as a task must; it may use the
 * pool, but not join or free it.
 */
typedef void (*pool_callback_fn)(const struct pool_result_t *outcome, void *user_data);

/**
 * Prepares a worker: called on its thread, or in its process, before its first task, with the number that its
 * tasks will see. Anything but 0 is a failure. It must return, as a task must.
 */
typedef int32_t (*pool_initializer_fn)(void *worker_data, uint32_t worker);

/**
 * Cleans up after a worker: called on its thread, or in its process, after its last task, if it
 * was initialised; not when the process was killed. It must return, as a task must.
 */
typedef void (*pool_finalizer_fn)(void *worker_data, uint32_t worker);

/* ---- The simple calls -------------------------------------------------- */

/**
 * Makes a pool of threads. It costs little: the threads are started when there is work.
 *
 * workers: how many tasks run at a time, at most POOL_MAX_WORKERS; 0 for as many as there are
 *   CPUs that this process may use (its affinity mask, and the quota of its cgroup), or as the
 *   environment variable MILLPOND_NUM_WORKERS says. (MILLPOND_MODE makes it a pool of another mode:
 *   see POOL_SEQUENTIAL.)
 * Returns the pool, the caller's to free with pool_close_join(); NULL on failure, and
 * pool_last_error() says why: POOL_ERR_INVALID for too many workers, _NO_MEMORY, _SYSTEM. Use
 * pool_create_with() to get the status, or to choose more.
 */
pool_t *pool_create(uint32_t workers);

/**
 * The default pool of this process, made at the first call as if by pool_create(0). Every call
 * returns the same one; in a forked child, a fresh one. Nobody frees it:
 * pool_close(), pool_join(), pool_terminate() and pool_close_join() on it are POOL_ERR_INVALID.
 *
 * Returns NULL when it cannot be made; pool_last_error() says why.
 */
pool_t *pool_default(void);

/**
 * Runs a function once and waits for it.
 *
 * fn, arg, arg_size: what to run, and its argument: `arg_size` bytes at `arg`, or with
 *   `arg_size` 0 the pointer `arg` itself, which may be NULL.
 * result, result_size: where the result goes, on success only; NULL and 0 for none. If the task
 *   sets a result of its own, at most `result_size` bytes of it.
 * Runs on the calling thread if the pool has a place free and nothing is queued before it, else
 * on a worker; blocks until it has ended.
 * Returns the task's status: POOL_OK, its own positive code, or POOL_ERR_INVALID, _CLOSED,
 * _TERMINATED, _FORKED, _NO_MEMORY, _SYSTEM (no thread could be started), _SIZE (the task set
 * a longer result), _INTERNAL. In processes also _WORKER_DIED, _TIME_LIMIT, _BROKEN, _CRASH_LOOP,
 * _UNKNOWN_FUNCTION, and _UNSUPPORTED inside a worker.
 *
 * Example:
 *     int six = 6, result = 0;
 *     assert(pool_apply(pool, square, &six, sizeof six, &result, sizeof result) == POOL_OK);
 *     assert(result == 36);
 */
int32_t pool_apply(pool_t *pool,
                   pool_fn fn,
                   const void *arg,
                   size_t arg_size,
                   void *result,
                   size_t result_size);

/**
 * Runs a function over an array: result i is what it makes of argument i. Blocks until all is
 * done; the calling thread takes part if the pool has a place free.
 *
 * fn: what to run; task->index is the number of the item.
 * args, arg_size: `count` arguments of `arg_size` bytes; with `arg_size` 0 every item gets the
 *   pointer `args` itself.
 * results, result_size: room for `count` results of `result_size` bytes, written in place;
 *   NULL and 0 for none. May be the same array as `args`.
 * count: how many items; 0 does nothing. There is no chunk size to choose.
 * After a failure nothing more is started; the slots of failed and unstarted items are
 * unspecified. Returns POOL_OK, the status of the failed item with the lowest index (named by
 * pool_last_error()), or as pool_apply().
 *
 * Example:
 *     assert(pool_map(pool, square, in, sizeof in[0], out, sizeof out[0], 5) == POOL_OK);
 *     assert(out[4] == 25);
 */
int32_t pool_map(pool_t *pool,
                 pool_fn fn,
                 const void *args,
                 size_t arg_size,
                 void *results,
                 size_t result_size,
                 size_t count);

/* ---- Loops, sums, sorts ------------------------------------------------ */

/**
 * What pool_for() runs: does its work for all numbers from `begin` to `end`, `end` not included,
 * and returns 0, or a positive code of its own for failure. It is called with ranges of one
 * number or of many, as the pool sees fit, each number once.
 *
 * context: what was given to pool_for().
 * task: task->index is `begin`.
 *
 * As a pool_fn, it runs on a thread of the pool or on one that waits, and must return.
 */
typedef int32_t (*pool_range_fn)(size_t begin, size_t end, void *context, pool_task_t *task);

/**
 * What pool_reduce() runs: adds what the numbers from `begin` to `end`, `end` not included, come
 * to into `result`, and returns 0, or a positive code of its own for failure.
 *
 * result: a partial result, 16-aligned, that begins as a copy of `identity`.
 * context: what was given to pool_reduce().
 * task: task->index is the number of the piece, from 0.
 *
 * As a pool_fn, it runs on a thread of the pool or on one that waits, and must return.
 */
typedef int32_t (*pool_reduce_fn)(size_t begin,
                                  size_t end,
                                  void *result,
                                  void *context,
                                  pool_task_t *task);

/**
 * Adds a partial result to that of all pieces before it. It runs on the thread that called
 * pool_reduce().
 */
typedef void (*pool_combine_fn)(void *into, const void *from, void *context);

/**
 * How pool_sort_with() compares: less than 0 when `a` is before `b`, 0 when neither is before
 * the other, else more than 0; as for qsort(). It is called on several threads at once, must
 * change neither element, and must return. One that contradicts itself gives some order.
 */
typedef int (*pool_compare_fn)(const void *a, const void *b, void *context);

/**
 * Runs a loop: calls a function with ranges that together are all numbers from `begin` to `end`,
 * `end` not included, each number once. Blocks until all is done; the calling thread takes part
 * if the pool has a place free.
 *
 * fn: what to run. It gets single numbers first, and longer ranges while they are quick; there
 *   is no chunk size to choose, and neither even nor uneven work needs one.
 * begin, end: nothing is run if they are equal; POOL_ERR_INVALID if `end` is less.
 * context: passed on to the function. In processes NULL, or into pool_shared_alloc() memory.
 * After a failure nothing more is started. Returns POOL_OK, the status of the failed range with
 * the lowest `begin` (named by pool_last_error()), or as pool_apply(). In a pool of processes
 * limits for a task hold for each call of the function, and so for a whole range: where many
 * quick numbers come before slow ones, a range that began quickly may exceed a limit that each
 * number keeps. A map's limits hold for each item.
 *
 * Example:
 *     static int32_t halve(size_t begin, size_t end, void *context, pool_task_t *task) {
 *         double *numbers = context;
 *         for (size_t i = begin; i < end; i++) numbers[i] /= 2;
 *         return 0;
 *     }
 *     double numbers[1000] = {[999] = 5};
 *     assert(pool_for(pool, 0, 1000, halve, numbers) == POOL_OK && numbers[999] == 2.5);
 */
int32_t pool_for(pool_t *pool, size_t begin, size_t end, pool_range_fn fn, void *context);

/**
 * Adds up: the numbers from 0 to `count` are divided into pieces, each of which makes a partial
 * result, and these are combined in order. The pieces depend on `count` and `result_size` alone,
 * never on workers or time: sums of floating-point numbers too are the same in every run, in
 * every pool. Blocks until all is done; the calling thread takes part if the pool has a place
 * free.
 *
 * count: how many numbers; 0 makes `result` a copy of `identity`.
 * piece: adds the numbers of one range to a partial result, which begins as a copy of `identity`.
 * combine: adds a partial result to that of all numbers before it. It must be associative, and
 *   need not be commutative. It runs on the calling thread, after all pieces.
 * identity: `result_size` bytes, the result of no numbers; NULL for zero bytes.
 * result, result_size: where the result goes, on success only; at least one byte.
 * context: passed on to both functions. In processes NULL, or into pool_shared_alloc() memory.
 * After a failure nothing more is started. Returns POOL_OK, the status of the failed piece with
 * the lowest numbers (named by pool_last_error()), or as pool_apply(). There are at most 512
 * pieces, and fewer where a result has more than 8 KiB.
 *
 * Example:
 *     static int32_t sum(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
 *         int64_t *total = result;
 *         for (size_t i = begin; i < end; i++) *total += (int64_t)i;
 *         return 0;
 *     }
 *     static void add(void *into, const void *from, void *context) {
 *         *(int64_t *)into += *(const int64_t *)from;
 *     }
 *     int64_t total = 0;
 *     const int64_t zero = 0;
 *     int32_t status = pool_reduce(pool, 1000000, sum, add, &zero, &total, sizeof total, NULL);
 *     assert(status == POOL_OK);
 *     assert(total == 499999500000);
 */
int32_t pool_reduce(pool_t *pool,
                    size_t count,
                    pool_reduce_fn piece,
                    pool_combine_fn combine,
                    const void *identity,
                    void *result,
                    size_t result_size,
                    void *context);

/** For pool_sort(): int32_t. */
#define POOL_SORT_I32 0

/** uint32_t. */
#define POOL_SORT_U32 1

/** int64_t. */
#define POOL_SORT_I64 2

/** uint64_t. */
#define POOL_SORT_U64 3

/** float: -0 is before 0, and NaNs of either sign come last. */
#define POOL_SORT_F32 4

/** double: as POOL_SORT_F32. */
#define POOL_SORT_F64 5

/**
 * Sorts numbers, in ascending order. It works in place and needs no memory. Blocks until all is
 * done; the calling thread takes part if the pool has a place free.
 *
 * data, count: the numbers, aligned as their type is; NULL only if `count` is 0.
 * type: one of POOL_SORT_I32, _U32, _I64, _U64, _F32, _F64.
 * Returns as pool_apply(); POOL_ERR_TERMINATED when pool_terminate() came before the end. After
 * a failure `data` holds the same numbers in some order. In a pool of processes
 * POOL_ERR_UNSUPPORTED: sort on a pool of threads, shared memory too.
 *
 * Example:
 *     double numbers[3] = {2.5, -1, 0};
 *     assert(pool_sort(pool, numbers, 3, POOL_SORT_F64) == POOL_OK && numbers[0] == -1);
 */
int32_t pool_sort(pool_t *pool, void *data, size_t count, int32_t type);

/**
 * Sorts an array of anything, and keeps elements in their order that compare equal (the sort is
 * stable). It needs memory for a second such array. Blocks until all is done; the calling thread
 * takes part if the pool has a place free.
 *
 * data, count, size: `count` elements of `size` bytes, at least 1.
 * compare: says which of two elements is before the other.
 * context: passed on to it.
 * Returns as pool_apply(); POOL_ERR_NO_MEMORY; POOL_ERR_TERMINATED when pool_terminate() came
 * before the end. After a failure `data` holds the same elements in some order. In a pool of
 * processes POOL_ERR_UNSUPPORTED: sort on a pool of threads, shared memory too.
 */
int32_t pool_sort_with(pool_t *pool,
                       void *data,
                       size_t count,
                       size_t size,
                       pool_compare_fn compare,
                       void *context);

/* ---- Closing a pool ---------------------------------------------------- */

/**
 * Takes no more tasks from outside: they are POOL_ERR_CLOSED from now on. What was submitted
 * goes on, and running tasks and callbacks may still submit. Does not wait. A second call does
 * nothing. Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_close(pool_t *pool);

/**
 * After pool_close() or pool_terminate(): waits until all tasks and callbacks have ended and
 * the workers are gone. In a pool with polled callbacks, runs them on the calling thread.
 *
 * timeout_ms: how long at most, in milliseconds; -1 for ever.
 * Returns POOL_OK; POOL_ERR_TIMEOUT; POOL_ERR_INVALID before close; POOL_ERR_DEADLOCK, at once
 * and in any state, from a task or callback of the pool itself; _FORKED.
 */
int32_t pool_join(pool_t *pool, int64_t timeout_ms);

/**
 * Closes the pool, ends all tasks that have not started with POOL_ERR_TERMINATED (their
 * callbacks are called), and asks the running ones to stop: pool_task_cancelled() tells them. A
 * thread cannot be killed, so they end when they like; processes that run a task are killed, idle
 * ones run their finalizers, for at most a second. A running map starts no more items, and
 * borrows its arrays until it has ended. Does not wait.
 *
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_terminate(pool_t *pool);

/**
 * In any state: closes the pool, waits for all tasks, callbacks and workers, and frees it.
 * NULL does nothing. Futures outlive the pool.
 *
 * Returns POOL_OK; POOL_ERR_DEADLOCK, at once and freeing nothing, from a task or callback of
 * the pool itself; POOL_ERR_INVALID, as a rule, when the pool was freed before; _FORKED.
 *
 * Example:
 *     pool_t *short_lived = pool_create(2);
 *     for (int i = 0; i < 100; i++)
 *         pool_apply_async(short_lived, slow, &i, sizeof i, sizeof i, NULL, NULL, NULL);
 *     assert(pool_close_join(short_lived) == POOL_OK); // all have run, and the pool is freed
 */
int32_t pool_close_join(pool_t *pool);

/* ---- Errors ------------------------------------------------------------ */

/**
 * A sentence about this thread's last failed call; "" if none has failed. Never NULL, and valid
 * until this thread's next call that fails.
 */
const char *pool_last_error(void);

/**
 * The name of a status, such as "POOL_ERR_TIMEOUT"; "task code" for positive ones, which are
 * a task's own, and "unknown status" for other numbers. Never NULL, and valid for ever.
 */
const char *pool_status_name(int32_t status);

/* ---- Submitting without waiting ---------------------------------------- */

/**
 * Submits a function and returns at once.
 *
 * fn, arg, arg_size: as in pool_apply(); the argument's bytes are copied before this returns.
 * result_size: the size of the result, which goes to the callback and the future.
 * callback, user_data: called once with the outcome, where the pool's option `callbacks` says;
 *   NULL for none.
 * future: a handle on the task is written there before the task can start, the caller's to
 *   release with pool_future_release(); NULL if not wanted.
 * Does not block, but for starting a thread now and then. Returns POOL_OK, or POOL_ERR_INVALID,
 * _CLOSED, _TERMINATED (from inside a terminated pool), _FORKED, _NO_MEMORY, _SYSTEM (no thread
 * could be started), in processes _BROKEN, _CRASH_LOOP, _UNKNOWN_FUNCTION, _UNSUPPORTED. After an
 * error nothing was submitted, and the callback is never called. In a pool that is bounded by
 * `max_pending` it may wait for room instead, run the task here, or return _FULL, as `when_full` says.
 *
 * Example:
 *     int seven = 7, result = 0;
 *     pool_future_t *future = NULL;
 *     pool_apply_async(pool, square, &seven, sizeof seven, sizeof result, NULL, NULL, &future);
 *     // ... do something else ...
 *     int32_t status = pool_future_get(future, &result, sizeof result, -1);
 *     assert(status == POOL_OK && result == 49);
 *     pool_future_release(future);
 */
int32_t pool_apply_async(pool_t *pool,
                         pool_fn fn,
                         const void *arg,
                         size_t arg_size,
                         size_t result_size,
                         pool_callback_fn callback,
                         void *user_data,
                         pool_future_t **future);

/**
 * Submits a map and returns at once. Arguments as in pool_map(): `args` and `results` are
 * borrowed until the map has ended. callback, user_data, future: as in pool_apply_async(), one
 * for the whole map; its outcome has no data, and after a failure the lowest failed index.
 * Returns as pool_apply_async(); how the map ended, pool_future_get(future, NULL, 0, -1) returns.
 */
int32_t pool_map_async(pool_t *pool,
                       pool_fn fn,
                       const void *args,
                       size_t arg_size,
                       void *results,
                       size_t result_size,
                       size_t count,
                       pool_callback_fn callback,
                       void *user_data,
                       pool_future_t **future);

/* ---- Futures ----------------------------------------------------------- */

/**
 * Waits until the task has ended, however it ended; with `timeout_ms` -1 it may run the task on
 * the calling thread. Any number of threads may wait for one future.
 *
 * Returns POOL_OK; POOL_ERR_TIMEOUT; POOL_ERR_INVALID; POOL_ERR_DEADLOCK when the task itself
 * is running on this very thread; POOL_ERR_SYSTEM when the stack is too deep to run the task
 * here and no thread can be started for it; _FORKED unless it ended before the fork.
 */
int32_t pool_future_wait(const pool_future_t *future, int64_t timeout_ms);

/** Whether the task has ended: 1 or 0, or POOL_ERR_INVALID, _FORKED. Does not block. */
int32_t pool_future_ready(const pool_future_t *future);

/** Whether the task is running right now: 1 or 0, or POOL_ERR_INVALID, _FORKED. Does not block. */
int32_t pool_future_running(const pool_future_t *future);

/**
 * Whether the task has ended with POOL_OK: 1, or 0 (also while it has not ended), or
 * POOL_ERR_INVALID, _FORKED. Does not block.
 */
int32_t pool_future_successful(const pool_future_t *future);

/**
 * Waits as pool_future_wait(), and copies the result.
 *
 * result, result_size: where the result goes, on success only; NULL and 0 if it is not wanted.
 * timeout_ms: how long at most, in milliseconds; -1 for ever.
 * Returns the task's status; or POOL_ERR_SIZE when the result is larger than `result_size`
 * (nothing is written then, and the call may be repeated), or as pool_future_wait(). May be
 * called again and again.
 */
int32_t pool_future_get(pool_future_t *future,
                        void *result,
                        size_t result_size,
                        int64_t timeout_ms);

/**
 * The result, in place: 16-aligned, valid until the future is released. Does not block.
 *
 * size: its size in bytes goes there; may be NULL.
 * Returns NULL, and leaves `size` alone, unless the task has ended with POOL_OK; NULL with size
 * 0 when it has no result, as maps have none.
 */
const void *pool_future_data(const pool_future_t *future, size_t *size);

/**
 * The status of the task; POOL_ERR_TIMEOUT while it has not ended. Or POOL_ERR_INVALID, and
 * _FORKED unless it ended before the fork. Does not block.
 */
int32_t pool_future_status(const pool_future_t *future);

/**
 * A sentence about the task's failure; "" if there is none, or not yet. Never NULL, valid until
 * the future is released. Does not block.
 */
const char *pool_future_message(const pool_future_t *future);

/**
 * How far the task has come: what it has said last by pool_task_progress(), in whatever process it
 * runs; 0 of 0 if it has said nothing. Of a map, without its saying so: how many items have been
 * run, of how many there are; on threads those that a worker has run in the last few microseconds
 * may count a moment later, or with the item after them. Does not block; the two numbers always
 * belong together, and those of a map never fall.
 *
 * Example:
 *
 *     static int32_t count(const void *arg, void *result, pool_task_t *task) {
 *       for (uint64_t i = 1; i <= 1000; i++) pool_task_progress(task, i, 1000);
 *       return 0;
 *     }
 *     pool_future_t *future;
 *     pool_apply_async(pool, count, NULL, 0, 0, NULL, NULL, &future);
 *     uint64_t done, total;
 *     do {
 *       assert(pool_future_progress(future, &done, &total) == POOL_OK);
 *       if (total > 0) printf("\r%3.0f %%", 100.0 * done / total);
 *     } while (pool_future_wait(future, 100) == POOL_ERR_TIMEOUT);
 *     assert(pool_future_progress(future, &done, &total) == POOL_OK && done == 1000);
 *     pool_future_release(future);
 *
 * done, total: go there; NULL if not wanted.
 * After the end they stay what they were at the end; a task that is tried again says it anew.
 * Returns POOL_OK; POOL_ERR_INVALID; _NO_MEMORY; _FORKED unless it ended before the fork.
 */
int32_t pool_future_progress(const pool_future_t *future, uint64_t *done, uint64_t *total);

/**
 * Cancels the task if it has not started: it never will, its status is POOL_ERR_CANCELLED, and
 * its callback is called. A running task is only asked to stop: pool_task_cancelled() tells it.
 * A map starts no more items. Does not block, and kills nothing.
 *
 * Returns 1 if the task will not run (a map: if it had not ended), 0 if it is running or has
 * ended, or POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_future_cancel(pool_future_t *future);

/**
 * Ends the task now. One that has not started is cancelled, as by pool_future_cancel(). In a
 * pool of processes a running one is killed: its worker gets SIGKILL, with all processes of its
 * group, and is replaced; the task ends with POOL_ERR_CANCELLED, and no other is harmed. A map
 * starts no more items, and those that are running are killed. Does not block: the task has
 * ended a moment later.
 *
 * Returns 1 if the task will not end by itself, 0 if it has ended; POOL_ERR_UNSUPPORTED when it
 * is running on a thread, which cannot be killed: it is asked to stop; POOL_ERR_INVALID,
 * _FORKED.
 *
 * Example (processes):
 *     static int32_t hang(const void *arg, void *result, pool_task_t *task) {
 *         for (;;) pause();
 *         return 0;
 *     }
 *     pool_future_t *future;
 *     pool_apply_async(pool, hang, NULL, 0, 0, NULL, NULL, &future);
 *     assert(pool_future_wait(future, 50) == POOL_ERR_TIMEOUT);
 *     assert(pool_future_kill(future) == 1);
 *     assert(pool_future_get(future, NULL, 0, -1) == POOL_ERR_CANCELLED);
 *     pool_future_release(future);
 */
int32_t pool_future_kill(pool_future_t *future);

/**
 * Gives the handle back; once, after which it must not be used. The task goes on. NULL does
 * nothing. May be called from the task and its callback. Returns POOL_OK, POOL_ERR_INVALID.
 */
int32_t pool_future_release(pool_future_t *future);

/* ---- Waiting for several futures --------------------------------------- */

/** In pool_wait(): until one of the futures is ready. */
#define POOL_WAIT_ANY 0

/** In pool_wait(): until all are ready. */
#define POOL_WAIT_ALL 1

/** In pool_wait(): until one has failed, or all are ready. */
#define POOL_WAIT_FIRST_ERROR 2

/** Futures in the order in which they become ready. */
typedef struct pool_as_completed_t pool_as_completed_t;

/**
 * Waits for several futures: until one is ready, or all are, or one has failed.
 *
 * Example:
 *
 *     pool_future_t *futures[2];
 *     for (int i = 0; i < 2; i++)
 *       pool_apply_async(pool, i == 0 ? slow : square, &in[i], sizeof(int), sizeof(int), NULL, NULL, &futures[i]);
 *     size_t first;
 *     if (pool_wait(futures, 2, POOL_WAIT_ANY, -1, &first) == POOL_OK)
 *       printf("future %zu is ready\n", first);
 *     assert(pool_wait(futures, 2, POOL_WAIT_ALL, -1, NULL) == POOL_OK);
 *     for (int i = 0; i < 2; i++) pool_future_release(futures[i]);
 *
 * futures, count: an array of futures, of one pool or of several; the same may be there twice.
 *   Those that are NULL are passed over, so that a future that is done with can be released and
 *   set to NULL before the next wait. They must not be released while this waits.
 * until: POOL_WAIT_ANY, POOL_WAIT_ALL or POOL_WAIT_FIRST_ERROR. A task that was cancelled or
 *   terminated has failed, too.
 * timeout_ms: how long at most, in milliseconds; 0 only looks, -1 is for ever. With POOL_WAIT_ALL
 *   and -1 it helps as pool_future_wait() does; else it runs nothing on the calling thread (but
 *   where no other thread could be started to do so).
 * index: the number of the future goes there that is ready (POOL_WAIT_ANY), or that has failed
 *   (else): of several that were ready before the call the first in the array. `count` if none
 *   has failed. NULL if not wanted.
 * Any number of threads may wait for the same futures. The cost grows with `count`: who waits for
 * many, one after the other, takes pool_as_completed().
 * Returns POOL_OK; POOL_ERR_TIMEOUT; POOL_ERR_INVALID, also when POOL_WAIT_ANY is given no future
 * at all, which would be for ever (all of none are ready); POOL_ERR_DEADLOCK when all that it
 * waits for runs on this very thread; _NO_MEMORY; _SYSTEM as pool_future_wait(); _FORKED.
 */
int32_t pool_wait(pool_future_t *const *futures,
                  size_t count,
                  int32_t until,
                  int64_t timeout_ms,
                  size_t *index);

/**
 * Begins to go through futures in the order in which they become ready, whatever their order in
 * the array is.
 *
 * Example:
 *
 *     pool_future_t *futures[5];
 *     for (int i = 0; i < 5; i++)
 *       pool_apply_async(pool, square, &in[i], sizeof(int), sizeof(int), NULL, NULL, &futures[i]);
 *     pool_as_completed_t *ready;
 *     size_t index;
 *     int sum = 0;
 *     assert(pool_as_completed(futures, 5, &ready) == POOL_OK);
 *     while (pool_as_completed_next(ready, -1, &index) == 1) {
 *       pool_future_get(futures[index], &out[index], sizeof(int), 0);
 *       pool_future_release(futures[index]);
 *       sum += out[index];
 *     }
 *     pool_as_completed_release(ready);
 *     assert(sum == 55);
 *
 * futures, count: as in pool_wait(); the array is read during the call only. A future may be
 *   released once it has been given out. One that is there twice is given out twice.
 * iterator: goes there, the caller's to release with pool_as_completed_release().
 * Each future costs the same, however many there are. Does not block. Returns POOL_OK;
 * POOL_ERR_INVALID; _NO_MEMORY; _SYSTEM; _FORKED for futures from before a fork that had not ended
 * then.
 */
int32_t pool_as_completed(pool_future_t *const *futures,
                          size_t count,
                          struct pool_as_completed_t **iterator);

/**
 * Waits for the next future that becomes ready.
 *
 * iterator: used by one thread at a time, else POOL_ERR_INVALID.
 * timeout_ms: how long at most, in milliseconds; -1 for ever. Runs no task on the calling thread
 *   (but where no other thread could be started to do so); inside a task it counts as blocking.
 * index: the number of the future in the array goes there.
 * Returns 1, or 0 when all have been given out; POOL_ERR_TIMEOUT, after which it may be called
 * again; POOL_ERR_INVALID; _DEADLOCK when all that are left run on this very thread; _SYSTEM as
 * pool_future_wait(); _FORKED.
 */
int32_t pool_as_completed_next(struct pool_as_completed_t *iterator,
                               int64_t timeout_ms,
                               size_t *index);

/**
 * Gives the iterator back, at any time; once. The tasks go on, and the futures stay the caller's.
 * NULL does nothing. Returns POOL_OK; POOL_ERR_INVALID, also while another thread uses it.
 */
int32_t pool_as_completed_release(struct pool_as_completed_t *iterator);

/* ---- Continuations ----------------------------------------------------- */

/**
 * Submits a function, to the pool of `future`, whose argument is the result of `future`: it starts
 * when that has ended well. If that fails, or is cancelled, the function is not run, and `next`
 * ends with the same status, and so on down a chain.
 *
 * Example:
 *     pool_future_t *squared, *again;
 *     int result = 0;
 *     pool_apply_async(pool, square, &in[2], sizeof(int), sizeof(int), NULL, NULL, &squared);
 *     pool_future_then(squared, square, sizeof(int), NULL, NULL, &again);
 *     pool_future_release(squared);
 *     assert(pool_future_get(again, &result, sizeof result, -1) == POOL_OK);
 *     assert(result == 81);
 *     pool_future_release(again);
 *
 * future: that of a task (its result, as pool_future_data() has it, is copied; NULL when it has
 *   none) or of a map (NULL); ended or not; may be released right after this.
 * fn, result_size, callback, user_data: as in pool_apply_async().
 * next: as `future` in pool_apply_async(); it can be continued in turn. To wait for several, or in
 *   another pool, see pool_call_t.after.
 * Does not block. Returns as pool_apply_async().
 */
int32_t pool_future_then(pool_future_t *future,
                         pool_fn fn,
                         size_t result_size,
                         pool_callback_fn callback,
                         void *user_data,
                         pool_future_t **next);

/* ---- Groups ------------------------------------------------------------ */

/** Tasks that are waited for, and cancelled, as one. */
typedef struct pool_group_t pool_group_t;

/**
 * Makes a group. A task is in it from when it was submitted with the group in the field `group` of
 * its pool_call_t until it has ended; in any number of pools. Nobody need keep the futures.
 *
 * Example:
 *     pool_group_t *group;
 *     pool_group_create(&group);
 *     pool_call_t call = POOL_CALL_INIT;
 *     call.fn = square;
 *     call.arg_size = call.result_size = sizeof(int);
 *     call.group = group;
 *     for (int i = 0; i < 5; i++) {
 *       call.arg = &in[i];
 *       pool_submit(pool, &call, 1, NULL);
 *     }
 *     assert(pool_group_wait(group, -1) == POOL_OK);
 *     pool_group_release(group);
 *
 * group: written on success; the caller's to give back with pool_group_release().
 * Does not block. Returns POOL_OK, POOL_ERR_INVALID, _NO_MEMORY, _SYSTEM.
 */
int32_t pool_group_create(struct pool_group_t **group);

/**
 * Waits until no task is in the group: also those that its tasks have submitted into it meanwhile.
 * It waits as pool_future_wait() does: without a time-out, this thread may run tasks of the group;
 * inside a task, another worker may take this one's place. Their callbacks may still run.
 *
 * Returns POOL_OK if all have ended well since the last wait, at once for an empty group; the
 * status of the first that has not, and pool_last_error() its sentence: that is told once, and the
 * group, also one that was cancelled, can be used anew. POOL_ERR_TIMEOUT: some have not ended.
 * POOL_ERR_DEADLOCK, at once, inside a task of the group itself. POOL_ERR_INVALID, _FORKED,
 * _SYSTEM as pool_future_wait().
 */
int32_t pool_group_wait(struct pool_group_t *group, int64_t timeout_ms);

/**
 * Cancels each task in the group, as pool_future_cancel(), and at once what is submitted into it
 * until a pool_group_wait() has seen it empty. So tasks that submit into their own group come to
 * an end. From any thread, also from its tasks. Does not block. Returns POOL_OK, POOL_ERR_INVALID;
 * _FORKED in a forked child, and in worker processes.
 */
int32_t pool_group_cancel(struct pool_group_t *group);

/**
 * Gives the group back; once, after which it must not be used. Its tasks go on. NULL does nothing,
 * and so does a forked child. Returns POOL_OK, POOL_ERR_INVALID.
 */
int32_t pool_group_release(struct pool_group_t *group);

/* ---- Cancel tokens ----------------------------------------------------- */

/** Cancels all tasks and maps whose pool_call_t names it. */
typedef struct pool_token_t pool_token_t;

/**
 * Makes a token: what pool_future_cancel() does to one task, pool_token_cancel() does to all whose
 * pool_call_t has it in the field `cancel`, in any number of pools of both modes.
 *
 * Example:
 *     static int32_t search(const void *arg, void *result, pool_task_t *task) {
 *       (void)arg, (void)result;
 *       while (pool_task_cancelled(task) == 0) usleep(1000);
 *       return 0;
 *     }
 *     pool_token_t *found;
 *     pool_token_create(&found);
 *     pool_call_t calls[5];
 *     for (int i = 0; i < 5; i++) {
 *       calls[i] = (pool_call_t)POOL_CALL_INIT;
 *       calls[i].fn = search;
 *       calls[i].cancel = found;
 *     }
 *     pool_submit(pool, calls, 5, NULL);
 *     pool_token_cancel(found);
 *     assert(pool_token_cancelled(found) == 1);
 *     pool_token_release(found);
 *
 * token: written on success; the caller's to give back with pool_token_release().
 * Does not block. Returns POOL_OK, POOL_ERR_INVALID, _NO_MEMORY, _SYSTEM.
 */
int32_t pool_token_create(struct pool_token_t **token);

/**
 * Cancels each task that has the token: one that has not started never will, its status is
 * POOL_ERR_CANCELLED, its callback is called; a running one is asked to stop, as
 * pool_task_cancelled() tells it; a map starts no more items. So ends, at once, what is submitted
 * with the token later: a token stays cancelled. From any thread, also from tasks and callbacks;
 * a second call does nothing. Does not block, and kills nothing.
 *
 * Returns POOL_OK, POOL_ERR_INVALID; _FORKED in a forked child, and in worker processes.
 */
int32_t pool_token_cancel(struct pool_token_t *token);

/**
 * Whether pool_token_cancel() was called: 1 or 0, or POOL_ERR_INVALID, _FORKED. (A task asks
 * pool_task_cancelled(), which knows in both modes.)
 */
int32_t pool_token_cancelled(const struct pool_token_t *token);

/**
 * Gives the token back; once, after which it must not be used. The tasks that have it go on, and
 * nobody can cancel them by it any more. NULL does nothing, and so does a forked child. Returns
 * POOL_OK, POOL_ERR_INVALID.
 */
int32_t pool_token_release(struct pool_token_t *token);

/* ---- Inside a task ----------------------------------------------------- */

/**
 * Records a sentence about the task's failure, for whoever asks for it. To be used as
 * `return pool_task_fail(task, 3, "no such file");`.
 *
 * code: the task's own code, positive. (0 would be success, a negative one POOL_ERR_INTERNAL.)
 * message: copied; NULL for none. pool_last_error() shows 511 bytes of it.
 * Returns `code`, whatever it is.
 *
 * Example:
 *     static int32_t root(const void *arg, void *result, pool_task_t *task) {
 *         if (*(const int *)arg < 0) return pool_task_fail(task, 1, "a negative number has no root");
 *         return 0;
 *     }
 *     int minus = -1;
 *     assert(pool_apply(pool, root, &minus, sizeof minus, NULL, 0) == 1);
 *     assert(strcmp(pool_last_error(), "a negative number has no root") == 0);
 */
int32_t pool_task_fail(pool_task_t *task,
                       int32_t code,
                       const char *message);

/**
 * Makes a copy of `size` bytes at `data` the task's result, in place of the one of fixed size:
 * for results whose size is known only at the end. It reaches the callback, pool_future_data(),
 * and whoever offers that much room. In a map, at most `result_size` bytes, into the item's
 * slot. The last call counts.
 *
 * Returns POOL_OK, POOL_ERR_INVALID, _SIZE, _NO_MEMORY.
 *
 * Example:
 *     static int32_t greet(const void *arg, void *result, pool_task_t *task) {
 *         char text[100];
 *         int length = snprintf(text, sizeof text, "hello from worker %u", (unsigned)task->worker);
 *         return pool_task_set_result(task, text, (size_t)length + 1);
 *     }
 *     pool_future_t *future;
 *     pool_apply_async(pool, greet, NULL, 0, 0, NULL, NULL, &future);
 *     pool_future_wait(future, -1);
 *     size_t size;
 *     const char *text = pool_future_data(future, &size);
 *     assert(text != NULL && size == strlen(text) + 1);
 *     pool_future_release(future);
 */
int32_t pool_task_set_result(pool_task_t *task, const void *data, size_t size);

/**
 * Says how far the task has come, for whoever asks pool_future_progress(). Cheap enough for every
 * turn of a loop: nothing is locked, and nobody is woken.
 *
 * done, total: so many of so many; what is counted is the task's own affair. `total` 0 if it is
 *   not known.
 * Parts of the task that run elsewhere may say so, too, by the same `task`. What an item of
 * pool_join_n() says is said for the task. Returns POOL_OK; POOL_ERR_INVALID, also for `done` greater than a
 * `total` that is known; _NO_MEMORY; _UNSUPPORTED in a map, whose progress is that of its items.
 */
int32_t pool_task_progress(pool_task_t *task,
                           uint64_t done,
                           uint64_t total);

/**
 * Whether the task has been asked to stop: by pool_future_cancel(), a cancel token, its group,
 * pool_periodic_cancel(), a time limit on threads, pool_terminate(), or, in a map, because another
 * item has failed. 1 or 0, or POOL_ERR_INVALID. Cheap.
 *
 * Example:
 *     static int32_t count_for_ever(const void *arg, void *result, pool_task_t *task) {
 *         while (!pool_task_cancelled(task)) usleep(1000);
 *         return 1;
 *     }
 *     pool_future_t *future;
 *     pool_apply_async(pool, count_for_ever, NULL, 0, 0, NULL, NULL, &future);
 *     usleep(10000);
 *     pool_future_cancel(future);
 *     assert(pool_future_wait(future, -1) == POOL_OK && pool_future_successful(future) == 0);
 *     pool_future_release(future);
 */
int32_t pool_task_cancelled(const pool_task_t *task);

/* ---- Blocking sections ------------------------------------------------- */

/**
 * Says that the calling thread is about to block: to sleep, to read from a network or a disk, to
 * wait for a lock or for another program. Until pool_blocking_end(), a spare worker runs other
 * tasks in its place, so that tasks that only wait keep nobody from computing. (A wait for a
 * task or a map of a pool needs no section: it lets a spare worker in by itself.)
 *
 *   pool_blocking_begin(task);
 *   ssize_t got = read(socket, buffer, sizeof buffer);
 *   pool_blocking_end(task);
 *
 * Sections nest: the outermost counts. One that is still open when the task returns (in a map:
 * the item) ends then. Ending one does not wait for a place: for a moment more than `workers`
 * may compute, until another task ends. Inside a section the thread is to its pool a thread from
 * outside: a task that it waits for runs on it only if a place is free. A map never runs more
 * than `workers` of its own items at a time, blocked or not; its places go to other tasks.
 * Spare workers are started when there is something to do, and leave when there is nothing.
 *
 * task: the running task; NULL in a callback, and wherever the task is not at hand: then what
 *   the calling thread is running is meant. A thread that takes no worker's place (that of a
 *   polled callback, or of the callbacks of a pool of processes) has none to give up: POOL_OK.
 * Returns POOL_OK, or, without a section: POOL_ERR_INVALID outside of tasks and callbacks, or if
 * `task` is not what the calling thread is running; _FULL if `max_blocked` are in sections
 * already; _SYSTEM if something waits to be run and no spare worker can be started; _UNSUPPORTED
 * in a worker process, which keeps its place: give the pool more workers instead; _FORKED.
 * A task that has got no section may block all the same: it just keeps its place. Does not block.
 *
 * Example:
 *     static int32_t nap(const void *arg, void *result, pool_task_t *task) {
 *         int32_t section = pool_blocking_begin(task); // somebody else may use this worker's place
 *         usleep(50000);
 *         if (section == POOL_OK) pool_blocking_end(task);
 *         return 0;
 *     }
 *     // Five naps on two workers take about as long as one.
 *     assert(pool_map(pool, nap, NULL, 0, NULL, 0, 5) == POOL_OK);
 */
int32_t pool_blocking_begin(pool_task_t *task);

/**
 * Ends what the last pool_blocking_begin() has begun: the thread takes a place again.
 *
 * Returns POOL_OK; POOL_ERR_INVALID if the running task or callback has no section open, or as
 * pool_blocking_begin(); _UNSUPPORTED in a worker process; _FORKED. Does not block.
 */
int32_t pool_blocking_end(pool_task_t *task);

/* ---- Fork-join inside a task ------------------------------------------- */

/**
 * Runs two functions, perhaps at the same time: `a` here, and `b` on another worker if one is
 * free, else here after `a`. Returns when both have ended. It costs a few nanoseconds when
 * nobody is free, so that a recursion needs no cut-off. To be called inside a task; from
 * outside, pool_apply() starts one.
 *
 * task: what the calling function was given, on the thread that runs it. Nothing checks that: the
 *   task of another thread, as in a thread that a task starts, or of one that has ended, breaks the program.
 * a, arg_a, result_a, b, arg_b, result_b: what to run. The pointers are passed on as they are,
 *   nothing is copied or zeroed; what they point to may lie on the caller's stack. Both get a
 *   task with the context and index of this one: this one itself, or the other worker's own. It
 *   is that one which they pass on. As any task they must return: no exception may leave `a` or
 *   `b`, not even one that the caller would catch.
 * If `a` fails, `b` may or may not have run, and has ended. What `b` says with pool_task_fail()
 * or pool_task_set_result() counts as said by this task, and pool_task_cancelled() asks on its behalf.
 * In worker processes, and in a pool of one worker, `b` always runs after `a`.
 * Blocks while another worker still runs `b`; it runs parts of `b` meanwhile, if there are any.
 * Returns POOL_OK, or what `a` returned, or else what `b` returned, negative numbers too: they are
 * the functions' own, and pool_last_error() has no sentence about them. Or POOL_ERR_INVALID, or
 * POOL_ERR_FORKED in a child that the program forked while another worker ran `b`.
 * GCC and Clang take it from this header, unless POOL_NO_INLINE is defined before.
 *
 * Example:
 *     static int32_t fib(const void *arg, void *result, pool_task_t *task) {
 *         int n = *(const int *)arg, a, b, before[2] = {n - 1, n - 2};
 *         if (n < 2) {
 *             *(int *)result = n;
 *             return 0;
 *         }
 *         int32_t status = pool_join2(task, fib, &before[0], &a, fib, &before[1], &b);
 *         *(int *)result = a + b;
 *         return status;
 *     }
 *     int n = 20, result;
 *     assert(pool_apply(pool, fib, &n, sizeof n, &result, sizeof result) == POOL_OK && result == 6765);
 */
int32_t pool_join2(pool_task_t *task,
                   pool_fn a,
                   const void *arg_a,
                   void *result_a,
                   pool_fn b,
                   const void *arg_b,
                   void *result_b);

/**
 * As pool_map(), inside a task: the items are halved by pool_join2() until one is left, so that
 * they run here and on whichever workers are free.
 *
 * task: as for pool_join2().
 * fn, args, arg_size, results, result_size, count: as in pool_map(), also in processes: the
 *   arrays are used in place. Each item gets a task with the context of this one and the
 *   item's number as index.
 * After a failure nothing more is started, and pool_task_cancelled() is 1 in the items that run.
 * Blocks until all items that were started have ended.
 * Returns POOL_OK; the status of the failed item with the lowest index, and what it said counts
 * as said by this task; POOL_ERR_INVALID, _FORKED as pool_join2().
 */
int32_t pool_join_n(pool_task_t *task,
                    pool_fn fn,
                    const void *args,
                    size_t arg_size,
                    void *results,
                    size_t result_size,
                    size_t count);

/** Private to pool_join2(). */
void pool_join2_promote(pool_task_t *task);

/** Private to pool_join2(). */
int32_t pool_join2_finish(pool_task_t *task, pool_fork_t *fork, int32_t status_a);


/* An analyzer cannot know that what is slow takes `fork` out of the list again. */
#if defined(__GNUC__) && !defined(POOL_NO_INLINE) && !defined(__clang_analyzer__)
/** pool_join2() itself, for compilers that know how; the slow ways out are the library's. */
static inline int32_t pool_join2_inline(pool_task_t *task, pool_fn a, const void *arg_a, void *result_a, pool_fn b,
                                        const void *arg_b, void *result_b) {
  pool_fork_t fork;
  pool_fork_link_t *older;
  int32_t status;
  if (!task || !a || !b) {
    return (pool_join2)(task, a, arg_a, result_a, b, arg_b, result_b);
  }
  older = task->private_forks.older;
  fork.fn = b;
  fork.arg = arg_b;
  fork.result = result_b;
  fork.links.older = older;
  older->newer = &fork.links;
  task->private_forks.older = &fork.links;
  if (__builtin_expect(__atomic_load_n(task->private_hungry, __ATOMIC_RELAXED) != 0, 0)) {
    pool_join2_promote(task);
  }
  status = a(arg_a, result_a, task);
  if (__builtin_expect(status == 0 && task->private_forks.older == &fork.links, 1)) {
    task->private_forks.older = fork.links.older;
    return b(arg_b, result_b, task);
  }
  return pool_join2_finish(task, &fork, status);
}
#define pool_join2(...) pool_join2_inline(__VA_ARGS__)
#endif

/* ---- Options of a pool ------------------------------------------------- */

/** `mode`: tasks run on threads of this process. */
#define POOL_THREADS 0

/**
 * `mode`: tasks run in worker processes, which may crash or be killed without harm to the rest.
 * On Linux; elsewhere POOL_ERR_UNSUPPORTED.
 */
#define POOL_PROCESSES 1

/**
 * `mode`: tasks run at once in the caller, for debugging: pool_apply_async() returns when its task has
 * ended, and its callback has been called, so that a debugger shows who submitted what, and each run
 * of the program is like the one before. There is one worker, whatever `workers` says, and it is
 * whoever calls: the thread that makes the pool runs the initializer, the thread that closes it the
 * finalizer. If several threads submit at once, the one that came first also runs what the others
 * have submitted meanwhile, and these do not wait for it unless they say so. What a task submits runs
 * on top of it while the stack has room, else when it has returned.
 *
 * Every program can be run that way, as it is: the environment variable MILLPOND_MODE (`threads`,
 * `processes` or `sequential`) sets the mode of all pools, in place of their option `mode`, also of
 * those of pool_create() and pool_default(). An option that this mode does not have is
 * POOL_ERR_UNSUPPORTED as ever, and the sentence names the variable; another value of it is
 * POOL_ERR_INVALID.
 */
#define POOL_SEQUENTIAL 2

/**
 * `callbacks`: never two at once, each sees what the former wrote, so that a plain global needs
 * no lock; in order of completion, on any of the pool's threads. In processes that is the order of
 * each worker's tasks: of two that end on different workers at about the same time either may
 * be first.
 */
#define POOL_CALLBACKS_SERIAL 0

/**
 * `callbacks`: on the worker that ran the task, as it finishes; several at once. Those of tasks
 * that no worker ran are called on some worker, one at a time. In processes as
 * POOL_CALLBACKS_SERIAL.
 */
#define POOL_CALLBACKS_INLINE 1

/**
 * `callbacks`: only inside pool_poll(), pool_join() and pool_close_join(), on their caller's
 * thread; in the order of POOL_CALLBACKS_SERIAL.
 */
#define POOL_CALLBACKS_POLLED 2

/**
 * `when_full`: whoever submits waits until there is room, in the order of those who wait. What a
 * task submits to its own pool goes beyond the bound instead: it might wait for itself.
 */
#define POOL_FULL_BLOCK 0

/** `when_full`: the submitting call returns POOL_ERR_FULL, and nothing is submitted. */
#define POOL_FULL_FAIL 1

/**
 * `when_full`: the submitting thread runs the task itself, before the call returns, unless a worker
 * was faster. On threads without an initializer; else POOL_ERR_UNSUPPORTED.
 */
#define POOL_FULL_RUN_INLINE 2

/**
 * Forks the calling process as fork(2): 0 in the child, the child's pid in the parent, -1 on
 * failure. For programs that must do something about a fork, as interpreters must.
 */
typedef int32_t (*pool_fork_fn)(void *worker_data);

/** Gives a new worker process's random generators a seed of their own. */
typedef void (*pool_reseed_fn)(uint64_t seed, void *worker_data, uint32_t worker);

/** What a pool is made with. Begin with POOL_OPTIONS_INIT, then set what you want to change. */
typedef struct pool_options_t {
  /** sizeof(pool_options_t), set by POOL_OPTIONS_INIT. */
  size_t struct_size;
  /** POOL_THREADS, POOL_PROCESSES or POOL_SEQUENTIAL. */
  int32_t mode;
  /** As in pool_create(). */
  uint32_t workers;
  /** Where callbacks run: one of POOL_CALLBACKS_... */
  int32_t callbacks;
  /**
   * Called on each worker before its first task. With an initializer, all workers are started
   * at creation, a failure of one is the failure of pool_create_with(), and only workers run
   * tasks, never a thread from outside that waits. If a spare worker's fails, it does not step in.
   */
  pool_initializer_fn initializer;
  /** Called on each worker after its last task. */
  pool_finalizer_fn finalizer;
  /** Passed to both, and to `fork_fn` and `reseed`; must live as long as the pool. */
  void *worker_data;
  /**
   * The stack of each worker in bytes, at least 65536; 0 for the system's default. When a
   * task waits for one that has not started, it is run on top of it while half of the stack,
   * or 1 MiB, is free. In processes, tasks then run on a thread that is not the process's first.
   */
  size_t stack_size;
  /**
   * What the workers' threads or processes are called, followed by a dash and their number,
   * cut to 15 bytes; copied. NULL for "millpond".
   */
  const char *name;
  /**
   * How many of the pool's tasks and callbacks may be in blocking sections at a time, each with
   * a spare worker in its place (pool_blocking_begin()); at most 4096, 0 for 256. In processes
   * it must be 0, else POOL_ERR_UNSUPPORTED: a worker process keeps its place.
   */
  uint32_t max_blocked;
  /**
   * How long a task, or an item of a map, may run, in milliseconds: then its worker is killed
   * and replaced, and it fails with POOL_ERR_TIME_LIMIT. 0 for no limit.
   */
  int64_t task_timeout_ms;
  /**
   * How much processor time a task or an item of a map may use, in seconds, checked as
   * RLIMIT_CPU is: in whole seconds, and not if the task handles SIGXCPU; else as above. 0 for
   * no limit.
   */
  uint32_t task_cpu_seconds;
  /** The nice value of workers, added to the program's: 0 to 19. */
  int32_t nice;
  /**
   * The memory that a worker may have for its data, in bytes (RLIMIT_DATA): beyond it
   * allocations fail in the worker. What it has inherited from the program counts; results and
   * shared memory do not. 0 for no limit.
   */
  size_t memory_limit_bytes;
  /** Replace a worker after so many tasks or items; 0 for never. */
  size_t max_tasks_per_worker;
  /** Replace a worker that has more than so many bytes in memory when a task ends; 0 for never. */
  size_t max_rss_bytes;
  /**
   * How many workers to keep ready beside the others, so that one that dies is replaced
   * without a fork first.
   */
  uint32_t spare_workers;
  /**
   * The workers' oom_score_adj, 1 to 1000, so that under pressure the system ends workers
   * first; 0 leaves them the program's.
   */
  int32_t oom_score_adj;
  /**
   * 1: keep worker i on the i-th of the pool's CPUs (modulo their number); 0: on all of them. For
   * pools of threads, too. On Linux; elsewhere POOL_ERR_UNSUPPORTED.
   */
  int32_t pin_workers;
  /** 1: let crashing workers write core dumps as the program's limits allow; 0: none. */
  int32_t core_dumps;
  /**
   * Catch what workers write to stderr, and attach the last so many bytes of it to the
   * message of a task that fails or whose worker dies. What was caught is passed on to the
   * program's own stderr; what is written faster than it can be passed on is dropped, never
   * waited for. At most 65536; 0: stderr is the program's own.
   */
  size_t stderr_tail_bytes;
  /**
   * Forks: NULL for fork(2). Called with `worker_data` on the thread that creates or refreshes
   * the pool, and again in the process that it makes, for each worker.
   */
  pool_fork_fn fork_fn;
  /**
   * Called in each new worker before its initializer, with a random seed: reseed there
   * whatever random generators all workers have inherited in the same state.
   */
  pool_reseed_fn reseed;
  /**
   * How many tasks may wait for a worker, so that whoever submits faster than the workers run
   * takes no more and more memory: at most `workers` + `max_pending` tasks, maps and batched calls
   * are submitted and have not ended. 0: any number.
   */
  size_t max_pending;
  /**
   * What happens to one too many: one of POOL_FULL_...; POOL_FULL_BLOCK, which is 0, if nothing
   * else is said.
   */
  int32_t when_full;
  /**
   * How many workers pool_resize() may give the pool. 0: in a pool of threads POOL_MAX_WORKERS;
   * in one of processes `workers`, as each takes some memory from the beginning.
   */
  uint32_t max_workers;
  /**
   * The CPUs that the workers run on, by the system's numbers from 0: `cpu_count` of them, read
   * during the call only. NULL and 0: those that the thread which makes the pool may use. With
   * `workers` 0 there are no more workers than CPUs here. On Linux; elsewhere POOL_ERR_UNSUPPORTED.
   */
  const uint32_t *cpus;
  /** How many. */
  size_t cpu_count;
} pool_options_t;

/**
 * Makes a pool to order.
 *
 * options: read during the call only.
 * pool: the pool goes there, the caller's to free with pool_close_join().
 * Returns POOL_OK; POOL_ERR_INVALID; POOL_ERR_UNSUPPORTED for what this version cannot do;
 * POOL_ERR_SYSTEM, _NO_MEMORY; or the positive code that an initializer returned (_INTERNAL for
 * a negative one; _WORKER_DIED when it crashed its process). Blocks until the initializers have
 * ended. POOL_PROCESSES forks once: pool_refresh() says what that means to the program.
 *
 * Example:
 *     const uint32_t cpus[] = {0};
 *     pool_options_t options = POOL_OPTIONS_INIT;
 *     options.mode = POOL_PROCESSES;
 *     options.workers = 2;
 *     options.cpus = cpus; // both on the first CPU
 *     options.cpu_count = 1;
 *     options.max_pending = 100;
 *     options.when_full = POOL_FULL_FAIL; // or whoever submits too much waits
 *     pool_t *bounded = NULL;
 *     if (pool_create_with(&options, &bounded) != POOL_OK) {
 *         fprintf(stderr, "%s\n", pool_last_error());
 *         return;
 *     }
 *     int32_t status = POOL_OK;
 *     for (int i = 0; i < 100000 && status == POOL_OK; i++)
 *         status = pool_apply_async(bounded, slow, &i, sizeof i, sizeof i, NULL, NULL, NULL);
 *     assert(status == POOL_ERR_FULL);
 *     pool_terminate(bounded);
 *     pool_close_join(bounded);
 */
int32_t pool_create_with(const struct pool_options_t *options, pool_t **pool);

/* The value to begin a pool_options_t with. */
#define POOL_OPTIONS_INIT \
  { sizeof(pool_options_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
    0, 0, 0, 0, 0, 0 }

/* ---- The number of workers --------------------------------------------- */

/** How many tasks the pool runs at a time; or POOL_ERR_INVALID, _FORKED. */
int32_t pool_workers(pool_t *pool);

/**
 * Gives the pool more workers, or fewer, while it works. No task is disturbed: a worker that is
 * one too many ends the task in hand first, and what waits is run by the others.
 *
 * workers: how many tasks run at a time from now on, at most the option `max_workers`; 0: as many
 *   as pool_create(0) would take.
 * May be called from anywhere, also from tasks and callbacks. Does not block. Threads are started
 * when there is work for them; processes at once, forked by the pool's own process as those
 * before, so that they see the program's memory as it was then. New workers run the initializer; if it
 * fails, a thread does not step in, and a process is tried again as after a death.
 * Returns POOL_OK, POOL_ERR_INVALID, _CLOSED, _TERMINATED, _FORKED; _UNSUPPORTED inside a worker
 * process of the pool.
 *
 * Example:
 *     pool_resize(pool, 4);
 *     assert(pool_workers(pool) == 4);
 *     pool_map(pool, slow, in, sizeof in[0], out, sizeof out[0], 5);
 *     pool_resize(pool, 1); // from here on one task at a time
 */
int32_t pool_resize(pool_t *pool,
                    uint32_t workers);

/* ---- Something that every worker does once ----------------------------- */

/**
 * Runs a function exactly once on every worker of the pool, and waits for all of them: to load a table,
 * to reseed a generator, to empty a cache, to collect what each worker has counted.
 *
 * fn, arg, arg_size: what to run, and its argument, as in pool_apply(): the same for all.
 * results, result_size: room for `count` results of `result_size` bytes, of which only those of runs
 *   that end well are written; NULL and 0 for none. They are in no particular order: task->worker tells
 *   the function which worker it is on.
 * statuses: room for `count` statuses; or NULL.
 * count: for how many results and statuses there is room, at least pool_workers(); what lies
 *   behind those stays as it is. Without results and statuses anything will do.
 * The function is called when all workers have ended what they have in hand, and what was submitted
 * before; those that are free first wait for the others. (So a task must not wait, but by the pool's
 * own means, for another that is submitted later. And a limit on the time of tasks, `task_timeout_ms`,
 * counts this wait, too.) A worker in a blocking section is represented by the spare one in its place.
 * When a worker dies, its run fails; if that is while it waits for the others, its replacement may
 * run the function in place of a worker that is still busy. Workers that are made later know nothing
 * of it: for those there is the initializer. There is always room for the runs, whatever `max_pending`
 * says.
 * Blocks, and takes part in nothing meanwhile. One call is made after the other; pool_resize() takes
 * effect after it.
 * Returns POOL_OK if all runs have ended well; with `statuses`, not NULL, also if not, and each has its
 * status there; else the first failure, as pool_apply(). POOL_ERR_SIZE if `count` is less than the number
 * of workers, POOL_ERR_SYSTEM if one of them could not be started: nothing was run then.
 * POOL_ERR_DEADLOCK inside a task or callback of the pool.
 *
 * Example:
 *     static int32_t tell_worker(const void *arg, void *result, pool_task_t *task) {
 *         *(uint32_t *)result = task->worker + *(const uint32_t *)arg;
 *         return 0;
 *     }
 *     uint32_t hundred = 100, told[64];
 *     assert(pool_workers(pool) <= 64);
 *     int32_t ended = pool_broadcast(pool, tell_worker, &hundred, sizeof hundred, told, sizeof told[0], NULL, 64);
 *     assert(ended == POOL_OK && told[0] >= 100);
 */
int32_t pool_broadcast(pool_t *pool,
                       pool_fn fn,
                       const void *arg,
                       size_t arg_size,
                       void *results,
                       size_t result_size,
                       int32_t *statuses,
                       size_t count);

/* ---- Calls in full ----------------------------------------------------- */

/** Runs when nothing more urgent waits, and once in sixteen starts. */
#define POOL_PRIORITY_LOW (-1)

/** As all calls of the short forms. */
#define POOL_PRIORITY_NORMAL 0

/** Starts before whatever waits with a lower priority. */
#define POOL_PRIORITY_HIGH 1

/**
 * A call in full. Begin with POOL_CALL_INIT, then set what you need.
 *
 * Example:
 *     pool_call_t calls[2] = {POOL_CALL_INIT, POOL_CALL_INIT};
 *     pool_future_t *futures[2];
 *     for (int i = 0; i < 2; i++) {
 *         calls[i].fn = square;
 *         calls[i].arg = &in[i];
 *         calls[i].arg_size = calls[i].result_size = sizeof(int);
 *         calls[i].timeout_ms = 60000;
 *         calls[i].retries = 2;
 *     }
 *     calls[1].priority = POOL_PRIORITY_HIGH;
 *     assert(pool_submit(pool, calls, 2, futures) == POOL_OK);
 *     for (int i = 0; i < 2; i++) {
 *         assert(pool_future_get(futures[i], &out[i], sizeof(int), -1) == POOL_OK);
 *         pool_future_release(futures[i]);
 *     }
 *     assert(out[1] == 4);
 *
 * With `delay_ms` or `after` a task is accepted at once, with a future and for its callback, but is
 * in no queue before its time has come and all of `after` have ended with POOL_OK; then it stands
 * behind what was submitted until then. One of `after` that ends otherwise ends it at once, with
 * the same status and a sentence that names it, without having run; and so on down a chain.
 * Until then pool_future_cancel() and pool_terminate() end it, and a wait for it only waits.
 * pool_close() lets it run at its time, and joining waits for that: also for ever, if `delay_ms` is
 * INT64_MAX. It counts for `max_pending` all the while.
 *
 * The futures in `after` may be released as soon as it was submitted. Since a future is written by
 * the call that submits its task, tasks cannot wait in a circle; for tasks that follow others of
 * the same batch, submit twice.
 *
 * Example:
 *     pool_future_t *parts[5], *whole;
 *     pool_call_t calls[5], last = POOL_CALL_INIT;
 *     for (int i = 0; i < 5; i++) {
 *         calls[i] = (pool_call_t)POOL_CALL_INIT;
 *         calls[i].fn = slow;
 *         calls[i].arg = &in[i];
 *         calls[i].arg_size = calls[i].result_size = sizeof(int);
 *         calls[i].delay_ms = 10 * i;
 *     }
 *     pool_submit(pool, calls, 5, parts);
 *     last.fn = square;
 *     last.arg = &in[1];
 *     last.arg_size = last.result_size = sizeof(int);
 *     last.after = parts;
 *     last.after_count = 5;
 *     pool_submit(pool, &last, 1, &whole);
 *     assert(pool_future_wait(whole, -1) == POOL_OK);
 *     assert(pool_future_ready(parts[4]) == 1);
 *     for (int i = 0; i < 5; i++) pool_future_release(parts[i]);
 *     pool_future_release(whole);
 */
typedef struct pool_call_t {
  /** sizeof(pool_call_t), set by POOL_CALL_INIT. */
  size_t struct_size;
  /** What to run. */
  pool_fn fn;
  /** The argument: `arg_size` bytes there, or with `arg_size` 0 the pointer itself. Not for maps. */
  const void *arg;
  /** The size of an argument in bytes. */
  size_t arg_size;
  /** The size of a result in bytes. */
  size_t result_size;
  /** What tasks see as task->context; borrowed until the call has ended. */
  const void *context;
  /**
   * Called once with the outcome, where the pool's option `callbacks` says; NULL for none. Not
   * for pool_map_with().
   */
  pool_callback_fn callback;
  /** Passed to the callback. */
  void *user_data;
  /**
   * POOL_PRIORITY_NORMAL, which is 0, _HIGH or _LOW: of those that wait the more urgent start
   * first, and among equals those of one submitting thread in its order. Nothing that runs is
   * interrupted. Lest a stream of urgent tasks starve the others, of the starts of each worker one
   * in sixteen is a normal task's, and one a low one's, if one waits. In a map it is that of all
   * its items. Anything else is POOL_ERR_INVALID.
   */
  int32_t priority;
  /**
   * How often to try again, at once, after a failure: a code of the task's own, POOL_ERR_INTERNAL,
   * _WORKER_DIED or _TIME_LIMIT. Only the last attempt's failure is reported. task->attempt says
   * which it is, the argument's bytes are the same and the result's are zero again. What was
   * cancelled, killed or terminated is not tried again, nor is anything in a pool that is broken.
   * In a map it is so for each item, in threads only, and an item finds in arrays what the attempt
   * before has left there.
   */
  uint32_t retries;
  /**
   * How long a run may take, in milliseconds, in a map that of each item; 0: as long as the pool's
   * option task_timeout_ms says; -1: for ever. In processes the worker is then killed, and the
   * task fails with POOL_ERR_TIME_LIMIT. A thread cannot be killed: there the task is asked to stop
   * (pool_task_cancelled() is 1), and if it then returns anything but POOL_OK, it has failed with
   * POOL_ERR_TIME_LIMIT. The time that it waits to start does not count.
   */
  int64_t timeout_ms;
  /** How long to wait before it may start, in milliseconds. Not for maps. */
  int64_t delay_ms;
  /** Futures, of this pool or others, that must have ended well before it may start. Not for maps. */
  pool_future_t *const *after;
  /** How many. */
  size_t after_count;
  /** Cancels it, with all others of that token; NULL for none. */
  pool_token_t *cancel;
  /** The group that it is in; NULL for none. */
  pool_group_t *group;
} pool_call_t;

/**
 * Submits many calls at once: all of them, or none.
 *
 * calls, count: an array of `count` calls, each begun with POOL_CALL_INIT; read during the call
 *   only, and each argument's bytes are copied, as by pool_apply_async(). `count` 0 does nothing.
 * futures: room for `count` handles, each written before its task can start and the caller's to
 *   release with pool_future_release(); NULL if not wanted.
 * The tasks start in the order of the array. Costs a fraction of as many pool_apply_async(), and
 * one wake-up; the first tasks may have ended before it returns. Does not block, but for starting
 * a thread now and then. Returns POOL_OK, or as pool_apply_async(), with the number of the call
 * in the sentence if one is the reason: then nothing was submitted, nothing written, and no
 * callback is ever called.
 */
int32_t pool_submit(pool_t *pool,
                    const struct pool_call_t *calls,
                    size_t count,
                    pool_future_t **futures);

/**
 * As pool_map(), with a context for all items, and a status of each.
 *
 * call: read during the call only.
 * args, results, count: as in pool_map().
 * statuses: room for `count` statuses; then every item is run, whatever becomes of the others,
 *   and POOL_OK is returned also if some have failed. After pool_terminate() those that were
 *   not started have POOL_ERR_TERMINATED, which is then returned. NULL: as in pool_map().
 * Blocks, and returns, as pool_map().
 */
int32_t pool_map_with(pool_t *pool,
                      const struct pool_call_t *call,
                      const void *args,
                      void *results,
                      int32_t *statuses,
                      size_t count);

/**
 * As pool_map_with(), but returns at once, as pool_map_async() does: `args`, `results` and
 * `statuses` are borrowed until the map has ended.
 *
 * Example:
 *
 *     pool_call_t call = POOL_CALL_INIT;
 *     call.fn = square;
 *     call.arg_size = call.result_size = sizeof(int);
 *     pool_future_t *future;
 *     int32_t statuses[5];
 *     assert(pool_map_with_async(pool, &call, in, out, statuses, 5, &future) == POOL_OK);
 *     uint64_t done, total;
 *     while (pool_future_wait(future, 100) == POOL_ERR_TIMEOUT) {
 *       pool_future_progress(future, &done, &total);
 *       printf("\r%d of %d", (int)done, (int)total);
 *     }
 *     assert(pool_future_status(future) == POOL_OK && statuses[4] == POOL_OK && out[4] == 25);
 *     pool_future_release(future);
 *
 * call: read during the call only. Its callback is called once for the whole map, its outcome as
 *   that of pool_map_async().
 * future: goes there; NULL if not wanted. pool_future_cancel() ends the map, and with `statuses`
 *   those items that were not started have POOL_ERR_CANCELLED; pool_future_progress() tells how
 *   many are done.
 * Returns as pool_map_async().
 */
int32_t pool_map_with_async(pool_t *pool,
                            const struct pool_call_t *call,
                            const void *args,
                            void *results,
                            int32_t *statuses,
                            size_t count,
                            pool_future_t **future);

/* The value to begin a pool_call_t with. */
#define POOL_CALL_INIT \
  { sizeof(pool_call_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* ---- Periodic tasks ---------------------------------------------------- */

/** A task that is run again and again. */
typedef struct pool_periodic_t pool_periodic_t;

/**
 * Runs a task again and again, at a fixed rate: for the first time after the call's `delay_ms`,
 * then every `period_ms` after that. There are never two runs of it at once: if one takes longer
 * than a period, or starts late, the moments that have passed meanwhile are left out, and the plan
 * is kept. Between two runs it costs nothing.
 *
 * Example:
 *     static int32_t tick(const void *arg, void *result, pool_task_t *task) {
 *       (void)arg, (void)task;
 *       *(int *)result = 42;
 *       return 0;
 *     }
 *     pool_call_t call = POOL_CALL_INIT;
 *     call.fn = tick;
 *     call.result_size = sizeof(int);
 *     pool_periodic_t *ticks;
 *     pool_periodic_start(pool, &call, 1, &ticks);
 *     while (pool_periodic_runs(ticks) < 3) usleep(1000);
 *     int last = 0;
 *     assert(pool_periodic_get(ticks, &last, sizeof last) == POOL_OK && last == 42);
 *     pool_periodic_cancel(ticks);
 *     assert(pool_periodic_wait(ticks, -1) == POOL_ERR_CANCELLED);
 *     pool_periodic_release(ticks);
 *
 * call: what each run is, as for pool_submit(): with the same argument, copied now; the callback is
 *   called for each run. Its token ends it at the latest with the next run; each run is in its
 *   group while it is under way. `context` is borrowed until the end. No `after`.
 * period_ms: at least 1.
 * periodic: a handle is written there, the caller's to give back with pool_periodic_release(); NULL
 *   if not wanted.
 * It ends when a run ends otherwise than with POOL_OK (so it can end itself by a positive code),
 * by pool_periodic_cancel(), and when its pool is closed or terminated: a run that is under way
 * then ends as others do. Its runs are not kept out by `max_pending`.
 * Does not block. Returns POOL_OK, or as pool_submit(); POOL_ERR_SYSTEM also when there can be no
 * timer thread.
 */
int32_t pool_periodic_start(pool_t *pool,
                            const pool_call_t *call,
                            int64_t period_ms,
                            struct pool_periodic_t **periodic);

/**
 * Ends it: there are no more runs, and one that is under way is asked to stop, as by
 * pool_future_cancel(). Does not block; also from its own run or callback. Returns 1, or 0 if it
 * had ended; POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_periodic_cancel(struct pool_periodic_t *periodic);

/**
 * Waits until it has ended, and tells why: POOL_ERR_CANCELLED, _CLOSED or _TERMINATED (its pool
 * was), or the status of the run that has not ended well, with its sentence. Or POOL_ERR_TIMEOUT:
 * it has not ended (with `timeout_ms` 0 this only looks); POOL_ERR_DEADLOCK in its own run;
 * POOL_ERR_INVALID, _FORKED. May be called again and again.
 */
int32_t pool_periodic_wait(const struct pool_periodic_t *periodic, int64_t timeout_ms);

/** How many runs have ended, however they did; or POOL_ERR_INVALID, _FORKED. Does not block. */
int64_t pool_periodic_runs(const struct pool_periodic_t *periodic);

/**
 * Copies the result of the last run that has ended well; during the next run, too, and after the
 * end.
 *
 * result, result_size: where it goes, on success only.
 * Does not block. Returns POOL_OK; POOL_ERR_TIMEOUT when no run has ended well yet; _SIZE when the
 * result is larger; POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_periodic_get(const struct pool_periodic_t *periodic, void *result, size_t result_size);

/**
 * Gives the handle back; once, after which it must not be used. The runs go on. NULL does nothing,
 * and so does a forked child. Returns POOL_OK, POOL_ERR_INVALID.
 */
int32_t pool_periodic_release(struct pool_periodic_t *periodic);

/* ---- Maps over several arrays ------------------------------------------ */

/** The most arrays that pool_starmap() goes through. */
#define POOL_MAX_ARRAYS 16

/** One of the arrays of pool_starmap(). */
typedef struct pool_array_t {
  /** The first element. */
  const void *data;
  /** The distance between elements in bytes; 0: every item gets `data` itself. */
  size_t item_size;
} pool_array_t;

/**
 * As pool_map(), over several arrays at once: the argument of item i is the i-th element of each.
 *
 * fn: what to run. Its `arg` is an array of `array_count` pointers, `const void *const *`, the k-th
 *   to the item's element of the k-th array; they are not for writing through.
 *
 * Example:
 *
 *     static int32_t multiply(const void *arg, void *result, pool_task_t *task) {
 *       const void *const *args = arg;
 *       *(double *)result = *(const double *)args[0] * *(const int *)args[1];
 *       return 0;
 *     }
 *     double prices[3] = {0.5, 1.5, 2.0}, sums[3];
 *     int pieces[3] = {10, 20, 30};
 *     pool_array_t arrays[] = {{prices, sizeof(double)}, {pieces, sizeof(int)}};
 *     assert(pool_starmap(pool, multiply, arrays, 2, sums, sizeof(double), 3) == POOL_OK);
 *     assert(sums[0] == 5 && sums[1] == 30 && sums[2] == 60);
 *
 * arrays, array_count: from 1 to POOL_MAX_ARRAYS arrays of `count` elements each. In processes an
 *   array that is not in pool_shared_alloc() memory is copied there before the first item starts;
 *   one with `item_size` 0 is NULL or in that memory, else POOL_ERR_INVALID.
 * results, result_size, count: as in pool_map().
 * Blocks, and returns, as pool_map().
 */
int32_t pool_starmap(pool_t *pool,
                     pool_fn fn,
                     const struct pool_array_t *arrays,
                     size_t array_count,
                     void *results,
                     size_t result_size,
                     size_t count);

/**
 * As pool_starmap(), but returns at once, as pool_map_async() does: `results`, and the arrays, but
 * not `arrays` itself, are borrowed until the map has ended. callback, user_data, future: as there.
 * Returns as pool_map_async().
 */
int32_t pool_starmap_async(pool_t *pool,
                           pool_fn fn,
                           const struct pool_array_t *arrays,
                           size_t array_count,
                           void *results,
                           size_t result_size,
                           size_t count,
                           pool_callback_fn callback,
                           void *user_data,
                           pool_future_t **future);

/* ---- Maps from a producer to a consumer -------------------------------- */

/** A map under way from a producer to a consumer. */
typedef struct pool_imap_t pool_imap_t;

/**
 * Produces the arguments of pool_imap(): writes the next one to `arg`, and returns 1; or 0 at the
 * end, or something negative for a failure, which is an end, too: pool_imap_next() then returns
 * POOL_ERR_INTERNAL, and pool_last_error() tells the number.
 *
 * arg: zeroed bytes, as many as the call's `arg_size`, 16-aligned; NULL if that is 0.
 * It must return, as a task must, and not use the iterator it produces for.
 */
typedef int32_t (*pool_producer_fn)(void *arg, void *user_data);

/**
 * A map over arguments that a producer makes one after the other, and whose results are taken one
 * after the other, in the order of the arguments: for more of them than memory holds, or without
 * end. Never more than `window` items are there, from their production until their results are
 * taken.
 *
 * Example:
 *
 *     static int32_t numbers(void *arg, void *user_data) {
 *       int *next = user_data;
 *       *(int *)arg = ++*next;
 *       return *next <= 100000;
 *     }
 *     pool_call_t call = POOL_CALL_INIT;
 *     call.fn = square;
 *     call.arg_size = call.result_size = sizeof(int);
 *     int next = 0, result;
 *     int32_t status;
 *     size_t index;
 *     pool_imap_t *squares;
 *     assert(pool_imap(pool, &call, numbers, &next, 0, &squares) == POOL_OK);
 *     while (pool_imap_next(squares, -1, &result, sizeof result, &index, &status) == 1) {
 *       assert(status == POOL_OK && result == (int)((index + 1) * (index + 1)));
 *       if (index == 999) break; // enough
 *     }
 *     pool_imap_release(squares);
 *
 * call: what to run, with all that it says for each item: context, priority and so on; `arg` is
 *   NULL, or with `arg_size` 0 what every item gets. Read during the call only, but what it points
 *   to is borrowed until the last item has ended. No callback.
 * producer, user_data: called on the thread that calls this or pool_imap_next(), inside these
 *   calls, and never twice at a time: so it needs no lock, and is only as far ahead as the window.
 * window: how many items may be under way; 0 for four for each worker.
 * imap: goes there, the caller's to release with pool_imap_release().
 * Submits the first items. Blocks only as long as the producer does, or where the pool's option
 * `when_full` says so. Returns POOL_OK, or as pool_submit(): then nothing was submitted, though
 * the producer may have been called.
 */
int32_t pool_imap(pool_t *pool,
                  const pool_call_t *call,
                  pool_producer_fn producer,
                  void *user_data,
                  size_t window,
                  struct pool_imap_t **imap);

/**
 * As pool_imap(), but results come in the order in which the items end: one that takes long keeps
 * no other waiting.
 */
int32_t pool_imap_unordered(pool_t *pool,
                            const pool_call_t *call,
                            pool_producer_fn producer,
                            void *user_data,
                            size_t window,
                            struct pool_imap_t **imap);

/**
 * Waits for the next item, and takes its result. Before that it produces and submits as many as
 * the window has room for.
 *
 * imap: used by one thread at a time, else POOL_ERR_INVALID.
 * timeout_ms: how long at most, in milliseconds, beside what the producer takes; -1 for ever, and
 *   then pool_imap() helps as pool_future_wait() does.
 * result, result_size: where the result goes, if the item was well; NULL and 0 if not wanted.
 * index: the number of its argument goes there, from 0; NULL if not wanted.
 * status: how the item ended goes there: POOL_OK, or its failure, whose sentence pool_last_error()
 *   has. The others go on: a failure is delivered in its place.
 * Returns 1 with an item; 0 at the end; POOL_ERR_INTERNAL where the producer has failed, once all
 * items before that have been taken; POOL_ERR_TIMEOUT, or _SIZE when the result is larger than
 * `result_size`: then the item stays, and the call may be repeated. When an item could not be
 * submitted, and no other is under way, why: _CLOSED, _TERMINATED, _FULL, _NO_MEMORY and so on; its
 * argument is kept for the next call. POOL_ERR_INVALID; _FORKED; and as pool_future_wait().
 */
int32_t pool_imap_next(struct pool_imap_t *imap,
                       int64_t timeout_ms,
                       void *result,
                       size_t result_size,
                       size_t *index,
                       int32_t *status);

/**
 * Gives the iterator back, at its end or in the midst; once. Items that have not started are
 * cancelled; those that run are asked to stop, and what becomes of them is lost. Does not wait for
 * them. NULL does nothing. Returns POOL_OK; POOL_ERR_INVALID, also while another thread uses it.
 */
int32_t pool_imap_release(struct pool_imap_t *imap);

/* ---- Callbacks on a thread of your choice ------------------------------ */

/**
 * Runs the callbacks that wait, on the calling thread; only for a pool whose option `callbacks`
 * is POOL_CALLBACKS_POLLED. If none waits, waits for the first one. After pool_close(),
 * `while (pool_poll(pool, -1) > 0);` runs all that is left.
 *
 * timeout_ms: how long at most, in milliseconds; 0 not at all, -1 for ever.
 * Returns how many were run: 0 at the end of the time, and when the pool is closed and none can
 * come any more. Or POOL_ERR_INVALID in other pools; POOL_ERR_DEADLOCK from a task or callback
 * of the pool itself; _FORKED. One thread polls at a time; a second one waits.
 *
 * Example:
 *     static void append(const pool_result_t *outcome, void *user_data) {
 *         printf("%d\n", *(const int *)outcome->data);
 *     }
 *     pool_options_t options = POOL_OPTIONS_INIT;
 *     options.callbacks = POOL_CALLBACKS_POLLED;
 *     pool_t *polled;
 *     assert(pool_create_with(&options, &polled) == POOL_OK);
 *     for (int i = 0; i < 5; i++)
 *         pool_apply_async(polled, square, &in[i], sizeof in[i], sizeof in[i], append, NULL, NULL);
 *     for (int called = 0; called < 5;) called += pool_poll(polled, -1);
 *     pool_close_join(polled);
 */
int32_t pool_poll(pool_t *pool, int64_t timeout_ms);

/**
 * A file descriptor that is readable while callbacks wait, for poll(2), epoll and event loops:
 * when it is, call pool_poll() with time-out 0. It belongs to the pool: do not read or close
 * it; it is gone with the pool.
 *
 * Returns the descriptor, or POOL_ERR_INVALID in pools that are not polled, _SYSTEM when the
 * process has no descriptors left, _FORKED.
 */
int32_t pool_poll_fd(pool_t *pool);

/* ---- Memory that all workers share ------------------------------------- */

/**
 * Memory that the program and all workers of the pool share, at the same address: what an `arg`
 * with `arg_size` 0 and a `context` may point to in processes, and where maps work in place,
 * without a copy. Zeroed, and aligned to 64 bytes. In a pool of threads, memory like any other.
 *
 * A crashing worker may leave half-written data there; the program's own memory it cannot reach.
 *
 * size: in bytes, not 0. All of it is there when this returns, which takes its time for GiBs.
 * Returns the memory, to be given back with pool_shared_free(), or gone with the pool; NULL on
 * failure, and pool_last_error() says why: POOL_ERR_INVALID, _NO_MEMORY, _FORKED, and
 * POOL_ERR_UNSUPPORTED inside a worker process.
 *
 * Example (processes):
 *     int *numbers = pool_shared_alloc(pool, 1000 * sizeof *numbers);
 *     assert(numbers != NULL);
 *     for (int i = 0; i < 1000; i++) numbers[i] = i;
 *     // In place, without a copy.
 *     assert(pool_map(pool, square, numbers, sizeof *numbers, numbers, sizeof *numbers, 1000) == POOL_OK);
 *     assert(numbers[999] == 998001);
 *     pool_shared_free(pool, numbers);
 */
void *pool_shared_alloc(pool_t *pool,
                        size_t size);

/**
 * Gives back memory of pool_shared_alloc(); no task may use it any more. NULL does nothing.
 * Returns POOL_OK; POOL_ERR_INVALID for what is none, or was given back; _FORKED.
 */
int32_t pool_shared_free(pool_t *pool, void *memory);

/* ---- Processes --------------------------------------------------------- */

/**
 * The process of the worker with this number, from 0: 0 while there is none, for a moment after
 * its death; this process's own in a pool of threads. Numbers from `workers` on are the spare
 * ones. Or POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_worker_pid(pool_t *pool, uint32_t worker);

/**
 * Makes workers from this process as it is now: they see what it has in memory at this moment,
 * and know the functions of libraries that were loaded since the pool was made. Those at work
 * end the task in hand first; tasks that wait go to the new ones. Also makes a broken pool work
 * again, after POOL_ERR_BROKEN or POOL_ERR_CRASH_LOOP. In an open pool of threads it does nothing.
 *
 * Forks, on the calling thread, as pool_create_with() does: only that thread is in the copy, and
 * a lock that another thread holds then is held in every worker for ever; so make pools early.
 * Workers inherit all file descriptors. What stdout and stderr have buffered is written before the
 * fork, and by a worker when it has nothing to do; other files tasks flush themselves. The
 * program's SIGCHLD and waitpid(-1) are left alone. If there can be no new process, the workers
 * that there are go on. With an initializer, waits until that of each new worker that could be
 * started at once has ended.
 *
 * Returns as pool_create_with(), or POOL_ERR_CLOSED, _DEADLOCK from a callback of the pool,
 * _FORKED.
 *
 * Example (processes):
 *     static int factor;
 *     static int32_t multiply(const void *arg, void *result, pool_task_t *task) {
 *         *(int *)result = *(const int *)arg * factor;
 *         return 0;
 *     }
 *     factor = 3; // after the pool was made: its workers do not see it
 *     pool_map(pool, multiply, in, sizeof in[0], out, sizeof out[0], 5);
 *     assert(out[4] == 0);
 *     assert(pool_refresh(pool) == POOL_OK);
 *     pool_map(pool, multiply, in, sizeof in[0], out, sizeof out[0], 5);
 *     assert(out[4] == 15);
 */
int32_t pool_refresh(pool_t *pool);

/**
 * Says that the code at `fn` is here to stay. Workers run functions of the program and of
 * libraries that were loaded when they were made; code outside these, made at run time as
 * just-in-time compilers and foreign-function libraries do, is POOL_ERR_UNKNOWN_FUNCTION unless
 * it was registered before the pool was made or refreshed, and must then stay as it is.
 * Returns POOL_OK, POOL_ERR_INVALID, _NO_MEMORY.
 */
int32_t pool_register_function(pool_fn fn);

/* ---- Locks ------------------------------------------------------------- */

/** A lock. */
typedef struct pool_lock_t pool_lock_t;

/**
 * Makes a lock that one thread has at a time: what is guarded by it stays whole.
 *
 * This holds for all objects that follow. The pointer is all that there is to hand on: copy it into
 * a task's argument, into other shared memory, into a global before a pool is made.
 *
 * pool: NULL makes an object for this process and all that it makes from now on: its threads, the
 *   processes of pool_spawn(), and the workers of pools that are made or refreshed afterwards. A
 *   pool of processes makes one in the memory that its workers share, those that are at work already
 *   too; it is used by them and their pools, by this process and what it makes from now on. A pool
 *   of threads makes one for the threads of this process; in a forked child it is POOL_ERR_FORKED.
 * lock: the new lock. To be freed when nobody uses it any more, by the process that has made it;
 *   one made with a pool is gone with the pool, and must not be used any more when that was freed.
 * A wait in a task of a pool of threads gives its place to a spare worker, as waits for tasks do.
 * A time of 0 does not wait. Memory that was written over, and handles of what was freed or is
 * something else, are POOL_ERR_INVALID, as a rule.
 * Returns POOL_OK, POOL_ERR_INVALID, _NO_MEMORY, _FORKED, _SYSTEM; _UNSUPPORTED in a worker of that pool.
 *
 * Example (processes):
 *     typedef struct {
 *       int a, b;
 *       pool_lock_t *lock;
 *     } record_t;
 *     static int32_t add(const void *arg, void *result, pool_task_t *task) {
 *       record_t *record = *(record_t *const *)arg;
 *       if (pool_lock_acquire(record->lock, -1) != POOL_OK) return 1;
 *       record->a++, record->b++;
 *       return -pool_lock_release(record->lock);
 *     }
 *     record_t *record = pool_shared_alloc(pool, sizeof *record), *args[50];
 *     pool_lock_create(pool, &record->lock);
 *     for (int i = 0; i < 50; i++) args[i] = record;
 *     int32_t status = pool_map(pool, add, args, sizeof args[0], NULL, 0, 50);
 *     assert(status == POOL_OK && record->a == 50 && record->b == 50);
 *     pool_lock_free(record->lock);
 *     pool_shared_free(pool, record);
 */
int32_t pool_lock_create(pool_t *pool,
                         struct pool_lock_t **lock);

/** As pool_lock_create(); the thread that has it may acquire it again, and releases it as often. */
int32_t pool_lock_create_recursive(pool_t *pool, struct pool_lock_t **lock);

/**
 * Takes the lock. Blocks until it is free, at most `timeout_ms`; -1 is for ever.
 *
 * If the thread that had it has ended without giving it back, killed or not, the caller gets (on
 * Linux) the lock with POOL_ERR_WORKER_DIED: it has it, must release it, and knows that what it guards may be
 * half changed.
 * Returns POOL_OK, or POOL_ERR_WORKER_DIED, and the caller has the lock; otherwise it has not:
 * POOL_ERR_TIMEOUT; _DEADLOCK, at once, if the caller has it already, or if the thread that has it
 * waits, maybe by way of others, for a lock that the caller has (on Linux): one of those who wait in
 * such a circle is told, or several who come to it at the same instant. _INVALID, _FORKED.
 */
int32_t pool_lock_acquire(struct pool_lock_t *lock,
                          int64_t timeout_ms);

/**
 * Gives the lock back. Does not block.
 * Returns POOL_OK; POOL_ERR_INVALID if the calling thread does not have it; _FORKED.
 */
int32_t pool_lock_release(struct pool_lock_t *lock);

/**
 * Frees a lock that nobody uses any more. NULL does nothing.
 * Returns POOL_OK; POOL_ERR_INVALID; _FORKED; _UNSUPPORTED in a process that has not made it.
 */
int32_t pool_lock_free(struct pool_lock_t *lock);

/* ---- Conditions -------------------------------------------------------- */

/** A condition. */
typedef struct pool_condition_t pool_condition_t;

/**
 * Makes a condition, as pool_lock_create() makes a lock. Who waits for something to change holds
 * the lock that guards it, and looks at it again each time; who changes it notifies, with or
 * without the lock. At most 1024 threads wait at a time.
 * Returns as pool_lock_create().
 *
 * Example (processes):
 *     typedef struct {
 *       int ready;
 *       pool_lock_t *lock;
 *       pool_condition_t *changed;
 *     } shared_t;
 *     static int32_t prepare(const void *arg, void *result, pool_task_t *task) {
 *       shared_t *shared = *(shared_t *const *)arg;
 *       pool_lock_acquire(shared->lock, -1);
 *       shared->ready = 1;
 *       pool_condition_notify(shared->changed);
 *       return -pool_lock_release(shared->lock);
 *     }
 *     shared_t *shared = pool_shared_alloc(pool, sizeof *shared);
 *     pool_lock_create(pool, &shared->lock);
 *     pool_condition_create(pool, &shared->changed);
 *     pool_apply_async(pool, prepare, &shared, sizeof shared, 0, NULL, NULL, NULL);
 *     pool_lock_acquire(shared->lock, -1);
 *     while (shared->ready == 0) pool_condition_wait(shared->changed, shared->lock, -1);
 *     pool_lock_release(shared->lock);
 */
int32_t pool_condition_create(pool_t *pool, struct pool_condition_t **condition);

/**
 * Gives the lock back, waits until notified, at most `timeout_ms`, and takes the lock again, for
 * which it waits as long as it takes. A recursive lock is given back however often it was taken.
 *
 * A notice goes to who has waited longest. It may also end when nobody has notified: after
 * the violent death of a process that might have been given the notice.
 * Returns POOL_OK, POOL_ERR_TIMEOUT, or POOL_ERR_WORKER_DIED from the lock: then the caller has it
 * again. POOL_ERR_INVALID if it does not have the lock, and _FULL if too many wait: then nothing has
 * changed. POOL_ERR_DEADLOCK if the lock cannot be had again; _FORKED.
 */
int32_t pool_condition_wait(struct pool_condition_t *condition,
                            pool_lock_t *lock,
                            int64_t timeout_ms);

/**
 * Lets the thread go on that has waited longest; does nothing if nobody waits.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_condition_notify(struct pool_condition_t *condition);

/**
 * Lets all go on who wait now.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_condition_notify_all(struct pool_condition_t *condition);

/** Frees a condition that nobody uses any more. NULL does nothing. Returns as pool_lock_free(). */
int32_t pool_condition_free(struct pool_condition_t *condition);

/* ---- Events ------------------------------------------------------------ */

/** An event. */
typedef struct pool_event_t pool_event_t;

/**
 * Makes an event that is not set, as pool_lock_create() makes a lock. Some wait for it, others
 * set it; it stays set until it is cleared.
 * Returns as pool_lock_create().
 *
 * Example (processes):
 *     static int32_t wait_for_it(const void *arg, void *result, pool_task_t *task) {
 *       return -pool_event_wait(*(pool_event_t *const *)arg, -1);
 *     }
 *     pool_event_t *event = NULL;
 *     pool_event_create(pool, &event);
 *     pool_future_t *future = NULL;
 *     pool_apply_async(pool, wait_for_it, &event, sizeof event, 0, NULL, NULL, &future);
 *     assert(pool_future_get(future, NULL, 0, 20) == POOL_ERR_TIMEOUT);
 *     pool_event_set(event);
 *     assert(pool_future_get(future, NULL, 0, -1) == POOL_OK);
 *     pool_future_release(future);
 *     pool_event_free(event);
 */
int32_t pool_event_create(pool_t *pool, struct pool_event_t **event);

/**
 * Sets the event: all go on who wait for it, also if it is cleared at once. What was written before
 * is seen by them.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_event_set(struct pool_event_t *event);

/**
 * Clears the event: who comes now waits until it is set again.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_event_clear(struct pool_event_t *event);

/** Whether the event is set: 1 or 0; or POOL_ERR_INVALID, _FORKED. */
int32_t pool_event_is_set(struct pool_event_t *event);

/**
 * Waits until the event is set, at most `timeout_ms`; -1 is for ever.
 * Returns POOL_OK, POOL_ERR_TIMEOUT, _INVALID, _FORKED.
 */
int32_t pool_event_wait(struct pool_event_t *event, int64_t timeout_ms);

/** Frees an event that nobody uses any more. NULL does nothing. Returns as pool_lock_free(). */
int32_t pool_event_free(struct pool_event_t *event);

/* ---- Semaphores -------------------------------------------------------- */

/** A semaphore. */
typedef struct pool_semaphore_t pool_semaphore_t;

/**
 * Makes a semaphore, as pool_lock_create() makes a lock.
 *
 * value: how many permits there are: so many can be taken before somebody has to wait. With 0 it
 *   counts signals, each of which lets somebody go on once.
 * Returns as pool_lock_create().
 *
 * Example:
 *     pool_semaphore_t *two_at_a_time = NULL;
 *     pool_semaphore_create(NULL, 2, &two_at_a_time);
 *     assert(pool_semaphore_acquire(two_at_a_time, -1) == POOL_OK);
 *     assert(pool_semaphore_acquire(two_at_a_time, -1) == POOL_OK);
 *     assert(pool_semaphore_acquire(two_at_a_time, 0) == POOL_ERR_TIMEOUT);
 *     pool_semaphore_release(two_at_a_time, 2);
 *     pool_semaphore_free(two_at_a_time);
 */
int32_t pool_semaphore_create(pool_t *pool, uint32_t value, struct pool_semaphore_t **semaphore);

/**
 * Takes a permit. Blocks until there is one, at most `timeout_ms`; -1 is for ever.
 *
 * Between processes a permit is that process's which has taken it, until some process gives one
 * back. When it ends before that, killed or not, the permit comes back: who takes it next gets it
 * with POOL_ERR_WORKER_DIED, has it, and knows that what it stands for may be half changed. (Not so
 * in a semaphore that was made with 0: a signal that was taken is used up.)
 * Returns POOL_OK, or POOL_ERR_WORKER_DIED, and the caller has a permit; otherwise it has none:
 * POOL_ERR_TIMEOUT, _INVALID, _FORKED.
 */
int32_t pool_semaphore_acquire(struct pool_semaphore_t *semaphore, int64_t timeout_ms);

/**
 * Gives `count` permits back, or gives new ones: any thread of any process may.
 * Returns POOL_OK; POOL_ERR_FULL if there would be more than 2^32 - 1; POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_semaphore_release(struct pool_semaphore_t *semaphore, uint32_t count);

/** Frees a semaphore that nobody uses any more. NULL does nothing. Returns as pool_lock_free(). */
int32_t pool_semaphore_free(struct pool_semaphore_t *semaphore);

/* ---- Barriers ---------------------------------------------------------- */

/** A barrier. */
typedef struct pool_barrier_t pool_barrier_t;

/**
 * Makes a barrier, as pool_lock_create() makes a lock: `parties` threads wait there for one another,
 * then all go on; and again.
 * Returns as pool_lock_create(); POOL_ERR_INVALID for 0 parties.
 *
 * Example (processes):
 *     static int32_t meet(const void *arg, void *result, pool_task_t *task) {
 *       return -pool_barrier_wait(*(pool_barrier_t *const *)arg, result, -1);
 *     }
 *     pool_barrier_t *barrier = NULL;
 *     pool_barrier_create(pool, 2, &barrier);
 *     pool_future_t *future = NULL;
 *     uint32_t mine = 9, other = 9;
 *     pool_apply_async(pool, meet, &barrier, sizeof barrier, sizeof other, NULL, NULL, &future);
 *     assert(pool_barrier_wait(barrier, &mine, -1) == POOL_OK);
 *     assert(pool_future_get(future, &other, sizeof other, -1) == POOL_OK && mine + other == 1);
 *     pool_future_release(future);
 *     pool_barrier_free(barrier);
 */
int32_t pool_barrier_create(pool_t *pool,
                            uint32_t parties,
                            struct pool_barrier_t **barrier);

/**
 * Waits until all parties have come, at most `timeout_ms`; -1 is for ever.
 *
 * The barrier breaks when a party runs out of time, and when a worker process of this program dies
 * violently while parties wait: nobody can know that they wait for it, but somebody may. All who wait
 * are told, and all who come, until it is reset.
 * place: which of the parties the caller is, by arrival from 0; NULL if that is not wanted.
 * Returns POOL_OK; POOL_ERR_TIMEOUT to who ran out of time; POOL_ERR_BROKEN; _INVALID, _FORKED.
 */
int32_t pool_barrier_wait(struct pool_barrier_t *barrier,
                          uint32_t *place,
                          int64_t timeout_ms);

/**
 * Makes the barrier whole and empty. Who waits gets POOL_ERR_BROKEN.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_barrier_reset(struct pool_barrier_t *barrier);

/**
 * Breaks the barrier: who waits, and who comes, gets POOL_ERR_BROKEN, until it is reset.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_barrier_abort(struct pool_barrier_t *barrier);

/** How many wait at the barrier right now; or POOL_ERR_BROKEN, _INVALID, _FORKED. */
int32_t pool_barrier_waiting(struct pool_barrier_t *barrier);

/** Frees a barrier that nobody uses any more. NULL does nothing. Returns as pool_lock_free(). */
int32_t pool_barrier_free(struct pool_barrier_t *barrier);

/* ---- Counters ---------------------------------------------------------- */

/** A counter. */
typedef struct pool_counter_t pool_counter_t;

/**
 * Makes a number that threads and processes change at once without a lock, as pool_lock_create()
 * makes a lock. Who dies has changed it, or has not. What was written before a change is seen by
 * who sees the change.
 *
 * value: the number at the beginning.
 * Returns as pool_lock_create().
 *
 * Example (processes):
 *     static int32_t count(const void *arg, void *result, pool_task_t *task) {
 *       return -pool_counter_add(*(pool_counter_t *const *)arg, 2, NULL);
 *     }
 *     pool_counter_t *counter = NULL, *args[100];
 *     int64_t value = 0;
 *     pool_counter_create(pool, 1, &counter);
 *     for (int i = 0; i < 100; i++) args[i] = counter;
 *     pool_map(pool, count, args, sizeof args[0], NULL, 0, 100);
 *     assert(pool_counter_get(counter, &value) == POOL_OK && value == 201);
 *     pool_counter_free(counter);
 */
int32_t pool_counter_create(pool_t *pool, int64_t value, struct pool_counter_t **counter);

/**
 * Adds `amount`, which may be negative; beyond the end of the range it goes on at the other.
 *
 * value: the number afterwards; NULL if it is not wanted.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_counter_add(struct pool_counter_t *counter, int64_t amount, int64_t *value);

/**
 * Reads the number.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_counter_get(struct pool_counter_t *counter, int64_t *value);

/**
 * Makes the number another.
 *
 * before: what it was; NULL if that is not wanted.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_counter_set(struct pool_counter_t *counter, int64_t value, int64_t *before);

/**
 * Makes the number `value` if it is `expected`, else leaves it.
 *
 * before: what it was, which is `expected` if it was changed; NULL if that is not wanted.
 * Returns POOL_OK, also if it was left; POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_counter_compare_exchange(struct pool_counter_t *counter,
                                      int64_t expected,
                                      int64_t value,
                                      int64_t *before);

/** Frees a counter that nobody uses any more. NULL does nothing. Returns as pool_lock_free(). */
int32_t pool_counter_free(struct pool_counter_t *counter);

/* ---- Queues ------------------------------------------------------------ */

/** A queue. */
typedef struct pool_queue_t pool_queue_t;

/**
 * Makes a queue, as pool_lock_create() makes a lock. Items are bytes that are copied in and out:
 * numbers, structs, text; pointers in them mean something where the memory is shared.
 *
 * item_size: the most bytes of an item; each may have less.
 * capacity: how many items there is room for, not 0. The memory for them is taken at once.
 * Returns as pool_lock_create().
 *
 * Example (processes):
 *     static int32_t square_all(const void *arg, void *result, pool_task_t *task) {
 *       pool_queue_t *const *queues = arg;
 *       for (int item; pool_queue_get(queues[0], &item, sizeof item, NULL, -1) == POOL_OK;) {
 *         item *= item;
 *         pool_queue_put(queues[1], &item, sizeof item, -1);
 *         pool_queue_task_done(queues[0]);
 *       }
 *       return 0;
 *     }
 *     pool_queue_t *queues[2] = {NULL, NULL};
 *     pool_queue_create(pool, sizeof(int), 5, &queues[0]);
 *     pool_queue_create(pool, sizeof(int), 5, &queues[1]);
 *     for (int i = 0; i < 2; i++)
 *       pool_apply_async(pool, square_all, queues, sizeof queues, 0, NULL, NULL, NULL);
 *     for (int i = 0; i < 5; i++) pool_queue_put(queues[0], &in[i], sizeof(int), -1);
 *     assert(pool_queue_join(queues[0], -1) == POOL_OK);
 *     int sum = 0, item = 0;
 *     while (pool_queue_get(queues[1], &item, sizeof item, NULL, 0) == POOL_OK) sum += item;
 *     assert(sum == 55);
 *     pool_queue_close(queues[0]);
 */
int32_t pool_queue_create(pool_t *pool,
                          size_t item_size,
                          size_t capacity,
                          struct pool_queue_t **queue);

/**
 * Puts a copy of an item at the end. Blocks while the queue is full, at most `timeout_ms`; -1 is
 * for ever. A process that dies meanwhile has put the whole item, or none.
 *
 * item, size: the item's bytes; NULL and 0 for an item without any.
 * Returns POOL_OK; POOL_ERR_TIMEOUT if the queue is full; _CLOSED; _SIZE for more bytes than an
 * item may have; _INVALID, _FORKED; _INTERNAL if the queue's memory was written over.
 */
int32_t pool_queue_put(struct pool_queue_t *queue,
                       const void *item,
                       size_t size,
                       int64_t timeout_ms);

/**
 * Gets the first item. Blocks while the queue is empty, at most `timeout_ms`; -1 is for ever.
 *
 * item, item_size: where its bytes go, and how many there is room for; NULL and 0 for none.
 * size: how many it has; NULL if that is not wanted.
 * Returns POOL_OK; POOL_ERR_TIMEOUT if there is none; _CLOSED if there will be none; _SIZE if the
 * item is larger, and stays where it is; _INVALID, _FORKED; _INTERNAL as pool_queue_put().
 */
int32_t pool_queue_get(struct pool_queue_t *queue,
                       void *item,
                       size_t item_size,
                       size_t *size,
                       int64_t timeout_ms);

/**
 * Says that the work on one item that was got is done; for pool_queue_join().
 * Returns POOL_OK; POOL_ERR_INVALID if there is none; _FORKED.
 */
int32_t pool_queue_task_done(struct pool_queue_t *queue);

/**
 * Waits until each item that was put has been got, and pool_queue_task_done() called for it; at
 * most `timeout_ms`, -1 is for ever.
 *
 * An item that a process has got is lost when the process ends before it has said so. It is not
 * given to another: it may be what that one died of. It counts as done, and when all are, this
 * returns POOL_ERR_WORKER_DIED, once: how many were lost is in the sentence.
 * Returns POOL_OK, POOL_ERR_WORKER_DIED, _TIMEOUT, _INVALID, _FORKED.
 */
int32_t pool_queue_join(struct pool_queue_t *queue, int64_t timeout_ms);

/**
 * How many items are in the queue right now.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_queue_size(struct pool_queue_t *queue, size_t *size);

/**
 * Lets nothing more be put: that is POOL_ERR_CLOSED, also to who waits for room. What is there can be
 * got; then that is POOL_ERR_CLOSED, too, also to who waits. So consumers end without a sentinel each.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
 */
int32_t pool_queue_close(struct pool_queue_t *queue);

/**
 * Frees a queue that nobody uses any more, with what is in it. NULL does nothing. Returns as
 * pool_lock_free().
 */
int32_t pool_queue_free(struct pool_queue_t *queue);

/* ---- One function in a process of its own ------------------------------ */

/** `flags`: the program waits for it before it ends. */
#define POOL_SPAWN_JOINABLE 0

/**
 * `flags`: the program does not wait for it: a process is killed when the program ends, a thread
 * ends with it.
 */
#define POOL_SPAWN_DAEMON 1

/**
 * Runs one function in a process, or a thread, of its own.
 *
 * A process sees what the program has in memory at this moment. So it knows all locks, queues and
 * their like that were made before, and may be told of them in its argument. It is a pool of one
 * worker inside: what the header says of tasks in processes holds, and a fork happens on the calling
 * thread, as in pool_create_with(). Each costs about what a pool costs; for many short functions
 * make a pool.
 *
 * options: NULL for a process; else `mode` says whether it is a process or a thread, and all other
 *   options hold, too (`name`, `stack_size`, limits). `workers` is 0 or 1.
 * flags: POOL_SPAWN_JOINABLE: exit(), and the return from main(), wait until the function has ended,
 *   as long as that takes. POOL_SPAWN_DAEMON: they do not.
 * fn, arg, arg_size, result_size, future: as in pool_apply_async(). The future waits for the
 *   function, has its result, kills the process (pool_future_kill()); NULL if not wanted.
 * What it has taken of the system goes back with the next pool_spawn(), or pool_spawned_join(), after
 * its end. In a worker process what is spawned ends with the worker.
 * Returns as pool_create_with() and pool_apply_async().
 *
 * Example:
 *     static int32_t hello(const void *arg, void *result, pool_task_t *task) {
 *       printf("hello, %s\n", (const char *)arg);
 *       return 0;
 *     }
 *     pool_future_t *future = NULL;
 *     pool_spawn(NULL, POOL_SPAWN_JOINABLE, hello, "you", sizeof "you", 0, &future);
 *     assert(pool_future_get(future, NULL, 0, -1) == POOL_OK);
 *     pool_future_release(future);
 */
int32_t pool_spawn(const pool_options_t *options,
                   int32_t flags,
                   pool_fn fn,
                   const void *arg,
                   size_t arg_size,
                   size_t result_size,
                   pool_future_t **future);

/**
 * Waits for all that pool_spawn() has started in this process as joinable, at most `timeout_ms`; -1
 * is for ever. exit() does so itself.
 * Returns POOL_OK, POOL_ERR_TIMEOUT, _DEADLOCK in one of them, _INVALID.
 */
int32_t pool_spawned_join(int64_t timeout_ms);

/* ---- Values of each worker's own --------------------------------------- */

/** A key to values of which each thread has its own. */
typedef struct pool_local_t pool_local_t;

/** Makes the calling thread's value; NULL is a failure. It must return, as a task must. */
typedef void *(*pool_local_make_fn)(void *user_data);

/** Frees a value that `make` has made, on the thread that it belongs to. */
typedef void (*pool_local_free_fn)(void *value, void *user_data);

/**
 * Makes a key to values of which each worker has its own, a thread as well as a process: for scratch
 * memory, random generators, connections, counters. A worker's value is made when a task on it
 * first asks for it (pool_local_get()), and freed when the worker ends, after its finalizer; not when
 * its process is killed or crashes. Threads that help the pool, and all others, have values, too; these
 * are freed when the threads end. (The program's first thread does not end before the program.)
 *
 * make: makes a value.
 * free: frees one; NULL if there is nothing to free.
 * user_data: passed to both; must live as long as there are values.
 * Returns the key, good for all pools of the process, and for workers that are made later: make it
 * before a pool of processes, and pass it on as the context or in an argument. NULL on failure,
 * and pool_last_error() says why. The caller's to release; what is left of it, some 40 bytes, stays.
 *
 * Example:
 *     static void *begin_count(void *user_data) {
 *         return calloc(1, sizeof(int));
 *     }
 *     static void end_count(void *value, void *user_data) {
 *         free(value);
 *     }
 *     static int32_t count_mine(const void *arg, void *result, pool_task_t *task) {
 *         int *mine = pool_local_get(*(pool_local_t *const *)arg);
 *         *(int *)result = ++*mine; // no lock: it is this worker's own
 *         return 0;
 *     }
 *     pool_local_t *local = pool_local_create(begin_count, end_count, NULL);
 *     for (int i = 0; i < 5; i++)
 *         pool_apply(pool, count_mine, &local, sizeof local, &out[i], sizeof(int));
 *     assert(out[0] == 1);
 *     pool_local_release(local);
 */
struct pool_local_t *pool_local_create(pool_local_make_fn make,
                                       pool_local_free_fn free,
                                       void *user_data);

/**
 * The calling thread's value, made now if it has none yet: cheap after the first time. In a child
 * that was forked since, it is made anew.
 *
 * Returns the value, never to be freed by the caller; NULL on failure, and pool_last_error() says why:
 * the key was released, `make` returned NULL or asks for the very value that it makes, there is no
 * memory, or the thread is ending.
 */
void *pool_local_get(const struct pool_local_t *local);

/**
 * Ends the use of a key. Values that threads have are freed when those end, not now: join pools first
 * if `user_data` is to go.
 *
 * Returns POOL_OK, or POOL_ERR_INVALID: also when the key was released before.
 */
int32_t pool_local_release(struct pool_local_t *local);

/* ---- What happens in pools --------------------------------------------- */

/** `level`: nothing is told. */
#define POOL_LOG_NONE 0

/** `level`: a pool cannot go on: a crash loop, a dead zygote. */
#define POOL_LOG_ERROR 1

/** `level`: besides, what was lost or could not be had: a worker has died, or could not be started. */
#define POOL_LOG_WARNING 2

/**
 * `level`: besides, what has changed: workers have started or left, a pool was closed or terminated, how
 * much it still had to do, and that it has ended.
 */
#define POOL_LOG_INFO 3

/**
 * Is told that something has happened.
 *
 * level: one of POOL_LOG_...
 * pool: the name of the pool, its option `name`.
 * text: a sentence, without a line's end. Both are valid during the call only.
 *
 * It is called on the thread on which that happened: any, a pool's own too, several at once. The
 * library holds no lock meanwhile, so it may use pools, but it should be quick, and must not wait for
 * the pool that it is told of. What happens on the same thread because of it is not told. It must
 * return, as a task must.
 */
typedef void (*pool_log_fn)(int32_t level, const char *pool, const char *text, void *user_data);

/**
 * Sets the function that is told what happens in all pools of this process, in place of the one before,
 * which may still be in a call, or about to be called, on another thread. Not in children that are
 * forked later, nor in worker processes: they have no log until they set one.
 *
 * log: NULL for none.
 * user_data: passed to it.
 * level: what to tell: one of POOL_LOG_...; without it, and above it, nothing is made up to be told.
 * Returns POOL_OK, POOL_ERR_INVALID, _NO_MEMORY, _SYSTEM.
 *
 * Example (processes):
 *     static void write_down(int32_t level, const char *name, const char *text, void *user_data) {
 *         if (level <= POOL_LOG_WARNING) ++*(int *)user_data;
 *         fprintf(stderr, "%s: %s\n", name, text);
 *     }
 *     static int32_t crash(const void *arg, void *result, pool_task_t *task) {
 *         abort();
 *     }
 *     int troubles = 0;
 *     pool_set_log(write_down, &troubles, POOL_LOG_INFO);
 *     int32_t status = pool_apply(pool, crash, NULL, 0, NULL, 0);
 *     assert(status == POOL_ERR_WORKER_DIED);
 *     pool_close(pool);
 *     pool_join(pool, -1);
 *     pool_set_log(NULL, NULL, POOL_LOG_NONE);
 *     assert(troubles == 1); // "worker 0, process 4711, died by SIGABRT (signal 6)"
 */
int32_t pool_set_log(pool_log_fn log,
                     void *user_data,
                     int32_t level);

/* ---- A pool in numbers ------------------------------------------------- */

/** A pool in numbers. Begin with POOL_STATS_INIT. All counts are since the pool was made. */
typedef struct pool_stats_t {
  /** sizeof(pool_stats_t), set by POOL_STATS_INIT. */
  size_t struct_size;
  /** How many tasks run at a time, as in pool_workers(). */
  uint32_t workers;
  /** Workers have had the numbers below this: those that pool_worker_stats() takes. */
  uint32_t numbers;
  /**
   * How many workers there are now: threads, which are started when needed and include spare ones, or
   * processes.
   */
  uint32_t alive;
  /** How many threads, or worker processes, are running something now. */
  uint32_t running;
  /** How many tasks wait or block now, and have given their place up for that. */
  uint32_t blocked;
  /** How many workers sleep now, since there is nothing to do. */
  uint32_t sleeping;
  /**
   * How many calls wait for a worker now. Those that were cancelled count until a worker comes by
   * them, and so does a map that calls for more workers.
   */
  uint64_t queued;
  /** How many calls may not start yet. */
  uint64_t held;
  /** Calls that were accepted: tasks, and maps as one each. */
  uint64_t submitted;
  /** Those of them that have ended, in whatever way. */
  uint64_t ended;
  /** Those of the ended that ran and did not return POOL_OK. */
  uint64_t failed;
  /**
   * Those of the ended that never ran: they were cancelled, or the pool was terminated, or
   * nobody could run them.
   */
  uint64_t cancelled;
  /** The sums of what pool_worker_stats() says of all workers and of POOL_NO_WORKER. */
  uint64_t items;
  /** See `items`. */
  uint64_t steals;
  /** See `items`. */
  uint64_t sleeps;
  /** See `items`. */
  uint64_t busy_ns;
  /** See `items`. */
  uint64_t deaths;
  /** How often a task has given up its place, to wait or in a blocking section. */
  uint64_t waits;
} pool_stats_t;

/**
 * A worker in numbers, or all threads from outside together. Begin with POOL_WORKER_STATS_INIT.
 * All counts are since the pool was made, over all workers that have had the number.
 */
typedef struct pool_worker_stats_t {
  /** sizeof(pool_worker_stats_t), set by POOL_WORKER_STATS_INIT. */
  size_t struct_size;
  /** 1: there is such a worker now; 0: not yet, or not any more. */
  int32_t alive;
  /** Its process, 0 while there is none; in a pool of threads this one. */
  int32_t pid;
  /** Tasks that it has run. */
  uint64_t tasks;
  /** Items of maps that it has run. */
  uint64_t items;
  /**
   * Tasks, and forks of pool_join2(), that it has taken from other workers' queues. (In processes
   * there is one queue for all, and so nothing to steal.)
   */
  uint64_t steals;
  /** How often it found nothing to do, and slept. */
  uint64_t sleeps;
  /**
   * How long it was awake, in nanoseconds: it ran tasks, waited in them, or looked for some. No
   * clock is read for each task, but when the worker goes to sleep and when it is woken; so what
   * tasks used is never more than this. 0 for POOL_NO_WORKER.
   */
  uint64_t busy_ns;
  /** How often a worker with this number was started. */
  uint64_t starts;
  /**
   * How many of these died: crashed, were killed, or ended in the midst of a task. A replacement
   * that the pool's options or pool_refresh() asked for is no death.
   */
  uint64_t deaths;
} pool_worker_stats_t;

/**
 * Tells what a pool is doing and has done. The counts are kept all the time and cost nothing that
 * could be measured: each worker has its own. The numbers are of about the same moment, not of one:
 * while tasks run, their sums need not fit to the last one; in a pool at rest they do.
 *
 * pool: also when it is closed, or has ended.
 * stats: its `struct_size` is read, the rest is written.
 * Returns POOL_OK, POOL_ERR_INVALID, _FORKED; _UNSUPPORTED in a worker process of the pool. Does
 * not block.
 *
 * Example:
 *     pool_map(pool, square, in, sizeof(int), out, sizeof(int), 5);
 *     pool_stats_t stats = POOL_STATS_INIT;
 *     pool_stats(pool, &stats);
 *     assert(stats.workers == 2 && stats.submitted == 1 && stats.ended == 1);
 *     assert(stats.items == 5 && stats.failed == 0);
 */
int32_t pool_stats(pool_t *pool, struct pool_stats_t *stats);

/**
 * Tells what one worker has done.
 *
 * worker: its number, below `workers` or the `numbers` of pool_stats(): spare workers have numbers
 *   of their own. POOL_NO_WORKER: the threads from outside that have run tasks while they waited, all
 *   together.
 * stats: its `struct_size` is read, the rest is written.
 * Returns as pool_stats(); POOL_ERR_INVALID for a number that no worker has had.
 *
 * Example (processes):
 *     int32_t status = pool_apply(pool, square, &in[4], sizeof(int), &out[4], sizeof(int));
 *     assert(status == POOL_OK);
 *     uint64_t tasks = 0;
 *     for (uint32_t worker = 0; worker < 2; worker++) {
 *         pool_worker_stats_t stats = POOL_WORKER_STATS_INIT;
 *         status = pool_worker_stats(pool, worker, &stats);
 *         assert(status == POOL_OK && stats.starts == 1 && stats.deaths == 0);
 *         tasks += stats.tasks;
 *     }
 *     assert(tasks == 1);
 */
int32_t pool_worker_stats(pool_t *pool,
                          uint32_t worker,
                          struct pool_worker_stats_t *stats);

/* The value to begin a pool_stats_t with. */
#define POOL_STATS_INIT \
  { sizeof(pool_stats_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* The value to begin a pool_worker_stats_t with. */
#define POOL_WORKER_STATS_INIT \
  { sizeof(pool_worker_stats_t), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* ---- Private to pool_map() --------------------------------------------- */

/** Private to pool_map(): a run of items. */
typedef struct pool_sweep_t {
  /** Private. */
  pool_fn fn;
  /** Private. */
  pool_task_t *task;
  /** Private. */
  const char *arg;
  /** Private. */
  size_t arg_size;
  /** Private. */
  char *result;
  /** Private. */
  size_t result_size;
  /** Private. */
  size_t index;
  /** Private. */
  size_t end;
  /** Private. */
  const uint32_t *pokes;
  /** Private. */
  uint32_t seen;
} pool_sweep_t;

/** Private to pool_map(): runs items until one fails, or somebody wants attention. */
typedef int32_t (*pool_sweep_fn)(struct pool_sweep_t *sweep);

/** Private to pool_map(). */
int32_t pool_map_swept(pool_t *pool,
                       pool_fn fn,
                       const void *args,
                       size_t arg_size,
                       void *results,
                       size_t result_size,
                       size_t count,
                       pool_sweep_fn sweep);

#if defined(__GNUC__) && !defined(POOL_NO_INLINE)
static inline int32_t pool_map_sweep(pool_sweep_t *sweep) {
  const pool_fn fn = sweep->fn;
  pool_task_t *const task = sweep->task;
  const uint32_t *const pokes = sweep->pokes;
  const uint32_t seen = sweep->seen;
  const size_t arg_size = sweep->arg_size, result_size = sweep->result_size, end = sweep->end;
  const char *arg = sweep->arg;
  char *result = sweep->result;
  size_t index = sweep->index;
  int32_t status = 0;
  while (index < end && __atomic_load_n(pokes, __ATOMIC_ACQUIRE) == seen) {
    task->index = index;
    status = fn(arg, result, task);
    if (status != 0) {
      break;
    }
    index++;
    arg += arg_size;
    result += result_size;
  }
  sweep->index = index;
  return status;
}
/** pool_map() itself: its innermost loop stands beside the function that it calls. */
static inline int32_t pool_map_inline(pool_t *pool, pool_fn fn, const void *args, size_t arg_size, void *results,
                                      size_t result_size, size_t count) {
  return pool_map_swept(pool, fn, args, arg_size, results, result_size, count, pool_map_sweep);
}
#define pool_map(...) pool_map_inline(__VA_ARGS__)
#endif

/* ---- Version ----------------------------------------------------------- */

/**
 * The version of the library that is running, such as "0.1.0"; POOL_VERSION_MAJOR, _MINOR and
 * _PATCH are those of this header.
 */
const char *pool_version(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* MILLPOND_PREFIX */

#endif /* MILLPOND_H */
