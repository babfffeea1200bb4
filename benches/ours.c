/* Millpond's rows, through the C interface as any user would call it. */
#include <millpond.h>

#define BENCH_TASK pool_task_t
#include "common/bench.h"
#include "common/fork_join.h"
#include "common/idle.h"
#include "common/latch.h"
#include "common/map.h"
#include "common/ours.h"
#include "common/sort.h"
#include "common/submitters.h"

/* A wait that never ends in practice, yet is timed: a timed wait does not run the task on the waiting thread. */
enum { TIMED_WAIT_MS = 60000 };

static pool_t *create(uint32_t workers) {
  pool_t *pool = pool_create(workers);
  if (!pool) {
    bench_fail(pool_last_error());
  }
  return pool;
}

static int32_t empty(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  return 0;
}

struct batch {
  pool_t *pool;
  struct bench_counter counter;
  uint32_t callbacks_left;
  pool_future_t **futures;
};

/* Cold: the tasks are empty, and closing and joining is the wait for all. */
static void batch_then_join(void *data, size_t tasks) {
  struct batch *batch = data;
  for (size_t i = 0; i < tasks; i++) {
    check(pool_apply_async(batch->pool, empty, NULL, 0, 0, NULL, NULL, NULL));
  }
  check(pool_close(batch->pool));
  check(pool_join(batch->pool, -1));
}

static void w1_cold(const struct bench *b) {
  struct batch batch = {.pool = create(b->workers)};
  bench_print("W1-cold", bench_cold(bench_w1_tasks(b), batch_then_join, &batch), "ns", NULL);
  check(pool_close_join(batch.pool));
}

/* Warm: the pool goes on afterwards, so the tasks count down, as a user's would. */
static void batch_counted(void *data, size_t tasks) {
  struct batch *batch = data;
  bench_counter_reset(&batch->counter, (uint32_t)tasks);
  for (size_t i = 0; i < tasks; i++) {
    check(pool_apply_async(batch->pool, count_down, &batch->counter, 0, 0, NULL, NULL, NULL));
  }
  bench_counter_wait(&batch->counter);
}

static void w1(const struct bench *b) {
  struct batch batch = {.pool = create(b->workers)};
  bench_print("W1", bench_warm(b, bench_w1_tasks(b), batch_counted, &batch), "ns", NULL);
  check(pool_close_join(batch.pool));
}

/* An array of calls that is there before; so many of them are handed over at a time. */
struct calls {
  struct batch batch;
  pool_call_t *calls;
  size_t at_once;
};

static void batch_at_once(void *data, size_t tasks) {
  struct calls *calls = data;
  bench_counter_reset(&calls->batch.counter, (uint32_t)tasks);
  for (size_t i = 0; i < tasks; i += calls->at_once) {
    size_t count = tasks - i < calls->at_once ? tasks - i : calls->at_once;
    check(pool_submit(calls->batch.pool, &calls->calls[i], count, NULL));
  }
  bench_counter_wait(&calls->batch.counter);
}

static void w1b(const struct bench *b) {
  enum { FEW = 1000 };
  size_t tasks = bench_w1_tasks(b);
  struct calls calls = {{.pool = create(b->workers)}, bench_alloc(tasks, sizeof(pool_call_t)), tasks};
  for (size_t i = 0; i < tasks; i++) {
    calls.calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls.calls[i].fn = count_down;
    calls.calls[i].arg = &calls.batch.counter;
  }
  bench_print("W1b", bench_warm(b, tasks, batch_at_once, &calls), "ns", NULL);
  calls.at_once = FEW;
  bench_print("W1b", bench_warm(b, tasks, batch_at_once, &calls), "ns", "1,000 a call");
  check(pool_close_join(calls.batch.pool));
  free(calls.calls);
}

/* Callbacks are serial, so a plain counter will do. */
static void on_done(const pool_result_t *outcome, void *user_data) {
  struct batch *batch = user_data;
  check(outcome->status);
  if (--batch->callbacks_left == 0) {
    bench_latch_set(&batch->counter.done);
  }
}

