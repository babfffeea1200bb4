/* Items from a producer to a consumer, maps over several arrays, tasks that are tried again, conditions. */
#include "tester.h"

enum { MOST_ITEMS = 120, PATIENCE_MS = 20000 };

/* ---- pool_imap ---- */

/* In memory that all share; not given back before its pool is, since what is left of an imap may still run. */
struct stream {
  uint32_t count, failing, naps, produced;
  atomic_uint starts[MOST_ITEMS];
};

struct item {
  struct stream *stream;
  uint64_t number;
};

static int32_t flow(const void *arg, void *result, pool_task_t *task) {
  const struct item *item = arg;
  struct stream *stream = item->stream;
  uint64_t answer = item->number * item->number + 1;
  (void)task;
  if (atomic_fetch_add(&stream->starts[item->number], 1) != 0) {
    FAIL("item %llu of an imap is run twice", (unsigned long long)item->number);
  }
  if (item->number % 5 == 0) {
    sleep_us(stream->naps);
  }
  memcpy(result, &answer, sizeof answer);
  return stream->failing > 0 && item->number % stream->failing == 3 ? 66 : 0;
}

static int32_t produce(void *arg, void *user_data) {
  struct stream *stream = user_data;
  struct item item = {stream, stream->produced};
  if (stream->produced == stream->count) {
    return 0;
  }
  memcpy(arg, &item, sizeof item);
  stream->produced++;
  return 1;
}

static void check_item(const struct pool_model *model, const struct view *view, const struct stream *stream,
                       uint64_t number, int32_t status, uint64_t result) {
  bool fails = stream->failing > 0 && number % stream->failing == 3;
  unsigned starts = atomic_load(&stream->starts[number]);
  if (status == POOL_OK ? fails || starts != 1 || result != number * number + 1
                        : !(status == 66 && fails && starts == 1) && !may_end_so(model, view, status)) {
    FAIL("item %llu of an imap ended with %d (%s), result %llu, has started %u times", (unsigned long long)number,
         status, pool_status_name(status), (unsigned long long)result, starts);
  }
}

static bool imap(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  bool ordered = one_in(&actor->dice, 2), leaves = one_in(&actor->dice, 3), seen[MOST_ITEMS] = {false};
  struct stream *stream = pool_shared_alloc(model->pool, sizeof *stream);
  if (stream == NULL) {
    FAIL("pool_shared_alloc: %s", pool_last_error());
  }
  stream->count = 1 + roll(&actor->dice, MOST_ITEMS - 1);
  stream->failing = one_in(&actor->dice, 3) ? 4 + roll(&actor->dice, 20) : 0;
  stream->naps = roll(&actor->dice, 500);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = flow;
  call.arg_size = sizeof(struct item);
  call.result_size = sizeof(uint64_t);
  call.priority = one_in(&actor->dice, 4) ? POOL_PRIORITY_LOW : POOL_PRIORITY_NORMAL;
  pool_imap_t *items = NULL;
  struct view view = look(model, false);
  note(actor, " %s, %u items", ordered ? "in order" : "as they end", stream->count);
  size_t window = roll(&actor->dice, 12);
  int32_t status = (ordered ? pool_imap : pool_imap_unordered)(model->pool, &call, produce, stream, window, &items);
  if (!accepted(model, &view, status, "pool_imap")) {
    CHECK(items == NULL);
    return true;
  }
  uint32_t got = 0, enough = leaves ? roll(&actor->dice, stream->count + 1) : UINT32_MAX;
  status = 1;
  while (got < enough) {
    uint64_t result = 0;
    size_t number = SIZE_MAX;
    int32_t outcome = UNSEEN;
    int64_t timeout = roll_timeout(&actor->dice);
    status = pool_imap_next(items, timeout, &result, sizeof result, &number, &outcome);
    if (status == POOL_ERR_TIMEOUT) {
      CHECK(timeout >= 0);
      continue;
    }
    if (status != 1) {
      break;
    }
    CHECK(number < stream->produced && !seen[number] && (!ordered || number == got));
    seen[number] = true;
    got++;
    check_item(model, &view, stream, number, outcome, result);
  }
  note(actor, ", %u taken: %d", got, status);
  if (status == 0) {
    CHECK(got == stream->count && stream->produced == stream->count);
  } else if (status < 0 && status != POOL_ERR_TIMEOUT && !may_refuse(model, &view, status) &&
             !may_end_so(model, &view, status)) {
    FAIL("pool_imap_next: %d (%s): %s", status, pool_status_name(status), pool_last_error());
  }
  EXPECT(pool_imap_release(items), POOL_OK);
  return true;
}

/* ---- pool_starmap ---- */

static int32_t add_up(const void *arg, void *result, pool_task_t *task) {
  const void *const *parts = arg;
  int64_t sum = *(const int64_t *)parts[0] * *(const int32_t *)parts[1] + *(const int16_t *)parts[2];
  CHECK(*(const int32_t *)parts[1] == (int32_t)task->index);
  memcpy(result, &sum, sizeof sum);
  return *(const int64_t *)parts[0] < 0 ? 77 : 0;
}

