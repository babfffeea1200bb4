/* Pools of processes: maps that nobody waits for at once, cancelled ones, and several at a time. */
#include "procs.h"

enum { COUNT = 3000 };

struct seen {
  atomic_int calls;
  int32_t status, pid;
  size_t index, size;
  uint32_t worker;
  const void *data;
  char message[600];
};

static void look(const pool_result_t *outcome, void *user_data) {
  struct seen *seen = user_data;
  seen->status = outcome->status;
  seen->pid = outcome->pid;
  seen->index = outcome->index;
  seen->size = outcome->size;
  seen->worker = outcome->worker;
  seen->data = outcome->data;
  snprintf(seen->message, sizeof seen->message, "%s", outcome->message);
  atomic_fetch_add(&seen->calls, 1);
}

CASE(map_async) {
  static int64_t args[COUNT], results[COUNT];
  struct world world = world_now();
  for (int32_t mode = POOL_CALLBACKS_SERIAL; mode <= POOL_CALLBACKS_POLLED; mode++) {
    pool_options_t options = processes(2);
    options.callbacks = mode;
    pool_t *pool = new_pool_with(&options);
    struct seen seen = {.status = 55};
    pool_future_t *future = NULL;
    for (int64_t i = 0; i < COUNT; i++) {
      args[i] = i + mode;
      results[i] = -1;
    }
    CHECK_OK(pool_map_async(pool, twice, args, 8, results, 8, COUNT, look, &seen, &future));
    CHECK_FUTURE(future, POOL_OK);
    for (int64_t i = 0; i < COUNT; i++) {
      CHECK_EQ(results[i], (i + mode) * 2);
    }
    size_t size = 77;
    CHECK(pool_future_data(future, &size) == NULL);
    CHECK_EQ(size, 0);
    CHECK_OK(pool_future_get(future, NULL, 0, -1));
    CHECK_OK(pool_future_release(future));
    close_and_leave_nothing(pool, &world);
    CHECK_EQ(seen.calls, 1);
    CHECK_STATUS(seen.status, POOL_OK);
    CHECK_EQ(seen.worker, POOL_NO_WORKER);
    CHECK_EQ(seen.pid, 0);
    CHECK(seen.data == NULL);
    CHECK_EQ(seen.size, 0);
    CHECK_STR(seen.message, "");
  }
}

static int32_t fail_late(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  return task->index == *(const size_t *)arg ? pool_task_fail(task, 77, "the late one is bad") : 0;
}

CASE(callback_of_a_failed_map) {
  pool_t *pool = process_pool(2);
  size_t *bad = shared(pool, sizeof *bad);
  struct seen seen = {.status = 55};
  pool_future_t *future = NULL;
  *bad = 321;
  CHECK_OK(pool_map_async(pool, fail_late, bad, 0, NULL, 0, 1000, look, &seen, &future));
  CHECK_FUTURE(future, 77);
  CHECK_STATUS(pool_future_get(future, NULL, 0, -1), 77);
  CHECK_EQ(pool_future_successful(future), 0);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(seen.calls, 1);
  CHECK_STATUS(seen.status, 77);
  CHECK_EQ(seen.index, 321);
  CHECK_EQ(seen.pid, 0);
  CHECK_HAS(seen.message, "321");
  CHECK_HAS(seen.message, "the late one is bad");
  CHECK_STR(pool_future_message(future), seen.message);
  CHECK_OK(pool_future_release(future));
}

/* Items run until they are asked to stop; after that none may start. */
CASE(cancel_a_map) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct hold *hold = shared(pool, sizeof *hold);
  struct seen seen = {.status = 55};
  pool_future_t *future = NULL;
  CHECK_OK(pool_map_async(pool, hold_on, hold, 0, NULL, 0, 1000, look, &seen, &future));
  EVENTUALLY(atomic_load(&hold->running) == 2);
  CHECK_EQ(pool_future_cancel(future), 1);
  EVENTUALLY(atomic_load(&hold->asked) == 1);
  atomic_store(&hold->go, 1);
  CHECK_FUTURE(future, POOL_ERR_CANCELLED);
  CHECK_EQ(atomic_load(&hold->running), 2);
  CHECK_EQ(pool_future_cancel(future), 0);
  CHECK_OK(pool_future_release(future));
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
  CHECK_EQ(seen.calls, 1);
  CHECK_STATUS(seen.status, POOL_ERR_CANCELLED);
}

