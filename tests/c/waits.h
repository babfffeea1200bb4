/* Waiting for several futures: what is the same in threads and in processes. */
#ifndef WAITS_H
#define WAITS_H

#include "procs.h"

/* Fails with code 7 if its argument is negative, else as twice. */
UNUSED static int32_t twice_or_fail(const void *arg, void *result, pool_task_t *task) {
  return *(const int64_t *)arg < 0 ? pool_task_fail(task, 7, "a negative one") : twice(arg, result, task);
}

UNUSED static pool_future_t *submitted(pool_t *pool, int64_t arg) {
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, twice_or_fail, &arg, 8, 8, NULL, NULL, &future));
  return future;
}

UNUSED static void release_all(pool_future_t **futures, size_t count) {
  for (size_t i = 0; i < count; i++) {
    CHECK_OK(pool_future_release(futures[i]));
  }
}

/* A hold for each of `count` workers, and its future. */
UNUSED static struct hold *hold_workers(pool_t *pool, size_t count, pool_future_t **futures) {
  struct hold *holds = shared(pool, count * sizeof *holds);
  for (size_t i = 0; i < count; i++) {
    futures[i] = hold_worker(pool, &holds[i]);
  }
  return holds;
}

UNUSED static void the_first_of_several(pool_t *pool) {
  pool_future_t *futures[4] = {NULL};
  struct hold *holds = hold_workers(pool, 3, futures + 1);
  size_t index = 99;
  CHECK_ERROR(pool_wait(futures, 4, POOL_WAIT_ANY, 0, &index), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_wait(futures, 4, POOL_WAIT_ANY, 20, &index), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_wait(futures, 4, POOL_WAIT_ALL, 20, &index), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_wait(futures, 4, POOL_WAIT_FIRST_ERROR, 20, &index), POOL_ERR_TIMEOUT);
  CHECK_EQ(index, 99);
  int order[] = {2, 3, 1};
  for (int i = 0; i < 3; i++) {
    atomic_store(&holds[order[i] - 1].go, 1);
    CHECK_OK(pool_wait(futures, 4, POOL_WAIT_ANY, -1, &index));
    CHECK_EQ(index, order[i]);
    CHECK_EQ(pool_future_ready(futures[index]), 1);
    CHECK_OK(pool_future_release(futures[index]));
    futures[index] = NULL;
  }
  CHECK_ERROR(pool_wait(futures, 4, POOL_WAIT_ANY, -1, &index), POOL_ERR_INVALID);
}

UNUSED static void *let_go_a_little_later(void *data) {
  sleep_ms(20);
  atomic_store(&((struct hold *)data)->go, 1);
  return NULL;
}

UNUSED static void all_of_them(pool_t *pool) {
  pool_future_t *futures[12];
  struct hold *hold = hold_workers(pool, 1, futures);
  for (int64_t i = 1; i < 12; i++) {
    futures[i] = submitted(pool, i);
  }
  pthread_t thread = check_thread(let_go_a_little_later, hold);
  size_t index = 99;
  CHECK_OK(pool_wait(futures, 12, POOL_WAIT_ALL, -1, &index));
  CHECK_EQ(index, 12);
  for (int64_t i = 0; i < 12; i++) {
    CHECK_EQ(pool_future_ready(futures[i]), 1);
  }
  CHECK_OK(pool_wait(futures, 12, POOL_WAIT_ALL, 0, NULL));
  CHECK_OK(pool_wait(futures, 12, POOL_WAIT_FIRST_ERROR, 0, &index));
  CHECK_EQ(index, 12);
  CHECK_OK(pool_wait(futures, 12, POOL_WAIT_ANY, 0, &index));
  CHECK_EQ(index, 0);
  pthread_join(thread, NULL);
  release_all(futures, 12);
}

UNUSED static void the_first_failure(pool_t *pool) {
  pool_future_t *futures[4];
  struct hold *hold = hold_workers(pool, 1, futures);
  futures[1] = submitted(pool, 1);
  futures[2] = submitted(pool, -1);
  futures[3] = submitted(pool, 3);
  size_t index = 99;
  CHECK_OK(pool_wait(futures, 4, POOL_WAIT_FIRST_ERROR, -1, &index));
  CHECK_EQ(index, 2);
  CHECK_STATUS(pool_future_status(futures[2]), 7);
  CHECK_EQ(pool_future_ready(futures[0]), 0);
  CHECK_OK(pool_wait(futures, 4, POOL_WAIT_FIRST_ERROR, 0, &index));
  CHECK_EQ(index, 2);
  CHECK_ERROR(pool_wait(futures, 4, POOL_WAIT_ALL, 10, &index), POOL_ERR_TIMEOUT);
  atomic_store(&hold->go, 1);
  CHECK_OK(pool_wait(futures, 4, POOL_WAIT_ALL, -1, &index));
  CHECK_EQ(index, 2);
  release_all(futures, 4);
  for (int64_t i = 0; i < 3; i++) {
    futures[i] = submitted(pool, i);
  }
  CHECK_OK(pool_wait(futures, 3, POOL_WAIT_FIRST_ERROR, -1, &index));
  CHECK_EQ(index, 3);
  release_all(futures, 3);
}

/* What was cancelled has failed, and ends a wait that is under way. */
UNUSED static void *cancel_a_little_later(void *data) {
  sleep_ms(20);
  CHECK_EQ(pool_future_cancel(data), 1);
  return NULL;
}

