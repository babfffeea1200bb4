/* POOL_SEQUENTIAL: every task runs at once in the caller. */
#include "tasks.h"

static pool_t *sequential_pool(int32_t callbacks) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = POOL_SEQUENTIAL;
  options.callbacks = callbacks;
  return new_pool_with(&options);
}

struct trace {
  pool_t *pool;
  pthread_t thread;
  int count, at[64];
};

static void note(struct trace *trace, int what) {
  CHECK(pthread_equal(pthread_self(), trace->thread));
  CHECK(trace->count < (int)COUNT_OF(trace->at));
  trace->at[trace->count++] = what;
}

static int32_t note_task(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  note((struct trace *)(uintptr_t)arg, 1);
  CHECK_EQ(task->worker, 0);
  return 0;
}

static void note_callback(const pool_result_t *outcome, void *user_data) {
  CHECK_EQ(outcome->status, POOL_OK);
  CHECK_EQ(outcome->pid, getpid());
  note(user_data, 2);
}

/* The task, and its callback, before the call returns, on the caller's thread; and no thread is ever started. */
CASE(tasks_and_callbacks_run_inside_the_call) {
  int32_t modes[] = {POOL_CALLBACKS_SERIAL, POOL_CALLBACKS_INLINE};
  for (size_t i = 0; i < COUNT_OF(modes); i++) {
    int threads = threads_now();
    struct trace trace = {sequential_pool(modes[i]), pthread_self(), 0, {0}};
    CHECK_EQ(pool_workers(trace.pool), 1);
    pool_future_t *future;
    CHECK_OK(pool_apply_async(trace.pool, note_task, &trace, 0, 0, note_callback, &trace, &future));
    CHECK_EQ(trace.count, 2);
    CHECK_EQ(trace.at[0] * 10 + trace.at[1], 12);
    CHECK_EQ(pool_future_ready(future), 1);
    CHECK_OK(pool_future_get(future, NULL, 0, 0));
    pool_future_release(future);
    pool_call_t calls[3] = {POOL_CALL_INIT, POOL_CALL_INIT, POOL_CALL_INIT};
    for (int c = 0; c < 3; c++) {
      calls[c].fn = note_task;
      calls[c].arg = &trace;
      calls[c].callback = note_callback;
      calls[c].user_data = &trace;
    }
    CHECK_OK(pool_submit(trace.pool, calls, 3, NULL));
    CHECK_EQ(trace.count, 8);
    CHECK_EQ(threads_now(), threads);
    CHECK_OK(pool_close_join(trace.pool));
  }
}

CASE(polled_callbacks_run_in_poll) {
  struct trace trace = {sequential_pool(POOL_CALLBACKS_POLLED), pthread_self(), 0, {0}};
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_apply_async(trace.pool, note_task, &trace, 0, 0, note_callback, &trace, NULL));
  }
  CHECK_EQ(trace.count, 3);
  CHECK_EQ(pool_poll(trace.pool, 0), 3);
  CHECK_EQ(trace.count, 6);
  CHECK_OK(pool_apply_async(trace.pool, note_task, &trace, 0, 0, note_callback, &trace, NULL));
  CHECK_OK(pool_close_join(trace.pool));
  CHECK_EQ(trace.count, 8);
}

static int32_t keep_index(const void *arg, void *result, pool_task_t *task) {
  struct trace *trace = (struct trace *)(uintptr_t)task->context;
  *(int *)result = *(const int *)arg * 2;
  note(trace, (int)task->index);
  return task->index == 7 ? pool_task_fail(task, 9, "seven is enough") : 0;
}

