/* pool_stats() and pool_worker_stats() where workers are processes. */
#include "stats.h"

CASE(every_call_is_counted_in_processes) {
  every_call_is_counted(POOL_PROCESSES);
}

CASE(attempts_are_one_call_in_processes) {
  attempts_are_one_call(POOL_PROCESSES);
}

CASE(the_moment_is_told_of_processes) {
  the_moment_is_told(POOL_PROCESSES);
}

CASE(time_is_counted_of_processes_that_are_awake) {
  time_is_counted_awake(POOL_PROCESSES);
}

CASE(nonsense_about_stats_of_processes) {
  nonsense_about_stats(POOL_PROCESSES);
}

static int32_t nap_and_die(const void *arg, void *result, pool_task_t *task) {
  nap(arg, result, task);
  raise(SIGKILL);
  return 0;
}

/* What a worker has done is not forgotten when it dies; and that it died is counted, but not that it was replaced. */
CASE(deaths_are_counted_and_nothing_is_forgotten) {
  pool_t *pool = process_pool(1);
  int ms = 30;
  int64_t arg = 2, result;
  CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  for (int i = 0; i < 2; i++) {
    CHECK_STATUS(pool_apply(pool, nap_and_die, &ms, sizeof ms, NULL, 0), POOL_ERR_WORKER_DIED);
    CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  }
  pool_worker_stats_t worker = worker_stats_of(pool, 0);
  CHECK_EQ(worker.deaths, 2);
  CHECK_EQ(worker.starts, 3);
  CHECK_EQ(worker.tasks, 5);
  CHECK_EQ(worker.alive, 1);
  EVENTUALLY(worker_stats_of(pool, 0).pid == pool_worker_pid(pool, 0));
  CHECK(worker.busy_ns >= 2 * 30 * 1000000);
  CHECK_EQ(stats_of(pool).failed, 2);
  CHECK_EQ(stats_of(pool).deaths, 2);
  CHECK_OK(pool_refresh(pool));
  EVENTUALLY(worker_stats_of(pool, 0).starts == 4);
  CHECK_EQ(worker_stats_of(pool, 0).deaths, 2);
  CHECK(worker_stats_of(pool, 0).busy_ns >= worker.busy_ns);
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK_EQ(worker_stats_of(pool, 0).alive, 0);
  CHECK_EQ(worker_stats_of(pool, 0).pid, 0);
  CHECK_EQ(worker_stats_of(pool, 0).tasks, 5);
  CHECK_EQ(worker_stats_of(pool, 0).deaths, 2);
  CHECK_OK(pool_close_join(pool));
}

static int32_t die_twice(const void *arg, void *result, pool_task_t *task) {
  (void)arg, (void)result;
  if (task->attempt < 3) {
    raise(SIGKILL);
  }
  return 0;
}

/* Attempts that cost a worker each are one call, too. */
CASE(attempts_that_die_are_one_call) {
  pool_t *pool = process_pool(1);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = die_twice;
  call.retries = 2;
  pool_future_t *future = NULL;
  CHECK_OK(pool_submit(pool, &call, 1, &future));
  CHECK_FUTURE(future, POOL_OK);
  pool_future_release(future);
  pool_stats_t stats = stats_of(pool);
  CHECK_EQ(stats.submitted, 1);
  CHECK_EQ(stats.ended, 1);
  CHECK_EQ(stats.failed + stats.cancelled, 0);
  CHECK_EQ(stats.deaths, 2);
  CHECK_EQ(worker_stats_of(pool, 0).tasks, 1);
  CHECK_OK(pool_close_join(pool));
}

static int32_t die_at_three(const void *arg, void *result, pool_task_t *task) {
  (void)arg, (void)result;
  if (task->index == 3) {
    raise(SIGKILL);
  }
  return 0;
}

/* In a map, items before the one that died were run, too. */
CASE(items_before_a_death_are_counted) {
  pool_t *pool = process_pool(1);
  int32_t statuses[10];
  pool_call_t call = POOL_CALL_INIT;
  call.fn = die_at_three;
  CHECK_STATUS(pool_map_with(pool, &call, NULL, NULL, statuses, 10), POOL_OK);
  CHECK_EQ(statuses[3], POOL_ERR_WORKER_DIED);
  CHECK_EQ(stats_of(pool).items, 10);
  CHECK_EQ(stats_of(pool).deaths, 1);
  CHECK_OK(pool_close_join(pool));
}

static int32_t ask_the_pool(const void *arg, void *result, pool_task_t *task) {
  (void)result, (void)task;
  pool_stats_t stats = POOL_STATS_INIT;
  return pool_stats(*(pool_t *const *)arg, &stats) == POOL_ERR_UNSUPPORTED ? 0 : 1;
}

CASE(a_worker_cannot_ask) {
  pool_t *pool = process_pool(1);
  CHECK_OK(pool_apply(pool, ask_the_pool, &pool, sizeof pool, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

CASE(a_replacement_that_was_asked_for_is_no_death) {
  pool_options_t options = processes(1);
  options.max_tasks_per_worker = 2;
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < 6; i++) {
    CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  }
  EVENTUALLY(worker_stats_of(pool, 0).starts >= 3);
  CHECK_EQ(stats_of(pool).deaths, 0);
  CHECK_EQ(worker_stats_of(pool, 0).tasks, 6);
  CHECK_OK(pool_close_join(pool));
}
