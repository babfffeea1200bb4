/* Tasks that start later, on threads and in processes: what the cases of both do. */
#ifndef DEFERRED_H
#define DEFERRED_H

#include "procs.h"

/* In memory that all processes share. */
struct course {
  atomic_int open, started, order[16];
};

/* Its argument: a course, and a number that is noted. */
struct step {
  struct course *course;
  int32_t number;
};

UNUSED static int32_t note(const void *arg, void *result, pool_task_t *task) {
  const struct step *step = arg;
  (void)task;
  int place = atomic_fetch_add(&step->course->started, 1);
  if (place < 16) {
    atomic_store(&step->course->order[place], step->number);
  }
  *(int32_t *)result = step->number;
  return 0;
}

UNUSED static int32_t fail(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  return pool_task_fail(task, 7, "no such luck");
}

/* Submitted with a pointer to a course by value: waits until it is open. */
UNUSED static int32_t wait_until_open(const void *arg, void *result, pool_task_t *task) {
  struct course *course = *(struct course *const *)arg;
  (void)result;
  (void)task;
  while (!atomic_load(&course->open) && !pool_task_cancelled(task)) {
    sleep_ms(1);
  }
  return 0;
}

UNUSED static pool_call_t noting(const struct step *step) {
  pool_call_t call = POOL_CALL_INIT;
  call.fn = note;
  call.arg = step;
  call.arg_size = sizeof *step;
  call.result_size = sizeof step->number;
  return call;
}

UNUSED static pool_call_t waiting(struct course *const *course) {
  pool_call_t call = POOL_CALL_INIT;
  call.fn = wait_until_open;
  call.arg = course;
  call.arg_size = sizeof *course;
  return call;
}

/* ---- delay_ms ---- */

UNUSED static void starts_in_order_of_time(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 1);
  struct step steps[5] = {{course, 400}, {course, 0}, {course, 200}, {course, 300}, {course, 100}};
  pool_call_t calls[5];
  pool_future_t *futures[5];
  int64_t begin = now_ms();
  for (int i = 0; i < 5; i++) {
    calls[i] = noting(&steps[i]);
    calls[i].delay_ms = steps[i].number;
  }
  CHECK_OK(pool_submit(pool, calls, 5, futures));
  CHECK_EQ(pool_future_ready(futures[0]), 0);
  CHECK_EQ(pool_future_running(futures[0]), 0);
  for (int i = 0; i < 5; i++) {
    int32_t number = -1;
    CHECK_OK(pool_future_get(futures[i], &number, sizeof number, -1));
    CHECK_EQ(number, steps[i].number);
    CHECK(now_ms() - begin >= number);
    CHECK_OK(pool_future_release(futures[i]));
  }
  for (int i = 0; i < 5; i++) {
    CHECK_EQ(atomic_load(&course->order[i]), 100 * i);
  }
  CHECK_OK(pool_close_join(pool));
}

/* Close lets them run at their time, and join waits for that. */
UNUSED static void runs_after_close(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  struct step step = {course, 1};
  struct tally tally = {0, 1};
  pool_call_t call = noting(&step);
  call.delay_ms = 100;
  call.callback = count_call;
  call.user_data = &tally;
  CHECK_OK(pool_submit(pool, &call, 1, NULL));
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_submit(pool, &call, 1, NULL), POOL_ERR_CLOSED);
  CHECK_ERROR(pool_join(pool, 1), POOL_ERR_TIMEOUT);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&course->started), 1);
  CHECK_EQ(tally.calls, 1);
  CHECK_EQ(tally.status, POOL_OK);
}

