/* Callers in odd places: small stacks, threads that end, initialisers, callbacks that wait. */
#include "tasks.h"

/* Uses far more stack than the callers below have. */
static int32_t use_half_a_megabyte(const void *arg, void *result, pool_task_t *task) {
  volatile char large[512 << 10];
  (void)arg;
  (void)result;
  (void)task;
  for (size_t i = 0; i < sizeof large; i += 1024) {
    large[i] = 1;
  }
  return large[1024] - 1;
}

static void *wait_on_a_small_stack(void *data) {
  pool_future_t *future = NULL;
  for (int i = 0; i < 50; i++) {
    CHECK_OK(pool_apply(data, use_half_a_megabyte, NULL, 0, NULL, 0));
    CHECK_OK(pool_map(data, use_half_a_megabyte, NULL, 0, NULL, 0, 4));
    CHECK_OK(pool_apply_async(data, use_half_a_megabyte, NULL, 0, 0, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, NULL, 0, -1));
    CHECK_OK(pool_future_release(future));
  }
  return NULL;
}

/* Who waits runs tasks only if its stack has room for them; otherwise they are a worker's. */
CASE(waiting_on_a_small_stack) {
  static const size_t sizes[] = {64 << 10, 128 << 10, 256 << 10};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    pool_t *pool = new_pool(2);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    CHECK_EQ(pthread_attr_setstacksize(&attributes, sizes[i]), 0);
    CHECK_EQ(pthread_create(&thread, &attributes, wait_on_a_small_stack, pool), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    CHECK_OK(pool_close_join(pool));
  }
}

static pthread_key_t at_end;
static pool_t *end_pool;
static atomic_int ends;

/* Runs when a thread ends, after the library's own things of that thread may be gone. */
static void use_at_end(void *data) {
  int64_t arg = 21, result = 0;
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply(end_pool, twice, &arg, 8, &result, 8));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_apply_async(end_pool, twice, &arg, 8, 8, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, &result, 8, -1));
  CHECK_OK(pool_future_release(future));
  CHECK_STATUS(pool_close(NULL), POOL_ERR_INVALID);
  CHECK(pool_last_error() != NULL);
  /* Once more in the next round of destructors. */
  if (data == &ends) {
    pthread_setspecific(at_end, &end_pool);
  }
  atomic_fetch_add(&ends, 1);
}

static void *set_key_and_end(void *data) {
  CHECK_ERROR(pool_close(NULL), POOL_ERR_INVALID);
  pthread_setspecific(at_end, &ends);
  return data;
}

/* A thread that starts a worker this late leaves a few bytes behind in glibc, which the tools would report: under them
   the only worker is started before. */
static pool_t *new_end_pool(void) {
  pool_t *pool = new_pool(check_tool() ? 1 : 2);
  if (check_tool()) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &future));
    CHECK_OK(pool_future_wait(future, 60000));
    CHECK_OK(pool_future_release(future));
  }
  return pool;
}

CASE(calls_while_a_thread_ends) {
  end_pool = new_end_pool();
  CHECK_EQ(pthread_key_create(&at_end, use_at_end), 0);
  for (int i = 0; i < 20; i++) {
    pthread_join(check_thread(set_key_and_end, NULL), NULL);
  }
  CHECK_EQ(ends, 40);
  CHECK_OK(pool_close_join(end_pool));
}

static int32_t set_key_in_task(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  pthread_setspecific(at_end, &ends);
  return 0;
}

/* The same on the workers of one pool, which use another as they end. */
CASE(calls_while_a_worker_ends) {
  end_pool = new_end_pool();
  CHECK_EQ(pthread_key_create(&at_end, use_at_end), 0);
  pool_t *pool = new_pool(3);
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, set_key_in_task, NULL, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, 60000));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(ends, 2);
  CHECK_OK(pool_close_join(end_pool));
}

static int32_t use_pools_at_start(void *worker_data, uint32_t worker) {
  int64_t arg = worker, result = -1;
  CHECK_OK(pool_apply(worker_data, twice, &arg, 8, &result, 8));
  CHECK_EQ(result, arg * 2);
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  CHECK_OK(pool_close_join(pool));
  return 0;
}

static void use_pools_at_stop(void *worker_data, uint32_t worker) {
  (void)use_pools_at_start(worker_data, worker);
}

CASE(other_pools_in_initializer_and_finalizer) {
  pool_t *other = new_pool(2);
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 3;
  options.initializer = use_pools_at_start;
  options.finalizer = use_pools_at_stop;
  options.worker_data = other;
  for (int i = 0; i < 5; i++) {
    CHECK_OK(pool_close_join(new_pool_with(&options)));
  }
  CHECK_OK(pool_close_join(other));
}