static bool starmap(struct actor *actor) {
  enum { MOST = 600 };
  struct pool_model *model = any_pool(actor);
  uint32_t count = 1 + roll(&actor->dice, MOST);
  int64_t *longs = malloc(2 * MOST * sizeof *longs), *sums = longs + MOST;
  int32_t *numbers = malloc(MOST * sizeof *numbers);
  int16_t *shared = pool_shared_alloc(model->pool, sizeof *shared);
  CHECK(longs != NULL && numbers != NULL && shared != NULL);
  *shared = (int16_t)roll(&actor->dice, 1000);
  for (uint32_t i = 0; i < count; i++) {
    longs[i] = roll(&actor->dice, 1000);
    numbers[i] = (int32_t)i;
  }
  bool fails = one_in(&actor->dice, 4);
  if (fails) {
    longs[roll(&actor->dice, count)] = -1;
  }
  pool_array_t arrays[3] = {{longs, sizeof *longs}, {numbers, sizeof *numbers}, {shared, 0}};
  struct view view = look(model, false);
  int32_t status = POOL_OK;
  note(actor, " of %u items", count);
  if (one_in(&actor->dice, 2)) {
    status = pool_starmap(model->pool, add_up, arrays, 3, sums, sizeof *sums, count);
  } else {
    pool_future_t *future = NULL;
    status = pool_starmap_async(model->pool, add_up, arrays, 3, sums, sizeof *sums, count, NULL, NULL, &future);
    if (status == POOL_OK) {
      EXPECT(pool_future_wait(future, -1), POOL_OK);
      status = pool_future_status(future);
      EXPECT(pool_future_release(future), POOL_OK);
    }
  }
  if (status == POOL_OK) {
    CHECK(!fails);
    for (uint32_t i = 0; i < count; i++) {
      CHECK(sums[i] == longs[i] * (int64_t)i + *shared);
    }
  } else if (!(status == 77 && fails) && !call_may_end_so(model, &view, status)) {
    FAIL("pool_starmap: %d (%s): %s", status, pool_status_name(status), pool_last_error());
  }
  count_status(status, -1);
  EXPECT(pool_shared_free(model->pool, shared), POOL_OK);
  free(longs);
  free(numbers);
  return true;
}

/* ---- retries, timeout_ms ---- */

/* In memory that all share, until the pool is gone. */
struct trials {
  uint32_t bad; /* So many attempts fail. */
  bool hang;    /* By running until they are asked to stop, or killed. */
  atomic_uint starts;
};

static int32_t try_it(const void *arg, void *result, pool_task_t *task) {
  struct trials *trials = *(struct trials *const *)arg;
  uint32_t attempt = task->attempt;
  if (atomic_fetch_add(&trials->starts, 1) + 1 != attempt) {
    FAIL("attempt %u begins, after %u others", attempt, atomic_load(&trials->starts) - 1);
  }
  memcpy(result, &attempt, sizeof attempt);
  if (attempt > trials->bad) {
    return 0;
  }
  for (int ms = 0; trials->hang && ms < PATIENCE_MS && pool_task_cancelled(task) == 0; ms++) {
    sleep_us(1000);
  }
  return pool_task_fail(task, 88, "not yet");
}

static bool attempts(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct trials *trials = pool_shared_alloc(model->pool, sizeof(struct trials));
  if (trials == NULL) {
    FAIL("pool_shared_alloc: %s", pool_last_error());
  }
  pool_call_t call = POOL_CALL_INIT;
  pool_future_t *future = NULL;
  uint32_t last = 0;
  trials->bad = roll(&actor->dice, 4);
  trials->hang = one_in(&actor->dice, 4);
  call.fn = try_it;
  call.arg = &trials;
  call.arg_size = sizeof(void *);
  call.result_size = sizeof last;
  call.retries = roll(&actor->dice, 5);
  call.timeout_ms = trials->hang ? 1 + roll(&actor->dice, 20) : one_in(&actor->dice, 3) ? 60000 : 0;
  call.delay_ms = one_in(&actor->dice, 5);
  struct view view = look(model, false);
  int32_t status = pool_submit(model->pool, &call, 1, &future);
  if (!accepted(model, &view, status, "pool_submit")) {
    return true;
  }
  bool cancels = one_in(&actor->dice, 6);
  if (cancels) {
    sleep_us(roll(&actor->dice, 2000));
    (void)pool_future_cancel(future);
  }
  EXPECT(pool_future_wait(future, -1), POOL_OK);
  status = pool_future_status(future);
  uint32_t starts = atomic_load(&trials->starts);
  bool good = trials->bad <= call.retries;
  /* Of a task that is to stop the failure is its end, whichever attempt it is; and so it is in a broken pool. */
  bool stopped = cancels || atomic_load(&model->terminating) || may_end_so(model, &view, POOL_ERR_BROKEN) ||
                 may_end_so(model, &view, POOL_ERR_CRASH_LOOP);
  bool late = trials->hang && (!good || model->processes || stopped);
  note(actor, " of which %u fail, %u retries%s: %d after %u", trials->bad, call.retries,
       trials->hang ? ", hanging" : "", status, starts);
  CHECK(starts <= call.retries + 1u);
  if (status == POOL_OK) {
    EXPECT(pool_future_get(future, &last, sizeof last, 0), POOL_OK);
    CHECK(starts > trials->bad && last == starts && (starts == trials->bad + 1 || model->processes));
  } else if (status == 88) {
    CHECK((!good && starts == call.retries + 1u) || stopped);
  } else if (!(status == POOL_ERR_TIME_LIMIT && late) && !(status == POOL_ERR_CANCELLED && cancels) &&
             !may_end_so(model, &view, status)) {
    FAIL("a task of %u attempts: %d (%s): %s", starts, status, pool_status_name(status), pool_future_message(future));
  }
  count_status(status, -1);
  EXPECT(pool_future_release(future), POOL_OK);
  return true;
}