/* Maps run their items in order, here. */
CASE(maps_run_in_order) {
  struct trace trace = {sequential_pool(POOL_CALLBACKS_SERIAL), pthread_self(), 0, {0}};
  int numbers[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, doubles[10];
  int32_t statuses[10];
  pool_call_t call = POOL_CALL_INIT;
  call.fn = keep_index;
  call.arg_size = call.result_size = sizeof(int);
  call.context = &trace;
  CHECK_OK(pool_map_with(trace.pool, &call, numbers, doubles, statuses, 10));
  CHECK_EQ(trace.count, 10);
  for (int i = 0; i < 10; i++) {
    CHECK_EQ(trace.at[i], i);
    CHECK_EQ(statuses[i], i == 7 ? 9 : 0);
    CHECK_EQ(doubles[i], 2 * (i + 1));
  }
  trace.count = 0;
  CHECK_STATUS(pool_map_with(trace.pool, &call, numbers, doubles, NULL, 10), 9);
  CHECK_HAS(pool_last_error(), "seven is enough");
  CHECK_EQ(trace.count, 8);
  pool_future_t *future;
  CHECK_OK(pool_map_async(trace.pool, nothing, NULL, 0, NULL, 0, 1000, NULL, NULL, &future));
  CHECK_EQ(pool_future_ready(future), 1);
  pool_future_release(future);
  CHECK_OK(pool_close_join(trace.pool));
}

static int32_t fail_loudly(const void *arg, void *result, pool_task_t *task) {
  (void)arg, (void)result;
  return pool_task_fail(task, 3, "no such file");
}

static int32_t say_hello(const void *arg, void *result, pool_task_t *task) {
  (void)arg, (void)result;
  return pool_task_set_result(task, "hello", 6);
}

CASE(outcomes_are_as_ever) {
  pool_t *pool = sequential_pool(POOL_CALLBACKS_SERIAL);
  CHECK_STATUS(pool_apply(pool, fail_loudly, NULL, 0, NULL, 0), 3);
  CHECK_STR(pool_last_error(), "no such file");
  char text[8];
  CHECK_OK(pool_apply(pool, say_hello, NULL, 0, text, sizeof text));
  CHECK_STR(text, "hello");
  pool_future_t *future;
  CHECK_OK(pool_apply_async(pool, fail_loudly, NULL, 0, 0, NULL, NULL, &future));
  CHECK_EQ(pool_future_status(future), 3);
  CHECK_STR(pool_future_message(future), "no such file");
  CHECK_EQ(pool_future_cancel(future), 0);
  pool_future_release(future);
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, &result, 8, -1));
  CHECK_EQ(result, 42);
  pool_future_release(future);
  double numbers[] = {3, 1, 2};
  CHECK_OK(pool_sort(pool, numbers, 3, POOL_SORT_F64));
  CHECK(numbers[0] == 1 && numbers[2] == 3);
  CHECK_OK(pool_close_join(pool));
}

struct fib {
  pool_t *pool;
  int n;
};

static int32_t fib(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  const struct fib *call = arg;
  if (call->n < 2) {
    *(int64_t *)result = call->n;
    return 0;
  }
  struct fib less = {call->pool, call->n - 1}, least = {call->pool, call->n - 2};
  pool_future_t *future;
  CHECK_OK(pool_apply_async(call->pool, fib, &less, sizeof less, 8, NULL, NULL, &future));
  int64_t a, b;
  CHECK_OK(pool_apply(call->pool, fib, &least, sizeof least, &b, 8));
  CHECK_OK(pool_future_get(future, &a, 8, -1));
  pool_future_release(future);
  *(int64_t *)result = a + b;
  return 0;
}

CASE(tasks_submit_and_wait) {
  check_skip_under("valgrind", "the bounds of the first thread's stack are valgrind's");
  pool_t *pool = sequential_pool(POOL_CALLBACKS_SERIAL);
  struct fib call = {pool, 15};
  int64_t result;
  CHECK_OK(pool_apply(pool, fib, &call, sizeof call, &result, 8));
  CHECK_EQ(result, 610);
  CHECK_OK(pool_close_join(pool));
}

struct depth {
  pool_t *pool;
  long left;
  long *ended;
};

static int32_t go_deeper(const void *arg, void *result, pool_task_t *task) {
  (void)result, (void)task;
  struct depth next = *(const struct depth *)arg;
  ++*next.ended;
  if (next.left-- > 0) {
    CHECK_OK(pool_apply_async(next.pool, go_deeper, &next, sizeof next, 0, NULL, NULL, NULL));
  }
  return 0;
}

static int32_t wait_deeper(const void *arg, void *result, pool_task_t *task) {
  (void)result, (void)task;
  struct depth next = *(const struct depth *)arg;
  ++*next.ended;
  if (next.left-- == 0) {
    return 0;
  }
  int32_t status = pool_apply(next.pool, wait_deeper, &next, sizeof next, NULL, 0);
  return status == POOL_OK ? 0 : pool_task_fail(task, 5, pool_last_error());
}

/* A chain of tasks, each submitted by the last, needs no stack of its length; to wait that deep is a clear error. */
CASE(depth_is_no_crash) {
  check_skip_under("valgrind", "the bounds of the first thread's stack are valgrind's");
  pool_t *pool = sequential_pool(POOL_CALLBACKS_SERIAL);
  long ended = 0, many = (long)scaled(200000);
  struct depth first = {pool, many, &ended};
  CHECK_OK(pool_apply(pool, go_deeper, &first, sizeof first, NULL, 0));
  CHECK_EQ(ended, many + 1);
  ended = 0;
  first.left = 1000000;
  CHECK_STATUS(pool_apply(pool, wait_deeper, &first, sizeof first, NULL, 0), 5);
  CHECK_HAS(pool_last_error(), "too deep");
  CHECK(ended > 100);
  CHECK_OK(pool_close_join(pool));
}

