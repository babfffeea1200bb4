/* Many items inside a task. */
#include "tasks.h"

#include <sched.h>

struct items {
  int64_t *args, *results;
  size_t count;
  int32_t expected;
};

static int32_t twice_checked(const void *arg, void *result, pool_task_t *task) {
  CHECK_EQ(task->index, *(const int64_t *)arg);
  return twice(arg, result, task);
}

static int32_t run_items(const void *arg, void *result, pool_task_t *task) {
  const struct items *items = arg;
  size_t index = task->index;
  (void)result;
  CHECK_OK(pool_join_n(task, twice_checked, items->args, 8, items->results, 8, items->count));
  CHECK_EQ(task->index, index);
  return 0;
}

static struct items numbers(size_t count) {
  struct items items = {calloc(count + 1, 8), calloc(count + 1, 8), count, 0};
  CHECK(items.args != NULL && items.results != NULL);
  for (size_t i = 0; i < count; i++) {
    items.args[i] = (int64_t)i;
  }
  return items;
}

static void forget(struct items *items) {
  free(items->args);
  free(items->results);
}

CASE(results_are_in_place) {
  static const size_t COUNTS[] = {0, 1, 2, 3, 7, 100, 4097};
  for (uint32_t workers = 1; workers <= 4; workers++) {
    pool_t *pool = new_pool(workers);
    for (size_t c = 0; c < COUNT_OF(COUNTS); c++) {
      struct items items = numbers(COUNTS[c]);
      CHECK_OK(pool_apply(pool, run_items, &items, sizeof items, NULL, 0));
      for (size_t i = 0; i < items.count; i++) {
        CHECK_EQ(items.results[i], 2 * (int64_t)i);
      }
      CHECK_EQ(items.results[items.count], 0);
      forget(&items);
    }
    CHECK_OK(pool_close_join(pool));
  }
}

/* Items that can run only at the same time. */
static int32_t meet_all(const void *arg, void *result, pool_task_t *task) {
  atomic_int *there = (atomic_int *)(uintptr_t)arg;
  (void)result;
  CHECK(task->index < 4);
  atomic_fetch_add(there, 1);
  while (atomic_load(there) < 4) {
    sched_yield();
  }
  return 0;
}

static int32_t meet_in_items(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  return pool_join_n(task, meet_all, arg, 0, NULL, 0, 4);
}

CASE(items_run_at_the_same_time) {
  pool_t *pool = new_pool(4);
  for (size_t i = 0; i < scaled(50); i++) {
    atomic_int there = 0;
    CHECK_OK(pool_apply(pool, meet_in_items, &there, 0, NULL, 0));
  }
  CHECK_OK(pool_close_join(pool));
}

/* Each level has a few items, which have items, and forks beside them; every index is the item's own. */
struct level {
  atomic_int *leaves;
  int32_t depth;
};

static int32_t count_leaf(const void *arg, void *result, pool_task_t *task) {
  const struct level *level = arg;
  (void)result;
  (void)task;
  atomic_fetch_add(level->leaves, 1);
  return 0;
}

static int32_t descend(const void *arg, void *result, pool_task_t *task) {
  const struct level *level = arg;
  struct level below[3];
  size_t index = task->index;
  (void)result;
  for (size_t i = 0; i < COUNT_OF(below); i++) {
    below[i] = (struct level){level->leaves, level->depth - 1};
  }
  CHECK_EQ(index, level->depth & 1 ? 0 : index);
  if (level->depth == 0) {
    return count_leaf(arg, NULL, task);
  }
  CHECK_OK(pool_join2(task, count_leaf, level, NULL, count_leaf, level, NULL));
  CHECK_EQ(task->index, index);
  CHECK_OK(pool_join_n(task, descend, below, sizeof below[0], NULL, 0, level->depth % 2 ? 3 : 1));
  CHECK_EQ(task->index, index);
  return 0;
}

CASE(items_inside_items) {
  for (uint32_t workers = 1; workers <= 4; workers++) {
    pool_t *pool = new_pool(workers);
    atomic_int leaves = 0;
    struct level top = {&leaves, 9};
    CHECK_OK(pool_apply(pool, descend, &top, sizeof top, NULL, 0));
    /* Two for each item that has items, one for each that has none: levels of 1 3 3 9 9 27 27 81 81 243 items. */
    CHECK_EQ(leaves, 2 * (1 + 3 + 3 + 9 + 9 + 27 + 27 + 81 + 81) + 243);
    CHECK_OK(pool_close_join(pool));
  }
}

/* Some items fail. */
static int32_t fail_sometimes(const void *arg, void *result, pool_task_t *task) {
  int64_t kind = *(const int64_t *)arg;
  (void)result;
  if (kind > 0) {
    return pool_task_fail(task, (int32_t)kind, "no luck");
  }
  return (int32_t)kind;
}

static int32_t run_failing(const void *arg, void *result, pool_task_t *task) {
  const struct items *items = arg;
  (void)result;
  int32_t status = pool_join_n(task, fail_sometimes, items->args, 8, NULL, 0, items->count);
  CHECK_EQ(status, items->expected);
  return status;
}

