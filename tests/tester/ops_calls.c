/* Tasks that start later, follow others, are cancelled by tokens and waited for in groups, or run periodically. */
#include "tester.h"

enum { MOST_TOGETHER = 6 };

/* Some tasks, submitted at once, each with what `dress` adds to its call. */
struct troop {
  struct record *records[MOST_TOGETHER];
  pool_future_t *futures[MOST_TOGETHER];
  pool_call_t calls[MOST_TOGETHER];
  uint32_t count;
};

static bool raise_troop(struct actor *actor, struct pool_model *model, struct troop *troop) {
  memset(troop, 0, sizeof *troop);
  troop->count = 1 + roll(&actor->dice, MOST_TOGETHER);
  if (model->options.max_pending > 0 && troop->count > model->options.max_pending + 1) {
    troop->count = (uint32_t)model->options.max_pending + 1;
  }
  for (uint32_t i = 0; i < troop->count; i++) {
    struct record *record = record_new(model, 1, false, false);
    if (record == NULL) {
      return false;
    }
    record_order(record, &actor->dice);
    record->has_callback = one_in(&actor->dice, 3);
    troop->records[i] = record;
    troop->futures[i] = NULL;
    troop->calls[i] = (pool_call_t)POOL_CALL_INIT;
    troop->calls[i].fn = work;
    troop->calls[i].arg = record->arg;
    troop->calls[i].arg_size = record->order.arg_size;
    troop->calls[i].result_size = record->order.result_size;
    troop->calls[i].callback = record->has_callback ? called : NULL;
    troop->calls[i].user_data = record;
    if (one_in(&actor->dice, 2)) {
      record->priority = troop->calls[i].priority = (int32_t)roll(&actor->dice, 3) + POOL_PRIORITY_LOW;
    }
    if (one_in(&actor->dice, 4)) {
      troop->calls[i].delay_ms = 1 + roll(&actor->dice, 20);
      record->awaited = true; /* It stands in no order. */
      record->not_before_ms = now_ms() + troop->calls[i].delay_ms;
    }
  }
  note(actor, " %u tasks", troop->count);
  return true;
}

static bool submit_troop(struct actor *actor, struct pool_model *model, struct troop *troop) {
  struct view view = look(model, false);
  int32_t status = pool_submit(model->pool, troop->calls, troop->count, troop->futures);
  if (!accepted(model, &view, status, "pool_submit")) {
    note(actor, ": %s", pool_status_name(status));
    return false;
  }
  for (uint32_t i = 0; i < troop->count; i++) {
    record_accept(troop->records[i]);
    pthread_mutex_lock(&troop->records[i]->lock);
    troop->records[i]->future = troop->futures[i];
    pthread_mutex_unlock(&troop->records[i]->lock);
    record_keep(actor, troop->records[i]);
  }
  return true;
}

static bool full(const struct actor *actor) {
  return actor->live_count + MOST_TOGETHER > MOST_LIVE;
}

static bool delays(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct troop troop;
  if (full(actor) || !raise_troop(actor, model, &troop)) {
    return false;
  }
  (void)submit_troop(actor, model, &troop);
  return true;
}

/* Each waits for some that this thread or others have submitted before, whatever pool they are in. */
static bool follow(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct record *before[MOST_BEFORE];
  pool_future_t *futures[MOST_BEFORE];
  uint32_t many = 0;
  struct troop troop;
  if (full(actor) || !raise_troop(actor, model, &troop)) {
    return false;
  }
  for (uint32_t i = 0; i < MOST_BEFORE; i++) {
    struct record *record = any_record(actor);
    if (record != NULL && record_borrow(record)) {
      futures[many] = record->future;
      before[many++] = record;
    }
  }
  for (uint32_t i = 0; i < troop.count; i++) {
    struct record *record = troop.records[i];
    record->awaited = true; /* It stands in no order. */
    memcpy(record->before, before, many * sizeof before[0]);
    record->before_count = many;
    troop.calls[i].after = futures;
    troop.calls[i].after_count = many;
  }
  note(actor, " after %u others", many);
  (void)submit_troop(actor, model, &troop);
  for (uint32_t i = 0; i < many; i++) {
    record_give_back(before[i]);
  }
  return true;
}

