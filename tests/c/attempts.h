/* Limits and retries, on threads and in processes: what the cases of both do. */
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

#include "procs.h"

/* What an attempt of `fail_until` does. */
struct plan {
  uint32_t good; /* The first attempt that ends well; 0: none. */
  int32_t code;
  int die;
};

/* In memory that all processes see. */
struct board {
  atomic_int attempts, running, go, stops;
};
static struct board *board;

static pool_t *start(int32_t mode, uint32_t workers) {
  board = common(sizeof *board);
  return pool_of(mode, workers);
}

static int32_t fail_until(const void *arg, void *result, pool_task_t *task) {
  const struct plan *plan = arg;
  uint32_t *number = result;
  atomic_fetch_add(&board->attempts, 1);
  CHECK_EQ(*number, 0);
  *number = task->attempt;
  if (plan->good != 0 && task->attempt >= plan->good) {
    return 0;
  }
  if (plan->die) {
    kill(getpid(), SIGKILL);
  }
  char message[40];
  snprintf(message, sizeof message, "attempt %u", task->attempt);
  return pool_task_fail(task, plan->code, message);
}

static pool_call_t planned(const struct plan *plan, uint32_t retries) {
  pool_call_t call = POOL_CALL_INIT;
  call.fn = fail_until;
  call.arg = plan;
  call.arg_size = sizeof *plan;
  call.result_size = sizeof(uint32_t);
  call.retries = retries;
  return call;
}

static pool_future_t *submitted(pool_t *pool, const pool_call_t *call) {
  pool_future_t *future = NULL;
  CHECK_OK(pool_submit(pool, call, 1, &future));
  return future;
}

UNUSED static void check_tries(int32_t mode, int die, int32_t code, uint32_t good, uint32_t retries, int32_t status,
                               int attempts) {
  pool_t *pool = start(mode, 2);
  struct plan plan = {good, code, die};
  pool_call_t call = planned(&plan, retries);
  struct tally tally = {0, 0};
  call.callback = count_call;
  call.user_data = &tally;
  pool_future_t *future = submitted(pool, &call);
  CHECK_FUTURE(future, status);
  CHECK_EQ(atomic_load(&board->attempts), attempts);
  if (status == POOL_OK) {
    uint32_t number = 0;
    CHECK_OK(pool_future_get(future, &number, sizeof number, -1));
    CHECK_EQ(number, attempts);
  } else if (attempts > 1) {
    char part[40];
    snprintf(part, sizeof part, "(attempt %d, and the last)", attempts);
    CHECK_HAS(pool_future_message(future), part);
  } else {
    CHECK(strstr(pool_future_message(future), "(attempt") == NULL);
  }
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&tally.calls), 1);
  CHECK_EQ(atomic_load(&tally.status), status);
}

UNUSED static void do_a_failed_task_is_tried_again(int32_t mode) {
  check_tries(mode, 0, 7, 3, 5, POOL_OK, 3);
  check_tries(mode, 0, 7, 3, 2, POOL_OK, 3);
  check_tries(mode, 0, 7, 1, 2, POOL_OK, 1);
}

