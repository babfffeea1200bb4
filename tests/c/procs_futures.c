/* Pools of processes: futures, callbacks, cancelling and killing. */
#include "procs.h"

CASE(the_life_of_a_future) {
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  struct hold *hold = shared(pool, sizeof *hold);
  pool_future_t *running = hold_worker(pool, hold), *queued = NULL;
  int64_t arg = 21, result = 5;
  CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, &queued));
  CHECK_EQ(pool_future_running(running), 1);
  CHECK_EQ(pool_future_running(queued), 0);
  pool_future_t *both[] = {running, queued};
  for (int i = 0; i < 2; i++) {
    size_t size = 77;
    CHECK_EQ(pool_future_ready(both[i]), 0);
    CHECK_EQ(pool_future_successful(both[i]), 0);
    CHECK_ERROR(pool_future_wait(both[i], 0), POOL_ERR_TIMEOUT);
    CHECK_ERROR(pool_future_wait(both[i], 20), POOL_ERR_TIMEOUT);
    CHECK_ERROR(pool_future_get(both[i], &result, 8, 5), POOL_ERR_TIMEOUT);
    CHECK_EQ(result, 5);
    CHECK_STATUS(pool_future_status(both[i]), POOL_ERR_TIMEOUT);
    CHECK_STR(pool_future_message(both[i]), "");
    CHECK(pool_future_data(both[i], &size) == NULL);
    CHECK_EQ(size, 77);
    CHECK_ERROR(pool_future_wait(both[i], -2), POOL_ERR_INVALID);
  }
  atomic_store(&hold->go, 1);
  CHECK_FUTURE(running, POOL_OK);
  CHECK_FUTURE(queued, POOL_OK);
  for (int i = 0; i < 2; i++) {
    CHECK_EQ(pool_future_ready(both[i]), 1);
    CHECK_EQ(pool_future_running(both[i]), 0);
    CHECK_EQ(pool_future_successful(both[i]), 1);
    CHECK_OK(pool_future_wait(both[i], 0));
    CHECK_STR(pool_future_message(both[i]), "");
  }
  CHECK_OK(pool_future_get(queued, &result, 8, 0));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_future_get(queued, &result, 8, -1));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_future_release(queued));
  world_is_back(&world);
}

static void *wait_for_it(void *data) {
  int64_t result = 0;
  CHECK_OK(pool_future_get(data, &result, 8, -1));
  CHECK_EQ(result, 42);
  return NULL;
}

CASE(many_threads_wait_for_one_future) {
  pool_t *pool = process_pool(1);
  struct hold *hold = shared(pool, sizeof *hold);
  pool_future_t *running = hold_worker(pool, hold), *queued = NULL;
  int64_t arg = 21;
  CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, &queued));
  pthread_t threads[8];
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(wait_for_it, queued);
  }
  sleep_ms(20);
  atomic_store(&hold->go, 1);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_future_release(queued));
  CHECK_OK(pool_close_join(pool));
}

static int32_t wait_a_bit(const void *arg, void *result, pool_task_t *task) {
  sleep_ms(2);
  return twice(arg, result, task);
}

CASE(released_before_the_end) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct tally tally = {0, 1};
  for (int64_t i = 0; i < 200; i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, wait_a_bit, &i, 8, 8, count_call, &tally, &future));
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 200);
  world_is_back(&world);
}

/* ---- Callbacks ---- */

struct listener {
  pool_t *pool;
  pthread_t main_thread;
  pid_t host;
  int32_t mode;
  int plain; /* no lock: it is right only if callbacks never overlap */
  atomic_int calls, inside, failed;
  unsigned char seen[2000];
};

static int32_t fail_each_third(const void *arg, void *result, pool_task_t *task) {
  int64_t id = *(const int64_t *)arg;
  *(int64_t *)result = id * 2;
  return id % 3 == 0 ? pool_task_fail(task, 33, "a third") : 0;
}

