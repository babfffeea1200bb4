/* Bounded pools, on threads and in processes: what the cases of both do. */
#ifndef BOUNDED_H
#define BOUNDED_H

#include "procs.h"

enum { WORKERS = 2, PENDING = 3, MOST = WORKERS + PENDING };

/* In memory that all processes share. */
struct course {
  atomic_int open, started;
};

UNUSED static int32_t wait_for_it(const void *arg, void *result, pool_task_t *task) {
  struct course *course = *(struct course *const *)arg;
  (void)result;
  atomic_fetch_add(&course->started, 1);
  while (!atomic_load(&course->open) && !pool_task_cancelled(task)) {
    sleep_ms(1);
  }
  return 0;
}

UNUSED static pool_options_t bounded(int32_t mode, int32_t when_full) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = WORKERS;
  options.max_pending = PENDING;
  options.when_full = when_full;
  return options;
}

UNUSED static int32_t offer(pool_t *pool, struct course *course) {
  return pool_apply_async(pool, wait_for_it, &course, sizeof course, 0, NULL, NULL, NULL);
}

UNUSED static void is_full_at(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_options_t options = bounded(mode, POOL_FULL_FAIL);
  pool_t *pool = new_pool_with(&options);
  for (int round = 0; round < 3; round++) {
    atomic_store(&course->open, 0);
    for (int i = 0; i < MOST; i++) {
      /* Those of the last round may be about to end. */
      EVENTUALLY(offer(pool, course) == POOL_OK);
    }
    CHECK_ERROR(offer(pool, course), POOL_ERR_FULL);
    CHECK_ERROR(pool_map_async(pool, nothing, NULL, 0, NULL, 0, 10, NULL, NULL, NULL), POOL_ERR_FULL);
    CHECK(strstr(pool_last_error(), "max_pending") != NULL);
    EVENTUALLY(atomic_load(&course->started) == round * MOST + WORKERS);
    CHECK_ERROR(offer(pool, course), POOL_ERR_FULL);
    atomic_store(&course->open, 1);
    EVENTUALLY(atomic_load(&course->started) == (round + 1) * MOST);
    /* All places are free again; maps in the caller take none for long. */
    for (int i = 0; i < 20; i++) {
      CHECK_OK(pool_map(pool, nothing, NULL, 0, NULL, 0, 10));
    }
    pool_future_t *futures[MOST];
    for (int i = 0; i < MOST; i++) {
      EVENTUALLY(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &futures[i]) == POOL_OK);
    }
    for (int i = 0; i < MOST; i++) {
      CHECK_OK(pool_future_wait(futures[i], -1));
      CHECK_OK(pool_future_release(futures[i]));
    }
  }
  CHECK_OK(pool_close_join(pool));
}

struct offering {
  pool_t *pool;
  struct course *course;
  int32_t status;
  atomic_int accepted;
};

UNUSED static void *offer_one_more(void *data) {
  struct offering *offering = data;
  offering->status = offer(offering->pool, offering->course);
  atomic_store(&offering->accepted, 1);
  return NULL;
}

UNUSED static void waits_for_room(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_options_t options = bounded(mode, POOL_FULL_BLOCK);
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < MOST; i++) {
    CHECK_OK(offer(pool, course));
  }
  struct offering offerings[4];
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    offerings[i] = (struct offering){pool, course, 1, 0};
    threads[i] = check_thread(offer_one_more, &offerings[i]);
  }
  sleep_ms(50);
  for (int i = 0; i < 4; i++) {
    CHECK(!atomic_load(&offerings[i].accepted));
  }
  atomic_store(&course->open, 1);
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    CHECK_OK(offerings[i].status);
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&course->started), MOST + 4);
}

UNUSED static void is_refused(int32_t mode, int32_t (*end)(pool_t *), int32_t expected) {
  struct course *course = common(sizeof *course);
  pool_options_t options = bounded(mode, POOL_FULL_BLOCK);
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < MOST; i++) {
    CHECK_OK(offer(pool, course));
  }
  struct offering offering = {pool, course, 1, 0};
  pthread_t thread = check_thread(offer_one_more, &offering);
  sleep_ms(20);
  CHECK_OK(end(pool));
  pthread_join(thread, NULL);
  CHECK_STATUS(offering.status, expected);
  atomic_store(&course->open, 1);
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void *offer_many(void *data) {
  struct offering *offering = data;
  for (size_t i = 0; i < scaled(5000); i++) {
    CHECK_OK(offer(offering->pool, offering->course));
  }
  return NULL;
}

UNUSED static void many_submit(int32_t mode) {
  struct course *course = common(sizeof *course);
  atomic_store(&course->open, 1);
  pool_options_t options = bounded(mode, POOL_FULL_BLOCK);
  options.max_pending = 1;
  pool_t *pool = new_pool_with(&options);
  struct offering offering = {pool, course, 0, 0};
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    threads[i] = check_thread(offer_many, &offering);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&course->started), 4 * (int)scaled(5000));
}

struct family {
  pool_t *pool;
  atomic_int born;
};

UNUSED static void submit_another(const pool_result_t *outcome, void *user_data) {
  struct family *family = user_data;
  CHECK_EQ(outcome->status, POOL_OK);
  if (atomic_fetch_add(&family->born, 1) < 300) {
    for (int i = 0; i < 2; i++) {
      CHECK_OK(pool_apply_async(family->pool, nothing, NULL, 0, 0, submit_another, family, NULL));
    }
  }
}

UNUSED static void count_callback(const pool_result_t *outcome, void *user_data) {
  CHECK_EQ(outcome->status, POOL_OK);
  atomic_fetch_add((atomic_int *)user_data, 1);
}

UNUSED static void batches(int32_t mode) {
  struct course *course = common(sizeof *course);
  pool_options_t options = bounded(mode, POOL_FULL_FAIL);
  pool_t *pool = new_pool_with(&options);
  pool_call_t calls[MOST + 1];
  for (int i = 0; i <= MOST; i++) {
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls[i].fn = wait_for_it;
    calls[i].arg = &course;
    calls[i].arg_size = sizeof course;
  }
  CHECK_ERROR(pool_submit(pool, calls, MOST + 1, NULL), POOL_ERR_INVALID);
  CHECK_OK(offer(pool, course));
  CHECK_ERROR(pool_submit(pool, calls, MOST, NULL), POOL_ERR_FULL);
  CHECK_OK(pool_submit(pool, calls, MOST - 1, NULL));
  CHECK_ERROR(pool_submit(pool, calls, 1, NULL), POOL_ERR_FULL);
  atomic_store(&course->open, 1);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&course->started), MOST);
}

UNUSED static void callbacks_submit(int32_t mode) {
  pool_options_t options = bounded(mode, POOL_FULL_BLOCK);
  options.max_pending = 1;
  struct family family = {new_pool_with(&options), 0};
  CHECK_OK(pool_apply_async(family.pool, nothing, NULL, 0, 0, submit_another, &family, NULL));
  CHECK_OK(pool_close_join(family.pool));
  CHECK_EQ(atomic_load(&family.born), 1 + 2 * 300);
}

#endif
