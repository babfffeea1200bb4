/* Limits of the system: no threads, no memory. An error or fewer threads, never an abort or a hang. */
#include "tasks.h"

#include <grp.h>
#include <sys/resource.h>

static void set_limit(int resource, rlim_t soft) {
  struct rlimit limit;
  CHECK_EQ(getrlimit((__rlimit_resource_t)resource, &limit), 0);
  limit.rlim_cur = soft;
  CHECK_EQ(setrlimit((__rlimit_resource_t)resource, &limit), 0);
}

static void needs_limits(void) {
  check_skip_under_tools("the tool needs what the limit takes away");
}

static void *end_at_once(void *data) {
  return data;
}

/* Lets this process start `threads` more. Root has no limit, so it becomes a user that nobody else is. */
static void allow_threads(int threads) {
  if (geteuid() == 0) {
    uid_t user = (uid_t)(60000 + getpid() % 5000);
    CHECK_EQ(setgroups(0, NULL), 0);
    CHECK_EQ(setgid(user), 0);
    CHECK_EQ(setuid(user), 0);
  } else if (threads > 0) {
    check_skip("a limit of just so many threads needs a user of its own, which only root can become");
  }
  set_limit(RLIMIT_NPROC, (rlim_t)(1 + threads));
  pthread_t thread;
  int error = pthread_create(&thread, NULL, end_at_once, NULL);
  if (error == 0) {
    pthread_join(thread, NULL);
  }
  if ((error == 0) != (threads > 0)) {
    check_skip("this system doesn't keep to the limit of threads");
  }
  EVENTUALLY(threads_now() == 1);
}

static size_t size_of_process(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL);
  CHECK_EQ(fscanf(file, "%zu", &pages), 1);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Leaves less address space than the stack of one thread takes. */
static void allow_memory(size_t more) {
  set_limit(RLIMIT_AS, size_of_process() + more);
}

enum { LITTLE = 3 << 20, ITEMS = 1000 };

/* Waiting is enough: the thread that waits runs what no worker can. */
static void waiting_works(pool_t *pool) {
  static int64_t args[ITEMS], results[ITEMS];
  for (int64_t i = 0; i < ITEMS; i++) {
    args[i] = i;
    results[i] = -1;
  }
  for (int i = 0; i < 20; i++) {
    int64_t result = 0;
    CHECK_OK(pool_apply(pool, twice, &args[21], 8, &result, 8));
    CHECK_EQ(result, 42);
  }
  CHECK_OK(pool_map(pool, twice, args, 8, results, 8, ITEMS));
  for (int64_t i = 0; i < ITEMS; i++) {
    CHECK_EQ(results[i], i * 2);
  }
}

