/* What may become of a task, and of a call, given what was done to the pool. */
#include "tester.h"

enum {
  LOOP_KILLS = 5, /* fewer deaths are no crash loop */
  MOMENT_MS = 1000
};

struct view look(const struct pool_model *model, bool inside) {
  return (struct view){
      .closed = atomic_load(&model->closed),
      .inside = inside,
      .just_killed = now_ms() - atomic_load(&model->killed_ms) < MOMENT_MS,
      .kills = atomic_load(&model->kills),
      .zygote_kills = atomic_load(&model->zygote_kills),
      .broken = atomic_load(&model->broken),
      .failures = starved(),
  };
}

bool may_be_dead(const struct pool_model *model, const struct view *view) {
  return model->processes && (view->just_killed || atomic_load(&model->kills) > view->kills);
}

static bool may_be_broken(const struct pool_model *model, const struct view *view) {
  return model->processes && (view->broken || atomic_load(&model->zygote_kills) > view->zygote_kills);
}

/* Of things that happen to whatever is queued or running. */
bool may_end_so(const struct pool_model *model, const struct view *view, int32_t status) {
  switch (status) {
  case POOL_ERR_TERMINATED:
    return atomic_load(&model->terminating);
  case POOL_ERR_WORKER_DIED:
    return may_be_dead(model, view) || (model->options.initializer != NULL && atomic_load(&model->kills) > 0);
  case POOL_ERR_BROKEN:
    return may_be_broken(model, view);
  case POOL_ERR_CRASH_LOOP:
    return model->processes && atomic_load(&model->kills) >= LOOP_KILLS;
  case POOL_ERR_TIME_LIMIT:
    return model->options.task_timeout_ms > 0;
  default:
    return false;
  }
}

bool may_refuse(const struct pool_model *model, const struct view *view, int32_t status) {
  switch (status) {
  case POOL_ERR_CLOSED:
    return !view->inside && atomic_load(&model->closing);
  case POOL_ERR_TERMINATED:
    return view->inside && atomic_load(&model->terminating);
  case POOL_ERR_BROKEN:
  case POOL_ERR_CRASH_LOOP:
    return may_end_so(model, view, status);
  case POOL_ERR_WORKER_DIED: /* A refresh has failed. */
    return model->processes && model->options.initializer != NULL && atomic_load(&model->kills) > 0;
  case POOL_ERR_FULL:
    return model->options.max_pending > 0 && model->options.when_full == POOL_FULL_FAIL;
  case POOL_ERR_NO_MEMORY:
  case POOL_ERR_SYSTEM:
    return starved() > view->failures;
  default:
    return false;
  }
}

bool call_may_end_so(const struct pool_model *model, const struct view *view, int32_t status) {
  return may_refuse(model, view, status) || (status == POOL_ERR_TERMINATED && atomic_load(&model->terminating)) ||
         (status == POOL_ERR_WORKER_DIED && may_be_dead(model, view)) ||
         (status == POOL_ERR_TIME_LIMIT && model->options.task_timeout_ms > 0);
}

bool accepted(const struct pool_model *model, const struct view *view, int32_t status, const char *call) {
  if (status == POOL_OK) {
    if (view->closed && !view->inside) {
      FAIL("%s: a closed pool has accepted it", call);
    }
    return true;
  }
  if (!may_refuse(model, view, status)) {
    FAIL("%s: not legal now: %d (%s): %s", call, status, pool_status_name(status), pool_last_error());
  }
  CHECK(strlen(pool_last_error()) > 3);
  count(T_REFUSED, 1);
  count_status(status, -1);
  return false;
}

/* How often it started and ended, against how it is said to have ended. */
static bool agrees(const struct pool_model *model, const struct row *row, int32_t status, bool killed,
                   bool follows_others) {
  unsigned starts = atomic_load(&row->starts), ends = atomic_load(&row->ends);
  if (starts > 1 || ends > starts) {
    return false;
  }
  if (starts == 0 && follows_others && status != POOL_OK) {
    return true; /* It ended as one of them. */
  }
  switch (status) {
  case POOL_ERR_CANCELLED:
    return starts == 0 || (model->processes && killed);
  case POOL_ERR_TERMINATED:
    return starts == 0 || model->processes;
  case POOL_ERR_BROKEN:
  case POOL_ERR_CRASH_LOOP:
  case POOL_ERR_NO_MEMORY:
  case POOL_ERR_TIME_LIMIT:
    return model->processes;
  case POOL_ERR_WORKER_DIED:
    return model->processes && (row->does == CRASH || ends <= 1);
  default:
    return starts == 1 && ends == 1;
  }
}

