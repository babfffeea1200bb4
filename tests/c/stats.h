/* Pools in numbers, on threads and in processes: what the cases of both do. */
#ifndef STATS_H
#define STATS_H

#include "procs.h"

UNUSED static pool_stats_t stats_of(pool_t *pool) {
  pool_stats_t stats = POOL_STATS_INIT;
  CHECK_OK(pool_stats(pool, &stats));
  return stats;
}

UNUSED static pool_worker_stats_t worker_stats_of(pool_t *pool, uint32_t worker) {
  pool_worker_stats_t stats = POOL_WORKER_STATS_INIT;
  CHECK_OK(pool_worker_stats(pool, worker, &stats));
  return stats;
}

UNUSED static int32_t fail_with_7(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  return pool_task_fail(task, 7, "bad luck");
}

/* The numbers of all workers, and of those from outside, make up those of the pool. */
UNUSED static uint64_t tasks_of_all(pool_t *pool, pool_worker_stats_t *sum) {
  pool_stats_t stats = stats_of(pool);
  uint32_t alive = 0;
  memset(sum, 0, sizeof *sum);
  for (uint32_t i = 0; i <= stats.numbers; i++) {
    pool_worker_stats_t one = worker_stats_of(pool, i < stats.numbers ? i : POOL_NO_WORKER);
    sum->tasks += one.tasks;
    sum->items += one.items;
    sum->steals += one.steals;
    sum->sleeps += one.sleeps;
    sum->deaths += one.deaths;
    alive += (uint32_t)one.alive;
  }
  CHECK_EQ(sum->items, stats.items);
  CHECK_EQ(sum->deaths, stats.deaths);
  CHECK_EQ(stats.alive, alive);
  return sum->tasks;
}

/* Of all ways that a call can go, each is counted, and the sums fit once the pool rests. */
UNUSED static void every_call_is_counted(int32_t mode) {
  pool_t *pool = pool_of(mode, 2);
  pool_stats_t none = stats_of(pool);
  CHECK_EQ(none.workers, 2);
  CHECK_EQ(none.submitted + none.ended + none.failed + none.cancelled + none.items + none.queued + none.held, 0);
  enum { GOOD = 50, BAD = 7, ITEMS = 3000 };
  pool_future_t *futures[GOOD + BAD];
  int64_t arg = 3, result;
  for (int i = 0; i < GOOD + BAD; i++) {
    CHECK_OK(pool_apply_async(pool, i < GOOD ? twice : fail_with_7, &arg, 8, 8, NULL, NULL, &futures[i]));
  }
  for (int i = 0; i < GOOD + BAD; i++) {
    CHECK_STATUS(pool_future_get(futures[i], &result, 8, -1), i < GOOD ? POOL_OK : 7);
    pool_future_release(futures[i]);
  }
  CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  CHECK_STATUS(pool_apply(pool, fail_with_7, &arg, 8, NULL, 0), 7);
  int64_t *numbers = calloc(ITEMS, 8);
  CHECK_OK(pool_map(pool, twice, numbers, 8, numbers, 8, ITEMS));
  CHECK_STATUS(pool_map(pool, fail_with_7, NULL, 0, NULL, 0, 1), 7);
  pool_call_t calls[3] = {POOL_CALL_INIT, POOL_CALL_INIT, POOL_CALL_INIT};
  for (int i = 0; i < 3; i++) {
    calls[i].fn = nothing;
  }
  CHECK_OK(pool_submit(pool, calls, 3, NULL));
  CHECK_ERROR(pool_apply_async(pool, NULL, NULL, 0, 0, NULL, NULL, NULL), POOL_ERR_INVALID);
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, NULL), POOL_ERR_CLOSED);
  CHECK_OK(pool_join(pool, -1));
  pool_stats_t stats = stats_of(pool);
  CHECK_EQ(stats.submitted, GOOD + BAD + 2 + 2 + 3);
  CHECK_EQ(stats.ended, stats.submitted);
  CHECK_EQ(stats.failed, BAD + 1 + 1);
  CHECK_EQ(stats.cancelled, 0);
  CHECK_EQ(stats.items, ITEMS + 1);
  CHECK_EQ(stats.queued + stats.held + stats.running + stats.blocked, 0);
  pool_worker_stats_t sum;
  CHECK_EQ(tasks_of_all(pool, &sum), GOOD + BAD + 2 + 3);
  free(numbers);
  CHECK_OK(pool_close_join(pool));
}

