/* The books of rounds.c: what tasks do, what may become of them, and how a pool is mended. */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "procs.h"

enum { LARGEST = 1 << 20, REFUSED = 91, WRONG = 92, SOME_DEATHS = 5 };

/* A task: how often it has started, how often it called back, and how often its outcome was seen. */
struct row {
  atomic_uint starts, callbacks, outcomes;
  bool has_callback;
};

struct table {
  struct row rows[1];
};

struct arg {
  struct row *row;
  uint64_t id;
  uint64_t size; /* of the argument and of the result */
};

static struct {
  pool_t *pool;
  struct table *table; /* in memory that the workers share */
  const char *allow;
  atomic_size_t next; /* the number of the next task */
  atomic_size_t failed, refreshes;
  size_t deaths_before;  /* the round */
  size_t deaths_at_mend; /* as of the last refresh */
  pthread_mutex_t mending;
} rounds = {.mending = PTHREAD_MUTEX_INITIALIZER};

static uint32_t next_random(uint64_t *state, uint32_t below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33) % below;
}

/* How many processes have died so far. */
static size_t deaths(void) {
  const char *path = getenv("MILLPOND_FAILPOINTS_LOG");
  FILE *log = path == NULL ? NULL : fopen(path, "re");
  size_t lines = 0;
  for (int byte; log != NULL && (byte = getc(log)) != EOF;) {
    lines += byte == '\n';
  }
  if (log != NULL) {
    fclose(log);
  }
  return lines;
}

/* ---- What tasks do ---- */

static int32_t prepare(void *data, uint32_t worker) {
  (void)data;
  (void)worker;
  return 0;
}

/* Of a fixed size. */
static int32_t answer(const void *given, void *result, pool_task_t *task) {
  const struct arg *arg = given;
  (void)task;
  atomic_fetch_add(&arg->row->starts, 1);
  *(uint64_t *)result = arg->id * 3 + 1;
  return 0;
}

static int32_t refuse(const void *given, void *result, pool_task_t *task) {
  const struct arg *arg = given;
  char sentence[64];
  (void)result;
  atomic_fetch_add(&arg->row->starts, 1);
  snprintf(sentence, sizeof sentence, "no %llu", (unsigned long long)arg->id);
  return pool_task_fail(task, REFUSED, sentence);
}

static int32_t answer_in_place(const void *given, void *result, pool_task_t *task) {
  const struct arg *arg = given;
  atomic_fetch_add(&arg->row->starts, 1);
  if (!filled((const char *)given + sizeof *arg, arg->size, arg->id)) {
    return pool_task_fail(task, WRONG, "the argument is wrong");
  }
  fill(result, arg->size, ~arg->id);
  return 0;
}

/* Its result is one that it sets. */
static int32_t answer_at_length(const void *given, void *result, pool_task_t *task) {
  static unsigned char bytes[LARGEST];
  const struct arg *arg = given;
  (void)result;
  atomic_fetch_add(&arg->row->starts, 1);
  if (!filled((const char *)given + sizeof *arg, arg->size, arg->id)) {
    return pool_task_fail(task, WRONG, "the argument is wrong");
  }
  fill(bytes, arg->size, ~arg->id);
  return pool_task_set_result(task, bytes, arg->size);
}

static struct arg arg_of(size_t id, size_t size) {
  return (struct arg){&rounds.table->rows[id], id, size};
}

/* For a task that is submitted with a callback. */
static struct arg arg_with_callback(size_t id, size_t size) {
  rounds.table->rows[id].has_callback = true;
  return arg_of(id, size);
}

/* ---- Mending ---- */

static bool may(char what) {
  return rounds.allow != NULL && strchr(rounds.allow, what) != NULL;
}

/* The pool cannot run anything, and was allowed to come to that. */
static bool is_broken(int32_t status) {
  if (status == POOL_ERR_CRASH_LOOP && may('l')) {
    CHECK(deaths() >= rounds.deaths_before + SOME_DEATHS);
    return true;
  }
  return status == POOL_ERR_BROKEN && may('b');
}

/* A pool that could not be started: an initializer's death is the failure of all. */
static bool may_fail_to_start(int32_t status) {
  return is_broken(status) || (status == POOL_ERR_WORKER_DIED && may('l'));
}

/* Refreshes the pool if it still is as the status says: several threads may have met it. */
static void mend_after(int32_t status) {
  if (status != POOL_ERR_CRASH_LOOP && status != POOL_ERR_BROKEN) {
    return;
  }
  pthread_mutex_lock(&rounds.mending);
  status = pool_apply(rounds.pool, nothing, NULL, 0, NULL, 0);
  while (status != POOL_OK && status != POOL_ERR_WORKER_DIED) {
    CHECK(may_fail_to_start(status));
    CHECK(status != POOL_ERR_CRASH_LOOP || deaths() >= rounds.deaths_at_mend + SOME_DEATHS);
    rounds.deaths_at_mend = deaths();
    atomic_fetch_add(&rounds.refreshes, 1);
    while ((status = pool_refresh(rounds.pool)) != POOL_OK) {
      if (!may_fail_to_start(status)) {
        FAIL("pool_refresh: %d (%s): %s", status, pool_status_name(status), pool_last_error());
      }
    }
    status = pool_apply(rounds.pool, nothing, NULL, 0, NULL, 0);
  }
  pthread_mutex_unlock(&rounds.mending);
}