static void listen(const pool_result_t *outcome, void *user_data) {
  struct listener *listener = user_data;
  CHECK_EQ(getpid(), listener->host);
  if (listener->mode == POOL_CALLBACKS_POLLED) {
    CHECK(pthread_equal(pthread_self(), listener->main_thread));
  }
  if (listener->mode != POOL_CALLBACKS_INLINE) {
    CHECK_EQ(atomic_fetch_add(&listener->inside, 1), 0);
    listener->plain++;
  }
  if (outcome->pid <= 0 || outcome->pid == (int32_t)listener->host) {
    FAIL("status %d, pid %d, worker %u, host %d", outcome->status, outcome->pid, outcome->worker, (int)listener->host);
  }
  CHECK(outcome->worker < 3);
  CHECK_EQ(outcome->index, 0);
  if (outcome->status == POOL_OK) {
    CHECK_EQ(outcome->size, 8);
    CHECK((uintptr_t)outcome->data % 16 == 0);
    CHECK_STR(outcome->message, "");
    int64_t id = *(const int64_t *)outcome->data / 2;
    CHECK(id >= 0 && id < 2000 && id % 3 != 0);
    CHECK_EQ(listener->seen[id]++, 0);
  } else {
    CHECK_STATUS(outcome->status, 33);
    CHECK(outcome->data == NULL);
    CHECK_HAS(outcome->message, "a third");
    atomic_fetch_add(&listener->failed, 1);
  }
  if (listener->mode != POOL_CALLBACKS_INLINE) {
    atomic_fetch_sub(&listener->inside, 1);
  }
  atomic_fetch_add(&listener->calls, 1);
}

static void callbacks(int32_t mode) {
  static struct listener listener;
  struct world world = world_now();
  pool_options_t options = processes(3);
  options.callbacks = mode;
  memset(&listener, 0, sizeof listener);
  listener.mode = mode;
  listener.host = getpid();
  listener.main_thread = pthread_self();
  listener.pool = new_pool_with(&options);
  for (int64_t i = 0; i < 2000; i++) {
    CHECK_OK(pool_apply_async(listener.pool, fail_each_third, &i, 8, 8, listen, &listener, NULL));
  }
  if (mode == POOL_CALLBACKS_POLLED) {
    while (atomic_load(&listener.calls) < 1000) {
      CHECK(pool_poll(listener.pool, -1) > 0);
    }
  }
  close_and_leave_nothing(listener.pool, &world);
  CHECK_EQ(listener.calls, 2000);
  CHECK_EQ(listener.failed, 667);
  CHECK_EQ(listener.plain, mode == POOL_CALLBACKS_INLINE ? 0 : 2000);
}

CASE(callbacks_serial) {
  callbacks(POOL_CALLBACKS_SERIAL);
}

CASE(callbacks_inline) {
  callbacks(POOL_CALLBACKS_INLINE);
}

CASE(callbacks_polled) {
  callbacks(POOL_CALLBACKS_POLLED);
}

struct chain {
  pool_t *pool;
  atomic_int left;
  struct gate done;
};

static void submit_the_next(const pool_result_t *outcome, void *user_data) {
  struct chain *chain = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  if (atomic_fetch_sub(&chain->left, 1) == 1) {
    gate_open(&chain->done);
  } else {
    int64_t arg = 1, results[3], args[3] = {1, 2, 3};
    CHECK_OK(pool_apply(chain->pool, twice, &arg, 8, results, 8));
    CHECK_OK(pool_map(chain->pool, twice, args, 8, results, 8, 3));
    CHECK_EQ(results[2], 6);
    CHECK_OK(pool_apply_async(chain->pool, twice, &arg, 8, 8, submit_the_next, chain, NULL));
  }
}

CASE(callbacks_may_use_the_pool) {
  struct chain chain = {process_pool(1), 50, GATE_INIT};
  CHECK_OK(pool_apply_async(chain.pool, nothing, NULL, 0, 0, submit_the_next, &chain, NULL));
  gate_wait(&chain.done);
  CHECK_OK(pool_close_join(chain.pool));
  CHECK_EQ(chain.left, 0);
}

/* ---- Cancelling ---- */

