/* Blocking sections with all else that a pool does: calls from within, callbacks, cancel, terminate, close. */
#include "blocking.h"

/* Uses its own pool in a section, in every way that waits. */
static int32_t use_the_pool(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = (pool_t *)(uintptr_t)arg;
  int64_t args[40], results[40];
  (void)result;
  for (int64_t i = 0; i < 40; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_blocking_begin(task));
  CHECK_OK(pool_apply(pool, twice, &args[21], 8, results, 8));
  CHECK_EQ(results[0], 42);
  CHECK_OK(pool_map(pool, twice, args, 8, results, 8, 40));
  CHECK_EQ(results[39], 78);
  for (int timed = 0; timed < 2; timed++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, twice, &args[4], 8, 8, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, results, 8, timed ? 60000 : -1));
    CHECK_EQ(results[0], 8);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_ERROR(pool_join(pool, -1), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_DEADLOCK);
  CHECK_OK(pool_blocking_end(task));
  CHECK_OK(pool_apply(pool, twice, &args[5], 8, results, 8));
  CHECK_EQ(results[0], 10);
  return 0;
}

CASE(a_task_in_a_section_may_use_its_pool) {
  for (uint32_t workers = 1; workers < 4; workers++) {
    pool_t *pool = new_pool(workers);
    submit(pool, (int)scaled(100), use_the_pool, pool);
    CHECK_OK(pool_apply(pool, use_the_pool, pool, 0, NULL, 0));
    CHECK_OK(pool_close_join(pool));
  }
}

static int32_t next_door(const void *arg, void *result, pool_task_t *task) {
  struct nested *pools = (struct nested *)(uintptr_t)arg;
  (void)result;
  CHECK_OK(pool_blocking_begin(task));
  for (int i = 0; i < 2; i++) {
    run_one(pools[i].pool, open_gate, &pools[i].other);
    gate_wait(&pools[i].other);
  }
  CHECK_OK(pool_blocking_end(task));
  return 0;
}

static int32_t go_next_door(const void *arg, void *result, pool_task_t *task) {
  struct nested *pools = (struct nested *)(uintptr_t)arg;
  (void)result;
  (void)task;
  return pool_apply(pools[1].pool, next_door, pools, 0, NULL, 0);
}

/* A worker of one pool that runs a task of another gives up both places. */
CASE(in_two_pools_at_once) {
  for (int i = 0; i < 20; i++) {
    struct nested pools[] = {{pool_with_most(1, 1), GATE_INIT}, {pool_with_most(1, 1), GATE_INIT}};
    run_one(pools[0].pool, go_next_door, pools);
    CHECK_OK(pool_close_join(pools[0].pool));
    CHECK_OK(pool_close_join(pools[1].pool));
  }
}

static void wait_for_another(const pool_result_t *outcome, void *user_data) {
  struct nested *nested = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_ERROR(pool_blocking_end(NULL), POOL_ERR_INVALID);
  CHECK_OK(pool_blocking_begin(NULL));
  submit(nested->pool, 1, open_gate, &nested->other);
  gate_wait(&nested->other);
}

static void callbacks_block(int32_t mode) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 1;
  options.callbacks = mode;
  options.max_blocked = 1;
  struct nested nested = {new_pool_with(&options), GATE_INIT};
  for (int i = 0; i < 20; i++) {
    CHECK_OK(pool_apply_async(nested.pool, nothing, NULL, 0, 0, wait_for_another, &nested, NULL));
  }
  CHECK_OK(pool_close_join(nested.pool));
}

CASE(serial_callbacks_block) {
  callbacks_block(POOL_CALLBACKS_SERIAL);
}

CASE(inline_callbacks_block_one_at_a_time) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 1;
  options.callbacks = POOL_CALLBACKS_INLINE;
  options.max_blocked = 1;
  struct nested nested = {new_pool_with(&options), GATE_INIT};
  for (int i = 0; i < 20; i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(nested.pool, nothing, NULL, 0, 0, wait_for_another, &nested, &future));
    gate_wait(&nested.other);
    run_one(nested.pool, nothing, NULL);
    CHECK_OK(pool_future_release(future));
    EVENTUALLY(threads_now() <= 2);
  }
  CHECK_OK(pool_close_join(nested.pool));
}

CASE(polled_callbacks_have_no_place_to_give_up) {
  callbacks_block(POOL_CALLBACKS_POLLED);
}

struct stopped {
  pool_t *pool;
  struct gate running;
  atomic_int ran;
};

static int32_t block_until_asked_to_stop(const void *arg, void *result, pool_task_t *task) {
  struct stopped *stopped = (struct stopped *)(uintptr_t)arg;
  (void)result;
  CHECK_OK(pool_blocking_begin(task));
  gate_open(&stopped->running);
  EVENTUALLY(pool_task_cancelled(task) == 1);
  CHECK_OK(pool_blocking_end(task));
  return pool_task_fail(task, 3, "asked to stop");
}

CASE(cancelled_in_a_section) {
  struct stopped stopped = {new_pool(1), GATE_INIT, 0};
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(stopped.pool, block_until_asked_to_stop, &stopped, 0, 0, NULL, NULL, &future));
  gate_wait(&stopped.running);
  run_one(stopped.pool, increment, &stopped.ran);
  CHECK_EQ(pool_future_cancel(future), 0);
  CHECK_OK(pool_future_wait(future, 60000));
  CHECK_EQ(pool_future_status(future), 3);
  CHECK_OK(pool_future_release(future));
  run_one(stopped.pool, increment, &stopped.ran);
  CHECK_OK(pool_close_join(stopped.pool));
  CHECK_EQ(stopped.ran, 2);
}

CASE(terminated_in_a_section) {
  struct stopped stopped = {new_pool(1), GATE_INIT, 0};
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(stopped.pool, block_until_asked_to_stop, &stopped, 0, 0, NULL, NULL, &future));
  gate_wait(&stopped.running);
  submit(stopped.pool, (int)scaled(1000), increment, &stopped.ran);
  CHECK_OK(pool_terminate(stopped.pool));
  CHECK_OK(pool_join(stopped.pool, -1));
  CHECK_OK(pool_close_join(stopped.pool));
  CHECK_EQ(pool_future_status(future), 3);
  CHECK_OK(pool_future_release(future));
}

static int32_t submit_after_close(const void *arg, void *result, pool_task_t *task) {
  struct nested *nested = (struct nested *)(uintptr_t)arg;
  (void)result;
  CHECK_OK(pool_blocking_begin(task));
  CHECK_OK(pool_close(nested->pool));
  submit(nested->pool, 1, open_gate, &nested->other);
  gate_wait(&nested->other);
  return 0;
}

CASE(closed_in_a_section) {
  for (int i = 0; i < 50; i++) {
    struct nested nested = {new_pool(1), GATE_INIT};
    submit(nested.pool, 1, submit_after_close, &nested);
    gate_wait(&nested.other);
    CHECK_OK(pool_close_join(nested.pool));
  }
}
