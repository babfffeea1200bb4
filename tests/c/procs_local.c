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
