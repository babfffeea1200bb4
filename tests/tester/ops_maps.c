/* Maps: in place, with statuses, asynchronous. */
#include "tester.h"

/* The results of items that have succeeded. */
static void check_items(const struct record *record, const int32_t *statuses) {
  size_t size = record->order.result_size, step = record->order.arg_size;
  for (uint32_t i = 0; i < record->rows; i++) {
    const struct order *order = (const void *)((const char *)record->args + step * i);
    uint64_t seed;
    memcpy(&seed, &order->seed, sizeof seed);
    if ((statuses == NULL || statuses[i] == POOL_OK) &&
        !filled((const char *)record->results + size * i, size, ~seed)) {
      FAIL("item %u (%s): wrong bytes in a result of %zu", i, does_name(record->row[i].does), size);
    }
  }
}

static struct record *new_map(struct actor *actor, struct pool_model *model) {
  uint32_t items = 1 + (one_in(&actor->dice, 4) ? roll(&actor->dice, 300) : roll(&actor->dice, 20));
  struct record *record = record_new(model, items, true, false);
  if (record == NULL) {
    return NULL;
  }
  record_order(record, &actor->dice);
  note(actor, " %u items from %u", record->rows, record->order.row);
  return record;
}

/* Where the arrays lie in the end: a copy in memory of the pool now and then. */
static void share(struct actor *actor, struct record *record) {
  size_t args = record->order.arg_size * record->rows, results = record->order.result_size * record->rows;
  if (!one_in(&actor->dice, 3)) {
    return;
  }
  char *place = pool_shared_alloc(record->model->pool, args + results + 64);
  if (place == NULL) {
    FAIL("pool_shared_alloc: %s", pool_last_error());
  }
  memcpy(place, record->args, args);
  record->shared = place;
}

static bool map(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct record *record = new_map(actor, model);
  if (record == NULL) {
    return false;
  }
  size_t size = record->order.result_size;
  int32_t status = pool_map(model->pool, work, record->args, record->order.arg_size, size ? record->results : NULL,
                            size, record->rows);
  if (status != POOL_OK && may_refuse(model, &record->view, status)) {
    (void)accepted(model, &record->view, status, "pool_map");
    return true;
  }
  CHECK(!record->view.closed);
  record_accept(record);
  judge(record, status, status == POOL_OK ? "" : pool_last_error(), "pool_map");
  if (status == POOL_OK) {
    check_items(record, NULL);
  }
  return true;
}

static bool map_with(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct record *record = new_map(actor, model);
  if (record == NULL) {
    return false;
  }
  size_t size = record->order.result_size;
  bool wants = !one_in(&actor->dice, 4);
  int32_t *statuses = malloc(record->rows * sizeof *statuses);
  CHECK(statuses != NULL);
  for (uint32_t i = 0; i < record->rows; i++) {
    statuses[i] = UNSEEN;
  }
  share(actor, record);
  const char *args = record->shared ? record->shared : record->args;
  char *results = record->shared ? (char *)record->shared + record->order.arg_size * record->rows : record->results;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = work;
  call.arg_size = record->order.arg_size;
  call.result_size = size;
  int32_t status =
      pool_map_with(model->pool, &call, args, size ? results : NULL, wants ? statuses : NULL, record->rows);
  if (record->shared) {
    memcpy(record->results, results, size * record->rows);
    EXPECT(pool_shared_free(model->pool, record->shared), POOL_OK);
    record->shared = NULL;
  }
  bool refused = status != POOL_OK && may_refuse(model, &record->view, status) && statuses[0] == UNSEEN;
  if (refused) {
    (void)accepted(model, &record->view, status, "pool_map_with");
  } else if (wants) {
    CHECK(!record->view.closed);
    record_accept(record);
    for (uint32_t i = 0; i < record->rows; i++) {
      CHECK(statuses[i] != UNSEEN);
      judge_item(model, &record->view, &record->row[i], statuses[i]);
    }
    if (status != POOL_OK && status != POOL_ERR_TERMINATED && !may_refuse(model, &record->view, status)) {
      FAIL("pool_map_with: %d (%s): %s", status, pool_status_name(status), pool_last_error());
    }
    CHECK(status != POOL_ERR_TERMINATED || atomic_load(&model->terminating));
    check_items(record, statuses);
    record->submitted = false; /* All is said about it. */
    count_status(status, -1);
  } else {
    CHECK(!record->view.closed);
    record_accept(record);
    judge(record, status, status == POOL_OK ? "" : pool_last_error(), "pool_map_with");
    if (status == POOL_OK) {
      check_items(record, NULL);
    }
  }
  free(statuses);
  return true;
}

static bool map_async(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  struct record *record = actor->live_count + 8 > MOST_LIVE ? NULL : new_map(actor, model);
  if (record == NULL) {
    return false;
  }
  size_t size = record->order.result_size;
  bool future = !one_in(&actor->dice, 5);
  record->has_callback = one_in(&actor->dice, 2);
  int32_t status =
      pool_map_async(model->pool, work, record->args, record->order.arg_size, size ? record->results : NULL, size,
                     record->rows, record->has_callback ? called : NULL, record, future ? &record->future : NULL);
  if (accepted(model, &record->view, status, "pool_map_async")) {
    record_accept(record);
    if (future) {
      record_keep(actor, record);
    }
  }
  return true;
}

struct operation map_ops[] = {{"map", 5, 5, map, {0}},
                              {"map_with", 5, 5, map_with, {0}},
                              {"map_async", 5, 5, map_async, {0}},
                              {NULL, 0, 0, NULL, {0}}};
