/* At each allocation of a call in turn there is no memory: the call succeeds or says POOL_ERR_NO_MEMORY, the pool goes
 * on, nothing is lost. Each number runs in a child of its own, so that a death is seen and the next one tried. */
#include "failing.h"

/* What a call is tried on, and what came of it. */
struct trial {
  pool_t *pool;
  pool_future_t *futures[100];
  atomic_int ran, called;
  int expected; /* So many tasks must have run in the end, and as many callbacks been called, if the call succeeds. */
  int expected_calls;
};

typedef int32_t (*attempt_fn)(struct trial *trial);

static bool is_allowed(int32_t status) {
  return status == POOL_OK || status == POOL_ERR_NO_MEMORY;
}

static void count_callback(const pool_result_t *outcome, void *user_data) {
  CHECK(is_allowed(outcome->status));
  atomic_fetch_add((atomic_int *)user_data, 1);
}

static void works(pool_t *pool) {
  int64_t args[64], results[64], arg = 21, result = 0;
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, &result, 8, -1));
  CHECK_OK(pool_future_release(future));
  for (int64_t i = 0; i < 64; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_map(pool, twice, args, 8, results, 8, 64));
  CHECK_EQ(results[63], 126);
}

/* Whether the pool has done something before, and whose allocations fail: the caller's, or everybody's. */
struct kind {
  bool warm, everywhere;
};

/* One number, in a child: 0 all is well and an allocation failed, 2 none failed, anything else is a failure. */
static int one_number(const struct kind *kind, attempt_fn attempt, long number, bool onwards) {
  struct trial trial;
  memset(&trial, 0, sizeof trial);
  alarm(check_timeout / 2);
  trial.pool = new_pool(2);
  if (kind->warm) {
    works(trial.pool);
  }
  failing_begin(number, onwards, kind->everywhere);
  int32_t status = attempt(&trial);
  bool fired = failing_end();
  /* The C library says of a thread that there was no memory for that it might be had again. */
  if (!is_allowed(status) && !(status == POOL_ERR_SYSTEM && strstr(pool_last_error(), "thread") != NULL)) {
    FAIL("allocation %ld%s: status %d (%s): %s", number, onwards ? " and all later ones" : "", status,
         pool_status_name(status), pool_last_error());
  }
  if (status != POOL_OK) {
    CHECK(fired);
    CHECK(strlen(pool_last_error()) > 3);
    trial.expected = trial.expected_calls = 0;
  }
  for (size_t i = 0; i < COUNT_OF(trial.futures); i++) {
    if (trial.futures[i] != NULL) {
      CHECK(status == POOL_OK);
      CHECK_OK(pool_future_wait(trial.futures[i], -1));
      CHECK_OK(pool_future_release(trial.futures[i]));
    }
  }
  if (trial.pool != NULL) {
    works(trial.pool);
    CHECK_OK(pool_close_join(trial.pool));
  }
  CHECK_EQ(trial.ran, trial.expected);
  CHECK_EQ(trial.called, trial.expected_calls);
  return fired ? 0 : 2;
}

static void each_allocation(const struct kind *kind, attempt_fn attempt) {
  int failures = 0;
  long numbers = 0;
  for (int onwards = 0; onwards < 2; onwards++) {
    int ended = 0;
    for (long number = 1; ended != 2 && number < 3000; number++) {
      fflush(stdout);
      pid_t child = fork();
      if (child == 0) {
        _exit(one_number(kind, attempt, number, onwards != 0));
      }
      ended = check_wait(child);
      if (ended != 0 && ended != 2) {
        printf("allocation %ld%s: the child ended with %d\n", number, onwards ? " and all later ones" : "", ended);
        failures++;
      }
      numbers++;
    }
    CHECK_EQ(ended, 2);
  }
  CHECK(numbers >= 2);
  if (failures > 0) {
    FAIL("%d of %ld", failures, numbers);
  }
}

/* A pool is made of much that the language gives no way to do without; so there is a look beforehand. */
static void none_at_all(attempt_fn attempt) {
  struct trial trial;
  memset(&trial, 0, sizeof trial);
  failing_begin(1, true, false);
  int32_t status = attempt(&trial);
  CHECK(failing_end());
  CHECK_STATUS(status, POOL_ERR_NO_MEMORY);
  CHECK(trial.pool == NULL);
  CHECK_OK(attempt(&trial));
  if (trial.pool != NULL) {
    works(trial.pool);
    CHECK_OK(pool_close_join(trial.pool));
  }
}

static const struct kind fresh = {false, false}, warm = {true, false};
static const struct kind fresh_everywhere = {false, true}, warm_everywhere = {true, true};

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

#define CALLS(name)                                                                                                    \
  CASE(of_##name) {                                                                                                    \
    each_allocation(&fresh, name);                                                                                     \
    each_allocation(&warm, name);                                                                                      \
  }                                                                                                                    \
  CASE(of_##name##_on_every_thread) {                                                                                  \
    each_allocation(&fresh_everywhere, name);                                                                          \
    each_allocation(&warm_everywhere, name);                                                                           \
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
