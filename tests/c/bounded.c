/* Bounded pools of threads: never more than `workers` + `max_pending` tasks inside. */
#include "bounded.h"

CASE(a_full_pool_of_threads_says_so) {
  is_full_at(POOL_THREADS);
}

CASE(submitters_wait_for_room_among_threads) {
  waits_for_room(POOL_THREADS);
}

CASE(who_waits_is_told_when_the_pool_closes) {
  is_refused(POOL_THREADS, pool_close, POOL_ERR_CLOSED);
  is_refused(POOL_THREADS, pool_terminate, POOL_ERR_CLOSED);
}

CASE(nobody_waits_for_ever_among_threads) {
  many_submit(POOL_THREADS);
}

static int32_t have_children(const void *arg, void *result, pool_task_t *task) {
  struct family *family = (struct family *)(uintptr_t)arg;
  (void)result;
  (void)task;
  if (atomic_fetch_add(&family->born, 1) < 500) {
    for (int i = 0; i < 3; i++) {
      CHECK_OK(pool_apply_async(family->pool, have_children, family, 0, 0, NULL, NULL, NULL));
    }
    CHECK_OK(pool_apply(family->pool, nothing, NULL, 0, NULL, 0));
    CHECK_OK(pool_map(family->pool, nothing, NULL, 0, NULL, 0, 3));
  }
  return 0;
}

static void grow(int32_t when_full) {
  pool_options_t options = bounded(POOL_THREADS, when_full);
  options.max_pending = 1;
  struct family family = {new_pool_with(&options), 0};
  CHECK_OK(pool_apply_async(family.pool, have_children, &family, 0, 0, NULL, NULL, NULL));
  CHECK_OK(pool_close_join(family.pool));
  CHECK(atomic_load(&family.born) >= 1 + 500 * 3);
}

CASE(tasks_that_submit_do_not_wait_for_themselves) {
  grow(POOL_FULL_BLOCK);
  grow(POOL_FULL_RUN_INLINE);
}

CASE(callbacks_that_submit_do_not_wait_for_ever) {
  callbacks_submit(POOL_THREADS);
}

static int32_t note_thread(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  *(int *)result = pthread_equal(pthread_self(), **(pthread_t *const *)arg) && task->worker == POOL_NO_WORKER;
  return 0;
}

CASE(the_caller_runs_what_is_too_much) {
  struct course *course = common(sizeof *course);
  pool_options_t options = bounded(POOL_THREADS, POOL_FULL_RUN_INLINE);
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < MOST; i++) {
    CHECK_OK(offer(pool, course));
  }
  EVENTUALLY(atomic_load(&course->started) == WORKERS);
  pthread_t self = pthread_self(), *here = &self;
  atomic_int called = 0;
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, note_thread, &here, sizeof here, sizeof(int), count_callback, &called, &future));
  CHECK_EQ(pool_future_ready(future), 1);
  int was_here = 0;
  CHECK_OK(pool_future_get(future, &was_here, sizeof was_here, 0));
  CHECK(was_here);
  CHECK_OK(pool_future_release(future));
  atomic_int ran = 0;
  pool_call_t calls[MOST];
  for (int i = 0; i < MOST; i++) {
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls[i].fn = increment;
    calls[i].arg = &ran;
  }
  CHECK_OK(pool_submit(pool, calls, MOST, NULL));
  CHECK_EQ(atomic_load(&ran), MOST);
  atomic_store(&course->open, 1);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&called), 1);
  CHECK_EQ(atomic_load(&course->started), MOST);
}

CASE(batches_count_each_call) {
  batches(POOL_THREADS);
}

CASE(what_is_cancelled_makes_room) {
  struct course *course = common(sizeof *course);
  pool_options_t options = bounded(POOL_THREADS, POOL_FULL_FAIL);
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < MOST - 1; i++) {
    CHECK_OK(offer(pool, course));
  }
  for (int i = 0; i < 100; i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &future));
    CHECK_EQ(pool_future_cancel(future), 1);
    CHECK_OK(pool_future_release(future));
  }
  atomic_store(&course->open, 1);
  CHECK_OK(pool_close_join(pool));
}

static int32_t begin_well(void *worker_data, uint32_t worker) {
  (void)worker_data;
  (void)worker;
  return 0;
}

CASE(options_that_make_no_sense) {
  pool_t *pool = NULL;
  pool_options_t options = bounded(POOL_THREADS, 77);
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
  options.when_full = POOL_FULL_FAIL;
  options.max_pending = 0;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
  options = bounded(POOL_PROCESSES, POOL_FULL_RUN_INLINE);
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_UNSUPPORTED);
  options = bounded(POOL_THREADS, POOL_FULL_RUN_INLINE);
  options.initializer = begin_well;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_UNSUPPORTED);
  options = bounded(POOL_THREADS, POOL_FULL_FAIL);
  options.max_pending = SIZE_MAX;
  pool = new_pool_with(&options);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

struct batch {
  pool_t *pool;
  int32_t status;
};

static void *submit_six(void *data) {
  struct batch *batch = data;
  pool_call_t calls[6];
  for (int i = 0; i < 6; i++) {
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls[i].fn = nothing;
  }
  batch->status = pool_submit(batch->pool, calls, 6, NULL);
  return NULL;
}

/* A batch waits for room that the pool, made smaller meanwhile, never has again. */
CASE(a_batch_waits_while_the_pool_shrinks) {
  struct course course = {0}, *shared = &course;
  pool_options_t options = bounded(POOL_THREADS, POOL_FULL_BLOCK);
  options.workers = 4;
  options.max_pending = 2;
  struct batch batch = {new_pool_with(&options), -1};
  CHECK_OK(pool_apply_async(batch.pool, wait_for_it, &shared, sizeof shared, 0, NULL, NULL, NULL));
  pthread_t thread = check_thread(submit_six, &batch);
  sleep_ms(20);
  CHECK_OK(pool_resize(batch.pool, 1));
  atomic_store(&course.open, 1);
  pthread_join(thread, NULL);
  /* If the thread came late its batch is too large, and says so. */
  CHECK(batch.status == POOL_OK || batch.status == POOL_ERR_INVALID);
  CHECK_OK(pool_close_join(batch.pool));
}
