/* Closing: close, join, close_join, twice, from inside, and what may still be submitted. Terminating is in terminate.c. */
#include "tasks.h"

CASE(close_is_idempotent) {
  pool_t *pool = new_pool(2);
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_close(pool));
    refuses_work(pool, POOL_ERR_CLOSED);
    CHECK_ERROR(pool_refresh(pool), POOL_ERR_CLOSED);
  }
  CHECK_OK(pool_join(pool, -1));
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, 0));
  CHECK_OK(pool_join(pool, -1));
  refuses_work(pool, POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
}

CASE(close_after_work) {
  pool_t *pool = new_pool(2);
  atomic_int count = 0;
  for (int i = 0; i < 1000; i++) {
    CHECK_OK(pool_apply_async(pool, increment, &count, 0, 0, NULL, NULL, NULL));
  }
  CHECK_OK(pool_close(pool));
  refuses_work(pool, POOL_ERR_CLOSED);
  CHECK_OK(pool_join(pool, -1));
  CHECK_EQ(atomic_load(&count), 1000);
  refuses_work(pool, POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
}

CASE(close_join_twice) {
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_INVALID);
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_INVALID);
}

CASE(close_join_of_no_pool) {
  CHECK_OK(pool_close_join(NULL));
}

CASE(close_join_of_an_unused_pool) {
  CHECK_OK(pool_close_join(new_pool(3)));
  pool_t *pool = new_pool(3);
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK_OK(pool_close_join(pool));
}

CASE(join_needs_close) {
  pool_t *pool = new_pool(2);
  CHECK_ERROR(pool_join(pool, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join(pool, 0), POOL_ERR_INVALID);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_ERROR(pool_join(pool, -1), POOL_ERR_INVALID);
  CHECK_OK(pool_close_join(pool));
}

CASE(join_runs_out_of_time) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  atomic_int count = 0;
  pool_future_t *future = block_worker(pool, &blocker);
  CHECK_OK(pool_apply_async(pool, increment, &count, 0, 0, NULL, NULL, NULL));
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_join(pool, 0), POOL_ERR_TIMEOUT);
  int64_t start = now_ms();
  CHECK_ERROR(pool_join(pool, 50), POOL_ERR_TIMEOUT);
  CHECK(now_ms() - start >= 49);
  CHECK_ERROR(pool_join(pool, -2), POOL_ERR_INVALID);
  CHECK_EQ(atomic_load(&count), 0);
  gate_open(&blocker.go);
  CHECK_OK(pool_join(pool, 60000));
  CHECK_EQ(atomic_load(&count), 1);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

CASE(join_waits_for_the_threads) {
  int before = threads_now();
  pool_t *pool = new_pool(3);
  atomic_int count = 0;
  for (int i = 0; i < 100; i++) {
    CHECK_OK(pool_apply_async(pool, increment, &count, 0, 0, NULL, NULL, NULL));
  }
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  threads_go_back_to(before);
  CHECK_OK(pool_close_join(pool));
}

static void *join_too(void *data) {
  CHECK_OK(pool_join(data, -1));
  return NULL;
}

CASE(several_threads_join) {
  pool_t *pool = new_pool(2);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *future = block_worker(pool, &blocker);
  pthread_t threads[4];
  CHECK_OK(pool_close(pool));
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(join_too, pool);
  }
  sleep_ms(10);
  CHECK_ERROR(pool_join(pool, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_join(pool, 20), POOL_ERR_TIMEOUT);
  gate_open(&blocker.go);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* Counts threads as they end, after all that the pool does on them. */
static pthread_key_t ending;
static atomic_int ended;

static void count_end(void *data) {
  (void)data;
  sleep_ms(5);
  atomic_fetch_add(&ended, 1);
}

static int32_t count_end_later(void *worker_data, uint32_t worker) {
  (void)worker;
  return pthread_setspecific(ending, worker_data);
}

struct joiner {
  pool_t *pool;
  int64_t timeout_ms;
};

static void *join_all(void *data) {
  const struct joiner *joiner = data;
  CHECK_OK(pool_join(joiner->pool, joiner->timeout_ms));
  CHECK_EQ(atomic_load(&ended), 3);
  return NULL;
}

CASE(nobody_joins_before_the_threads_have_ended) {
  CHECK_EQ(pthread_key_create(&ending, count_end), 0);
  for (size_t round = 0; round < scaled(20); round++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 3;
    options.initializer = count_end_later;
    options.worker_data = &options;
    pool_t *pool = new_pool_with(&options);
    struct blocker blocker = BLOCKER_INIT;
    pool_future_t *future = block_worker(pool, &blocker);
    struct joiner joiners[] = {{pool, -1}, {pool, 60000}, {pool, -1}, {pool, 60000}};
    pthread_t threads[COUNT_OF(joiners)];
    atomic_store(&ended, 0);
    CHECK_OK(pool_close(pool));
    for (size_t i = 0; i < COUNT_OF(joiners); i++) {
      threads[i] = check_thread(join_all, &joiners[i]);
    }
    gate_open(&blocker.go);
    for (size_t i = 0; i < COUNT_OF(joiners); i++) {
      pthread_join(threads[i], NULL);
    }
    CHECK_OK(pool_future_release(future));
    CHECK_OK(pool_close_join(pool));
  }
}

struct inside {
  pool_t *pool;
  struct blocker blocker;
  atomic_int count;
  struct tally tally;
};

static int32_t submit_after_close(const void *arg, void *result, pool_task_t *task) {
  struct inside *inside = (struct inside *)(uintptr_t)arg;
  int64_t args[3] = {1, 2, 3}, results[3];
  (void)result;
  block(&inside->blocker, NULL, task);
  CHECK_OK(pool_apply(inside->pool, twice, args, 8, results, 8));
  CHECK_EQ(results[0], 2);
  CHECK_OK(pool_apply_async(inside->pool, increment, &inside->count, 0, 0, count_call, &inside->tally, NULL));
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(inside->pool, twice, args, 8, 8, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, results, 8, -1));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_map(inside->pool, twice, args, 8, results, 8, 3));
  CHECK_EQ(results[2], 6);
  return 0;
}

