/* pool_submit: many calls at once, all or none, in order, with contexts, callbacks and handles. */
#include "tasks.h"

#include <sched.h>

/* Its result: the argument, an int64_t, plus the context's. */
static int32_t add_context(const void *arg, void *result, pool_task_t *task) {
  *(int64_t *)result = *(const int64_t *)arg + *(const int64_t *)task->context;
  return 0;
}

/* A large argument's bytes, added up. */
struct large {
  unsigned char bytes[300];
};

static int32_t add_up(const void *arg, void *result, pool_task_t *task) {
  const struct large *large = arg;
  int64_t sum = task->context ? *(const int64_t *)task->context : 0;
  for (size_t i = 0; i < sizeof large->bytes; i++) {
    sum += large->bytes[i];
  }
  *(int64_t *)result = sum;
  return 0;
}

static int32_t fail_with_7(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  return pool_task_fail(task, 7, "as told");
}

static pool_call_t *new_calls(size_t count, pool_fn fn, const void *arg, size_t arg_size, size_t result_size) {
  pool_call_t *calls = calloc(count, sizeof *calls);
  for (size_t i = 0; i < count; i++) {
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls[i].fn = fn;
    calls[i].arg = arg;
    calls[i].arg_size = arg_size;
    calls[i].result_size = result_size;
  }
  return calls;
}

static int64_t result_of(pool_future_t *future) {
  int64_t result = -1;
  CHECK_OK(pool_future_get(future, &result, sizeof result, -1));
  CHECK_OK(pool_future_release(future));
  return result;
}

