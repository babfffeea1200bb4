/* millpond_prefixed.h: millpond.h for programs in which names like pool_create are taken.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 * Generated from millpond.h by `make header`. That is the manual: each name there is one here, behind millpond_ or
 * MILLPOND_. It belongs to the library built with the feature prefix, libmillpond_prefixed, and holds no other name.
 * It is what millpond.h includes where MILLPOND_PREFIX is defined. */
#ifndef MILLPOND_PREFIXED_H
#define MILLPOND_PREFIXED_H
#include <stddef.h>
#include <stdint.h>
#define MILLPOND_POOL_VERSION_MAJOR 0
#define MILLPOND_POOL_VERSION_MINOR 1
#define MILLPOND_POOL_VERSION_PATCH 0
#ifdef __cplusplus
extern "C" {
#endif
#define MILLPOND_POOL_OK 0
#define MILLPOND_POOL_ERR_INVALID (-1)
#define MILLPOND_POOL_ERR_CLOSED (-2)
#define MILLPOND_POOL_ERR_TIMEOUT (-3)
#define MILLPOND_POOL_ERR_TIME_LIMIT (-4)
#define MILLPOND_POOL_ERR_CANCELLED (-5)
#define MILLPOND_POOL_ERR_TERMINATED (-6)
#define MILLPOND_POOL_ERR_WORKER_DIED (-7)
#define MILLPOND_POOL_ERR_CRASH_LOOP (-8)
#define MILLPOND_POOL_ERR_BROKEN (-9)
#define MILLPOND_POOL_ERR_DEADLOCK (-10)
#define MILLPOND_POOL_ERR_FORKED (-11)
#define MILLPOND_POOL_ERR_FULL (-12)
#define MILLPOND_POOL_ERR_SIZE (-13)
#define MILLPOND_POOL_ERR_NO_MEMORY (-14)
#define MILLPOND_POOL_ERR_SYSTEM (-15)
#define MILLPOND_POOL_ERR_UNSUPPORTED (-16)
#define MILLPOND_POOL_ERR_UNKNOWN_FUNCTION (-17)
#define MILLPOND_POOL_ERR_INTERNAL (-18)
typedef struct millpond_pool_future_t millpond_pool_future_t;
typedef struct millpond_pool_t millpond_pool_t;
#define MILLPOND_POOL_NO_WORKER 4294967295u
#define MILLPOND_POOL_MAX_WORKERS 4096
typedef struct millpond_pool_fork_link_t {
  struct millpond_pool_fork_link_t *older;
  struct millpond_pool_fork_link_t *newer;
} millpond_pool_fork_link_t;
typedef struct millpond_pool_task_t {
  const void *context;
  size_t index;
  uint32_t worker;
  uint32_t attempt;
  struct millpond_pool_fork_link_t private_forks;
  const uint32_t *private_hungry;
} millpond_pool_task_t;
typedef int32_t (*millpond_pool_fn)(const void *arg, void *result, struct millpond_pool_task_t *task);
typedef struct millpond_pool_fork_t {
  struct millpond_pool_fork_link_t links;
  millpond_pool_fn fn;
  const void *arg;
  void *result;
  size_t rest[10];
} millpond_pool_fork_t;
typedef struct millpond_pool_result_t {
  int32_t status;
  const char *message;
  const void *data;
  size_t size;
  size_t index;
  uint32_t worker;
  int32_t pid;
} millpond_pool_result_t;
typedef void (*millpond_pool_callback_fn)(const struct millpond_pool_result_t *outcome, void *user_data);
typedef int32_t (*millpond_pool_initializer_fn)(void *worker_data, uint32_t worker);
typedef void (*millpond_pool_finalizer_fn)(void *worker_data, uint32_t worker);
millpond_pool_t *millpond_pool_create(uint32_t workers);
millpond_pool_t *millpond_pool_default(void);
int32_t millpond_pool_apply(millpond_pool_t *pool,
                   millpond_pool_fn fn,
                   const void *arg,
                   size_t arg_size,
                   void *result,
                   size_t result_size);
int32_t millpond_pool_map(millpond_pool_t *pool,
                 millpond_pool_fn fn,
                 const void *args,
                 size_t arg_size,
                 void *results,
                 size_t result_size,
                 size_t count);
typedef int32_t (*millpond_pool_range_fn)(size_t begin, size_t end, void *context, millpond_pool_task_t *task);
typedef int32_t (*millpond_pool_reduce_fn)(size_t begin,
                                  size_t end,
                                  void *result,
                                  void *context,
                                  millpond_pool_task_t *task);
typedef void (*millpond_pool_combine_fn)(void *into, const void *from, void *context);
typedef int (*millpond_pool_compare_fn)(const void *a, const void *b, void *context);
int32_t millpond_pool_for(millpond_pool_t *pool, size_t begin, size_t end, millpond_pool_range_fn fn, void *context);
int32_t millpond_pool_reduce(millpond_pool_t *pool,
                    size_t count,
                    millpond_pool_reduce_fn piece,
                    millpond_pool_combine_fn combine,
                    const void *identity,
                    void *result,
                    size_t result_size,
                    void *context);
#define MILLPOND_POOL_SORT_I32 0
#define MILLPOND_POOL_SORT_U32 1
#define MILLPOND_POOL_SORT_I64 2
#define MILLPOND_POOL_SORT_U64 3
#define MILLPOND_POOL_SORT_F32 4
#define MILLPOND_POOL_SORT_F64 5
int32_t millpond_pool_sort(millpond_pool_t *pool, void *data, size_t count, int32_t type);
int32_t millpond_pool_sort_with(millpond_pool_t *pool,
                       void *data,
                       size_t count,
                       size_t size,
                       millpond_pool_compare_fn compare,
                       void *context);
int32_t millpond_pool_close(millpond_pool_t *pool);
int32_t millpond_pool_join(millpond_pool_t *pool, int64_t timeout_ms);
int32_t millpond_pool_terminate(millpond_pool_t *pool);
int32_t millpond_pool_close_join(millpond_pool_t *pool);
const char *millpond_pool_last_error(void);
const char *millpond_pool_status_name(int32_t status);
int32_t millpond_pool_apply_async(millpond_pool_t *pool,
                         millpond_pool_fn fn,
                         const void *arg,
                         size_t arg_size,
                         size_t result_size,
                         millpond_pool_callback_fn callback,
                         void *user_data,
                         millpond_pool_future_t **future);
int32_t millpond_pool_map_async(millpond_pool_t *pool,
                       millpond_pool_fn fn,
                       const void *args,
                       size_t arg_size,
                       void *results,
                       size_t result_size,
                       size_t count,
                       millpond_pool_callback_fn callback,
                       void *user_data,
                       millpond_pool_future_t **future);
int32_t millpond_pool_future_wait(const millpond_pool_future_t *future, int64_t timeout_ms);
int32_t millpond_pool_future_ready(const millpond_pool_future_t *future);
int32_t millpond_pool_future_running(const millpond_pool_future_t *future);
int32_t millpond_pool_future_successful(const millpond_pool_future_t *future);
int32_t millpond_pool_future_get(millpond_pool_future_t *future,
                        void *result,
                        size_t result_size,
                        int64_t timeout_ms);
const void *millpond_pool_future_data(const millpond_pool_future_t *future, size_t *size);
int32_t millpond_pool_future_status(const millpond_pool_future_t *future);
const char *millpond_pool_future_message(const millpond_pool_future_t *future);
int32_t millpond_pool_future_progress(const millpond_pool_future_t *future, uint64_t *done, uint64_t *total);
int32_t millpond_pool_future_cancel(millpond_pool_future_t *future);
int32_t millpond_pool_future_kill(millpond_pool_future_t *future);
int32_t millpond_pool_future_release(millpond_pool_future_t *future);
#define MILLPOND_POOL_WAIT_ANY 0
#define MILLPOND_POOL_WAIT_ALL 1
#define MILLPOND_POOL_WAIT_FIRST_ERROR 2
typedef struct millpond_pool_as_completed_t millpond_pool_as_completed_t;
int32_t millpond_pool_wait(millpond_pool_future_t *const *futures,
                  size_t count,
                  int32_t until,
                  int64_t timeout_ms,
                  size_t *index);
int32_t millpond_pool_as_completed(millpond_pool_future_t *const *futures,
                          size_t count,
                          struct millpond_pool_as_completed_t **iterator);
int32_t millpond_pool_as_completed_next(struct millpond_pool_as_completed_t *iterator,
                               int64_t timeout_ms,
                               size_t *index);
int32_t millpond_pool_as_completed_release(struct millpond_pool_as_completed_t *iterator);
int32_t millpond_pool_future_then(millpond_pool_future_t *future,
                         millpond_pool_fn fn,
                         size_t result_size,
                         millpond_pool_callback_fn callback,
                         void *user_data,
                         millpond_pool_future_t **next);
typedef struct millpond_pool_group_t millpond_pool_group_t;
int32_t millpond_pool_group_create(struct millpond_pool_group_t **group);
int32_t millpond_pool_group_wait(struct millpond_pool_group_t *group, int64_t timeout_ms);
int32_t millpond_pool_group_cancel(struct millpond_pool_group_t *group);
int32_t millpond_pool_group_release(struct millpond_pool_group_t *group);
typedef struct millpond_pool_token_t millpond_pool_token_t;
int32_t millpond_pool_token_create(struct millpond_pool_token_t **token);
int32_t millpond_pool_token_cancel(struct millpond_pool_token_t *token);
int32_t millpond_pool_token_cancelled(const struct millpond_pool_token_t *token);
int32_t millpond_pool_token_release(struct millpond_pool_token_t *token);
int32_t millpond_pool_task_fail(millpond_pool_task_t *task,
                       int32_t code,
                       const char *message);
int32_t millpond_pool_task_set_result(millpond_pool_task_t *task, const void *data, size_t size);
int32_t millpond_pool_task_progress(millpond_pool_task_t *task,
                           uint64_t done,
                           uint64_t total);
int32_t millpond_pool_task_cancelled(const millpond_pool_task_t *task);
int32_t millpond_pool_blocking_begin(millpond_pool_task_t *task);
int32_t millpond_pool_blocking_end(millpond_pool_task_t *task);
int32_t millpond_pool_join2(millpond_pool_task_t *task,
                   millpond_pool_fn a,
                   const void *arg_a,
                   void *result_a,
                   millpond_pool_fn b,
                   const void *arg_b,
                   void *result_b);
int32_t millpond_pool_join_n(millpond_pool_task_t *task,
                    millpond_pool_fn fn,
                    const void *args,
                    size_t arg_size,
                    void *results,
                    size_t result_size,
                    size_t count);
void millpond_pool_join2_promote(millpond_pool_task_t *task);
int32_t millpond_pool_join2_finish(millpond_pool_task_t *task, millpond_pool_fork_t *fork, int32_t status_a);
#if defined(__GNUC__) && !defined(MILLPOND_POOL_NO_INLINE) && !defined(__clang_analyzer__)
static inline int32_t millpond_pool_join2_inline(millpond_pool_task_t *task, millpond_pool_fn a, const void *arg_a, void *result_a, millpond_pool_fn b,
                                        const void *arg_b, void *result_b) {
  millpond_pool_fork_t fork;
  millpond_pool_fork_link_t *older;
  int32_t status;
  if (!task || !a || !b) {
    return (millpond_pool_join2)(task, a, arg_a, result_a, b, arg_b, result_b);
  }
  older = task->private_forks.older;
  fork.fn = b;
  fork.arg = arg_b;
  fork.result = result_b;
  fork.links.older = older;
  older->newer = &fork.links;
  task->private_forks.older = &fork.links;
  if (__builtin_expect(__atomic_load_n(task->private_hungry, __ATOMIC_RELAXED) != 0, 0)) {
    millpond_pool_join2_promote(task);
  }
  status = a(arg_a, result_a, task);
  if (__builtin_expect(status == 0 && task->private_forks.older == &fork.links, 1)) {
    task->private_forks.older = fork.links.older;
    return b(arg_b, result_b, task);
  }
  return millpond_pool_join2_finish(task, &fork, status);
}
#define millpond_pool_join2(...) millpond_pool_join2_inline(__VA_ARGS__)
#endif
#define MILLPOND_POOL_THREADS 0
#define MILLPOND_POOL_PROCESSES 1
#define MILLPOND_POOL_SEQUENTIAL 2
#define MILLPOND_POOL_CALLBACKS_SERIAL 0
#define MILLPOND_POOL_CALLBACKS_INLINE 1
#define MILLPOND_POOL_CALLBACKS_POLLED 2
#define MILLPOND_POOL_FULL_BLOCK 0
#define MILLPOND_POOL_FULL_FAIL 1
#define MILLPOND_POOL_FULL_RUN_INLINE 2
typedef int32_t (*millpond_pool_fork_fn)(void *worker_data);
typedef void (*millpond_pool_reseed_fn)(uint64_t seed, void *worker_data, uint32_t worker);
typedef struct millpond_pool_options_t {
  size_t struct_size;
  int32_t mode;
  uint32_t workers;
  int32_t callbacks;
  millpond_pool_initializer_fn initializer;
  millpond_pool_finalizer_fn finalizer;
  void *worker_data;
  size_t stack_size;
  const char *name;
  uint32_t max_blocked;
  int64_t task_timeout_ms;
  uint32_t task_cpu_seconds;
  int32_t nice;
  size_t memory_limit_bytes;
  size_t max_tasks_per_worker;
  size_t max_rss_bytes;
  uint32_t spare_workers;
  int32_t oom_score_adj;
  int32_t pin_workers;
  int32_t core_dumps;
  size_t stderr_tail_bytes;
  millpond_pool_fork_fn fork_fn;
  millpond_pool_reseed_fn reseed;
  size_t max_pending;
  int32_t when_full;
  uint32_t max_workers;
  const uint32_t *cpus;
  size_t cpu_count;
} millpond_pool_options_t;
int32_t millpond_pool_create_with(const struct millpond_pool_options_t *options, millpond_pool_t **pool);
#define MILLPOND_POOL_OPTIONS_INIT \
  { sizeof(millpond_pool_options_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
    0, 0, 0, 0, 0, 0 }
int32_t millpond_pool_workers(millpond_pool_t *pool);
int32_t millpond_pool_resize(millpond_pool_t *pool,
                    uint32_t workers);
int32_t millpond_pool_broadcast(millpond_pool_t *pool,
                       millpond_pool_fn fn,
                       const void *arg,
                       size_t arg_size,
                       void *results,
                       size_t result_size,
                       int32_t *statuses,
                       size_t count);
#define MILLPOND_POOL_PRIORITY_LOW (-1)
#define MILLPOND_POOL_PRIORITY_NORMAL 0
#define MILLPOND_POOL_PRIORITY_HIGH 1
typedef struct millpond_pool_call_t {
  size_t struct_size;
  millpond_pool_fn fn;
  const void *arg;
  size_t arg_size;
  size_t result_size;
  const void *context;
  millpond_pool_callback_fn callback;
  void *user_data;
  int32_t priority;
  uint32_t retries;
  int64_t timeout_ms;
  int64_t delay_ms;
  millpond_pool_future_t *const *after;
  size_t after_count;
  millpond_pool_token_t *cancel;
  millpond_pool_group_t *group;
} millpond_pool_call_t;
int32_t millpond_pool_submit(millpond_pool_t *pool,
                    const struct millpond_pool_call_t *calls,
                    size_t count,
                    millpond_pool_future_t **futures);
int32_t millpond_pool_map_with(millpond_pool_t *pool,
                      const struct millpond_pool_call_t *call,
                      const void *args,
                      void *results,
                      int32_t *statuses,
                      size_t count);
int32_t millpond_pool_map_with_async(millpond_pool_t *pool,
                            const struct millpond_pool_call_t *call,
                            const void *args,
                            void *results,
                            int32_t *statuses,
                            size_t count,
                            millpond_pool_future_t **future);
#define MILLPOND_POOL_CALL_INIT \
  { sizeof(millpond_pool_call_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
typedef struct millpond_pool_periodic_t millpond_pool_periodic_t;
int32_t millpond_pool_periodic_start(millpond_pool_t *pool,
                            const millpond_pool_call_t *call,
                            int64_t period_ms,
                            struct millpond_pool_periodic_t **periodic);
int32_t millpond_pool_periodic_cancel(struct millpond_pool_periodic_t *periodic);
int32_t millpond_pool_periodic_wait(const struct millpond_pool_periodic_t *periodic, int64_t timeout_ms);
int64_t millpond_pool_periodic_runs(const struct millpond_pool_periodic_t *periodic);
int32_t millpond_pool_periodic_get(const struct millpond_pool_periodic_t *periodic, void *result, size_t result_size);
int32_t millpond_pool_periodic_release(struct millpond_pool_periodic_t *periodic);
#define MILLPOND_POOL_MAX_ARRAYS 16
typedef struct millpond_pool_array_t {
  const void *data;
  size_t item_size;
} millpond_pool_array_t;
int32_t millpond_pool_starmap(millpond_pool_t *pool,
                     millpond_pool_fn fn,
                     const struct millpond_pool_array_t *arrays,
                     size_t array_count,
                     void *results,
                     size_t result_size,
                     size_t count);
int32_t millpond_pool_starmap_async(millpond_pool_t *pool,
                           millpond_pool_fn fn,
                           const struct millpond_pool_array_t *arrays,
                           size_t array_count,
                           void *results,
                           size_t result_size,
                           size_t count,
                           millpond_pool_callback_fn callback,
                           void *user_data,
                           millpond_pool_future_t **future);
typedef struct millpond_pool_imap_t millpond_pool_imap_t;
typedef int32_t (*millpond_pool_producer_fn)(void *arg, void *user_data);
int32_t millpond_pool_imap(millpond_pool_t *pool,
                  const millpond_pool_call_t *call,
                  millpond_pool_producer_fn producer,
                  void *user_data,
                  size_t window,
                  struct millpond_pool_imap_t **imap);
int32_t millpond_pool_imap_unordered(millpond_pool_t *pool,
                            const millpond_pool_call_t *call,
                            millpond_pool_producer_fn producer,
                            void *user_data,
                            size_t window,
                            struct millpond_pool_imap_t **imap);
int32_t millpond_pool_imap_next(struct millpond_pool_imap_t *imap,
                       int64_t timeout_ms,
                       void *result,
                       size_t result_size,
                       size_t *index,
                       int32_t *status);
int32_t millpond_pool_imap_release(struct millpond_pool_imap_t *imap);
int32_t millpond_pool_poll(millpond_pool_t *pool, int64_t timeout_ms);
int32_t millpond_pool_poll_fd(millpond_pool_t *pool);
void *millpond_pool_shared_alloc(millpond_pool_t *pool,
                        size_t size);
int32_t millpond_pool_shared_free(millpond_pool_t *pool, void *memory);
int32_t millpond_pool_worker_pid(millpond_pool_t *pool, uint32_t worker);
int32_t millpond_pool_refresh(millpond_pool_t *pool);
int32_t millpond_pool_register_function(millpond_pool_fn fn);
typedef struct millpond_pool_lock_t millpond_pool_lock_t;
int32_t millpond_pool_lock_create(millpond_pool_t *pool,
                         struct millpond_pool_lock_t **lock);
int32_t millpond_pool_lock_create_recursive(millpond_pool_t *pool, struct millpond_pool_lock_t **lock);
int32_t millpond_pool_lock_acquire(struct millpond_pool_lock_t *lock,
                          int64_t timeout_ms);
int32_t millpond_pool_lock_release(struct millpond_pool_lock_t *lock);
int32_t millpond_pool_lock_free(struct millpond_pool_lock_t *lock);
typedef struct millpond_pool_condition_t millpond_pool_condition_t;
int32_t millpond_pool_condition_create(millpond_pool_t *pool, struct millpond_pool_condition_t **condition);
int32_t millpond_pool_condition_wait(struct millpond_pool_condition_t *condition,
                            millpond_pool_lock_t *lock,
                            int64_t timeout_ms);
int32_t millpond_pool_condition_notify(struct millpond_pool_condition_t *condition);
int32_t millpond_pool_condition_notify_all(struct millpond_pool_condition_t *condition);
int32_t millpond_pool_condition_free(struct millpond_pool_condition_t *condition);
typedef struct millpond_pool_event_t millpond_pool_event_t;
int32_t millpond_pool_event_create(millpond_pool_t *pool, struct millpond_pool_event_t **event);
int32_t millpond_pool_event_set(struct millpond_pool_event_t *event);
int32_t millpond_pool_event_clear(struct millpond_pool_event_t *event);
int32_t millpond_pool_event_is_set(struct millpond_pool_event_t *event);
int32_t millpond_pool_event_wait(struct millpond_pool_event_t *event, int64_t timeout_ms);
int32_t millpond_pool_event_free(struct millpond_pool_event_t *event);
typedef struct millpond_pool_semaphore_t millpond_pool_semaphore_t;
int32_t millpond_pool_semaphore_create(millpond_pool_t *pool, uint32_t value, struct millpond_pool_semaphore_t **semaphore);
int32_t millpond_pool_semaphore_acquire(struct millpond_pool_semaphore_t *semaphore, int64_t timeout_ms);
int32_t millpond_pool_semaphore_release(struct millpond_pool_semaphore_t *semaphore, uint32_t count);
int32_t millpond_pool_semaphore_free(struct millpond_pool_semaphore_t *semaphore);
typedef struct millpond_pool_barrier_t millpond_pool_barrier_t;
int32_t millpond_pool_barrier_create(millpond_pool_t *pool,
                            uint32_t parties,
                            struct millpond_pool_barrier_t **barrier);
int32_t millpond_pool_barrier_wait(struct millpond_pool_barrier_t *barrier,
                          uint32_t *place,
                          int64_t timeout_ms);
int32_t millpond_pool_barrier_reset(struct millpond_pool_barrier_t *barrier);
int32_t millpond_pool_barrier_abort(struct millpond_pool_barrier_t *barrier);
int32_t millpond_pool_barrier_waiting(struct millpond_pool_barrier_t *barrier);
int32_t millpond_pool_barrier_free(struct millpond_pool_barrier_t *barrier);
typedef struct millpond_pool_counter_t millpond_pool_counter_t;
int32_t millpond_pool_counter_create(millpond_pool_t *pool, int64_t value, struct millpond_pool_counter_t **counter);
int32_t millpond_pool_counter_add(struct millpond_pool_counter_t *counter, int64_t amount, int64_t *value);
int32_t millpond_pool_counter_get(struct millpond_pool_counter_t *counter, int64_t *value);
int32_t millpond_pool_counter_set(struct millpond_pool_counter_t *counter, int64_t value, int64_t *before);
int32_t millpond_pool_counter_compare_exchange(struct millpond_pool_counter_t *counter,
                                      int64_t expected,
                                      int64_t value,
                                      int64_t *before);
int32_t millpond_pool_counter_free(struct millpond_pool_counter_t *counter);
typedef struct millpond_pool_queue_t millpond_pool_queue_t;
int32_t millpond_pool_queue_create(millpond_pool_t *pool,
                          size_t item_size,
                          size_t capacity,
                          struct millpond_pool_queue_t **queue);
int32_t millpond_pool_queue_put(struct millpond_pool_queue_t *queue,
                       const void *item,
                       size_t size,
                       int64_t timeout_ms);
int32_t millpond_pool_queue_get(struct millpond_pool_queue_t *queue,
                       void *item,
                       size_t item_size,
                       size_t *size,
                       int64_t timeout_ms);
int32_t millpond_pool_queue_task_done(struct millpond_pool_queue_t *queue);
int32_t millpond_pool_queue_join(struct millpond_pool_queue_t *queue, int64_t timeout_ms);
int32_t millpond_pool_queue_size(struct millpond_pool_queue_t *queue, size_t *size);
int32_t millpond_pool_queue_close(struct millpond_pool_queue_t *queue);
int32_t millpond_pool_queue_free(struct millpond_pool_queue_t *queue);
#define MILLPOND_POOL_SPAWN_JOINABLE 0
#define MILLPOND_POOL_SPAWN_DAEMON 1
int32_t millpond_pool_spawn(const millpond_pool_options_t *options,
                   int32_t flags,
                   millpond_pool_fn fn,
                   const void *arg,
                   size_t arg_size,
                   size_t result_size,
                   millpond_pool_future_t **future);
int32_t millpond_pool_spawned_join(int64_t timeout_ms);
typedef struct millpond_pool_local_t millpond_pool_local_t;
typedef void *(*millpond_pool_local_make_fn)(void *user_data);
typedef void (*millpond_pool_local_free_fn)(void *value, void *user_data);
struct millpond_pool_local_t *millpond_pool_local_create(millpond_pool_local_make_fn make,
                                       millpond_pool_local_free_fn free,
                                       void *user_data);
void *millpond_pool_local_get(const struct millpond_pool_local_t *local);
int32_t millpond_pool_local_release(struct millpond_pool_local_t *local);
#define MILLPOND_POOL_LOG_NONE 0
#define MILLPOND_POOL_LOG_ERROR 1
#define MILLPOND_POOL_LOG_WARNING 2
#define MILLPOND_POOL_LOG_INFO 3
typedef void (*millpond_pool_log_fn)(int32_t level, const char *pool, const char *text, void *user_data);
int32_t millpond_pool_set_log(millpond_pool_log_fn log,
                     void *user_data,
                     int32_t level);
typedef struct millpond_pool_stats_t {
  size_t struct_size;
  uint32_t workers;
  uint32_t numbers;
  uint32_t alive;
  uint32_t running;
  uint32_t blocked;
  uint32_t sleeping;
  uint64_t queued;
  uint64_t held;
  uint64_t submitted;
  uint64_t ended;
  uint64_t failed;
  uint64_t cancelled;
  uint64_t items;
  uint64_t steals;
  uint64_t sleeps;
  uint64_t busy_ns;
  uint64_t deaths;
  uint64_t waits;
} millpond_pool_stats_t;
typedef struct millpond_pool_worker_stats_t {
  size_t struct_size;
  int32_t alive;
  int32_t pid;
  uint64_t tasks;
  uint64_t items;
  uint64_t steals;
  uint64_t sleeps;
  uint64_t busy_ns;
  uint64_t starts;
  uint64_t deaths;
} millpond_pool_worker_stats_t;
int32_t millpond_pool_stats(millpond_pool_t *pool, struct millpond_pool_stats_t *stats);
int32_t millpond_pool_worker_stats(millpond_pool_t *pool,
                          uint32_t worker,
                          struct millpond_pool_worker_stats_t *stats);
#define MILLPOND_POOL_STATS_INIT \
  { sizeof(millpond_pool_stats_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define MILLPOND_POOL_WORKER_STATS_INIT \
  { sizeof(millpond_pool_worker_stats_t), 0, 0, 0, 0, 0, 0, 0, 0, 0 }
typedef struct millpond_pool_sweep_t {
  millpond_pool_fn fn;
  millpond_pool_task_t *task;
  const char *arg;
  size_t arg_size;
  char *result;
  size_t result_size;
  size_t index;
  size_t end;
  const uint32_t *pokes;
  uint32_t seen;
} millpond_pool_sweep_t;
typedef int32_t (*millpond_pool_sweep_fn)(struct millpond_pool_sweep_t *sweep);
int32_t millpond_pool_map_swept(millpond_pool_t *pool,
                       millpond_pool_fn fn,
                       const void *args,
                       size_t arg_size,
                       void *results,
                       size_t result_size,
                       size_t count,
                       millpond_pool_sweep_fn sweep);
#if defined(__GNUC__) && !defined(MILLPOND_POOL_NO_INLINE)
static inline int32_t millpond_pool_map_sweep(millpond_pool_sweep_t *sweep) {
  const millpond_pool_fn fn = sweep->fn;
  millpond_pool_task_t *const task = sweep->task;
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
static inline int32_t millpond_pool_map_inline(millpond_pool_t *pool, millpond_pool_fn fn, const void *args, size_t arg_size, void *results,
                                      size_t result_size, size_t count) {
  return millpond_pool_map_swept(pool, fn, args, arg_size, results, result_size, count, millpond_pool_map_sweep);
}
#define millpond_pool_map(...) millpond_pool_map_inline(__VA_ARGS__)
#endif
const char *millpond_pool_version(void);
#ifdef __cplusplus
}
#endif
#endif
