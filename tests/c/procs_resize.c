/* Pools of processes that grow and shrink while they work. */
#include "resize.h"

CASE(as_many_run_as_there_are_workers) {
  grows_and_shrinks(POOL_PROCESSES);
}

CASE(tasks_run_while_workers_come_and_go) {
  works_meanwhile(POOL_PROCESSES, scaled(1000));
}

CASE(wrong_numbers_are_refused) {
  is_refused(POOL_PROCESSES);
  pool_t *pool = process_pool(2);
  CHECK_ERROR(pool_resize(pool, 3), POOL_ERR_INVALID);
  CHECK_OK(pool_resize(pool, 1));
  CHECK_OK(pool_resize(pool, 2));
  CHECK_OK(pool_close_join(pool));
}

static int processes_of(pool_t *pool, uint32_t most) {
  int count = 0;
  for (uint32_t worker = 0; worker < most; worker++) {
    count += pool_worker_pid(pool, worker) > 0;
  }
  return count;
}

CASE(processes_come_and_go) {
  pool_t *pool = resizable(POOL_PROCESSES, 2);
  CHECK_EQ(processes_of(pool, 8), 2);
  CHECK_OK(pool_resize(pool, 6));
  EVENTUALLY(processes_of(pool, 8) == 6);
  CHECK_OK(pool_resize(pool, 1));
  EVENTUALLY(processes_of(pool, 8) == 1);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_OK(pool_refresh(pool));
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  EVENTUALLY(processes_of(pool, 8) == 1);
  CHECK_OK(pool_resize(pool, 8));
  CHECK_OK(pool_refresh(pool));
  EVENTUALLY(processes_of(pool, 8) == 8);
  CHECK_OK(pool_close_join(pool));
}

/* Workers that die while others are sent away or fetched: in the end there are as many as said. */
CASE(deaths_meanwhile) {
  pool_t *pool = resizable(POOL_PROCESSES, 4);
  unsigned seed = 3;
  for (int i = 0; i < 60; i++) {
    CHECK_OK(pool_resize(pool, (uint32_t)(rand_r(&seed) % 8) + 1));
    int32_t pid = pool_worker_pid(pool, (uint32_t)(rand_r(&seed) % 8));
    if (pid > 0) {
      kill(pid, SIGKILL);
    }
    int64_t number = i, result = 0;
    CHECK_OK(pool_apply(pool, twice, &number, sizeof number, &result, sizeof result));
    CHECK_EQ(result, 2 * number);
  }
  CHECK_OK(pool_resize(pool, 3));
  EVENTUALLY(processes_of(pool, 8) == 3);
  CHECK_OK(pool_close_join(pool));
}
