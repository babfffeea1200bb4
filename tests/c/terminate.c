/* Terminating: queued tasks end with POOL_ERR_TERMINATED, running ones are asked to stop, every callback comes once. */
#include "tasks.h"

static void terminated_before_it_ran(const pool_result_t *outcome, void *user_data) {
  CHECK_STATUS(outcome->status, POOL_ERR_TERMINATED);
  CHECK(strlen(outcome->message) > 3);
  CHECK(outcome->data == NULL);
  CHECK_EQ(outcome->size, 0);
  CHECK_EQ(outcome->worker, POOL_NO_WORKER);
  CHECK_EQ(outcome->pid, 0);
  (*(int *)user_data)++;
}

CASE(queued_tasks_end) {
  enum { COUNT = 1000 };
  static pool_future_t *futures[COUNT];
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *running = block_worker(pool, &blocker);
  atomic_int ran = 0;
  int calls = 0;
  for (int i = 0; i < COUNT; i++) {
    CHECK_OK(pool_apply_async(pool, increment, &ran, 0, 0, terminated_before_it_ran, &calls, &futures[i]));
  }
  CHECK_OK(pool_terminate(pool));
  for (int i = 0; i < COUNT; i++) {
    CHECK_OK(pool_future_wait(futures[i], 60000));
    CHECK_STATUS(pool_future_status(futures[i]), POOL_ERR_TERMINATED);
    CHECK_STATUS(pool_future_get(futures[i], NULL, 0, -1), POOL_ERR_TERMINATED);
    CHECK_EQ(pool_future_ready(futures[i]), 1);
    CHECK_EQ(pool_future_successful(futures[i]), 0);
    CHECK_EQ(pool_future_cancel(futures[i]), 0);
    CHECK(strlen(pool_future_message(futures[i])) > 3);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_EQ(pool_future_ready(running), 0);
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&ran), 0);
  CHECK_EQ(calls, COUNT);
  CHECK_STATUS(pool_future_status(running), POOL_OK);
  CHECK_OK(pool_future_release(running));
}

static int32_t run_until_asked(const void *arg, void *result, pool_task_t *task) {
  struct gate *running = (struct gate *)(uintptr_t)arg;
  (void)result;
  gate_open(running);
  EVENTUALLY(pool_task_cancelled(task) == 1);
  return 5;
}

CASE(running_tasks_are_asked) {
  pool_t *pool = new_pool(2);
  struct gate first = GATE_INIT, second = GATE_INIT;
  pool_future_t *one = NULL, *two = NULL;
  CHECK_OK(pool_apply_async(pool, run_until_asked, &first, 0, 0, NULL, NULL, &one));
  CHECK_OK(pool_apply_async(pool, run_until_asked, &second, 0, 0, NULL, NULL, &two));
  gate_wait(&first);
  gate_wait(&second);
  CHECK_OK(pool_terminate(pool));
  CHECK_STATUS(pool_future_get(one, NULL, 0, -1), 5);
  CHECK_STATUS(pool_future_get(two, NULL, 0, -1), 5);
  CHECK_OK(pool_join(pool, -1));
  CHECK_OK(pool_future_release(one));
  CHECK_OK(pool_future_release(two));
  CHECK_OK(pool_close_join(pool));
}

CASE(terminate_does_not_wait) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *future = block_worker(pool, &blocker);
  CHECK_OK(pool_terminate(pool));
  CHECK_ERROR(pool_join(pool, 20), POOL_ERR_TIMEOUT);
  CHECK_EQ(pool_future_running(future), 1);
  gate_open(&blocker.go);
  CHECK_OK(pool_join(pool, -1));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

CASE(terminate_in_every_state) {
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_terminate(pool));
  CHECK_OK(pool_terminate(pool));
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK_OK(pool_terminate(pool));
  CHECK_OK(pool_close_join(pool));
  pool = new_pool(2);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_terminate(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK_OK(pool_close_join(pool));
}

CASE(no_work_is_taken_afterwards) {
  pool_t *pool = new_pool(2);
  int64_t arg = 1, result = -1;
  pool_future_t *future = (pool_future_t *)&arg;
  CHECK_OK(pool_terminate(pool));
  CHECK_ERROR(pool_apply(pool, twice, &arg, 8, &result, 8), POOL_ERR_CLOSED);
  CHECK_ERROR(pool_map(pool, twice, &arg, 8, &result, 8, 1), POOL_ERR_CLOSED);
  CHECK_ERROR(pool_apply_async(pool, twice, &arg, 8, 8, must_not_be_called, NULL, &future), POOL_ERR_CLOSED);
  CHECK(future == (pool_future_t *)&arg);
  CHECK_EQ(result, -1);
  CHECK_OK(pool_close_join(pool));
}

/* Tens of thousands of tasks, terminated in their midst: each either ran or was terminated, with one callback. */
struct midst {
  atomic_int ran;
  int ok, terminated;
};

static void count_ends(const pool_result_t *outcome, void *user_data) {
  struct midst *midst = user_data;
  if (outcome->status == POOL_OK) {
    midst->ok++;
  } else {
    CHECK_STATUS(outcome->status, POOL_ERR_TERMINATED);
    midst->terminated++;
  }
}

CASE(terminate_in_the_midst) {
  for (size_t round = 0; round < scaled(20); round++) {
    pool_t *pool = new_pool(2);
    struct midst midst = {0, 0, 0};
    int count = (int)scaled(3000);
    for (int i = 0; i < count; i++) {
      CHECK_OK(pool_apply_async(pool, increment, &midst.ran, 0, 0, count_ends, &midst, NULL));
    }
    CHECK_OK(pool_terminate(pool));
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(midst.ok, atomic_load(&midst.ran));
    CHECK_EQ(midst.ok + midst.terminated, count);
  }
}

