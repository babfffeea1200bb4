/* Cancelling tasks: queued, running, ended; from threads, tasks and callbacks. */
#include "tasks.h"

static int32_t must_not_run(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  FAIL("a cancelled task was run, by worker %u", task->worker);
  return 0;
}

CASE(cancel_a_queued_task) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *running = block_worker(pool, &blocker), *queued = NULL;
  struct tally tally = {0, 1};
  int64_t result = 5;
  CHECK_OK(pool_apply_async(pool, must_not_run, NULL, 0, sizeof result, count_call, &tally, &queued));
  CHECK_EQ(pool_future_cancel(queued), 1);
  CHECK_EQ(pool_future_ready(queued), 1);
  CHECK_EQ(pool_future_running(queued), 0);
  CHECK_EQ(pool_future_successful(queued), 0);
  CHECK_OK(pool_future_wait(queued, 0));
  CHECK_STATUS(pool_future_status(queued), POOL_ERR_CANCELLED);
  CHECK_STATUS(pool_future_get(queued, &result, sizeof result, -1), POOL_ERR_CANCELLED);
  CHECK_EQ(result, 5);
  CHECK(pool_future_data(queued, NULL) == NULL);
  CHECK(strlen(pool_future_message(queued)) > 3);
  CHECK_EQ(pool_future_cancel(queued), 0);
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
  CHECK_EQ(tally.status, POOL_ERR_CANCELLED);
  CHECK_EQ(pool_future_cancel(queued), 0);
  CHECK_OK(pool_future_release(queued));
  CHECK_OK(pool_future_release(running));
}

static void never_ran(const pool_result_t *outcome, void *user_data) {
  CHECK_STATUS(outcome->status, POOL_ERR_CANCELLED);
  CHECK(strlen(outcome->message) > 3);
  CHECK(outcome->data == NULL);
  CHECK_EQ(outcome->size, 0);
  CHECK_EQ(outcome->worker, POOL_NO_WORKER);
  CHECK_EQ(outcome->pid, 0);
  atomic_fetch_add((atomic_int *)user_data, 1);
}

CASE(outcome_of_a_cancelled_task) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *running = block_worker(pool, &blocker), *queued = NULL;
  atomic_int calls = 0;
  CHECK_OK(pool_apply_async(pool, must_not_run, NULL, 0, 8, never_ran, &calls, &queued));
  CHECK_EQ(pool_future_cancel(queued), 1);
  CHECK_OK(pool_future_release(queued));
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(calls, 1);
  CHECK_OK(pool_future_release(running));
}

CASE(a_free_worker_calls_back_for_a_cancelled_task) {
  pool_t *pool = new_pool(2);
  struct blocker first = BLOCKER_INIT, second = BLOCKER_INIT;
  pool_future_t *one = block_worker(pool, &first), *two = block_worker(pool, &second), *queued = NULL;
  struct tally tally = {0, 1};
  CHECK_OK(pool_apply_async(pool, must_not_run, NULL, 0, 0, count_call, &tally, &queued));
  CHECK_EQ(pool_future_cancel(queued), 1);
  gate_open(&second.go);
  EVENTUALLY(atomic_load(&tally.calls) == 1);
  CHECK_EQ(tally.status, POOL_ERR_CANCELLED);
  gate_open(&first.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_future_release(one));
  CHECK_OK(pool_future_release(two));
  CHECK_OK(pool_future_release(queued));
}

static int32_t run_until_asked(const void *arg, void *result, pool_task_t *task) {
  struct gate *running = (struct gate *)(uintptr_t)arg;
  CHECK_EQ(pool_task_cancelled(task), 0);
  gate_open(running);
  EVENTUALLY(pool_task_cancelled(task) == 1);
  *(int64_t *)result = 77;
  return 0;
}

/* Cancelling a running task only asks it to stop; how it ends is its own affair. */
CASE(cancel_a_running_task) {
  pool_t *pool = new_pool(1);
  struct gate running = GATE_INIT;
  struct tally tally = {0, 1};
  pool_future_t *future = NULL;
  int64_t result = 0;
  CHECK_OK(pool_apply_async(pool, run_until_asked, &running, 0, sizeof result, count_call, &tally, &future));
  gate_wait(&running);
  CHECK_EQ(pool_future_cancel(future), 0);
  CHECK_OK(pool_future_get(future, &result, sizeof result, -1));
  CHECK_EQ(result, 77);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
  CHECK_EQ(tally.status, POOL_OK);
  CHECK_OK(pool_future_release(future));
}

CASE(cancel_an_ended_task) {
  pool_t *pool = new_pool(1);
  pool_future_t *future = NULL;
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply_async(pool, twice, &arg, sizeof arg, sizeof result, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, -1));
  CHECK_EQ(pool_future_cancel(future), 0);
  CHECK_OK(pool_future_get(future, &result, sizeof result, -1));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

static int32_t was_asked(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  return pool_task_cancelled(task);
}

