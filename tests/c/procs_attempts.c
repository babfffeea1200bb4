/* Limits and retries in processes. */
#include "attempts.h"

CASE(a_failed_task_is_tried_again) {
  do_a_failed_task_is_tried_again(POOL_PROCESSES);
}

CASE(the_last_failure_counts) {
  do_the_last_failure_counts(POOL_PROCESSES);
}

CASE(waits_see_the_last_attempt_only) {
  do_waits_see_the_last_attempt_only(POOL_PROCESSES);
}

CASE(large_arguments_are_fresh_each_time) {
  do_large_arguments_are_fresh_each_time(POOL_PROCESSES);
}

CASE(what_was_asked_to_stop_is_not_tried_again) {
  do_what_was_asked_to_stop_is_not_tried_again(POOL_PROCESSES);
}

CASE(endless_attempts_end_by_cancel_and_terminate) {
  do_endless_attempts_end_by_cancel_and_terminate(POOL_PROCESSES);
}

CASE(a_limit_ends_a_task) {
  do_a_limit_ends_a_task(POOL_PROCESSES);
}

CASE(a_limit_that_is_not_reached_changes_nothing) {
  do_a_limit_that_is_not_reached_changes_nothing(POOL_PROCESSES);
}

CASE(a_limit_of_a_map_is_that_of_each_item) {
  do_a_limit_of_a_map_is_that_of_each_item(POOL_PROCESSES);
}

CASE(wrong_limits_are_refused) {
  do_wrong_limits_are_refused(POOL_PROCESSES);
}

CASE(close_waits_for_all_attempts) {
  do_close_waits_for_all_attempts(POOL_PROCESSES);
}

/* kill -9 of the worker, again and again: the task goes to the next one. */
CASE(a_task_whose_worker_dies_is_tried_again) {
  check_tries(POOL_PROCESSES, 1, 0, 4, 5, POOL_OK, 4);
  check_tries(POOL_PROCESSES, 1, 0, 0, 20, POOL_ERR_WORKER_DIED, 21);
  check_tries(POOL_PROCESSES, 1, 0, 0, 0, POOL_ERR_WORKER_DIED, 1);
}

/* Others do not notice, and no crash loop is seen in it. */
CASE(many_workers_die_and_all_tasks_succeed) {
  enum { COUNT = 60 };
  static pool_future_t *futures[COUNT];
  pool_t *pool = start(POOL_PROCESSES, 3);
  struct plan plan = {3, 0, 1};
  for (int i = 0; i < COUNT; i++) {
    pool_call_t call = planned(&plan, 2);
    futures[i] = submitted(pool, &call);
  }
  for (int i = 0; i < COUNT; i++) {
    CHECK_FUTURE(futures[i], POOL_OK);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_EQ(atomic_load(&board->attempts), 3 * COUNT);
  CHECK_OK(pool_close_join(pool));
}

static int32_t hang(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&board->attempts, 1);
  for (;;) {
    pause();
  }
  return 0;
}

/* Its own limit goes before the pool's, be it longer or shorter. */
CASE(a_limit_of_the_call_overrides_that_of_the_pool) {
  board = common(sizeof *board);
  pool_options_t options = processes(2);
  options.task_timeout_ms = 50;
  pool_t *pool = new_pool_with(&options);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = hang;
  pool_future_t *future = submitted(pool, &call);
  CHECK_FUTURE(future, POOL_ERR_TIME_LIMIT);
  CHECK_HAS(pool_future_message(future), "50 ms");
  CHECK_OK(pool_future_release(future));
  call.timeout_ms = 20;
  future = submitted(pool, &call);
  CHECK_FUTURE(future, POOL_ERR_TIME_LIMIT);
  CHECK_HAS(pool_future_message(future), "20 ms");
  CHECK_OK(pool_future_release(future));
  call.timeout_ms = -1;
  future = submitted(pool, &call);
  CHECK_STATUS(pool_future_wait(future, 300), POOL_ERR_TIMEOUT);
  CHECK_EQ(pool_future_kill(future), 1);
  CHECK_FUTURE(future, POOL_ERR_CANCELLED);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* Killed by hand it has ended, whatever retries it had left. */
CASE(a_killed_task_is_not_tried_again) {
  pool_t *pool = start(POOL_PROCESSES, 1);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = hang;
  call.retries = 10;
  pool_future_t *future = submitted(pool, &call);
  EVENTUALLY(atomic_load(&board->attempts) == 1);
  CHECK_EQ(pool_future_kill(future), 1);
  CHECK_FUTURE(future, POOL_ERR_CANCELLED);
  CHECK_EQ(atomic_load(&board->attempts), 1);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

CASE(items_of_a_map_are_not_tried_again) {
  pool_t *pool = start(POOL_PROCESSES, 1);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = nothing;
  call.retries = 1;
  CHECK_ERROR(pool_map_with(pool, &call, NULL, NULL, NULL, 1), POOL_ERR_UNSUPPORTED);
  CHECK_OK(pool_close_join(pool));
}
