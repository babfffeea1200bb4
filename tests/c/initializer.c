/* Initialiser and finaliser: once per worker, on its thread, and what a failure does. */
#include "tasks.h"

enum { WORKERS = 4 };

/* What the workers of one pool did, by their numbers. */
struct diary {
  atomic_int initialized[WORKERS], finalized[WORKERS];
  atomic_int outside, total_initialized, total_finalized;
  pid_t threads[WORKERS];
  int failing; /* the worker that fails to start, or -1 */
  pid_t creator;
};

static int32_t initialize(void *worker_data, uint32_t worker) {
  struct diary *diary = worker_data;
  CHECK(worker < WORKERS);
  CHECK(gettid() != diary->creator);
  if ((int)worker == diary->failing) {
    return 33;
  }
  diary->threads[worker] = gettid();
  atomic_fetch_add(&diary->initialized[worker], 1);
  atomic_fetch_add(&diary->total_initialized, 1);
  return 0;
}

static void finalize(void *worker_data, uint32_t worker) {
  struct diary *diary = worker_data;
  CHECK(worker < WORKERS);
  CHECK_EQ(diary->threads[worker], gettid());
  CHECK_EQ(diary->initialized[worker], 1);
  atomic_fetch_add(&diary->finalized[worker], 1);
  atomic_fetch_add(&diary->total_finalized, 1);
}

static pool_options_t with_diary(struct diary *diary) {
  pool_options_t options = POOL_OPTIONS_INIT;
  memset(diary, 0, sizeof *diary);
  diary->failing = -1;
  diary->creator = gettid();
  options.workers = WORKERS;
  options.initializer = initialize;
  options.finalizer = finalize;
  options.worker_data = diary;
  return options;
}

/* The task's worker has been initialised, and this is its thread. */
static int32_t on_an_initialized_worker(const void *arg, void *result, pool_task_t *task) {
  struct diary *diary = (struct diary *)(uintptr_t)arg;
  (void)result;
  CHECK(task->worker < WORKERS);
  CHECK_EQ(diary->initialized[task->worker], 1);
  CHECK_EQ(diary->threads[task->worker], gettid());
  CHECK_EQ(diary->finalized[task->worker], 0);
  return 0;
}

