/* What the environment says about all pools: MILLPOND_MODE, beside MILLPOND_NUM_WORKERS. */
#include "tasks.h"

static void say(const char *mode) {
  CHECK_EQ(mode == NULL ? unsetenv("MILLPOND_MODE") : setenv("MILLPOND_MODE", mode, 1), 0);
}

static int32_t tell_thread(const void *arg, void *result, pool_task_t *task) {
  (void)arg, (void)task;
  *(pthread_t *)result = pthread_self();
  return 0;
}

static int32_t tell_process(const void *arg, void *result, pool_task_t *task) {
  (void)arg, (void)task;
  *(pid_t *)result = getpid();
  return 0;
}

static bool runs_here(pool_t *pool) {
  pthread_t thread;
  pool_future_t *future;
  CHECK_OK(pool_apply_async(pool, tell_thread, NULL, 0, sizeof thread, NULL, NULL, &future));
  bool here = pool_future_ready(future) == 1;
  CHECK_OK(pool_future_get(future, &thread, sizeof thread, -1));
  pool_future_release(future);
  return here && pthread_equal(thread, pthread_self());
}

static pid_t runs_in(pool_t *pool) {
  pid_t pid = 0;
  CHECK_OK(pool_apply(pool, tell_process, NULL, 0, &pid, sizeof pid));
  return pid;
}

CASE(sequential_instead_of_threads) {
  say("sequential");
  pool_t *pools[3] = {pool_create(4), NULL, pool_default()};
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 3;
  CHECK_OK(pool_create_with(&options, &pools[1]));
  for (int i = 0; i < 3; i++) {
    CHECK(pools[i] != NULL);
    CHECK(runs_here(pools[i]));
    CHECK_EQ(pool_workers(pools[i]), 1);
  }
  CHECK_OK(pool_close_join(pools[0]));
  CHECK_OK(pool_close_join(pools[1]));
}

CASE(threads_instead_of_what_the_program_says) {
  say("threads");
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  int32_t modes[] = {POOL_SEQUENTIAL, POOL_PROCESSES};
  for (size_t i = 0; i < COUNT_OF(modes); i++) {
    options.mode = modes[i];
    pool_t *pool = new_pool_with(&options);
    CHECK_EQ(pool_workers(pool), 2);
    CHECK_EQ(runs_in(pool), getpid());
    CHECK(!runs_here(pool));
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(nothing_said_is_what_the_program_says) {
  const char *nothing[] = {NULL, ""};
  for (size_t i = 0; i < COUNT_OF(nothing); i++) {
    say(nothing[i]);
    pool_t *pool = new_pool(2);
    CHECK_EQ(pool_workers(pool), 2);
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(nonsense_is_an_error_of_creation) {
  const char *nonsense[] = {"Threads", "sequential ", "2", "fast"};
  for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
    say(nonsense[i]);
    CHECK(pool_create(2) == NULL);
    CHECK_HAS(pool_last_error(), "MILLPOND_MODE");
    CHECK_HAS(pool_last_error(), nonsense[i]);
    CHECK(pool_default() == NULL);
    pool_options_t options = POOL_OPTIONS_INIT;
    pool_t *pool = NULL;
    CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
    CHECK_HAS(pool_last_error(), "none of threads, processes, sequential");
  }
  say(NULL);
  CHECK(pool_default() != NULL);
}

CASE(what_the_mode_cannot_do_names_the_variable) {
  pool_options_t options = POOL_OPTIONS_INIT;
  pool_t *pool = NULL;
  options.stack_size = 1 << 20;
  say("sequential");
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_UNSUPPORTED);
  CHECK_HAS(pool_last_error(), "stack_size");
  CHECK_HAS(pool_last_error(), "MILLPOND_MODE to sequential");
  options = (pool_options_t)POOL_OPTIONS_INIT;
  options.mode = POOL_PROCESSES;
  options.task_timeout_ms = 100;
  say("threads");
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_UNSUPPORTED);
  CHECK_HAS(pool_last_error(), "task_timeout_ms");
  CHECK_HAS(pool_last_error(), "MILLPOND_MODE to threads");
  options = (pool_options_t)POOL_OPTIONS_INIT;
  options.max_blocked = 5;
  say("processes");
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_UNSUPPORTED);
  CHECK_HAS(pool_last_error(), "MILLPOND_MODE to processes");
  /* The program's own mistakes are its own. */
  options = (pool_options_t)POOL_OPTIONS_INIT;
  options.mode = 7;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "mode is 7");
  options = (pool_options_t)POOL_OPTIONS_INIT;
  options.task_timeout_ms = 100;
  say("threads");
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_UNSUPPORTED);
  CHECK(strstr(pool_last_error(), "MILLPOND_MODE") == NULL);
}
