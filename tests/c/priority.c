/* Priorities on threads: the more urgent start first, in their submitter's order, and none starves. */
#include "priority.h"

#include <limits.h>

static pool_call_t entry_call(struct journal *journal, struct entry *entry, int32_t priority, int number) {
  *entry = (struct entry){journal, priority, number};
  pool_call_t call = urgent_call(note_start, priority);
  call.arg = entry;
  call.arg_size = sizeof *entry;
  return call;
}

static void submit_entry(pool_t *pool, struct journal *journal, int32_t priority, int number) {
  struct entry entry;
  pool_call_t call = entry_call(journal, &entry, priority, number);
  CHECK_OK(pool_submit(pool, &call, 1, NULL));
}

/* How many of the first `count` starts are of a priority. */
static int among_first(const struct journal *journal, int count, int32_t priority) {
  int found = 0;
  for (int i = 0; i < count; i++) {
    found += journal->starts[i].priority == priority;
  }
  return found;
}

/* Most starts are those of the urgent ones, but of any sixteen one is a normal and one a low one's. */
static void check_order(const struct journal *journal, int each) {
  int next[3] = {0, 0, 0};
  CHECK_EQ(journal->count, 3 * each);
  for (int i = 0; i < journal->count; i++) {
    CHECK_EQ(journal->starts[i].number, next[journal->starts[i].priority + 1]++);
  }
  for (int begin = 0; begin + 16 <= each; begin += 16) {
    CHECK_EQ(among_first(journal, begin + 16, POOL_PRIORITY_HIGH), (begin + 16) / 16 * 14);
    CHECK_EQ(among_first(journal, begin + 16, POOL_PRIORITY_NORMAL), (begin + 16) / 16);
    CHECK_EQ(among_first(journal, begin + 16, POOL_PRIORITY_LOW), (begin + 16) / 16);
  }
  CHECK_EQ(among_first(journal, each + each / 4, POOL_PRIORITY_HIGH), each);
  CHECK_EQ(among_first(journal, 2 * each + each / 4, POOL_PRIORITY_NORMAL), each);
}

enum { EACH = 160 };

CASE(the_more_urgent_start_first_and_all_in_order) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  struct journal *journal = calloc(1, sizeof *journal);
  pool_future_t *future = block_worker(pool, &blocker);
  for (int i = 0; i < EACH; i++) {
    submit_entry(pool, journal, POOL_PRIORITY_LOW, i);
    submit_entry(pool, journal, POOL_PRIORITY_NORMAL, i);
    submit_entry(pool, journal, POOL_PRIORITY_HIGH, i);
  }
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  check_order(journal, EACH);
  CHECK_OK(pool_future_release(future));
  free(journal);
}

CASE(so_they_do_from_a_batch) {
  static struct entry entries[3 * EACH];
  static pool_call_t calls[3 * EACH];
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  struct journal *journal = calloc(1, sizeof *journal);
  pool_future_t *future = block_worker(pool, &blocker);
  for (int i = 0; i < 3 * EACH; i++) {
    calls[i] = entry_call(journal, &entries[i], i % 3 - 1, i / 3);
  }
  CHECK_OK(pool_submit(pool, calls, 3 * EACH, NULL));
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  check_order(journal, EACH);
  CHECK_OK(pool_future_release(future));
  free(journal);
}

struct inside {
  pool_t *pool;
  struct journal *journal;
};

static int32_t submit_inside(const void *arg, void *result, pool_task_t *task) {
  const struct inside *inside = arg;
  (void)result;
  (void)task;
  for (int i = 0; i < EACH; i++) {
    submit_entry(inside->pool, inside->journal, POOL_PRIORITY_LOW, i);
    submit_entry(inside->pool, inside->journal, POOL_PRIORITY_NORMAL, i);
    submit_entry(inside->pool, inside->journal, POOL_PRIORITY_HIGH, i);
  }
  return 0;
}

