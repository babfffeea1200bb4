/* Pools of processes: maps from a producer to a consumer. */
#include "imap.h"

CASE(in_order) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  results_in_order(pool, 0, 0);
  results_in_order(pool, 1, 30);
  results_in_order(pool, 0, 3000);
  results_in_order(pool, 5000, 9000);
  CHECK_OK(pool_close_join(pool));
  world_is_back(&world);
}

CASE(as_they_come) {
  pool_t *pool = process_pool(2);
  results_as_they_come(pool, 0, 0);
  results_as_they_come(pool, 1, 30);
  results_as_they_come(pool, 0, 3000);
  results_as_they_come(pool, 5000, 9000);
  CHECK_OK(pool_close_join(pool));
}

CASE(a_slow_item) {
  pool_t *pool = process_pool(2);
  who_waits_for_whom(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(failing_producers) {
  pool_t *pool = process_pool(2);
  a_producer_that_fails(pool, pool_imap);
  a_producer_that_fails(pool, pool_imap_unordered);
  CHECK_OK(pool_close_join(pool));
}

CASE(given_up) {
  begin_fn *begins[] = {pool_imap, pool_imap_unordered};
  for (size_t i = 0; i < COUNT_OF(begins); i++) {
    pool_t *pool = process_pool(2);
    released_in_the_midst(pool, begins[i]);
    CHECK_OK(pool_close_join(pool));
    pool = process_pool(2);
    terminated_in_the_midst(pool, begins[i]);
  }
}

CASE(results_without_room) {
  pool_t *pool = process_pool(1);
  too_long_for_the_room(pool, pool_imap);
  too_long_for_the_room(pool, pool_imap_unordered);
  CHECK_OK(pool_close_join(pool));
}

CASE(without_end) {
  pool_t *pool = process_pool(2);
  endless(pool, pool_imap, scaled(50000));
  endless(pool, pool_imap_unordered, scaled(50000));
  CHECK_OK(pool_close_join(pool));
}

static int32_t die_at_five(const void *arg, void *result, pool_task_t *task) {
  if (*(const int64_t *)arg == 5) {
    kill(getpid(), SIGKILL);
  }
  return twice(arg, result, task);
}

CASE(a_worker_that_dies_costs_its_item) {
  pool_t *pool = process_pool(2);
  struct source source = {0, 40, 0};
  pool_imap_t *imap = imap_of(pool_imap, pool, die_at_five, &source, 10);
  for (int i = 0; i < 40; i++) {
    CHECK_NEXT(imap, i, i == 5 ? POOL_ERR_WORKER_DIED : POOL_OK);
  }
  CHECK_OK(pool_imap_release(imap));
  CHECK_OK(pool_close_join(pool));
}
