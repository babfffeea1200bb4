/* What the cases of blocking sections share: meetings, and tasks that open gates. */
#ifndef BLOCKING_H
#define BLOCKING_H

#include "tasks.h"

/* How many are there, and a wait until so many have been. */
struct meeting {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int present, expected;
};
#define MEETING_INIT(count) {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, count}

UNUSED static void meet(struct meeting *meeting) {
  pthread_mutex_lock(&meeting->mutex);
  meeting->present++;
  pthread_cond_broadcast(&meeting->changed);
  while (meeting->present < meeting->expected) {
    pthread_cond_wait(&meeting->changed, &meeting->mutex);
  }
  pthread_mutex_unlock(&meeting->mutex);
}

/* Submits `count` tasks that get the pointer itself. */
UNUSED static void submit(pool_t *pool, int count, pool_fn fn, void *pointer) {
  for (int i = 0; i < count; i++) {
    CHECK_OK(pool_apply_async(pool, fn, pointer, 0, 0, NULL, NULL, NULL));
  }
}

/* Runs one task on a worker, and returns when it has ended. */
UNUSED static void run_one(pool_t *pool, pool_fn fn, void *pointer) {
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, fn, pointer, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, 60000));
  CHECK_OK(pool_future_status(future));
  CHECK_OK(pool_future_release(future));
}

UNUSED static pool_t *pool_with_most(uint32_t workers, uint32_t max_blocked) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = workers;
  options.max_blocked = max_blocked;
  return new_pool_with(&options);
}

struct nested {
  pool_t *pool;
  struct gate other;
};

UNUSED static int32_t open_gate(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  gate_open((struct gate *)(uintptr_t)arg);
  return 0;
}

#endif
