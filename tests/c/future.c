/* Futures: waiting, reading, time-outs, release, and who may help. Cancelling is in cancel.c. */
#include "tasks.h"

CASE(life_of_a_future) {
  pool_t *pool = new_pool(1);
  struct blocker first = BLOCKER_INIT, second = BLOCKER_INIT;
  pool_future_t *before = block_worker(pool, &first), *future = NULL;
  CHECK_OK(pool_apply_async(pool, block, &second, 0, 8, NULL, NULL, &future));
  CHECK_EQ(pool_future_ready(future), 0);
  CHECK_EQ(pool_future_running(future), 0);
  CHECK_EQ(pool_future_successful(future), 0);
  CHECK_STATUS(pool_future_status(future), POOL_ERR_TIMEOUT);
  CHECK_STR(pool_future_message(future), "");
  CHECK(pool_future_data(future, NULL) == NULL);
  gate_open(&first.go);
  gate_wait(&second.running);
  CHECK_EQ(pool_future_ready(future), 0);
  CHECK_EQ(pool_future_running(future), 1);
  CHECK_EQ(pool_future_successful(future), 0);
  CHECK_STATUS(pool_future_status(future), POOL_ERR_TIMEOUT);
  CHECK(pool_future_data(future, NULL) == NULL);
  gate_open(&second.go);
  CHECK_OK(pool_future_wait(future, -1));
  CHECK_EQ(pool_future_ready(future), 1);
  CHECK_EQ(pool_future_running(future), 0);
  CHECK_EQ(pool_future_successful(future), 1);
  CHECK_STATUS(pool_future_status(future), POOL_OK);
  CHECK_STR(pool_future_message(future), "");
  size_t size = 0;
  CHECK(pool_future_data(future, &size) != NULL);
  CHECK_EQ(size, 8);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_future_release(before));
  CHECK_OK(pool_close_join(pool));
}

CASE(a_wait_runs_out_of_time) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *future = block_worker(pool, &blocker);
  int64_t result = 5;
  CHECK_ERROR(pool_future_wait(future, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_future_get(future, &result, sizeof result, 0), POOL_ERR_TIMEOUT);
  int64_t start = now_ms();
  CHECK_ERROR(pool_future_wait(future, 50), POOL_ERR_TIMEOUT);
  CHECK(now_ms() - start >= 49);
  start = now_ms();
  CHECK_ERROR(pool_future_get(future, &result, sizeof result, 50), POOL_ERR_TIMEOUT);
  CHECK(now_ms() - start >= 49);
  CHECK_EQ(result, 5);
  gate_open(&blocker.go);
  CHECK_OK(pool_future_wait(future, 60000));
  CHECK_OK(pool_future_wait(future, 0));
  CHECK_OK(pool_future_get(future, &result, sizeof result, 0));
  CHECK_EQ(result, 5);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* A time-out so long that adding it to the clock would overflow is as good as for ever. */
CASE(the_longest_time_outs) {
  static const int64_t longest[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 1000000, (int64_t)1 << 32};
  pool_t *pool = new_pool(1);
  for (size_t i = 0; i < COUNT_OF(longest); i++) {
    struct blocker blocker = BLOCKER_INIT;
    pool_future_t *future = block_worker(pool, &blocker), *next = NULL;
    int64_t arg = 4, result = 0;
    CHECK_OK(pool_apply_async(pool, twice, &arg, sizeof arg, sizeof result, NULL, NULL, &next));
    gate_open(&blocker.go);
    CHECK_OK(pool_future_get(next, &result, sizeof result, longest[i]));
    CHECK_EQ(result, 8);
    CHECK_OK(pool_future_wait(future, longest[i]));
    CHECK_OK(pool_future_release(future));
    CHECK_OK(pool_future_release(next));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(other_negative_time_outs_are_invalid) {
  pool_t *pool = new_pool(1);
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, -1));
  CHECK_ERROR(pool_future_wait(future, -2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_wait(future, INT64_MIN), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_get(future, NULL, 0, -2), POOL_ERR_INVALID);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

CASE(get_again_and_with_other_buffers) {
  pool_t *pool = new_pool(2);
  pool_future_t *future = NULL;
  int64_t arg = 21, buffers[3] = {-1, -1, -1};
  CHECK_OK(pool_apply_async(pool, twice, &arg, sizeof arg, sizeof arg, NULL, NULL, &future));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_future_get(future, &buffers[i], sizeof buffers[i], -1));
    CHECK_EQ(buffers[i], 42);
  }
  int64_t large[2] = {-1, -1};
  CHECK_OK(pool_future_get(future, large, sizeof large, -1));
  CHECK_EQ(large[0], 42);
  CHECK_EQ(large[1], -1);
  int64_t small = -1;
  CHECK_ERROR(pool_future_get(future, &small, sizeof small - 1, -1), POOL_ERR_SIZE);
  CHECK_EQ(small, -1);
  CHECK_OK(pool_future_get(future, NULL, 0, -1));
  const int64_t *data = pool_future_data(future, NULL);
  CHECK_EQ(*data, 42);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(*data, 42);
  CHECK(pool_future_data(future, NULL) == (const void *)data);
  CHECK_OK(pool_future_release(future));
}

CASE(futures_outlive_the_pool) {
  enum { COUNT = 200 };
  pool_t *pool = new_pool(2);
  pool_future_t *futures[COUNT];
  for (int64_t i = 0; i < COUNT; i++) {
    CHECK_OK(pool_apply_async(pool, twice, &i, sizeof i, sizeof i, NULL, NULL, &futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
  for (int64_t i = 0; i < COUNT; i++) {
    int64_t result = -1;
    CHECK_EQ(pool_future_ready(futures[i]), 1);
    CHECK_EQ(pool_future_running(futures[i]), 0);
    CHECK_EQ(pool_future_successful(futures[i]), 1);
    CHECK_OK(pool_future_wait(futures[i], -1));
    CHECK_OK(pool_future_get(futures[i], &result, sizeof result, -1));
    CHECK_EQ(result, i * 2);
    CHECK_EQ(pool_future_cancel(futures[i]), 0);
    CHECK_OK(pool_future_release(futures[i]));
  }
}

CASE(release_before_the_end) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *running = block_worker(pool, &blocker), *queued = NULL;
  struct tally tally = {0, 1};
  atomic_int count = 0;
  CHECK_OK(pool_apply_async(pool, increment, &count, 0, 0, count_call, &tally, &queued));
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_future_release(queued));
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&count), 1);
  CHECK_EQ(tally.calls, 1);
  CHECK_EQ(tally.status, 0);
}

