/* Continuations, on threads and in processes: what the cases of both do. */
#ifndef THEN_H
#define THEN_H

#include "deferred.h"

UNUSED static int32_t one_more(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(int64_t *)result = *(const int64_t *)arg + 1;
  return 0;
}

/* A text of its own length, of any length, set at the end. */
UNUSED static int32_t lengthen(const void *arg, void *result, pool_task_t *task) {
  const char *text = arg;
  (void)result;
  size_t length = text == NULL ? 0 : strlen(text);
  char *longer = calloc(1, 3 * length + 2);
  CHECK(longer != NULL);
  memset(longer, 'x', 3 * length + 1);
  CHECK_OK(pool_task_set_result(task, longer, 3 * length + 2));
  free(longer);
  return 0;
}

UNUSED static int32_t has_no_argument(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  return arg == NULL ? 0 : 3;
}

UNUSED static void continues_with_the_result(int32_t mode) {
  pool_t *pool = pool_of(mode, 2);
  int64_t number = 20, results[2] = {0, 0};
  pool_future_t *first = NULL, *second = NULL, *third = NULL, *late = NULL;
  CHECK_OK(pool_apply_async(pool, twice, &number, 8, 8, NULL, NULL, &first));
  CHECK_OK(pool_future_then(first, one_more, 8, NULL, NULL, &second));
  CHECK_OK(pool_future_then(second, one_more, 8, NULL, NULL, &third));
  CHECK_OK(pool_future_release(second));
  CHECK_OK(pool_future_get(third, results, sizeof results, -1));
  CHECK_EQ(results[0], 42);
  /* What has ended can be continued, too, and again. */
  CHECK_OK(pool_future_then(first, one_more, 8, NULL, NULL, &late));
  CHECK_OK(pool_future_get(late, results, 8, -1));
  CHECK_EQ(results[0], 41);
  CHECK_OK(pool_future_then(third, has_no_argument, 0, NULL, NULL, &second));
  CHECK_FUTURE(second, 3);
  pool_future_t *futures[] = {first, second, third, late};
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void continues_with_any_size(int32_t mode) {
  pool_t *pool = pool_of(mode, 2);
  pool_future_t *future = NULL, *next = NULL;
  CHECK_OK(pool_apply_async(pool, lengthen, NULL, 0, 0, NULL, NULL, &future));
  size_t length = 1;
  for (int i = 0; i < 9; i++) {
    CHECK_OK(pool_future_then(future, lengthen, i % 2 == 0 ? 0 : 1000, NULL, NULL, &next));
    CHECK_OK(pool_future_release(future));
    future = next;
    length = 3 * length + 1;
  }
  CHECK_FUTURE(future, POOL_OK);
  size_t size = 0;
  const char *text = pool_future_data(future, &size);
  CHECK_EQ(size, length + 1);
  CHECK_EQ(strlen(text), length);
  CHECK_OK(pool_future_release(future));
  /* Of a map, and of a task without a result, there is nothing to pass on. */
  CHECK_OK(pool_map_async(pool, nothing, NULL, 0, NULL, 0, 10, NULL, NULL, &future));
  CHECK_OK(pool_future_then(future, has_no_argument, 0, NULL, NULL, &next));
  CHECK_FUTURE(next, POOL_OK);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_future_release(next));
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void continues_no_failure(int32_t mode) {
  pool_t *pool = pool_of(mode, 2);
  struct tally tally = {0, 1};
  pool_future_t *first = NULL, *second = NULL, *third = NULL;
  CHECK_OK(pool_apply_async(pool, fail, NULL, 0, 8, NULL, NULL, &first));
  CHECK_OK(pool_future_then(first, one_more, 8, count_call, &tally, &second));
  CHECK_OK(pool_future_then(second, one_more, 8, count_call, &tally, &third));
  CHECK_FUTURE(third, 7);
  CHECK(strstr(pool_future_message(third), "no such luck") != NULL);
  CHECK_ERROR(pool_future_then(NULL, one_more, 8, NULL, NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_then(first, NULL, 8, NULL, NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_then(first, one_more, SIZE_MAX / 2 + 1, NULL, NULL, NULL), POOL_ERR_INVALID);
  pool_future_t *futures[] = {first, second, third};
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 2);
}

UNUSED static void long_continuation(int32_t mode, size_t length) {
  pool_t *pool = pool_of(mode, 2);
  int64_t number = 0;
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, one_more, &number, 8, 8, NULL, NULL, &future));
  for (size_t i = 1; i < length; i++) {
    pool_future_t *next = NULL;
    CHECK_OK(pool_future_then(future, one_more, 8, NULL, NULL, &next));
    CHECK_OK(pool_future_release(future));
    future = next;
  }
  CHECK_OK(pool_future_get(future, &number, 8, -1));
  CHECK_EQ(number, (int64_t)length);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

#endif
