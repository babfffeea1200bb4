/* Callbacks run inline: on the worker as it finishes, several at once. */
#include "tasks.h"

static pool_t *inline_pool(uint32_t workers) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = workers;
  options.callbacks = POOL_CALLBACKS_INLINE;
  return new_pool_with(&options);
}

static void meet(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  pthread_barrier_wait(user_data);
}

/* Each callback waits for the others, which would hang if they came one after another. */
CASE(several_at_once) {
  enum { WORKERS = 4 };
  pool_t *pool = inline_pool(WORKERS);
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, WORKERS);
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < WORKERS; i++) {
      CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, meet, &barrier, NULL));
    }
  }
  CHECK_OK(pool_close_join(pool));
  pthread_barrier_destroy(&barrier);
}

static int32_t my_thread(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  *(pthread_t *)result = pthread_self();
  return 0;
}

static void same_thread(const pool_result_t *outcome, void *user_data) {
  CHECK(pthread_equal(pthread_self(), *(const pthread_t *)outcome->data));
  atomic_fetch_add((atomic_int *)user_data, 1);
}

CASE(on_the_thread_that_ran_the_task) {
  pool_t *pool = inline_pool(3);
  atomic_int calls = 0;
  for (int i = 0; i < 2000; i++) {
    CHECK_OK(pool_apply_async(pool, my_thread, NULL, 0, sizeof(pthread_t), same_thread, &calls, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(calls, 2000);
}

struct own {
  pool_future_t *future;
  atomic_int calls;
};

static void is_ready(const pool_result_t *outcome, void *user_data) {
  struct own *own = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_EQ(pool_future_ready(own->future), 1);
  atomic_fetch_add(&own->calls, 1);
}

CASE(the_future_is_ready) {
  enum { COUNT = 1000 };
  static struct own owns[COUNT];
  pool_t *pool = inline_pool(2);
  for (int i = 0; i < COUNT; i++) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, is_ready, &owns[i], &owns[i].future));
  }
  CHECK_OK(pool_close_join(pool));
  for (int i = 0; i < COUNT; i++) {
    CHECK_EQ(owns[i].calls, 1);
    CHECK_OK(pool_future_release(owns[i].future));
  }
}

CASE(once_for_each_cancelled_and_terminated_task) {
  enum { COUNT = 500 };
  pool_t *pool = inline_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *running = block_worker(pool, &blocker), *futures[COUNT];
  struct tally cancelled = {0, 1}, terminated = {0, 1};
  for (int i = 0; i < COUNT; i++) {
    struct tally *tally = i % 2 ? &cancelled : &terminated;
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, count_call, tally, &futures[i]));
  }
  for (int i = 1; i < COUNT; i += 2) {
    CHECK_EQ(pool_future_cancel(futures[i]), 1);
  }
  CHECK_OK(pool_terminate(pool));
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(cancelled.calls, COUNT / 2);
  CHECK_EQ(cancelled.status, POOL_ERR_CANCELLED);
  CHECK_EQ(terminated.calls, COUNT / 2);
  CHECK_EQ(terminated.status, POOL_ERR_TERMINATED);
  for (int i = 0; i < COUNT; i++) {
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_future_release(running));
}

static void finish_late(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  sleep_ms(50);
  atomic_fetch_add((atomic_int *)user_data, 1);
}

CASE(close_join_waits_for_them) {
  pool_t *pool = inline_pool(2);
  atomic_int calls = 0;
  for (int i = 0; i < 4; i++) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, finish_late, &calls, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(calls, 4);
}

struct chain {
  pool_t *pool;
  atomic_int left, calls;
};

static void submit_next(const pool_result_t *outcome, void *user_data) {
  struct chain *chain = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  atomic_fetch_add(&chain->calls, 1);
  if (atomic_fetch_sub(&chain->left, 1) > 0) {
    CHECK_OK(pool_apply_async(chain->pool, nothing, NULL, 0, 0, submit_next, chain, NULL));
  }
}

/* A long chain must not nest one callback in the other. */
CASE(submit_from_a_callback) {
  pool_t *pool = inline_pool(1);
  int length = (int)scaled(50000);
  struct chain chain = {pool, length, 0};
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, submit_next, &chain, NULL));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(chain.calls, length + 1);
}

CASE(polling_is_not_for_this_mode) {
  pool_t *pool = inline_pool(1);
  CHECK_ERROR(pool_poll(pool, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_poll(pool, -1), POOL_ERR_INVALID);
  CHECK(pool_poll_fd(pool) < 0);
  CHECK_OK(pool_close_join(pool));
}