static int32_t misbehave(const void *arg, void *result, pool_task_t *task) {
  (void)result, (void)task;
  pool_t *pool = (pool_t *)(uintptr_t)arg;
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_join(pool, -1), POOL_ERR_DEADLOCK);
  CHECK_OK(pool_blocking_begin(task));
  CHECK_OK(pool_blocking_end(task));
  CHECK_OK(pool_close(pool));
  /* A running task may still submit. */
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, NULL));
  return 0;
}

CASE(closed_by_a_task) {
  check_skip_under("valgrind", "the bounds of the first thread's stack are valgrind's");
  pool_t *pool = sequential_pool(POOL_CALLBACKS_SERIAL);
  CHECK_ERROR(pool_join(pool, 0), POOL_ERR_INVALID);
  CHECK_OK(pool_apply(pool, misbehave, pool, 0, NULL, 0));
  refuses_work(pool, POOL_ERR_CLOSED);
  CHECK_OK(pool_join(pool, 0));
  CHECK_OK(pool_close_join(pool));
}

static int32_t terminate_here(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  pool_t *pool = (pool_t *)(uintptr_t)arg;
  CHECK_EQ(pool_task_cancelled(task), 0);
  CHECK_OK(pool_terminate(pool));
  CHECK_EQ(pool_task_cancelled(task), 1);
  CHECK_ERROR(pool_apply(pool, nothing, NULL, 0, NULL, 0), POOL_ERR_TERMINATED);
  return 0;
}

CASE(terminated_by_a_task) {
  pool_t *pool = sequential_pool(POOL_CALLBACKS_SERIAL);
  CHECK_OK(pool_apply_async(pool, terminate_here, pool, 0, 0, NULL, NULL, NULL));
  CHECK_OK(pool_join(pool, -1));
  CHECK_OK(pool_close_join(pool));
}

static int32_t hook_code;
static int begun, ended;
static pthread_t hooked_thread;

static int32_t begin_worker(void *data, uint32_t worker) {
  CHECK_EQ(*(int *)data, 77);
  CHECK_EQ(worker, 0);
  CHECK(pthread_equal(pthread_self(), hooked_thread));
  begun++;
  return hook_code;
}

static void end_worker(void *data, uint32_t worker) {
  CHECK_EQ(*(int *)data, 77);
  CHECK_EQ(worker, 0);
  CHECK(pthread_equal(pthread_self(), hooked_thread));
  ended++;
}

CASE(hooks_run_where_the_pool_is_made_and_closed) {
  int data = 77;
  hooked_thread = pthread_self();
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = POOL_SEQUENTIAL;
  options.workers = 5;
  options.initializer = begin_worker;
  options.finalizer = end_worker;
  options.worker_data = &data;
  pool_t *pool = new_pool_with(&options);
  CHECK_EQ(begun * 10 + ended, 10);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_OK(pool_close(pool));
  CHECK_EQ(begun * 10 + ended, 11);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(begun * 10 + ended, 11);
  hook_code = 6;
  pool_t *none = NULL;
  CHECK_ERROR(pool_create_with(&options, &none), 6);
  CHECK(none == NULL);
  CHECK_EQ(begun * 10 + ended, 21);
}

struct crowd {
  pool_t *pool;
  atomic_int inside;
  int64_t sum;
};

static int32_t add_alone(const void *arg, void *result, pool_task_t *task) {
  (void)result, (void)task;
  struct crowd *crowd = (struct crowd *)(uintptr_t)arg;
  CHECK_EQ(atomic_fetch_add(&crowd->inside, 1), 0);
  crowd->sum++;
  atomic_fetch_sub(&crowd->inside, 1);
  return 0;
}

static void *submit_in_crowd(void *data) {
  struct crowd *crowd = data;
  for (size_t i = 0; i < scaled(5000); i++) {
    pool_future_t *future;
    CHECK_OK(pool_apply_async(crowd->pool, add_alone, crowd, 0, 0, NULL, NULL, &future));
    CHECK_OK(pool_future_wait(future, i % 2 ? -1 : 60000));
    pool_future_release(future);
    CHECK_OK(pool_apply(crowd->pool, add_alone, crowd, 0, NULL, 0));
  }
  return NULL;
}

