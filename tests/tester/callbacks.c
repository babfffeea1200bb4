/* What is done with an outcome: once for each task, and in turn. */
#include "tester.h"

void must_not_be_called(const pool_result_t *outcome, void *user_data) {
  (void)user_data;
  FAIL("the callback of a task that was refused is called, with status %d", outcome->status);
}

static void check_outcome(struct record *record, const pool_result_t *outcome) {
  CHECK(outcome->message != NULL);
  judge(record, outcome->status, outcome->message, "the callback");
  if (outcome->status == POOL_OK && !record->map) {
    check_result(record, outcome->data, outcome->size);
    CHECK(outcome->pid == atomic_load(&record->row->pid));
    CHECK(record->model->processes ? outcome->worker != POOL_NO_WORKER : outcome->pid == getpid());
  } else {
    CHECK(outcome->data == NULL);
  }
  if (!record->map) {
    CHECK(outcome->index == 0);
  } else if (outcome->status > 0) {
    CHECK(outcome->index < record->rows);
    CHECK(record->row[outcome->index].right == outcome->status);
    CHECK(atomic_load(&record->row[outcome->index].starts) == 1);
  }
}

/* A callback is no place to wait for its own pool. */
static void use_the_pool(struct record *record, struct dice *dice) {
  struct pool_model *model = record->model;
  struct record *child = NULL;
  switch (roll(dice, 5)) {
  case 0:
    EXPECT(pool_join(model->pool, roll_timeout(dice)), POOL_ERR_DEADLOCK);
    break;
  case 1:
    EXPECT(pool_close_join(model->pool), POOL_ERR_DEADLOCK);
    break;
  case 2:
    CHECK(pool_workers(model->pool) == (int32_t)model->workers || atomic_load(&model->resizes) > 0);
    break;
  default:
    child = record->inside ? NULL : record_new(model, 1, false, true);
    if (child == NULL) {
      break;
    }
    record_order(child, dice);
    child->has_callback = one_in(dice, 2);
    if (accepted(model, &child->view,
                 pool_apply_async(model->pool, work, child->arg, child->order.arg_size, child->order.result_size,
                                  child->has_callback ? called : NULL, child, NULL),
                 "pool_apply_async in a callback")) {
      record_accept(child);
      count(T_INSIDE, 1);
    }
  }
}

void called(const pool_result_t *outcome, void *user_data) {
  struct record *record = user_data;
  struct pool_model *model = record->model;
  bool serial = model->processes || model->options.callbacks != POOL_CALLBACKS_INLINE;
  struct dice dice = {record->order.seed + 1};
  uint32_t starving = starve(0, 0);
  if (getpid() != world.host || atomic_load(&model->freed)) {
    FAIL("the callback of task %u is called after the end of its pool, or in another process", record->order.row);
  }
  if (atomic_fetch_add(&record->row->calls, 1) != 0) {
    FAIL("the callback of task %u is called twice", record->order.row);
  }
  if (serial) {
    if (atomic_exchange(&model->in_callback, 1) != 0) {
      FAIL("two serial callbacks run at a time");
    }
    model->serial++;
  }
  check_outcome(record, outcome);
  if (record_borrow(record)) {
    EXPECT(pool_future_ready(record->future), 1);
    EXPECT(pool_future_status(record->future), outcome->status);
    EXPECT(pool_future_wait(record->future, roll_timeout(&dice)), POOL_OK);
    record_give_back(record);
  }
  if (record->release_in_callback) {
    record_release(record);
  }
  if (one_in(&dice, 4)) {
    use_the_pool(record, &dice);
  }
  if (one_in(&dice, 8)) {
    sleep_us(roll(&dice, 500));
  }
  atomic_fetch_add(&model->called, 1);
  count(T_CALLBACKS, 1);
  if (serial) {
    atomic_store(&model->in_callback, 0);
  }
  starve(starving, 0);
}
