/* The process ends while a pool lives: it ends at once, with its own status, however it ends. */
#include "tasks.h"

#include <signal.h>

enum { STATUS = 7, PATIENCE = 20 };

/* What is left of a pool at exit stays reachable from here, so that it is no leak. */
static pool_t *left_pool;
static struct blocker left_blocker = BLOCKER_INIT;
static atomic_int left_count;

static int32_t work_a_little(const void *arg, void *result, pool_task_t *task) {
  sleep_ms(1);
  return increment(arg, result, task);
}

static void ignore(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  (void)user_data;
}

/* Two workers, one of them held for ever, with hundreds of tasks waiting. */
static pool_t *busy_pool(int32_t callbacks) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.callbacks = callbacks;
  left_pool = new_pool_with(&options);
  CHECK_OK(pool_apply_async(left_pool, block, &left_blocker, 0, 0, NULL, NULL, NULL));
  gate_wait(&left_blocker.running);
  for (int i = 0; i < 200; i++) {
    CHECK_OK(pool_apply_async(left_pool, work_a_little, &left_count, 0, 0, ignore, NULL, NULL));
  }
  return left_pool;
}

/* Runs the body in a child, which must end with the status and not hang. */
static void ends_with(int status, void (*body)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    signal(SIGALRM, SIG_DFL);
    alarm(check_tool() ? check_timeout / 2 : PATIENCE);
    body();
    _exit(100);
  }
  CHECK_EQ(check_wait(child), status);
}

static void exit_when_busy(void) {
  busy_pool(POOL_CALLBACKS_SERIAL);
  exit(STATUS);
}

CASE(exit_with_work_pending) {
  for (size_t i = 0; i < scaled(20); i++) {
    ends_with(STATUS, exit_when_busy);
  }
}

static void quick_exit_when_busy(void) {
  busy_pool(POOL_CALLBACKS_SERIAL);
  quick_exit(STATUS);
}

CASE(quick_exit_with_work_pending) {
  for (size_t i = 0; i < scaled(10); i++) {
    ends_with(STATUS, quick_exit_when_busy);
  }
}

/* The harness returns from main when the case is the only one. */
CASE(return_from_main_with_work_pending) {
  busy_pool(POOL_CALLBACKS_SERIAL);
}

CASE(return_from_main_with_a_polled_pool) {
  busy_pool(POOL_CALLBACKS_POLLED);
}

static void exit_when_idle(void) {
  left_pool = new_pool(3);
  CHECK_OK(pool_map(left_pool, nothing, NULL, 0, NULL, 0, 1000));
  exit(STATUS);
}

CASE(exit_with_an_idle_pool) {
  for (size_t i = 0; i < scaled(20); i++) {
    ends_with(STATUS, exit_when_idle);
  }
}

static void exit_with_the_default_pool_busy(void) {
  for (int i = 0; i < 300; i++) {
    CHECK_OK(pool_apply_async(pool_default(), work_a_little, &left_count, 0, 0, ignore, NULL, NULL));
  }
  exit(STATUS);
}

CASE(exit_with_the_default_pool) {
  for (size_t i = 0; i < scaled(10); i++) {
    ends_with(STATUS, exit_with_the_default_pool_busy);
  }
}

static int32_t exit_inside(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  exit(STATUS);
}

static int32_t quick_exit_inside(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  quick_exit(STATUS);
}

static pool_fn ending;

static void wait_for_the_end(void) {
  busy_pool(POOL_CALLBACKS_SERIAL);
  CHECK_OK(pool_apply_async(left_pool, ending, NULL, 0, 0, NULL, NULL, NULL));
  for (;;) {
    pause();
  }
}

static void close_join_until_the_end(void) {
  busy_pool(POOL_CALLBACKS_SERIAL);
  CHECK_OK(pool_apply_async(left_pool, ending, NULL, 0, 0, NULL, NULL, NULL));
  pool_close_join(left_pool);
}

static void map_until_the_end(void) {
  busy_pool(POOL_CALLBACKS_SERIAL);
  pool_map(left_pool, ending, NULL, 0, NULL, 0, 100);
}

CASE(exit_from_a_task) {
  static void (*const bodies[])(void) = {wait_for_the_end, close_join_until_the_end, map_until_the_end};
  static const pool_fn endings[] = {exit_inside, quick_exit_inside};
  for (size_t b = 0; b < COUNT_OF(bodies); b++) {
    for (size_t e = 0; e < COUNT_OF(endings); e++) {
      ending = endings[e];
      ends_with(STATUS, bodies[b]);
    }
  }
}

