/* Tasks that wait for tasks: waiting helps or lets a spare worker in, so that nothing deadlocks. */
#include "tasks.h"

struct link {
  pool_t *pool;
  int64_t depth;
};

/* Submits one child and waits for it; the result is the depth below. */
static int32_t dig(const void *arg, void *result, pool_task_t *task) {
  const struct link *link = arg;
  int64_t below = 0;
  (void)task;
  if (link->depth > 0) {
    struct link child = {link->pool, link->depth - 1};
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(link->pool, dig, &child, sizeof child, sizeof below, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, &below, sizeof below, -1));
    CHECK_OK(pool_future_release(future));
  }
  *(int64_t *)result = below + 1;
  return 0;
}

static void dig_deep(pool_t *pool, int64_t depth) {
  struct link root = {pool, depth};
  int64_t result = 0;
  CHECK_OK(pool_apply(pool, dig, &root, sizeof root, &result, sizeof result));
  CHECK_EQ(result, depth + 1);
  CHECK_OK(pool_close_join(pool));
}

CASE(ten_thousand_deep) {
  dig_deep(new_pool(2), (int64_t)scaled(10000));
}

CASE(ten_thousand_deep_with_one_worker) {
  dig_deep(new_pool(1), (int64_t)scaled(10000));
}

CASE(ten_thousand_deep_on_small_stacks) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.stack_size = 64 << 10;
  dig_deep(new_pool_with(&options), (int64_t)scaled(10000));
}

CASE(ten_thousand_deep_with_one_worker_on_a_small_stack) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 1;
  options.stack_size = 64 << 10;
  dig_deep(new_pool_with(&options), (int64_t)scaled(10000));
}

/* Digging by pool_apply, from several threads at once. */
static int32_t dig_by_apply(const void *arg, void *result, pool_task_t *task) {
  const struct link *link = arg;
  int64_t below = 0;
  (void)task;
  if (link->depth > 0) {
    struct link child = {link->pool, link->depth - 1};
    CHECK_OK(pool_apply(link->pool, dig_by_apply, &child, sizeof child, &below, sizeof below));
  }
  *(int64_t *)result = below + 1;
  return 0;
}

static void *dig_by_apply_from_here(void *data) {
  struct link root = {data, (int64_t)scaled(1000)};
  int64_t result = 0;
  CHECK_OK(pool_apply(data, dig_by_apply, &root, sizeof root, &result, sizeof result));
  CHECK_EQ(result, root.depth + 1);
  return NULL;
}

CASE(nested_apply_from_several_threads) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = new_pool(workers);
    check_threads(4, dig_by_apply_from_here, pool);
    CHECK_OK(pool_close_join(pool));
  }
}

static int32_t fib(const void *arg, void *result, pool_task_t *task) {
  const struct link *link = arg;
  int64_t one = 0, two = 0;
  if (link->depth < 2) {
    *(int64_t *)result = link->depth;
    return 0;
  }
  struct link first = {link->pool, link->depth - 1}, second = {link->pool, link->depth - 2};
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(link->pool, fib, &first, sizeof first, sizeof one, NULL, NULL, &future));
  CHECK_OK(fib(&second, &two, task));
  CHECK_OK(pool_future_get(future, &one, sizeof one, -1));
  CHECK_OK(pool_future_release(future));
  *(int64_t *)result = one + two;
  return 0;
}

CASE(recursive_fibonacci) {
  for (uint32_t workers = 1; workers <= 4; workers++) {
    pool_t *pool = new_pool(workers);
    struct link root = {pool, check_scale < 1 ? 12 : 20};
    int64_t result = 0;
    CHECK_OK(pool_apply(pool, fib, &root, sizeof root, &result, sizeof result));
    CHECK_EQ(result, check_scale < 1 ? 144 : 6765);
    CHECK_OK(pool_close_join(pool));
  }
}

/* Waits for many children at once, in the order opposite to that of their submission. */
static int32_t fan_out(const void *arg, void *result, pool_task_t *task) {
  const struct link *link = arg;
  enum { CHILDREN = 5 };
  pool_future_t *futures[CHILDREN];
  int64_t sum = 1;
  (void)task;
  for (int i = 0; i < CHILDREN && link->depth > 0; i++) {
    struct link child = {link->pool, link->depth - 1};
    CHECK_OK(pool_apply_async(link->pool, fan_out, &child, sizeof child, sizeof sum, NULL, NULL, &futures[i]));
  }
  for (int i = CHILDREN; i-- > 0 && link->depth > 0;) {
    int64_t below = 0;
    CHECK_OK(pool_future_get(futures[i], &below, sizeof below, -1));
    CHECK_OK(pool_future_release(futures[i]));
    sum += below;
  }
  *(int64_t *)result = sum;
  return 0;
}

CASE(waiting_in_the_opposite_order) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = new_pool(workers);
    struct link root = {pool, 4};
    int64_t result = 0;
    CHECK_OK(pool_apply(pool, fan_out, &root, sizeof root, &result, sizeof result));
    CHECK_EQ(result, 781);
    CHECK_OK(pool_close_join(pool));
  }
}

static int32_t map_inside(const void *arg, void *result, pool_task_t *task) {
  const struct link *link = arg;
  int64_t sum = 1;
  (void)task;
  if (link->depth > 0) {
    struct link children[6];
    int64_t results[6];
    for (int i = 0; i < 6; i++) {
      children[i] = (struct link){link->pool, link->depth - 1};
    }
    CHECK_OK(pool_map(link->pool, map_inside, children, sizeof children[0], results, sizeof results[0], 6));
    for (int i = 0; i < 6; i++) {
      sum += results[i];
    }
  }
  memcpy(result, &sum, sizeof sum);
  return 0;
}