CASE(cancel) {
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  struct hold *hold = shared(pool, sizeof *hold);
  atomic_int *ran = shared(pool, sizeof *ran);
  pool_future_t *running = hold_worker(pool, hold), *queued = NULL;
  struct tally tally = {0, 1};
  CHECK_OK(pool_apply_async(pool, increment, ran, 0, 0, count_call, &tally, &queued));
  CHECK_EQ(pool_future_cancel(queued), 1);
  CHECK_FUTURE(queued, POOL_ERR_CANCELLED);
  CHECK(strlen(pool_future_message(queued)) > 3);
  EVENTUALLY(atomic_load(&tally.calls) == 1);
  CHECK_STATUS(tally.status, POOL_ERR_CANCELLED);
  CHECK_EQ(pool_future_cancel(queued), 0);
  CHECK_EQ(pool_future_cancel(running), 0);
  EVENTUALLY(atomic_load(&hold->asked) == 1);
  CHECK(!gone(hold->pid));
  atomic_store(&hold->go, 1);
  CHECK_FUTURE(running, POOL_OK);
  CHECK_EQ(pool_future_cancel(running), 0);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_EQ(atomic_load(ran), 0);
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_future_release(queued));
  close_and_leave_nothing(pool, &world);
}

static int32_t was_asked(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  return pool_task_cancelled(task);
}

CASE(cancelling_one_task_leaves_the_next_alone) {
  pool_t *pool = process_pool(1);
  struct hold *hold = shared(pool, sizeof *hold);
  for (int i = 0; i < 50; i++) {
    memset(hold, 0, sizeof *hold);
    pool_future_t *future = hold_worker(pool, hold);
    CHECK_EQ(pool_future_cancel(future), 0);
    EVENTUALLY(atomic_load(&hold->asked) == 1);
    atomic_store(&hold->go, 1);
    CHECK_OK(pool_apply(pool, was_asked, NULL, 0, NULL, 0));
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

/* Each task runs or is cancelled, never both, and calls back once. */
static void cancel_many(size_t count, bool again) {
  pool_t *pool = process_pool(2);
  atomic_int *ran = shared(pool, sizeof *ran);
  struct tally tally = {0, 0};
  size_t cancelled = 0;
  pool_future_t **futures = calloc(count, sizeof *futures);
  for (size_t i = 0; i < count; i++) {
    CHECK_OK(pool_apply_async(pool, increment, ran, 0, 0, count_call, &tally, &futures[i]));
    cancelled += i % 2 == 0 && pool_future_cancel(futures[i]) == 1;
  }
  for (size_t i = count; again && i-- > 0;) {
    cancelled += pool_future_cancel(futures[i]) == 1;
  }
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK_EQ((size_t)atomic_load(ran) + cancelled, count);
  CHECK_EQ(atomic_load(&tally.calls), count);
  for (size_t i = 0; i < count; i++) {
    cancelled -= pool_future_status(futures[i]) == POOL_ERR_CANCELLED;
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_EQ(cancelled, 0);
  free(futures);
  CHECK_OK(pool_close_join(pool));
}

CASE(cancel_races_with_the_start) {
  for (int round = 0; round < 20; round++) {
    cancel_many(2000, round % 2 == 0);
  }
  cancel_many(scaled(20000), false);
}

/* ---- Killing ---- */

CASE(kill_a_queued_task) {
  pool_t *pool = process_pool(1);
  struct hold *hold = shared(pool, sizeof *hold);
  atomic_int *ran = shared(pool, sizeof *ran);
  pool_future_t *running = hold_worker(pool, hold), *queued = NULL;
  struct tally tally = {0, 1};
  CHECK_OK(pool_apply_async(pool, increment, ran, 0, 0, count_call, &tally, &queued));
  CHECK_EQ(pool_future_kill(queued), 1);
  CHECK_FUTURE(queued, POOL_ERR_CANCELLED);
  CHECK(!gone(hold->pid));
  atomic_store(&hold->go, 1);
  CHECK_FUTURE(running, POOL_OK);
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_future_release(queued));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
  CHECK_STATUS(tally.status, POOL_ERR_CANCELLED);
}

struct with_child {
  struct hold hold;
  atomic_int child;
};

/* A task with a child of its own, which would live for ever. */
static int32_t have_a_child(const void *arg, void *result, pool_task_t *task) {
  struct with_child *with_child = (struct with_child *)(uintptr_t)arg;
  pid_t child = fork();
  if (child == 0) {
    for (;;) {
      pause();
    }
  }
  atomic_store(&with_child->child, (int)child);
  return hold_on(arg, result, task);
}

CASE(kill_a_running_task_and_its_children) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct hold *other = shared(pool, sizeof *other);
  struct with_child *victim = shared(pool, sizeof *victim);
  pool_future_t *unharmed = hold_worker(pool, other);
  for (int round = 0; round < 20; round++) {
    memset(victim, 0, sizeof *victim);
    struct tally tally = {0, 1};
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, have_a_child, victim, 0, 0, count_call, &tally, &future));
    EVENTUALLY(atomic_load(&victim->hold.running) == 1);
    CHECK_EQ(pool_future_kill(future), 1);
    CHECK_FUTURE(future, POOL_ERR_CANCELLED);
    EVENTUALLY(gone(victim->hold.pid) && gone(victim->child));
    EVENTUALLY(atomic_load(&tally.calls) == 1);
    CHECK_STATUS(tally.status, POOL_ERR_CANCELLED);
    CHECK_EQ(pool_future_kill(future), 0);
    CHECK_OK(pool_future_release(future));
    pool_works(pool);
  }
  CHECK_EQ(pool_future_running(unharmed), 1);
  atomic_store(&other->go, 1);
  CHECK_FUTURE(unharmed, POOL_OK);
  CHECK_OK(pool_future_release(unharmed));
  pool_is_complete(pool);
  close_and_leave_nothing(pool, &world);
}

