/* Futures: the own ones, and those of others. */
#include "tester.h"

static void drop(struct actor *actor, const struct record *record) {
  pthread_mutex_lock(&actor->lock);
  for (uint32_t i = 0; i < actor->live_count; i++) {
    if (actor->live[i] == record) {
      actor->live[i] = actor->live[--actor->live_count];
      break;
    }
  }
  pthread_mutex_unlock(&actor->lock);
}

static void seen(struct record *record) {
  judge(record, pool_future_status(record->future), pool_future_message(record->future), "a future that is ready");
  EXPECT(pool_future_ready(record->future), 1);
  EXPECT(pool_future_running(record->future), 0);
  EXPECT(pool_future_successful(record->future), pool_future_status(record->future) == POOL_OK);
}

static void wait_for(struct actor *actor, struct record *record) {
  int64_t timeout = roll_timeout(&actor->dice);
  record->awaited |= timeout < 0;
  note(actor, " task %u, %lld ms", record->order.row, (long long)timeout);
  int32_t status = pool_future_wait(record->future, timeout);
  if (status == POOL_ERR_TIMEOUT && timeout >= 0) {
    CHECK(strlen(pool_last_error()) > 3);
    return;
  }
  EXPECT(status, POOL_OK);
  seen(record);
}

static void get(struct actor *actor, struct record *record) {
  size_t size = record->map ? 0 : record->result_size;
  int64_t timeout = roll_timeout(&actor->dice);
  bool too_small = size > 1 && one_in(&actor->dice, 5), unwanted = one_in(&actor->dice, 5);
  size_t room = unwanted ? 0 : too_small ? size - 1 : size + roll(&actor->dice, 2) * 8;
  unsigned char *result = calloc(1, room + 1);
  CHECK(result != NULL);
  record->awaited |= timeout < 0;
  note(actor, " task %u, %lld ms, room for %zu of %zu", record->order.row, (long long)timeout, room, size);
  int32_t status = pool_future_get(record->future, room ? result : NULL, room, timeout);
  if (status == POOL_ERR_TIMEOUT && timeout >= 0) {
    CHECK(pool_future_data(record->future, NULL) == NULL || pool_future_ready(record->future) == 1);
  } else if (status == POOL_ERR_SIZE) {
    CHECK(too_small);
    EXPECT(pool_future_status(record->future), POOL_OK);
    seen(record);
  } else {
    judge(record, status, NULL, "pool_future_get");
    if (status == POOL_OK) {
      CHECK(!too_small || unwanted);
      if (!unwanted && !record->map) {
        check_result(record, result, size);
      }
    }
    seen(record);
  }
  if (status != POOL_OK) {
    for (size_t i = 0; i < room; i++) {
      CHECK(result[i] == 0);
    }
  }
  free(result);
}

static void ask(struct actor *actor, struct record *record) {
  (void)actor;
  int32_t running = pool_future_running(record->future), ready = pool_future_ready(record->future);
  int32_t successful = pool_future_successful(record->future), status = pool_future_status(record->future);
  const char *message = pool_future_message(record->future);
  size_t size = 12345;
  const void *data = pool_future_data(record->future, &size);
  CHECK((running == 0 || running == 1) && (ready == 0 || ready == 1) && (successful == 0 || successful == 1));
  CHECK(message != NULL);
  if (ready == 1) {
    CHECK(status != POOL_ERR_TIMEOUT);
  }
  if (successful == 1) {
    CHECK(status == POOL_OK);
  }
  if (status != POOL_ERR_TIMEOUT) {
    judge(record, status, NULL, "pool_future_status");
    seen(record);
    data = pool_future_data(record->future, &size);
  } else if (message[0] != 0 && pool_future_ready(record->future) == 0) {
    FAIL("a task that has not ended has the message %s", message);
  }
  if (data != NULL && !record->map) {
    CHECK((uintptr_t)data % 16 == 0);
    check_result(record, data, size);
  } else if (status == POOL_OK) {
    CHECK(size == 0);
  }
}