UNUSED static void cancelled_meanwhile(pool_t *pool) {
  pool_future_t *futures[2];
  struct hold *hold = hold_workers(pool, 1, futures);
  futures[1] = submitted(pool, 1);
  pthread_t thread = check_thread(cancel_a_little_later, futures[1]);
  size_t index = 99;
  CHECK_OK(pool_wait(futures, 2, POOL_WAIT_FIRST_ERROR, -1, &index));
  CHECK_EQ(index, 1);
  CHECK_STATUS(pool_future_status(futures[1]), POOL_ERR_CANCELLED);
  atomic_store(&hold->go, 1);
  pthread_join(thread, NULL);
  release_all(futures, 2);
}

UNUSED static void *terminate_a_little_later(void *data) {
  sleep_ms(20);
  CHECK_OK(pool_terminate(data));
  return NULL;
}

/* The pool has one worker, which is held, so that nothing else can end but by terminate. */
UNUSED static void terminated_meanwhile(pool_t *pool, int32_t until) {
  pool_future_t *futures[3];
  struct hold *hold = hold_workers(pool, 1, futures);
  pool_future_t *held = futures[0];
  for (int64_t i = 0; i < 3; i++) {
    futures[i] = submitted(pool, i);
  }
  pthread_t thread = check_thread(terminate_a_little_later, pool);
  size_t index = 99;
  CHECK_OK(pool_wait(futures, 3, until, 60000, &index));
  CHECK(index < 3);
  CHECK_STATUS(pool_future_status(futures[index]), POOL_ERR_TERMINATED);
  pthread_join(thread, NULL);
  atomic_store(&hold->go, 1);
  CHECK_OK(pool_future_wait(held, -1));
  CHECK_OK(pool_future_release(held));
  release_all(futures, 3);
}

/* ---- One after the other ---- */

UNUSED static pool_as_completed_t *each_of(pool_future_t *const *futures, size_t count) {
  pool_as_completed_t *ready = NULL;
  CHECK_OK(pool_as_completed(futures, count, &ready));
  CHECK(ready != NULL);
  return ready;
}

UNUSED static void in_the_order_of_their_ends(pool_t *pool) {
  pool_future_t *futures[5] = {NULL};
  struct hold *holds = hold_workers(pool, 3, futures + 1);
  pool_as_completed_t *ready = each_of(futures, 5);
  size_t index = 99;
  CHECK_ERROR(pool_as_completed_next(ready, 0, &index), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_as_completed_next(ready, 10, &index), POOL_ERR_TIMEOUT);
  CHECK_EQ(index, 99);
  int order[] = {3, 1, 2};
  for (int i = 0; i < 3; i++) {
    atomic_store(&holds[order[i] - 1].go, 1);
    CHECK_EQ(pool_as_completed_next(ready, -1, &index), 1);
    CHECK_EQ(index, order[i]);
    CHECK_EQ(pool_future_ready(futures[index]), 1);
    CHECK_OK(pool_future_release(futures[index]));
  }
  CHECK_EQ(pool_as_completed_next(ready, -1, &index), 0);
  CHECK_EQ(pool_as_completed_next(ready, 0, &index), 0);
  CHECK_OK(pool_as_completed_release(ready));
}

/* Every future once, with its own result, however many there are. */
UNUSED static void each_once(pool_t *pool, size_t count) {
  pool_future_t **futures = malloc(count * sizeof(*futures));
  unsigned char *seen = calloc(count, 1);
  CHECK(futures != NULL && seen != NULL);
  for (size_t i = 0; i < count; i++) {
    futures[i] = submitted(pool, (int64_t)i);
  }
  pool_as_completed_t *ready = each_of(futures, count);
  size_t index, given = 0;
  int32_t one;
  while ((one = pool_as_completed_next(ready, -1, &index)) == 1) {
    int64_t result = -1;
    CHECK(index < count);
    CHECK_EQ(seen[index]++, 0);
    CHECK_OK(pool_future_get(futures[index], &result, 8, 0));
    CHECK_EQ(result, 2 * (int64_t)index);
    CHECK_OK(pool_future_release(futures[index]));
    given++;
  }
  CHECK_EQ(one, 0);
  CHECK_EQ(given, count);
  CHECK_OK(pool_as_completed_release(ready));
  free(futures);
  free(seen);
}

/* Released in the midst, again and again, while a task goes on: nothing is kept for it. */
UNUSED static void given_up_in_the_midst(pool_t *pool) {
  pool_future_t *futures[3];
  struct hold *hold = hold_workers(pool, 1, futures);
  futures[1] = submitted(pool, 1);
  futures[2] = futures[0];
  size_t index = 99;
  for (size_t i = 0; i < scaled(2000); i++) {
    pool_as_completed_t *ready = each_of(futures, 3);
    if (i % 2 == 0) {
      CHECK_EQ(pool_as_completed_next(ready, -1, &index), 1);
      CHECK_EQ(index, 1);
    }
    CHECK_OK(pool_as_completed_release(ready));
    CHECK_ERROR(pool_wait(futures, 1, POOL_WAIT_FIRST_ERROR, 0, &index), POOL_ERR_TIMEOUT);
  }
  pool_as_completed_t *ready = each_of(futures, 3);
  atomic_store(&hold->go, 1);
  int given[3] = {0};
  while (pool_as_completed_next(ready, -1, &index) == 1) {
    given[index]++;
  }
  CHECK(given[0] == 1 && given[1] == 1 && given[2] == 1);
  CHECK_OK(pool_as_completed_release(ready));
  release_all(futures, 2);
}

#endif
