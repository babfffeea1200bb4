/* Pools inside workers and beside each other, and pools of processes in forked children of the host. */
#include "procs.h"

/* ---- Inside a task ---- */

struct inside {
  pool_t *pool;
  pool_future_t *future;
  void *memory;
  int64_t pad;
};

/* Nothing of the outer pool may be used, and nothing hangs. */
static int32_t use_the_outer_pool(const void *arg, void *result, pool_task_t *task) {
  const struct inside *inside = arg;
  pool_t *pool = inside->pool;
  int64_t args[2] = {1, 2}, results[2] = {-1, -1};
  pool_future_t *future = NULL;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = twice;
  call.arg_size = call.result_size = 8;
  (void)result;
  (void)task;
  CHECK_ERROR(pool_apply(pool, twice, args, 8, results, 8), POOL_ERR_UNSUPPORTED);
  CHECK_ERROR(pool_apply_async(pool, twice, args, 8, 8, must_not_be_called, NULL, &future), POOL_ERR_UNSUPPORTED);
  CHECK_ERROR(pool_map(pool, twice, args, 8, results, 8, 2), POOL_ERR_UNSUPPORTED);
  CHECK_ERROR(pool_map_async(pool, twice, args, 8, results, 8, 2, must_not_be_called, NULL, &future),
              POOL_ERR_UNSUPPORTED);
  CHECK_ERROR(pool_map_with(pool, &call, args, results, NULL, 2), POOL_ERR_UNSUPPORTED);
  CHECK(pool_shared_alloc(pool, 64) == NULL);
  CHECK(strlen(pool_last_error()) > 3);
  CHECK(pool_close(pool) < 0);
  CHECK(pool_join(pool, -1) < 0);
  CHECK(pool_join(pool, 1000) < 0);
  CHECK(pool_terminate(pool) < 0);
  CHECK(pool_close_join(pool) < 0);
  CHECK(pool_refresh(pool) < 0);
  CHECK(pool_poll(pool, -1) < 0);
  CHECK(pool_poll_fd(pool) < 0);
  CHECK_EQ(results[0], -1);
  if (inside->future != NULL) {
    CHECK(pool_future_wait(inside->future, -1) < 0);
    CHECK(pool_future_wait(inside->future, 1000) < 0);
    CHECK(pool_future_get(inside->future, NULL, 0, -1) < 0);
    CHECK(pool_future_cancel(inside->future) < 0);
    CHECK(pool_future_kill(inside->future) < 0);
    CHECK(pool_future_ready(inside->future) <= 0);
  }
  return 0;
}

CASE(a_task_may_use_nothing_of_its_pool) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct inside inside = {pool, NULL, shared(pool, 64), 0};
  for (int i = 0; i < 10; i++) {
    CHECK_OK(pool_apply(pool, use_the_outer_pool, &inside, sizeof inside, NULL, 0));
  }
  CHECK_OK(pool_map(pool, use_the_outer_pool, &inside, sizeof inside, NULL, 0, 1));
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}

/* A future that was pending when the workers were made. */
CASE(a_task_may_use_no_future_of_its_pool) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct hold *hold = shared(pool, sizeof *hold);
  struct inside inside = {pool, hold_worker(pool, hold), NULL, 0};
  CHECK_OK(pool_refresh(pool));
  CHECK_OK(pool_apply(pool, use_the_outer_pool, &inside, sizeof inside, NULL, 0));
  CHECK_EQ(pool_future_ready(inside.future), 0);
  atomic_store(&hold->go, 1);
  CHECK_FUTURE(inside.future, POOL_OK);
  CHECK_OK(pool_future_release(inside.future));
  close_and_leave_nothing(pool, &world);
}

struct given {
  pool_t *host_default;
};

static int32_t use_own_pools(const void *arg, void *result, pool_task_t *task) {
  pool_t *pools[] = {pool_default(), new_pool(2), process_pool(2)};
  (void)result;
  CHECK(pools[0] != NULL && pools[0] != ((const struct given *)arg)->host_default);
  for (size_t i = 0; i < COUNT_OF(pools); i++) {
    pool_works(pools[i]);
  }
  int32_t pid = pid_of_a_worker(pools[2]);
  CHECK(pid != (int32_t)getpid());
  CHECK_OK(pool_close_join(pools[1]));
  CHECK_OK(pool_close_join(pools[2]));
  CHECK(gone(pid));
  return task->worker < 2 ? 0 : 1;
}

