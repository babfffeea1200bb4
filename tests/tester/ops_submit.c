/* Submitting: apply, apply_async, many at once, by pointer. */
#include "tester.h"

/* Now and then allocations fail during a call. */
static void go_hungry(struct actor *actor, const struct pool_model *model) {
  /* Starting a thread, and taking in what others have submitted, may still end the program for want of memory. */
  bool may =
      !model->processes && model->options.initializer != NULL && model->options.when_full != POOL_FULL_RUN_INLINE;
  if (may && one_in(&actor->dice, 6)) {
    starve(1 + roll(&actor->dice, 6), roll_long(&actor->dice) | 1);
  }
}

static bool full(const struct actor *actor) {
  return actor->live_count + 8 > MOST_LIVE;
}

static bool apply(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct record *record = record_new(model, 1, false, false);
  if (record == NULL) {
    return false;
  }
  record_order(record, &actor->dice);
  record->awaited = true;
  size_t size = record->order.result_size;
  unsigned char *result = calloc(1, size + 1);
  CHECK(result != NULL);
  note(actor, " task %u (%s)", record->order.row, does_name(record->order.does));
  int32_t status = pool_apply(model->pool, work, record->arg, record->order.arg_size, size ? result : NULL, size);
  bool started = atomic_load(&record->row->starts) > 0;
  if (!started && status != POOL_OK && may_refuse(model, &record->view, status)) {
    (void)accepted(model, &record->view, status, "pool_apply");
    free(result);
    return true;
  }
  if (status == POOL_OK && record->view.closed) {
    FAIL("pool_apply: a closed pool has accepted it");
  }
  record_accept(record);
  if (record->row->does == SET_RESULT && record->order.detail > size) {
    record->row->right = POOL_ERR_SIZE;
  }
  judge(record, status, status == POOL_OK ? "" : pool_last_error(), "pool_apply");
  if (status == POOL_OK) {
    size_t got = record->row->does == SET_RESULT ? record->order.detail : size;
    check_result(record, result, got);
  } else {
    for (size_t i = 0; i < size; i += 1 + size / 64) {
      CHECK(result[i] == 0);
    }
  }
  free(result);
  return true;
}

/* A future, a callback, both or none. */
static void want(struct actor *actor, struct record *record, bool *future) {
  *future = !one_in(&actor->dice, 6);
  record->has_callback = one_in(&actor->dice, 2);
  record->release_in_callback = *future && record->has_callback && one_in(&actor->dice, 6);
}

static bool apply_async(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct record *record = full(actor) ? NULL : record_new(model, 1, false, false);
  if (record == NULL) {
    return false;
  }
  bool future;
  record_order(record, &actor->dice);
  want(actor, record, &future);
  note(actor, " task %u (%s)%s%s", record->order.row, does_name(record->order.does), future ? ", future" : "",
       record->has_callback ? ", callback" : "");
  go_hungry(actor, model);
  int32_t status = pool_apply_async(model->pool, work, record->arg, record->order.arg_size, record->order.result_size,
                                    record->has_callback ? called : NULL, record, future ? &record->future : NULL);
  starve(0, 0);
  fill(record->arg, record->order.arg_size, 1); /* The bytes were copied. */
  if (accepted(model, &record->view, status, "pool_apply_async")) {
    record_accept(record);
    if (future) {
      record_keep(actor, record);
    }
  } else {
    CHECK(record->future == NULL);
    note(actor, ": %s", pool_status_name(status));
  }
  return true;
}

/* Many at once, all or none; each has its context. */
static bool submit(struct actor *actor) {
  enum { MOST = 8 };
  struct pool_model *model = any_pool(actor);
  struct record *records[MOST] = {NULL};
  pool_future_t *futures[MOST] = {NULL};
  pool_call_t calls[MOST];
  uint32_t many = 1 + roll(&actor->dice, MOST);
  bool future = !one_in(&actor->dice, 3);
  if (model->options.max_pending > 0 && many > model->options.max_pending + 1) {
    many = (uint32_t)model->options.max_pending + 1;
  }
  if (full(actor)) {
    return false;
  }
  for (uint32_t i = 0; i < many; i++) {
    records[i] = record_new(model, 1, false, false);
    if (records[i] == NULL) {
      return false;
    }
    if (!model->processes && one_in(&actor->dice, 3)) {
      records[i]->order.context = records[i];
    }
    record_order(records[i], &actor->dice);
    records[i]->has_callback = one_in(&actor->dice, 2);
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    if (one_in(&actor->dice, 3)) {
      records[i]->priority = calls[i].priority = (int32_t)roll(&actor->dice, 3) + POOL_PRIORITY_LOW;
    }
    calls[i].fn = work;
    calls[i].arg = records[i]->arg;
    calls[i].arg_size = records[i]->order.arg_size;
    calls[i].result_size = records[i]->order.result_size;
    calls[i].context = records[i]->order.context;
    calls[i].callback = records[i]->has_callback ? called : NULL;
    calls[i].user_data = records[i];
  }
  note(actor, " %u tasks", many);
  struct view view = look(model, false);
  go_hungry(actor, model);
  int32_t status = pool_submit(model->pool, calls, many, future ? futures : NULL);
  starve(0, 0);
  if (!accepted(model, &view, status, "pool_submit")) {
    note(actor, ": %s", pool_status_name(status));
    CHECK(futures[0] == NULL);
    return true;
  }
  for (uint32_t i = 0; i < many; i++) {
    record_accept(records[i]);
    if (future) {
      CHECK(futures[i] != NULL);
      pthread_mutex_lock(&records[i]->lock); /* Its callback may look at the record. */
      records[i]->future = futures[i];
      pthread_mutex_unlock(&records[i]->lock);
      record_keep(actor, records[i]);
    }
  }
  return true;
}

