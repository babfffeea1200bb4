/* Pools of processes: closing, joining, terminating. */
#include "procs.h"

CASE(close_and_what_it_refuses) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct tally tally = {0, 1};
  int64_t arg = 1;
  CHECK_ERROR(pool_join(pool, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join(pool, 0), POOL_ERR_INVALID);
  for (int i = 0; i < 1000; i++) {
    CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, count_call, &tally, NULL));
  }
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_close(pool));
    refuses_work(pool, POOL_ERR_CLOSED);
    CHECK_ERROR(pool_refresh(pool), POOL_ERR_CLOSED);
  }
  CHECK_ERROR(pool_join(pool, -2), POOL_ERR_INVALID);
  CHECK_OK(pool_join(pool, -1));
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, 0));
  CHECK_EQ(family(&world), 0);
  refuses_work(pool, POOL_ERR_CLOSED);
  CHECK_EQ(tally.calls, 1000);
  close_and_leave_nothing(pool, &world);
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_INVALID);
}

CASE(an_unused_pool) {
  struct world world = world_now();
  close_and_leave_nothing(process_pool(3), &world);
  close_and_leave_nothing(process_pool(1), &world);
  pool_t *pool = process_pool(2);
  CHECK_OK(pool_terminate(pool));
  close_and_leave_nothing(pool, &world);
}

CASE(join_waits_for_tasks_and_runs_out_of_time) {
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  struct hold *hold = shared(pool, sizeof *hold);
  struct tally tally = {0, 1};
  int64_t arg = 21, result = 0;
  pool_future_t *running = hold_worker(pool, hold), *queued = NULL;
  CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, count_call, &tally, &queued));
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_join(pool, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_join(pool, 30), POOL_ERR_TIMEOUT);
  CHECK_EQ(tally.calls, 0);
  atomic_store(&hold->go, 1);
  CHECK_OK(pool_join(pool, 60000));
  CHECK_EQ(tally.calls, 1);
  CHECK_EQ(family(&world), 0);
  CHECK_EQ(pool_worker_pid(pool, 0), 0);
  CHECK_OK(pool_future_get(queued, &result, 8, 0));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_future_release(queued));
  close_and_leave_nothing(pool, &world);
}

static void *join_too(void *data) {
  CHECK_OK(pool_join(data, -1));
  return NULL;
}

CASE(several_threads_join) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct hold *hold = shared(pool, sizeof *hold);
  pool_future_t *future = hold_worker(pool, hold);
  pthread_t threads[4];
  CHECK_OK(pool_close(pool));
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(join_too, pool);
  }
  sleep_ms(10);
  atomic_store(&hold->go, 1);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_future_release(future));
  close_and_leave_nothing(pool, &world);
}

struct from_callback {
  pool_t *pool;
  atomic_int calls;
};

static void join_in_callback(const pool_result_t *outcome, void *user_data) {
  struct from_callback *from = user_data;
  (void)outcome;
  CHECK_ERROR(pool_close_join(from->pool), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_refresh(from->pool), POOL_ERR_DEADLOCK);
  CHECK_OK(pool_close(from->pool));
  CHECK_ERROR(pool_join(from->pool, -1), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_join(from->pool, 0), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_close_join(from->pool), POOL_ERR_DEADLOCK);
  atomic_fetch_add(&from->calls, 1);
}

CASE(join_from_a_callback_is_a_deadlock) {
  struct world world = world_now();
  for (int32_t mode = POOL_CALLBACKS_SERIAL; mode <= POOL_CALLBACKS_POLLED; mode++) {
    pool_options_t options = processes(2);
    options.callbacks = mode;
    struct from_callback from = {new_pool_with(&options), 0};
    CHECK_OK(pool_apply_async(from.pool, nothing, NULL, 0, 0, join_in_callback, &from, NULL));
    close_and_leave_nothing(from.pool, &world);
    CHECK_EQ(from.calls, 1);
  }
}

/* ---- Terminating ---- */

static int32_t never_end(const void *arg, void *result, pool_task_t *task) {
  sigset_t all;
  (void)result;
  (void)task;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  atomic_int *running = (atomic_int *)(uintptr_t)arg;
  atomic_fetch_add(running, 1);
  while (atomic_load(running) > 0) {
    sleep_ms(1000);
  }
  return 0;
}

struct ends {
  atomic_int calls, terminated;
};

static void count_terminated(const pool_result_t *outcome, void *user_data) {
  struct ends *ends = user_data;
  atomic_fetch_add(&ends->calls, 1);
  atomic_fetch_add(&ends->terminated, outcome->status == POOL_ERR_TERMINATED);
  CHECK(strlen(outcome->message) > 3);
}

