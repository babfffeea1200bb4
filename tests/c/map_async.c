/* Maps that nobody waits for in the call: futures, one callback, cancelling, terminating. */
#include "tasks.h"

enum { COUNT = 1000 };

static void one_outcome(const pool_result_t *outcome, void *user_data) {
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_STR(outcome->message, "");
  CHECK(outcome->data == NULL);
  CHECK_EQ(outcome->size, 0);
  CHECK_EQ(outcome->index, 0);
  CHECK_EQ(outcome->worker, POOL_NO_WORKER);
  atomic_fetch_add((atomic_int *)user_data, 1);
}

CASE(one_callback_for_the_whole) {
  static int64_t args[COUNT], results[COUNT];
  pool_t *pool = new_pool(2);
  atomic_int calls = 0;
  pool_future_t *future = NULL;
  for (int64_t i = 0; i < COUNT; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_map_async(pool, twice, args, 8, results, 8, COUNT, one_outcome, &calls, &future));
  CHECK_OK(pool_future_wait(future, -1));
  for (int64_t i = 0; i < COUNT; i++) {
    CHECK_EQ(results[i], i * 2);
  }
  CHECK_EQ(pool_future_ready(future), 1);
  CHECK_EQ(pool_future_running(future), 0);
  CHECK_EQ(pool_future_successful(future), 1);
  CHECK_STATUS(pool_future_status(future), POOL_OK);
  CHECK_STATUS(pool_future_get(future, NULL, 0, 0), POOL_OK);
  size_t size = 99;
  CHECK(pool_future_data(future, &size) == NULL);
  CHECK_EQ(size, 0);
  CHECK_STR(pool_future_message(future), "");
  CHECK_EQ(pool_future_cancel(future), 0);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(calls, 1);
  CHECK_OK(pool_future_release(future));
}

CASE(neither_future_nor_callback) {
  static int64_t args[COUNT], results[COUNT];
  pool_t *pool = new_pool(2);
  for (int64_t i = 0; i < COUNT; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_map_async(pool, twice, args, 8, results, 8, COUNT, NULL, NULL, NULL));
  CHECK_OK(pool_close_join(pool));
  for (int64_t i = 0; i < COUNT; i++) {
    CHECK_EQ(results[i], i * 2);
  }
}

CASE(many_at_once) {
  enum { MAPS = 100, ITEMS = 200 };
  static int64_t args[ITEMS], results[MAPS][ITEMS];
  pool_t *pool = new_pool(3);
  atomic_int calls = 0;
  for (int64_t i = 0; i < ITEMS; i++) {
    args[i] = i;
  }
  for (int m = 0; m < MAPS; m++) {
    CHECK_OK(pool_map_async(pool, twice, args, 8, results[m], 8, ITEMS, one_outcome, &calls, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(calls, MAPS);
  for (int m = 0; m < MAPS; m++) {
    for (int64_t i = 0; i < ITEMS; i++) {
      CHECK_EQ(results[m][i], i * 2);
    }
  }
}

struct slow {
  atomic_int ran;
  struct gate running;
};

/* Every item takes its time, and does not look whether the map was asked to stop. */
static int32_t slow_item(const void *arg, void *result, pool_task_t *task) {
  struct slow *slow = (struct slow *)(uintptr_t)arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&slow->ran, 1);
  gate_open(&slow->running);
  sleep_ms(1);
  return 0;
}

/* So many items would take a day: cancelled, the map ends soon and starts no more. */
CASE(cancel_a_running_map) {
  pool_t *pool = new_pool(2);
  struct slow slow = {0, GATE_INIT};
  struct tally tally = {0, 1};
  pool_future_t *future = NULL;
  CHECK_OK(pool_map_async(pool, slow_item, &slow, 0, NULL, 0, 100000000, count_call, &tally, &future));
  gate_wait(&slow.running);
  CHECK_EQ(pool_future_ready(future), 0);
  CHECK_EQ(pool_future_running(future), 1);
  CHECK_EQ(pool_future_cancel(future), 1);
  CHECK_OK(pool_future_wait(future, -1));
  int ran = atomic_load(&slow.ran);
  CHECK_STATUS(pool_future_status(future), POOL_ERR_CANCELLED);
  CHECK(strlen(pool_future_message(future)) > 3);
  CHECK_EQ(pool_future_cancel(future), 0);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&slow.ran), ran);
  CHECK_EQ(tally.calls, 1);
  CHECK_EQ(tally.status, POOL_ERR_CANCELLED);
  CHECK_OK(pool_future_release(future));
}

enum { CHEAP = 100000 };

static int32_t cheap_then_slow(const void *arg, void *result, pool_task_t *task) {
  struct slow *slow = (struct slow *)(uintptr_t)arg;
  (void)result;
  if (task->index >= CHEAP) {
    atomic_fetch_add(&slow->ran, 1);
    gate_open(&slow->running);
    sleep_ms(10);
  }
  return 0;
}

