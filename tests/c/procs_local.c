/* pool_local_get() where workers are processes. */
#include "local.h"

CASE(each_process_has_its_own) {
  each_worker_has_its_own(POOL_PROCESSES);
}

CASE(a_value_that_cannot_be_made_in_a_process) {
  a_value_that_cannot_be_made(POOL_PROCESSES);
}

/* A worker that is replaced leaves nothing to the next one. */
CASE(a_replacement_makes_its_own) {
  struct book *book = new_book();
  pool_options_t options = processes(1);
  options.max_tasks_per_worker = 1;
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < 4; i++) {
    CHECK_OK(pool_apply(pool, count_own, &book, sizeof book, NULL, 0));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(book->made, 4);
  CHECK_EQ(book->freed, 4);
}

static void free_and_ask(void *value, void *user_data) {
  struct book *book = user_data;
  free(value);
  CHECK(pool_local_get(book->inner) == NULL);
  CHECK_HAS(pool_last_error(), "ending");
  atomic_fetch_add(&book->live, 1);
}

/* Who frees a worker's last value is given no other: the worker would never end. */
CASE(no_value_is_made_at_the_end_of_a_process) {
  struct book *book = new_book();
  book->inner = pool_local_create(make_own, free_and_ask, book);
  pool_local_t *outer = book->local;
  book->local = book->inner;
  pool_options_t options = processes(1);
  pool_t *pool = new_pool_with(&options);
  pool_future_t *future;
  CHECK_OK(pool_apply_async(pool, count_own, &book, sizeof book, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, NULL, 0, 10000));
  pool_future_release(future);
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, 20000));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(book->made, 1);
  CHECK_EQ(book->live, 1);
  CHECK_OK(pool_local_release(book->inner));
  CHECK_OK(pool_local_release(outer));
}