/* Submitting is refused, or what was accepted is done in the end. */
static void submitting_fails_or_works(pool_t *pool, bool poll) {
  int accepted = 0;
  struct tally tally = {0, 1};
  atomic_int ran = 0;
  for (int i = 0; i < 20; i++) {
    pool_future_t *future = (pool_future_t *)(void *)&tally;
    int32_t status = pool_apply_async(pool, increment, &ran, 0, 0, count_call, &tally, &future);
    if (status == POOL_OK) {
      accepted++;
      if (i % 2 == 0) {
        CHECK_OK(pool_future_get(future, NULL, 0, -1));
      }
      CHECK_OK(pool_future_release(future));
    } else {
      CHECK(status == POOL_ERR_SYSTEM || status == POOL_ERR_NO_MEMORY);
      CHECK(strlen(pool_last_error()) > 3);
      CHECK(future == (pool_future_t *)(void *)&tally);
    }
  }
  if (poll) {
    CHECK(pool_poll(pool, 0) >= 0);
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(ran, accepted);
  CHECK_EQ(tally.calls, accepted);
}

CASE(no_threads_for_several_workers) {
  needs_limits();
  allow_threads(0);
  pool_t *pool = new_pool(4);
  waiting_works(pool);
  submitting_fails_or_works(pool, false);
}

CASE(no_threads_for_one_worker) {
  needs_limits();
  allow_threads(0);
  pool_t *pool = new_pool(1);
  waiting_works(pool);
  submitting_fails_or_works(pool, false);
}

CASE(no_threads_for_the_default_pool) {
  needs_limits();
  allow_threads(0);
  waiting_works(pool_default());
}

CASE(no_threads_and_submitting_first) {
  needs_limits();
  allow_threads(0);
  submitting_fails_or_works(new_pool(1), false);
  submitting_fails_or_works(new_pool(4), false);
}

CASE(no_threads_for_other_callbacks) {
  needs_limits();
  allow_threads(0);
  for (int32_t mode = POOL_CALLBACKS_INLINE; mode <= POOL_CALLBACKS_POLLED; mode++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 2;
    options.callbacks = mode;
    pool_t *pool = new_pool_with(&options);
    waiting_works(pool);
    submitting_fails_or_works(pool, mode == POOL_CALLBACKS_POLLED);
  }
}

static int32_t start(void *worker_data, uint32_t worker) {
  (void)worker;
  atomic_fetch_add((atomic_int *)worker_data, 1);
  return 0;
}

static void stop(void *worker_data, uint32_t worker) {
  (void)worker;
  atomic_fetch_sub((atomic_int *)worker_data, 1);
}

/* With an initialiser all threads start at creation, so that too few of them are an error of it. */
static void creation_fails(void) {
  atomic_int alive = 0;
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 8;
  options.initializer = start;
  options.finalizer = stop;
  options.worker_data = &alive;
  pool_t *pool = NULL;
  int32_t status = pool_create_with(&options, &pool);
  CHECK(status == POOL_ERR_SYSTEM || status == POOL_ERR_NO_MEMORY);
  CHECK(strlen(pool_last_error()) > 3);
  CHECK(pool == NULL);
  CHECK_EQ(alive, 0);
  threads_go_back_to(1);
}

CASE(no_threads_for_an_initializer) {
  needs_limits();
  allow_threads(0);
  creation_fails();
}

CASE(some_threads_for_an_initializer) {
  needs_limits();
  allow_threads(3);
  creation_fails();
}

CASE(some_threads) {
  needs_limits();
  for (int round = 0; round < 2; round++) {
    if (round == 0) {
      allow_threads(2);
    }
    pool_t *pool = new_pool(8);
    waiting_works(pool);
    struct tally tally = {0, 1};
    atomic_int ran = 0;
    for (int i = 0; i < 5000; i++) {
      CHECK_OK(pool_apply_async(pool, increment, &ran, 0, 0, count_call, &tally, NULL));
    }
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(ran, 5000);
    CHECK_EQ(tally.calls, 5000);
    threads_go_back_to(1);
  }
}

/* Only a second thread could run what the awaited task is to follow. */
static int32_t wait_for_a_successor(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = *(pool_t *const *)arg;
  pool_future_t *first = NULL, *second = NULL;
  pool_call_t call = POOL_CALL_INIT;
  (void)result;
  (void)task;
  call.fn = nothing;
  CHECK_OK(pool_submit(pool, &call, 1, &first));
  call.after = &first;
  call.after_count = 1;
  CHECK_OK(pool_submit(pool, &call, 1, &second));
  CHECK_ERROR(pool_future_wait(second, -1), POOL_ERR_SYSTEM);
  CHECK(strstr(pool_last_error(), "may not start yet") != NULL);
  CHECK_OK(pool_future_wait(first, -1));
  CHECK_OK(pool_future_wait(second, -1));
  CHECK_OK(pool_future_release(first));
  CHECK_OK(pool_future_release(second));
  return 0;
}

CASE(no_threads_for_what_follows) {
  needs_limits();
  allow_threads(1);
  pool_t *pool = new_pool(1);
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, wait_for_a_successor, &pool, sizeof pool, 0, NULL, NULL, &future));
  /* With a time-out: so the only worker runs it, and not this thread. */
  CHECK_OK(pool_future_get(future, NULL, 0, 60000));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* A pool that found no threads finds them later. */
CASE(the_limit_is_lifted) {
  needs_limits();
  allow_threads(0);
  pool_t *pool = new_pool(2);
  waiting_works(pool);
  set_limit(RLIMIT_NPROC, 100);
  waiting_works(pool);
  atomic_int ran = 0;
  for (int i = 0; i < 100; i++) {
    CHECK_OK(pool_apply_async(pool, increment, &ran, 0, 0, NULL, NULL, NULL));
  }
  EVENTUALLY(atomic_load(&ran) == 100);
  CHECK_OK(pool_close_join(pool));
}

CASE(no_memory_for_stacks) {
  needs_limits();
  allow_memory(LITTLE);
  pool_t *pool = new_pool(4);
  waiting_works(pool);
  submitting_fails_or_works(pool, false);
  creation_fails();
}

/* Not a byte left: calls that need none go on, the others say so. */
CASE(no_memory_at_all) {
  needs_limits();
  pool_t *pool = new_pool(2);
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  allow_memory(LITTLE);
  void **all = NULL;
  for (size_t size = 1 << 20; size >= sizeof all; size /= 2) {
    for (void **block = malloc(size); block != NULL; block = malloc(size)) {
      *block = all;
      all = block;
    }
  }
  pool_t *other = NULL;
  pool_options_t options = POOL_OPTIONS_INIT;
  CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  CHECK_ERROR(pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, NULL), POOL_ERR_NO_MEMORY);
  CHECK_ERROR(pool_map(pool, twice, &arg, 8, &result, 8, 1), POOL_ERR_NO_MEMORY);
  CHECK_ERROR(pool_create_with(&options, &other), POOL_ERR_NO_MEMORY);
  CHECK(pool_create(2) == NULL);
  CHECK(pool_default() == NULL);
  CHECK_OK(pool_close_join(pool));
  while (all != NULL) {
    void **next = *all;
    free(all);
    all = next;
  }
}