/* One that follows others starts when they have ended well, and ends as the one that has not. */
static bool follows(const struct record *record, int32_t status) {
  for (uint32_t i = 0; i < record->before_count; i++) {
    const struct record *before = record->before[i];
    if (atomic_load(&before->status) == status || (before->map && status != POOL_OK) ||
        (before->row->right == status && status != POOL_OK) || (status == POOL_ERR_CANCELLED && before->cancels > 0) ||
        may_end_so(before->model, &before->view, status) || follows(before, status)) {
      return true;
    }
  }
  return false;
}

static void check_start(const struct record *record) {
  if (atomic_load(&record->row->starts) == 0) {
    return;
  }
  if (atomic_load(&record->row->started_ms) < record->not_before_ms) {
    FAIL("task %u has started %ld ms too early", record->order.row,
         record->not_before_ms - atomic_load(&record->row->started_ms));
  }
  for (uint32_t i = 0; i < record->before_count; i++) {
    const struct record *before = record->before[i];
    int status = atomic_load(&before->status);
    if ((status != UNSEEN && status != POOL_OK) || (!before->map && atomic_load(&before->row->ends) != 1)) {
      FAIL("task %u has started, but task %u, which it follows, has status %d", record->order.row, before->order.row,
           status);
    }
  }
}

static bool task_is_legal(const struct record *record, int32_t status) {
  const struct pool_model *model = record->model;
  check_start(record);
  if (status != POOL_OK && record->before_count > 0 && atomic_load(&record->row->starts) == 0 &&
      follows(record, status)) {
    return true;
  }
  if (atomic_load(&record->cancelled) > 0) {
    return status == POOL_ERR_CANCELLED;
  }
  if (status == record->row->right) {
    return atomic_load(&record->killed) == 0 || (status == POOL_ERR_WORKER_DIED && may_be_dead(model, &record->view));
  }
  if (status == POOL_ERR_CANCELLED) {
    return atomic_load(&record->cancels) + atomic_load(&record->kills) > 0;
  }
  return may_end_so(model, &record->view, status);
}

static void check_message(const struct record *record, int32_t status, const char *message) {
  char sentence[64];
  snprintf(sentence, sizeof sentence, "refused %llx", (unsigned long long)record->order.seed);
  CHECK(message != NULL);
  if (status == POOL_OK ? message[0] != 0 : strlen(message) < 4) {
    FAIL("the message of status %d is \"%s\"", status, message);
  }
  if (record->before_count > 0 && atomic_load(&record->row->starts) == 0) {
    return;
  }
  if (record->row->does == REFUSE && !record->map && status == record->row->right && strcmp(message, sentence) != 0 &&
      (starved() == record->view.failures || strstr(message, "no memory") == NULL)) {
    FAIL("expected the message \"%s\", got \"%s\"", sentence, message);
  }
  if (status == POOL_ERR_WORKER_DIED && record->row->does != CRASH && !record->map &&
      strstr(message, "SIGKILL") == NULL) {
    FAIL("a task that was not to die did, and not by SIGKILL: %s", message);
  }
}

void judge_again(const struct record *record, int32_t status, const char *message, const char *where) {
  if (message != NULL) {
    check_message(record, status, message);
  }
  if (record->map) {
    judge_rows(record->model, &record->view, record->row, record->rows, status, atomic_load(&record->cancels) > 0);
    return;
  }
  if (!task_is_legal(record, status)) {
    FAIL("%s: task %u (%s) may not end with %d (%s: %s): expected %d; cancels %u of which %u returned 1, kills %u of "
         "which %u returned 1, terminating %d, workers killed %u (%u before), zygotes killed %u (%u before)",
         where, record->order.row, does_name(record->row->does), status, pool_status_name(status),
         message ? message : "-", record->row->right, record->cancels, record->cancelled, record->kills, record->killed,
         record->model->terminating, record->model->kills, record->view.kills, record->model->zygote_kills,
         record->view.zygote_kills);
  }
  if (!agrees(record->model, record->row, status, atomic_load(&record->kills) > 0, record->before_count > 0)) {
    FAIL("%s: task %u (%s) ended with %d (%s), has started %u times and ended %u times", where, record->order.row,
         does_name(record->row->does), status, pool_status_name(status), record->row->starts, record->row->ends);
  }
}