struct self {
  pool_t *pool;
  atomic_int finalized;
};

/* The pool has ended: it takes nothing more, and to wait for it would be to wait for oneself. */
static void use_own_pool_at_stop(void *worker_data, uint32_t worker) {
  struct self *self = worker_data;
  (void)worker;
  CHECK(pool_apply_async(self->pool, nothing, NULL, 0, 0, must_not_be_called, NULL, NULL) < 0);
  CHECK(pool_apply(self->pool, nothing, NULL, 0, NULL, 0) < 0);
  CHECK(pool_map(self->pool, nothing, NULL, 0, NULL, 0, 10) < 0);
  CHECK_ERROR(pool_join(self->pool, -1), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_close_join(self->pool), POOL_ERR_DEADLOCK);
  atomic_fetch_add(&self->finalized, 1);
}

CASE(the_own_pool_in_a_finalizer) {
  struct self self = {NULL, 0};
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.finalizer = use_own_pool_at_stop;
  options.worker_data = &self;
  self.pool = new_pool_with(&options);
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(self.pool, nothing, NULL, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, 60000));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(self.pool));
  CHECK(self.finalized >= 1);
}

static void wait_in_callback(const pool_result_t *outcome, void *user_data) {
  struct self *self = user_data;
  int64_t arg = 21, args[10], results[10], result = 0;
  pool_future_t *future = NULL;
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_OK(pool_apply_async(self->pool, twice, &arg, 8, 8, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, &result, 8, 60000));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_apply_async(self->pool, twice, &arg, 8, 8, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, &result, 8, -1));
  CHECK_OK(pool_future_release(future));
  for (int64_t i = 0; i < 10; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_map(self->pool, twice, args, 8, results, 8, 10));
  CHECK_EQ(results[9], 18);
  atomic_fetch_add(&self->finalized, 1);
}

/* A callback may occupy the only worker and wait in every way: a spare steps in. */
CASE(waiting_in_callbacks) {
  for (int32_t mode = POOL_CALLBACKS_SERIAL; mode <= POOL_CALLBACKS_POLLED; mode++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 1;
    options.callbacks = mode;
    struct self self = {new_pool_with(&options), 0};
    for (int i = 0; i < 10; i++) {
      CHECK_OK(pool_apply_async(self.pool, nothing, NULL, 0, 0, wait_in_callback, &self, NULL));
    }
    CHECK_OK(pool_close_join(self.pool));
    CHECK_EQ(self.finalized, 10);
  }
}

struct own {
  pool_future_t *future;
  struct gate written;
};

static int32_t release_own_future(const void *arg, void *result, pool_task_t *task) {
  struct own *own = (struct own *)(uintptr_t)arg;
  gate_wait(&own->written);
  CHECK_OK(pool_future_release(own->future));
  *(int64_t *)result = 5;
  return pool_task_cancelled(task);
}

CASE(a_task_releases_its_own_future) {
  pool_t *pool = new_pool(2);
  for (int i = 0; i < 100; i++) {
    struct own own = {NULL, GATE_INIT};
    struct tally tally = {0, 1};
    CHECK_OK(pool_apply_async(pool, release_own_future, &own, 0, 8, count_call, &tally, &own.future));
    gate_open(&own.written);
    EVENTUALLY(atomic_load(&tally.calls) == 1);
    CHECK_EQ(tally.status, POOL_OK);
  }
  CHECK_OK(pool_close_join(pool));
}

/* A result may be set from the place of the result itself. */
static int32_t shorten(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  memcpy(result, "abcdefgh", 8);
  return pool_task_set_result(task, (char *)result + 2, 4);
}

CASE(a_result_set_from_itself) {
  pool_t *pool = new_pool(2);
  char results[50][8];
  CHECK_OK(pool_apply(pool, shorten, NULL, 0, results[0], 8));
  CHECK_EQ(memcmp(results[0], "cdef", 4), 0);
  CHECK_OK(pool_map(pool, shorten, NULL, 0, results, 8, 50));
  for (int i = 0; i < 50; i++) {
    CHECK_EQ(memcmp(results[i], "cdef", 4), 0);
  }
  CHECK_OK(pool_close_join(pool));
}

static void *come_and_go(void *data) {
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply(data, twice, &arg, 8, &result, 8));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_apply_async(data, nothing, NULL, 0, 0, NULL, NULL, NULL));
  return NULL;
}

CASE(thousands_of_threads_come_and_go) {
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(3000); i++) {
    pthread_join(check_thread(come_and_go, pool), NULL);
  }
  CHECK_OK(pool_close_join(pool));
}