CASE(the_lowest_failed_item_counts) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = new_pool(workers);
    for (size_t i = 0; i < scaled(100); i++) {
      struct items items = numbers(64);
      memset(items.args, 0, 64 * sizeof *items.args);
      items.args[11] = items.expected = 7;
      CHECK_STATUS(pool_apply(pool, run_failing, &items, sizeof items, NULL, 0), 7);
      CHECK_STR(pool_last_error(), "item 11: no luck");
      items.args[11] = -5;
      items.expected = POOL_ERR_INTERNAL;
      CHECK_STATUS(pool_apply(pool, run_failing, &items, sizeof items, NULL, 0), POOL_ERR_INTERNAL);
      CHECK_HAS(pool_last_error(), "item 11: ");
      forget(&items);
    }
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(after_a_failure_nothing_more_is_started) {
  pool_t *pool = new_pool(1);
  struct items items = numbers(1000);
  for (size_t i = 0; i < 1000; i++) {
    items.args[i] = (int64_t)i + 1;
  }
  items.expected = 1;
  CHECK_STATUS(pool_apply(pool, run_failing, &items, sizeof items, NULL, 0), 1);
  CHECK_STR(pool_last_error(), "item 0: no luck");
  forget(&items);
  CHECK_OK(pool_close_join(pool));
}

static int32_t fail_without_end(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_STATUS(pool_join_n(task, fail_sometimes, &(int64_t){7}, 0, NULL, 0, SIZE_MAX), 7);
  return 0;
}

CASE(items_without_end_end_with_a_failure) {
  for (uint32_t workers = 1; workers <= 2; workers++) {
    pool_t *pool = new_pool(workers);
    CHECK_OK(pool_apply(pool, fail_without_end, NULL, 0, NULL, 0));
    CHECK_OK(pool_close_join(pool));
  }
}

/* Item 0 fails when item 1 runs, which then is asked to stop. */
static int32_t fail_beside(const void *arg, void *result, pool_task_t *task) {
  atomic_int *there = (atomic_int *)(uintptr_t)arg;
  (void)result;
  if (task->index == 0) {
    EVENTUALLY(atomic_load(there) == 1);
    return 5;
  }
  CHECK_EQ(pool_task_cancelled(task), 0);
  atomic_store(there, 1);
  EVENTUALLY(pool_task_cancelled(task) == 1);
  atomic_store(there, 2);
  return 0;
}

static int32_t run_beside(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  CHECK_EQ(pool_join_n(task, fail_beside, arg, 0, NULL, 0, 2), 5);
  return 0;
}

CASE(a_failure_asks_the_others_to_stop) {
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(50); i++) {
    atomic_int there = 0;
    CHECK_OK(pool_apply(pool, run_beside, &there, 0, NULL, 0));
    CHECK_EQ(there, 2);
  }
  CHECK_OK(pool_close_join(pool));
}

/* An item's set result goes to the item's place, also inside the item of a map. */
static int32_t set_place(const void *arg, void *result, pool_task_t *task) {
  int64_t number = 100 + (int64_t)task->index;
  (void)arg;
  (void)result;
  CHECK_ERROR(pool_task_set_result(task, "too long for an item", 21), POOL_ERR_SIZE);
  return pool_task_set_result(task, &number, sizeof number);
}

static int32_t set_places(const void *arg, void *result, pool_task_t *task) {
  int64_t places[20] = {0};
  (void)arg;
  CHECK_OK(pool_join_n(task, set_place, NULL, 0, places, 8, COUNT_OF(places)));
  for (int i = 0; i < 20; i++) {
    CHECK_EQ(places[i], 100 + i);
  }
  memcpy(result, &places[task->index], 8);
  return 0;
}

CASE(an_item_sets_its_result) {
  pool_t *pool = new_pool(3);
  for (size_t i = 0; i < scaled(50); i++) {
    int64_t results[5] = {0};
    CHECK_OK(pool_map(pool, set_places, NULL, 0, results, 8, 5));
    for (int k = 0; k < 5; k++) {
      CHECK_EQ(results[k], 100 + k);
    }
  }
  CHECK_OK(pool_close_join(pool));
}

struct own_pool {
  pool_t *pool;
};

static int32_t submit_from_an_item(const void *arg, void *result, pool_task_t *task) {
  const struct own_pool *own = arg;
  int64_t number = (int64_t)task->index;
  return pool_apply(own->pool, twice, &number, 8, result, 8);
}

static int32_t submit_from_items(const void *arg, void *result, pool_task_t *task) {
  int64_t results[40], sum = 0;
  struct own_pool args[40];
  for (int i = 0; i < 40; i++) {
    args[i] = *(const struct own_pool *)arg;
  }
  CHECK_OK(pool_join_n(task, submit_from_an_item, args, sizeof args[0], results, 8, 40));
  for (int i = 0; i < 40; i++) {
    sum += results[i];
  }
  memcpy(result, &sum, sizeof sum);
  return 0;
}

CASE(items_use_the_pool) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    struct own_pool own = {new_pool(workers)};
    for (size_t i = 0; i < scaled(50); i++) {
      int64_t sum = 0;
      CHECK_OK(pool_apply(own.pool, submit_from_items, &own, sizeof own, &sum, sizeof sum));
      CHECK_EQ(sum, 39 * 40);
    }
    CHECK_OK(pool_close_join(own.pool));
  }
}