CASE(map_in_map) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = new_pool(workers);
    struct link root = {pool, 4};
    int64_t result = 0;
    CHECK_OK(pool_map(pool, map_inside, &root, sizeof root, &result, sizeof result, 1));
    CHECK_EQ(result, 1555);
    CHECK_OK(pool_close_join(pool));
  }
}

/* A timed wait starts nothing on its own stack; in the only worker a spare must run the child. */
static int32_t timed_wait(const void *arg, void *result, pool_task_t *task) {
  const struct link *link = arg;
  int64_t number = 21;
  pool_future_t *future = NULL;
  (void)task;
  CHECK_OK(pool_apply_async(link->pool, twice, &number, sizeof number, sizeof number, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, 60000));
  CHECK_OK(pool_future_get(future, result, sizeof number, 60000));
  CHECK_OK(pool_future_release(future));
  return 0;
}

CASE(timed_wait_in_the_only_worker) {
  pool_t *pool = new_pool(1);
  struct link root = {pool, 0};
  for (int i = 0; i < 20; i++) {
    pool_future_t *future = NULL;
    int64_t result = 0;
    CHECK_OK(pool_apply_async(pool, timed_wait, &root, sizeof root, sizeof result, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, &result, sizeof result, 60000));
    CHECK_EQ(result, 42);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t dig_timed(const void *arg, void *result, pool_task_t *task) {
  const struct link *link = arg;
  int64_t below = 0;
  (void)task;
  if (link->depth > 0) {
    struct link child = {link->pool, link->depth - 1};
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(link->pool, dig_timed, &child, sizeof child, sizeof below, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, &below, sizeof below, 60000));
    CHECK_OK(pool_future_release(future));
  }
  *(int64_t *)result = below + 1;
  return 0;
}

CASE(timed_waits_in_timed_waits) {
  pool_t *pool = new_pool(1);
  struct link root = {pool, 30};
  int64_t result = 0;
  CHECK_OK(pool_apply(pool, dig_timed, &root, sizeof root, &result, sizeof result));
  CHECK_EQ(result, 31);
  CHECK_OK(pool_close_join(pool));
}

struct own {
  pool_future_t *future;
  struct gate *written;
};

static int32_t wait_for_myself(const void *arg, void *result, pool_task_t *task) {
  const struct own *own = arg;
  (void)result;
  (void)task;
  gate_wait(own->written);
  CHECK_ERROR(pool_future_wait(own->future, -1), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_future_get(own->future, NULL, 0, -1), POOL_ERR_DEADLOCK);
  CHECK(pool_future_wait(own->future, 0) < 0);
  int32_t status = pool_future_wait(own->future, 10);
  CHECK(status == POOL_ERR_DEADLOCK || status == POOL_ERR_TIMEOUT);
  CHECK_EQ(pool_future_running(own->future), 1);
  return 0;
}

CASE(waiting_for_oneself_is_a_deadlock) {
  pool_t *pool = new_pool(2);
  struct gate written = GATE_INIT;
  struct own own = {NULL, &written};
  CHECK_OK(pool_apply_async(pool, wait_for_myself, &own, 0, 0, NULL, NULL, &own.future));
  gate_open(&written);
  CHECK_OK(pool_future_get(own.future, NULL, 0, -1));
  CHECK_OK(pool_future_release(own.future));
  CHECK_OK(pool_close_join(pool));
}

/* While a task of the first pool waits for one of the second, that one waits for another of the first. */
struct pair {
  pool_t *mine, *other;
  int64_t depth;
};

static int32_t ping_pong(const void *arg, void *result, pool_task_t *task) {
  const struct pair *pair = arg;
  int64_t below = 0;
  (void)task;
  if (pair->depth > 0) {
    struct pair child = {pair->other, pair->mine, pair->depth - 1};
    CHECK_OK(pool_apply(pair->other, ping_pong, &child, sizeof child, &below, sizeof below));
  }
  *(int64_t *)result = below + 1;
  return 0;
}

CASE(two_pools_wait_for_each_other) {
  struct pair root = {new_pool(1), new_pool(1), 40};
  int64_t result = 0;
  CHECK_OK(pool_apply(root.mine, ping_pong, &root, sizeof root, &result, sizeof result));
  CHECK_EQ(result, 41);
  CHECK_OK(pool_close_join(root.mine));
  CHECK_OK(pool_close_join(root.other));
}

struct waits_in_callback {
  pool_t *pool;
  int calls;
};

static void apply_in_callback(const pool_result_t *outcome, void *user_data) {
  struct waits_in_callback *waits = user_data;
  int64_t arg = 21, result = 0;
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_OK(pool_apply(waits->pool, twice, &arg, sizeof arg, &result, sizeof result));
  CHECK_EQ(result, 42);
  waits->calls++;
}

/* A callback waits for a task of its own pool, even if it occupies the only worker. */
CASE(apply_in_a_callback) {
  for (int32_t mode = POOL_CALLBACKS_SERIAL; mode <= POOL_CALLBACKS_POLLED; mode++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 1;
    options.callbacks = mode;
    struct waits_in_callback waits = {new_pool_with(&options), 0};
    for (int i = 0; i < 20; i++) {
      CHECK_OK(pool_apply_async(waits.pool, nothing, NULL, 0, 0, apply_in_callback, &waits, NULL));
    }
    CHECK_OK(pool_close_join(waits.pool));
    CHECK_EQ(waits.calls, 20);
  }
}
