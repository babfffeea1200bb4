/* Priorities in processes: the more urgent start first, also when a long queue waits before them, and none starves. */
#include "priority.h"
#include "procs.h"

/* In memory that the workers share with the test. */
struct board {
  atomic_int running, go, count, highs;
  struct start starts[20000];
};
static struct board *board;

struct note {
  int32_t priority;
  int number;
};

static int32_t hold(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&board->running, 1);
  while (!atomic_load(&board->go)) {
    sleep_ms(1);
  }
  return 0;
}

static int32_t put_down(const void *arg, void *result, pool_task_t *task) {
  const struct note *note = arg;
  (void)result;
  (void)task;
  int at = atomic_fetch_add(&board->count, 1);
  CHECK(at < (int)COUNT_OF(board->starts));
  board->starts[at] = (struct start){note->priority, note->number};
  return 0;
}

static pool_t *held_pool(uint32_t workers) {
  board = common(sizeof *board);
  pool_t *pool = process_pool(workers);
  for (uint32_t i = 0; i < workers; i++) {
    CHECK_OK(pool_apply_async(pool, hold, NULL, 0, 0, NULL, NULL, NULL));
  }
  EVENTUALLY(atomic_load(&board->running) == (int)workers);
  return pool;
}

static void put_notes(pool_t *pool, int count, int first, const int32_t *priorities, int kinds) {
  struct note *notes = calloc((size_t)count * (size_t)kinds, sizeof *notes);
  pool_call_t *calls = calloc((size_t)count * (size_t)kinds, sizeof *calls);
  for (int i = 0; i < count * kinds; i++) {
    notes[i] = (struct note){priorities[i % kinds], first + i / kinds};
    calls[i] = urgent_call(put_down, notes[i].priority);
    calls[i].arg = &notes[i];
    calls[i].arg_size = sizeof notes[i];
  }
  CHECK_OK(pool_submit(pool, calls, (size_t)(count * kinds), NULL));
  free(notes);
  free(calls);
}

static int place_of(int32_t priority, int number) {
  for (int i = 0; i < atomic_load(&board->count); i++) {
    if (board->starts[i].priority == priority && board->starts[i].number == number) {
      return i;
    }
  }
  FAIL("priority %d, number %d never started", priority, number);
}

static const int32_t all[] = {POOL_PRIORITY_LOW, POOL_PRIORITY_NORMAL, POOL_PRIORITY_HIGH};

/* One worker starts all of them in an order that is fixed: in each sixteen starts one is a lower one's. */
CASE(the_more_urgent_start_first_and_all_in_order) {
  enum { EACH = 160 };
  int next[3] = {0, 0, 0}, high = 0, normal = 0, low = 0;
  pool_t *pool = held_pool(1);
  put_notes(pool, EACH, 0, all, 3);
  atomic_store(&board->go, 1);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(board->count, 3 * EACH);
  for (int i = 0; i < 3 * EACH; i++) {
    CHECK_EQ(board->starts[i].number, next[board->starts[i].priority + 1]++);
    high += i < EACH && board->starts[i].priority == POOL_PRIORITY_HIGH;
    normal += i < EACH && board->starts[i].priority == POOL_PRIORITY_NORMAL;
    low += i < EACH && board->starts[i].priority == POOL_PRIORITY_LOW;
  }
  CHECK_EQ(high, EACH / 16 * 14);
  CHECK_EQ(normal, EACH / 16);
  CHECK_EQ(low, EACH / 16);
}

/* More than there are places for in shared memory: what is urgent does not wait behind them. */
CASE(an_urgent_task_overtakes_a_long_queue) {
  pool_t *pool = held_pool(1);
  put_notes(pool, 4000, 0, all, 1);
  put_notes(pool, 4000, 0, all + 1, 1);
  put_notes(pool, 8, 0, all + 2, 1);
  atomic_store(&board->go, 1);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(board->count, 8008);
  for (int i = 0; i < 8; i++) {
    CHECK(place_of(POOL_PRIORITY_HIGH, i) <= i + 2);
  }
  /* The last normal one has a low one before it now and then, and not all of them. */
  CHECK(place_of(POOL_PRIORITY_NORMAL, 3999) < 4000 + 4000 / 8 + 1100);
  for (int i = 1; i < 4000; i++) {
    CHECK(place_of(POOL_PRIORITY_NORMAL, i) > place_of(POOL_PRIORITY_NORMAL, i - 1));
  }
}