struct submitter {
  pool_t *pool;
  struct midst *midst;
  int taken;
};

static void *submit_until_refused(void *data) {
  struct submitter *submitter = data;
  for (;;) {
    int32_t status =
        pool_apply_async(submitter->pool, increment, &submitter->midst->ran, 0, 0, count_ends, submitter->midst, NULL);
    if (status != POOL_OK) {
      CHECK_STATUS(status, POOL_ERR_CLOSED);
      return NULL;
    }
    submitter->taken++;
  }
}

/* What was accepted gets its callback, what was refused doesn't, however the two race. */
CASE(terminate_races_with_submitters) {
  enum { THREADS = 3 };
  for (size_t round = 0; round < scaled(30); round++) {
    pool_t *pool = new_pool(2);
    struct midst midst = {0, 0, 0};
    struct submitter submitters[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
      submitters[i] = (struct submitter){pool, &midst, 0};
      threads[i] = check_thread(submit_until_refused, &submitters[i]);
    }
    sleep_ms((int)(round % 5));
    CHECK_OK(round % 2 ? pool_terminate(pool) : pool_close(pool));
    int taken = 0;
    for (int i = 0; i < THREADS; i++) {
      pthread_join(threads[i], NULL);
      taken += submitters[i].taken;
    }
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(midst.ok, atomic_load(&midst.ran));
    CHECK_EQ(midst.ok + midst.terminated, taken);
    CHECK(round % 2 || midst.terminated == 0);
  }
}

static int32_t terminate_inside(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = (pool_t *)(uintptr_t)arg;
  (void)result;
  CHECK_OK(pool_terminate(pool));
  CHECK_EQ(pool_task_cancelled(task), 1);
  CHECK_ERROR(pool_apply_async(pool, nothing, NULL, 0, 0, must_not_be_called, NULL, NULL), POOL_ERR_TERMINATED);
  CHECK_ERROR(pool_apply(pool, nothing, NULL, 0, NULL, 0), POOL_ERR_TERMINATED);
  CHECK_ERROR(pool_map(pool, nothing, NULL, 0, NULL, 0, 10), POOL_ERR_TERMINATED);
  return 6;
}

CASE(terminate_from_a_task) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *first = block_worker(pool, &blocker), *second = NULL, *third = NULL;
  CHECK_OK(pool_apply_async(pool, terminate_inside, pool, 0, 0, NULL, NULL, &second));
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &third));
  gate_open(&blocker.go);
  CHECK_STATUS(pool_future_get(second, NULL, 0, -1), 6);
  CHECK_STATUS(pool_future_get(third, NULL, 0, -1), POOL_ERR_TERMINATED);
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_future_release(first));
  CHECK_OK(pool_future_release(second));
  CHECK_OK(pool_future_release(third));
}

static void terminate_in_callback(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  CHECK_OK(pool_terminate(user_data));
}

CASE(terminate_from_a_callback) {
  for (int32_t mode = POOL_CALLBACKS_SERIAL; mode <= POOL_CALLBACKS_POLLED; mode++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 1;
    options.callbacks = mode;
    pool_t *pool = new_pool_with(&options);
    struct blocker blocker = BLOCKER_INIT;
    struct tally tally = {0, 1};
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, terminate_in_callback, pool, NULL));
    pool_future_t *future = NULL;
    if (pool_apply_async(pool, run_until_asked, &blocker.running, 0, 0, count_call, &tally, &future) == POOL_OK) {
      if (mode == POOL_CALLBACKS_POLLED) {
        gate_wait(&blocker.running);
        CHECK_EQ(pool_poll(pool, -1), 1);
      }
      int32_t status = pool_future_get(future, NULL, 0, -1);
      CHECK(status == 5 || status == POOL_ERR_TERMINATED);
      CHECK_OK(pool_close_join(pool));
      CHECK_EQ(tally.calls, 1);
      CHECK_EQ(tally.status, status);
      CHECK_OK(pool_future_release(future));
    } else {
      CHECK_OK(pool_close_join(pool));
    }
  }
}

/* close_join after terminate waits for running tasks, and for callbacks too. */
CASE(close_join_after_terminate) {
  pool_t *pool = new_pool(2);
  struct gate running = GATE_INIT;
  struct tally tally = {0, 1};
  CHECK_OK(pool_apply_async(pool, run_until_asked, &running, 0, 0, count_call, &tally, NULL));
  gate_wait(&running);
  CHECK_OK(pool_terminate(pool));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
  CHECK_EQ(tally.status, 5);
}

static int32_t wait_for_child(const void *arg, void *result, pool_task_t *task) {
  struct submitter *submitter = (struct submitter *)(uintptr_t)arg;
  pool_future_t *child = NULL;
  (void)result;
  (void)task;
  while (pool_apply_async(submitter->pool, increment, &submitter->midst->ran, 0, 0, NULL, NULL, &child) == POOL_OK) {
    int32_t status = pool_future_get(child, NULL, 0, -1);
    CHECK(status == POOL_OK || status == POOL_ERR_TERMINATED);
    CHECK_OK(pool_future_release(child));
  }
  return 0;
}

/* A task that submits and waits without end is stopped by terminate, since it is refused. */
CASE(terminate_stops_a_submitting_task) {
  struct midst midst = {0, 0, 0};
  struct submitter submitter = {new_pool(2), &midst, 0};
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(submitter.pool, wait_for_child, &submitter, 0, 0, NULL, NULL, &future));
  EVENTUALLY(atomic_load(&midst.ran) > 100);
  CHECK_OK(pool_terminate(submitter.pool));
  CHECK_OK(pool_future_get(future, NULL, 0, -1));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(submitter.pool));
}