/* The pointer itself is passed on; in processes it must be shared memory. */
static bool by_pointer(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct record *record = full(actor) ? NULL : record_new(model, 1, false, false);
  if (record == NULL) {
    return false;
  }
  record_order(record, &actor->dice);
  int32_t status = POOL_OK;
  void *place = record->arg;
  if (model->processes) {
    status =
        pool_apply_async(model->pool, work, record->arg, 0, record->order.result_size, must_not_be_called, NULL, NULL);
    if (status != POOL_ERR_INVALID && !may_refuse(model, &record->view, status)) {
      FAIL("private memory by pointer: %d (%s): %s", status, pool_status_name(status), pool_last_error());
    }
  }
  if (model->processes || one_in(&actor->dice, 3)) {
    place = pool_shared_alloc(model->pool, record->order.arg_size);
    if (place == NULL) {
      FAIL("pool_shared_alloc: %s", pool_last_error());
    }
    memcpy(place, record->arg, record->order.arg_size);
    record->shared = place;
  }
  note(actor, " task %u (%s)", record->order.row, does_name(record->order.does));
  record->has_callback = one_in(&actor->dice, 2);
  status = pool_apply_async(model->pool, work, place, 0, record->order.result_size,
                            record->has_callback ? called : NULL, record, &record->future);
  if (accepted(model, &record->view, status, "pool_apply_async by pointer")) {
    record_accept(record);
    record_keep(actor, record);
  }
  return true;
}

/* A task that ends only when it is asked to: it must hear of it. */
static bool ask_to_stop(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct record *record =
      full(actor) || model->options.task_timeout_ms > 0 || model->options.when_full == POOL_FULL_RUN_INLINE
          ? NULL
          : record_new(model, 1, false, false);
  if (record == NULL) {
    return false;
  }
  record_order(record, &actor->dice);
  struct order *order = &record->order;
  order->does = record->row->does = LISTEN;
  order->detail = 10u * 60000;
  record->row->right = POOL_OK;
  record->result_size = order->result_size;
  memcpy(record->arg, order, sizeof *order);
  note(actor, " task %u", order->row);
  int32_t status = pool_apply_async(model->pool, work, record->arg, order->arg_size, order->result_size, NULL, NULL,
                                    &record->future);
  if (!accepted(model, &record->view, status, "pool_apply_async")) {
    return true;
  }
  record_accept(record);
  record->awaited = true;
  for (uint32_t ms = roll(&actor->dice, 10); ms > 0 && atomic_load(&record->row->starts) == 0; ms--) {
    sleep_us(1000);
  }
  atomic_store(&record->row->asked, 1);
  atomic_fetch_add(&record->cancels, 1);
  int32_t cancelled = pool_future_cancel(record->future);
  CHECK(cancelled == 0 || cancelled == 1);
  atomic_fetch_add(&record->cancelled, (unsigned)cancelled);
  note(actor, ", cancel %d", cancelled);
  EXPECT(pool_future_wait(record->future, -1), POOL_OK);
  status = pool_future_status(record->future);
  judge(record, status, pool_future_message(record->future), "asked to stop");
  if (status == POOL_OK) {
    CHECK(atomic_load(&record->row->heard));
  }
  record_release(record);
  return true;
}

struct operation submit_ops[] = {{"apply", 10, 10, apply, {0}},           {"apply_async", 20, 20, apply_async, {0}},
                                 {"submit", 8, 8, submit, {0}},           {"by pointer", 3, 3, by_pointer, {0}},
                                 {"ask to stop", 2, 2, ask_to_stop, {0}}, {NULL, 0, 0, NULL, {0}}};
