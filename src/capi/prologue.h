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

