/* Cancel tokens and groups, on threads and in processes: what the cases of both do. */
#ifndef GROUPS_H
#define GROUPS_H

#include "deferred.h"

UNUSED static pool_token_t *new_token(void) {
  pool_token_t *token = NULL;
  CHECK_OK(pool_token_create(&token));
  CHECK(token != NULL);
  return token;
}

UNUSED static pool_group_t *new_group(void) {
  pool_group_t *group = NULL;
  CHECK_OK(pool_group_create(&group));
  CHECK(group != NULL);
  return group;
}

/* Says that it runs, and waits to be asked to stop. */
UNUSED static int32_t run_until_asked(const void *arg, void *result, pool_task_t *task) {
  struct course *course = arg == NULL ? (struct course *)(uintptr_t)task->context : *(struct course *const *)arg;
  (void)result;
  atomic_fetch_add(&course->started, 1);
  while (pool_task_cancelled(task) != 1) {
    sleep_ms(1);
  }
  return 0;
}

/* ---- Tokens ---- */

/* One running, one queued, one delayed, one that follows, one of a second pool; one that comes later. */
UNUSED static void token_cancels_all(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 1), *other = pool_of(mode, 1);
  pool_token_t *token = new_token();
  struct tally tally = {0, 1};
  pool_future_t *futures[7];
  pool_call_t calls[4];
  for (int i = 0; i < 4; i++) {
    calls[i] = waiting(&course);
    calls[i].fn = run_until_asked;
    calls[i].cancel = token;
    calls[i].callback = count_call;
    calls[i].user_data = &tally;
  }
  CHECK_OK(pool_submit(pool, &calls[0], 1, &futures[0]));
  CHECK_OK(pool_submit(other, &calls[0], 1, &futures[1]));
  calls[2].delay_ms = 3600000;
  calls[3].after = futures;
  calls[3].after_count = 2;
  EVENTUALLY(atomic_load(&course->started) == 2);
  CHECK_OK(pool_submit(pool, &calls[1], 3, &futures[2]));
  CHECK_EQ(pool_token_cancelled(token), 0);
  CHECK_EQ(pool_future_ready(futures[2]), 0);
  CHECK_OK(pool_token_cancel(token));
  CHECK_OK(pool_token_cancel(token));
  CHECK_EQ(pool_token_cancelled(token), 1);
  CHECK_OK(pool_submit(other, &calls[1], 1, &futures[5]));
  CHECK_STATUS(pool_future_status(futures[5]), POOL_ERR_CANCELLED);
  CHECK_OK(pool_submit(pool, &calls[3], 1, &futures[6]));
  for (int i = 0; i < 7; i++) {
    CHECK_FUTURE(futures[i], i < 2 ? POOL_OK : POOL_ERR_CANCELLED);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_token_release(token));
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_close_join(other));
  CHECK_EQ(tally.calls, 7);
  CHECK_EQ(atomic_load(&course->started), 2);
}

UNUSED static void *cancel_when_it_runs(void *data) {
  void **both = data;
  struct course *course = both[0];
  EVENTUALLY(atomic_load(&course->started) > 0);
  CHECK_OK(pool_token_cancel(both[1]));
  return NULL;
}

UNUSED static void token_cancels_maps(int32_t mode) {
  pool_t *pool = pool_of(mode, 2);
  struct course *course = shared(pool, sizeof *course);
  memset(course, 0, sizeof *course);
  pool_token_t *token = new_token();
  pool_call_t call = POOL_CALL_INIT;
  call.fn = run_until_asked;
  call.context = course;
  call.cancel = token;
  void *both[2] = {course, token};
  pthread_t thread = check_thread(cancel_when_it_runs, both);
  CHECK_ERROR(pool_map_with(pool, &call, NULL, NULL, NULL, 1000), POOL_ERR_CANCELLED);
  pthread_join(thread, NULL);
  int started = atomic_load(&course->started);
  CHECK(started >= 1 && started < 1000);
  CHECK_ERROR(pool_map_with(pool, &call, NULL, NULL, NULL, 1000), POOL_ERR_CANCELLED);
  int32_t statuses[50];
  CHECK_ERROR(pool_map_with(pool, &call, NULL, NULL, statuses, 50), POOL_ERR_CANCELLED);
  for (int i = 0; i < 50; i++) {
    CHECK_EQ(statuses[i], POOL_ERR_CANCELLED);
  }
  CHECK_EQ(atomic_load(&course->started), started);
  CHECK_OK(pool_token_release(token));
  CHECK_OK(pool_shared_free(pool, course));
  CHECK_OK(pool_close_join(pool));
}

