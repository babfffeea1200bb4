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
  a_slow_item_of(POOL_PROCESSES);
}

CASE(failing_producers) {
  failing_producers_of(POOL_PROCESSES);
}

CASE(closed_before_it_began) {
  closed_before(POOL_PROCESSES);
}

CASE(given_up) {
  given_up_in(POOL_PROCESSES);
}

CASE(results_without_room) {
  results_without_room_in(POOL_PROCESSES);
}

CASE(without_end) {
  without_end_in(POOL_PROCESSES, scaled(50000));
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