static int32_t echo(const void *arg, void *result, pool_task_t *task) {
  const struct order *order = arg;
  (void)task;
  memcpy(result, arg, order->arg_size);
  return 0;
}

/* The first one's result is what the second is told. */
static bool then(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct record *record = full(actor) ? NULL : record_new(model, 1, false, false);
  pool_future_t *first = NULL;
  if (record == NULL) {
    return false;
  }
  record_order(record, &actor->dice);
  record->awaited = true;
  record->has_callback = one_in(&actor->dice, 2);
  size_t size = record->order.arg_size;
  int32_t status = pool_apply_async(model->pool, echo, record->arg, size, size, NULL, NULL, &first);
  if (!accepted(model, &record->view, status, "pool_apply_async")) {
    return true;
  }
  if (one_in(&actor->dice, 3)) {
    (void)pool_future_wait(first, roll(&actor->dice, 3));
  }
  note(actor, " task %u", record->order.row);
  status = pool_future_then(first, work, record->order.result_size, record->has_callback ? called : NULL, record,
                            &record->future);
  if (accepted(model, &record->view, status, "pool_future_then")) {
    record_accept(record);
    record_keep(actor, record);
    if (one_in(&actor->dice, 4)) {
      atomic_fetch_add(&record->cancels, 1);
      note(actor, ", the first is cancelled");
      if (pool_future_cancel(first) == 1) {
        atomic_fetch_add(&record->cancelled, 1);
      }
    }
  }
  EXPECT(pool_future_release(first), POOL_OK);
  return true;
}

static void ask_all(struct troop *troop) {
  for (uint32_t i = 0; i < troop->count; i++) {
    atomic_store(&troop->records[i]->row->asked, 1);
    atomic_fetch_add(&troop->records[i]->cancels, 1);
  }
}

static bool token(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  pool_token_t *token = NULL;
  struct troop troop;
  if (full(actor) || !raise_troop(actor, model, &troop)) {
    return false;
  }
  bool before = one_in(&actor->dice, 6), after = one_in(&actor->dice, 2);
  EXPECT(pool_token_create(&token), POOL_OK);
  for (uint32_t i = 0; i < troop.count; i++) {
    troop.calls[i].cancel = token;
  }
  if (before || after) {
    ask_all(&troop);
  }
  if (before) {
    EXPECT(pool_token_cancel(token), POOL_OK);
    for (uint32_t i = 0; i < troop.count; i++) {
      atomic_store(&troop.records[i]->cancelled, 1); /* None of them may run. */
    }
  }
  bool there = submit_troop(actor, model, &troop);
  if (there && after) {
    sleep_us(roll(&actor->dice, 1000));
    EXPECT(pool_token_cancel(token), POOL_OK);
    /* What has not started yet never will. */
    for (uint32_t i = 0; i < troop.count; i++) {
      if (pool_future_status(troop.futures[i]) == POOL_ERR_CANCELLED) {
        CHECK(atomic_load(&troop.records[i]->row->starts) == 0 || model->processes);
      }
    }
  }
  EXPECT(pool_token_cancelled(token), before || (there && after));
  note(actor, "%s%s", before ? ", cancelled before" : "", after ? ", cancelled after" : "");
  EXPECT(pool_token_release(token), POOL_OK);
  return true;
}

