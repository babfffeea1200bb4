/* Pools that grow and shrink while they work, on threads and in processes. */
#ifndef RESIZE_H
#define RESIZE_H

#include "procs.h"

/* In memory that all processes share. */
struct crowd {
  atomic_int open, started, running, most;
};

static int32_t join_the_crowd(const void *arg, void *result, pool_task_t *task) {
  struct crowd *crowd = *(struct crowd *const *)arg;
  (void)result;
  (void)task;
  int running = atomic_fetch_add(&crowd->running, 1) + 1;
  for (int most = atomic_load(&crowd->most);
       most < running && !atomic_compare_exchange_weak(&crowd->most, &most, running);) {
  }
  atomic_fetch_add(&crowd->started, 1);
  while (!atomic_load(&crowd->open)) {
    sleep_ms(1);
  }
  atomic_fetch_sub(&crowd->running, 1);
  return 0;
}

static void enter(pool_t *pool, struct crowd *crowd, int count) {
  for (int i = 0; i < count; i++) {
    CHECK_OK(pool_apply_async(pool, join_the_crowd, &crowd, sizeof crowd, 0, NULL, NULL, NULL));
  }
}

static pool_t *resizable(int32_t mode, uint32_t workers) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = workers;
  options.max_workers = 8;
  return new_pool_with(&options);
}

/* Blocked workers are as many as the pool has, whatever that is. */
static void grows_and_shrinks(int32_t mode) {
  struct crowd *crowd = common(sizeof *crowd);
  pool_t *pool = resizable(mode, 2);
  enter(pool, crowd, 8);
  EVENTUALLY(atomic_load(&crowd->running) == 2);
  sleep_ms(20);
  CHECK_EQ(atomic_load(&crowd->running), 2);
  CHECK_OK(pool_resize(pool, 5));
  CHECK_EQ(pool_workers(pool), 5);
  EVENTUALLY(atomic_load(&crowd->running) == 5);
  sleep_ms(20);
  CHECK_EQ(atomic_load(&crowd->running), 5);
  /* Fewer: nobody is disturbed, and then there are no more than said. */
  CHECK_OK(pool_resize(pool, 1));
  CHECK_EQ(pool_workers(pool), 1);
  atomic_store(&crowd->open, 1);
  EVENTUALLY(atomic_load(&crowd->started) == 8 && atomic_load(&crowd->running) == 0);
  atomic_store(&crowd->open, 0);
  atomic_store(&crowd->most, 0);
  enter(pool, crowd, 4);
  EVENTUALLY(atomic_load(&crowd->running) == 1);
  sleep_ms(20);
  atomic_store(&crowd->open, 1);
  EVENTUALLY(atomic_load(&crowd->started) == 12);
  CHECK_EQ(atomic_load(&crowd->most), 1);
  /* And as many as may be. */
  atomic_store(&crowd->open, 0);
  CHECK_OK(pool_resize(pool, 8));
  enter(pool, crowd, 10);
  EVENTUALLY(atomic_load(&crowd->running) == 8);
  CHECK_ERROR(pool_resize(pool, 9), POOL_ERR_INVALID);
  CHECK_EQ(pool_workers(pool), 8);
  atomic_store(&crowd->open, 1);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&crowd->started), 22);
}

struct resizing {
  pool_t *pool;
  atomic_int stop;
  unsigned seed;
};

static void *resize_at_random(void *data) {
  struct resizing *resizing = data;
  while (!atomic_load(&resizing->stop)) {
    CHECK_OK(pool_resize(resizing->pool, (uint32_t)(rand_r(&resizing->seed) % 8) + 1));
    if (rand_r(&resizing->seed) % 4 == 0) {
      sleep_ms(1);
    }
  }
  return NULL;
}

/* No task is lost, and none waits for ever, while two threads change the number of workers. */
static void works_meanwhile(int32_t mode, size_t tasks) {
  pool_t *pool = resizable(mode, 3);
  struct resizing resizings[2] = {{pool, 0, 1}, {pool, 0, 2}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    threads[i] = check_thread(resize_at_random, &resizings[i]);
  }
  int64_t *numbers = calloc(tasks, sizeof *numbers), *doubles = calloc(tasks, sizeof *doubles);
  CHECK(tasks > 7 && numbers != NULL && doubles != NULL);
  for (size_t i = 0; i < tasks; i++) {
    numbers[i] = (int64_t)i;
  }
  for (int64_t until = now_ms() + check_seconds * 300; now_ms() < until;) {
    int64_t result = 0;
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, twice, &numbers[7], sizeof *numbers, sizeof result, NULL, NULL, &future));
    CHECK_OK(pool_map(pool, twice, numbers, sizeof *numbers, doubles, sizeof *doubles, tasks));
    CHECK_EQ(doubles[tasks - 1], 2 * (int64_t)(tasks - 1));
    CHECK_OK(pool_future_get(future, &result, sizeof result, -1));
    CHECK_EQ(result, 14);
    CHECK_OK(pool_future_release(future));
  }
  for (int i = 0; i < 2; i++) {
    atomic_store(&resizings[i].stop, 1);
    pthread_join(threads[i], NULL);
  }
  free(numbers);
  free(doubles);
  CHECK_OK(pool_close_join(pool));
}

static void is_refused(int32_t mode) {
  pool_t *pool = resizable(mode, 2);
  CHECK_ERROR(pool_resize(NULL, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_resize(pool, UINT32_MAX), POOL_ERR_INVALID);
  CHECK_OK(pool_resize(pool, 2));
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_resize(pool, 3), POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = 4;
  options.max_workers = 3;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
  options.max_workers = POOL_MAX_WORKERS + 1;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
}

#endif