UNUSED static void is_cancelled_while_it_waits(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  struct step step = {course, 1};
  struct tally tally = {0, 1};
  pool_call_t call = noting(&step);
  call.delay_ms = INT64_MAX;
  call.callback = count_call;
  call.user_data = &tally;
  size_t count = scaled(2000);
  for (size_t i = 0; i < count; i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_submit(pool, &call, 1, &future));
    CHECK_STATUS(pool_future_wait(future, 0), POOL_ERR_TIMEOUT);
    CHECK_EQ(pool_future_running(future), 0);
    CHECK_EQ(i % 2 == 0 ? pool_future_cancel(future) : pool_future_kill(future), 1);
    CHECK_STATUS(pool_future_status(future), POOL_ERR_CANCELLED);
    CHECK_EQ(pool_future_cancel(future), 0);
    CHECK_OK(pool_future_release(future));
    call.delay_ms = i % 2 == 0 ? 3600000 : INT64_MAX;
  }
  /* Nothing is left that close would wait for. */
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, (int)count);
  CHECK_EQ(tally.status, POOL_ERR_CANCELLED);
  CHECK_EQ(atomic_load(&course->started), 0);
}

UNUSED static void is_terminated_while_it_waits(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  struct step step = {course, 1};
  struct tally tally = {0, 1};
  pool_call_t calls[3];
  pool_future_t *futures[3];
  for (int i = 0; i < 3; i++) {
    calls[i] = noting(&step);
    calls[i].delay_ms = 3600000;
    calls[i].callback = count_call;
    calls[i].user_data = &tally;
  }
  CHECK_OK(pool_submit(pool, calls, 3, futures));
  CHECK_OK(pool_terminate(pool));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_future_wait(futures[i], -1));
    CHECK_STATUS(pool_future_status(futures[i]), POOL_ERR_TERMINATED);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 3);
  CHECK_EQ(atomic_load(&course->started), 0);
}

/* ---- after ---- */

UNUSED static void starts_when_all_have_ended(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 3);
  struct step step = {course, 9};
  pool_call_t gates[2] = {waiting(&course), waiting(&course)}, last = noting(&step);
  pool_future_t *futures[3], *future = NULL;
  CHECK_OK(pool_submit(pool, gates, 2, futures));
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &futures[2]));
  CHECK_OK(pool_future_wait(futures[2], -1));
  last.after = futures;
  last.after_count = 3;
  CHECK_OK(pool_submit(pool, &last, 1, &future));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_STATUS(pool_future_wait(future, 30), POOL_ERR_TIMEOUT);
  CHECK_EQ(atomic_load(&course->started), 0);
  atomic_store(&course->open, 1);
  int32_t number = 0;
  CHECK_OK(pool_future_get(future, &number, sizeof number, -1));
  CHECK_EQ(number, 9);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* The very task that fails ends all that follow it, with its status and its words. */
UNUSED static void failure_goes_down_the_chain(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  struct step step = {course, 1};
  struct tally tally = {0, 1};
  pool_future_t *chain[6];
  CHECK_OK(pool_apply_async(pool, fail, NULL, 0, 0, NULL, NULL, &chain[0]));
  for (int i = 1; i < 6; i++) {
    pool_call_t call = noting(&step);
    call.after = &chain[i - 1];
    call.after_count = 1;
    call.callback = count_call;
    call.user_data = &tally;
    CHECK_OK(pool_submit(pool, &call, 1, &chain[i]));
  }
  for (int i = 5; i >= 0; i--) {
    CHECK_OK(pool_future_wait(chain[i], -1));
    CHECK_STATUS(pool_future_status(chain[i]), 7);
    CHECK(strstr(pool_future_message(chain[i]), "no such luck") != NULL);
    CHECK(i == 0 || strstr(pool_future_message(chain[i]), "after[0]") != NULL);
    CHECK_OK(pool_future_release(chain[i]));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&course->started), 0);
  CHECK_EQ(tally.calls, 5);
  CHECK_EQ(tally.status, 7);
}