/* When an initializer dies, so does what waits for its worker. */
static bool model_starts_well(const char *message) {
  return message == NULL || strstr(message, "in the initializer") == NULL;
}

void judge(struct record *record, int32_t status, const char *message, const char *where) {
  int before = UNSEEN;
  if (atomic_compare_exchange_strong(&record->status, &before, status)) {
    judge_again(record, status, message, where);
    atomic_fetch_add(&record->model->died, status == POOL_ERR_WORKER_DIED && record->row->does != CRASH &&
                                               !record->map && record->before_count == 0 && model_starts_well(message));
    count_status(status, record->map ? -1 : record->row->does);
  } else if (before != status) {
    FAIL("%s: task %u was seen to end with %d (%s), now with %d (%s)", where, record->order.row, before,
         pool_status_name(before), status, pool_status_name(status));
  }
}

void judge_item(struct pool_model *model, const struct view *view, struct row *row, int32_t status) {
  bool legal = status == row->right || may_end_so(model, view, status);
  /* One that has not started died with a worker that did not get through its initializer. */
  if (status == POOL_ERR_WORKER_DIED && row->does != CRASH && atomic_load(&row->starts) > 0) {
    atomic_fetch_add(&model->died, 1);
  }
  count_status(status, row->does);
  if (!legal || !agrees(model, row, status, false, false)) {
    FAIL("an item (%s) ended with %d (%s), expected %d, has started %u times and ended %u times", does_name(row->does),
         status, pool_status_name(status), row->right, row->starts, row->ends);
  }
}

void judge_rows(const struct pool_model *model, const struct view *view, struct row *rows, uint32_t count,
                int32_t status, bool cancelled) {
  const struct row *failed = NULL, *same = NULL;
  uint32_t done = 0;
  for (uint32_t i = 0; i < count; i++) {
    unsigned starts = atomic_load(&rows[i].starts), ends = atomic_load(&rows[i].ends);
    if (starts > 1 || ends > starts) {
      FAIL("item %u has started %u times and ended %u times", i, starts, ends);
    }
    if (starts == 1 && rows[i].right != POOL_OK) {
      failed = failed == NULL ? &rows[i] : failed;
      same = rows[i].right == status ? &rows[i] : same;
    }
    done += ends == 1 && rows[i].right == POOL_OK;
    if (ends == 0 && starts == 1 && !model->processes) {
      FAIL("a map has ended, but its item %u runs", i);
    }
  }
  bool disturbed = atomic_load(&model->terminating) || may_be_dead(model, view) || may_be_broken(model, view) ||
                   cancelled || model->options.task_timeout_ms > 0;
  bool legal = false;
  if (status == POOL_OK) {
    legal = done == count;
  } else if (failed != NULL && !disturbed) {
    legal = status == failed->right;
  } else {
    legal = same != NULL || (status == POOL_ERR_CANCELLED && cancelled) || may_end_so(model, view, status);
  }
  if (!legal) {
    FAIL("a map of %u items, of which %u are done, ended with %d (%s), expected %d%s", count, done, status,
         pool_status_name(status), failed == NULL ? POOL_OK : failed->right, disturbed ? " (disturbed)" : "");
  }
}

/* What a task has left in its result. */
void check_result(const struct record *record, const void *data, size_t size) {
  if (size != record->result_size) {
    FAIL("task %u (%s): a result of %zu bytes, expected %zu", record->order.row, does_name(record->row->does), size,
         record->result_size);
  }
  if (size > 0 && (data == NULL || !filled(data, size, ~record->order.seed))) {
    FAIL("task %u (%s): wrong bytes in a result of %zu", record->order.row, does_name(record->row->does), size);
  }
}