/* However many items somebody has taken together, the next one doesn't start after a cancel. */
CASE(cancel_items_that_were_taken_together) {
  pool_t *pool = new_pool(2);
  struct slow slow = {0, GATE_INIT};
  pool_future_t *future = NULL;
  CHECK_OK(pool_map_async(pool, cheap_then_slow, &slow, 0, NULL, 0, 2 * CHEAP, NULL, NULL, &future));
  gate_wait(&slow.running);
  CHECK_EQ(pool_future_cancel(future), 1);
  int ran = atomic_load(&slow.ran);
  CHECK_STATUS(pool_future_get(future, NULL, 0, -1), POOL_ERR_CANCELLED);
  CHECK(atomic_load(&slow.ran) <= ran + 2);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

static int32_t item_of_endless(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  return 0;
}

CASE(cancel_an_endless_map) {
  pool_t *pool = new_pool(2);
  struct tally tally = {0, 1};
  pool_future_t *future = NULL;
  CHECK_OK(pool_map_async(pool, item_of_endless, NULL, 0, NULL, 0, (size_t)1 << 44, count_call, &tally, &future));
  EVENTUALLY(pool_future_running(future) == 1);
  CHECK_EQ(pool_future_cancel(future), 1);
  CHECK_STATUS(pool_future_get(future, NULL, 0, -1), POOL_ERR_CANCELLED);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
  CHECK_OK(pool_future_release(future));
}

static int32_t must_not_run(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  FAIL("item %zu of a cancelled map was run", task->index);
  return 0;
}

CASE(cancel_a_queued_map) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  struct tally tally = {0, 1};
  pool_future_t *running = block_worker(pool, &blocker), *future = NULL;
  CHECK_OK(pool_map_async(pool, must_not_run, NULL, 0, NULL, 0, COUNT, count_call, &tally, &future));
  CHECK_EQ(pool_future_running(future), 0);
  CHECK_EQ(pool_future_cancel(future), 1);
  CHECK_OK(pool_future_wait(future, 60000));
  CHECK_STATUS(pool_future_status(future), POOL_ERR_CANCELLED);
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
  CHECK_EQ(tally.status, POOL_ERR_CANCELLED);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_future_release(running));
}

static int32_t until_asked(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  gate_open((struct gate *)(uintptr_t)arg);
  EVENTUALLY(pool_task_cancelled(task) == 1);
  return 0;
}

CASE(items_see_that_their_map_is_cancelled) {
  pool_t *pool = new_pool(2);
  struct gate running = GATE_INIT;
  pool_future_t *future = NULL;
  CHECK_OK(pool_map_async(pool, until_asked, &running, 0, NULL, 0, COUNT, NULL, NULL, &future));
  gate_wait(&running);
  CHECK_EQ(pool_future_cancel(future), 1);
  CHECK_STATUS(pool_future_get(future, NULL, 0, -1), POOL_ERR_CANCELLED);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

CASE(terminate_a_running_map) {
  pool_t *pool = new_pool(2);
  struct slow slow = {0, GATE_INIT};
  struct tally tally = {0, 1};
  pool_future_t *future = NULL;
  CHECK_OK(pool_map_async(pool, slow_item, &slow, 0, NULL, 0, 100000000, count_call, &tally, &future));
  gate_wait(&slow.running);
  CHECK_OK(pool_terminate(pool));
  CHECK_STATUS(pool_future_get(future, NULL, 0, -1), POOL_ERR_TERMINATED);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
  CHECK_EQ(tally.status, POOL_ERR_TERMINATED);
  CHECK_OK(pool_future_release(future));
}

struct terminator {
  pool_t *pool;
  struct slow slow;
};

static void *terminate_when_running(void *data) {
  struct terminator *terminator = data;
  gate_wait(&terminator->slow.running);
  CHECK_OK(pool_terminate(terminator->pool));
  return NULL;
}

CASE(terminate_under_a_blocking_map) {
  struct terminator terminator = {new_pool(2), {0, GATE_INIT}};
  pthread_t thread = check_thread(terminate_when_running, &terminator);
  CHECK_ERROR(pool_map(terminator.pool, slow_item, &terminator.slow, 0, NULL, 0, 100000000), POOL_ERR_TERMINATED);
  pthread_join(thread, NULL);
  CHECK_OK(pool_close_join(terminator.pool));
}

CASE(release_before_the_end) {
  static int64_t args[COUNT], results[COUNT];
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  atomic_int calls = 0;
  pool_future_t *running = block_worker(pool, &blocker), *future = NULL;
  for (int64_t i = 0; i < COUNT; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_map_async(pool, twice, args, 8, results, 8, COUNT, one_outcome, &calls, &future));
  CHECK_OK(pool_future_release(future));
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(calls, 1);
  CHECK_EQ(results[COUNT - 1], (COUNT - 1) * 2);
  CHECK_OK(pool_future_release(running));
}

static int32_t no_outsiders(void *worker_data, uint32_t worker) {
  (void)worker_data;
  (void)worker;
  return 0;
}

static int32_t on_a_worker(const void *arg, void *result, pool_task_t *task) {
  CHECK(task->worker < 3);
  return twice(arg, result, task);
}

CASE(maps_in_an_initialized_pool) {
  static int64_t args[COUNT], results[COUNT];
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 3;
  options.initializer = no_outsiders;
  pool_t *pool = new_pool_with(&options);
  for (int64_t i = 0; i < COUNT; i++) {
    args[i] = i;
  }
  for (int round = 0; round < 30; round++) {
    memset(results, 0, sizeof results);
    CHECK_OK(pool_map(pool, on_a_worker, args, 8, results, 8, COUNT));
    CHECK_EQ(results[COUNT - 1], (COUNT - 1) * 2);
  }
  CHECK_OK(pool_close_join(pool));
}
