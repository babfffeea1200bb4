/* Recursion by forks: whatever its form, and whatever else its tasks do, each part runs once. */
#include "tasks.h"

struct work {
  pool_t *pool;
  int64_t number;
};

/* Fibonacci by forks, without a cut-off. */
static int32_t fib(const void *arg, void *result, pool_task_t *task) {
  int64_t n = *(const int64_t *)arg;
  if (n < 2) {
    *(int64_t *)result = n;
    return 0;
  }
  int64_t less[2] = {n - 1, n - 2}, parts[2] = {-1, -1};
  int32_t status = pool_join2(task, fib, &less[0], &parts[0], fib, &less[1], &parts[1]);
  *(int64_t *)result = parts[0] + parts[1];
  return status;
}

static int64_t fib_of(int64_t n) {
  int64_t a = 0, b = 1;
  for (; n > 0; n--) {
    int64_t sum = a + b;
    a = b;
    b = sum;
  }
  return a;
}

static int64_t some_n(void) {
  return check_scale < 1 ? 14 : 24;
}

static void fib_is_right(pool_t *pool, int64_t n) {
  int64_t result = -1;
  CHECK_OK(pool_apply(pool, fib, &n, sizeof n, &result, sizeof result));
  CHECK_EQ(result, fib_of(n));
}

CASE(fibonacci_with_one_to_many_workers) {
  static const uint32_t WORKERS[] = {1, 2, 3, 4, 7, 16, 64};
  for (size_t w = 0; w < COUNT_OF(WORKERS); w++) {
    pool_t *pool = new_pool(WORKERS[w]);
    for (int64_t n = 0; n <= some_n(); n++) {
      fib_is_right(pool, n);
    }
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(fibonacci_in_workers) {
  pool_t *pool = new_pool(3);
  pool_future_t *futures[8];
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    int64_t n = some_n() - (int64_t)i;
    CHECK_OK(pool_apply_async(pool, fib, &n, sizeof n, sizeof n, NULL, NULL, &futures[i]));
  }
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    int64_t result = -1;
    CHECK_OK(pool_future_get(futures[i], &result, sizeof result, -1));
    CHECK_EQ(result, fib_of(some_n() - (int64_t)i));
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(fibonacci_in_the_items_of_a_map) {
  pool_t *pool = new_pool(2);
  int64_t args[16], results[16];
  for (int64_t i = 0; i < 16; i++) {
    args[i] = i;
  }
  for (int round = 0; round < 20; round++) {
    CHECK_OK(pool_map(pool, fib, args, sizeof args[0], results, sizeof results[0], 16));
    for (int64_t i = 0; i < 16; i++) {
      CHECK_EQ(results[i], fib_of(i));
    }
  }
  CHECK_OK(pool_close_join(pool));
}

static void *fib_from_here(void *data) {
  for (size_t i = 0; i < scaled(50); i++) {
    fib_is_right(data, 15);
  }
  return NULL;
}

CASE(outsiders_at_once) {
  pool_t *pool = new_pool(4);
  check_threads(6, fib_from_here, pool);
  CHECK_OK(pool_close_join(pool));
}

/* A thread that is amid a recursion when its pool is terminated. */
struct dying {
  pool_t *pool;
  atomic_int started;
};

static int32_t fib_noted(const void *arg, void *result, pool_task_t *task) {
  struct dying *dying = *(struct dying *const *)arg;
  int64_t n = some_n();
  atomic_store(&dying->started, 1);
  return fib(&n, result, task);
}

static void *terminate_soon(void *data) {
  struct dying *dying = data;
  EVENTUALLY(atomic_load(&dying->started) != 0);
  CHECK_OK(pool_terminate(dying->pool));
  return NULL;
}

CASE(terminate_during_a_recursion) {
  for (size_t i = 0; i < scaled(20); i++) {
    struct dying dying = {new_pool(3), 0};
    struct dying *arg = &dying;
    pthread_t thread = check_thread(terminate_soon, &dying);
    int64_t result = -1;
    CHECK_OK(pool_apply(dying.pool, fib_noted, &arg, sizeof(void *), &result, sizeof result));
    CHECK_EQ(result, fib_of(some_n()));
    pthread_join(thread, NULL);
    CHECK_OK(pool_close_join(dying.pool));
  }
}

/* A chain: one side of each fork is a single step, the other all the rest. */
struct chain {
  int64_t left;
  bool rest_first;
};

static int32_t step(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  *(int64_t *)result = 1;
  return 0;
}

static int32_t follow(const void *arg, void *result, pool_task_t *task) {
  const struct chain *chain = arg;
  if (chain->left == 0) {
    *(int64_t *)result = 0;
    return 0;
  }
  struct chain rest = {chain->left - 1, chain->rest_first};
  int64_t one = -1, more = -1;
  int32_t status = chain->rest_first ? pool_join2(task, follow, &rest, &more, step, NULL, &one)
                                     : pool_join2(task, step, NULL, &one, follow, &rest, &more);
  *(int64_t *)result = one + more;
  return status;
}

static void a_chain(bool rest_first) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = workers;
    options.stack_size = 256 << 20;
    pool_t *pool = new_pool_with(&options);
    struct chain chain = {(int64_t)scaled(100000), rest_first};
    int64_t result = -1;
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, follow, &chain, sizeof chain, sizeof result, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, &result, sizeof result, 60000));
    CHECK_EQ(result, chain.left);
    CHECK_OK(pool_future_release(future));
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(a_hundred_thousand_deep_in_the_first_half) {
  a_chain(true);
}

CASE(a_hundred_thousand_deep_in_the_second_half) {
  a_chain(false);
}

