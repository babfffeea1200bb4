/* Pools of processes: waiting for several futures at once, and for one after the other. */
#include "waits.h"

CASE(any) {
  pool_t *pool = process_pool(3);
  the_first_of_several(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(all) {
  pool_t *pool = process_pool(2);
  all_of_them(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(first_error) {
  pool_t *pool = process_pool(2);
  the_first_failure(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(a_cancelled_future_ends_the_wait) {
  pool_t *pool = process_pool(1);
  cancelled_meanwhile(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(terminate_ends_the_wait) {
  int32_t untils[] = {POOL_WAIT_ANY, POOL_WAIT_FIRST_ERROR, POOL_WAIT_ALL};
  for (size_t i = 0; i < COUNT_OF(untils); i++) {
    pool_t *pool = process_pool(1);
    terminated_meanwhile(pool, untils[i]);
    CHECK_OK(pool_close_join(pool));
  }
}

static void *kill_a_little_later(void *data) {
  sleep_ms(20);
  kill(*(int32_t *)data, SIGKILL);
  return NULL;
}

CASE(a_worker_that_dies_ends_the_wait) {
  pool_t *pool = process_pool(2);
  pool_future_t *futures[2];
  struct hold *holds = hold_workers(pool, 2, futures);
  pthread_t thread = check_thread(kill_a_little_later, &holds[1].pid);
  size_t index = 99;
  CHECK_OK(pool_wait(futures, 2, POOL_WAIT_FIRST_ERROR, -1, &index));
  CHECK_EQ(index, 1);
  CHECK_STATUS(pool_future_status(futures[1]), POOL_ERR_WORKER_DIED);
  pool_as_completed_t *ready = each_of(futures, 2);
  CHECK_EQ(pool_as_completed_next(ready, -1, &index), 1);
  CHECK_EQ(index, 1);
  atomic_store(&holds[0].go, 1);
  CHECK_EQ(pool_as_completed_next(ready, -1, &index), 1);
  CHECK_EQ(index, 0);
  CHECK_OK(pool_as_completed_release(ready));
  pthread_join(thread, NULL);
  release_all(futures, 2);
  CHECK_OK(pool_close_join(pool));
}

CASE(as_they_are_completed) {
  pool_t *pool = process_pool(3);
  in_the_order_of_their_ends(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(each_future_once) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  each_once(pool, 1);
  each_once(pool, scaled(20000));
  CHECK_OK(pool_close_join(pool));
  world_is_back(&world);
}

CASE(iterators_that_are_given_up) {
  pool_t *pool = process_pool(2);
  given_up_in_the_midst(pool);
  CHECK_OK(pool_close_join(pool));
}

/* Futures of a pool of processes, of one of threads, and a map. */
CASE(futures_of_several_pools) {
  pool_t *pools[2] = {process_pool(1), new_pool(1)};
  struct hold *hold = shared(pools[0], sizeof *hold);
  int64_t args[100] = {0}, results[100];
  pool_future_t *futures[3] = {hold_worker(pools[0], hold), submitted(pools[1], -1), NULL};
  CHECK_OK(pool_map_async(pools[1], twice, args, 8, results, 8, 100, NULL, NULL, &futures[2]));
  size_t index = 99;
  CHECK_OK(pool_wait(futures, 3, POOL_WAIT_FIRST_ERROR, -1, &index));
  CHECK_EQ(index, 1);
  CHECK_OK(pool_wait(futures + 1, 2, POOL_WAIT_ALL, -1, &index));
  CHECK_EQ(index, 0);
  atomic_store(&hold->go, 1);
  pool_as_completed_t *ready = each_of(futures, 3);
  int given = 0;
  while (pool_as_completed_next(ready, -1, &index) == 1) {
    given |= 1 << index;
  }
  CHECK_EQ(given, 7);
  CHECK_OK(pool_as_completed_release(ready));
  CHECK_OK(pool_close_join(pools[0]));
  CHECK_OK(pool_close_join(pools[1]));
  CHECK_OK(pool_wait(futures, 3, POOL_WAIT_ALL, -1, &index));
  ready = each_of(futures, 3);
  release_all(futures, 3);
  while (pool_as_completed_next(ready, -1, &index) == 1) {
    given--;
  }
  CHECK_EQ(given, 4);
  CHECK_OK(pool_as_completed_release(ready));
}
