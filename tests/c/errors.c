/* Bad arguments: a status and a sentence, never a crash; the errors themselves; version. Sizes are in sizes.c. */
#include "tasks.h"

static int32_t must_not_run(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  FAIL("a task of a bad call was run, by worker %u", task->worker);
  return 0;
}

/* A place that no call under test may write to. */
static char marker;
#define UNTOUCHED ((pool_future_t *)(void *)&marker)

CASE(apply_without_what_it_needs) {
  pool_t *pool = new_pool(1);
  int64_t arg = 1, result = -1;
  CHECK_ERROR(pool_apply(NULL, must_not_run, &arg, 8, &result, 8), POOL_ERR_INVALID);
  CHECK_ERROR(pool_apply(pool, NULL, &arg, 8, &result, 8), POOL_ERR_INVALID);
  CHECK_ERROR(pool_apply(pool, must_not_run, NULL, 8, &result, 8), POOL_ERR_INVALID);
  CHECK_ERROR(pool_apply(pool, must_not_run, &arg, 8, NULL, 8), POOL_ERR_INVALID);
  CHECK_EQ(result, -1);
  CHECK_OK(pool_close_join(pool));
}

CASE(apply_async_without_what_it_needs) {
  pool_t *pool = new_pool(1);
  int64_t arg = 1;
  pool_future_t *future = UNTOUCHED;
  CHECK_ERROR(pool_apply_async(NULL, must_not_run, &arg, 8, 8, must_not_be_called, NULL, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_apply_async(pool, NULL, &arg, 8, 8, must_not_be_called, NULL, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_apply_async(pool, must_not_run, NULL, 8, 8, must_not_be_called, NULL, &future), POOL_ERR_INVALID);
  CHECK(future == UNTOUCHED);
  CHECK_OK(pool_close_join(pool));
}

CASE(map_without_what_it_needs) {
  pool_t *pool = new_pool(1);
  int64_t args[2] = {1, 2}, results[2] = {-1, -1};
  CHECK_ERROR(pool_map(NULL, must_not_run, args, 8, results, 8, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map(pool, NULL, args, 8, results, 8, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map(pool, must_not_run, NULL, 8, results, 8, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map(pool, must_not_run, args, 8, NULL, 8, 2), POOL_ERR_INVALID);
  CHECK_EQ(results[0], -1);
  CHECK_OK(pool_close_join(pool));
}

CASE(map_async_without_what_it_needs) {
  pool_t *pool = new_pool(1);
  int64_t args[2] = {1, 2}, results[2] = {-1, -1};
  pool_future_t *future = UNTOUCHED;
  pool_callback_fn callback = must_not_be_called;
  CHECK_ERROR(pool_map_async(NULL, must_not_run, args, 8, results, 8, 2, callback, NULL, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map_async(pool, NULL, args, 8, results, 8, 2, callback, NULL, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map_async(pool, must_not_run, NULL, 8, results, 8, 2, callback, NULL, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map_async(pool, must_not_run, args, 8, NULL, 8, 2, callback, NULL, &future), POOL_ERR_INVALID);
  CHECK(future == UNTOUCHED);
  CHECK_OK(pool_close_join(pool));
}

CASE(map_with_without_what_it_needs) {
  pool_t *pool = new_pool(1);
  int64_t args[2] = {1, 2}, results[2] = {-1, -1};
  int32_t statuses[2] = {55, 55};
  pool_call_t call = POOL_CALL_INIT;
  call.fn = must_not_run;
  call.arg_size = call.result_size = 8;
  CHECK_ERROR(pool_map_with(NULL, &call, args, results, statuses, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map_with(pool, NULL, args, results, statuses, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map_with(pool, &call, NULL, results, statuses, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map_with(pool, &call, args, NULL, statuses, 2), POOL_ERR_INVALID);
  call.fn = NULL;
  CHECK_ERROR(pool_map_with(pool, &call, args, results, statuses, 2), POOL_ERR_INVALID);
  CHECK_EQ(results[0], -1);
  CHECK_OK(pool_close_join(pool));
}

CASE(size_of_a_call) {
  pool_t *pool = new_pool(1);
  struct {
    pool_call_t call;
    unsigned char tail[64];
  } large;
  int64_t args[2] = {1, 2}, results[2] = {-1, -1};
  memset(&large, 0, sizeof large);
  large.call = (pool_call_t)POOL_CALL_INIT;
  CHECK_EQ(large.call.struct_size, sizeof(pool_call_t));
  large.call.fn = must_not_run;
  large.call.arg_size = large.call.result_size = 8;
  static const size_t small[] = {0, 1, sizeof(size_t), sizeof(pool_call_t) - 1};
  for (size_t i = 0; i < COUNT_OF(small); i++) {
    large.call.struct_size = small[i];
    CHECK_ERROR(pool_map_with(pool, &large.call, args, results, NULL, 2), POOL_ERR_INVALID);
  }
  large.call.struct_size = sizeof large;
  large.tail[sizeof large.tail - 1] = 1;
  CHECK_ERROR(pool_map_with(pool, &large.call, args, results, NULL, 2), POOL_ERR_UNSUPPORTED);
  CHECK_EQ(results[0], -1);
  large.tail[sizeof large.tail - 1] = 0;
  large.call.fn = twice;
  CHECK_OK(pool_map_with(pool, &large.call, args, results, NULL, 2));
  CHECK_EQ(results[1], 4);
  CHECK_OK(pool_close_join(pool));
}

CASE(pool_calls_without_a_pool) {
  CHECK_ERROR(pool_close(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join(NULL, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join(NULL, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_terminate(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_poll(NULL, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_poll(NULL, -1), POOL_ERR_INVALID);
  CHECK(pool_poll_fd(NULL) < 0);
  CHECK_OK(pool_close_join(NULL));
}

CASE(future_calls_without_a_future) {
  int64_t result = -1;
  size_t size = 99;
  CHECK_ERROR(pool_future_wait(NULL, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_wait(NULL, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_ready(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_running(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_successful(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_get(NULL, &result, sizeof result, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_status(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_future_cancel(NULL), POOL_ERR_INVALID);
  CHECK(pool_future_data(NULL, &size) == NULL);
  CHECK(pool_future_data(NULL, NULL) == NULL);
  CHECK(pool_future_message(NULL) != NULL);
  CHECK_OK(pool_future_release(NULL));
  CHECK_EQ(result, -1);
}

CASE(get_into_nowhere) {
  pool_t *pool = new_pool(1);
  pool_future_t *future = NULL;
  int64_t arg = 1;
  CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, &future));
  CHECK_ERROR(pool_future_get(future, NULL, 8, -1), POOL_ERR_INVALID);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

static int32_t misuse_task(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_ERROR(pool_task_set_result(NULL, "x", 1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_task_set_result(task, NULL, 1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_task_cancelled(NULL), POOL_ERR_INVALID);
  (void)pool_task_fail(NULL, 3, "no task");
  CHECK_OK(pool_task_set_result(task, NULL, 0));
  return pool_task_fail(task, 3, NULL);
}

CASE(task_calls_without_a_task) {
  pool_t *pool = new_pool(1);
  CHECK_STATUS(pool_apply(pool, misuse_task, NULL, 0, NULL, 0), 3);
  CHECK(strlen(pool_last_error()) > 3);
  CHECK_OK(pool_close_join(pool));
}

/* A code that is no failure can't be made one; what comes back is what the task then returns. */
static int32_t fail_with_no_code(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  return pool_task_fail(task, *(const int32_t *)arg, "with an odd code");
}

CASE(fail_with_a_negative_code) {
  static const int32_t codes[] = {-1, POOL_ERR_TIMEOUT, POOL_ERR_CANCELLED, -100, INT32_MIN};
  pool_t *pool = new_pool(1);
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    CHECK_STATUS(pool_apply(pool, fail_with_no_code, &codes[i], sizeof codes[i], NULL, 0), POOL_ERR_INTERNAL);
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t return_it(const void *arg, void *result, pool_task_t *task) {
  (void)result, (void)task;
  return *(const int32_t *)arg;
}

/* A failure without a sentence has one that tells the code; a negative code is told beside what the task said. */
CASE(a_sentence_tells_the_code) {
  pool_t *pool = new_pool(1);
  int32_t codes[] = {3, -3};
  pool_future_t *future = NULL;
  CHECK_STATUS(pool_apply(pool, return_it, &codes[0], sizeof codes[0], NULL, 0), 3);
  CHECK_STR(pool_last_error(), "the task failed with the code 3");
  CHECK_OK(pool_apply_async(pool, return_it, &codes[0], sizeof codes[0], 0, NULL, NULL, &future));
  CHECK_STATUS(pool_future_get(future, NULL, 0, -1), 3);
  CHECK_STR(pool_future_message(future), "the task failed with the code 3");
  CHECK_OK(pool_future_release(future));
  CHECK_STATUS(pool_map(pool, return_it, &codes[0], sizeof codes[0], NULL, 0, 1), 3);
  CHECK_STR(pool_last_error(), "item 0: the task failed with the code 3");
  CHECK_STATUS(pool_apply(pool, return_it, &codes[1], sizeof codes[1], NULL, 0), POOL_ERR_INTERNAL);
  CHECK_STR(pool_last_error(), "the task returned -3; only 0 and positive codes are a task's own");
  CHECK_STATUS(pool_apply(pool, fail_with_no_code, &codes[1], sizeof codes[1], NULL, 0), POOL_ERR_INTERNAL);
  CHECK_STR(pool_last_error(), "the task returned -3; only 0 and positive codes are a task's own: with an odd code");
  CHECK_OK(pool_close_join(pool));
}

#define CHECK_SAYS(call, expected, text)                                                                               \
  do {                                                                                                                 \
    CHECK_STATUS(call, expected);                                                                                      \
    CHECK_HAS(pool_last_error(), text);                                                                                \
  } while (0)

/* What is wrong is named, and what would be right. */
CASE(a_sentence_names_what_would_be_right) {
  pool_t *pool = new_pool(1), *other = NULL;
  int64_t args[3] = {1, 2, 3};
  CHECK_SAYS(pool_wait(NULL, 2, POOL_WAIT_ALL, -1, NULL), POOL_ERR_INVALID, "futures is NULL, but its count is 2");
  CHECK_SAYS(pool_apply(pool, must_not_run, NULL, 8, NULL, 0), POOL_ERR_INVALID,
             "arg is NULL, but its size is 8 bytes");
  CHECK_SAYS(pool_map(pool, must_not_run, args, 8, NULL, 8, 3), POOL_ERR_INVALID,
             "results is NULL, but its size is 3 times 8 bytes");
  CHECK_SAYS(pool_task_cancelled(NULL), POOL_ERR_INVALID, "task is NULL");
  pool_call_t call = POOL_CALL_INIT;
  call.fn = must_not_run;
  call.after_count = 2;
  CHECK_SAYS(pool_submit(pool, &call, 1, NULL), POOL_ERR_INVALID, "after is NULL, but its count is 2");
  call.after_count = 0;
  call.priority = 9;
  CHECK_SAYS(pool_submit(pool, &call, 1, NULL), POOL_ERR_INVALID,
             "priority is 9; it must be POOL_PRIORITY_LOW, _NORMAL or _HIGH");
  CHECK_SAYS(pool_set_log(NULL, NULL, 9), POOL_ERR_INVALID,
             "level is 9; it must be POOL_LOG_NONE, _ERROR, _WARNING or _INFO");
  CHECK_SAYS(pool_spawn(NULL, 9, must_not_run, NULL, 0, 0, NULL), POOL_ERR_INVALID,
             "flags is 9; it must be POOL_SPAWN_JOINABLE or POOL_SPAWN_DAEMON");
  CHECK_SAYS(pool_sort(pool, args, 3, 9), POOL_ERR_INVALID, "type is 9; it must be POOL_SORT_I32, _U32");
  pool_options_t options = POOL_OPTIONS_INIT;
  options.callbacks = 9;
  CHECK_SAYS(pool_create_with(&options, &other), POOL_ERR_INVALID,
             "callbacks is 9; it must be POOL_CALLBACKS_SERIAL, _INLINE or _POLLED");
  options.callbacks = POOL_CALLBACKS_SERIAL;
  options.when_full = 9;
  CHECK_SAYS(pool_create_with(&options, &other), POOL_ERR_INVALID,
             "when_full is 9; it must be POOL_FULL_BLOCK, _FAIL or _RUN_INLINE");
  CHECK_OK(pool_close(pool));
  CHECK_SAYS(pool_apply(pool, must_not_run, NULL, 0, NULL, 0), POOL_ERR_CLOSED,
             "the pool is closed: submit before pool_close(), or create another pool");
  CHECK_OK(pool_close_join(pool));
}

static void *no_error_yet(void *data) {
  CHECK_STR(pool_last_error(), "");
  CHECK_ERROR(pool_close(NULL), POOL_ERR_INVALID);
  return data;
}

CASE(last_error_belongs_to_the_thread) {
  CHECK_STR(pool_last_error(), "");
  CHECK_ERROR(pool_future_wait(NULL, -1), POOL_ERR_INVALID);
  char *before = strdup(pool_last_error());
  for (int i = 0; i < 3; i++) {
    pthread_join(check_thread(no_error_yet, NULL), NULL);
  }
  CHECK_STR(pool_last_error(), before);
  CHECK_STR(pool_last_error(), before);
  free(before);
}

CASE(last_error_is_of_the_last_failure) {
  pool_t *pool = new_pool(1);
  CHECK_ERROR(pool_join(pool, -1), POOL_ERR_INVALID);
  char *first = strdup(pool_last_error());
  CHECK(pool_create(UINT32_MAX) == NULL);
  CHECK(strcmp(first, pool_last_error()) != 0);
  free(first);
  CHECK_OK(pool_close_join(pool));
}

CASE(names_of_statuses) {
#define NAMED(status) CHECK_STR(pool_status_name(status), #status)
  NAMED(POOL_OK);
  NAMED(POOL_ERR_INVALID);
  NAMED(POOL_ERR_CLOSED);
  NAMED(POOL_ERR_TIMEOUT);
  NAMED(POOL_ERR_TIME_LIMIT);
  NAMED(POOL_ERR_CANCELLED);
  NAMED(POOL_ERR_TERMINATED);
  NAMED(POOL_ERR_WORKER_DIED);
  NAMED(POOL_ERR_CRASH_LOOP);
  NAMED(POOL_ERR_BROKEN);
  NAMED(POOL_ERR_DEADLOCK);
  NAMED(POOL_ERR_FORKED);
  NAMED(POOL_ERR_FULL);
  NAMED(POOL_ERR_SIZE);
  NAMED(POOL_ERR_NO_MEMORY);
  NAMED(POOL_ERR_SYSTEM);
  NAMED(POOL_ERR_UNSUPPORTED);
  NAMED(POOL_ERR_UNKNOWN_FUNCTION);
  NAMED(POOL_ERR_INTERNAL);
  CHECK_STR(pool_status_name(1), "task code");
  CHECK_STR(pool_status_name(INT32_MAX), "task code");
  CHECK_STR(pool_status_name(-1000), "unknown status");
  CHECK_STR(pool_status_name(INT32_MIN), "unknown status");
}

CASE(version) {
  char expected[64];
  snprintf(expected, sizeof expected, "%d.%d.%d", POOL_VERSION_MAJOR, POOL_VERSION_MINOR, POOL_VERSION_PATCH);
  CHECK_STR(pool_version(), expected);
}