/* As deep as it may be, no stack grows with it: all run, or the first is cancelled and none does. */
UNUSED static void long_chain(int32_t mode, bool cancelled, size_t length) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  struct step step = {course, 1};
  pool_call_t gate = waiting(&course);
  pool_future_t *blocked = NULL, *first = NULL, *last = NULL;
  CHECK_OK(pool_submit(pool, &gate, 1, &blocked));
  for (size_t i = 0; i < length; i++) {
    pool_call_t call = noting(&step);
    pool_future_t *next = NULL;
    call.after = last == NULL ? &blocked : &last;
    call.after_count = 1;
    CHECK_OK(pool_submit(pool, &call, 1, &next));
    if (last != NULL && last != first) {
      CHECK_OK(pool_future_release(last));
    }
    first = first == NULL ? next : first;
    last = next;
  }
  if (cancelled) {
    CHECK_EQ(pool_future_cancel(first), 1);
  }
  atomic_store(&course->open, 1);
  CHECK_OK(pool_future_wait(last, -1));
  CHECK_STATUS(pool_future_status(last), cancelled ? POOL_ERR_CANCELLED : POOL_OK);
  CHECK_EQ(atomic_load(&course->started), cancelled ? 0 : (int)length);
  CHECK_OK(pool_future_release(blocked));
  CHECK_OK(pool_future_release(first));
  CHECK_OK(pool_future_release(last));
  CHECK_OK(pool_close_join(pool));
}

/* Futures of another pool do as well, whichever of the two is closed first. */
UNUSED static void follows_another_pool(int32_t mode, int32_t other_mode) {
  for (int round = 0; round < 3; round++) {
    struct course *course = common(sizeof *course);
    pool_t *pool = pool_of(mode, 2), *other = pool_of(other_mode, 2);
    struct step step = {course, 3};
    pool_call_t gate = waiting(&course), call = noting(&step);
    pool_future_t *before = NULL, *future = NULL;
    CHECK_OK(pool_submit(other, &gate, 1, &before));
    call.after = &before;
    call.after_count = 1;
    CHECK_OK(pool_submit(pool, &call, 1, &future));
    CHECK_OK(pool_future_release(before));
    CHECK_OK(pool_close(pool));
    if (round == 1) {
      /* What follows is gone before what it would have followed. */
      CHECK_EQ(pool_future_cancel(future), 1);
      CHECK_OK(pool_close_join(pool));
    }
    atomic_store(&course->open, 1);
    if (round == 2) {
      CHECK_OK(pool_close_join(other));
    }
    CHECK_OK(pool_future_wait(future, -1));
    CHECK_STATUS(pool_future_status(future), round == 1 ? POOL_ERR_CANCELLED : POOL_OK);
    CHECK_OK(pool_future_release(future));
    CHECK_OK(round == 1 ? POOL_OK : pool_close_join(pool));
    CHECK_OK(round == 2 ? POOL_OK : pool_close_join(other));
  }
}

UNUSED static void refuses_bad_terms(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 1);
  struct step step = {course, 1};
  pool_future_t *futures[2] = {NULL, NULL}, *none = NULL;
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &futures[0]));
  pool_call_t calls[2] = {noting(&step), noting(&step)};
  calls[1].after = futures;
  calls[1].after_count = 2;
  calls[1].callback = must_not_be_called;
  CHECK_ERROR(pool_submit(pool, calls, 2, &none), POOL_ERR_INVALID);
  CHECK(strstr(pool_last_error(), "call 1: after[1]") != NULL);
  calls[1].after = NULL;
  CHECK_ERROR(pool_submit(pool, calls, 2, &none), POOL_ERR_INVALID);
  calls[1].after_count = SIZE_MAX;
  CHECK_ERROR(pool_submit(pool, calls, 2, &none), POOL_ERR_INVALID);
  calls[1].after_count = 0;
  calls[1].delay_ms = -1;
  CHECK_ERROR(pool_submit(pool, calls, 2, &none), POOL_ERR_INVALID);
  calls[1].delay_ms = INT64_MIN;
  CHECK_ERROR(pool_submit(pool, calls, 2, &none), POOL_ERR_INVALID);
  CHECK(none == NULL);
  pool_call_t map = POOL_CALL_INIT;
  map.fn = nothing;
  map.delay_ms = 1;
  CHECK_ERROR(pool_map_with(pool, &map, NULL, NULL, NULL, 3), POOL_ERR_UNSUPPORTED);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&course->started), 0);
  CHECK_OK(pool_future_release(futures[0]));
}