/* Released while its tasks are under way: they go on, and end. */
UNUSED static void token_is_released_early(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  pool_token_t *token = new_token();
  pool_call_t calls[40];
  for (int i = 0; i < 40; i++) {
    calls[i] = waiting(&course);
    calls[i].cancel = token;
    calls[i].delay_ms = i % 4;
  }
  CHECK_OK(pool_submit(pool, calls, 40, NULL));
  CHECK_OK(pool_token_release(token));
  CHECK_ERROR(pool_token_release(token), POOL_ERR_INVALID);
  CHECK_ERROR(pool_token_cancel(token), POOL_ERR_INVALID);
  CHECK_ERROR(pool_submit(pool, calls, 1, NULL), POOL_ERR_INVALID);
  atomic_store(&course->open, 1);
  CHECK_OK(pool_close_join(pool));
}

/* Submitters, and one who cancels: each task has ended in one way or the other. */
struct race {
  pool_t *pool;
  pool_token_t *token;
  struct course *course;
  atomic_int ended, cancelled;
};

UNUSED static void count_outcome(const pool_result_t *outcome, void *user_data) {
  struct race *race = user_data;
  CHECK(outcome->status == POOL_OK || outcome->status == POOL_ERR_CANCELLED);
  atomic_fetch_add(&race->ended, 1);
  atomic_fetch_add(&race->cancelled, outcome->status != POOL_OK);
}

UNUSED static void *submit_with_token(void *data) {
  struct race *race = data;
  struct step step = {race->course, 1};
  for (int i = 0; i < 20; i++) {
    pool_call_t calls[10];
    for (int j = 0; j < 10; j++) {
      calls[j] = noting(&step);
      calls[j].cancel = race->token;
      calls[j].callback = count_outcome;
      calls[j].user_data = race;
      calls[j].delay_ms = (i + j) % 3 == 0;
    }
    CHECK_OK(pool_submit(race->pool, calls, 10, NULL));
  }
  return NULL;
}

UNUSED static void token_races(int32_t mode) {
  struct course *course = common(sizeof *course);
  struct race race = {pool_of(mode, 2), NULL, course, 0, 0};
  size_t rounds = scaled(mode == POOL_THREADS ? 60 : 20);
  for (size_t round = 0; round < rounds; round++) {
    race.token = new_token();
    pthread_t threads[2] = {check_thread(submit_with_token, &race), check_thread(submit_with_token, &race)};
    while (atomic_load(&race.ended) < (int)(round * 400 + (round * 37) % 400)) {
      sched_yield();
    }
    CHECK_OK(pool_token_cancel(race.token));
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    CHECK_OK(pool_token_release(race.token));
    EVENTUALLY(atomic_load(&race.ended) == (int)(round + 1) * 400);
  }
  CHECK_OK(pool_close_join(race.pool));
  CHECK_EQ(atomic_load(&course->started) + atomic_load(&race.cancelled), (int)rounds * 400);
}

/* ---- Groups ---- */

UNUSED static void group_waits_for_all(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2), *other = pool_of(mode, 1);
  pool_group_t *group = new_group();
  struct step step = {course, 5};
  CHECK_OK(pool_group_wait(group, -1));
  CHECK_OK(pool_group_wait(group, 0));
  int expected = 0;
  for (int round = 0; round < 20; round++) {
    pool_call_t calls[30];
    for (int i = 0; i < 30; i++) {
      calls[i] = noting(&step);
      calls[i].group = group;
      calls[i].delay_ms = i % 10 == 0 ? 2 : 0;
    }
    CHECK_OK(pool_submit(pool, calls, 30, NULL));
    CHECK_OK(pool_submit(other, calls, 15, NULL));
    expected += 45;
    CHECK_OK(pool_group_wait(group, round % 2 == 0 ? -1 : 60000));
    CHECK_EQ(atomic_load(&course->started), expected);
  }
  pool_call_t gate = waiting(&course);
  gate.group = group;
  CHECK_OK(pool_submit(pool, &gate, 1, NULL));
  CHECK_ERROR(pool_group_wait(group, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_group_wait(group, 20), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_group_wait(group, -2), POOL_ERR_INVALID);
  atomic_store(&course->open, 1);
  CHECK_OK(pool_group_wait(group, -1));
  CHECK_OK(pool_group_release(group));
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_close_join(other));
}