CASE(a_running_task_may_still_submit) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    struct inside inside = {new_pool(workers), BLOCKER_INIT, 0, {0, 1}};
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(inside.pool, submit_after_close, &inside, 0, 0, NULL, NULL, &future));
    gate_wait(&inside.blocker.running);
    CHECK_OK(pool_close(inside.pool));
    refuses_work(inside.pool, POOL_ERR_CLOSED);
    gate_open(&inside.blocker.go);
    CHECK_OK(pool_close_join(inside.pool));
    CHECK_STATUS(pool_future_status(future), POOL_OK);
    CHECK_EQ(inside.count, 1);
    CHECK_EQ(inside.tally.calls, 1);
    CHECK_EQ(inside.tally.status, POOL_OK);
    CHECK_OK(pool_future_release(future));
  }
}

/* A tree of tasks, each submitting two more, is complete although close came right after the root. */
struct node {
  pool_t *pool;
  atomic_int *count;
  int depth;
};

static int32_t grow(const void *arg, void *result, pool_task_t *task) {
  const struct node *node = arg;
  (void)result;
  (void)task;
  atomic_fetch_add(node->count, 1);
  struct node child = {node->pool, node->count, node->depth - 1};
  for (int i = 0; i < 2 && node->depth > 0; i++) {
    CHECK_OK(pool_apply_async(node->pool, grow, &child, sizeof child, 0, NULL, NULL, NULL));
  }
  return 0;
}

CASE(recursion_goes_on_after_close) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    atomic_int count = 0;
    struct node root = {new_pool(workers), &count, 12};
    CHECK_OK(pool_apply_async(root.pool, grow, &root, sizeof root, 0, NULL, NULL, NULL));
    CHECK_OK(pool_close_join(root.pool));
    CHECK_EQ(atomic_load(&count), (1 << 13) - 1);
  }
}

/* From inside, waiting for one's own pool is refused at once. */
static void deadlocks(pool_t *pool) {
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_DEADLOCK);
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_join(pool, -1), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_join(pool, 0), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_join(pool, 1000), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_DEADLOCK);
}

static int32_t join_inside(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  deadlocks((pool_t *)(uintptr_t)arg);
  return 0;
}

static void join_in_callback(const pool_result_t *outcome, void *user_data) {
  CHECK_STATUS(outcome->status, POOL_OK);
  deadlocks(user_data);
}

CASE(join_from_a_task_is_a_deadlock) {
  pool_t *pool = new_pool(2);
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, join_inside, pool, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, NULL, 0, -1));
  CHECK_OK(pool_future_release(future));
  refuses_work(pool, POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
}

/* Run by the waiting thread itself it is a task all the same. */
CASE(join_from_a_task_run_by_the_waiter_is_a_deadlock) {
  pool_t *pool = new_pool(1);
  CHECK_OK(pool_apply(pool, join_inside, pool, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

CASE(join_from_an_item_of_a_map_is_a_deadlock) {
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_map(pool, join_inside, pool, 0, NULL, 0, 20));
  CHECK_OK(pool_close_join(pool));
}

CASE(join_from_a_callback_is_a_deadlock) {
  for (int32_t mode = POOL_CALLBACKS_SERIAL; mode <= POOL_CALLBACKS_INLINE; mode++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 2;
    options.callbacks = mode;
    pool_t *pool = new_pool_with(&options);
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, join_in_callback, pool, NULL));
    CHECK_OK(pool_close_join(pool));
  }
}

/* Of another pool a task may well wait, and make and free pools of its own. */
static int32_t own_pool(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_apply(pool, twice, arg, 8, result, 8));
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK_OK(pool_close_join(pool));
  return 0;
}

CASE(join_another_pool_from_a_task) {
  int64_t args[20], results[20];
  pool_t *pool = new_pool(2);
  for (int64_t i = 0; i < 20; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_map(pool, own_pool, args, 8, results, 8, 20));
  for (int64_t i = 0; i < 20; i++) {
    CHECK_EQ(results[i], i * 2);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(a_task_may_close_its_pool) {
  pool_t *pool = new_pool(1);
  struct inside inside = {pool, BLOCKER_INIT, 0, {0, 1}};
  pool_future_t *future = block_worker(pool, &inside.blocker);
  CHECK_OK(pool_apply_async(pool, join_inside, pool, 0, 0, count_call, &inside.tally, NULL));
  CHECK_OK(pool_apply_async(pool, increment, &inside.count, 0, 0, NULL, NULL, NULL));
  gate_open(&inside.blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(inside.count, 1);
  CHECK_EQ(inside.tally.calls, 1);
  CHECK_OK(pool_future_release(future));
}
