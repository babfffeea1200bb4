/* How far tasks and maps have come. */
#include "progress.h"

CASE(what_a_task_says_is_heard) {
  pool_t *pool = new_pool(2);
  what_a_task_says(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(both_numbers_are_of_one_saying) {
  pool_t *pool = new_pool(1);
  numbers_that_belong_together(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(maps_count_their_items) {
  for (uint32_t workers = 1; workers < 4; workers++) {
    pool_t *pool = new_pool(workers);
    items_that_are_done(pool);
    a_map_that_is_cancelled(pool);
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(maps_of_nothing_and_of_quick_items) {
  pool_t *pool = new_pool(2);
  pool_future_t *future;
  CHECK_OK(pool_map_async(pool, nothing, NULL, 0, NULL, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, -1));
  progress_is(future, 0, 0);
  CHECK_OK(pool_future_release(future));
  for (size_t i = 0; i < scaled(200); i++) {
    enum { QUICK = 20000 };
    CHECK_OK(pool_map_async(pool, nothing, NULL, 0, NULL, 0, QUICK, NULL, NULL, &future));
    for (uint64_t last = 0; !pool_future_ready(future);) {
      struct pair now = progress_of(future);
      CHECK(now.done >= last && now.done <= QUICK && now.total == QUICK);
      last = now.done;
    }
    progress_is(future, QUICK, QUICK);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(nonsense) {
  pool_t *pool = new_pool(1);
  uint64_t done = 7, total = 7;
  CHECK_ERROR(pool_future_progress(NULL, &done, &total), POOL_ERR_INVALID);
  CHECK_ERROR(pool_task_progress(NULL, 1, 2), POOL_ERR_INVALID);
  CHECK_EQ(done, 7);
  pool_future_t *future;
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, -1));
  progress_is(future, 0, 0);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

static int32_t more_than_all(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_ERROR(pool_task_progress(task, 3, 2), POOL_ERR_INVALID);
  CHECK_OK(pool_task_progress(task, UINT64_MAX, UINT64_MAX));
  CHECK_OK(pool_task_progress(task, 5, 0));
  return 0;
}

CASE(what_may_be_said) {
  pool_t *pool = new_pool(1);
  pool_future_t *future;
  CHECK_OK(pool_apply_async(pool, more_than_all, NULL, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, -1));
  progress_is(future, 5, 0);
  CHECK_OK(pool_future_release(future));
  /* Nobody can ask, and nothing breaks. */
  CHECK_OK(pool_apply(pool, more_than_all, NULL, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

/* Items of a join, on whichever workers, speak for their task. */
static int32_t say_my_index(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  for (uint64_t i = 0; i < 1000; i++) {
    CHECK_OK(pool_task_progress(task, i, i));
  }
  return 0;
}

static int32_t say_it_in_parts(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_OK(pool_join_n(task, say_my_index, NULL, 0, NULL, 0, scaled(500)));
  CHECK_OK(pool_task_progress(task, 4321, 4321));
  return 0;
}

CASE(parts_of_a_task) {
  pool_t *pool = new_pool(3);
  pool_future_t *future;
  CHECK_OK(pool_apply_async(pool, say_it_in_parts, NULL, 0, 0, NULL, NULL, &future));
  while (!pool_future_ready(future)) {
    struct pair now = progress_of(future);
    CHECK_EQ(now.done, now.total);
  }
  progress_is(future, 4321, 4321);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}