static bool group(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  pool_group_t *group = NULL;
  struct troop troop;
  if (full(actor) || !raise_troop(actor, model, &troop)) {
    return false;
  }
  bool cancels = one_in(&actor->dice, 3), borrowed[MOST_TOGETHER] = {false};
  EXPECT(pool_group_create(&group), POOL_OK);
  for (uint32_t i = 0; i < troop.count; i++) {
    troop.calls[i].group = group;
    troop.records[i]->awaited = true;
  }
  if (cancels) {
    ask_all(&troop);
  }
  bool there = submit_troop(actor, model, &troop);
  for (uint32_t i = 0; there && i < troop.count; i++) {
    borrowed[i] = record_borrow(troop.records[i]);
  }
  if (cancels) {
    EXPECT(pool_group_cancel(group), POOL_OK);
  }
  int64_t timeout = roll_timeout(&actor->dice);
  int32_t status = pool_group_wait(group, timeout);
  note(actor, "%s: %d", cancels ? ", cancelled" : "", status);
  if (status == POOL_ERR_TIMEOUT) {
    CHECK(timeout >= 0 && there);
  } else {
    bool one_of_them = status == POOL_OK;
    for (uint32_t i = 0; there && i < troop.count; i++) {
      if (borrowed[i]) {
        EXPECT(pool_future_ready(troop.futures[i]), 1);
        int32_t its = pool_future_status(troop.futures[i]);
        judge(troop.records[i], its, pool_future_message(troop.futures[i]), "a group");
        CHECK(status != POOL_OK || its == POOL_OK);
        one_of_them |= its == status;
      }
    }
    CHECK(one_of_them);
  }
  for (uint32_t i = 0; there && i < troop.count; i++) {
    if (borrowed[i]) {
      record_give_back(troop.records[i]);
    }
  }
  EXPECT(pool_group_release(group), POOL_OK);
  return true;
}

/* In memory that all share. */
struct clockwork {
  atomic_int inside, starts;
  int32_t fails_at;
};

static int32_t tick(const void *arg, void *result, pool_task_t *task) {
  struct clockwork *clockwork = *(struct clockwork *const *)arg;
  int32_t run = atomic_fetch_add(&clockwork->starts, 1) + 1;
  (void)task;
  if (atomic_exchange(&clockwork->inside, 1) != 0) {
    FAIL("two runs of a periodic task at once");
  }
  memcpy(result, &run, sizeof run);
  atomic_store(&clockwork->inside, 0);
  return run == clockwork->fails_at ? 55 : 0;
}

static bool periodic(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct clockwork *clockwork = pool_shared_alloc(model->pool, sizeof *clockwork);
  if (clockwork == NULL) {
    FAIL("pool_shared_alloc: %s", pool_last_error());
  }
  pool_periodic_t *ticks = NULL;
  pool_call_t call = POOL_CALL_INIT;
  struct view view = look(model, false);
  int32_t last = 0;
  clockwork->fails_at = one_in(&actor->dice, 3) ? 1 + (int32_t)roll(&actor->dice, 5) : 0;
  call.fn = tick;
  call.arg = &clockwork;
  call.arg_size = sizeof(void *);
  call.result_size = sizeof last;
  call.delay_ms = roll(&actor->dice, 3);
  int32_t status = pool_periodic_start(model->pool, &call, 1 + roll(&actor->dice, 4), &ticks);
  if (accepted(model, &view, status, "pool_periodic_start")) {
    sleep_us(roll(&actor->dice, 15000));
    bool cancels = clockwork->fails_at == 0 || one_in(&actor->dice, 2);
    if (cancels) {
      int32_t had = pool_periodic_cancel(ticks);
      CHECK(had == 0 || had == 1);
    }
    status = pool_periodic_wait(ticks, -1);
    int32_t runs = atomic_load(&clockwork->starts);
    note(actor, ", %d runs: %d", runs, status);
    if (status == POOL_ERR_CANCELLED) {
      CHECK(cancels);
    } else if (status > 0) {
      CHECK(status == 55 && runs == clockwork->fails_at);
    } else {
      CHECK((status == POOL_ERR_CLOSED && atomic_load(&model->closing)) || may_end_so(model, &view, status));
    }
    CHECK(pool_periodic_runs(ticks) >= runs);
    int32_t got = pool_periodic_get(ticks, &last, sizeof last);
    CHECK(got == POOL_OK ? last >= 1 && last <= runs : got == POOL_ERR_TIMEOUT);
    sleep_us(roll(&actor->dice, 3000));
    CHECK(atomic_load(&clockwork->starts) == runs);
    EXPECT(pool_periodic_release(ticks), POOL_OK);
  }
  EXPECT(pool_shared_free(model->pool, clockwork), POOL_OK);
  return true;
}

struct operation call_ops[] = {{"later", 4, 4, delays, {0}}, {"after others", 5, 5, follow, {0}},
                               {"then", 5, 5, then, {0}},    {"token", 4, 4, token, {0}},
                               {"group", 4, 4, group, {0}},  {"periodic", 2, 2, periodic, {0}},
                               {NULL, 0, 0, NULL, {0}}};
