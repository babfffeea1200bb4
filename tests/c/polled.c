/* Polled callbacks: only in pool_poll and on its thread, a descriptor for event loops, the rest in close_join. */
#include "tasks.h"

#include <poll.h>

static pool_t *polled_pool(uint32_t workers) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = workers;
  options.callbacks = POOL_CALLBACKS_POLLED;
  return new_pool_with(&options);
}

/* Whether the descriptor is readable within the time. */
static int readable(pool_t *pool, int timeout_ms) {
  struct pollfd wanted = {pool_poll_fd(pool), POLLIN, 0};
  CHECK(wanted.fd >= 0);
  int found = poll(&wanted, 1, timeout_ms);
  CHECK(found >= 0);
  CHECK_EQ(wanted.revents & ~POLLIN, 0);
  return found;
}

struct here {
  pthread_t thread;
  int allowed;
  int calls;
  int32_t status;
};

static void only_here(const pool_result_t *outcome, void *user_data) {
  struct here *here = user_data;
  CHECK(pthread_equal(pthread_self(), here->thread));
  CHECK(here->allowed);
  here->status = outcome->status;
  here->calls++;
}

/* Polls until so many callbacks have been counted, by the calls and by the answers alike. */
static void poll_for(pool_t *pool, struct here *here, int calls) {
  here->allowed = 1;
  for (int before = here->calls; here->calls < calls; before = here->calls) {
    int32_t ran = pool_poll(pool, -1);
    CHECK(ran > 0);
    CHECK_EQ(here->calls - before, ran);
  }
  CHECK_EQ(here->calls, calls);
  here->allowed = 0;
}

CASE(only_in_poll_and_on_its_thread) {
  pool_t *pool = polled_pool(2);
  struct here here = {pthread_self(), 0, 0, 1};
  int total = (int)scaled(5000);
  for (int i = 0; i < total; i++) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, only_here, &here, NULL));
  }
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  sleep_ms(20);
  CHECK_EQ(here.calls, 0);
  poll_for(pool, &here, total);
  CHECK_EQ(pool_poll(pool, 0), 0);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(here.calls, total);
}

CASE(poll_runs_out_of_time) {
  pool_t *pool = polled_pool(1);
  CHECK_EQ(pool_poll(pool, 0), 0);
  int64_t start = now_ms();
  CHECK_EQ(pool_poll(pool, 50), 0);
  CHECK(now_ms() - start >= 49);
  struct blocker blocker = BLOCKER_INIT;
  struct here here = {pthread_self(), 0, 0, 1};
  CHECK_OK(pool_apply_async(pool, block, &blocker, 0, 0, only_here, &here, NULL));
  CHECK_EQ(pool_poll(pool, 0), 0);
  CHECK_EQ(pool_poll(pool, 50), 0);
  gate_open(&blocker.go);
  here.allowed = 1;
  CHECK_EQ(pool_poll(pool, 60000), 1);
  CHECK_EQ(here.calls, 1);
  CHECK_OK(pool_close_join(pool));
}

static void *open_soon(void *data) {
  sleep_ms(50);
  gate_open(data);
  return NULL;
}

CASE(poll_wakes_when_a_callback_comes) {
  pool_t *pool = polled_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  struct here here = {pthread_self(), 1, 0, 1};
  CHECK_OK(pool_apply_async(pool, block, &blocker, 0, 0, only_here, &here, NULL));
  pthread_t thread = check_thread(open_soon, &blocker.go);
  CHECK_EQ(pool_poll(pool, -1), 1);
  CHECK_EQ(here.calls, 1);
  pthread_join(thread, NULL);
  CHECK_OK(pool_close_join(pool));
}

