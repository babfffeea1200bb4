/* Maps from a producer to a consumer. */
#include "imap.h"

CASE(in_order) {
  int threads = threads_now();
  for (uint32_t workers = 1; workers < 4; workers++) {
    pool_t *pool = new_pool(workers);
    results_in_order(pool, 0, 0);
    results_in_order(pool, 1, 30);
    results_in_order(pool, 0, (int64_t)scaled(30000));
    results_in_order(pool, SIZE_MAX, (int64_t)scaled(9000));
    CHECK_OK(pool_close_join(pool));
  }
  threads_go_back_to(threads);
}

CASE(as_they_come) {
  for (uint32_t workers = 1; workers < 4; workers++) {
    pool_t *pool = new_pool(workers);
    results_as_they_come(pool, 0, 0);
    results_as_they_come(pool, 1, 30);
    results_as_they_come(pool, 0, (int64_t)scaled(30000));
    results_as_they_come(pool, SIZE_MAX, (int64_t)scaled(9000));
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(a_slow_item) {
  a_slow_item_of(POOL_THREADS);
}

CASE(failing_producers) {
  failing_producers_of(POOL_THREADS);
}

CASE(closed_before_it_began) {
  closed_before(POOL_THREADS);
  closed_before(POOL_SEQUENTIAL);
}

CASE(given_up) {
  given_up_in(POOL_THREADS);
}

CASE(results_without_room) {
  results_without_room_in(POOL_THREADS);
}

CASE(without_end) {
  without_end_in(POOL_THREADS, scaled(200000));
}

static int32_t ten_of(void *arg, void *user_data) {
  CHECK(arg == NULL);
  return (*(int *)user_data)++ < 10;
}

/* With arg_size 0 every item gets the call's own pointer. */
CASE(one_argument_for_all) {
  pool_t *pool = new_pool(2);
  atomic_int count = 0;
  int produced = 0;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = increment;
  call.arg = &count;
  pool_imap_t *imap = NULL;
  int32_t status;
  CHECK_OK(pool_imap(pool, &call, ten_of, &produced, 3, &imap));
  while (pool_imap_next(imap, -1, NULL, 0, NULL, &status) == 1) {
    CHECK_OK(status);
  }
  CHECK_EQ(atomic_load(&count), 10);
  CHECK_OK(pool_imap_release(imap));
  CHECK_OK(pool_close_join(pool));
}

CASE(nonsense) {
  pool_t *pool = new_pool(1);
  struct source source = {0, 100, 0};
  pool_call_t call = call_of(twice);
  pool_imap_t *imap = NULL;
  begin_fn *begins[] = {pool_imap, pool_imap_unordered};
  int64_t other = 0;
  for (size_t i = 0; i < COUNT_OF(begins); i++) {
    CHECK_ERROR(begins[i](NULL, &call, produce, &source, 0, &imap), POOL_ERR_INVALID);
    CHECK_ERROR(begins[i](pool, NULL, produce, &source, 0, &imap), POOL_ERR_INVALID);
    CHECK_ERROR(begins[i](pool, &call, NULL, &source, 0, &imap), POOL_ERR_INVALID);
    CHECK_ERROR(begins[i](pool, &call, produce, &source, 0, NULL), POOL_ERR_INVALID);
    pool_call_t wrong = call;
    wrong.fn = NULL;
    CHECK_ERROR(begins[i](pool, &wrong, produce, &source, 0, &imap), POOL_ERR_INVALID);
    wrong = call;
    wrong.arg = &other;
    CHECK_ERROR(begins[i](pool, &wrong, produce, &source, 0, &imap), POOL_ERR_INVALID);
    wrong = call;
    wrong.callback = must_not_be_called;
    CHECK_ERROR(begins[i](pool, &wrong, produce, &source, 0, &imap), POOL_ERR_INVALID);
    wrong = call;
    wrong.arg_size = SIZE_MAX / 4;
    CHECK_ERROR(begins[i](pool, &wrong, produce, &source, 0, &imap), POOL_ERR_NO_MEMORY);
  }
  CHECK(imap == NULL);
  CHECK_EQ(source.next, 0);
  imap = imap_of(pool_imap, pool, twice, &source, 2);
  int32_t status = 99;
  CHECK_ERROR(pool_imap_next(NULL, -1, NULL, 0, NULL, &status), POOL_ERR_INVALID);
  CHECK_ERROR(pool_imap_next(imap, -1, NULL, 0, NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_imap_next(imap, -2, NULL, 0, NULL, &status), POOL_ERR_INVALID);
  CHECK_ERROR(pool_imap_next(imap, -1, NULL, 8, NULL, &status), POOL_ERR_INVALID);
  CHECK_EQ(status, 99);
  CHECK_NEXT(imap, 0, POOL_OK);
  CHECK_OK(pool_imap_release(imap));
  CHECK_ERROR(pool_imap_release(imap), POOL_ERR_INVALID);
  CHECK_ERROR(pool_imap_next(imap, -1, NULL, 0, NULL, &status), POOL_ERR_INVALID);
  CHECK_OK(pool_imap_release(NULL));
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_imap(pool, &call, produce, &source, 0, &imap), POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
}

/* A pool that is closed in the midst gives what is under way, then says so. */
CASE(closed_in_the_midst) {
  pool_t *pool = new_pool(2);
  struct source source = {0, 100, 0};
  pool_imap_t *imap = imap_of(pool_imap, pool, twice, &source, 5);
  CHECK_OK(pool_close(pool));
  for (int i = 0; i < 5; i++) {
    CHECK_NEXT(imap, i, POOL_OK);
  }
  int32_t status;
  CHECK_ERROR(pool_imap_next(imap, -1, NULL, 0, NULL, &status), POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
  CHECK_ERROR(pool_imap_next(imap, -1, NULL, 0, NULL, &status), POOL_ERR_CLOSED);
  CHECK_OK(pool_imap_release(imap));
}

/* A pool that takes no more for the moment: nothing of the producer's is lost. */
CASE(more_than_the_pool_takes) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 1;
  options.max_pending = 2;
  int32_t policies[] = {POOL_FULL_FAIL, POOL_FULL_BLOCK, POOL_FULL_RUN_INLINE};
  for (size_t i = 0; i < COUNT_OF(policies); i++) {
    options.when_full = policies[i];
    pool_t *pool = new_pool_with(&options);
    struct source source = {0, (int64_t)scaled(2000), 0};
    pool_imap_t *imap = imap_of(pool_imap, pool, twice, &source, 10);
    for (int64_t item = 0; item < source.count; item++) {
      CHECK_NEXT(imap, item, POOL_OK);
    }
    int32_t status;
    CHECK_EQ(pool_imap_next(imap, -1, NULL, 0, NULL, &status), 0);
    CHECK_OK(pool_imap_release(imap));
    CHECK_OK(pool_close_join(pool));
  }
}

/* ---- From the inside ---- */

static int32_t imap_inside(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = *(pool_t *const *)arg;
  (void)result;
  (void)task;
  results_in_order(pool, 0, 200);
  results_as_they_come(pool, 0, 200);
  return 0;
}

CASE(from_inside_a_task) {
  for (uint32_t workers = 1; workers < 3; workers++) {
    pool_t *pool = new_pool(workers);
    pool_t *args[6];
    for (int i = 0; i < 6; i++) {
      args[i] = pool;
    }
    CHECK_OK(pool_map(pool, imap_inside, args, sizeof *args, NULL, 0, 6));
    CHECK_OK(pool_close_join(pool));
  }
}

static pool_imap_t *of_my_producer;

static int32_t greedy(void *arg, void *user_data) {
  int32_t status;
  if (of_my_producer != NULL) {
    CHECK_ERROR(pool_imap_next(of_my_producer, -1, NULL, 0, NULL, &status), POOL_ERR_INVALID);
    CHECK_ERROR(pool_imap_release(of_my_producer), POOL_ERR_INVALID);
  }
  return produce(arg, user_data);
}

CASE(a_producer_cannot_use_its_own_iterator) {
  pool_t *pool = new_pool(1);
  struct source source = {0, 20, 0};
  pool_call_t call = call_of(twice);
  CHECK_OK(pool_imap(pool, &call, greedy, &source, 2, &of_my_producer));
  for (int i = 0; i < 20; i++) {
    CHECK_NEXT(of_my_producer, i, POOL_OK);
  }
  CHECK_OK(pool_imap_release(of_my_producer));
  CHECK_OK(pool_close_join(pool));
}