CASE(every_call_runs_once) {
  size_t counts[] = {1, 2, 63, 64, 65, 1000, 100000};
  pool_t *pool = new_pool(3);
  for (size_t c = 0; c < COUNT_OF(counts); c++) {
    size_t count = scaled(counts[c]);
    atomic_int ran = 0;
    pool_call_t *calls = new_calls(count, increment, &ran, 0, 0);
    CHECK_OK(pool_submit(pool, calls, count, NULL));
    free(calls);
    while ((size_t)atomic_load(&ran) < count) {
      sched_yield();
    }
    CHECK_EQ(ran, count);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(small_large_and_contexts_mixed) {
  enum { COUNT = 200 };
  static int64_t numbers[COUNT], contexts[COUNT];
  static struct large larges[COUNT];
  pool_future_t *futures[COUNT];
  pool_t *pool = new_pool(2);
  pool_call_t *calls = new_calls(COUNT, twice, NULL, sizeof(int64_t), sizeof(int64_t));
  for (int i = 0; i < COUNT; i++) {
    numbers[i] = i;
    contexts[i] = 1000 * i;
    memset(larges[i].bytes, i % 7, sizeof larges[i].bytes);
    calls[i].arg = &numbers[i];
    if (i % 4 == 1) {
      calls[i].fn = add_context;
      calls[i].context = &contexts[i];
    } else if (i % 4 >= 2) {
      calls[i].fn = add_up;
      calls[i].arg = &larges[i];
      calls[i].arg_size = sizeof larges[i];
      calls[i].context = i % 4 == 3 ? &contexts[i] : NULL;
    }
  }
  CHECK_OK(pool_submit(pool, calls, COUNT, futures));
  memset(calls, 0xee, COUNT * sizeof *calls);
  memset(numbers, 0xee, sizeof numbers);
  memset(larges, 0xee, sizeof larges);
  for (int i = 0; i < COUNT; i++) {
    int64_t sum = (int64_t)sizeof larges[i].bytes * (i % 7);
    int64_t expected[] = {2 * i, i + 1000 * i, sum, sum + 1000 * i};
    CHECK_EQ(result_of(futures[i]), expected[i % 4]);
  }
  free(calls);
  CHECK_OK(pool_close_join(pool));
}

static int called, failures;

static void count_outcome(const pool_result_t *outcome, void *user_data) {
  CHECK(user_data == &called);
  called++;
  failures += outcome->status == 7;
}

CASE(each_call_has_its_callback) {
  enum { COUNT = 500 };
  pool_t *pool = new_pool(2);
  pool_call_t *calls = new_calls(COUNT, nothing, NULL, 0, 0);
  for (int i = 0; i < COUNT; i++) {
    calls[i].callback = i % 3 ? count_outcome : NULL;
    calls[i].user_data = &called;
    calls[i].fn = i % 5 ? nothing : fail_with_7;
  }
  CHECK_OK(pool_submit(pool, calls, COUNT, NULL));
  CHECK_OK(pool_close_join(pool));
  int expected = 0, expected_failures = 0;
  for (int i = 0; i < COUNT; i++) {
    expected += i % 3 != 0;
    expected_failures += i % 3 != 0 && i % 5 == 0;
  }
  CHECK_EQ(called, expected);
  CHECK_EQ(failures, expected_failures);
  free(calls);
}

struct log {
  int places;
  int order[3000];
};

struct line {
  struct log *log;
  int number;
};

static int32_t note(const void *arg, void *result, pool_task_t *task) {
  const struct line *line = arg;
  (void)result;
  (void)task;
  line->log->order[line->log->places++] = line->number;
  return 0;
}

/* With one worker the journal needs no lock; batches and single calls take turns. */
CASE(calls_start_in_the_order_of_the_array) {
  static struct log log;
  static struct line lines[1000];
  int number = 0;
  pool_t *pool = new_pool(1);
  pool_call_t *calls = new_calls(1000, note, NULL, sizeof(struct line), 0);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 1000; i++) {
      lines[i] = (struct line){&log, number++};
      calls[i].arg = &lines[i];
    }
    CHECK_OK(pool_submit(pool, calls, 1000, NULL));
    for (int i = 0; i < 500; i++) {
      struct line line = {&log, number++};
      CHECK_OK(pool_apply_async(pool, note, &line, sizeof line, 0, NULL, NULL, NULL));
    }
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(log.places, 3000);
  for (int i = 0; i < 3000; i++) {
    CHECK_EQ(log.order[i], i);
  }
  free(calls);
}

/* One bad call in the midst of good ones: none of them runs, nothing is written. */
CASE(all_or_none) {
  enum { COUNT = 100, BAD = 57 };
  int64_t number = 0;
  atomic_int ran = 0;
  pool_future_t *futures[COUNT];
  memset(futures, 0x55, sizeof futures);
  pool_t *pool = new_pool(2);
  pool_call_t good = POOL_CALL_INIT;
  good.fn = increment;
  good.arg = &ran;
  pool_call_t bad[5] = {good, good, good, good, good};
  bad[0].fn = NULL;
  bad[1].arg = NULL, bad[1].arg_size = 8;
  bad[2].arg_size = SIZE_MAX;
  bad[3].struct_size = 8;
  bad[4].struct_size = 2 * sizeof good;
  for (size_t b = 0; b < COUNT_OF(bad); b++) {
    pool_call_t *calls = new_calls(COUNT, increment, &ran, 0, 0);
    calls[BAD] = bad[b];
    CHECK_ERROR(pool_submit(pool, calls, COUNT, futures), POOL_ERR_INVALID);
    CHECK_HAS(pool_last_error(), "call 57");
    free(calls);
  }
  for (int i = 0; i < COUNT; i++) {
    pool_future_t *untouched;
    // NOLINTNEXTLINE(bugprone-sizeof-expression): the pointer itself is filled.
    memset(&untouched, 0x55, sizeof untouched);
    CHECK(futures[i] == untouched);
  }
  CHECK_OK(pool_apply(pool, nothing, &number, sizeof number, NULL, 0));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(ran, 0);
}

/* More memory than there is for the results of the second call. */
CASE(none_when_memory_runs_out) {
  atomic_int ran = 0;
  pool_t *pool = new_pool(1);
  pool_call_t *calls = new_calls(3, increment, &ran, 0, 0);
  calls[1].result_size = SIZE_MAX / 4;
  CHECK_ERROR(pool_submit(pool, calls, 3, NULL), POOL_ERR_NO_MEMORY);
  free(calls);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(ran, 0);
}

CASE(nonsense) {
  pool_t *pool = new_pool(1);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = nothing;
  CHECK_OK(pool_submit(pool, NULL, 0, NULL));
  CHECK_ERROR(pool_submit(pool, NULL, 1, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_submit(NULL, &call, 1, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_submit(pool, &call, SIZE_MAX, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_submit(pool, &call, SIZE_MAX / sizeof call, NULL), POOL_ERR_INVALID);
  call.struct_size = 0;
  CHECK_ERROR(pool_submit(pool, &call, 1, NULL), POOL_ERR_INVALID);
  call = (pool_call_t)POOL_CALL_INIT;
  CHECK_ERROR(pool_submit(pool, &call, 1, NULL), POOL_ERR_INVALID);
  call.fn = nothing;
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_submit(pool, &call, 1, NULL), POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
}

static int32_t submit_more(const void *arg, void *result, pool_task_t *task) {
  atomic_int *ran = *(atomic_int *const *)arg;
  pool_t *pool = *(pool_t *const *)task->context;
  pool_call_t *calls = new_calls(100, increment, ran, 0, 0);
  (void)result;
  CHECK_OK(pool_submit(pool, calls, 100, NULL));
  free(calls);
  return 0;
}

CASE(from_inside_tasks_also_after_close) {
  static pool_t *pool;
  static atomic_int ran;
  atomic_int *ran_at = &ran;
  pool = new_pool(2);
  pool_call_t *calls = new_calls(50, submit_more, &ran_at, sizeof ran_at, 0);
  for (int i = 0; i < 50; i++) {
    calls[i].context = &pool;
  }
  CHECK_OK(pool_submit(pool, calls, 50, NULL));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(ran, 5000);
  free(calls);
}

static void *submit_batches(void *pool) {
  static atomic_int ran;
  pool_call_t *calls = new_calls(257, increment, &ran, 0, 0);
  pool_future_t *futures[257];
  for (int round = 0; round < (int)scaled(200); round++) {
    CHECK_OK(pool_submit(pool, calls, 257, round % 2 ? futures : NULL));
    for (int i = 0; round % 2 && i < 257; i++) {
      CHECK_OK(pool_future_wait(futures[i], -1));
      CHECK_OK(pool_future_release(futures[i]));
    }
  }
  free(calls);
  return &ran;
}

/* Batches of several threads, whose blocks are promised to them, beside single calls. */
CASE(from_several_threads_at_once) {
  enum { THREADS = 6 };
  pthread_t threads[THREADS];
  atomic_int singles = 0;
  pool_t *pool = new_pool(2);
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, submit_batches, pool) == 0);
  }
  for (size_t i = 0; i < scaled(20000); i++) {
    CHECK_OK(pool_apply_async(pool, increment, &singles, 0, 0, NULL, NULL, NULL));
  }
  void *ran = NULL;
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], &ran) == 0);
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(singles, scaled(20000));
  CHECK_EQ(*(atomic_int *)ran, THREADS * 257 * (int)scaled(200));
}

