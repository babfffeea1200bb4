/* pool_submit to worker processes: the same as on threads, but for pointers. */
#include "procs.h"

static int32_t add_context(const void *arg, void *result, pool_task_t *task) {
  *(int64_t *)result = *(const int64_t *)arg + (task->context ? *(const int64_t *)task->context : 0);
  return 0;
}

CASE(values_and_shared_contexts) {
  enum { COUNT = 3000 };
  static int64_t numbers[COUNT];
  pool_future_t **futures = calloc(COUNT, sizeof *futures);
  pool_call_t *calls = calloc(COUNT, sizeof *calls);
  pool_t *pool = process_pool(2);
  int64_t *context = pool_shared_alloc(pool, sizeof *context);
  CHECK(context != NULL);
  *context = 5;
  for (int i = 0; i < COUNT; i++) {
    numbers[i] = i;
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls[i].fn = add_context;
    calls[i].arg = &numbers[i];
    calls[i].arg_size = sizeof numbers[i];
    calls[i].result_size = sizeof numbers[i];
    calls[i].context = i % 2 ? context : NULL;
  }
  CHECK_OK(pool_submit(pool, calls, COUNT, futures));
  for (int i = 0; i < COUNT; i++) {
    int64_t result = -1;
    CHECK_OK(pool_future_get(futures[i], &result, sizeof result, -1));
    CHECK_EQ(result, i + (i % 2 ? 5 : 0));
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
  free(calls);
  free(futures);
}

CASE(private_pointers_are_refused_and_nothing_is_submitted) {
  int64_t private = 1;
  pool_call_t calls[3] = {POOL_CALL_INIT, POOL_CALL_INIT, POOL_CALL_INIT};
  pool_t *pool = process_pool(1);
  for (int i = 0; i < 3; i++) {
    calls[i].fn = nothing;
  }
  calls[2].context = &private;
  CHECK_ERROR(pool_submit(pool, calls, 3, NULL), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "call 2");
  calls[2].context = NULL;
  calls[1].arg = &private;
  CHECK_ERROR(pool_submit(pool, calls, 3, NULL), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "call 1");
  CHECK_OK(pool_close_join(pool));
}

/* While there are no free slots, who submits takes in what has ended, whose blocks come back to the
 * submitter's own lane. */
CASE(batches_one_after_the_other_without_handles) {
  enum { COUNT = 20000 };
  pool_call_t *calls = calloc(COUNT, sizeof *calls);
  pool_t *pool = process_pool(2);
  for (int i = 0; i < COUNT; i++) {
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls[i].fn = nothing;
  }
  for (int round = 0; round < (int)scaled(20); round++) {
    CHECK_OK(pool_submit(pool, calls, COUNT, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  free(calls);
}