UNUSED static int32_t succeed_at_the_third(const void *arg, void *result, pool_task_t *task) {
  (void)arg, (void)result;
  return task->attempt < 3 ? pool_task_fail(task, 7, "not yet") : 0;
}

/* However often a call is tried, it was submitted once, and ends once: well, if its last attempt did. */
UNUSED static void attempts_are_one_call(int32_t mode) {
  pool_t *pool = pool_of(mode, 2);
  enum { GOOD = 20, BAD = 5 };
  pool_call_t call = POOL_CALL_INIT;
  call.fn = succeed_at_the_third;
  for (int i = 0; i < GOOD + BAD; i++) {
    call.retries = i < GOOD ? 2 : 1;
    pool_future_t *future = NULL;
    CHECK_OK(pool_submit(pool, &call, 1, &future));
    CHECK_STATUS(pool_future_get(future, NULL, 0, -1), i < GOOD ? POOL_OK : 7);
    pool_future_release(future);
  }
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  pool_stats_t stats = stats_of(pool);
  CHECK_EQ(stats.submitted, GOOD + BAD);
  CHECK_EQ(stats.ended, GOOD + BAD);
  CHECK_EQ(stats.failed, BAD);
  CHECK_EQ(stats.cancelled, 0);
  pool_worker_stats_t sum;
  CHECK_EQ(tasks_of_all(pool, &sum), GOOD + BAD);
  CHECK_OK(pool_close_join(pool));
}

struct stay {
  atomic_int open, running;
};

UNUSED static int32_t stay(const void *arg, void *result, pool_task_t *task) {
  struct stay *course = *(struct stay *const *)arg;
  (void)result, (void)task;
  atomic_fetch_add(&course->running, 1);
  while (!atomic_load(&course->open)) {
    sleep_ms(1);
  }
  return 0;
}

/* What runs, what waits, and what was cancelled. */
UNUSED static void the_moment_is_told(int32_t mode) {
  struct stay *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  enum { ALL = 12 };
  pool_future_t *futures[ALL];
  for (int i = 0; i < ALL; i++) {
    CHECK_OK(pool_apply_async(pool, stay, &course, sizeof course, 0, NULL, NULL, &futures[i]));
  }
  EVENTUALLY(atomic_load(&course->running) == 2);
  EVENTUALLY(stats_of(pool).running == 2);
  pool_stats_t stats = stats_of(pool);
  CHECK_EQ(stats.queued, ALL - 2);
  CHECK_EQ(stats.submitted, ALL);
  CHECK_EQ(stats.ended, 0);
  CHECK_EQ(stats.sleeping, 0);
  CHECK_EQ(pool_future_cancel(futures[ALL - 1]), 1);
  CHECK_EQ(stats_of(pool).cancelled, 1);
  CHECK_EQ(stats_of(pool).ended, 1);
  atomic_store(&course->open, 1);
  for (int i = 0; i < ALL; i++) {
    CHECK_OK(pool_future_wait(futures[i], -1));
    pool_future_release(futures[i]);
  }
  EVENTUALLY(stats_of(pool).sleeping == 2);
  EVENTUALLY(stats_of(pool).queued == 0);
  stats = stats_of(pool);
  CHECK_EQ(stats.running, 0);
  CHECK_EQ(stats.ended, ALL);
  CHECK_EQ(stats.failed, 0);
  CHECK_OK(pool_close_join(pool));
}

