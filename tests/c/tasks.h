/* Tasks, checks and readings of /proc that several files of cases share. */
#ifndef TASKS_H
#define TASKS_H

#include "check.h"

#include <millpond.h>

/* A call's status, with the library's sentence when it is another. */
#define CHECK_STATUS(actual, expected)                                                                                 \
  do {                                                                                                                 \
    int32_t check_a = (actual);                                                                                        \
    int32_t check_b = (expected);                                                                                      \
    if (check_a != check_b) {                                                                                          \
      check_fail(__FILE__, __LINE__, "%s == %s, got %d (%s): %s", #actual, #expected, check_a,                         \
                 pool_status_name(check_a), pool_last_error());                                                        \
    }                                                                                                                  \
  } while (0)
#define CHECK_OK(call) CHECK_STATUS(call, POOL_OK)

/* A failed call: the status, and a sentence that says why. */
#define CHECK_ERROR(call, expected)                                                                                    \
  do {                                                                                                                 \
    CHECK_STATUS(call, expected);                                                                                      \
    CHECK(pool_last_error() != NULL);                                                                                  \
    CHECK(strlen(pool_last_error()) > 3);                                                                              \
  } while (0)

UNUSED static pool_t *new_pool(uint32_t workers) {
  pool_t *pool = pool_create(workers);
  if (pool == NULL) {
    FAIL("pool_create(%u): %s", workers, pool_last_error());
  }
  return pool;
}

UNUSED static pool_t *new_pool_with(const pool_options_t *options) {
  pool_t *pool = NULL;
  CHECK_OK(pool_create_with(options, &pool));
  CHECK(pool != NULL);
  return pool;
}

/* An int64_t to its double. */
UNUSED static int32_t twice(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(int64_t *)result = *(const int64_t *)arg * 2;
  return 0;
}

UNUSED static int32_t nothing(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  return 0;
}

/* Submitted with arg_size 0 and a pointer to an atomic_int. */
UNUSED static int32_t increment(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  atomic_fetch_add((atomic_int *)(uintptr_t)arg, 1);
  return 0;
}

/* Holds a worker: says that it runs, then waits. */
struct blocker {
  struct gate running, go;
};
#define BLOCKER_INIT {GATE_INIT, GATE_INIT}

/* Submitted with arg_size 0 and a pointer to a blocker. */
UNUSED static int32_t block(const void *arg, void *result, pool_task_t *task) {
  struct blocker *blocker = (struct blocker *)(uintptr_t)arg;
  (void)result;
  (void)task;
  gate_open(&blocker->running);
  gate_wait(&blocker->go);
  return 0;
}

/* Submits a task that holds one worker, and returns when it runs. */
UNUSED static pool_future_t *block_worker(pool_t *pool, struct blocker *blocker) {
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, block, blocker, 0, 0, NULL, NULL, &future));
  gate_wait(&blocker->running);
  return future;
}

/* Counts calls and keeps the last outcome. */
struct tally {
  atomic_int calls;
  atomic_int status;
};

UNUSED static void count_call(const pool_result_t *outcome, void *user_data) {
  struct tally *tally = user_data;
  atomic_store(&tally->status, outcome->status);
  atomic_fetch_add(&tally->calls, 1);
}

UNUSED static void must_not_be_called(const pool_result_t *outcome, void *user_data) {
  (void)user_data;
  FAIL("a callback was called, with status %d", outcome->status);
}

/* Every way in is shut, and no callback is called. */
UNUSED static void refuses_work(pool_t *pool, int32_t status) {
  int64_t args[2] = {1, 2}, results[2] = {-1, -1};
  int32_t statuses[2] = {55, 55};
  pool_future_t *future = (pool_future_t *)results;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = twice;
  call.arg_size = call.result_size = 8;
  CHECK_ERROR(pool_apply(pool, twice, args, 8, results, 8), status);
  CHECK_ERROR(pool_apply_async(pool, twice, args, 8, 8, must_not_be_called, NULL, &future), status);
  CHECK_ERROR(pool_map(pool, twice, args, 8, results, 8, 2), status);
  CHECK_ERROR(pool_map_async(pool, twice, args, 8, results, 8, 2, must_not_be_called, NULL, &future), status);
  CHECK_ERROR(pool_map_with(pool, &call, args, results, statuses, 2), status);
  CHECK(future == (pool_future_t *)results);
  CHECK_EQ(results[0], -1);
  CHECK_EQ(results[1], -1);
}

/* How many tasks run at the same time. */
struct headcount {
  atomic_int inside, most;
};

/* Submitted with arg_size 0 and a pointer to a headcount. */
UNUSED static int32_t enter_and_leave(const void *arg, void *result, pool_task_t *task) {
  struct headcount *heads = (struct headcount *)(uintptr_t)arg;
  (void)result;
  (void)task;
  int inside = atomic_fetch_add(&heads->inside, 1) + 1, most = atomic_load(&heads->most);
  while (inside > most && !atomic_compare_exchange_weak(&heads->most, &most, inside)) {
  }
  sleep_ms(1);
  atomic_fetch_sub(&heads->inside, 1);
  return 0;
}

/* A thread that has been joined may be listed for a moment more. ThreadSanitizer has one of its own. */
UNUSED static void threads_go_back_to(int count) {
  check_skip_under("tsan", "the tool's own thread would be counted");
  for (int i = 0; i < 5000 && threads_now() > count; i++) {
    sleep_ms(1);
  }
  CHECK_EQ(threads_now(), count);
}

#endif
