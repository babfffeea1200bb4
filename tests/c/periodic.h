/* Periodic tasks, on threads and in processes: what the cases of both do. */
#ifndef PERIODIC_H
#define PERIODIC_H

#include "groups.h"

/* Counts its runs, and tells the number. */
UNUSED static int32_t tick(const void *arg, void *result, pool_task_t *task) {
  struct course *course = *(struct course *const *)arg;
  (void)task;
  *(int32_t *)result = atomic_fetch_add(&course->started, 1) + 1;
  return 0;
}

UNUSED static pool_call_t ticking(struct course *const *course) {
  pool_call_t call = POOL_CALL_INIT;
  call.fn = tick;
  call.arg = course;
  call.arg_size = sizeof *course;
  call.result_size = sizeof(int32_t);
  return call;
}

UNUSED static void runs_again_and_again(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  struct tally tally = {0, 1};
  pool_call_t call = ticking(&course);
  call.callback = count_call;
  call.user_data = &tally;
  call.delay_ms = 50;
  pool_periodic_t *ticks = NULL;
  int32_t last = -1;
  int64_t begin = now_ms();
  CHECK_OK(pool_periodic_start(pool, &call, 2, &ticks));
  CHECK_ERROR(pool_periodic_wait(ticks, 0), POOL_ERR_TIMEOUT);
  EVENTUALLY(pool_periodic_runs(ticks) >= 1);
  CHECK(now_ms() - begin >= 50);
  EVENTUALLY(pool_periodic_runs(ticks) >= 10);
  CHECK_ERROR(pool_periodic_get(ticks, &last, 1), POOL_ERR_SIZE);
  CHECK_OK(pool_periodic_get(ticks, &last, sizeof last));
  CHECK(last >= 10);
  CHECK_ERROR(pool_periodic_wait(ticks, 1), POOL_ERR_TIMEOUT);
  CHECK_EQ(pool_periodic_cancel(ticks), 1);
  CHECK_ERROR(pool_periodic_wait(ticks, -1), POOL_ERR_CANCELLED);
  CHECK_ERROR(pool_periodic_wait(ticks, 0), POOL_ERR_CANCELLED);
  CHECK_EQ(pool_periodic_cancel(ticks), 0);
  int64_t runs = pool_periodic_runs(ticks);
  sleep_ms(20);
  CHECK_EQ(pool_periodic_runs(ticks), runs);
  CHECK_EQ(atomic_load(&course->started), runs);
  CHECK_OK(pool_close_join(pool));
  CHECK(tally.calls == runs || tally.calls == runs + 1);
  CHECK_OK(pool_periodic_get(ticks, &last, sizeof last));
  CHECK_OK(pool_periodic_release(ticks));
  CHECK_ERROR(pool_periodic_release(ticks), POOL_ERR_INVALID);
  CHECK_ERROR(pool_periodic_wait(ticks, 0), POOL_ERR_INVALID);
  CHECK(pool_periodic_runs(ticks) == POOL_ERR_INVALID);
}

UNUSED static int32_t fail_at_the_fifth(const void *arg, void *result, pool_task_t *task) {
  int32_t status = tick(arg, result, task);
  return *(int32_t *)result == 5 ? pool_task_fail(task, 9, "that was the fifth") : status;
}

UNUSED static void ends_by_its_own_code(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  pool_call_t call = ticking(&course);
  call.fn = fail_at_the_fifth;
  pool_periodic_t *ticks = NULL;
  int32_t last = 0;
  CHECK_OK(pool_periodic_start(pool, &call, 1, &ticks));
  CHECK_ERROR(pool_periodic_wait(ticks, -1), 9);
  CHECK(strstr(pool_last_error(), "the fifth") != NULL);
  CHECK_EQ(pool_periodic_runs(ticks), 5);
  CHECK_OK(pool_periodic_get(ticks, &last, sizeof last));
  CHECK_EQ(last, 4);
  CHECK_OK(pool_periodic_release(ticks));
  CHECK_OK(pool_close_join(pool));
}