CASE(terminate_ends_what_waits) {
  enum { COUNT = 1000 };
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *futures[COUNT];
  atomic_int ran = 0;
  pool_t *pool = new_pool(1);
  CHECK_OK(pool_apply_async(pool, block, &blocker, 0, 0, NULL, NULL, NULL));
  gate_wait(&blocker.running);
  pool_call_t *calls = new_calls(COUNT, increment, &ran, 0, 0);
  CHECK_OK(pool_submit(pool, calls, COUNT, futures));
  CHECK_EQ(pool_future_cancel(futures[3]), 1);
  CHECK_OK(pool_terminate(pool));
  gate_open(&blocker.go);
  for (int i = 0; i < COUNT; i++) {
    CHECK_OK(pool_future_wait(futures[i], -1));
    CHECK_EQ(pool_future_status(futures[i]), i == 3 ? POOL_ERR_CANCELLED : POOL_ERR_TERMINATED);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_EQ(ran, 0);
  CHECK_OK(pool_close_join(pool));
  free(calls);
}

/* The handles are written over the last call, before it is submitted: its argument is now said to be
 * larger than anything, and its callback is none. It alone fails. */
CASE(a_call_that_is_spoilt_meanwhile) {
  enum { COUNT = 100 };
  int64_t number = 21;
  pool_t *pool = new_pool(2);
  pool_call_t *calls = new_calls(2 * COUNT, twice, &number, sizeof number, sizeof number);
  pool_future_t **futures = (pool_future_t **)(void *)&calls[COUNT - 1].arg_size;
  CHECK_OK(pool_submit(pool, calls, COUNT, futures));
  // NOLINTNEXTLINE(clang-analyzer-security.ArrayBound): there is room for as many calls again.
  CHECK_STATUS(pool_future_get(futures[COUNT - 1], NULL, 0, -1), POOL_ERR_INTERNAL);
  CHECK_OK(pool_future_release(futures[COUNT - 1]));
  for (int i = 0; i < COUNT - 1; i++) {
    CHECK_EQ(result_of(futures[i]), 42);
  }
  CHECK_OK(pool_close_join(pool));
  free(calls);
}

static size_t size_of_process(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL);
  CHECK_EQ(fscanf(file, "%zu", &pages), 1);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Blocks that were promised and not needed are free for others again. */
CASE(batches_leave_no_memory_behind) {
  enum { COUNT = 40 };
  pool_future_t *futures[COUNT];
  size_t before = 0;
  pool_t *pool = new_pool(1);
  pool_call_t *calls = new_calls(COUNT, nothing, NULL, 0, 0);
  for (size_t round = 0; round < scaled(10000); round++) {
    CHECK_OK(pool_submit(pool, calls, COUNT, futures));
    for (int i = 0; i < COUNT; i++) {
      CHECK_OK(pool_future_wait(futures[i], -1));
      CHECK_OK(pool_future_release(futures[i]));
    }
    before = round == 10 ? size_of_process() : before;
  }
  if (check_tool() == NULL) {
    CHECK(size_of_process() < before + (8 << 20));
  }
  CHECK_OK(pool_close_join(pool));
  free(calls);
}

struct ended {
  pool_t *pool;
  struct gate running, go;
  int32_t status;
  pool_future_t *future;
};

static int32_t submit_when_told(const void *arg, void *result, pool_task_t *task) {
  struct ended *ended = *(struct ended *const *)arg;
  pool_call_t call = POOL_CALL_INIT;
  (void)result;
  (void)task;
  call.fn = nothing;
  gate_open(&ended->running);
  gate_wait(&ended->go);
  ended->status = pool_submit(ended->pool, &call, 1, &ended->future);
  return 0;
}

CASE(from_inside_a_terminated_pool) {
  struct ended ended = {new_pool(1), GATE_INIT, GATE_INIT, 0, NULL}, *at = &ended;
  // NOLINTNEXTLINE(bugprone-sizeof-expression): the argument is the pointer.
  CHECK_OK(pool_apply_async(ended.pool, submit_when_told, &at, sizeof at, 0, NULL, NULL, NULL));
  gate_wait(&ended.running);
  CHECK_OK(pool_terminate(ended.pool));
  gate_open(&ended.go);
  CHECK_OK(pool_close_join(ended.pool));
  CHECK_EQ(ended.status, POOL_ERR_TERMINATED);
  CHECK(ended.future == NULL);
}
