/* pool_stats() and pool_worker_stats() on threads. */
#include "stats.h"

CASE(every_call_is_counted_on_threads) {
  every_call_is_counted(POOL_THREADS);
}

CASE(attempts_are_one_call_on_threads) {
  attempts_are_one_call(POOL_THREADS);
}

CASE(the_moment_is_told_of_threads) {
  the_moment_is_told(POOL_THREADS);
}

CASE(time_is_counted_of_threads_that_are_awake) {
  time_is_counted_awake(POOL_THREADS);
}

CASE(nonsense_about_stats_of_threads) {
  nonsense_about_stats(POOL_THREADS);
}

static int32_t submit_and_wait_for_thief(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  struct blocker *blocker = (struct blocker *)(uintptr_t)arg;
  pool_t *pool = (pool_t *)(uintptr_t)task->context;
  CHECK_OK(pool_apply_async(pool, block, blocker, 0, 0, NULL, NULL, NULL));
  /* Whoever runs that has taken it from this worker, which is here. */
  gate_wait(&blocker->running);
  gate_open(&blocker->go);
  return 0;
}

CASE(what_another_worker_takes_is_a_steal) {
  struct blocker blocker = BLOCKER_INIT;
  pool_t *pool = new_pool(2);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = submit_and_wait_for_thief;
  call.arg = &blocker;
  call.context = pool;
  pool_future_t *future;
  CHECK_OK(pool_submit(pool, &call, 1, &future));
  CHECK_OK(pool_future_get(future, NULL, 0, 10000));
  pool_future_release(future);
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK_EQ(stats_of(pool).steals, 1);
  CHECK_EQ(stats_of(pool).submitted, 2);
  pool_worker_stats_t sum;
  CHECK_EQ(tasks_of_all(pool, &sum), 2);
  CHECK_OK(pool_close_join(pool));
}

struct wait_inside {
  pool_t *pool;
  struct blocker blocker;
};

static int32_t wait_inside(const void *arg, void *result, pool_task_t *task) {
  struct wait_inside *course = (struct wait_inside *)(uintptr_t)arg;
  (void)result, (void)task;
  pool_future_t *future = block_worker(course->pool, &course->blocker);
  CHECK_STATUS(pool_future_wait(future, 100000), POOL_OK);
  pool_future_release(future);
  return 0;
}

/* A task that waits is counted, has given its place up, and lets a worker with a number of its own in. */
CASE(waits_and_spare_workers_are_counted) {
  struct wait_inside course = {new_pool(2), BLOCKER_INIT};
  pool_t *pool = course.pool;
  pool_future_t *waiting, *others[2];
  CHECK_OK(pool_apply_async(pool, wait_inside, &course, 0, 0, NULL, NULL, &waiting));
  gate_wait(&course.blocker.running);
  EVENTUALLY(stats_of(pool).blocked == 1);
  CHECK_EQ(stats_of(pool).waits, 1);
  struct blocker third = BLOCKER_INIT;
  others[0] = block_worker(pool, &third);
  EVENTUALLY(stats_of(pool).running == 2);
  CHECK_EQ(stats_of(pool).numbers, 3);
  CHECK_EQ(worker_stats_of(pool, 2).alive, 1);
  CHECK_EQ(worker_stats_of(pool, 2).starts, 1);
  CHECK_EQ(worker_stats_of(pool, 2).pid, getpid());
  gate_open(&course.blocker.go);
  gate_open(&third.go);
  CHECK_OK(pool_future_wait(waiting, -1));
  CHECK_OK(pool_future_wait(others[0], -1));
  pool_future_release(waiting);
  pool_future_release(others[0]);
  CHECK_OK(pool_close_join(pool));
}

/* The caller of pool_apply() runs the task itself: that is nobody's of the pool. */
CASE(threads_from_outside_have_numbers_of_their_own) {
  check_skip_under("valgrind", "the bounds of the first thread's stack are valgrind's: it helps nobody");
  pool_t *pool = new_pool(2);
  int64_t arg = 1, result, items[100] = {0};
  for (int i = 0; i < 10; i++) {
    CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  }
  pool_worker_stats_t outside = worker_stats_of(pool, POOL_NO_WORKER);
  CHECK_EQ(outside.tasks, 10);
  CHECK_EQ(outside.alive + outside.busy_ns + outside.sleeps + outside.starts, 0);
  CHECK_EQ(worker_stats_of(pool, 1).starts, 0);
  CHECK_EQ(worker_stats_of(pool, 1).alive, 0);
  CHECK_OK(pool_map(pool, twice, items, 8, items, 8, 100));
  CHECK(worker_stats_of(pool, POOL_NO_WORKER).items > 0);
  CHECK_EQ(stats_of(pool).items, 100);
  CHECK_OK(pool_close_join(pool));
}