CASE(kill_an_ended_task) {
  pool_t *pool = process_pool(1);
  pool_future_t *future = NULL;
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, &future));
  CHECK_FUTURE(future, POOL_OK);
  int32_t pid = pid_of_a_worker(pool);
  CHECK_EQ(pool_future_kill(future), 0);
  CHECK_OK(pool_future_get(future, &result, 8, -1));
  CHECK_EQ(result, 42);
  CHECK_EQ(pid_of_a_worker(pool), pid);
  CHECK_ERROR(pool_future_kill(NULL), POOL_ERR_INVALID);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

CASE(kill_a_map) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct hold *hold = shared(pool, sizeof *hold);
  struct tally tally = {0, 1};
  pool_future_t *future = NULL;
  CHECK_OK(pool_map_async(pool, hold_on, hold, 0, NULL, 0, 1000, count_call, &tally, &future));
  EVENTUALLY(atomic_load(&hold->running) == 2);
  CHECK_EQ(pool_future_kill(future), 1);
  CHECK_FUTURE(future, POOL_ERR_CANCELLED);
  CHECK_EQ(atomic_load(&hold->running), 2);
  CHECK_OK(pool_future_release(future));
  pool_works(pool);
  pool_is_complete(pool);
  close_and_leave_nothing(pool, &world);
  CHECK_EQ(tally.calls, 1);
  CHECK_STATUS(tally.status, POOL_ERR_CANCELLED);
}

/* A kill hits the task that it means or none, whatever the worker has gone on to. */
CASE(kill_races_with_the_end) {
  pool_t *pool = process_pool(2);
  for (int64_t round = 0; round < 300; round++) {
    pool_future_t *victim = NULL, *next = NULL;
    int64_t result = 0;
    CHECK_OK(pool_apply_async(pool, twice, &round, 8, 8, NULL, NULL, &victim));
    CHECK_OK(pool_apply_async(pool, twice, &round, 8, 8, NULL, NULL, &next));
    int32_t killed = pool_future_kill(victim);
    CHECK(killed == 0 || killed == 1);
    CHECK_OK(pool_future_wait(victim, -1));
    CHECK_STATUS(pool_future_status(victim), killed == 1 ? POOL_ERR_CANCELLED : POOL_OK);
    CHECK_OK(pool_future_get(next, &result, 8, -1));
    CHECK_EQ(result, round * 2);
    CHECK_OK(pool_future_release(victim));
    CHECK_OK(pool_future_release(next));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(threads_cannot_be_killed) {
  pool_t *pool = new_pool(1);
  struct hold hold = {0, 0, 0, 0};
  atomic_int ran = 0;
  pool_future_t *running = hold_worker(pool, &hold), *queued = NULL;
  CHECK_OK(pool_apply_async(pool, increment, &ran, 0, 0, NULL, NULL, &queued));
  CHECK_ERROR(pool_future_kill(running), POOL_ERR_UNSUPPORTED);
  EVENTUALLY(atomic_load(&hold.asked) == 1);
  CHECK_EQ(pool_future_kill(queued), 1);
  CHECK_FUTURE(queued, POOL_ERR_CANCELLED);
  atomic_store(&hold.go, 1);
  CHECK_FUTURE(running, POOL_OK);
  CHECK_EQ(pool_future_kill(running), 0);
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_future_release(queued));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(ran, 0);
}