/* Between two runs, and during one. */
UNUSED static void ends_with_its_pool(int32_t mode) {
  for (int round = 0; round < 6; round++) {
    struct course *course = common(sizeof *course);
    pool_t *pool = pool_of(mode, 2);
    pool_call_t call = ticking(&course);
    call.fn = round < 2 ? tick : wait_until_open;
    call.result_size = round < 2 ? sizeof(int32_t) : 0;
    pool_periodic_t *ticks = NULL;
    CHECK_OK(pool_periodic_start(pool, &call, round < 2 ? 3600000 : 1, &ticks));
    if (round < 2) {
      EVENTUALLY(pool_periodic_runs(ticks) == 1);
    } else if (round < 4) {
      sleep_ms(10);
    }
    CHECK_OK(round % 2 == 0 ? pool_close(pool) : pool_terminate(pool));
    if (round < 2) {
      CHECK_ERROR(pool_periodic_wait(ticks, -1), round % 2 == 0 ? POOL_ERR_CLOSED : POOL_ERR_TERMINATED);
    }
    atomic_store(&course->open, 1);
    CHECK_OK(pool_close_join(pool));
    int32_t status = pool_periodic_wait(ticks, -1);
    CHECK(status == POOL_ERR_CLOSED || status == POOL_ERR_TERMINATED);
    CHECK_EQ(pool_periodic_cancel(ticks), 0);
    CHECK_OK(pool_periodic_release(ticks));
  }
}

UNUSED static int32_t be_alone(const void *arg, void *result, pool_task_t *task) {
  struct course *course = *(struct course *const *)arg;
  (void)result;
  (void)task;
  int inside = atomic_fetch_add(&course->open, 1);
  sleep_ms(3);
  atomic_fetch_sub(&course->open, 1);
  atomic_fetch_add(&course->started, 1);
  return inside == 0 ? 0 : 5;
}

UNUSED static void never_runs_twice_at_once(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 4);
  pool_call_t call = ticking(&course);
  call.fn = be_alone;
  call.result_size = 0;
  pool_periodic_t *ticks = NULL;
  CHECK_OK(pool_periodic_start(pool, &call, 1, &ticks));
  EVENTUALLY(pool_periodic_runs(ticks) >= 20);
  CHECK_EQ(pool_periodic_cancel(ticks), 1);
  CHECK_ERROR(pool_periodic_wait(ticks, -1), POOL_ERR_CANCELLED);
  CHECK_OK(pool_periodic_release(ticks));
  CHECK_OK(pool_close_join(pool));
}

/* A running one is asked to stop; a token ends it; so does the end of its worker. */
UNUSED static void is_ended_by_others(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  pool_token_t *token = new_token();
  pool_group_t *group = new_group();
  pool_call_t call = ticking(&course);
  pool_periodic_t *ticks = NULL;
  call.fn = run_until_asked;
  call.result_size = 0;
  call.cancel = token;
  call.group = group;
  CHECK_OK(pool_periodic_start(pool, &call, 1, &ticks));
  EVENTUALLY(atomic_load(&course->started) == 1);
  CHECK_ERROR(pool_group_wait(group, 0), POOL_ERR_TIMEOUT);
  CHECK_EQ(pool_periodic_cancel(ticks), 1);
  CHECK_ERROR(pool_periodic_wait(ticks, -1), POOL_ERR_CANCELLED);
  CHECK_OK(pool_group_wait(group, -1));
  CHECK_OK(pool_periodic_release(ticks));
  CHECK_OK(pool_periodic_start(pool, &call, 1, &ticks));
  CHECK_OK(pool_group_release(group));
  EVENTUALLY(atomic_load(&course->started) == 2);
  CHECK_OK(pool_token_cancel(token));
  CHECK_OK(pool_token_release(token));
  CHECK_ERROR(pool_periodic_wait(ticks, -1), POOL_ERR_CANCELLED);
  CHECK_OK(pool_periodic_release(ticks));
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void refuses_a_bad_period(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 1);
  pool_call_t call = ticking(&course);
  pool_periodic_t *ticks = NULL;
  pool_future_t *future = NULL;
  CHECK_ERROR(pool_periodic_start(NULL, &call, 1, &ticks), POOL_ERR_INVALID);
  CHECK_ERROR(pool_periodic_start(pool, NULL, 1, &ticks), POOL_ERR_INVALID);
  CHECK_ERROR(pool_periodic_start(pool, &call, 0, &ticks), POOL_ERR_INVALID);
  CHECK_ERROR(pool_periodic_start(pool, &call, -1, &ticks), POOL_ERR_INVALID);
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &future));
  call.after = &future;
  call.after_count = 1;
  CHECK_ERROR(pool_periodic_start(pool, &call, 1, &ticks), POOL_ERR_INVALID);
  call.after_count = 0;
  call.result_size = SIZE_MAX / 2 + 1;
  CHECK_ERROR(pool_periodic_start(pool, &call, 1, &ticks), POOL_ERR_INVALID);
  call.result_size = 0;
  CHECK_OK(pool_future_release(future));
  CHECK_ERROR(pool_periodic_cancel(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_periodic_wait(NULL, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_periodic_get(NULL, NULL, 0), POOL_ERR_INVALID);
  CHECK(pool_periodic_runs(NULL) == POOL_ERR_INVALID);
  CHECK_OK(pool_periodic_release(NULL));
  call.delay_ms = INT64_MAX;
  CHECK_OK(pool_periodic_start(pool, &call, INT64_MAX, &ticks));
  CHECK_ERROR(pool_periodic_get(ticks, NULL, 0), POOL_ERR_TIMEOUT);
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_periodic_start(pool, &call, 1, NULL), POOL_ERR_CLOSED);
  CHECK_ERROR(pool_periodic_wait(ticks, -1), POOL_ERR_CLOSED);
  CHECK_OK(pool_periodic_release(ticks));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&course->started), 0);
}

