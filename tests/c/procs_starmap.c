/* Pools of processes: maps over several arrays; maps in full that are not waited for. */
#include "starmap.h"

CASE(arrays_of_several_types) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  several_arrays(pool, 0);
  several_arrays(pool, 1);
  several_arrays(pool, scaled(100000));
  CHECK_OK(pool_close_join(pool));
  world_is_back(&world);
}

CASE(arrays_that_are_shared_already) {
  pool_t *pool = process_pool(2);
  enum { COUNT = 1000 };
  int64_t *longs = shared(pool, COUNT * sizeof *longs), *results = shared(pool, COUNT * sizeof *results);
  int32_t ints[COUNT];
  for (int i = 0; i < COUNT; i++) {
    longs[i] = i;
    ints[i] = 1;
  }
  pool_array_t arrays[3] = {{longs, 8}, {ints, 4}, {NULL, 0}};
  CHECK_OK(pool_starmap(pool, combine, arrays, 3, results, 8, COUNT));
  for (int i = 0; i < COUNT; i++) {
    CHECK_EQ(results[i], 2 * i);
  }
  arrays[2].data = "x";
  CHECK_ERROR(pool_starmap(pool, combine, arrays, 3, results, 8, COUNT), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "arrays[2]");
  CHECK_OK(pool_close_join(pool));
}

CASE(the_first_failure_ends_it) {
  pool_t *pool = process_pool(2);
  a_failing_item(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(in_full_and_not_waited_for) {
  pool_t *pool = process_pool(2);
  statuses_of_all(pool);
  cancelled_in_the_midst(pool);
  CHECK_OK(pool_close_join(pool));
}