CASE(descriptor_is_readable_while_callbacks_wait) {
  pool_t *pool = polled_pool(1);
  struct here here = {pthread_self(), 0, 0, 1};
  int descriptor = pool_poll_fd(pool);
  CHECK_EQ(readable(pool, 0), 0);
  for (int round = 0; round < 20; round++) {
    struct blocker blocker = BLOCKER_INIT;
    CHECK_OK(pool_apply_async(pool, block, &blocker, 0, 0, only_here, &here, NULL));
    gate_wait(&blocker.running);
    CHECK_EQ(readable(pool, 0), 0);
    gate_open(&blocker.go);
    CHECK_EQ(readable(pool, -1), 1);
    CHECK_EQ(readable(pool, 0), 1);
    poll_for(pool, &here, round + 1);
    CHECK_EQ(readable(pool, 0), 0);
    CHECK_EQ(pool_poll_fd(pool), descriptor);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(descriptor_stays_quiet_without_a_callback) {
  pool_t *pool = polled_pool(2);
  for (int i = 0; i < 200; i++) {
    CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  }
  CHECK_EQ(readable(pool, 20), 0);
  CHECK_EQ(pool_poll(pool, 0), 0);
  CHECK_OK(pool_close_join(pool));
}

CASE(descriptor_goes_with_the_pool) {
  for (int i = 0; i < 3000; i++) {
    pool_t *pool = polled_pool(1);
    CHECK(pool_poll_fd(pool) >= 0);
    CHECK(pool_poll_fd(pool) < 100);
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(an_event_loop) {
  pool_t *pool = polled_pool(2);
  struct here here = {pthread_self(), 1, 0, 1};
  int total = (int)scaled(3000), submitted = 0;
  while (here.calls < total) {
    for (int burst = 0; burst < 10 && submitted < total; burst++, submitted++) {
      CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, only_here, &here, NULL));
    }
    CHECK_EQ(readable(pool, -1), 1);
    CHECK(pool_poll(pool, 0) > 0);
  }
  CHECK_EQ(here.calls, total);
  CHECK_OK(pool_close_join(pool));
}

CASE(close_join_runs_the_rest_itself) {
  pool_t *pool = polled_pool(2);
  struct here here = {pthread_self(), 0, 0, 1};
  for (int i = 0; i < 100; i++) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, only_here, &here, NULL));
  }
  here.allowed = 1;
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(here.calls, 100);
}

struct chain {
  pool_t *pool;
  int left, calls;
};

static void submit_next(const pool_result_t *outcome, void *user_data) {
  struct chain *chain = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  chain->calls++;
  if (chain->left-- > 0) {
    CHECK_OK(pool_apply_async(chain->pool, nothing, NULL, 0, 0, submit_next, chain, NULL));
  }
}

CASE(submit_from_a_callback) {
  pool_t *pool = polled_pool(1);
  struct chain chain = {pool, 1000, 0};
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, submit_next, &chain, NULL));
  while (chain.calls <= 1000) {
    CHECK(pool_poll(pool, -1) > 0);
  }
  CHECK_EQ(pool_poll(pool, 0), 0);
  CHECK_OK(pool_close_join(pool));
}

static void poll_inside(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  struct chain *chain = user_data;
  CHECK_ERROR(pool_poll(chain->pool, 0), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_poll(chain->pool, -1), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_join(chain->pool, -1), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_close_join(chain->pool), POOL_ERR_DEADLOCK);
  chain->calls++;
}

CASE(waiting_for_the_pool_in_a_callback_is_a_deadlock) {
  pool_t *pool = polled_pool(1);
  struct chain chain = {pool, 0, 0};
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, poll_inside, &chain, NULL));
  CHECK_EQ(pool_poll(pool, -1), 1);
  CHECK_EQ(chain.calls, 1);
  CHECK_OK(pool_close_join(pool));
}

static int32_t poll_in_task(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = (pool_t *)(uintptr_t)arg;
  (void)result;
  (void)task;
  CHECK_ERROR(pool_poll(pool, 0), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_poll(pool, -1), POOL_ERR_DEADLOCK);
  return 0;
}

CASE(polling_in_a_task_is_a_deadlock) {
  pool_t *pool = polled_pool(1);
  CHECK_OK(pool_apply(pool, poll_in_task, pool, 0, NULL, 0));
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, poll_in_task, pool, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, NULL, 0, 60000));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

struct pollers {
  pool_t *pool;
  atomic_int inside, calls;
  int total;
};

static void one_at_a_time(const pool_result_t *outcome, void *user_data) {
  struct pollers *pollers = user_data;
  (void)outcome;
  CHECK_EQ(atomic_fetch_add(&pollers->inside, 1), 0);
  sleep_ms(1);
  CHECK_EQ(atomic_fetch_sub(&pollers->inside, 1), 1);
  atomic_fetch_add(&pollers->calls, 1);
}