CASE(terminate_kills_what_runs) {
  struct world world = world_now();
  for (int round = 0; round < 10; round++) {
    pool_t *pool = process_pool(3);
    atomic_int *running = shared(pool, sizeof *running);
    struct ends ends = {0, 0};
    pool_future_t *futures[500];
    for (size_t i = 0; i < COUNT_OF(futures); i++) {
      CHECK_OK(pool_apply_async(pool, never_end, running, 0, 0, count_terminated, &ends, &futures[i]));
    }
    EVENTUALLY(atomic_load(running) == 3);
    CHECK_OK(pool_terminate(pool));
    refuses_work(pool, POOL_ERR_CLOSED);
    CHECK_OK(pool_terminate(pool));
    CHECK_OK(pool_join(pool, -1));
    CHECK_EQ(atomic_load(running), 3);
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(ends.calls, 500);
    CHECK_EQ(ends.terminated, 500);
    for (size_t i = 0; i < COUNT_OF(futures); i++) {
      CHECK_STATUS(pool_future_status(futures[i]), POOL_ERR_TERMINATED);
      CHECK(strlen(pool_future_message(futures[i])) > 3);
      CHECK_OK(pool_future_release(futures[i]));
    }
    world_is_back(&world);
  }
}

static void *wait_for_the_end(void *data) {
  CHECK_STATUS(pool_future_get(data, NULL, 0, -1), POOL_ERR_TERMINATED);
  return NULL;
}

CASE(terminate_wakes_those_who_wait) {
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  atomic_int *running = shared(pool, sizeof *running);
  pool_future_t *futures[2];
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    CHECK_OK(pool_apply_async(pool, never_end, running, 0, 0, NULL, NULL, &futures[i]));
    threads[i] = check_thread(wait_for_the_end, futures[i]);
  }
  EVENTUALLY(atomic_load(running) == 1);
  sleep_ms(10);
  CHECK_OK(pool_terminate(pool));
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
    CHECK_OK(pool_future_release(futures[i]));
  }
  close_and_leave_nothing(pool, &world);
}

static void terminate_in_callback(const pool_result_t *outcome, void *user_data) {
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_OK(pool_terminate(user_data));
}

CASE(terminate_from_a_callback) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  atomic_int *running = shared(pool, sizeof *running);
  struct ends ends = {0, 0};
  CHECK_OK(pool_apply_async(pool, never_end, running, 0, 0, count_terminated, &ends, NULL));
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, terminate_in_callback, pool, NULL));
  close_and_leave_nothing(pool, &world);
  CHECK_EQ(ends.terminated, 1);
}

struct feeder {
  pool_t *pool;
  atomic_int accepted;
  struct ends ends;
};

static void count_any(const pool_result_t *outcome, void *user_data) {
  struct ends *ends = user_data;
  CHECK(outcome->status == POOL_OK || outcome->status == POOL_ERR_TERMINATED);
  atomic_fetch_add(&ends->calls, 1);
}

static void *feed_until_closed(void *data) {
  struct feeder *feeder = data;
  for (int64_t i = 0;; i++) {
    int32_t status = pool_apply_async(feeder->pool, twice, &i, 8, 8, count_any, &feeder->ends, NULL);
    if (status != POOL_OK) {
      CHECK(status == POOL_ERR_CLOSED || status == POOL_ERR_TERMINATED);
      return NULL;
    }
    atomic_fetch_add(&feeder->accepted, 1);
  }
}

CASE(terminate_while_others_submit) {
  struct world world = world_now();
  for (int round = 0; round < 10; round++) {
    struct feeder feeder = {process_pool(2), 0, {0, 0}};
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
      threads[i] = check_thread(feed_until_closed, &feeder);
    }
    EVENTUALLY(atomic_load(&feeder.ends.calls) > 100);
    CHECK_OK(round % 2 ? pool_terminate(feeder.pool) : pool_close(feeder.pool));
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
      pthread_join(threads[i], NULL);
    }
    close_and_leave_nothing(feeder.pool, &world);
    CHECK_EQ(feeder.ends.calls, feeder.accepted);
  }
}

/* ---- Polled callbacks at the end ---- */

CASE(polling_to_the_end) {
  struct world world = world_now();
  pool_options_t options = processes(2);
  options.callbacks = POOL_CALLBACKS_POLLED;
  pool_t *pool = new_pool_with(&options);
  struct tally tally = {0, 1};
  CHECK(pool_poll_fd(pool) >= 0);
  CHECK_EQ(pool_poll(pool, 0), 0);
  for (int i = 0; i < 500; i++) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, count_call, &tally, NULL));
  }
  CHECK_OK(pool_close(pool));
  int ran = 0;
  for (int32_t now; (now = pool_poll(pool, -1)) != 0; ran += now) {
    CHECK(now > 0);
  }
  CHECK_EQ(ran, 500);
  CHECK_EQ(tally.calls, 500);
  close_and_leave_nothing(pool, &world);
}

CASE(open_and_close_often) {
  struct world world = world_now();
  for (size_t i = 0; i < scaled(40); i++) {
    pool_t *pool = process_pool(1 + (uint32_t)(i % 3));
    if (i % 2 == 0) {
      pool_works(pool);
    }
    if (i % 5 == 0) {
      CHECK_OK(pool_terminate(pool));
    }
    CHECK_OK(pool_close_join(pool));
  }
  world_is_back(&world);
}
