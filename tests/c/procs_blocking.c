/* Blocking sections in pools of processes: a worker process keeps its place, and says so. */
#include "procs.h"

static int32_t begin_and_end(const void *arg, void *result, pool_task_t *task) {
  int32_t *statuses = result;
  (void)arg;
  statuses[0] = pool_blocking_begin(task);
  statuses[1] = pool_blocking_begin(NULL);
  statuses[2] = pool_blocking_end(task);
  CHECK_HAS(pool_last_error(), "more workers");
  return 0;
}

CASE(a_worker_process_keeps_its_place) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  int32_t statuses[3 * 4] = {0};
  CHECK_OK(pool_apply(pool, begin_and_end, NULL, 0, statuses, 3 * sizeof statuses[0]));
  CHECK_OK(pool_map(pool, begin_and_end, NULL, 0, &statuses[3], 3 * sizeof statuses[0], 3));
  for (size_t i = 0; i < COUNT_OF(statuses); i++) {
    CHECK_EQ(statuses[i], POOL_ERR_UNSUPPORTED);
  }
  close_and_leave_nothing(pool, &world);
}

/* In a worker process as in any other, a pool of threads has sections. */
static int32_t block_in_a_pool_of_its_own(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = new_pool(1);
  (void)arg;
  (void)result;
  CHECK_ERROR(pool_blocking_begin(task), POOL_ERR_UNSUPPORTED);
  int32_t statuses[3] = {1, 1, 1};
  CHECK_OK(pool_apply(pool, begin_and_end, NULL, 0, statuses, sizeof statuses));
  CHECK_EQ(statuses[0] | statuses[1] | statuses[2], POOL_OK);
  return pool_close_join(pool);
}

CASE(a_pool_of_threads_in_a_worker_process) {
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  CHECK_OK(pool_apply(pool, block_in_a_pool_of_its_own, NULL, 0, NULL, 0));
  close_and_leave_nothing(pool, &world);
}

struct waiting {
  pool_t *pool;
  atomic_int calls;
};

/* Waits for a task of the same pool. */
static void block_in_a_callback(const pool_result_t *outcome, void *user_data) {
  struct waiting *waiting = user_data;
  int64_t number = 21, result = 0;
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_ERROR(pool_blocking_end(NULL), POOL_ERR_INVALID);
  CHECK_OK(pool_blocking_begin(NULL));
  CHECK_OK(pool_apply(waiting->pool, twice, &number, 8, &result, 8));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_blocking_end(NULL));
  CHECK_OK(pool_blocking_begin(NULL));
  atomic_fetch_add(&waiting->calls, 1);
}

CASE(callbacks_take_no_place) {
  for (int polled = 0; polled < 2; polled++) {
    struct world world = world_now();
    pool_options_t options = processes(1);
    options.callbacks = polled ? POOL_CALLBACKS_POLLED : POOL_CALLBACKS_SERIAL;
    struct waiting waiting = {new_pool_with(&options), 0};
    for (int i = 0; i < 5; i++) {
      CHECK_OK(pool_apply_async(waiting.pool, nothing, NULL, 0, 0, block_in_a_callback, &waiting, NULL));
    }
    while (polled && waiting.calls < 5) {
      CHECK(pool_poll(waiting.pool, -1) >= 0);
    }
    EVENTUALLY(atomic_load(&waiting.calls) == 5);
    close_and_leave_nothing(waiting.pool, &world);
  }
}

CASE(max_blocked_is_for_threads) {
  pool_options_t options = processes(1);
  pool_t *pool = NULL;
  options.max_blocked = 1;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_UNSUPPORTED);
  CHECK_HAS(pool_last_error(), "max_blocked");
  CHECK(pool == NULL);
}
