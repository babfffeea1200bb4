/* What tasks do to pools: fork-join, tasks that submit tasks, maps in maps, pools in tasks. */
#include "tester.h"

struct branch {
  uint64_t seed;
  uint32_t depth;
};

static uint64_t tree_of(uint64_t seed, uint32_t depth) {
  if (depth == 0) {
    return seed * 3 + 1;
  }
  uint64_t left = tree_of(seed * 2 + 1, depth - 1), right = tree_of(seed * 2 + 2, depth - 1);
  return (left ^ (right << 7 | right >> 57)) + depth;
}

static int32_t branch(const void *arg, void *result, pool_task_t *task) {
  const struct branch *here = arg;
  uint64_t left = 0, right = 0;
  if (here->depth == 0) {
    left = here->seed * 3 + 1;
  } else {
    struct branch a = {here->seed * 2 + 1, here->depth - 1}, b = {here->seed * 2 + 2, here->depth - 1};
    int32_t status = pool_join2(task, branch, &a, &left, branch, &b, &right);
    if (status != POOL_OK) {
      return status;
    }
    left = (left ^ (right << 7 | right >> 57)) + here->depth;
  }
  memcpy(result, &left, sizeof left);
  return 0;
}

static int32_t leaf(const void *arg, void *result, pool_task_t *task) {
  uint64_t number = *(const uint64_t *)arg;
  if (number == 13) {
    return 400 + (int32_t)task->index;
  }
  number = number * 5 + task->index;
  memcpy(result, &number, sizeof number);
  return 0;
}

/* Numbers for `leaf`; the index of the first that fails, or `count`. */
static size_t roll_leaves(struct dice *dice, uint64_t *numbers, size_t count) {
  size_t failing = count;
  for (size_t i = count; i-- > 0;) {
    numbers[i] = one_in(dice, 300) ? 13 : 14 + roll(dice, 1000);
    failing = numbers[i] == 13 ? i : failing;
  }
  return failing;
}

static void check_leaves(const uint64_t *numbers, const uint64_t *results, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (results[i] != numbers[i] * 5 + i) {
      FAIL("item %zu of %zu: expected %llu, got %llu", i, count, (unsigned long long)(numbers[i] * 5 + i),
           (unsigned long long)results[i]);
    }
  }
}

int32_t fork_and_join(const struct order *order, pool_task_t *task) {
  struct dice dice = {order->seed};
  struct branch root = {order->seed, roll(&dice, 9)};
  uint64_t got = 0, numbers[40], results[40];
  EXPECT(branch(&root, &got, task), POOL_OK);
  CHECK(got == tree_of(root.seed, root.depth));
  size_t count = roll(&dice, COUNT_OF(numbers)), failing = roll_leaves(&dice, numbers, count);
  int32_t status = pool_join_n(task, leaf, numbers, sizeof numbers[0], results, sizeof results[0], count);
  if (failing < count) {
    /* Others may have failed before the first could start. */
    CHECK(status >= 400 && status < 400 + (int32_t)count && numbers[status - 400] == 13);
  } else {
    EXPECT(status, POOL_OK);
    check_leaves(numbers, results, count);
  }
  return POOL_OK;
}

int32_t map_some(pool_t *pool, struct dice *dice) {
  uint64_t numbers[60], results[60];
  size_t count = 1 + roll(dice, COUNT_OF(numbers) - 1), failing = roll_leaves(dice, numbers, count);
  int32_t status = pool_map(pool, leaf, numbers, sizeof numbers[0], results, sizeof results[0], count);
  if (status == POOL_OK) {
    CHECK(failing == count);
    check_leaves(numbers, results, count);
  } else if (status > 0) {
    CHECK(status >= 400 && status < 400 + (int32_t)count && numbers[status - 400] == 13);
    status = POOL_OK;
  }
  return status;
}

/* In a worker process the pool of the task is out of reach. */
static void refuse_in_worker(const struct order *order) {
  uint64_t number = 1, result = 0;
  EXPECT(pool_apply(order->pool, leaf, &number, sizeof number, &result, sizeof result), POOL_ERR_UNSUPPORTED);
  EXPECT(pool_apply_async(order->pool, leaf, &number, sizeof number, sizeof result, must_not_be_called, NULL, NULL),
         POOL_ERR_UNSUPPORTED);
  EXPECT(pool_map(order->pool, leaf, &number, sizeof number, &result, sizeof result, 1), POOL_ERR_UNSUPPORTED);
}

int32_t spawn(const struct order *order, pool_task_t *task) {
  struct dice dice = {order->seed};
  (void)task;
  if (order->model->processes) {
    refuse_in_worker(order);
    return POOL_OK;
  }
  struct record *children[4];
  uint32_t many = 1 + roll(&dice, COUNT_OF(children)), there = 0;
  for (uint32_t i = 0; i < many; i++) {
    struct record *record = record_new(order->model, 1, false, true);
    if (record == NULL) {
      break;
    }
    do { /* No families without end. */
      free(record->arg);
      record_order(record, &dice);
    } while ((record->order.does == SPAWN && !one_in(&dice, 4)) || record->order.arg_size > 100000);
    record->has_callback = one_in(&dice, 2);
    int32_t status =
        pool_apply_async(order->pool, work, record->arg, record->order.arg_size, record->order.result_size,
                         record->has_callback ? called : NULL, record, one_in(&dice, 4) ? NULL : &record->future);
    if (accepted(order->model, &record->view, status, "pool_apply_async in a task")) {
      record_accept(record);
      children[there++] = record;
      count(T_INSIDE, 1);
    }
  }
  for (uint32_t i = 0; i < there; i++) {
    struct record *child = children[i];
    if (child->future == NULL || one_in(&dice, 3)) {
      continue;
    }
    int32_t status = pool_future_wait(child->future, roll_timeout(&dice));
    if (status != POOL_ERR_TIMEOUT) {
      EXPECT(status, POOL_OK);
      judge(child, pool_future_status(child->future), pool_future_message(child->future), "a task that waits");
    }
    if (one_in(&dice, 2)) {
      record_release(child);
    }
  }
  return POOL_OK;
}

static void use_a_pool(pool_t *pool, struct dice *dice) {
  if (pool == NULL) {
    FAIL("no pool: %s", pool_last_error());
  }
  EXPECT(map_some(pool, dice), POOL_OK);
}

int32_t nest(const struct order *order, pool_task_t *task) {
  struct dice dice = {order->seed};
  pool_options_t options = POOL_OPTIONS_INIT;
  pool_t *pool = NULL;
  (void)task;
  switch (roll(&dice, 4)) {
  case 0:
    use_a_pool(pool_default(), &dice);
    return POOL_OK;
  case 1:
    if (!order->model->processes) {
      int32_t status = map_some(order->pool, &dice);
      CHECK(status == POOL_OK || (status == POOL_ERR_TERMINATED && atomic_load(&order->model->terminating)));
      return POOL_OK;
    }
    options.mode = POOL_PROCESSES;
    break;
  default:
    break;
  }
  options.workers = 1 + roll(&dice, 2);
  EXPECT(pool_create_with(&options, &pool), POOL_OK);
  use_a_pool(pool, &dice);
  EXPECT(pool_close_join(pool), POOL_OK);
  return POOL_OK;
}