/* Many, begun and ended all the time, while the pool works; nobody keeps the last ones. */
UNUSED static void many_come_and_go(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  pool_call_t call = ticking(&course);
  pool_periodic_t *ticks[20];
  for (size_t round = 0; round < scaled(20); round++) {
    for (int i = 0; i < 20; i++) {
      call.delay_ms = i % 3;
      CHECK_OK(pool_periodic_start(pool, &call, 1 + i % 2, &ticks[i]));
    }
    EVENTUALLY(pool_periodic_runs(ticks[round % 20]) >= 3);
    for (int i = 0; i < 20; i++) {
      CHECK_EQ(pool_periodic_cancel(ticks[i]), 1);
      CHECK_OK(i % 2 == 0 ? POOL_OK : pool_periodic_release(ticks[i]));
    }
    for (int i = 0; i < 20; i += 2) {
      CHECK_ERROR(pool_periodic_wait(ticks[i], -1), POOL_ERR_CANCELLED);
      CHECK_OK(pool_periodic_release(ticks[i]));
    }
  }
  for (int i = 0; i < 20; i++) {
    CHECK_OK(pool_periodic_start(pool, &call, 1, NULL));
  }
  sleep_ms(5);
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void forked_children_are_refused(int32_t mode) {
  check_skip_fork_under_asan();
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 1);
  pool_call_t call = ticking(&course), later = ticking(&course);
  pool_periodic_t *ticks = NULL;
  pool_future_t *future = NULL;
  CHECK_OK(pool_periodic_start(pool, &call, 1, &ticks));
  later.delay_ms = 3600000;
  CHECK_OK(pool_submit(pool, &later, 1, &future));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    CHECK_ERROR(pool_periodic_wait(ticks, -1), POOL_ERR_FORKED);
    CHECK_ERROR(pool_periodic_cancel(ticks), POOL_ERR_FORKED);
    CHECK_ERROR(pool_periodic_start(pool, &call, 1, &ticks), POOL_ERR_FORKED);
    CHECK_OK(pool_periodic_release(ticks));
    CHECK_ERROR(pool_future_then(future, tick, 4, NULL, NULL, NULL), POOL_ERR_FORKED);
    CHECK_ERROR(pool_future_cancel(future), POOL_ERR_FORKED);
    /* A pool of the child's own does not wait for what nobody here will end. */
    pool_t *own = new_pool(1);
    pool_call_t follower = POOL_CALL_INIT;
    follower.fn = nothing;
    follower.after = &future;
    follower.after_count = 1;
    CHECK_ERROR(pool_submit(own, &follower, 1, NULL), POOL_ERR_FORKED);
    follower.after_count = 0;
    follower.delay_ms = 1;
    CHECK_OK(pool_submit(own, &follower, 1, NULL));
    CHECK_OK(pool_close_join(own));
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
  EVENTUALLY(pool_periodic_runs(ticks) > 2);
  CHECK_EQ(pool_future_cancel(future), 1);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_periodic_release(ticks));
  CHECK_OK(pool_close_join(pool));
}

#endif
