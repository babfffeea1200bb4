/* Sizes at and beyond what memory can hold: an error, never a crash, and nothing written. */
#include "tasks.h"

static int32_t must_not_run(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  FAIL("a task of an impossible size was run, by worker %u", task->worker);
  return 0;
}

static const size_t impossible[] = {SIZE_MAX,      SIZE_MAX - 1,      SIZE_MAX - 15,   SIZE_MAX - 16,
                                    SIZE_MAX - 63, SIZE_MAX - 64,     SIZE_MAX - 4096, SIZE_MAX / 2 + 1,
                                    SIZE_MAX / 2,  SIZE_MAX / 2 - 64, (size_t)1 << 62, (size_t)1 << 48};

/* What the type of a size excludes is invalid; what only no machine has is a lack of memory. */
static void check_refused_for(size_t size, int32_t status) {
  if (status != (size > SIZE_MAX / 2 ? POOL_ERR_INVALID : POOL_ERR_NO_MEMORY)) {
    FAIL("%zu bytes refused with %d (%s): %s", size, status, pool_status_name(status), pool_last_error());
  }
  CHECK(strlen(pool_last_error()) > 3);
}

static void check_refused(int32_t status) {
  if (status != POOL_ERR_INVALID && status != POOL_ERR_NO_MEMORY) {
    FAIL("refused with %d (%s): %s", status, pool_status_name(status), pool_last_error());
  }
  CHECK(strlen(pool_last_error()) > 3);
}

CASE(argument_of_impossible_size) {
  pool_t *pool = new_pool(1);
  char arg = 1;
  int64_t result = -1;
  pool_future_t *future = (pool_future_t *)&arg;
  for (size_t i = 0; i < COUNT_OF(impossible); i++) {
    check_refused(pool_apply(pool, must_not_run, &arg, impossible[i], &result, 8));
    check_refused(pool_apply_async(pool, must_not_run, &arg, impossible[i], 8, must_not_be_called, NULL, &future));
    CHECK(future == (pool_future_t *)&arg);
  }
  CHECK_EQ(result, -1);
  CHECK_OK(pool_close_join(pool));
}

CASE(result_of_impossible_size) {
  pool_t *pool = new_pool(1);
  int64_t arg = 1;
  pool_future_t *future = (pool_future_t *)&arg;
  for (size_t i = 0; i < COUNT_OF(impossible); i++) {
    check_refused_for(impossible[i], pool_apply(pool, must_not_run, &arg, 8, &arg, impossible[i]));
    check_refused_for(impossible[i],
                      pool_apply_async(pool, must_not_run, &arg, 8, impossible[i], must_not_be_called, NULL, &future));
    CHECK(future == (pool_future_t *)&arg);
  }
  CHECK_EQ(arg, 1);
  CHECK_OK(pool_close_join(pool));
}

CASE(both_of_impossible_size) {
  pool_t *pool = new_pool(1);
  int64_t arg = 1;
  for (size_t i = 0; i < COUNT_OF(impossible); i++) {
    for (size_t j = 0; j < COUNT_OF(impossible); j++) {
      check_refused(pool_apply(pool, must_not_run, &arg, impossible[i], &arg, impossible[j]));
      check_refused(
          pool_apply_async(pool, must_not_run, &arg, impossible[i], impossible[j], must_not_be_called, NULL, NULL));
    }
  }
  CHECK_OK(pool_close_join(pool));
}

/* Sizes whose product with the count doesn't fit. */
CASE(map_of_impossible_size) {
  static const struct {
    size_t arg_size, result_size, count;
  } products[] = {
      {8, 8, SIZE_MAX},
      {8, 0, SIZE_MAX},
      {0, 8, SIZE_MAX},
      {8, 8, SIZE_MAX / 8 + 1},
      {SIZE_MAX, 8, 2},
      {8, SIZE_MAX, 2},
      {SIZE_MAX, SIZE_MAX, 2},
      {SIZE_MAX, SIZE_MAX, SIZE_MAX},
      {SIZE_MAX / 2, 0, 3},
      {0, SIZE_MAX / 2, 3},
      {(size_t)1 << 63, 1, 2},
      {(size_t)1 << 32, 1, (size_t)1 << 32},
      {1, (size_t)1 << 63, 2},
      {8, 8, (size_t)1 << 61},
      {8, 8, ((size_t)1 << 61) + 1},
  };
  pool_t *pool = new_pool(1);
  int64_t arg = 1, result = -1;
  int32_t status = 55;
  pool_future_t *future = (pool_future_t *)&arg;
  for (size_t i = 0; i < COUNT_OF(products); i++) {
    size_t a = products[i].arg_size, r = products[i].result_size, count = products[i].count;
    pool_call_t call = POOL_CALL_INIT;
    call.fn = must_not_run;
    call.arg_size = a;
    call.result_size = r;
    check_refused(pool_map(pool, must_not_run, &arg, a, &result, r, count));
    check_refused(pool_map_async(pool, must_not_run, &arg, a, &result, r, count, must_not_be_called, NULL, &future));
    check_refused(pool_map_with(pool, &call, &arg, &result, NULL, count));
    check_refused(pool_map_with(pool, &call, &arg, &result, &status, count));
    CHECK(future == (pool_future_t *)&arg);
  }
  CHECK_EQ(result, -1);
  CHECK_EQ(status, 55);
  CHECK_OK(pool_close_join(pool));
}

/* Statuses alone can be too many to address. */
CASE(too_many_statuses) {
  pool_t *pool = new_pool(1);
  int32_t status = 55;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = must_not_run;
  check_refused(pool_map_with(pool, &call, NULL, NULL, &status, SIZE_MAX));
  check_refused(pool_map_with(pool, &call, NULL, NULL, &status, SIZE_MAX / 4 + 1));
  CHECK_EQ(status, 55);
  CHECK_OK(pool_close_join(pool));
}

static int32_t set_impossible(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  *(int64_t *)result = 12;
  for (size_t i = 0; i < COUNT_OF(impossible); i++) {
    check_refused_for(impossible[i], pool_task_set_result(task, "x", impossible[i]));
  }
  return 0;
}

CASE(set_result_of_impossible_size) {
  pool_t *pool = new_pool(1);
  int64_t result = -1;
  CHECK_OK(pool_apply(pool, set_impossible, NULL, 0, &result, sizeof result));
  CHECK_EQ(result, 12);
  CHECK_OK(pool_close_join(pool));
}

/* A failed call has taken nothing: the pool goes on as before. */
CASE(the_pool_goes_on) {
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < COUNT_OF(impossible); i++) {
    int64_t arg = (int64_t)i, result = -1;
    check_refused(pool_apply_async(pool, must_not_run, &arg, 8, impossible[i], must_not_be_called, NULL, NULL));
    CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
    CHECK_EQ(result, arg * 2);
  }
  CHECK_OK(pool_close_join(pool));
}
