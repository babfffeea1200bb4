/* Limits and retries on threads. */
#include "attempts.h"

CASE(a_failed_task_is_tried_again) {
  do_a_failed_task_is_tried_again(POOL_THREADS);
}

CASE(the_last_failure_counts) {
  do_the_last_failure_counts(POOL_THREADS);
}

CASE(waits_see_the_last_attempt_only) {
  do_waits_see_the_last_attempt_only(POOL_THREADS);
}

CASE(large_arguments_are_fresh_each_time) {
  do_large_arguments_are_fresh_each_time(POOL_THREADS);
}

CASE(what_was_asked_to_stop_is_not_tried_again) {
  do_what_was_asked_to_stop_is_not_tried_again(POOL_THREADS);
}

CASE(endless_attempts_end_by_cancel_and_terminate) {
  do_endless_attempts_end_by_cancel_and_terminate(POOL_THREADS);
}

CASE(a_limit_ends_a_task) {
  do_a_limit_ends_a_task(POOL_THREADS);
}

CASE(a_limit_that_is_not_reached_changes_nothing) {
  do_a_limit_that_is_not_reached_changes_nothing(POOL_THREADS);
}

CASE(a_limit_of_a_map_is_that_of_each_item) {
  do_a_limit_of_a_map_is_that_of_each_item(POOL_THREADS);
}

CASE(wrong_limits_are_refused) {
  do_wrong_limits_are_refused(POOL_THREADS);
}

CASE(close_waits_for_all_attempts) {
  do_close_waits_for_all_attempts(POOL_THREADS);
}

static int32_t stop_in_time(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  while (!pool_task_cancelled(task)) {
    sleep_ms(1);
  }
  return 0;
}

/* What ends well has succeeded, also when it was asked to stop. */
CASE(a_task_that_stops_well_has_succeeded) {
  pool_t *pool = start(POOL_THREADS, 1);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = stop_in_time;
  call.timeout_ms = 20;
  call.retries = 3;
  pool_future_t *future = submitted(pool, &call);
  CHECK_FUTURE(future, POOL_OK);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

static int32_t fork_and_wait(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  int32_t status = pool_join2(task, run_on, NULL, NULL, run_on, NULL, NULL);
  CHECK_EQ(status, 1);
  return status;
}

/* The forks of a task are asked to stop with it, wherever they run. */
CASE(a_limit_reaches_forks) {
  pool_t *pool = start(POOL_THREADS, 2);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = fork_and_wait;
  call.timeout_ms = 30;
  pool_future_t *future = submitted(pool, &call);
  CHECK_FUTURE(future, POOL_ERR_TIME_LIMIT);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

static int32_t fail_twice(const void *arg, void *result, pool_task_t *task) {
  atomic_fetch_add((atomic_int *)(uintptr_t)arg, 1);
  *(uint32_t *)result = task->attempt;
  return task->attempt <= 2 ? 3 : 0;
}

CASE(items_of_a_map_are_tried_again) {
  enum { ITEMS = 200 };
  static atomic_int counts[ITEMS];
  static uint32_t attempts[ITEMS];
  static int32_t statuses[ITEMS];
  pool_t *pool = start(POOL_THREADS, 3);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = fail_twice;
  call.arg_size = sizeof counts[0];
  call.result_size = sizeof attempts[0];
  call.retries = 2;
  CHECK_OK(pool_map_with(pool, &call, counts, attempts, NULL, ITEMS));
  for (int i = 0; i < ITEMS; i++) {
    CHECK_EQ(atomic_load(&counts[i]), 3);
    CHECK_EQ(attempts[i], 3);
  }
  call.retries = 1;
  CHECK_OK(pool_map_with(pool, &call, counts, attempts, statuses, ITEMS));
  for (int i = 0; i < ITEMS; i++) {
    CHECK_EQ(atomic_load(&counts[i]), 5);
    CHECK_EQ(statuses[i], 3);
  }
  CHECK_STATUS(pool_map_with(pool, &call, counts, attempts, NULL, ITEMS), 3);
  CHECK_HAS(pool_last_error(), "(attempt 2, and the last)");
  CHECK_OK(pool_close_join(pool));
}
