/* Something that every worker process does once. */
#include "broadcast.h"

CASE(every_worker_runs_it_once_in_processes) {
  every_worker_runs_it_once(POOL_PROCESSES);
}

CASE(arguments_and_results_in_processes) {
  arguments_and_results(POOL_PROCESSES);
}

CASE(failures_are_told_in_processes) {
  failures_are_told(POOL_PROCESSES);
}

CASE(nonsense_is_refused_in_processes) {
  nonsense(POOL_PROCESSES);
  pool_t *pool = process_pool(1);
  atomic_int mine = 0;
  CHECK_ERROR(pool_broadcast(pool, use_pointer, &mine, 0, NULL, 0, NULL, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_broadcast(pool, (pool_fn)(uintptr_t)mmap, NULL, 8, NULL, 0, NULL, 0), POOL_ERR_INVALID);
  void *code = common(4096);
  CHECK_ERROR(pool_broadcast(pool, (pool_fn)(uintptr_t)code, NULL, 0, NULL, 0, NULL, 0), POOL_ERR_UNKNOWN_FUNCTION);
  CHECK_OK(pool_close_join(pool));
}

CASE(busy_processes_come_later) {
  busy_workers_come_later(POOL_PROCESSES);
}

CASE(terminated_meanwhile_in_processes) {
  terminated_meanwhile(POOL_PROCESSES);
}

CASE(closed_meanwhile_in_processes) {
  closed_meanwhile(POOL_PROCESSES);
}

CASE(many_at_once_in_processes) {
  many_at_once(POOL_PROCESSES, 20);
}

static int32_t broadcast_in_a_worker(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  CHECK_ERROR(pool_broadcast(*(pool_t *const *)arg, nothing, NULL, 0, NULL, 0, NULL, 0), POOL_ERR_UNSUPPORTED);
  return 0;
}

CASE(not_from_a_worker) {
  pool_t *pool = process_pool(2);
  CHECK_OK(pool_broadcast(pool, broadcast_in_a_worker, &pool, sizeof pool, NULL, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

/* One whose worker is killed while it waits for the others is told, and nobody waits for it. */
CASE(a_worker_is_killed_while_it_waits) {
  pool_t *pool = process_pool(3);
  struct hold *hold = shared(pool, sizeof *hold);
  atomic_int *count = shared(pool, sizeof *count);
  pool_future_t *future = hold_worker(pool, hold);
  struct caller caller = {.pool = pool, .fn = use_pointer, .arg = count};
  begin(&caller);
  all_but_one_have_come(pool);
  for (uint32_t i = 0; i < 3; i++) {
    pid_t pid = worker_process(pool, i);
    if (pid != hold->pid) {
      kill_idle(pid);
      break;
    }
  }
  atomic_store(&hold->go, 1);
  pthread_join(caller.thread, NULL);
  CHECK_OK(caller.status);
  int died = 0;
  for (int i = 0; i < 3; i++) {
    died += caller.statuses[i] == POOL_ERR_WORKER_DIED;
  }
  CHECK_EQ(died, 1);
  CHECK_EQ(atomic_load(count), 2);
  CHECK_FUTURE(future, POOL_OK);
  CHECK_OK(pool_future_release(future));
  pool_works(pool);
  CHECK_OK(pool_close_join(pool));
}

/* Its task ends with it; whoever takes its place comes. */
CASE(a_busy_worker_is_killed) {
  pool_t *pool = process_pool(2);
  struct hold *hold = shared(pool, sizeof *hold);
  atomic_int *count = shared(pool, sizeof *count);
  pool_future_t *future = hold_worker(pool, hold);
  struct caller caller = {.pool = pool, .fn = use_pointer, .arg = count};
  begin(&caller);
  all_but_one_have_come(pool);
  CHECK_EQ(kill(hold->pid, SIGKILL), 0);
  pthread_join(caller.thread, NULL);
  CHECK_OK(caller.status);
  CHECK_EQ(atomic_load(count), 2);
  CHECK_FUTURE(future, POOL_ERR_WORKER_DIED);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

static int32_t crash_second(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  if (atomic_fetch_add((atomic_int *)(uintptr_t)arg, 1) == 1) {
    raise(SIGKILL);
  }
  return 0;
}

CASE(it_crashes_in_one) {
  pool_t *pool = process_pool(3);
  for (int i = 0; i < 5; i++) {
    atomic_int *count = shared(pool, sizeof *count);
    int32_t statuses[3];
    CHECK_ERROR(pool_broadcast(pool, crash_second, count, 0, NULL, 0, NULL, 0), POOL_ERR_WORKER_DIED);
    CHECK_EQ(atomic_load(count), 3);
    CHECK_OK(pool_broadcast(pool, nothing, NULL, 0, NULL, 0, statuses, 3));
    for (int j = 0; j < 3; j++) {
      CHECK_OK(statuses[j]);
    }
  }
  CHECK_OK(pool_close_join(pool));
}

/* Each worker ends after one task: those that take their places are not asked, too. */
CASE(workers_that_are_replaced) {
  pool_options_t options = processes(3);
  options.max_tasks_per_worker = 1;
  options.max_workers = MOST;
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < 10; i++) {
    each_ran_it_once(pool, POOL_PROCESSES);
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t remember(void *data, uint32_t worker) {
  (void)worker;
  atomic_fetch_add((atomic_int *)data, 1);
  return 0;
}

CASE(after_the_initializer) {
  atomic_int *prepared = common(sizeof *prepared);
  pool_options_t options = processes(3);
  options.initializer = remember;
  options.worker_data = prepared;
  options.spare_workers = 1;
  pool_t *pool = new_pool_with(&options);
  each_ran_it_once(pool, POOL_PROCESSES);
  CHECK_EQ(atomic_load(prepared), 4);
  CHECK_OK(pool_refresh(pool));
  each_ran_it_once(pool, POOL_PROCESSES);
  CHECK_OK(pool_close_join(pool));
}

/* Whoever is killed at whatever moment: every call ends, and no run is lost or done twice. */
CASE(workers_are_killed_at_random) {
  pool_t *pool = process_pool(4);
  atomic_int *count = shared(pool, sizeof *count);
  unsigned seed = 9;
  for (int64_t until = now_ms() + check_seconds * 300; now_ms() < until;) {
    atomic_store(count, 0);
    struct caller caller = {.pool = pool, .fn = use_pointer, .arg = count};
    begin(&caller);
    for (int i = 0; i < 200 * (int)(rand_r(&seed) % 30); i++) {
      atomic_load(count);
    }
    int32_t pid = pool_worker_pid(pool, rand_r(&seed) % 4);
    if (pid > 0) {
      kill(pid, SIGKILL);
    }
    pthread_join(caller.thread, NULL);
    CHECK_OK(caller.status);
    int well = 0, died = 0;
    for (int i = 0; i < 4; i++) {
      well += caller.statuses[i] == POOL_OK;
      died += caller.statuses[i] == POOL_ERR_WORKER_DIED;
    }
    CHECK_EQ(well + died, 4);
    CHECK(atomic_load(count) >= well && atomic_load(count) <= 4);
  }
  pool_works(pool);
  CHECK_OK(pool_close_join(pool));
}

/* With it all workers go: nobody waits for them. */
CASE(the_zygote_is_killed) {
  pool_t *pool = process_pool(2);
  struct hold *hold = shared(pool, sizeof *hold);
  atomic_int *count = shared(pool, sizeof *count);
  pool_future_t *future = hold_worker(pool, hold);
  struct caller caller = {.pool = pool, .fn = use_pointer, .arg = count};
  begin(&caller);
  all_but_one_have_come(pool);
  CHECK_EQ(kill(parent_of(hold->pid, NULL), SIGKILL), 0);
  pthread_join(caller.thread, NULL);
  CHECK_OK(caller.status);
  for (int i = 0; i < 2; i++) {
    CHECK(caller.statuses[i] == POOL_ERR_BROKEN || caller.statuses[i] == POOL_ERR_WORKER_DIED);
  }
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}
