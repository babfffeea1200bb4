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

/* With an initializer, creation waits until the spare worker is ready, too. */
static int32_t prepare(void *data, uint32_t worker) {
  (void)data;
  (void)worker;
  return 0;
}

static int32_t tell_worker(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  *(uint32_t *)result = task->worker;
  return 0;
}

/* What was killed may have taken a task before it dies, which then fails; the next one finds another in its place. */
static void kill_if_there(pool_t *pool, uint32_t worker) {
  int32_t pid = pool_worker_pid(pool, worker);
  if (pid > 0) {
    (void)kill(pid, SIGKILL);
  }
}

/* The place of a worker that a refresh does not make again must not stay taken. */
CASE(a_refresh_after_the_zygote_died_has_somebody_work) {
  struct world world = world_now();
  pool_options_t options = processes(1);
  options.max_workers = 2;
  options.spare_workers = 1;
  options.initializer = prepare;
  pool_t *pool = new_pool_with(&options);
  CHECK_OK(pool_resize(pool, 2));
  pid_t leaving = worker_process(pool, 1);
  (void)worker_process(pool, 2);
  CHECK_OK(pool_resize(pool, 1));
  EVENTUALLY(gone(leaving));
  /* Now the spare one, number 2, is to take the place of the one that works, be it the first or who replaced that. */
  uint32_t worker = 0;
  EVENTUALLY((kill_if_there(pool, worker), pool_apply(pool, tell_worker, NULL, 0, &worker, 4)) == POOL_OK &&
             worker == 2);
  pid_t zygote = parent_of(worker_process(pool, 2), NULL);
  CHECK_EQ(kill(zygote, SIGKILL), 0);
  EVENTUALLY(pool_apply(pool, nothing, NULL, 0, NULL, 0) == POOL_ERR_BROKEN);
  CHECK_OK(pool_refresh(pool));
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}