/* The host's default pool has threads, which no worker inherits. */
CASE(a_task_may_use_pools_of_its_own) {
  struct world world = world_now();
  struct given args[4];
  for (int i = 0; i < 4; i++) {
    args[i].host_default = pool_default();
  }
  pool_works(args[0].host_default);
  world.threads = threads_now();
  pool_t *pool = process_pool(2);
  for (int i = 0; i < 6; i++) {
    CHECK_OK(pool_apply(pool, use_own_pools, args, sizeof args[0], NULL, 0));
  }
  CHECK_OK(pool_map(pool, use_own_pools, args, sizeof args[0], NULL, 0, 4));
  pool_works(args[0].host_default);
  for (int i = 0; i < 2000 && family(&world) > 3; i++) {
    sleep_ms(5);
  }
  CHECK_EQ(family(&world), 3);
  CHECK_OK(pool_close_join(pool));
  EVENTUALLY(family(&world) == 0);
}

static int32_t leave_a_pool(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = process_pool(2);
  (void)arg;
  (void)task;
  pool_works(pool);
  *(int32_t *)result = pid_of_a_worker(pool);
  return 0;
}

/* A pool that a task has made and not closed goes with its worker at the latest. */
CASE(pools_left_open_by_tasks_go_with_the_worker) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  int32_t pid = 0;
  for (int i = 0; i < 4; i++) {
    CHECK_OK(pool_apply(pool, leave_a_pool, NULL, 0, &pid, sizeof pid));
    CHECK(!gone(pid));
  }
  close_and_leave_nothing(pool, &world);
}

static int32_t kill_own_worker(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = process_pool(1);
  (void)arg;
  (void)task;
  *(int32_t *)result = pid_of_a_worker(pool);
  return kill(getpid(), SIGKILL);
}

CASE(pools_of_killed_tasks_go_too) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  int32_t pid = 0;
  for (int i = 0; i < 4; i++) {
    CHECK_ERROR(pool_apply(pool, kill_own_worker, NULL, 0, &pid, sizeof pid), POOL_ERR_WORKER_DIED);
  }
  EVENTUALLY(family(&world) == 3);
  close_and_leave_nothing(pool, &world);
}

/* ---- Side by side ---- */

CASE(several_pools_at_once) {
  struct world world = world_now();
  pool_t *pools[] = {process_pool(2), new_pool(2), process_pool(3), process_pool(1)};
  int32_t pids[4];
  for (int round = 0; round < 20; round++) {
    for (size_t i = 0; i < COUNT_OF(pools); i++) {
      pool_works(pools[i]);
      pids[i] = pid_of_a_worker(pools[i]);
      CHECK_EQ(pids[i] == (int32_t)getpid(), i == 1);
      for (size_t j = 0; j < i; j++) {
        CHECK(pids[i] != pids[j]);
      }
    }
  }
  /* Shared memory of one pool is none for another. */
  atomic_int *memory = shared(pools[0], 64);
  CHECK_OK(pool_apply(pools[0], increment, memory, 0, NULL, 0));
  CHECK_ERROR(pool_apply(pools[2], increment, memory, 0, NULL, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_shared_free(pools[2], memory), POOL_ERR_INVALID);
  CHECK_EQ(atomic_load(memory), 1);
  for (size_t i = 0; i < COUNT_OF(pools); i++) {
    CHECK_OK(pool_close_join(pools[i]));
    for (size_t j = i + 1; j < COUNT_OF(pools); j++) {
      pool_works(pools[j]);
    }
  }
  world_is_back(&world);
}

struct relay {
  pool_t *to;
  atomic_int done;
};

static void pass_on(const pool_result_t *outcome, void *user_data) {
  struct relay *relay = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  int64_t result = 0;
  CHECK_OK(pool_apply(relay->to, twice, outcome->data, 8, &result, 8));
  CHECK_EQ(result, *(const int64_t *)outcome->data * 2);
  atomic_fetch_add(&relay->done, 1);
}

CASE(a_callback_of_one_pool_waits_for_another) {
  pool_t *first = process_pool(2);
  struct relay relay = {process_pool(2), 0};
  for (int64_t i = 0; i < 200; i++) {
    CHECK_OK(pool_apply_async(first, twice, &i, 8, 8, pass_on, &relay, NULL));
  }
  CHECK_OK(pool_close_join(first));
  CHECK_EQ(relay.done, 200);
  CHECK_OK(pool_close_join(relay.to));
}

/* Closed in the order they were made: the second one's processes do not hold up the first one's end. */
CASE(pools_close_in_any_order) {
  struct world world = world_now();
  for (int order = 0; order < 2; order++) {
    pool_t *pools[] = {process_pool(2), process_pool(2), process_pool(2)};
    for (int i = 0; i < 3; i++) {
      pool_t *pool = pools[order == 0 ? i : 2 - i];
      pool_works(pool);
      CHECK_OK(pool_close_join(pool));
    }
    world_is_back(&world);
  }
}

/* ---- Forked children of the host ---- */

struct old {
  pool_t *pool;
  pool_future_t *pending, *ended;
  void *memory;
};

static void old_pool_is_dead(const struct old *old) {
  int64_t args[2] = {1, 2}, results[2] = {-1, -1};
  pool_t *pool = old->pool;
  pool_future_t *future = NULL;
  CHECK_ERROR(pool_apply(pool, twice, args, 8, results, 8), POOL_ERR_FORKED);
  CHECK_ERROR(pool_apply_async(pool, twice, args, 8, 8, must_not_be_called, NULL, &future), POOL_ERR_FORKED);
  CHECK_ERROR(pool_map(pool, twice, args, 8, results, 8, 2), POOL_ERR_FORKED);
  CHECK_ERROR(pool_map_async(pool, twice, args, 8, results, 8, 2, must_not_be_called, NULL, &future), POOL_ERR_FORKED);
  CHECK_ERROR(pool_refresh(pool), POOL_ERR_FORKED);
  CHECK_ERROR(pool_workers(pool), POOL_ERR_FORKED);
  CHECK_ERROR(pool_worker_pid(pool, 0), POOL_ERR_FORKED);
  CHECK(pool_shared_alloc(pool, 64) == NULL);
  CHECK_ERROR(pool_shared_free(pool, old->memory), POOL_ERR_FORKED);
  CHECK_ERROR(pool_close(pool), POOL_ERR_FORKED);
  CHECK_ERROR(pool_join(pool, -1), POOL_ERR_FORKED);
  CHECK_ERROR(pool_terminate(pool), POOL_ERR_FORKED);
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_FORKED);
  CHECK_ERROR(pool_future_wait(old->pending, -1), POOL_ERR_FORKED);
  CHECK_ERROR(pool_future_get(old->pending, NULL, 0, -1), POOL_ERR_FORKED);
  CHECK_ERROR(pool_future_cancel(old->pending), POOL_ERR_FORKED);
  CHECK_ERROR(pool_future_kill(old->pending), POOL_ERR_FORKED);
  CHECK_STR(pool_future_message(old->pending), "");
  CHECK_EQ(pool_future_ready(old->ended), 1);
  CHECK_OK(pool_future_get(old->ended, results, 8, -1));
  CHECK_EQ(results[0], 42);
}