/* Being asked to stop is no state of the worker: the next task of it has not been asked. */
CASE(cancelling_one_task_leaves_the_next_alone) {
  pool_t *pool = new_pool(1);
  for (int i = 0; i < 50; i++) {
    struct gate running = GATE_INIT;
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, run_until_asked, &running, 0, 8, NULL, NULL, &future));
    gate_wait(&running);
    CHECK_EQ(pool_future_cancel(future), 0);
    CHECK_OK(pool_apply(pool, was_asked, NULL, 0, NULL, 0));
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

static void *see_it_cancelled(void *data) {
  CHECK_OK(pool_future_wait(data, 60000));
  CHECK_STATUS(pool_future_get(data, NULL, 0, -1), POOL_ERR_CANCELLED);
  return NULL;
}

static void *see_it_cancelled_untimed(void *data) {
  CHECK_STATUS(pool_future_get(data, NULL, 0, -1), POOL_ERR_CANCELLED);
  return NULL;
}

CASE(cancel_wakes_the_waiters) {
  pool_t *pool = new_pool(1);
  for (size_t round = 0; round < scaled(20); round++) {
    struct blocker blocker = BLOCKER_INIT;
    pool_future_t *running = block_worker(pool, &blocker), *queued = NULL;
    CHECK_OK(pool_apply_async(pool, must_not_run, NULL, 0, 0, NULL, NULL, &queued));
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
      threads[i] = check_thread(i % 2 ? see_it_cancelled : see_it_cancelled_untimed, queued);
    }
    sleep_ms(round % 2 ? 10 : 0);
    CHECK_EQ(pool_future_cancel(queued), 1);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
      pthread_join(threads[i], NULL);
    }
    gate_open(&blocker.go);
    CHECK_OK(pool_future_wait(running, -1));
    CHECK_OK(pool_future_release(running));
    CHECK_OK(pool_future_release(queued));
  }
  CHECK_OK(pool_close_join(pool));
}

/* One of many thousands of queued tasks runs or is cancelled, never both, and its callback is called once. */
CASE(cancel_races_with_the_start) {
  pool_t *pool = new_pool(2);
  size_t count = scaled(20000), cancelled = 0;
  atomic_int ran = 0;
  struct tally tally = {0, 0};
  pool_future_t **futures = calloc(count, sizeof *futures);
  for (size_t i = 0; i < count; i++) {
    CHECK_OK(pool_apply_async(pool, increment, &ran, 0, 0, count_call, &tally, &futures[i]));
    if (i % 2 == 0) {
      cancelled += (size_t)pool_future_cancel(futures[i]);
    }
  }
  for (size_t i = count; i-- > 0;) {
    cancelled += (size_t)pool_future_cancel(futures[i]);
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ((size_t)atomic_load(&ran) + cancelled, count);
  CHECK_EQ(atomic_load(&tally.calls), count);
  size_t seen = 0;
  for (size_t i = 0; i < count; i++) {
    seen += pool_future_status(futures[i]) == POOL_ERR_CANCELLED;
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_EQ(seen, cancelled);
  free(futures);
}

static int32_t cancel_other(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(int32_t *)result = pool_future_cancel((pool_future_t *)(uintptr_t)arg);
  return 0;
}

CASE(cancel_from_a_task) {
  pool_t *pool = new_pool(2);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *running = block_worker(pool, &blocker);
  int32_t answer = -1;
  CHECK_OK(pool_apply(pool, cancel_other, running, 0, &answer, sizeof answer));
  CHECK_EQ(answer, 0);
  gate_open(&blocker.go);
  CHECK_OK(pool_future_get(running, NULL, 0, -1));
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_close_join(pool));
}

struct victim {
  pool_future_t *future;
  int32_t answer;
};

static void cancel_victim(const pool_result_t *outcome, void *user_data) {
  struct victim *victim = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  victim->answer = pool_future_cancel(victim->future);
}

/* Whether the next task of the queue starts before or after the callback is open, but not both. */
CASE(cancel_from_a_callback) {
  for (size_t round = 0; round < scaled(50); round++) {
    pool_t *pool = new_pool(1);
    struct blocker gatekeeper = BLOCKER_INIT, blocker = BLOCKER_INIT;
    pool_future_t *held = block_worker(pool, &gatekeeper);
    struct victim victim = {NULL, -1};
    struct tally tally = {0, 1};
    atomic_int ran = 0;
    CHECK_OK(pool_apply_async(pool, block, &blocker, 0, 0, cancel_victim, &victim, NULL));
    CHECK_OK(pool_apply_async(pool, increment, &ran, 0, 0, count_call, &tally, &victim.future));
    gate_open(&blocker.go);
    gate_open(&gatekeeper.go);
    CHECK_OK(pool_close_join(pool));
    CHECK(victim.answer == 0 || victim.answer == 1);
    CHECK_EQ(ran, 1 - victim.answer);
    CHECK_EQ(tally.calls, 1);
    CHECK_EQ(tally.status, victim.answer == 1 ? POOL_ERR_CANCELLED : POOL_OK);
    CHECK_OK(pool_future_release(held));
    CHECK_OK(pool_future_release(victim.future));
  }
}