static void *ask_all_the_time(void *data) {
  pool_t *pool = data;
  uint64_t last = 0;
  for (;;) {
    pool_stats_t stats = stats_of(pool);
    CHECK(stats.ended <= stats.submitted);
    CHECK(stats.ended >= last);
    last = stats.ended;
    if (stats.failed == 1) {
      return NULL;
    }
  }
}

/* Asked by others while everything moves: never an end without a beginning, and nothing goes back. */
CASE(asked_while_everything_moves) {
  pool_t *pool = new_pool(3);
  pthread_t asker = check_thread(ask_all_the_time, pool);
  size_t count = scaled(20000);
  int64_t arg = 4, result;
  for (size_t i = 0; i < count; i++) {
    CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, NULL));
    if (i % 64 == 0) {
      CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
    }
  }
  CHECK_STATUS(pool_apply(pool, fail_with_7, NULL, 0, NULL, 0), 7);
  pthread_join(asker, NULL);
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK_EQ(stats_of(pool).submitted, count + (count + 63) / 64 + 1);
  CHECK_EQ(stats_of(pool).ended, stats_of(pool).submitted);
  CHECK_OK(pool_close_join(pool));
}

static int32_t ask_inside(const void *arg, void *result, pool_task_t *task) {
  (void)arg, (void)task;
  *(pool_stats_t *)result = stats_of((pool_t *)(uintptr_t)arg);
  return 0;
}

static void ask_in_callback(const pool_result_t *outcome, void *user_data) {
  CHECK_EQ(outcome->status, POOL_OK);
  CHECK_EQ(stats_of(user_data).workers, 2);
}

CASE(a_task_and_a_callback_may_ask) {
  pool_t *pool = new_pool(2);
  pool_future_t *future;
  pool_stats_t inside = POOL_STATS_INIT;
  CHECK_OK(pool_apply_async(pool, ask_inside, pool, 0, sizeof inside, ask_in_callback, pool, &future));
  CHECK_OK(pool_future_get(future, &inside, sizeof inside, -1));
  pool_future_release(future);
  CHECK_EQ(inside.submitted, 1);
  CHECK(inside.running >= 1);
  CHECK_OK(pool_close_join(pool));
}

CASE(terminated_and_stopped_is_counted) {
  struct blocker blocker = BLOCKER_INIT;
  pool_t *pool = new_pool(1);
  pool_future_t *held = block_worker(pool, &blocker);
  for (int i = 0; i < 5; i++) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, NULL));
  }
  CHECK_OK(pool_map_async(pool, nothing, NULL, 0, NULL, 0, 1000, NULL, NULL, NULL));
  CHECK_OK(pool_terminate(pool));
  gate_open(&blocker.go);
  CHECK_OK(pool_join(pool, -1));
  pool_stats_t stats = stats_of(pool);
  CHECK_EQ(stats.submitted, 7);
  CHECK_EQ(stats.ended, 7);
  CHECK_EQ(stats.cancelled, 6);
  CHECK_EQ(stats.failed, 0);
  CHECK_EQ(stats.items, 0);
  pool_future_release(held);
  CHECK_OK(pool_close_join(pool));
}

CASE(a_child_is_told_that_it_is_one) {
  check_skip_fork_under_asan();
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  pid_t child = fork();
  if (child == 0) {
    pool_stats_t stats = POOL_STATS_INIT;
    pool_worker_stats_t worker = POOL_WORKER_STATS_INIT;
    CHECK_ERROR(pool_stats(pool, &stats), POOL_ERR_FORKED);
    CHECK_ERROR(pool_worker_stats(pool, 0, &worker), POOL_ERR_FORKED);
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
  CHECK_OK(pool_close_join(pool));
}