CASE(so_they_do_from_a_task) {
  pool_t *pool = new_pool(1);
  struct inside inside = {pool, calloc(1, sizeof *inside.journal)};
  CHECK_OK(pool_apply_async(pool, submit_inside, &inside, sizeof inside, 0, NULL, NULL, NULL));
  CHECK_OK(pool_close_join(pool));
  check_order(inside.journal, EACH);
  free(inside.journal);
}

/* Submits itself again and again until the others have started: they must, in a few rounds. */
struct stream {
  pool_t *pool;
  int32_t priority;
  atomic_int starts, others;
};

static int32_t run_on(const void *arg, void *result, pool_task_t *task) {
  struct stream *stream = (struct stream *)(uintptr_t)arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&stream->starts, 1);
  if (atomic_load(&stream->others) > 0) {
    pool_call_t call = urgent_call(run_on, stream->priority);
    call.arg = stream;
    CHECK_OK(pool_submit(stream->pool, &call, 1, NULL));
  }
  return 0;
}

static int32_t count_down(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  atomic_fetch_sub((atomic_int *)(uintptr_t)arg, 1);
  return 0;
}

static void outlast(int32_t priority, int32_t other) {
  pool_t *pool = new_pool(1);
  struct stream stream = {.pool = pool, .priority = priority};
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *future = block_worker(pool, &blocker);
  atomic_store(&stream.others, 3);
  for (int i = 0; i < 3; i++) {
    pool_call_t calls[2] = {urgent_call(run_on, priority), urgent_call(count_down, other)};
    calls[0].arg = &stream;
    calls[1].arg = &stream.others;
    CHECK_OK(pool_submit(pool, calls, 2, NULL));
  }
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&stream.others), 0);
  CHECK(atomic_load(&stream.starts) >= 3);
  CHECK(atomic_load(&stream.starts) <= 3 * 16 + 3);
  CHECK_OK(pool_future_release(future));
}

CASE(a_stream_of_urgent_tasks_starves_none) {
  outlast(POOL_PRIORITY_HIGH, POOL_PRIORITY_LOW);
  outlast(POOL_PRIORITY_HIGH, POOL_PRIORITY_NORMAL);
  outlast(POOL_PRIORITY_NORMAL, POOL_PRIORITY_LOW);
}

/* The normal tasks of a task are in its worker's queue, those of others in a lane: neither is forgotten. */
CASE(nor_do_urgent_tasks_and_those_of_a_task_together) {
  pool_t *pool = new_pool(1);
  struct stream high = {.pool = pool, .priority = POOL_PRIORITY_HIGH};
  struct stream normal = {.pool = pool, .priority = POOL_PRIORITY_NORMAL};
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *future = block_worker(pool, &blocker);
  atomic_store(&high.others, 1);
  atomic_store(&normal.others, 1);
  pool_call_t calls[2] = {urgent_call(run_on, POOL_PRIORITY_HIGH), urgent_call(run_on, POOL_PRIORITY_NORMAL)};
  calls[0].arg = &high;
  calls[1].arg = &normal;
  CHECK_OK(pool_submit(pool, calls, 2, NULL));
  gate_open(&blocker.go);
  EVENTUALLY(atomic_load(&normal.starts) > 100);
  CHECK_OK(pool_apply_async(pool, count_down, &high.others, 0, 0, NULL, NULL, NULL));
  EVENTUALLY(atomic_load(&high.others) == 0);
  atomic_store(&normal.others, 0);
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_future_release(future));
}

/* Each wakes a sleeping worker. */
CASE(a_sleeping_pool_wakes_for_every_priority) {
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(6000); i++) {
    pool_call_t call = urgent_call(twice, (int32_t)(i % 3) - 1);
    pool_future_t *future = NULL;
    int64_t number = (int64_t)i, result = 0;
    call.arg = &number;
    call.arg_size = call.result_size = sizeof number;
    CHECK_OK(pool_submit(pool, &call, 1, &future));
    CHECK_OK(pool_future_get(future, &result, sizeof result, i % 2 == 0 ? -1 : 60000));
    CHECK_EQ(result, 2 * number);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

struct submitters {
  pool_t *pool;
  atomic_int done;
};

static void *submit_many(void *data) {
  struct submitters *submitters = data;
  for (int i = 0; i < (int)scaled(20000); i++) {
    pool_call_t call = urgent_call(increment, i % 3 - 1);
    call.arg = &submitters->done;
    CHECK_OK(pool_submit(submitters->pool, &call, 1, NULL));
  }
  return NULL;
}

CASE(many_submitters_lose_nothing) {
  struct submitters submitters = {new_pool(3), 0};
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    threads[i] = check_thread(submit_many, &submitters);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_close_join(submitters.pool));
  CHECK_EQ(atomic_load(&submitters.done), 4 * (int)scaled(20000));
}