/* ---- What may become of a task ---- */

static void count_failure(int32_t status) {
  atomic_fetch_add(&rounds.failed, status == POOL_ERR_WORKER_DIED);
}

static void fail_task(size_t id, int32_t status, const char *message) {
  FAIL("task %zu has started %u times and its status is %d (%s): %s", id, atomic_load(&rounds.table->rows[id].starts),
       status, pool_status_name(status), message);
}

static void judge(size_t id, int32_t status, int32_t right, const char *message) {
  struct row *row = &rounds.table->rows[id];
  unsigned starts = atomic_load(&row->starts);
  bool died = status == POOL_ERR_WORKER_DIED && may('d') && starts <= 1;
  if (!(status == right && starts == 1) && !died && !(is_broken(status) && starts <= 1)) {
    fail_task(id, status, message);
  }
  atomic_fetch_add(&row->outcomes, 1);
}

static void accept(size_t id, int32_t status, int32_t right, const char *message) {
  judge(id, status, right, message);
  if (status == POOL_ERR_WORKER_DIED && strstr(message, "an item") == NULL) {
    CHECK_HAS(message, "SIGKILL");
  }
  count_failure(status);
  mend_after(status);
}

/* An item of a map without statuses, which ends with the first that fails. */
static void accept_item_of(size_t id, int32_t status, const char *message) {
  struct row *row = &rounds.table->rows[id];
  if (status == POOL_OK || atomic_load(&row->starts) > 1) {
    judge(id, status, POOL_OK, message);
    return;
  }
  if (!(status == POOL_ERR_WORKER_DIED && may('d')) && !is_broken(status)) {
    fail_task(id, status, message);
  }
  atomic_fetch_add(&row->outcomes, 1);
}

/* A task was not taken at all: only a broken pool may refuse, or one that another thread is renewing, where an
 * initializer has died. */
static void not_accepted(size_t id, int32_t status) {
  struct row *row = &rounds.table->rows[id];
  if (!may_fail_to_start(status) || atomic_load(&row->starts) != 0) {
    fail_task(id, status, pool_last_error());
  }
  row->has_callback = false;
  atomic_fetch_add(&row->outcomes, 1);
  mend_after(status);
}

/* Every second thread without a time-out, which is another way through the library. */
static void wait_for(pool_future_t *future, size_t id) {
  CHECK_OK(pool_future_wait(future, id % 2 ? -1 : 60000));
}

static void called(const pool_result_t *outcome, void *user_data) {
  struct row *row = user_data;
  size_t id = (size_t)(row - rounds.table->rows);
  if (atomic_fetch_add(&row->callbacks, 1) != 0) {
    FAIL("the callback of task %zu was called twice", id);
  }
  if (outcome->status == POOL_OK && outcome->size == sizeof(uint64_t)) {
    CHECK(*(const uint64_t *)outcome->data == id * 3 + 1);
  } else if (outcome->status == POOL_OK) {
    CHECK(filled(outcome->data, outcome->size, ~(uint64_t)id));
  }
}

/* Of a task without a future: a callback must not wait, so the pool is mended later, by another. */
static void called_alone(const pool_result_t *outcome, void *user_data) {
  struct row *row = user_data;
  called(outcome, row);
  count_failure(outcome->status);
  judge((size_t)(row - rounds.table->rows), outcome->status, POOL_OK, outcome->message);
}

/* ---- The pool of a round ---- */

static void begin(const pool_options_t *options, size_t tasks) {
  int32_t status;
  rounds.deaths_before = rounds.deaths_at_mend = deaths();
  while ((status = pool_create_with(options, &rounds.pool)) != POOL_OK) {
    if (!may_fail_to_start(status)) {
      FAIL("pool_create_with: %d (%s): %s", status, pool_status_name(status), pool_last_error());
    }
  }
  rounds.table = shared(rounds.pool, sizeof(struct row) * tasks);
  atomic_store(&rounds.next, 0);
}

/* Every worker comes back, however many die on the way there. */
static void becomes_complete(void) {
  for (int32_t i = 0; i < pool_workers(rounds.pool); i++) {
    for (int turn = 1; !alive(pool_worker_pid(rounds.pool, (uint32_t)i)); turn++) {
      sleep_ms(1);
      if (turn % 50 == 0 && (may('l') || may('b'))) {
        mend_after(POOL_ERR_BROKEN);
      }
    }
  }
}

/* After all callbacks: nothing was lost, nothing came twice. */
static void take_stock(size_t tasks) {
  CHECK(rounds.table != NULL);
  for (size_t id = 0; id < tasks; id++) {
    struct row *row = &rounds.table->rows[id];
    if (atomic_load(&row->outcomes) != 1 || atomic_load(&row->starts) > 1) {
      FAIL("task %zu has started %u times and has %u outcomes", id, atomic_load(&row->starts),
           atomic_load(&row->outcomes));
    }
    CHECK_EQ(atomic_load(&row->callbacks), row->has_callback);
  }
}

#endif
