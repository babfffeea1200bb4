/* At each allocation of a call in turn there is no memory: creation, the calls that run something, the end of a pool. */
#include "trial.h"

/* ---- Creation ---- */

static int32_t create(struct trial *trial) {
  trial->pool = pool_create(2);
  return trial->pool != NULL ? POOL_OK : strstr(pool_last_error(), "memory") != NULL ? POOL_ERR_NO_MEMORY : -99;
}

CASE(of_create) {
  none_at_all(create);
}

static int32_t say_nothing(void *worker_data, uint32_t worker) {
  (void)worker_data;
  (void)worker;
  return 0;
}

static int32_t create_with_initializer(struct trial *trial) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.initializer = say_nothing;
  options.name = "a name";
  options.stack_size = 256 << 10;
  return pool_create_with(&options, &trial->pool);
}

CASE(of_create_with_an_initializer) {
  none_at_all(create_with_initializer);
}

static int32_t create_polled(struct trial *trial) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.callbacks = POOL_CALLBACKS_POLLED;
  int32_t status = pool_create_with(&options, &trial->pool);
  if (status == POOL_OK && pool_poll_fd(trial->pool) < 0) {
    return POOL_ERR_NO_MEMORY;
  }
  return status;
}

CASE(of_create_polled) {
  none_at_all(create_polled);
}

static int32_t make_default(struct trial *trial) {
  (void)trial;
  pool_t *pool = pool_default();
  return pool != NULL ? POOL_OK : strstr(pool_last_error(), "memory") != NULL ? POOL_ERR_NO_MEMORY : -99;
}

CASE(of_the_default_pool) {
  none_at_all(make_default);
}

/* ---- Calls ---- */

static char large[20000];

static int32_t apply(struct trial *trial) {
  int64_t arg = 1, result = 0;
  return pool_apply(trial->pool, twice, &arg, 8, &result, 8);
}

static int32_t apply_large(struct trial *trial) {
  return pool_apply(trial->pool, nothing, large, sizeof large, large, sizeof large);
}

static int32_t apply_async(struct trial *trial) {
  trial->expected = trial->expected_calls = 1;
  return pool_apply_async(trial->pool, increment, &trial->ran, 0, 8, count_callback, &trial->called,
                          &trial->futures[0]);
}

static int32_t apply_async_large(struct trial *trial) {
  trial->expected_calls = 1;
  return pool_apply_async(trial->pool, nothing, large, sizeof large, sizeof large, count_callback, &trial->called,
                          &trial->futures[0]);
}

static int32_t submit(struct trial *trial) {
  pool_call_t calls[COUNT_OF(trial->futures)];
  for (size_t i = 0; i < COUNT_OF(calls); i++) {
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls[i].fn = increment;
    calls[i].arg = &trial->ran;
    calls[i].result_size = i % 3 == 0 ? 1000 : 8;
    calls[i].callback = count_callback;
    calls[i].user_data = &trial->called;
  }
  trial->expected = trial->expected_calls = COUNT_OF(calls);
  return pool_submit(trial->pool, calls, COUNT_OF(calls), trial->futures);
}

static int64_t numbers[64], doubles[64];

static int32_t map(struct trial *trial) {
  return pool_map(trial->pool, twice, numbers, 8, doubles, 8, 64);
}

static int32_t map_with(struct trial *trial) {
  static int32_t statuses[64];
  pool_call_t call = POOL_CALL_INIT;
  call.fn = twice;
  call.arg_size = call.result_size = 8;
  return pool_map_with(trial->pool, &call, numbers, doubles, statuses, 64);
}

static int32_t map_async(struct trial *trial) {
  trial->expected_calls = 1;
  return pool_map_async(trial->pool, twice, numbers, 8, doubles, 8, 64, count_callback, &trial->called,
                        &trial->futures[0]);
}

static int32_t range(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)task;
  atomic_fetch_add((atomic_int *)context, (int)(end - begin));
  return 0;
}

static int32_t loop(struct trial *trial) {
  atomic_int sum = 0;
  return pool_for(trial->pool, 0, 1000, range, &sum);
}

