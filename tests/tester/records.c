/* Tasks that were submitted, and who may use their futures. */
#include "tester.h"

static void *need(void *memory) {
  if (memory == NULL) {
    FAIL("no memory for the tester itself");
  }
  return memory;
}

/* What may be asked of tasks of this pool. */
static int32_t roll_does(const struct pool_model *model, struct dice *dice, bool item) {
  static const uint8_t faces[] = {ANSWER,       ANSWER,     ANSWER,     ANSWER, ANSWER, REFUSE,
                                  RETURN_MINUS, SET_RESULT, SET_RESULT, NAP,    NAP,    LISTEN,
                                  BLOCK,        FORK_JOIN,  SPAWN,      NEST,   CRASH};
  for (;;) {
    int32_t does = faces[roll(dice, COUNT_OF(faces))];
    bool waits = does == BLOCK || does == SPAWN || does == NEST || does == FORK_JOIN;
    if ((does == CRASH && (!model->processes || !one_in(dice, 3))) || (waits && model->plain) ||
        (item && (waits || does == LISTEN)) || (does == NEST && !one_in(dice, 3))) {
      continue;
    }
    /* Most items must succeed, or no map would. */
    if (item && (does == REFUSE || does == RETURN_MINUS || does == CRASH) && !one_in(dice, 60)) {
      continue;
    }
    return does;
  }
}

/* What an item or a task is told. */
static void roll_order(struct order *order, struct row *row, struct pool_model *model, struct dice *dice) {
  uint32_t index = (uint32_t)(row - ledger->rows);
  bool item = order->item > 0;
  *order = (struct order){.round = atomic_load(&ledger->round),
                          .row = index,
                          .does = order->does,
                          .item = order->item,
                          .seed = roll_long(dice),
                          .arg_size = order->arg_size,
                          .result_size = order->result_size,
                          .context = order->context,
                          .model = model,
                          .pool = model->pool};
  order->does = roll_does(model, dice, item);
  row->does = order->does;
  row->right = POOL_OK;
  switch (order->does) {
  case REFUSE:
    order->detail = 1 + roll(dice, 1000);
    row->right = (int32_t)order->detail;
    break;
  case RETURN_MINUS:
    row->right = POOL_ERR_INTERNAL;
    break;
  case SET_RESULT:
    order->detail = (uint32_t)(item ? order->result_size : roll_size(dice, true));
    break;
  case CRASH:
    row->right = POOL_ERR_WORKER_DIED;
    order->detail = roll(dice, 4);
    break;
  case NAP:
  case BLOCK:
    order->detail = roll(dice, item ? 300 : 3000);
    break;
  case LISTEN:
    order->detail = roll(dice, 20);
    break;
  default:
    order->detail = roll(dice, 1000);
  }
}

struct record *record_new(struct pool_model *model, uint32_t rows, bool map, bool inside) {
  uint32_t first = ledger_rows(rows);
  if (first == UINT32_MAX) {
    return NULL;
  }
  struct record *record = need(calloc(1, sizeof *record));
  record->model = model;
  record->row = &ledger->rows[first];
  record->rows = rows;
  atomic_store(&record->status, UNSEEN);
  pthread_mutex_init(&record->lock, NULL);
  record->map = map;
  record->inside = inside;
  record->view = look(model, inside);
  record->next = atomic_load(&world.records);
  while (!atomic_compare_exchange_weak(&world.records, &record->next, record)) {
  }
  return record;
}

void record_order(struct record *record, struct dice *dice) {
  struct order *order = &record->order;
  if (!record->map) {
    order->item = 0;
    order->arg_size = sizeof *order + roll_size(dice, true);
    order->result_size = roll_size(dice, true);
    roll_order(order, record->row, record->model, dice);
    record->result_size = order->does == SET_RESULT ? order->detail : order->result_size;
    record->arg = need(malloc(order->arg_size));
    memcpy(record->arg, order, sizeof *order);
    fill((char *)record->arg + sizeof *order, order->arg_size - sizeof *order, order->seed);
    return;
  }
  size_t arg_size = sizeof *order + (roll_size(dice, false) % 200 & ~(size_t)7),
         result_size = roll_size(dice, false) % 2000;
  record->args = need(malloc(arg_size * record->rows));
  record->results = need(calloc(record->rows, result_size + 1));
  for (uint32_t i = 0; i < record->rows; i++) {
    struct order told = {.item = i + 1, .arg_size = arg_size, .result_size = result_size};
    roll_order(&told, record->row + i, record->model, dice);
    char *place = (char *)record->args + arg_size * i;
    memcpy(place, &told, sizeof told);
    fill(place + sizeof told, arg_size - sizeof told, told.seed);
  }
  order->arg_size = arg_size;
  order->result_size = result_size;
  order->row = (uint32_t)(record->row - ledger->rows);
}