CASE(cancel_a_map_that_has_not_started) {
  pool_t *pool = process_pool(1);
  struct hold *hold = shared(pool, sizeof *hold);
  atomic_int *ran = shared(pool, sizeof *ran);
  pool_future_t *running = hold_worker(pool, hold), *future = NULL;
  CHECK_OK(pool_map_async(pool, increment, ran, 0, NULL, 0, 1000, NULL, NULL, &future));
  CHECK_EQ(pool_future_cancel(future), 1);
  CHECK_FUTURE(future, POOL_ERR_CANCELLED);
  atomic_store(&hold->go, 1);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_EQ(atomic_load(ran), 0);
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

struct rendezvous {
  atomic_int running, asked;
};

/* The first item fails once another runs; that one is told. */
static int32_t fail_under_another(const void *arg, void *result, pool_task_t *task) {
  struct rendezvous *meeting = (struct rendezvous *)(uintptr_t)arg;
  (void)result;
  if (task->index == 0) {
    EVENTUALLY(atomic_load(&meeting->running) == 1);
    return 88;
  }
  atomic_store(&meeting->running, 1);
  EVENTUALLY(pool_task_cancelled(task) == 1);
  atomic_fetch_add(&meeting->asked, 1);
  return 0;
}

CASE(items_see_that_another_has_failed) {
  pool_t *pool = process_pool(2);
  struct rendezvous *meeting = shared(pool, sizeof *meeting);
  CHECK_STATUS(pool_map(pool, fail_under_another, meeting, 0, NULL, 0, 2), 88);
  CHECK_EQ(atomic_load(&meeting->asked), 1);
  CHECK_OK(pool_close_join(pool));
}

static int32_t own_index(const void *arg, void *result, pool_task_t *task) {
  *(int64_t *)result = *(const int64_t *)arg + (int64_t)task->index;
  return 0;
}

static void *map_many(void *data) {
  int64_t args[200], results[200];
  for (int64_t round = 0; round < 30; round++) {
    for (int64_t i = 0; i < 200; i++) {
      args[i] = round * 1000 + i;
      results[i] = -1;
    }
    CHECK_OK(pool_map(data, own_index, args, 8, results, 8, 200));
    for (int64_t i = 0; i < 200; i++) {
      CHECK_EQ(results[i], round * 1000 + i * 2);
    }
  }
  return NULL;
}

CASE(maps_from_several_threads) {
  struct world world = world_now();
  pool_t *pool = process_pool(3);
  check_threads(6, map_many, pool);
  close_and_leave_nothing(pool, &world);
}

CASE(many_maps_wait_in_the_queue) {
  enum { MAPS = 200, ITEMS = 20 };
  static int64_t args[ITEMS], results[MAPS][ITEMS];
  pool_future_t *futures[MAPS];
  pool_t *pool = process_pool(2);
  for (int64_t i = 0; i < ITEMS; i++) {
    args[i] = i;
  }
  for (int m = 0; m < MAPS; m++) {
    CHECK_OK(pool_map_async(pool, twice, args, 8, results[m], 8, ITEMS, NULL, NULL, &futures[m]));
  }
  CHECK_OK(pool_close_join(pool));
  for (int m = 0; m < MAPS; m++) {
    CHECK_FUTURE(futures[m], POOL_OK);
    for (int64_t i = 0; i < ITEMS; i++) {
      CHECK_EQ(results[m][i], i * 2);
    }
    CHECK_OK(pool_future_release(futures[m]));
  }
}

/* A short map does not wait for a long one's end when there are workers for both. */
CASE(maps_and_tasks_go_on_beside_a_long_item) {
  pool_t *pool = process_pool(2);
  struct hold *hold = shared(pool, sizeof *hold);
  pool_future_t *future = NULL;
  CHECK_OK(pool_map_async(pool, hold_on, hold, 0, NULL, 0, 1, NULL, NULL, &future));
  EVENTUALLY(atomic_load(&hold->running) == 1);
  for (int i = 0; i < 20; i++) {
    pool_works(pool);
  }
  CHECK_EQ(pool_future_ready(future), 0);
  atomic_store(&hold->go, 1);
  CHECK_FUTURE(future, POOL_OK);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

struct mapper {
  pool_t *pool;
  struct hold *hold;
  int32_t statuses[500], status;
};

static void *map_with_statuses(void *data) {
  struct mapper *mapper = data;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = hold_on;
  mapper->status = pool_map_with(mapper->pool, &call, mapper->hold, NULL, mapper->statuses, 500);
  return NULL;
}

/* Those that ran and those that never did. */
CASE(terminate_a_map_with_statuses) {
  static struct mapper mapper;
  struct world world = world_now();
  mapper.pool = process_pool(2);
  mapper.hold = shared(mapper.pool, sizeof *mapper.hold);
  pthread_t thread = check_thread(map_with_statuses, &mapper);
  EVENTUALLY(atomic_load(&mapper.hold->running) == 2);
  CHECK_OK(pool_terminate(mapper.pool));
  pthread_join(thread, NULL);
  CHECK_STATUS(mapper.status, POOL_ERR_TERMINATED);
  for (size_t i = 0; i < COUNT_OF(mapper.statuses); i++) {
    CHECK_STATUS(mapper.statuses[i], POOL_ERR_TERMINATED);
  }
  CHECK_EQ(atomic_load(&mapper.hold->running), 2);
  close_and_leave_nothing(mapper.pool, &world);
}
