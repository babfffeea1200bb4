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
