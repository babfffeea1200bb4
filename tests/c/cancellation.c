/* pthread_cancel of a thread that is in the library: put off until the call returns, never an abort. */
#include "tasks.h"

struct waiter {
  pool_t *pool;
  atomic_int started, returned;
};

static int32_t sleep_long(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  atomic_store(&((struct waiter *)(uintptr_t)arg)->started, 1);
  sleep_ms(30);
  return 0;
}

/* The thread is cancelled while it is in `body`, which must return; the next cancellation point then ends the thread. */
static void cancelled_in(void *(*body)(void *)) {
  for (size_t round = 0; round < scaled(20); round++) {
    struct waiter waiter = {new_pool(2), 0, 0};
    void *end = NULL;
    pthread_t thread = check_thread(body, &waiter);
    while (!atomic_load(&waiter.started)) {
      sleep_ms(1);
    }
    CHECK_EQ(pthread_cancel(thread), 0);
    pthread_join(thread, &end);
    CHECK_EQ(atomic_load(&waiter.returned), 1);
    CHECK(end == PTHREAD_CANCELED);
  }
}

static void *apply_and_close(void *data) {
  struct waiter *waiter = data;
  CHECK_OK(pool_apply(waiter->pool, sleep_long, waiter, 0, NULL, 0));
  CHECK_OK(pool_close_join(waiter->pool));
  atomic_store(&waiter->returned, 1);
  pthread_testcancel();
  return NULL;
}

/* Who waits may run the task itself, and the task may be at a cancellation point. */
CASE(while_it_runs_a_task_that_it_waits_for) {
  cancelled_in(apply_and_close);
}

static void *submit_and_close(void *data) {
  struct waiter *waiter = data;
  CHECK_OK(pool_apply_async(waiter->pool, sleep_long, waiter, 0, 0, NULL, NULL, NULL));
  CHECK_OK(pool_close_join(waiter->pool));
  atomic_store(&waiter->returned, 1);
  pthread_testcancel();
  return NULL;
}

CASE(while_it_closes_and_joins) {
  cancelled_in(submit_and_close);
}
