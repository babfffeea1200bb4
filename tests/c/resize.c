/* Pools of threads that grow and shrink while they work. */
#include "resize.h"

CASE(as_many_run_as_there_are_workers) {
  grows_and_shrinks(POOL_THREADS);
}

CASE(tasks_run_while_workers_come_and_go) {
  works_meanwhile(POOL_THREADS, scaled(1000));
}

CASE(wrong_numbers_are_refused) {
  is_refused(POOL_THREADS);
  pool_t *pool = new_pool(0);
  int32_t usual = pool_workers(pool);
  CHECK_OK(pool_resize(pool, POOL_MAX_WORKERS));
  CHECK_OK(pool_resize(pool, 0));
  CHECK_EQ(pool_workers(pool), usual);
  CHECK_OK(pool_close_join(pool));
}

static int32_t resize_from_inside(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = *(pool_t *const *)arg;
  (void)result;
  CHECK_OK(pool_resize(pool, (uint32_t)(task->index % 4) + 1));
  return 0;
}

static void resize_in_a_callback(const pool_result_t *outcome, void *user_data) {
  CHECK_EQ(outcome->status, POOL_OK);
  CHECK_OK(pool_resize(user_data, 2));
}

CASE(tasks_and_callbacks_resize_their_pool) {
  pool_t *pool = new_pool(2);
  for (int i = 0; i < 100; i++) {
    pool_t *pools[20];
    for (int j = 0; j < 20; j++) {
      pools[j] = pool;
    }
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, resize_in_a_callback, pool, NULL));
    CHECK_OK(pool_map(pool, resize_from_inside, pools, sizeof(pool_t *), NULL, 0, 20));
  }
  CHECK_OK(pool_close_join(pool));
}

/* Threads that are not needed any more leave. */
CASE(a_pool_that_shrinks_gives_its_threads_back) {
  int before = threads_now();
  pool_t *pool = new_pool(8);
  struct crowd crowd = {0};
  enter(pool, &crowd, 8);
  EVENTUALLY(atomic_load(&crowd.running) == 8);
  atomic_store(&crowd.open, 1);
  EVENTUALLY(atomic_load(&crowd.running) == 0);
  CHECK_OK(pool_resize(pool, 1));
  EVENTUALLY(threads_now() <= before + 2);
  CHECK_OK(pool_close_join(pool));
}