CASE(cancel_and_terminate_reach_every_priority) {
  pool_t *pool = new_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  struct tally tally = {0, 0};
  pool_future_t *future = block_worker(pool, &blocker), *futures[6];
  pool_call_t calls[6];
  for (int i = 0; i < 6; i++) {
    calls[i] = urgent_call(nothing, i % 3 - 1);
    calls[i].callback = count_call;
    calls[i].user_data = &tally;
  }
  CHECK_OK(pool_submit(pool, calls, 6, futures));
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(pool_future_cancel(futures[i]), 1);
    CHECK_EQ(pool_future_status(futures[i]), POOL_ERR_CANCELLED);
  }
  CHECK_OK(pool_terminate(pool));
  for (int i = 3; i < 6; i++) {
    CHECK_OK(pool_future_wait(futures[i], -1));
    CHECK_EQ(pool_future_status(futures[i]), POOL_ERR_TERMINATED);
  }
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&tally.calls), 6);
  for (int i = 0; i < 6; i++) {
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_future_release(future));
}

/* A caller that would run its task itself does not go ahead of urgent ones. */
CASE(apply_lets_urgent_tasks_go_first) {
  pool_t *pool = new_pool(1);
  struct journal *journal = calloc(1, sizeof *journal);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *future = block_worker(pool, &blocker);
  submit_entry(pool, journal, POOL_PRIORITY_HIGH, 0);
  gate_open(&blocker.go);
  struct entry entry = {journal, POOL_PRIORITY_NORMAL, 0};
  CHECK_OK(pool_apply(pool, note_start, &entry, sizeof entry, NULL, 0));
  CHECK_EQ(journal->count, 2);
  CHECK_EQ(journal->starts[0].priority, POOL_PRIORITY_HIGH);
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_future_release(future));
  free(journal);
}

CASE(other_numbers_are_no_priorities) {
  static const int32_t wrong[] = {2, -2, 100, INT_MAX, INT_MIN};
  pool_t *pool = new_pool(1);
  for (size_t i = 0; i < COUNT_OF(wrong); i++) {
    pool_call_t calls[2] = {urgent_call(nothing, 0), urgent_call(nothing, wrong[i])};
    calls[0].callback = calls[1].callback = must_not_be_called;
    CHECK_ERROR(pool_submit(pool, calls, 2, NULL), POOL_ERR_INVALID);
    CHECK(strstr(pool_last_error(), "call 1: ") != NULL);
    pool_call_t call = urgent_call(nothing, wrong[i]);
    CHECK_ERROR(pool_map_with(pool, &call, NULL, NULL, NULL, 1), POOL_ERR_INVALID);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(maps_of_every_priority_do_all_their_items) {
  pool_t *pool = new_pool(3);
  enum { ITEMS = 5000 };
  static int64_t numbers[ITEMS], results[ITEMS];
  for (int i = 0; i < ITEMS; i++) {
    numbers[i] = i;
  }
  for (int round = 0; round < (int)scaled(60); round++) {
    pool_call_t call = urgent_call(twice, round % 3 - 1);
    call.arg_size = call.result_size = sizeof(int64_t);
    memset(results, 0, sizeof results);
    CHECK_OK(pool_map_with(pool, &call, numbers, results, NULL, ITEMS));
    for (int i = 0; i < ITEMS; i++) {
      CHECK_EQ(results[i], 2 * i);
    }
  }
  CHECK_OK(pool_close_join(pool));
}