UNUSED static int32_t nap(const void *arg, void *result, pool_task_t *task) {
  (void)result, (void)task;
  sleep_ms(*(const int *)arg);
  return 0;
}

/* Time passes while a worker runs a task, also before that has ended, and does not while it sleeps. */
UNUSED static void time_is_counted_awake(int32_t mode) {
  enum { NAP = 60 };
  pool_t *pool = pool_of(mode, 1);
  int ms = NAP;
  pool_future_t *future;
  CHECK_OK(pool_apply_async(pool, nap, &ms, sizeof ms, 0, NULL, NULL, &future));
  EVENTUALLY(worker_stats_of(pool, 0).busy_ns > NAP * 1000000 / 4);
  CHECK_OK(pool_future_wait(future, -1));
  pool_future_release(future);
  EVENTUALLY(stats_of(pool).sleeping == 1);
  pool_worker_stats_t before = worker_stats_of(pool, 0);
  CHECK(before.busy_ns >= NAP * 1000000);
  CHECK(before.sleeps >= 1);
  CHECK_EQ(before.alive, 1);
  sleep_ms(NAP);
  pool_worker_stats_t after = worker_stats_of(pool, 0);
  CHECK_EQ(after.busy_ns, before.busy_ns);
  CHECK_EQ(after.sleeps, before.sleeps);
  CHECK_EQ(stats_of(pool).busy_ns, after.busy_ns);
  ms = 1;
  CHECK_OK(pool_apply_async(pool, nap, &ms, sizeof ms, 0, NULL, NULL, NULL));
  EVENTUALLY(worker_stats_of(pool, 0).sleeps == before.sleeps + 1);
  CHECK(worker_stats_of(pool, 0).busy_ns >= before.busy_ns + 1000000);
  CHECK_OK(pool_close_join(pool));
}

/* Nonsense is refused, and a struct of a later version gets zeros where this one says nothing. */
UNUSED static void nonsense_about_stats(int32_t mode) {
  pool_t *pool = pool_of(mode, 2);
  pool_stats_t stats = POOL_STATS_INIT;
  pool_worker_stats_t worker = POOL_WORKER_STATS_INIT;
  CHECK_ERROR(pool_stats(NULL, &stats), POOL_ERR_INVALID);
  CHECK_ERROR(pool_stats(pool, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_worker_stats(NULL, 0, &worker), POOL_ERR_INVALID);
  CHECK_ERROR(pool_worker_stats(pool, 0, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_worker_stats(pool, 4096, &worker), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "4096 is no worker");
  CHECK_ERROR(pool_worker_stats(pool, POOL_NO_WORKER - 1, &worker), POOL_ERR_INVALID);
  size_t sizes[] = {0, 1, 8, sizeof stats - 1, sizeof stats * 100, SIZE_MAX};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    stats.struct_size = worker.struct_size = sizes[i];
    CHECK_ERROR(pool_stats(pool, &stats), POOL_ERR_INVALID);
    CHECK_HAS(pool_last_error(), "POOL_STATS_INIT");
    if (sizes[i] < sizeof worker || sizes[i] > sizeof worker * 64) {
      CHECK_ERROR(pool_worker_stats(pool, 0, &worker), POOL_ERR_INVALID);
      CHECK_HAS(pool_last_error(), "POOL_WORKER_STATS_INIT");
    }
  }
  struct {
    pool_stats_t known;
    uint64_t later[2];
  } wide;
  memset(&wide, 255, sizeof wide);
  wide.known.struct_size = sizeof wide;
  CHECK_OK(pool_stats(pool, &wide.known));
  CHECK_EQ(wide.known.struct_size, sizeof wide);
  CHECK_EQ(wide.known.submitted + wide.later[0] + wide.later[1], 0);
  CHECK_OK(pool_close_join(pool));
  CHECK_ERROR(pool_stats(pool, &wide.known), POOL_ERR_INVALID);
}

#endif