/* ---- Conditions ---- */

/* In memory that all share. */
struct clock {
  pool_lock_t *lock;
  pool_condition_t *moved;
  uint32_t hour;
  atomic_uint waited;
};

struct appointment {
  struct clock *clock;
  uint64_t hour;
};

static void look_at(struct clock *clock) {
  int32_t status = pool_lock_acquire(clock->lock, PATIENCE_MS);
  CHECK(status == POOL_OK || (world.processes && status == POOL_ERR_WORKER_DIED));
}

static int32_t keep_appointment(const void *arg, void *result, pool_task_t *task) {
  const struct appointment *appointment = arg;
  struct clock *clock = appointment->clock;
  uint32_t starving = starve(0, 0);
  (void)result;
  (void)task;
  look_at(clock);
  while (clock->hour < appointment->hour) {
    int32_t status = pool_condition_wait(clock->moved, clock->lock, PATIENCE_MS);
    CHECK(status == POOL_OK || (world.processes && status == POOL_ERR_WORKER_DIED));
    atomic_fetch_add(&clock->waited, 1);
  }
  EXPECT(pool_lock_release(clock->lock), POOL_OK);
  starve(starving, 0);
  return 0;
}

static bool conditions(struct actor *actor) {
  enum { MOST = 6 };
  struct pool_model *model = any_pool(actor);
  pool_future_t *futures[MOST] = {NULL};
  uint32_t hours = 1 + roll(&actor->dice, 8), many = 1 + roll(&actor->dice, MOST), there = 0;
  if (model->options.max_pending > 0) {
    return false; /* Its own caller would wait for itself. */
  }
  struct clock *clock = pool_shared_alloc(model->pool, sizeof *clock);
  if (clock == NULL) {
    FAIL("pool_shared_alloc: %s", pool_last_error());
  }
  EXPECT(pool_lock_create(model->pool, &clock->lock), POOL_OK);
  EXPECT(pool_condition_create(model->pool, &clock->moved), POOL_OK);
  struct view view = look(model, false);
  for (uint32_t i = 0; i < many; i++) {
    struct appointment order = {clock, roll(&actor->dice, hours + 1)};
    int32_t status =
        pool_apply_async(model->pool, keep_appointment, &order, sizeof order, 0, NULL, NULL, &futures[there]);
    there += accepted(model, &view, status, "pool_apply_async");
  }
  for (uint32_t hour = 1; hour <= hours; hour++) {
    sleep_us(roll(&actor->dice, 300));
    look_at(clock);
    clock->hour = hour;
    bool inside = one_in(&actor->dice, 2);
    if (inside) {
      EXPECT(pool_condition_notify_all(clock->moved), POOL_OK);
    }
    EXPECT(pool_lock_release(clock->lock), POOL_OK);
    if (!inside) {
      EXPECT(pool_condition_notify_all(clock->moved), POOL_OK);
    }
  }
  for (uint32_t i = 0; i < there; i++) {
    EXPECT(pool_future_wait(futures[i], -1), POOL_OK);
    int32_t status = pool_future_status(futures[i]);
    CHECK(status == POOL_OK || may_end_so(model, &view, status));
    count_status(status, -1);
    EXPECT(pool_future_release(futures[i]), POOL_OK);
  }
  note(actor, " %u tasks, %u waits", there, atomic_load(&clock->waited));
  EXPECT(pool_condition_free(clock->moved), POOL_OK);
  EXPECT(pool_lock_free(clock->lock), POOL_OK);
  EXPECT(pool_shared_free(model->pool, clock), POOL_OK);
  return true;
}

struct operation stream_ops[] = {{"imap", 4, 4, imap, {0}},
                                 {"starmap", 3, 3, starmap, {0}},
                                 {"attempts", 4, 4, attempts, {0}},
                                 {"conditions", 3, 3, conditions, {0}},
                                 {NULL, 0, 0, NULL, {0}}};