struct own_future {
  struct gate written;
  pool_future_t *future;
  atomic_int released;
};

static void release_own_future(const pool_result_t *outcome, void *user_data) {
  struct own_future *own = user_data;
  gate_wait(&own->written);
  CHECK_OK(pool_future_wait(own->future, -1));
  CHECK_OK(pool_future_release(own->future));
  CHECK_EQ(*(const int64_t *)outcome->data, 42);
  own->released++;
}

CASE(release_in_the_callback) {
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(200); i++) {
    struct own_future own = {GATE_INIT, NULL, 0};
    int64_t arg = 21;
    CHECK_OK(pool_apply_async(pool, twice, &arg, sizeof arg, sizeof arg, release_own_future, &own, &own.future));
    gate_open(&own.written);
    pool_future_t *last = NULL;
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &last));
    CHECK_OK(pool_future_wait(last, -1));
    CHECK_OK(pool_future_release(last));
    if (i % 2 == 0) {
      CHECK_OK(pool_close_join(pool));
      CHECK_EQ(own.released, 1);
      pool = new_pool(2);
    } else {
      EVENTUALLY(own.released == 1);
    }
  }
  CHECK_OK(pool_close_join(pool));
}

static void *wait_for_ever(void *data) {
  CHECK_OK(pool_future_wait(data, -1));
  CHECK_EQ(pool_future_ready(data), 1);
  return NULL;
}

static void *wait_a_minute(void *data) {
  CHECK_OK(pool_future_wait(data, 60000));
  CHECK_EQ(pool_future_ready(data), 1);
  return NULL;
}

static void *wait_in_small_steps(void *data) {
  while (pool_future_wait(data, 1) == POOL_ERR_TIMEOUT) {
  }
  CHECK_EQ(pool_future_successful(data), 1);
  return NULL;
}

static void *wait_by_get(void *data) {
  int64_t result = 3;
  CHECK_OK(pool_future_get(data, &result, sizeof result, -1));
  CHECK_EQ(result, 0);
  return NULL;
}