UNUSED static void group_tells_a_failure_once(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 1);
  pool_group_t *group = new_group();
  struct step step = {course, 5};
  pool_call_t calls[5];
  for (int i = 0; i < 5; i++) {
    calls[i] = noting(&step);
    calls[i].group = group;
  }
  calls[2].fn = fail;
  CHECK_OK(pool_submit(pool, calls, 5, NULL));
  CHECK_ERROR(pool_group_wait(group, -1), 7);
  CHECK(strstr(pool_last_error(), "no such luck") != NULL);
  CHECK_EQ(atomic_load(&course->started), 4);
  CHECK_OK(pool_group_wait(group, -1));
  CHECK_OK(pool_group_release(group));
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void group_is_cancelled(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  pool_group_t *group = new_group();
  pool_token_t *token = new_token();
  pool_call_t calls[6];
  for (int i = 0; i < 6; i++) {
    calls[i] = waiting(&course);
    calls[i].fn = run_until_asked;
    calls[i].group = group;
    calls[i].cancel = token;
    calls[i].delay_ms = i == 5 ? INT64_MAX : 0;
  }
  for (int round = 1; round <= 10; round++) {
    CHECK_OK(pool_submit(pool, calls, 6, NULL));
    EVENTUALLY(atomic_load(&course->started) == 2 * round);
    CHECK_OK(pool_group_cancel(group));
    CHECK_ERROR(pool_group_wait(group, round % 2 == 0 ? -1 : 60000), POOL_ERR_CANCELLED);
    /* It can be used anew. */
    struct step step = {course, 5};
    pool_call_t again = noting(&step);
    again.group = group;
    CHECK_OK(pool_submit(pool, &again, 1, NULL));
    CHECK_OK(pool_group_wait(group, -1));
    atomic_fetch_sub(&course->started, 1);
  }
  CHECK_OK(pool_submit(pool, calls, 6, NULL));
  CHECK_OK(pool_token_cancel(token));
  CHECK_ERROR(pool_group_wait(group, -1), POOL_ERR_CANCELLED);
  CHECK_OK(pool_group_release(group));
  CHECK_OK(pool_token_release(token));
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void group_ends_with_its_pool(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 1);
  pool_group_t *group = new_group();
  pool_call_t calls[3];
  for (int i = 0; i < 3; i++) {
    calls[i] = waiting(&course);
    calls[i].group = group;
    calls[i].delay_ms = i == 2 ? 3600000 : 0;
  }
  CHECK_OK(pool_submit(pool, calls, 3, NULL));
  CHECK_OK(pool_terminate(pool));
  CHECK_ERROR(pool_group_wait(group, -1), POOL_ERR_TERMINATED);
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_group_wait(group, -1));
  CHECK_OK(pool_group_release(group));
}

UNUSED static void nonsense_is_refused(int32_t mode) {
  pool_t *pool = pool_of(mode, 1);
  pool_token_t *token = new_token();
  pool_group_t *group = new_group();
  CHECK_ERROR(pool_token_create(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_token_cancel(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_token_cancelled(NULL), POOL_ERR_INVALID);
  CHECK_OK(pool_token_release(NULL));
  CHECK_ERROR(pool_group_create(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_group_cancel(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_group_wait(NULL, -1), POOL_ERR_INVALID);
  CHECK_OK(pool_group_release(NULL));
  pool_call_t call = POOL_CALL_INIT;
  call.fn = nothing;
  call.callback = must_not_be_called;
  call.cancel = (pool_token_t *)group;
  CHECK_ERROR(pool_submit(pool, &call, 1, NULL), POOL_ERR_INVALID);
  call.cancel = (pool_token_t *)((char *)token + 1);
  CHECK_ERROR(pool_submit(pool, &call, 1, NULL), POOL_ERR_INVALID);
  call.cancel = NULL;
  call.group = (pool_group_t *)token;
  CHECK_ERROR(pool_submit(pool, &call, 1, NULL), POOL_ERR_INVALID);
  CHECK_OK(pool_token_release(token));
  CHECK_OK(pool_group_release(group));
  CHECK_ERROR(pool_group_release(group), POOL_ERR_INVALID);
  CHECK_ERROR(pool_group_wait(group, -1), POOL_ERR_INVALID);
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void children_are_refused(int32_t mode) {
  check_skip_fork_under_asan();
  pool_t *pool = pool_of(mode, 1);
  pool_token_t *token = new_token();
  pool_group_t *group = new_group();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    CHECK_ERROR(pool_token_cancel(token), POOL_ERR_FORKED);
    CHECK_ERROR(pool_token_cancelled(token), POOL_ERR_FORKED);
    CHECK_OK(pool_token_release(token));
    CHECK_ERROR(pool_group_wait(group, -1), POOL_ERR_FORKED);
    CHECK_ERROR(pool_group_cancel(group), POOL_ERR_FORKED);
    CHECK_OK(pool_group_release(group));
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
  CHECK_OK(pool_token_release(token));
  CHECK_OK(pool_group_release(group));
  CHECK_OK(pool_close_join(pool));
}

#endif