static void batch_called_back(void *data, size_t tasks) {
  struct batch *batch = data;
  batch->callbacks_left = (uint32_t)tasks;
  bench_latch_reset(&batch->counter.done);
  for (size_t i = 0; i < tasks; i++) {
    check(pool_apply_async(batch->pool, empty, NULL, 0, 0, on_done, batch, NULL));
  }
  bench_counter_wait(&batch->counter);
}

static void w1c(const struct bench *b) {
  struct batch batch = {.pool = create(b->workers)};
  bench_print("W1c", bench_warm(b, bench_w1_tasks(b), batch_called_back, &batch), "ns", NULL);
  check(pool_close_join(batch.pool));
}

/* Each submitter waits for its own; the counters lie apart. */
struct share {
  _Alignas(128) struct bench_counter counter;
};

struct shared_batch {
  pool_t *pool;
  struct share *shares;
};

static void submit_share(void *data, size_t who, size_t tasks) {
  struct shared_batch *batch = data;
  struct bench_counter *counter = &batch->shares[who].counter;
  bench_counter_reset(counter, (uint32_t)tasks);
  for (size_t i = 0; i < tasks; i++) {
    check(pool_apply_async(batch->pool, count_down, counter, 0, 0, NULL, NULL, NULL));
  }
  bench_counter_wait(counter);
}

static void w1p(const struct bench *b) {
  struct shared_batch batch = {create(b->workers), aligned_alloc(128, b->submitters * sizeof(struct share))};
  bench_print("W1p", bench_submitted(b, submit_share, &batch), "ns", NULL);
  check(pool_close_join(batch.pool));
  free(batch.shares);
}

static void batch_of_futures(void *data, size_t tasks) {
  struct batch *batch = data;
  for (uint64_t i = 0; i < tasks; i++) {
    check(pool_apply_async(batch->pool, add_one, &i, sizeof i, sizeof i, NULL, NULL, &batch->futures[i]));
  }
  for (uint64_t i = 0; i < tasks; i++) {
    uint64_t result;
    check(pool_future_get(batch->futures[i], &result, sizeof result, -1));
    check(pool_future_release(batch->futures[i]));
    if (result != i + 1) {
      bench_fail("a future returned a wrong result");
    }
  }
}

static void w2(const struct bench *b) {
  size_t tasks = bench_w2_tasks(b);
  struct batch batch = {.pool = create(b->workers), .futures = bench_alloc(tasks, sizeof *batch.futures)};
  bench_print("W2", bench_warm(b, tasks, batch_of_futures, &batch), "ns", NULL);
  check(pool_close_join(batch.pool));
  free(batch.futures);
}

static void w3(const struct bench *b) {
  pool_t *pool = create(b->workers);
  bench_print("W3", bench_p50(bench_w3_samples(b), BENCH_W3_CALLS, apply_once, pool), "ns", NULL);
  check(pool_close_join(pool));
}

static void w3c(const struct bench *b) {
  pool_t *pool = create(b->workers);
  bench_print("W3c", bench_p50_cold(b, apply_once, pool), "ns", NULL);
  check(pool_close_join(pool));
}

static void hand_over_once(void *pool) {
  uint64_t x = 1;
  uint64_t result = 0;
  pool_future_t *future;
  check(pool_apply_async(pool, add_one, &x, sizeof x, sizeof result, NULL, NULL, &future));
  check(pool_future_get(future, &result, sizeof result, TIMED_WAIT_MS));
  check(pool_future_release(future));
  if (result != 2) {
    bench_fail("a future returned a wrong result");
  }
}

static void w3_other(const struct bench *b) {
  pool_t *pool = create(b->workers);
  bench_print("W3-other", bench_p50(bench_w3_samples(b), BENCH_ONE_CALL, hand_over_once, pool), "ns", NULL);
  check(pool_close_join(pool));
}