/* Several threads submit, and still only one task runs at a time. */
CASE(one_at_a_time_from_many_threads) {
  struct crowd crowd = {sequential_pool(POOL_CALLBACKS_SERIAL), 0, 0};
  check_threads(4, submit_in_crowd, &crowd);
  CHECK_EQ(crowd.sum, (int64_t)(8 * scaled(5000)));
  CHECK_OK(pool_close_join(crowd.pool));
}

static void submit_in_callback(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  struct trace *trace = user_data;
  note(trace, 5);
  if (trace->count < 20) {
    CHECK_OK(pool_apply_async(trace->pool, note_task, trace, 0, 0, submit_in_callback, trace, NULL));
  }
}

CASE(callbacks_submit) {
  struct trace trace = {sequential_pool(POOL_CALLBACKS_SERIAL), pthread_self(), 0, {0}};
  CHECK_OK(pool_apply_async(trace.pool, note_task, &trace, 0, 0, submit_in_callback, &trace, NULL));
  CHECK_EQ(trace.count, 20);
  CHECK_OK(pool_close_join(trace.pool));
}

CASE(options_that_need_threads_are_refused) {
  pool_options_t bad[5] = {POOL_OPTIONS_INIT, POOL_OPTIONS_INIT, POOL_OPTIONS_INIT, POOL_OPTIONS_INIT,
                           POOL_OPTIONS_INIT};
  const char *names[] = {"stack_size", "pin_workers", "task_timeout_ms", "cpus", "max_workers"};
  uint32_t cpu = 0;
  bad[0].stack_size = 1 << 20;
  bad[1].pin_workers = 1;
  bad[2].task_timeout_ms = 5;
  bad[3].cpus = &cpu;
  bad[3].cpu_count = 1;
  bad[4].max_workers = 4;
  bad[4].workers = 2;
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    pool_t *pool = NULL;
    bad[i].mode = POOL_SEQUENTIAL;
    CHECK_ERROR(pool_create_with(&bad[i], &pool), POOL_ERR_UNSUPPORTED);
    CHECK_HAS(pool_last_error(), names[i]);
  }
  pool_t *pool = sequential_pool(POOL_CALLBACKS_SERIAL);
  CHECK_ERROR(pool_resize(pool, 2), POOL_ERR_UNSUPPORTED);
  CHECK_EQ(pool_worker_pid(pool, 0), getpid());
  CHECK_ERROR(pool_worker_pid(pool, 1), POOL_ERR_INVALID);
  CHECK_OK(pool_refresh(pool));
  CHECK_OK(pool_close_join(pool));
}

CASE(a_child_has_pools_of_its_own) {
  pool_t *pool = sequential_pool(POOL_CALLBACKS_SERIAL);
  pid_t child = fork();
  if (child == 0) {
    CHECK_ERROR(pool_apply(pool, nothing, NULL, 0, NULL, 0), POOL_ERR_FORKED);
    pool_t *own = sequential_pool(POOL_CALLBACKS_SERIAL);
    CHECK_OK(pool_apply(own, nothing, NULL, 0, NULL, 0));
    CHECK_OK(pool_close_join(own));
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
  CHECK_OK(pool_close_join(pool));
}

CASE(counted_as_ever) {
  pool_t *pool = sequential_pool(POOL_CALLBACKS_SERIAL);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, NULL));
  CHECK_OK(pool_map(pool, nothing, NULL, 0, NULL, 0, 9));
  pool_stats_t stats = POOL_STATS_INIT;
  CHECK_OK(pool_stats(pool, &stats));
  CHECK_EQ(stats.submitted, 3);
  CHECK_EQ(stats.ended, 3);
  CHECK_EQ(stats.items, 9);
  CHECK_EQ(stats.running + stats.queued, 0);
  CHECK_OK(pool_close_join(pool));
}

/* What may start only later does, and the pool ends without being waited for by its own timer. */
CASE(later_and_over_again) {
  pool_t *pool = sequential_pool(POOL_CALLBACKS_SERIAL);
  atomic_int count = 0;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = increment;
  call.arg = &count;
  call.delay_ms = 300;
  pool_future_t *first, *second;
  CHECK_OK(pool_submit(pool, &call, 1, &first));
  CHECK_EQ(pool_future_ready(first), 0);
  call.delay_ms = 0;
  call.after = &first;
  call.after_count = 1;
  CHECK_OK(pool_submit(pool, &call, 1, &second));
  CHECK_OK(pool_future_wait(second, -1));
  CHECK_EQ(count, 2);
  pool_future_release(first);
  pool_future_release(second);
  CHECK_OK(pool_close_join(pool));
}
