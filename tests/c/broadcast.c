/* Something that every thread of a pool does once. */
#include "broadcast.h"

CASE(every_worker_runs_it_once_on_threads) {
  every_worker_runs_it_once(POOL_THREADS);
}

CASE(arguments_and_results_on_threads) {
  arguments_and_results(POOL_THREADS);
}

CASE(failures_are_told_on_threads) {
  failures_are_told(POOL_THREADS);
}

CASE(nonsense_is_refused_on_threads) {
  nonsense(POOL_THREADS);
}

CASE(busy_threads_come_later) {
  busy_workers_come_later(POOL_THREADS);
}

CASE(terminated_meanwhile_on_threads) {
  terminated_meanwhile(POOL_THREADS);
}

CASE(closed_meanwhile_on_threads) {
  closed_meanwhile(POOL_THREADS);
}

CASE(many_at_once_on_threads) {
  many_at_once(POOL_THREADS, 30);
}

static int32_t broadcast_inside(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  CHECK_ERROR(pool_broadcast(*(pool_t *const *)arg, nothing, NULL, 0, NULL, 0, NULL, 0), POOL_ERR_DEADLOCK);
  return 0;
}

static void broadcast_in_a_callback(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  CHECK_ERROR(pool_broadcast(user_data, nothing, NULL, 0, NULL, 0, NULL, 0), POOL_ERR_DEADLOCK);
}

CASE(not_from_inside) {
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, broadcast_in_a_callback, pool, NULL));
  CHECK_OK(pool_apply(pool, broadcast_inside, &pool, sizeof pool, NULL, 0));
  CHECK_OK(pool_broadcast(pool, broadcast_inside, &pool, sizeof pool, NULL, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

/* The function may use the pool, and is on each worker all the same. */
static int32_t use_the_pool(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = *(pool_t *const *)arg;
  int64_t numbers[20] = {0}, doubles[20];
  CHECK_OK(pool_map(pool, twice, numbers, 8, doubles, 8, 20));
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  *(uint32_t *)result = task->worker;
  return 0;
}

CASE(it_may_use_the_pool) {
  pool_t *pool = new_pool(3);
  for (int i = 0; i < 20; i++) {
    uint32_t workers[3];
    CHECK_OK(pool_broadcast(pool, use_the_pool, &pool, sizeof pool, workers, 4, NULL, 3));
    CHECK(workers[0] != workers[1] && workers[1] != workers[2] && workers[2] != workers[0]);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(in_sequence_the_caller_is_the_worker) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = POOL_SEQUENTIAL;
  options.workers = 5;
  pool_t *pool = new_pool_with(&options);
  int64_t arg = 4711;
  struct who who = {0};
  CHECK_OK(pool_broadcast(pool, tell_who, &arg, sizeof arg, &who, sizeof who, NULL, 1));
  CHECK_EQ(who.thread, (int64_t)(uintptr_t)pthread_self());
  CHECK_ERROR(pool_broadcast(pool, broadcast_inside, &pool, sizeof pool, NULL, 1, NULL, 1), POOL_ERR_INVALID);
  CHECK_OK(pool_broadcast(pool, broadcast_inside, &pool, sizeof pool, NULL, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

static int32_t prepare_two(void *data, uint32_t worker) {
  (void)worker;
  return atomic_fetch_add((atomic_int *)data, 1) >= 2;
}

/* A worker that cannot be had: the others do not wait for it. */
CASE(a_thread_that_cannot_be_had) {
  atomic_int prepared = 0, count = 0;
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.max_workers = 3;
  options.initializer = prepare_two;
  options.worker_data = &prepared;
  pool_t *pool = new_pool_with(&options);
  CHECK_OK(pool_broadcast(pool, use_pointer, &count, 0, NULL, 0, NULL, 0));
  CHECK_EQ(count, 2);
  CHECK_OK(pool_resize(pool, 3));
  CHECK_ERROR(pool_broadcast(pool, use_pointer, &count, 0, NULL, 0, NULL, 0), POOL_ERR_SYSTEM);
  CHECK_EQ(count, 2);
  CHECK_OK(pool_resize(pool, 2));
  CHECK_OK(pool_broadcast(pool, use_pointer, &count, 0, NULL, 0, NULL, 0));
  CHECK_EQ(count, 4);
  CHECK_OK(pool_close_join(pool));
}

CASE(a_child_is_told) {
  check_skip_fork_under_asan();
  pool_t *pool = new_pool(2);
  pid_t child = fork();
  if (child == 0) {
    CHECK_ERROR(pool_broadcast(pool, nothing, NULL, 0, NULL, 0, NULL, 0), POOL_ERR_FORKED);
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
  CHECK_OK(pool_close_join(pool));
}
