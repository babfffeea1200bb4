/* What tasks do. All of it is said in their argument, and written down in the ledger. */
#include "tester.h"

#include <signal.h>

static const char *const names[DOES] = {"answer", "refuse",    "return minus", "set result", "nap",  "listen",
                                        "block",  "fork join", "spawn",        "nest",       "crash"};

const char *does_name(int32_t does) {
  return does >= 0 && does < DOES ? names[does] : "?";
}

int32_t worker_starts(void *data, uint32_t worker) {
  struct pool_model *model = data;
  (void)worker;
  if (atomic_load(&model->freed)) {
    FAIL("an initializer runs after the end of its pool");
  }
  atomic_fetch_add(&model->starts, 1);
  return 0;
}

void worker_ends(void *data, uint32_t worker) {
  struct pool_model *model = data;
  (void)worker;
  if (atomic_load(&model->freed)) {
    FAIL("a finalizer runs after the end of its pool");
  }
  atomic_fetch_add(&model->finals, 1);
}

/* How many tasks this worker process has run. */
static void count_here(const struct pool_model *model) {
  static pid_t process;
  static size_t tasks;
  if (process != getpid()) {
    process = getpid();
    tasks = 0;
  }
  if (model->options.max_tasks_per_worker > 0 && ++tasks > model->options.max_tasks_per_worker) {
    FAIL("a worker has run %zu tasks, and may run %zu", tasks, model->options.max_tasks_per_worker);
  }
}

static void check_call(const struct order *order, const void *result, const pool_task_t *task) {
  struct pool_model *model = order->model;
  struct row *row = &ledger->rows[order->row];
  if (order->round != atomic_load(&ledger->round) || order->row >= MOST_ROWS || atomic_load(&model->freed)) {
    FAIL("task %u (%s) of round %u runs after the end of its pool", order->row, does_name(order->does), order->round);
  }
  atomic_store(&row->started_ms, now_ms());
  if (atomic_fetch_add(&row->starts, 1) != 0) {
    FAIL("task %u (%s) is run twice", order->row, does_name(order->does));
  }
  atomic_store(&row->ticket, atomic_fetch_add(&model->tickets, 1) + 1);
  atomic_store(&row->pid, getpid());
  if (model->processes) {
    CHECK(getpid() != world.host);
    count_here(model);
  } else {
    CHECK(getpid() == world.host);
  }
  if (!filled((const char *)order + sizeof *order, order->arg_size - sizeof *order, order->seed)) {
    FAIL("task %u (%s): the argument is wrong", order->row, does_name(order->does));
  }
  CHECK(task->context == order->context);
  CHECK(task->attempt == 1);
  CHECK(task->index == (order->item == 0 ? 0 : order->item - 1));
  CHECK((result == NULL) == (order->result_size == 0));
  if (order->item == 0) {
    const unsigned char *bytes = result;
    CHECK((uintptr_t)result % 16 == 0);
    for (size_t i = 0; i < order->result_size; i += 1 + order->result_size / 64) {
      CHECK(bytes[i] == 0);
    }
  }
}

static int32_t set_result(const struct order *order, pool_task_t *task) {
  unsigned char few[512], *bytes = order->detail <= sizeof few ? few : malloc(order->detail);
  CHECK(bytes != NULL);
  fill(bytes, order->detail, ~order->seed);
  int32_t status = pool_task_set_result(task, bytes, order->detail);
  if (bytes != few) {
    free(bytes);
  }
  if (status != POOL_OK) {
    FAIL("pool_task_set_result of %u bytes: %d (%s): %s", order->detail, status, pool_status_name(status),
         pool_last_error());
  }
  return 0;
}

static void listen(const struct order *order, pool_task_t *task) {
  struct row *row = &ledger->rows[order->row];
  long end = now_ms() + (long)order->detail;
  while (now_ms() <= end) {
    int32_t asked = pool_task_cancelled(task);
    CHECK(asked == 0 || asked == 1);
    if (asked) {
      if (!atomic_load(&row->asked) && !atomic_load(&order->model->terminating)) {
        FAIL("task %u was asked to stop by nobody", order->row);
      }
      atomic_store(&row->heard, 1);
      return;
    }
    sleep_us(200);
  }
}

static void block(const struct order *order, pool_task_t *task) {
  int32_t status = pool_blocking_begin(one_in(&(struct dice){order->seed}, 2) ? task : NULL);
  if (order->model->processes) {
    CHECK(status == POOL_ERR_UNSUPPORTED);
    return;
  }
  CHECK(status == POOL_OK || (status == POOL_ERR_FULL && order->model->options.max_blocked > 0));
  sleep_us(order->detail);
  if (order->seed % 3 != 0) { /* One that is left open ends with the task. */
    EXPECT(pool_blocking_end(task), status == POOL_OK ? POOL_OK : POOL_ERR_INVALID);
  }
}

static void crash(const struct order *order) {
  switch (order->detail) {
  case 0:
    raise(SIGSEGV);
    break;
  case 1:
    _exit(3);
  case 2:
    raise(SIGKILL);
    break;
  default:
    abort();
  }
}

static int32_t act(const struct order *order, void *result, pool_task_t *task) {
  char sentence[64];
  switch (order->does) {
  case REFUSE:
    snprintf(sentence, sizeof sentence, "refused %llx", (unsigned long long)order->seed);
    return pool_task_fail(task, (int32_t)order->detail, sentence);
  case RETURN_MINUS:
    return -7;
  case SET_RESULT:
    return set_result(order, task);
  case NAP:
    sleep_us(order->detail);
    break;
  case LISTEN:
    listen(order, task);
    break;
  case BLOCK:
    block(order, task);
    break;
  case FORK_JOIN:
    fork_and_join(order, task);
    break;
  case SPAWN:
    spawn(order, task);
    break;
  case NEST:
    nest(order, task);
    break;
  case CRASH:
    crash(order);
    break;
  default:
    break;
  }
  fill(result, order->result_size, ~order->seed);
  return 0;
}

int32_t work(const void *arg, void *result, pool_task_t *task) {
  const struct order *order = arg;
  struct pool_model *model = order->model;
  uint32_t starving = starve(0, 0);
  check_call(order, result, task);
  unsigned running = atomic_fetch_add(&model->running, 1) + 1;
  if (model->plain && !model->processes && running > atomic_load(&model->most_workers) &&
      model->options.when_full != POOL_FULL_RUN_INLINE) {
    FAIL("%u tasks run at a time in a pool of %u workers", running, model->workers);
  }
  int32_t status = act(order, result, task);
  atomic_fetch_sub(&model->running, 1);
  atomic_fetch_add(&ledger->rows[order->row].ends, 1);
  starve(starving, 0);
  return status;
}