/* A tree of which nobody knows the form before; each leaf counts itself. */
struct tree {
  atomic_int *leaves;
  uint32_t low, high;
};

static int32_t grow(const void *arg, void *result, pool_task_t *task) {
  const struct tree *tree = arg;
  (void)result;
  if (tree->high - tree->low == 1) {
    atomic_fetch_add_explicit(&tree->leaves[tree->low], 1, memory_order_relaxed);
    return 0;
  }
  uint32_t count = tree->high - tree->low;
  uint32_t share = 1 + (tree->low * 2654435761u >> 7) % (count - 1);
  struct tree first = {tree->leaves, tree->low, tree->low + share};
  struct tree second = {tree->leaves, tree->low + share, tree->high};
  return pool_join2(task, grow, &first, NULL, grow, &second, NULL);
}

CASE(each_leaf_of_a_wild_tree_runs_once) {
  uint32_t count = (uint32_t)scaled(20000);
  atomic_int *leaves = calloc(count, sizeof *leaves);
  CHECK(leaves != NULL);
  for (uint32_t workers = 1; workers <= 64; workers = workers * 2 + 1) {
    pool_t *pool = new_pool(workers);
    for (int round = 1; round <= 5; round++) {
      struct tree tree = {leaves, 0, count};
      CHECK_OK(pool_apply(pool, grow, &tree, sizeof tree, NULL, 0));
      for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ(atomic_exchange(&leaves[i], 0), 1);
      }
    }
    CHECK_OK(pool_close_join(pool));
  }
  free(leaves);
}

/* Inside a fork: apply, map and futures of the same pool, which may run on this thread. */
static int32_t use_the_pool(const void *arg, void *result, pool_task_t *task) {
  const struct work *work = arg;
  int64_t parts[2] = {-1, -1}, six = 6, halves[4] = {1, 2, 3, 4}, doubles[4];
  pool_future_t *future = NULL;
  if (work->number == 0) {
    CHECK_OK(pool_apply_async(work->pool, fib, &six, sizeof six, sizeof six, NULL, NULL, &future));
    CHECK_OK(pool_apply(work->pool, fib, &six, sizeof six, &parts[0], sizeof parts[0]));
    CHECK_OK(pool_map(work->pool, twice, halves, sizeof halves[0], doubles, sizeof doubles[0], 4));
    CHECK_OK(pool_future_get(future, &parts[1], sizeof parts[1], -1));
    CHECK_OK(pool_future_release(future));
    *(int64_t *)result = parts[0] + parts[1] + doubles[3];
    return 0;
  }
  struct work less = {work->pool, work->number - 1};
  int32_t status = pool_join2(task, use_the_pool, &less, &parts[0], use_the_pool, &less, &parts[1]);
  *(int64_t *)result = parts[0] + parts[1];
  return status;
}

CASE(a_pools_calls_inside_forks) {
  for (uint32_t workers = 1; workers <= 4; workers++) {
    pool_t *pool = new_pool(workers);
    struct work work = {pool, check_scale < 1 ? 4 : 8};
    int64_t result = -1;
    CHECK_OK(pool_apply(pool, use_the_pool, &work, sizeof work, &result, sizeof result));
    CHECK_EQ(result, 24 << work.number);
    CHECK_OK(pool_close_join(pool));
  }
}

/* Two pools in turn: each level forks in a task of the other pool. */
struct pools {
  pool_t *mine, *other;
  int64_t depth;
};

static int32_t over_there(const void *arg, void *result, pool_task_t *task);

static int32_t fork_here(const void *arg, void *result, pool_task_t *task) {
  const struct pools *pools = arg;
  struct pools child = {pools->other, pools->mine, pools->depth - 1};
  int64_t parts[2] = {-1, -1};
  int32_t status = pool_join2(task, over_there, &child, &parts[0], over_there, &child, &parts[1]);
  *(int64_t *)result = parts[0] + parts[1];
  return status;
}

static int32_t over_there(const void *arg, void *result, pool_task_t *task) {
  const struct pools *pools = arg;
  (void)task;
  if (pools->depth == 0) {
    *(int64_t *)result = 1;
    return 0;
  }
  return pool_apply(pools->mine, fork_here, pools, sizeof *pools, result, sizeof(int64_t));
}

CASE(nested_pools) {
  struct pools pools = {new_pool(2), new_pool(3), check_scale < 1 ? 4 : 9};
  int64_t result = -1;
  CHECK_OK(pool_apply(pools.mine, fork_here, &pools, sizeof pools, &result, sizeof result));
  CHECK_EQ(result, 1 << pools.depth);
  CHECK_OK(pool_close_join(pools.mine));
  CHECK_OK(pool_close_join(pools.other));
}

struct from_callback {
  pool_t *pool;
  int64_t sum;
};

static void fib_in_a_callback(const pool_result_t *outcome, void *user_data) {
  struct from_callback *from = user_data;
  int64_t result = -1;
  CHECK_OK(pool_apply(from->pool, fib, outcome->data, sizeof result, &result, sizeof result));
  from->sum += result;
}

CASE(forks_in_a_task_of_a_callback) {
  struct from_callback from = {new_pool(2), 0};
  for (int64_t i = 0; i < 10; i++) {
    CHECK_OK(pool_apply_async(from.pool, fib, &i, sizeof i, sizeof i, fib_in_a_callback, &from, NULL));
  }
  CHECK_OK(pool_close_join(from.pool));
  /* The callbacks see 0 1 1 2 3 5 8 13 21 34, and take Fibonacci of these. */
  CHECK_EQ(from.sum, 0 + 1 + 1 + 1 + 2 + 5 + 21 + 233 + 10946 + 5702887);
}
