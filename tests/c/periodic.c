/* Periodic tasks, on threads. */
#include "periodic.h"

CASE(threads_runs_again_and_again) {
  runs_again_and_again(POOL_THREADS);
}

CASE(threads_ends_by_its_own_code) {
  ends_by_its_own_code(POOL_THREADS);
}

CASE(threads_ends_with_its_pool) {
  ends_with_its_pool(POOL_THREADS);
}

CASE(threads_never_runs_twice_at_once) {
  never_runs_twice_at_once(POOL_THREADS);
}

CASE(threads_is_ended_by_others) {
  is_ended_by_others(POOL_THREADS);
}

CASE(threads_refuses_a_bad_period) {
  refuses_a_bad_period(POOL_THREADS);
}

CASE(threads_many_come_and_go) {
  many_come_and_go(POOL_THREADS);
}

/* Its context leads to its own handle. */
static int32_t end_itself(const void *arg, void *result, pool_task_t *task) {
  _Atomic(pool_periodic_t *) *place = (_Atomic(pool_periodic_t *) *)(uintptr_t)task->context;
  pool_periodic_t *ticks = NULL;
  (void)arg;
  (void)result;
  EVENTUALLY((ticks = atomic_load(place)) != NULL);
  CHECK_ERROR(pool_periodic_wait(ticks, -1), POOL_ERR_DEADLOCK);
  CHECK_EQ(pool_periodic_cancel(ticks), 1);
  /* The run may be so young that its series does not know it yet. */
  EVENTUALLY(pool_task_cancelled(task) == 1);
  return 0;
}

CASE(a_run_ends_its_own_series) {
  pool_t *pool = new_pool(2);
  static _Atomic(pool_periodic_t *) ticks;
  pool_periodic_t *started = NULL;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = end_itself;
  call.context = (void *)(uintptr_t)&ticks;
  CHECK_OK(pool_periodic_start(pool, &call, 1, &started));
  atomic_store(&ticks, started);
  CHECK_ERROR(pool_periodic_wait(started, -1), POOL_ERR_CANCELLED);
  CHECK_EQ(pool_periodic_runs(started), 1);
  CHECK_OK(pool_periodic_release(started));
  CHECK_OK(pool_close_join(pool));
}

static int32_t start_another(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = *(pool_t *const *)arg;
  struct course *course = (struct course *)(uintptr_t)task->context;
  (void)result;
  pool_call_t call = ticking(&course);
  pool_periodic_t *ticks = NULL;
  CHECK_OK(pool_periodic_start(pool, &call, 1, &ticks));
  /* Other workers run it while this one waits. */
  EVENTUALLY(pool_periodic_runs(ticks) >= 3);
  CHECK_EQ(pool_periodic_cancel(ticks), 1);
  CHECK_ERROR(pool_periodic_wait(ticks, -1), POOL_ERR_CANCELLED);
  CHECK_OK(pool_periodic_release(ticks));
  return 0;
}

CASE(tasks_start_periodic_ones) {
  pool_t *pool = new_pool(2);
  struct course course = {0};
  pool_call_t call = POOL_CALL_INIT;
  call.fn = start_another;
  call.arg_size = sizeof pool;
  call.context = &course;
  pool_t *args[1] = {pool};
  CHECK_OK(pool_map_with(pool, &call, args, NULL, NULL, 1));
  CHECK_OK(pool_close_join(pool));
}

/* A full pool keeps runs out as little as it waits for room itself. */
CASE(full_pools_run_it_nevertheless) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.max_pending = 1;
  pool_t *pool = new_pool_with(&options);
  struct course course = {0}, *all = &course;
  pool_call_t held = waiting(&all), call = ticking(&all);
  pool_periodic_t *ticks = NULL;
  held.delay_ms = 3600000;
  pool_future_t *futures[3];
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_submit(pool, &held, 1, &futures[i]));
  }
  CHECK_OK(pool_periodic_start(pool, &call, 1, &ticks));
  EVENTUALLY(pool_periodic_runs(ticks) >= 3);
  CHECK_EQ(pool_periodic_cancel(ticks), 1);
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(pool_future_cancel(futures[i]), 1);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_periodic_release(ticks));
  CHECK_OK(pool_close_join(pool));
}

struct self {
  pool_periodic_t *_Atomic periodic;
  atomic_int status;
};

static int32_t wait_for_own_end(const void *arg, void *result, pool_task_t *task) {
  struct self *self = (struct self *)(uintptr_t)arg;
  (void)result;
  (void)task;
  while (atomic_load(&self->periodic) == NULL) {
    sleep_ms(1);
  }
  atomic_store(&self->status, pool_periodic_wait(atomic_load(&self->periodic), -1));
  return 1;
}

/* Also by a run that begins before its submission has returned. */
CASE(a_run_cannot_wait_for_its_own_end) {
  int32_t modes[] = {POOL_THREADS, POOL_SEQUENTIAL};
  for (size_t i = 0; i < COUNT_OF(modes); i++) {
    pool_t *pool = pool_of(modes[i], 2);
    for (int round = 0; round < 20; round++) {
      struct self self = {NULL, 0};
      pool_periodic_t *periodic = NULL;
      pool_call_t call = POOL_CALL_INIT;
      call.fn = wait_for_own_end;
      call.arg = &self;
      CHECK_OK(pool_periodic_start(pool, &call, 1, &periodic));
      atomic_store(&self.periodic, periodic);
      CHECK_ERROR(pool_periodic_wait(periodic, -1), 1);
      CHECK_EQ(atomic_load(&self.status), POOL_ERR_DEADLOCK);
      CHECK_OK(pool_periodic_release(periodic));
    }
    CHECK_OK(pool_close_join(pool));
  }
}