CASE(initializer_and_finalizer_once_per_worker) {
  struct diary diary;
  pool_options_t options = with_diary(&diary);
  pool_t *pool = new_pool_with(&options);
  CHECK_EQ(diary.total_initialized, WORKERS);
  CHECK_EQ(diary.total_finalized, 0);
  for (int i = 0; i < 1000; i++) {
    CHECK_OK(pool_apply_async(pool, on_an_initialized_worker, &diary, 0, 0, NULL, NULL, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  for (int i = 0; i < WORKERS; i++) {
    CHECK_EQ(diary.initialized[i], 1);
    CHECK_EQ(diary.finalized[i], 1);
  }
}

CASE(finalizer_after_join_and_terminate) {
  struct diary diary;
  pool_options_t options = with_diary(&diary);
  pool_t *pool = new_pool_with(&options);
  CHECK_OK(pool_terminate(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK_EQ(diary.total_finalized, WORKERS);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(diary.total_finalized, WORKERS);
}

CASE(initializer_alone) {
  struct diary diary;
  pool_options_t options = with_diary(&diary);
  options.finalizer = NULL;
  CHECK_OK(pool_close_join(new_pool_with(&options)));
  CHECK_EQ(diary.total_initialized, WORKERS);
  CHECK_EQ(diary.total_finalized, 0);
}

static void count_worker(void *worker_data, uint32_t worker) {
  CHECK(worker < WORKERS);
  CHECK_EQ(atomic_fetch_add((atomic_int *)worker_data + worker, 1), 0);
}

/* Which workers start is open here, but whoever ran a task is finalised. */
CASE(finalizer_alone) {
  atomic_int finalized[WORKERS] = {0};
  struct blocker blocker = BLOCKER_INIT;
  struct diary diary;
  pool_options_t options = with_diary(&diary);
  options.initializer = NULL;
  options.finalizer = count_worker;
  options.worker_data = finalized;
  pool_t *pool = new_pool_with(&options);
  pool_future_t *future = block_worker(pool, &blocker);
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK(finalized[0] + finalized[1] + finalized[2] + finalized[3] >= 1);
  CHECK_OK(pool_future_release(future));
}

/* With an initialiser no thread from outside may run a task, as it has not been initialised. */
CASE(outsiders_never_run_tasks_of_initialized_pools) {
  struct diary diary;
  pool_options_t options = with_diary(&diary);
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < 1000; i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply(pool, on_an_initialized_worker, &diary, 0, NULL, 0));
    CHECK_OK(pool_apply_async(pool, on_an_initialized_worker, &diary, 0, 0, NULL, NULL, &future));
    CHECK_OK(pool_future_wait(future, -1));
    CHECK_STATUS(pool_future_status(future), POOL_OK);
    CHECK_OK(pool_future_release(future));
  }
  for (int i = 0; i < 50; i++) {
    CHECK_OK(pool_map(pool, on_an_initialized_worker, &diary, 0, NULL, 0, 100));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(failing_initializer) {
  int before = threads_now();
  for (int failing = 0; failing < WORKERS; failing++) {
    struct diary diary;
    pool_options_t options = with_diary(&diary);
    pool_t *pool = (pool_t *)&diary;
    diary.failing = failing;
    CHECK_ERROR(pool_create_with(&options, &pool), 33);
    CHECK(pool == (pool_t *)&diary);
    for (int i = 0; i < WORKERS; i++) {
      CHECK_EQ(diary.initialized[i], diary.finalized[i]);
    }
    CHECK_EQ(diary.finalized[failing], 0);
    threads_go_back_to(before);
  }
}

static int32_t fail_with(void *worker_data, uint32_t worker) {
  (void)worker;
  return *(int32_t *)worker_data;
}

CASE(any_nonzero_code_of_an_initializer_fails) {
  int32_t codes[] = {1, 2, INT32_MAX};
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 2;
    options.initializer = fail_with;
    options.worker_data = &codes[i];
    pool_t *pool = NULL;
    CHECK_ERROR(pool_create_with(&options, &pool), codes[i]);
    CHECK(pool == NULL);
  }
  int32_t negative = -77;
  pool_options_t options = POOL_OPTIONS_INIT;
  options.initializer = fail_with;
  options.worker_data = &negative;
  pool_t *pool = NULL;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INTERNAL);
  CHECK(pool == NULL);
}

static struct {
  pool_t *pool;
  struct gate running, go;
  atomic_int calls, ran;
  int32_t status;
} retiring = {.running = GATE_INIT, .go = GATE_INIT};

static void submit_at_stop(void *data, uint32_t worker) {
  (void)data;
  (void)worker;
  if (atomic_fetch_add(&retiring.calls, 1) == 0) {
    gate_open(&retiring.running);
    gate_wait(&retiring.go);
    retiring.status = pool_apply_async(retiring.pool, increment, &retiring.ran, 0, 0, NULL, NULL, NULL);
  }
}

static int32_t wait_for_another(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  pool_future_t *future;
  CHECK_OK(pool_apply_async(retiring.pool, nothing, NULL, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, 3600 * 1000));
  CHECK_OK(pool_future_release(future));
  return 0;
}

/* A spare worker has run the awaited task, and one of the two is one too many. */
CASE(finalizer_of_a_worker_that_retires_submits_after_close) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 1;
  options.finalizer = submit_at_stop;
  retiring.pool = new_pool_with(&options);
  CHECK_OK(pool_apply_async(retiring.pool, wait_for_another, NULL, 0, 0, NULL, NULL, NULL));
  gate_wait(&retiring.running);
  CHECK_OK(pool_close(retiring.pool));
  CHECK_ERROR(pool_join(retiring.pool, 20), POOL_ERR_TIMEOUT);
  gate_open(&retiring.go);
  CHECK_OK(pool_close_join(retiring.pool));
  CHECK_OK(retiring.status);
  CHECK_EQ(retiring.ran, 1);
}
