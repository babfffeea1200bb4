/* Maps over several arrays; maps in full that are not waited for. */
#include "starmap.h"

CASE(arrays_of_several_types) {
  for (uint32_t workers = 1; workers < 4; workers++) {
    pool_t *pool = new_pool(workers);
    several_arrays(pool, 0);
    several_arrays(pool, 1);
    several_arrays(pool, scaled(100000));
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(the_first_failure_ends_it) {
  pool_t *pool = new_pool(2);
  a_failing_item(pool);
  CHECK_OK(pool_close_join(pool));
}

static int32_t sum_of_all(const void *arg, void *result, pool_task_t *task) {
  const int32_t *const *args = arg;
  (void)task;
  for (uint32_t i = 0; i < POOL_MAX_ARRAYS; i++) {
    *(int64_t *)result += *args[i];
  }
  return 0;
}

CASE(as_many_arrays_as_there_may_be) {
  pool_t *pool = new_pool(2);
  enum { COUNT = 50 };
  static int32_t numbers[POOL_MAX_ARRAYS][COUNT];
  pool_array_t arrays[POOL_MAX_ARRAYS + 1];
  int64_t sums[COUNT] = {0};
  for (uint32_t i = 0; i < POOL_MAX_ARRAYS; i++) {
    arrays[i] = (pool_array_t){numbers[i], sizeof(int32_t)};
    for (int j = 0; j < COUNT; j++) {
      numbers[i][j] = j;
    }
  }
  CHECK_OK(pool_starmap(pool, sum_of_all, arrays, POOL_MAX_ARRAYS, sums, 8, COUNT));
  for (int j = 0; j < COUNT; j++) {
    CHECK_EQ(sums[j], j * (int)POOL_MAX_ARRAYS);
  }
  arrays[POOL_MAX_ARRAYS] = arrays[0];
  CHECK_ERROR(pool_starmap(pool, sum_of_all, arrays, POOL_MAX_ARRAYS + 1, sums, 8, COUNT), POOL_ERR_INVALID);
  CHECK_ERROR(pool_starmap(pool, sum_of_all, arrays, 0, sums, 8, COUNT), POOL_ERR_INVALID);
  CHECK_OK(pool_close_join(pool));
}

CASE(nonsense) {
  pool_t *pool = new_pool(1);
  struct table table = table_of(10, NULL);
  pool_future_t *future = NULL;
  CHECK_ERROR(pool_starmap(NULL, combine, table.arrays, 3, table.results, 8, 10), POOL_ERR_INVALID);
  CHECK_ERROR(pool_starmap(pool, NULL, table.arrays, 3, table.results, 8, 10), POOL_ERR_INVALID);
  CHECK_ERROR(pool_starmap(pool, combine, NULL, 3, table.results, 8, 10), POOL_ERR_INVALID);
  CHECK_ERROR(pool_starmap(pool, combine, table.arrays, 3, NULL, 8, 10), POOL_ERR_INVALID);
  CHECK_ERROR(pool_starmap(pool, combine, table.arrays, 3, table.results, 8, SIZE_MAX), POOL_ERR_INVALID);
  CHECK_ERROR(pool_starmap_async(pool, NULL, table.arrays, 3, table.results, 8, 10, must_not_be_called, NULL, &future),
              POOL_ERR_INVALID);
  table.arrays[1].data = NULL;
  CHECK_ERROR(pool_starmap(pool, combine, table.arrays, 3, table.results, 8, 10), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "arrays[1]");
  CHECK(future == NULL);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = twice;
  call.arg = table.longs;
  call.arg_size = call.result_size = 8;
  CHECK_ERROR(pool_map_with_async(pool, &call, table.longs, table.results, NULL, 10, &future), POOL_ERR_INVALID);
  call.arg = NULL;
  CHECK_ERROR(pool_map_with_async(pool, NULL, table.longs, table.results, NULL, 10, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map_with_async(NULL, &call, table.longs, table.results, NULL, 10, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map_with_async(pool, &call, NULL, table.results, NULL, 10, &future), POOL_ERR_INVALID);
  call.callback = must_not_be_called;
  CHECK_ERROR(pool_map_with(pool, &call, table.longs, table.results, NULL, 10), POOL_ERR_INVALID);
  CHECK(future == NULL);
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_starmap(pool, combine, table.arrays, 1, table.results, 8, 10), POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
  free_table(&table);
}

static int32_t star_inside(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  struct table table = table_of(300, NULL);
  CHECK_OK(pool_starmap(*(pool_t *const *)arg, combine, table.arrays, 3, table.results, 8, 300));
  results_are_right(&table, 300, 0);
  free_table(&table);
  return 0;
}

CASE(from_inside_a_task) {
  pool_t *pool = new_pool(2);
  pool_t *args[8];
  for (int i = 0; i < 8; i++) {
    args[i] = pool;
  }
  CHECK_OK(pool_map(pool, star_inside, args, sizeof *args, NULL, 0, 8));
  CHECK_OK(pool_close_join(pool));
}

CASE(in_full_and_not_waited_for) {
  pool_t *pool = new_pool(2);
  statuses_of_all(pool);
  cancelled_in_the_midst(pool);
  CHECK_OK(pool_close_join(pool));
}
