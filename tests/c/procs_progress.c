/* Pools of processes: how far tasks and maps have come. */
#include "progress.h"

CASE(what_a_task_says_is_heard) {
  pool_t *pool = process_pool(2);
  what_a_task_says(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(both_numbers_are_of_one_saying) {
  pool_t *pool = process_pool(1);
  numbers_that_belong_together(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(maps_count_their_items) {
  for (uint32_t workers = 1; workers < 4; workers++) {
    pool_t *pool = process_pool(workers);
    items_that_are_done(pool);
    a_map_that_is_cancelled(pool);
    CHECK_OK(pool_close_join(pool));
  }
}

static int32_t say_and_die(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_OK(pool_task_progress(task, 6, 8));
  kill(getpid(), SIGKILL);
  return 0;
}

CASE(what_the_dead_have_said) {
  pool_t *pool = process_pool(1);
  pool_future_t *future;
  CHECK_OK(pool_apply_async(pool, say_and_die, NULL, 0, 0, NULL, NULL, &future));
  CHECK_FUTURE(future, POOL_ERR_WORKER_DIED);
  progress_is(future, 6, 8);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &future));
  CHECK_FUTURE(future, POOL_OK);
  progress_is(future, 0, 0);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}
