/* Callbacks: never two at once, in order of completion, exactly once, and on which thread. */
#include "tasks.h"

#include <sched.h>

/* Neither atomic nor locked, as a program that trusts the promise would write it. */
struct plain {
  int inside;
  int64_t count;
  int64_t sum;
};

static void add_to_plain(const pool_result_t *outcome, void *user_data) {
  struct plain *plain = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_EQ(plain->inside, 0);
  plain->inside = 1;
  int64_t sum = plain->sum;
  if (plain->count % 256 == 0) {
    sched_yield();
  }
  plain->sum = sum + *(const int64_t *)outcome->data;
  plain->count++;
  plain->inside = 0;
}

struct source {
  pool_t *pool;
  struct plain *plain;
  int64_t from, to;
};

static void *submit_range(void *data) {
  struct source *source = data;
  for (int64_t i = source->from; i < source->to; i++) {
    CHECK_OK(pool_apply_async(source->pool, twice, &i, sizeof i, sizeof i, add_to_plain, source->plain, NULL));
  }
  return NULL;
}

CASE(never_two_at_once) {
  enum { THREADS = 4 };
  pool_t *pool = new_pool(4);
  struct plain plain = {0, 0, 0};
  struct source sources[THREADS];
  pthread_t threads[THREADS];
  int64_t each = (int64_t)scaled(15000);
  for (int64_t i = 0; i < THREADS; i++) {
    sources[i] = (struct source){pool, &plain, i * each, (i + 1) * each};
    threads[i] = check_thread(submit_range, &sources[i]);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_close_join(pool));
  int64_t total = each * THREADS;
  CHECK_EQ(plain.count, total);
  CHECK_EQ(plain.sum, total * (total - 1));
}

struct sequence {
  int64_t next;
  int64_t order[100];
};

static void note_order(const pool_result_t *outcome, void *user_data) {
  struct sequence *sequence = user_data;
  sequence->order[sequence->next++] = *(const int64_t *)outcome->data;
}

