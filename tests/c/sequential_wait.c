/* POOL_SEQUENTIAL: threads that wait while others submit. */
#include "tasks.h"

struct ping {
  pool_t *pool;
  pool_event_t *event;
  size_t rounds;
  atomic_size_t waiting, set;
};

static int32_t set_event(const void *arg, void *result, pool_task_t *task) {
  const struct ping *ping = arg;
  (void)result;
  (void)task;
  CHECK_OK(pool_event_set(ping->event));
  return 0;
}

static int32_t wait_for_event(const void *arg, void *result, pool_task_t *task) {
  struct ping *ping = (struct ping *)(uintptr_t)arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&ping->waiting, 1);
  CHECK_OK(pool_event_wait(ping->event, -1));
  CHECK_OK(pool_event_clear(ping->event));
  return 0;
}

static void *set_events(void *data) {
  struct ping *ping = data;
  unsigned seed = 1;
  for (size_t i = 1; i <= ping->rounds; i++) {
    while (atomic_load(&ping->waiting) < i) {
    }
    for (volatile int j = rand_r(&seed) % 200; j > 0; j--) {
    }
    CHECK_OK(pool_apply_async(ping->pool, set_event, ping, 0, 0, NULL, NULL, NULL));
    atomic_store(&ping->set, i);
  }
  return NULL;
}

/* What another thread submits while a task is about to wait is run by one of the two. */
CASE(nothing_is_left_behind_by_who_waits) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = POOL_SEQUENTIAL;
  struct ping ping = {new_pool_with(&options), NULL, scaled(10000), 0, 0};
  CHECK_OK(pool_event_create(ping.pool, &ping.event));
  pthread_t thread = check_thread(set_events, &ping);
  for (size_t i = 1; i <= ping.rounds; i++) {
    CHECK_OK(pool_apply_async(ping.pool, wait_for_event, &ping, 0, 0, NULL, NULL, NULL));
    while (atomic_load(&ping.set) < i) {
    }
  }
  pthread_join(thread, NULL);
  CHECK_OK(pool_event_free(ping.event));
  CHECK_OK(pool_close_join(ping.pool));
}