CASE(no_memory_for_a_result) {
  needs_limits();
  size_t large = 64 << 20;
  pool_t *pool = new_pool(2);
  char *buffer = malloc(large);
  pool_future_t *future = NULL;
  waiting_works(pool);
  allow_memory(LITTLE);
  CHECK_ERROR(pool_apply(pool, nothing, NULL, 0, buffer, large), POOL_ERR_NO_MEMORY);
  CHECK_ERROR(pool_apply_async(pool, nothing, NULL, 0, large, must_not_be_called, NULL, &future), POOL_ERR_NO_MEMORY);
  CHECK_ERROR(pool_apply_async(pool, nothing, buffer, large, 0, must_not_be_called, NULL, &future), POOL_ERR_NO_MEMORY);
  CHECK_ERROR(pool_apply(pool, nothing, buffer, large, NULL, 0), POOL_ERR_NO_MEMORY);
  CHECK(future == NULL);
  waiting_works(pool);
  free(buffer);
  CHECK_OK(pool_close_join(pool));
}

static int32_t set_large_result(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  return pool_task_set_result(task, arg, 64 << 20) == POOL_ERR_NO_MEMORY ? 21 : 22;
}

CASE(no_memory_for_a_result_set_by_the_task) {
  needs_limits();
  pool_t *pool = new_pool(2);
  char *buffer = calloc(1, 64 << 20);
  waiting_works(pool);
  allow_memory(LITTLE);
  CHECK_STATUS(pool_apply(pool, set_large_result, buffer, 0, NULL, 0), 21);
  waiting_works(pool);
  free(buffer);
  CHECK_OK(pool_close_join(pool));
}

/* Tasks are queued behind a held worker until memory is gone: the last one is refused, the others are all done. */
static void queue_until_refused(size_t arg_size) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  struct tally tally = {0, 1};
  pool_future_t *running = block_worker(pool, &blocker);
  char *arg = calloc(1, arg_size + 1);
  allow_memory(8 << 20);
  int accepted = 0;
  int32_t status;
  do {
    status = pool_apply_async(pool, nothing, arg, arg_size, 8, count_call, &tally, NULL);
    accepted += status == POOL_OK;
  } while (status == POOL_OK);
  CHECK_STATUS(status, POOL_ERR_NO_MEMORY);
  CHECK(strlen(pool_last_error()) > 3);
  CHECK(accepted > 10);
  gate_open(&blocker.go);
  CHECK_OK(pool_future_wait(running, -1));
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, accepted);
  free(arg);
}

CASE(no_memory_for_more_large_tasks) {
  needs_limits();
  queue_until_refused(100000);
}

CASE(no_memory_for_more_small_tasks) {
  needs_limits();
  queue_until_refused(8);
}

CASE(no_descriptor_to_poll) {
  needs_limits();
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 1;
  options.callbacks = POOL_CALLBACKS_POLLED;
  pool_t *pool = new_pool_with(&options);
  struct tally tally = {0, 1};
  set_limit(RLIMIT_NOFILE, 0);
  CHECK_ERROR(pool_poll_fd(pool), POOL_ERR_SYSTEM);
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, count_call, &tally, NULL));
  CHECK_EQ(pool_poll(pool, -1), 1);
  set_limit(RLIMIT_NOFILE, 100);
  CHECK(pool_poll_fd(pool) >= 0);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
}

CASE(no_memory_for_another_pool) {
  needs_limits();
  size_t count = 0, room = 100000;
  pool_t **pools = calloc(room, sizeof *pools), *pool = NULL;
  allow_memory(LITTLE);
  while (count < room && (pool = pool_create(2)) != NULL) {
    pools[count++] = pool;
  }
  CHECK(count == room || strlen(pool_last_error()) > 3);
  CHECK(count > 0);
  waiting_works(pools[0]);
  for (size_t i = 0; i < count; i++) {
    CHECK_OK(pool_close_join(pools[i]));
  }
  free(pools);
}

/* There is memory for some of the tasks, not for all. */
CASE(a_batch_is_all_or_none_when_memory_runs_out) {
  needs_limits();
  enum { COUNT = 100000 };
  atomic_int ran = 0;
  pool_call_t *calls = calloc(COUNT, sizeof *calls);
  for (int i = 0; i < COUNT; i++) {
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls[i].fn = increment;
    calls[i].arg = &ran;
  }
  pool_t *pool = new_pool(1);
  CHECK_OK(pool_submit(pool, calls, 1, NULL));
  EVENTUALLY(ran == 1);
  allow_memory(LITTLE);
  CHECK_ERROR(pool_submit(pool, calls, COUNT, NULL), POOL_ERR_NO_MEMORY);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_EQ(ran, 1);
  set_limit(RLIMIT_AS, RLIM_INFINITY);
  CHECK_OK(pool_submit(pool, calls, COUNT, NULL));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(ran, 1 + COUNT);
  free(calls);
}