/* One call of a batch that cannot be accepted: none is, and what was held back is forgotten. */
UNUSED static void all_or_none(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 1);
  struct step step = {course, 1};
  pool_future_t *futures[4] = {NULL, NULL, NULL, NULL}, *before = NULL;
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &before));
  pool_call_t calls[4] = {noting(&step), noting(&step), noting(&step), noting(&step)};
  calls[0].delay_ms = 3600000;
  calls[1].after = &before;
  calls[1].after_count = 1;
  calls[3].fn = NULL;
  for (int i = 0; i < 4; i++) {
    calls[i].callback = must_not_be_called;
  }
  for (size_t i = 0; i < scaled(500); i++) {
    CHECK_ERROR(pool_submit(pool, calls, 4, futures), POOL_ERR_INVALID);
  }
  for (int i = 0; i < 4; i++) {
    CHECK(futures[i] == NULL);
    calls[i].callback = NULL;
  }
  calls[0].delay_ms = 1;
  calls[3].fn = note;
  CHECK_OK(pool_submit(pool, calls, 4, futures));
  for (int i = 0; i < 4; i++) {
    CHECK_FUTURE(futures[i], POOL_OK);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_future_release(before));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&course->started), 4);
}

UNUSED static int32_t fail_when_open(const void *arg, void *result, pool_task_t *task) {
  return wait_until_open(arg, result, task) == 0 ? fail(arg, result, task) : 0;
}

/* Waits for a task that starts only after another has ended. */
UNUSED static void wait_for_a_successor(pool_t *pool) {
  pool_future_t *first = NULL, *second = NULL;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = nothing;
  CHECK_OK(pool_submit(pool, &call, 1, &first));
  call.after = &first;
  call.after_count = 1;
  CHECK_OK(pool_submit(pool, &call, 1, &second));
  CHECK_OK(pool_future_wait(second, -1));
  CHECK_OK(pool_future_release(first));
  CHECK_OK(pool_future_release(second));
}

UNUSED static void wait_in_a_callback(const pool_result_t *outcome, void *user_data) {
  CHECK_EQ(outcome->status, 7);
  wait_for_a_successor(user_data);
}

UNUSED static int32_t wait_in_a_task(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  wait_for_a_successor(*(pool_t *const *)arg);
  return 0;
}

/* What runs, or is called, because something else has ended, waits for what comes about in the same way. */
UNUSED static void successors_wait_for_successors(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_t *pool = pool_of(mode, 2);
  pool_future_t *first = NULL, *second = NULL;
  course->open = mode == POOL_SEQUENTIAL;
  CHECK_OK(pool_apply_async(pool, fail_when_open, &course, sizeof course, 0, NULL, NULL, &first));
  pool_call_t call = POOL_CALL_INIT;
  call.fn = nothing;
  call.after = &first;
  call.after_count = 1;
  call.callback = wait_in_a_callback;
  call.user_data = pool;
  CHECK_OK(pool_submit(pool, &call, 1, NULL));
  atomic_store(&course->open, 1);
  /* With a time-out: so a worker runs it, and not this thread. */
  CHECK_ERROR(pool_future_get(first, NULL, 0, 60000), 7);
  CHECK_OK(pool_future_release(first));
  if (mode != POOL_PROCESSES) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &first));
    pool_call_t waiting = POOL_CALL_INIT;
    waiting.fn = wait_in_a_task;
    waiting.arg = &pool;
    waiting.arg_size = sizeof(pool_t *);
    waiting.after = &first;
    waiting.after_count = 1;
    CHECK_OK(pool_submit(pool, &waiting, 1, &second));
    CHECK_OK(pool_future_wait(second, -1));
    CHECK_OK(pool_future_release(first));
    CHECK_OK(pool_future_release(second));
  }
  CHECK_OK(pool_close_join(pool));
}

#endif