static void exit_in_callback(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  (void)user_data;
  exit(STATUS);
}

static int32_t callback_mode;

static void exit_by_callback(void) {
  busy_pool(callback_mode);
  CHECK_OK(pool_apply_async(left_pool, nothing, NULL, 0, 0, exit_in_callback, NULL, NULL));
  while (callback_mode == POOL_CALLBACKS_POLLED) {
    CHECK(pool_poll(left_pool, -1) > 0);
  }
  for (;;) {
    pause();
  }
}

CASE(exit_from_a_callback) {
  for (callback_mode = POOL_CALLBACKS_SERIAL; callback_mode <= POOL_CALLBACKS_POLLED; callback_mode++) {
    ends_with(STATUS, exit_by_callback);
  }
}

static void *wait_for_ever(void *data) {
  pool_future_get(data, NULL, 0, -1);
  return NULL;
}

static void exit_under_a_waiter(void) {
  static pool_future_t *future;
  static struct blocker blocker = BLOCKER_INIT;
  busy_pool(POOL_CALLBACKS_SERIAL);
  CHECK_OK(pool_apply_async(left_pool, block, &blocker, 0, 0, NULL, NULL, &future));
  check_thread(wait_for_ever, future);
  gate_wait(&blocker.running);
  sleep_ms(10);
  exit(STATUS);
}

CASE(exit_while_another_thread_waits) {
  ends_with(STATUS, exit_under_a_waiter);
}

static void free_the_pool(void) {
  gate_open(&left_blocker.go);
  CHECK_OK(pool_close_join(left_pool));
  CHECK_EQ(left_count, 200);
}

static void use_the_pool(void) {
  int64_t arg = 21, result = 0;
  gate_open(&left_blocker.go);
  CHECK_OK(pool_apply(left_pool, twice, &arg, 8, &result, 8));
  CHECK_EQ(result, 42);
}

static void make_a_pool(void) {
  int64_t arg = 21, result = 0;
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  CHECK_OK(pool_map(pool, nothing, NULL, 0, NULL, 0, 1000));
  CHECK_STATUS(pool_close(NULL), POOL_ERR_INVALID);
  CHECK(pool_last_error() != NULL);
  CHECK_OK(pool_close_join(pool));
}

static void (*handler)(void);

static void exit_handler_before(void) {
  atexit(handler);
  busy_pool(POOL_CALLBACKS_SERIAL);
  exit(STATUS);
}

static void exit_handler_after(void) {
  busy_pool(POOL_CALLBACKS_SERIAL);
  atexit(handler);
  exit(STATUS);
}

/* A handler of the program's own may use and free its pools at exit, wherever it stands among the handlers. */
CASE(pools_in_exit_handlers) {
  static void (*const handlers[])(void) = {free_the_pool, use_the_pool, make_a_pool};
  for (size_t i = 0; i < COUNT_OF(handlers); i++) {
    handler = handlers[i];
    ends_with(STATUS, exit_handler_before);
    ends_with(STATUS, exit_handler_after);
  }
}

static void die_of_a_signal(void) {
  busy_pool(POOL_CALLBACKS_SERIAL);
  kill(getpid(), SIGTERM);
  for (;;) {
    pause();
  }
}

/* The workers block all signals, so the signal finds the program's own thread. */
CASE(signals_end_the_process) {
  ends_with(1000 + SIGTERM, die_of_a_signal);
}

static void *submit_for_ever(void *data) {
  (void)data;
  for (;;) {
    int64_t arg = 1, result;
    (void)pool_apply_async(left_pool, increment, &left_count, 0, 0, ignore, NULL, NULL);
    (void)pool_apply(left_pool, twice, &arg, 8, &result, 8);
  }
  return NULL;
}

static void exit_under_submitters(void) {
  busy_pool(POOL_CALLBACKS_SERIAL);
  for (int i = 0; i < 3; i++) {
    check_thread(submit_for_ever, NULL);
  }
  sleep_ms(5);
  exit(STATUS);
}

CASE(exit_while_other_threads_submit) {
  for (size_t i = 0; i < scaled(10); i++) {
    ends_with(STATUS, exit_under_submitters);
  }
}