static void cancel(struct actor *actor, struct record *record) {
  for (uint32_t i = 0; i < record->rows; i++) {
    atomic_store(&record->row[i].asked, 1);
  }
  atomic_fetch_add(&record->cancels, 1);
  bool was_ready = pool_future_ready(record->future) == 1;
  int32_t status = pool_future_cancel(record->future);
  note(actor, " task %u: %d", record->order.row, status);
  CHECK(status == 0 || status == 1);
  CHECK(!was_ready || status == 0);
  if (status == 1 && !record->map) {
    atomic_fetch_add(&record->cancelled, 1);
    EXPECT(pool_future_status(record->future), POOL_ERR_CANCELLED);
    CHECK(atomic_load(&record->row->starts) == 0);
    count(T_CANCELLED, 1);
  }
}

static void kill_task(struct actor *actor, struct record *record) {
  for (uint32_t i = 0; i < record->rows; i++) {
    atomic_store(&record->row[i].asked, 1);
  }
  atomic_fetch_add(&record->cancels, 1);
  atomic_fetch_add(&record->kills, 1);
  bool was_ready = pool_future_ready(record->future) == 1;
  int32_t status = pool_future_kill(record->future);
  note(actor, " task %u: %d", record->order.row, status);
  CHECK(!was_ready || status == 0);
  if (status == POOL_ERR_UNSUPPORTED) {
    CHECK(!record->model->processes);
  } else {
    CHECK(status == 0 || status == 1);
  }
  if (status == 1 && !record->map) {
    atomic_fetch_add(&record->killed, 1);
    count(T_KILLED, 1);
  }
}

typedef void (*use)(struct actor *actor, struct record *record);

static bool with_own(struct actor *actor, use what) {
  struct record *record = any_record(actor);
  if (record == NULL || !record_borrow(record)) {
    if (record != NULL) {
      drop(actor, record); /* Its callback has released it. */
    }
    return false;
  }
  what(actor, record);
  record_give_back(record);
  return true;
}

static bool op_wait(struct actor *actor) {
  return with_own(actor, wait_for);
}
static bool op_get(struct actor *actor) {
  return with_own(actor, get);
}
static bool op_ask(struct actor *actor) {
  return with_own(actor, ask);
}
static bool op_cancel(struct actor *actor) {
  return with_own(actor, cancel);
}
static bool op_kill(struct actor *actor) {
  return with_own(actor, kill_task);
}

/* Something with a task that another thread has submitted. */
static bool op_meddle(struct actor *actor) {
  static const use uses[] = {wait_for, get, ask, ask, cancel, kill_task};
  struct actor *other = &world.actor[roll(&actor->dice, world.actors)];
  struct record *record = NULL;
  uint32_t which = roll(&actor->dice, MOST_LIVE);
  pthread_mutex_lock(&other->lock);
  if (other->live_count > 0) {
    record = other->live[which % other->live_count];
    record = record_borrow(record) ? record : NULL;
  }
  pthread_mutex_unlock(&other->lock);
  if (record == NULL) {
    return false;
  }
  note(actor, " of thread %u:", other->number);
  uses[roll(&actor->dice, COUNT_OF(uses))](actor, record);
  record_give_back(record);
  return true;
}

static bool op_release(struct actor *actor) {
  struct record *record = any_record(actor);
  if (record == NULL || !record_release(record)) {
    return false;
  }
  note(actor, " task %u", record->order.row);
  drop(actor, record);
  return true;
}

struct operation future_ops[] = {
    {"future wait", 8, 8, op_wait, {0}},         {"future get", 8, 8, op_get, {0}},
    {"future ask", 6, 6, op_ask, {0}},           {"future cancel", 4, 4, op_cancel, {0}},
    {"future kill", 2, 3, op_kill, {0}},         {"future of another thread", 6, 6, op_meddle, {0}},
    {"future release", 10, 10, op_release, {0}}, {NULL, 0, 0, NULL, {0}}};