UNUSED static void do_the_last_failure_counts(int32_t mode) {
  check_tries(mode, 0, 7, 0, 4, 7, 5);
  check_tries(mode, 0, 7, 0, 0, 7, 1);
  check_tries(mode, 0, -7, 0, 2, POOL_ERR_INTERNAL, 3);
  pool_t *pool = start(mode, 1);
  struct plan plan = {0, 9, 0};
  pool_call_t call = planned(&plan, 2);
  pool_future_t *future = submitted(pool, &call);
  CHECK_FUTURE(future, 9);
  CHECK_HAS(pool_future_message(future), "attempt 3");
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* Waited for in every way, while it is tried again and again. */
UNUSED static void do_waits_see_the_last_attempt_only(int32_t mode) {
  pool_t *pool = start(mode, 2);
  struct plan plan = {8, 7, 0};
  pool_call_t call = planned(&plan, 10);
  for (int i = 0; i < (int)scaled(200); i++) {
    pool_future_t *future = submitted(pool, &call);
    uint32_t number = 0;
    if (i % 3 == 0) {
      EVENTUALLY(pool_future_ready(future) == 1);
    } else if (i % 3 == 1) {
      CHECK_OK(pool_future_wait(future, 60000));
    }
    CHECK_OK(pool_future_get(future, &number, sizeof number, -1));
    CHECK_EQ(number, 8);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

/* Large arguments and results are as fresh as small ones. */
static int32_t sum_up(const void *arg, void *result, pool_task_t *task) {
  const unsigned char *bytes = arg;
  unsigned char *out = result;
  for (int i = 0; i < 100000; i++) {
    CHECK_EQ(bytes[i], i % 251);
    CHECK_EQ(out[i], 0);
    out[i] = (unsigned char)(bytes[i] + task->attempt);
  }
  return task->attempt < 3 ? 1 : 0;
}

UNUSED static void do_large_arguments_are_fresh_each_time(int32_t mode) {
  static unsigned char bytes[100000], results[100000];
  pool_t *pool = start(mode, 1);
  for (int i = 0; i < 100000; i++) {
    bytes[i] = (unsigned char)(i % 251);
  }
  pool_call_t call = POOL_CALL_INIT;
  call.fn = sum_up;
  call.arg = bytes;
  call.arg_size = call.result_size = sizeof bytes;
  call.retries = 2;
  pool_future_t *future = submitted(pool, &call);
  CHECK_OK(pool_future_get(future, results, sizeof results, -1));
  for (int i = 0; i < 100000; i++) {
    CHECK_EQ(results[i], (unsigned char)(i % 251 + 3));
  }
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* Fails when it may go on; says when it was asked to stop. */
static int32_t fail_when_told(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  atomic_fetch_add(&board->attempts, 1);
  atomic_fetch_add(&board->running, 1);
  while (!atomic_load(&board->go) && !pool_task_cancelled(task)) {
    sleep_ms(1);
  }
  atomic_fetch_add(&board->stops, pool_task_cancelled(task) == 1);
  return 5;
}

UNUSED static void do_what_was_asked_to_stop_is_not_tried_again(int32_t mode) {
  pool_t *pool = start(mode, 1);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = fail_when_told;
  call.retries = 1000000;
  pool_future_t *future = submitted(pool, &call);
  EVENTUALLY(atomic_load(&board->running) > 0);
  pool_future_cancel(future);
  CHECK_FUTURE(future, 5);
  CHECK_EQ(atomic_load(&board->attempts), 1);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* Cancelled, killed and terminated while it fails all the time: it ends. */
UNUSED static void do_endless_attempts_end_by_cancel_and_terminate(int32_t mode) {
  for (int way = 0; way < 2; way++) {
    pool_t *pool = start(mode, 2);
    struct plan plan = {0, 7, 0};
    pool_call_t call = planned(&plan, UINT32_MAX);
    pool_future_t *futures[4];
    for (int i = 0; i < 4; i++) {
      futures[i] = submitted(pool, &call);
    }
    EVENTUALLY(atomic_load(&board->attempts) > 100);
    for (int i = 0; i < 4 && way == 0; i++) {
      pool_future_cancel(futures[i]);
    }
    if (way == 1) {
      CHECK_OK(pool_terminate(pool));
    }
    for (int i = 0; i < 4; i++) {
      CHECK_OK(pool_future_wait(futures[i], -1));
      int32_t status = pool_future_status(futures[i]);
      CHECK(status == 7 || status == (way == 0 ? POOL_ERR_CANCELLED : POOL_ERR_TERMINATED));
      CHECK_OK(pool_future_release(futures[i]));
    }
    CHECK_OK(pool_close_join(pool));
  }
}

/* Runs on until it is asked to stop, or for ever where it is killed. */
static int32_t run_on(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  atomic_fetch_add(&board->attempts, 1);
  while (!pool_task_cancelled(task)) {
    sleep_ms(1);
  }
  return 1;
}

UNUSED static void do_a_limit_ends_a_task(int32_t mode) {
  pool_t *pool = start(mode, 2);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = run_on;
  call.timeout_ms = 30;
  for (uint32_t retries = 0; retries < 3; retries += 2) {
    call.retries = retries;
    atomic_store(&board->attempts, 0);
    pool_future_t *future = submitted(pool, &call);
    CHECK_FUTURE(future, POOL_ERR_TIME_LIMIT);
    CHECK_HAS(pool_future_message(future), "30 ms");
    CHECK_EQ(atomic_load(&board->attempts), (int)retries + 1);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void do_a_limit_that_is_not_reached_changes_nothing(int32_t mode) {
  static const int64_t limits[] = {-1, 60000, INT64_MAX, INT64_MAX / 1000000};
  pool_t *pool = start(mode, 2);
  for (int i = 0; i < (int)scaled(400); i++) {
    pool_call_t call = POOL_CALL_INIT;
    int64_t number = i, result = 0;
    call.fn = twice;
    call.arg = &number;
    call.arg_size = call.result_size = sizeof number;
    call.timeout_ms = limits[i % COUNT_OF(limits)];
    call.retries = UINT32_MAX;
    pool_future_t *future = submitted(pool, &call);
    CHECK_OK(pool_future_get(future, &result, sizeof result, -1));
    CHECK_EQ(result, 2 * i);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t one_runs_on(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  return *(const int *)arg == 5 ? run_on(arg, NULL, task) : 0;
}

UNUSED static void do_a_limit_of_a_map_is_that_of_each_item(int32_t mode) {
  enum { ITEMS = 40 };
  pool_t *pool = start(mode, 2);
  int numbers[ITEMS];
  int32_t statuses[ITEMS];
  for (int i = 0; i < ITEMS; i++) {
    numbers[i] = i;
  }
  pool_call_t call = POOL_CALL_INIT;
  call.fn = one_runs_on;
  call.arg_size = sizeof(int);
  call.timeout_ms = 40;
  CHECK_OK(pool_map_with(pool, &call, numbers, NULL, statuses, ITEMS));
  for (int i = 0; i < ITEMS; i++) {
    CHECK_EQ(statuses[i], i == 5 ? POOL_ERR_TIME_LIMIT : POOL_OK);
  }
  CHECK_STATUS(pool_map_with(pool, &call, numbers, NULL, NULL, ITEMS), POOL_ERR_TIME_LIMIT);
  CHECK_HAS(pool_last_error(), "item 5");
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void do_wrong_limits_are_refused(int32_t mode) {
  static const int64_t wrong[] = {-2, -1000, INT64_MIN};
  pool_t *pool = start(mode, 1);
  for (size_t i = 0; i < COUNT_OF(wrong); i++) {
    pool_call_t call = POOL_CALL_INIT;
    call.fn = nothing;
    call.timeout_ms = wrong[i];
    call.callback = must_not_be_called;
    CHECK_ERROR(pool_submit(pool, &call, 1, NULL), POOL_ERR_INVALID);
  }
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void do_close_waits_for_all_attempts(int32_t mode) {
  pool_t *pool = start(mode, 2);
  struct plan plan = {0, 7, 0};
  pool_call_t call = planned(&plan, 9);
  for (int i = 0; i < 50; i++) {
    CHECK_OK(pool_submit(pool, &call, 1, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&board->attempts), 500);
}

#endif