static int32_t piece(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  (void)context;
  (void)task;
  *(int64_t *)result += (int64_t)(end - begin);
  return 0;
}

static void combine(void *into, const void *from, void *context) {
  (void)context;
  *(int64_t *)into += *(const int64_t *)from;
}

static int32_t reduce(struct trial *trial) {
  int64_t zero = 0, sum = 0;
  int32_t status = pool_reduce(trial->pool, 1000, piece, combine, &zero, &sum, sizeof sum, NULL);
  CHECK(status != POOL_OK || sum == 1000);
  return status;
}

static int32_t sort(struct trial *trial) {
  enum { COUNT = 20000 };
  static int64_t values[COUNT];
  for (int64_t i = 0; i < COUNT; i++) {
    values[i] = i * 7919 % COUNT;
  }
  int32_t status = pool_sort(trial->pool, values, COUNT, POOL_SORT_I64);
  CHECK(status != POOL_OK || values[COUNT - 1] == COUNT - 1);
  return status;
}

static int compare(const void *a, const void *b, void *context) {
  (void)context;
  return *(const int64_t *)a < *(const int64_t *)b ? -1 : *(const int64_t *)a > *(const int64_t *)b;
}

static int32_t sort_with(struct trial *trial) {
  enum { COUNT = 20000 };
  static int64_t values[COUNT];
  for (int64_t i = 0; i < COUNT; i++) {
    values[i] = i * 7919 % COUNT;
  }
  int32_t status = pool_sort_with(trial->pool, values, COUNT, sizeof values[0], compare, NULL);
  CHECK(status != POOL_OK || values[COUNT - 1] == COUNT - 1);
  return status;
}

/* What a task does, each step of which may fail: then the task fails with that status, and nothing else happens. */
static int32_t fork_and_join(const void *arg, void *result, pool_task_t *task) {
  int64_t n = *(const int64_t *)arg, next[2] = {n - 1, n - 2}, sums[2] = {0, 0};
  int32_t status = 0;
  if (n >= 2) {
    status = n % 2 ? pool_join2(task, fork_and_join, &next[0], &sums[0], fork_and_join, &next[1], &sums[1])
                   : pool_join_n(task, fork_and_join, next, 8, sums, 8, 2);
  }
  *(int64_t *)result = n < 2 ? n : sums[0] + sums[1];
  return status < 0 && is_allowed(status) ? 55 : status;
}

static int32_t set_results_and_block(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  int32_t status = pool_blocking_begin(task);
  if (status == POOL_OK) {
    CHECK_OK(pool_blocking_end(task));
  } else {
    CHECK(status == POOL_ERR_SYSTEM || status == POOL_ERR_NO_MEMORY);
  }
  status = pool_task_set_result(task, large, sizeof large);
  CHECK(is_allowed(status));
  return status == POOL_OK ? pool_task_fail(task, 55, "the task itself fails, with a sentence") : 55;
}

static int32_t tasks(struct trial *trial) {
  int64_t n = 15, sum = 0;
  int32_t status = pool_apply(trial->pool, fork_and_join, &n, 8, &sum, 8);
  CHECK(status != POOL_OK || sum == 610);
  if (status != POOL_OK && status != 55) {
    return status;
  }
  status = pool_apply(trial->pool, set_results_and_block, NULL, 0, NULL, 0);
  return status == 55 ? POOL_OK : status;
}

CALLS(apply)
CALLS(apply_large)
CALLS(apply_async)
CALLS(apply_async_large)
CALLS(submit)
CALLS(map)
CALLS(map_with)
CALLS(map_async)
CALLS(loop)
CALLS(reduce)
CALLS(sort)
CALLS(sort_with)
CALLS(tasks)

/* ---- Ends ---- */

static int32_t close_join(struct trial *trial) {
  pool_t *pool = trial->pool;
  trial->pool = NULL;
  return pool_close_join(pool);
}

static int32_t terminate_join(struct trial *trial) {
  CHECK_OK(pool_terminate(trial->pool));
  return close_join(trial);
}

CALLS(close_join)
CALLS(terminate_join)