CASE(one_worker_calls_back_in_order) {
  pool_t *pool = new_pool(1);
  struct sequence sequence = {0, {0}};
  for (int64_t i = 0; i < 100; i++) {
    CHECK_OK(pool_apply_async(pool, twice, &i, sizeof i, sizeof i, note_order, &sequence, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(sequence.next, 100);
  for (int64_t i = 0; i < 100; i++) {
    CHECK_EQ(sequence.order[i], i * 2);
  }
}

struct numbered {
  struct blocker blocker;
  int64_t number;
};

static int32_t block_numbered(const void *arg, void *result, pool_task_t *task) {
  struct numbered *numbered = (struct numbered *)(uintptr_t)arg;
  *(int64_t *)result = numbered->number;
  return block(&numbered->blocker, NULL, task);
}

static void hold_callbacks(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  struct blocker *blocker = user_data;
  gate_open(&blocker->running);
  gate_wait(&blocker->go);
}

/* While one callback is held, tasks end in an order of our choice; their callbacks must follow in that order. */
CASE(in_order_of_completion) {
  enum { COUNT = 10 };
  static const int ends[COUNT] = {7, 2, 9, 0, 4, 8, 1, 3, 6, 5};
  pool_t *pool = new_pool(COUNT + 1);
  struct numbered tasks[COUNT];
  pool_future_t *futures[COUNT];
  struct sequence sequence = {0, {0}};
  struct blocker held = BLOCKER_INIT;
  for (int i = 0; i < COUNT; i++) {
    tasks[i] = (struct numbered){BLOCKER_INIT, i};
    CHECK_OK(pool_apply_async(pool, block_numbered, &tasks[i], 0, 8, note_order, &sequence, &futures[i]));
  }
  for (int i = 0; i < COUNT; i++) {
    gate_wait(&tasks[i].blocker.running);
  }
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, hold_callbacks, &held, NULL));
  gate_wait(&held.running);
  for (int i = 0; i < COUNT; i++) {
    gate_open(&tasks[ends[i]].blocker.go);
    CHECK_OK(pool_future_wait(futures[ends[i]], 60000));
    CHECK_EQ(sequence.next, 0);
  }
  gate_open(&held.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(sequence.next, COUNT);
  for (int i = 0; i < COUNT; i++) {
    CHECK_EQ(sequence.order[i], ends[i]);
    CHECK_OK(pool_future_release(futures[i]));
  }
}

struct own {
  pool_future_t *future;
  struct gate *gate;
  atomic_int calls;
};

/* The callback is given the address that the future was written to before the task could start. */
static void read_own_future(const pool_result_t *outcome, void *user_data) {
  struct own *own = user_data;
  int64_t result = 0;
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK(own->future != NULL);
  CHECK_EQ(pool_future_ready(own->future), 1);
  CHECK_EQ(pool_future_running(own->future), 0);
  CHECK_OK(pool_future_wait(own->future, -1));
  CHECK_OK(pool_future_get(own->future, &result, sizeof result, 0));
  CHECK_EQ(result, *(const int64_t *)outcome->data);
  atomic_fetch_add(&own->calls, 1);
}

CASE(a_future_is_ready_before_its_callback) {
  int64_t count = (int64_t)scaled(100000);
  struct own *owns = calloc((size_t)count, sizeof *owns);
  pool_t *pool = new_pool(3);
  for (int64_t i = 0; i < count; i++) {
    CHECK_OK(pool_apply_async(pool, twice, &i, sizeof i, sizeof i, read_own_future, &owns[i], &owns[i].future));
  }
  CHECK_OK(pool_close_join(pool));
  for (int64_t i = 0; i < count; i++) {
    CHECK_EQ(owns[i].calls, 1);
    CHECK_OK(pool_future_release(owns[i].future));
  }
  free(owns);
}

static int32_t read_own_address(const void *arg, void *result, pool_task_t *task) {
  pool_future_t *const *slot = arg;
  (void)result;
  (void)task;
  CHECK(*slot != NULL);
  CHECK_EQ(pool_future_running(*slot), 1);
  CHECK_EQ(pool_future_ready(*slot), 0);
  return 0;
}

CASE(the_future_is_written_before_the_task_starts) {
  enum { COUNT = 2000 };
  static pool_future_t *futures[COUNT];
  pool_t *pool = new_pool(3);
  for (int i = 0; i < COUNT; i++) {
    CHECK_OK(pool_apply_async(pool, read_own_address, &futures[i], 0, 0, NULL, NULL, &futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
  for (int i = 0; i < COUNT; i++) {
    CHECK_OK(pool_future_release(futures[i]));
  }
}

struct chain {
  pool_t *pool;
  int64_t left;
  _Atomic int64_t calls;
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
  for (uint32_t workers = 1; workers <= 3; workers++) {
    int64_t length = (int64_t)scaled(5000);
    pool_t *pool = new_pool(workers);
    struct chain chain = {pool, length, 0};
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, submit_next, &chain, NULL));
    EVENTUALLY(chain.calls == length + 1);
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(chain.calls, length + 1);
  }
}

/* Closing while the chain is under way: a callback belongs to the pool, so it may still submit. */
CASE(submit_from_a_callback_after_close) {
  int64_t length = (int64_t)scaled(2000);
  pool_t *pool = new_pool(2);
  struct chain chain = {pool, length, 0};
  struct blocker blocker = BLOCKER_INIT;
  CHECK_OK(pool_apply_async(pool, block, &blocker, 0, 0, submit_next, &chain, NULL));
  gate_wait(&blocker.running);
  CHECK_OK(pool_close(pool));
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(chain.calls, length + 1);
}

struct where {
  pthread_t outside;
  int64_t calls;
};

static void not_outside(const pool_result_t *outcome, void *user_data) {
  struct where *where = user_data;
  (void)outcome;
  CHECK(!pthread_equal(pthread_self(), where->outside));
  where->calls++;
}

/* A waiting thread may run tasks, but the callbacks stay on the pool's threads. */
CASE(never_on_a_thread_from_outside) {
  pool_t *pool = new_pool(2);
  struct where where = {pthread_self(), 0};
  int64_t count = (int64_t)scaled(3000);
  for (int64_t i = 0; i < count; i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, not_outside, &where, &future));
    CHECK_OK(pool_future_wait(future, -1));
    CHECK_OK(pool_future_release(future));
    if (i % 16 == 0) {
      CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
    }
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(where.calls, count);
}

static void finish_late(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  sleep_ms(50);
  atomic_fetch_add((atomic_int *)user_data, 1);
}

CASE(close_join_waits_for_callbacks) {
  pool_t *pool = new_pool(2);
  atomic_int calls = 0;
  for (int i = 0; i < 4; i++) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, finish_late, &calls, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&calls), 4);
}

CASE(join_waits_for_callbacks) {
  pool_t *pool = new_pool(2);
  atomic_int calls = 0;
  for (int i = 0; i < 4; i++) {
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, finish_late, &calls, NULL));
  }
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK_EQ(atomic_load(&calls), 4);
  CHECK_OK(pool_close_join(pool));
}

static void note_outcome(const pool_result_t *outcome, void *user_data) {
  pool_result_t *copy = user_data;
  *copy = *outcome;
  copy->message = NULL;
}

static int32_t my_worker(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  *(uint32_t *)result = task->worker;
  return 0;
}

static void compare_worker(const pool_result_t *outcome, void *user_data) {
  CHECK_EQ(outcome->worker, *(const uint32_t *)outcome->data);
  atomic_fetch_add((atomic_int *)user_data, 1);
}

CASE(fields_of_an_outcome) {
  pool_t *pool = new_pool(3);
  pool_result_t copy;
  memset(&copy, 0xee, sizeof copy);
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, note_outcome, &copy, NULL));
  atomic_int calls = 0;
  for (int i = 0; i < 500; i++) {
    CHECK_OK(pool_apply_async(pool, my_worker, NULL, 0, sizeof(uint32_t), compare_worker, &calls, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(calls, 500);
  CHECK_STATUS(copy.status, POOL_OK);
  CHECK(copy.data == NULL);
  CHECK_EQ(copy.size, 0);
  CHECK_EQ(copy.index, 0);
  CHECK_EQ(copy.pid, getpid());
  CHECK(copy.worker < 3 || copy.worker == POOL_NO_WORKER);
}