static void *poll_until_all(void *data) {
  struct pollers *pollers = data;
  while (atomic_load(&pollers->calls) < pollers->total) {
    CHECK(pool_poll(pollers->pool, 1) >= 0);
  }
  return NULL;
}

CASE(one_thread_polls_at_a_time) {
  struct pollers pollers = {polled_pool(2), 0, 0, (int)scaled(200)};
  for (int i = 0; i < pollers.total; i++) {
    CHECK_OK(pool_apply_async(pollers.pool, nothing, NULL, 0, 0, one_at_a_time, &pollers, NULL));
  }
  check_threads(3, poll_until_all, &pollers);
  CHECK_EQ(pollers.calls, pollers.total);
  CHECK_OK(pool_close_join(pollers.pool));
}

CASE(join_runs_the_rest_itself) {
  pool_t *pool = polled_pool(2);
  struct here here = {pthread_self(), 0, 0, 1};
  for (int i = 0; i < 100; i++) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, only_here, &here, NULL));
  }
  CHECK_OK(pool_close(pool));
  here.allowed = 1;
  CHECK_OK(pool_join(pool, -1));
  CHECK_EQ(here.calls, 100);
  CHECK_OK(pool_close_join(pool));
}

CASE(not_for_serial_pools) {
  pool_t *pool = new_pool(1);
  CHECK_ERROR(pool_poll(pool, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_poll(pool, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_poll_fd(pool), POOL_ERR_INVALID);
  CHECK_OK(pool_close_join(pool));
}

CASE(poll_ends_when_no_callback_can_come) {
  pool_t *pool = polled_pool(1);
  struct here here = {pthread_self(), 1, 0, 1};
  for (int i = 0; i < 10; i++) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, only_here, &here, NULL));
  }
  CHECK_OK(pool_close(pool));
  int32_t ran = 0;
  do {
    ran = pool_poll(pool, -1);
    CHECK(ran >= 0);
  } while (ran > 0);
  CHECK_EQ(here.calls, 10);
  CHECK_EQ(pool_poll(pool, -1), 0);
  CHECK_OK(pool_close_join(pool));
}

static void *close_soon(void *data) {
  sleep_ms(50);
  CHECK_OK(pool_close(data));
  return NULL;
}

static void *terminate_soon(void *data) {
  sleep_ms(50);
  CHECK_OK(pool_terminate(data));
  return NULL;
}

CASE(close_and_terminate_wake_poll) {
  static void *(*const ways[])(void *) = {close_soon, terminate_soon};
  for (size_t i = 0; i < COUNT_OF(ways); i++) {
    pool_t *pool = polled_pool(1);
    pthread_t thread = check_thread(ways[i], pool);
    CHECK_EQ(pool_poll(pool, -1), 0);
    pthread_join(thread, NULL);
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(cancelled_and_terminated_tasks_call_back_in_poll) {
  enum { COUNT = 100 };
  pool_t *pool = polled_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *running = block_worker(pool, &blocker), *futures[COUNT];
  struct here cancelled = {pthread_self(), 0, 0, 1}, terminated = {pthread_self(), 0, 0, 1};
  for (int i = 0; i < COUNT; i++) {
    struct here *here = i % 2 ? &cancelled : &terminated;
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, only_here, here, &futures[i]));
  }
  for (int i = 1; i < COUNT; i += 2) {
    CHECK_EQ(pool_future_cancel(futures[i]), 1);
  }
  CHECK_EQ(readable(pool, 0), 1);
  cancelled.allowed = 1;
  CHECK_EQ(pool_poll(pool, 0), COUNT / 2);
  CHECK_EQ(cancelled.calls, COUNT / 2);
  CHECK_EQ(cancelled.status, POOL_ERR_CANCELLED);
  CHECK_OK(pool_terminate(pool));
  gate_open(&blocker.go);
  poll_for(pool, &terminated, COUNT / 2);
  CHECK_EQ(terminated.status, POOL_ERR_TERMINATED);
  CHECK_OK(pool_close_join(pool));
  for (int i = 0; i < COUNT; i++) {
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_future_release(running));
}