CASE(many_threads_wait_for_one_future) {
  static void *(*const ways[])(void *) = {wait_for_ever, wait_a_minute, wait_in_small_steps, wait_by_get};
  pool_t *pool = new_pool(2);
  for (size_t round = 0; round < scaled(10); round++) {
    struct blocker blocker = BLOCKER_INIT;
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, block, &blocker, 0, 8, NULL, NULL, &future));
    pthread_t threads[16];
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
      threads[i] = check_thread(ways[i % COUNT_OF(ways)], future);
    }
    gate_wait(&blocker.running);
    sleep_ms(round % 2 == 0 ? 20 : 0);
    gate_open(&blocker.go);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
      pthread_join(threads[i], NULL);
    }
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(thousands_of_futures_at_once) {
  size_t count = scaled(20000);
  pool_t *pool = new_pool(2);
  pool_future_t **futures = calloc(count, sizeof *futures);
  for (size_t i = 0; i < count; i++) {
    int64_t arg = (int64_t)i;
    CHECK_OK(pool_apply_async(pool, twice, &arg, sizeof arg, sizeof arg, NULL, NULL, &futures[i]));
  }
  for (size_t i = count; i-- > 0;) {
    int64_t result = -1;
    CHECK_OK(pool_future_get(futures[i], &result, sizeof result, -1));
    CHECK_EQ(result, (int64_t)i * 2);
    CHECK_OK(pool_future_release(futures[i]));
  }
  free(futures);
  CHECK_OK(pool_close_join(pool));
}

static void *open_soon(void *data) {
  sleep_ms(50);
  gate_open(data);
  return NULL;
}

/* With every worker held there is no place for the waiting thread to run the task: it waits until one is free. */
CASE(a_wait_from_outside_takes_no_place_of_its_own) {
  pool_t *pool = new_pool(2);
  struct blocker first = BLOCKER_INIT, second = BLOCKER_INIT;
  pool_future_t *one = block_worker(pool, &first), *two = block_worker(pool, &second), *queued = NULL;
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply_async(pool, twice, &arg, sizeof arg, sizeof result, NULL, NULL, &queued));
  CHECK_ERROR(pool_future_wait(queued, 50), POOL_ERR_TIMEOUT);
  CHECK_EQ(pool_future_running(queued), 0);
  pthread_t thread = check_thread(open_soon, &first.go);
  CHECK_OK(pool_future_get(queued, &result, sizeof result, -1));
  CHECK_EQ(result, 42);
  pthread_join(thread, NULL);
  gate_open(&second.go);
  CHECK_OK(pool_future_release(one));
  CHECK_OK(pool_future_release(two));
  CHECK_OK(pool_future_release(queued));
  CHECK_OK(pool_close_join(pool));
}

static int32_t not_on_this_thread(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  CHECK(!pthread_equal(pthread_self(), *(const pthread_t *)arg));
  CHECK(task->worker != POOL_NO_WORKER);
  return 0;
}

CASE(a_timed_wait_runs_nothing_in_the_caller) {
  pool_t *pool = new_pool(2);
  pthread_t here = pthread_self();
  for (size_t i = 0; i < scaled(2000); i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, not_on_this_thread, &here, sizeof here, 0, NULL, NULL, &future));
    CHECK_OK(pool_future_wait(future, 60000));
    CHECK_STATUS(pool_future_status(future), POOL_OK);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

struct visitors {
  pool_t *pool;
  struct headcount heads;
};

static void *apply_many_times(void *data) {
  struct visitors *visitors = data;
  for (size_t i = 0; i < scaled(100); i++) {
    CHECK_OK(pool_apply(visitors->pool, enter_and_leave, &visitors->heads, 0, NULL, 0));
  }
  return NULL;
}

CASE(waiting_threads_are_no_more_workers) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    struct visitors visitors = {new_pool(workers), {0, 0}};
    check_threads(8, apply_many_times, &visitors);
    CHECK_OK(pool_close_join(visitors.pool));
    CHECK_EQ(visitors.heads.most, workers);
  }
}

/* The second release is told from the first while the task is still out, with a callback to come, and after that. */
CASE(a_second_release_is_an_error_and_does_nothing) {
  static struct tally tallies[100];
  pool_t *pool = new_pool(2);
  for (int round = 0; round < 100; round++) {
    int64_t arg = 21;
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, round % 2 ? count_call : NULL, &tallies[round], &future));
    if (round % 3 == 0) {
      CHECK_OK(pool_future_wait(future, -1));
    }
    CHECK_OK(pool_future_release(future));
    CHECK_ERROR(pool_future_release(future), POOL_ERR_INVALID);
    CHECK_ERROR(pool_future_wait(future, 0), POOL_ERR_INVALID);
    CHECK_ERROR(pool_future_get(future, NULL, 0, 0), POOL_ERR_INVALID);
  }
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, 60000));
  CHECK_OK(pool_close_join(pool));
}