/* Fork-join without a cut-off: the inline part of the header, and the library's function. */
#define FIB(name, join2)                                                                                               \
  static int32_t name(const void *arg, void *result, pool_task_t *task) {                                              \
    uint64_t n = *(const uint64_t *)arg;                                                                               \
    uint64_t less[2] = {n - 1, n - 2};                                                                                 \
    uint64_t parts[2] = {n, 0};                                                                                        \
    int32_t status = n < 2 ? 0 : join2(task, name, &less[0], &parts[0], name, &less[1], &parts[1]);                    \
    *(uint64_t *)result = parts[0] + parts[1];                                                                         \
    return status;                                                                                                     \
  }
FIB(fib, pool_join2)
FIB(fib_by_call, (pool_join2))

struct forks {
  pool_t *pool;
  pool_fn fib;
};

static uint64_t fork_and_join(void *data, uint64_t n) {
  const struct forks *forks = data;
  uint64_t result = 0;
  check(pool_apply(forks->pool, forks->fib, &n, sizeof n, &result, sizeof result));
  return result;
}

static void w4(const struct bench *b) {
  struct forks forks = {create(b->workers), fib};
  bench_print("W4", bench_forks(b, fork_and_join, &forks), "ns", NULL);
  forks.fib = fib_by_call;
  bench_print("W4", bench_forks(b, fork_and_join, &forks), "ns", "without inline");
  check(pool_close_join(forks.pool));
}

static void w3c_other(const struct bench *b) {
  pool_t *pool = create(b->workers);
  bench_print("W3c-other", bench_p50_cold(b, hand_over_once, pool), "ns", NULL);
  check(pool_close_join(pool));
}

static void map(const struct bench_map *map, void *pool) {
  check(pool_map(pool, map->fn, map->args, sizeof *map->args, map->results, sizeof *map->results, map->count));
}

static const struct bench_mapper MAPPERS[] = {{NULL, map}};

static void w5(const struct bench *b) {
  pool_t *pool = create(b->workers);
  bench_map_uniform(b, MAPPERS, 1, pool);
  check(pool_close_join(pool));
}

static void w6(const struct bench *b) {
  pool_t *pool = create(b->workers);
  bench_map_skewed(b, MAPPERS, 1, pool);
  check(pool_close_join(pool));
}

static void sort_numbers(uint64_t *numbers, size_t count, void *pool) {
  check(pool_sort(pool, numbers, count, POOL_SORT_U64));
}

static void w10(const struct bench *b) {
  pool_t *pool = create(b->workers);
  bench_sort(b, sort_numbers, pool);
  check(pool_close_join(pool));
}

static void w7(const struct bench *b) {
  pool_t *pool = create(b->workers);
  bench_map_coarse(b, MAPPERS, 1, pool);
  check(pool_close_join(pool));
}

static void live_and_apply(void *unused) {
  (void)unused;
  pool_t *pool = create(BENCH_W8_WORKERS);
  apply_once(pool);
  check(pool_close_join(pool));
}

static void w8(const struct bench *b) {
  bench_print("W8", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, live_and_apply, NULL), "ns", NULL);
}

static void live_and_submit(void *unused) {
  (void)unused;
  pool_t *pool = create(BENCH_W8_WORKERS);
  check(pool_apply_async(pool, empty, NULL, 0, 0, NULL, NULL, NULL));
  check(pool_close_join(pool));
}

static void w8_async(const struct bench *b) {
  bench_print("W8-async", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, live_and_submit, NULL), "ns", NULL);
}

static void w9(const struct bench *b) {
  struct batch batch = {.pool = create(b->workers)};
  batch_counted(&batch, 1000);
  bench_idle(b);
  check(pool_close_join(batch.pool));
}

static const struct bench_row ROWS[] = {
    {"W1", w1},   {"W1-cold", w1_cold},
    {"W1b", w1b}, {"W1c", w1c},
    {"W1p", w1p}, {"W2", w2},
    {"W3", w3},   {"W3-other", w3_other},
    {"W3c", w3c}, {"W3c-other", w3c_other},
    {"W4", w4},   {"W5", w5},
    {"W6", w6},   {"W7", w7},
    {"W8", w8},   {"W8-async", w8_async},
    {"W9", w9},   {"W10", w10},
};

BENCH_MAIN(ROWS)