CASE(a_long_queue_of_urgent_tasks_starves_none) {
  pool_t *pool = held_pool(1);
  put_notes(pool, 1, 0, all, 2);
  put_notes(pool, 6000, 0, all + 2, 1);
  put_notes(pool, 1, 1, all, 2);
  atomic_store(&board->go, 1);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(board->count, 6004);
  CHECK(place_of(POOL_PRIORITY_LOW, 0) < 16);
  CHECK(place_of(POOL_PRIORITY_NORMAL, 0) < 16);
  CHECK(place_of(POOL_PRIORITY_LOW, 1) < 5000);
  CHECK(place_of(POOL_PRIORITY_NORMAL, 1) < 5000);
}

/* Every one of them wakes a sleeping worker. */
CASE(a_sleeping_pool_wakes_for_every_priority) {
  pool_t *pool = process_pool(2);
  for (int i = 0; i < (int)scaled(3000); i++) {
    pool_call_t call = urgent_call(twice, i % 3 - 1);
    pool_future_t *future = NULL;
    int64_t number = i, result = 0;
    call.arg = &number;
    call.arg_size = call.result_size = sizeof number;
    CHECK_OK(pool_submit(pool, &call, 1, &future));
    CHECK_OK(pool_future_get(future, &result, sizeof result, i % 2 == 0 ? -1 : 60000));
    CHECK_EQ(result, 2 * number);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(cancel_and_terminate_reach_every_priority) {
  enum { COUNT = 6000 };
  static pool_call_t calls[COUNT];
  static pool_future_t *futures[COUNT];
  struct tally tally = {0, 0};
  pool_t *pool = held_pool(1);
  for (int i = 0; i < COUNT; i++) {
    calls[i] = urgent_call(nothing, i % 3 - 1);
    calls[i].callback = count_call;
    calls[i].user_data = &tally;
  }
  CHECK_OK(pool_submit(pool, calls, COUNT, futures));
  for (int i = 0; i < COUNT / 2; i++) {
    CHECK_EQ(pool_future_cancel(futures[i]), 1);
  }
  CHECK_OK(pool_terminate(pool));
  for (int i = 0; i < COUNT; i++) {
    CHECK_FUTURE(futures[i], i < COUNT / 2 ? POOL_ERR_CANCELLED : POOL_ERR_TERMINATED);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&tally.calls), COUNT);
}

static int32_t die_sometimes(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  if (*(const int *)arg % 10 == 0) {
    kill(getpid(), SIGKILL);
  }
  return 0;
}

/* What a dead worker had claimed goes to another, whatever its priority. */
CASE(nothing_is_lost_when_workers_die) {
  enum { COUNT = 300 };
  static pool_call_t calls[COUNT];
  static int numbers[COUNT];
  static pool_future_t *futures[COUNT];
  pool_t *pool = process_pool(3);
  for (int i = 0; i < COUNT; i++) {
    numbers[i] = i;
    calls[i] = urgent_call(die_sometimes, i % 3 - 1);
    calls[i].arg = &numbers[i];
    calls[i].arg_size = sizeof numbers[i];
  }
  CHECK_OK(pool_submit(pool, calls, COUNT, futures));
  for (int i = 0; i < COUNT; i++) {
    CHECK_FUTURE(futures[i], i % 10 == 0 ? POOL_ERR_WORKER_DIED : POOL_OK);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t wait_a_bit(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&board->count, 1);
  sleep_ms(2);
  return 0;
}

static int32_t how_many(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  *(int *)result = atomic_load(&board->count);
  return 0;
}

static void *map_low(void *data) {
  pool_call_t call = urgent_call(wait_a_bit, POOL_PRIORITY_LOW);
  CHECK_OK(pool_map_with(data, &call, NULL, NULL, NULL, 1000));
  return NULL;
}

/* The items of a low map that have not begun let others go ahead. */
CASE(a_low_map_gives_way) {
  board = common(sizeof *board);
  pool_t *pool = process_pool(2);
  pthread_t mapper = check_thread(map_low, pool);
  EVENTUALLY(atomic_load(&board->count) > 4);
  for (int32_t priority = 0; priority <= 1; priority++) {
    pool_call_t call = urgent_call(how_many, priority);
    int before = atomic_load(&board->count), done = 0;
    call.result_size = sizeof done;
    pool_future_t *future = NULL;
    CHECK_OK(pool_submit(pool, &call, 1, &future));
    CHECK_OK(pool_future_get(future, &done, sizeof done, -1));
    CHECK(done - before < 100);
    CHECK_OK(pool_future_release(future));
  }
  pthread_join(mapper, NULL);
  CHECK_EQ(atomic_load(&board->count), 1000);
  CHECK_OK(pool_close_join(pool));
}
