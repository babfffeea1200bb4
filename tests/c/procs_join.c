/* Fork-join in worker processes: everything runs in turn, with the same results. */
#include "procs.h"

static int32_t fib(const void *arg, void *result, pool_task_t *task) {
  int64_t n = *(const int64_t *)arg;
  int64_t less[2] = {n - 1, n - 2}, parts[2] = {n, 0};
  int32_t status = n < 2 ? 0 : pool_join2(task, fib, &less[0], &parts[0], fib, &less[1], &parts[1]);
  *(int64_t *)result = parts[0] + parts[1];
  return status;
}

CASE(fibonacci) {
  pool_options_t options = processes(2);
  pool_t *pool = new_pool_with(&options);
  int64_t args[10], results[10], n = 20, result = 0;
  CHECK_OK(pool_apply(pool, fib, &n, sizeof n, &result, sizeof result));
  CHECK_EQ(result, 6765);
  for (int64_t i = 0; i < 10; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_map(pool, fib, args, sizeof args[0], results, sizeof results[0], 10));
  CHECK_EQ(results[9], 34);
  CHECK_OK(pool_close_join(pool));
}

static int32_t order(const void *arg, void *result, pool_task_t *task) {
  int64_t *next = (int64_t *)(uintptr_t)arg;
  *(int64_t *)result = (int64_t)task->index == *next ? (*next)++ : -1;
  return 0;
}

static int32_t fail_second(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  return task->index == 1 ? pool_task_fail(task, 9, "the second item") : 0;
}

static int32_t with_items(const void *arg, void *result, pool_task_t *task) {
  int64_t next = 0, results[7];
  CHECK_OK(pool_join_n(task, order, &next, 0, results, sizeof results[0], COUNT_OF(results)));
  CHECK_EQ(next, 7);
  CHECK_EQ(results[6], 6);
  (void)result;
  return *(const bool *)arg ? pool_join_n(task, fail_second, NULL, 0, NULL, 0, 3) : 0;
}

CASE(items_run_in_order) {
  pool_options_t options = processes(2);
  pool_t *pool = new_pool_with(&options);
  bool fail = false;
  CHECK_OK(pool_apply(pool, with_items, &fail, sizeof fail, NULL, 0));
  fail = true;
  CHECK_STATUS(pool_apply(pool, with_items, &fail, sizeof fail, NULL, 0), 9);
  CHECK_HAS(pool_last_error(), "item 1: the second item");
  CHECK_OK(pool_close_join(pool));
}

static int32_t fail_here(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  return pool_task_fail(task, 4, "the second half");
}

static int32_t fail_second_half(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  return pool_join2(task, nothing, NULL, NULL, fail_here, NULL, NULL);
}

CASE(what_a_half_says_arrives) {
  pool_options_t options = processes(1);
  pool_t *pool = new_pool_with(&options);
  CHECK_STATUS(pool_apply(pool, fail_second_half, NULL, 0, NULL, 0), 4);
  CHECK_HAS(pool_last_error(), "the second half");
  CHECK_OK(pool_close_join(pool));
}