void record_accept(struct record *record) {
  atomic_fetch_add(&record->model->accepted, 1);
  if (record->has_callback) {
    atomic_fetch_add(&record->model->due, 1);
  }
  record->submitted = true;
  if (!record->inside) {
    record->submitter = self->number;
    record->turn = ++self->turn;
  }
  count(record->map ? T_ITEMS : T_TASKS, record->rows);
}

void record_keep(struct actor *actor, struct record *record) {
  pthread_mutex_lock(&actor->lock);
  actor->live[actor->live_count++] = record;
  pthread_mutex_unlock(&actor->lock);
}

bool record_borrow(struct record *record) {
  pthread_mutex_lock(&record->lock);
  bool may = !record->released && record->future != NULL;
  record->users += may;
  pthread_mutex_unlock(&record->lock);
  return may;
}

void record_give_back(struct record *record) {
  pthread_mutex_lock(&record->lock);
  record->users--;
  pthread_mutex_unlock(&record->lock);
}

/* False while others use the future. */
bool record_release(struct record *record) {
  pthread_mutex_lock(&record->lock);
  bool may = record->users == 0 && !record->released;
  record->released |= may;
  pthread_mutex_unlock(&record->lock);
  if (may && record->future != NULL) {
    EXPECT(pool_future_release(record->future), POOL_OK);
  }
  return may;
}

/* What nobody has waited for: it may have ended in any way that is legal. */
static void check_unseen(const struct record *record) {
  const struct pool_model *model = record->model;
  unsigned disturbances = atomic_load(&model->terminating) + atomic_load(&record->cancels) +
                          atomic_load(&record->kills) + atomic_load(&model->kills) + atomic_load(&model->zygote_kills) +
                          record->before_count + (model->options.task_timeout_ms > 0);
  for (uint32_t i = 0; i < record->rows; i++) {
    unsigned starts = atomic_load(&record->row[i].starts), ends = atomic_load(&record->row[i].ends);
    bool done = starts == 1 && (ends == 1 || record->row[i].does == CRASH);
    if (starts > 1 || ends > starts || (!done && disturbances == 0 && !record->map)) {
      FAIL("task %u (%s), of which nobody was told how it ended, has started %u times and ended %u times",
           record->order.row + i, does_name(record->row[i].does), starts, ends);
    }
  }
}

void records_check(struct pool_model *model) {
  for (struct record *record = atomic_load(&world.records); record != NULL; record = record->next) {
    if ((model != NULL && record->model != model) || !record->submitted) {
      continue;
    }
    unsigned calls = atomic_load(&record->row->calls);
    if (calls != record->has_callback) {
      FAIL("task %u (%s, status %d) has called back %u times, expected %d", record->order.row,
           does_name(record->row->does), record->status, calls, record->has_callback);
    }
    if (record->future != NULL && !record->released) {
      int32_t status = pool_future_status(record->future);
      CHECK(status != POOL_ERR_TIMEOUT);
      EXPECT(pool_future_ready(record->future), 1);
      judge(record, status, pool_future_message(record->future), "after the end of the pool");
    }
    int32_t status = atomic_load(&record->status);
    if (status == UNSEEN) {
      check_unseen(record);
    } else {
      judge_again(record, status, NULL, "after the end of the pool"); /* Nothing may have run since. */
    }
  }
}

void records_free(void) {
  struct record *record = atomic_exchange(&world.records, NULL);
  while (record != NULL) {
    struct record *next = record->next;
    if (record->future != NULL && !record->released) {
      EXPECT(pool_future_release(record->future), POOL_OK);
    }
    pthread_mutex_destroy(&record->lock);
    free(record->arg);
    free(record->args);
    free(record->results);
    free(record);
    record = next;
  }
}