CASE(in_a_forked_child_of_the_host) {
  struct world world = world_now();
  struct old old = {process_pool(2), NULL, NULL, NULL};
  struct hold *hold = shared(old.pool, sizeof *hold);
  int64_t arg = 21;
  old.memory = hold;
  CHECK_OK(pool_apply_async(old.pool, twice, &arg, 8, 8, NULL, NULL, &old.ended));
  CHECK_FUTURE(old.ended, POOL_OK);
  old.pending = hold_worker(old.pool, hold);
  for (int i = 0; i < 5; i++) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      alarm(check_timeout / 2);
      old_pool_is_dead(&old);
      pool_t *pools[] = {process_pool(2), new_pool(1)};
      for (int p = 0; p < 2; p++) {
        pool_works(pools[p]);
        CHECK_OK(pool_close_join(pools[p]));
      }
      pool_works(pool_default());
      old_pool_is_dead(&old);
      exit(0);
    }
    CHECK_EQ(check_wait(child), 0);
    pool_works(old.pool);
  }
  CHECK_EQ(pool_future_running(old.pending), 1);
  atomic_store(&hold->go, 1);
  CHECK_FUTURE(old.pending, POOL_OK);
  CHECK_OK(pool_future_release(old.pending));
  CHECK_OK(pool_future_release(old.ended));
  close_and_leave_nothing(old.pool, &world);
}

/* A child that lives on, with all descriptors it has inherited, holds up nothing. */
CASE(shutdown_while_a_forked_child_lives) {
  struct world world = world_now();
  for (int round = 0; round < 4; round++) {
    pool_t *pool = process_pool(2);
    pool_works(pool);
    pid_t child = fork();
    if (child == 0) {
      for (;;) {
        pause();
      }
    }
    pool_works(pool);
    int32_t pid = pid_of_a_worker(pool);
    if (round % 2 == 0) {
      CHECK_OK(pool_terminate(pool));
    }
    CHECK_OK(pool_close_join(pool));
    EVENTUALLY(gone(pid));
    CHECK(!gone(child));
    CHECK_EQ(family(&world), 1);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(check_wait(child), 1000 + SIGKILL);
    world_is_back(&world);
  }
}

static atomic_int enough;

static void *make_pools(void *nothing_more) {
  (void)nothing_more;
  while (!atomic_load(&enough)) {
    CHECK_OK(pool_close_join(process_pool(1)));
  }
  return NULL;
}

/* The child has no use for a lock that another thread held at the fork, be it the loader's. */
CASE(forks_while_other_threads_make_pools) {
  pthread_t threads[2];
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(make_pools, NULL);
  }
  for (size_t i = 0; i < scaled(400); i++) {
    pid_t child = fork();
    if (child == 0) {
      alarm(20);
      CHECK_OK(pool_close_join(process_pool(1)));
      _exit(0);
    }
    CHECK_EQ(check_wait(child), 0);
  }
  atomic_store(&enough, 1);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    pthread_join(threads[i], NULL);
  }
}
