/* Chaos: threads of the host have tasks of all kinds run, while a saboteur kills workers; every result is accounted for.
 *
 * `./chaos TASKS [MINUTES] [SEED]` runs rounds of so many tasks until the time is up, one at least.
 *
 * Each task has a number, and a row in a table that all processes share, where it notes that it starts. A task is right,
 * or its worker died; it never starts twice, is never lost, and calls back once. */
#define CHECK_OWN_MAIN
#include "procs.h"

enum { THREADS = 6, WORKERS = 3, LARGEST = 400000, ITEMS = 60, MOST = 2000000 };

/* A row of the table: how often the task has started, and how often its callback was called. */
struct row {
  atomic_uchar starts, callbacks;
};

struct table {
  struct row rows[MOST];
};

struct arg {
  struct row *row;
  uint64_t id;
  uint64_t size; /* of the argument and of the result */
};

static struct {
  pool_t *pool;
  struct table *table;
  size_t tasks;
  atomic_size_t next; /* the number of the next task */
  atomic_size_t right, died, items_died, kills;
  atomic_int stop;
} chaos;

static uint32_t next_random(uint64_t *state, uint32_t below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33) % below;
}

static void work(uint64_t id) {
  uint64_t random = id;
  uint32_t turns = next_random(&random, 8) == 0 ? next_random(&random, 16000000) : next_random(&random, 100000);
  for (volatile uint32_t i = 0; i < turns; i = i + 1) {
  }
}

/* Of a fixed size. */
static int32_t answer(const void *given, void *result, pool_task_t *task) {
  const struct arg *arg = given;
  (void)task;
  atomic_fetch_add(&arg->row->starts, 1);
  work(arg->id);
  *(uint64_t *)result = arg->id * 3 + 1;
  return 0;
}

/* A large argument, and a result as large, set by the task. */
static int32_t answer_at_length(const void *given, void *result, pool_task_t *task) {
  static unsigned char bytes[LARGEST];
  const struct arg *arg = given;
  (void)result;
  atomic_fetch_add(&arg->row->starts, 1);
  if (!filled((const char *)given + sizeof *arg, arg->size, arg->id)) {
    return pool_task_fail(task, 91, "the argument is wrong");
  }
  fill(bytes, arg->size, ~arg->id);
  work(arg->id);
  return pool_task_set_result(task, bytes, arg->size);
}

static void accept(size_t id, int32_t status, const char *message) {
  int starts = atomic_load(&chaos.table->rows[id].starts);
  if (status == POOL_OK && starts == 1) {
    atomic_fetch_add(&chaos.right, 1);
  } else if (status == POOL_ERR_WORKER_DIED && starts <= 1) {
    atomic_fetch_add(&chaos.died, 1);
    CHECK_HAS(message, "SIGKILL");
  } else {
    FAIL("task %zu has started %d times and its status is %d (%s): %s", id, starts, status, pool_status_name(status),
         message);
  }
}

static struct arg arg_of(size_t id, size_t size) {
  return (struct arg){&chaos.table->rows[id], id, size};
}

static void apply(size_t id) {
  struct arg arg = arg_of(id, 0);
  uint64_t result = 0;
  int32_t status = pool_apply(chaos.pool, answer, &arg, sizeof arg, &result, sizeof result);
  CHECK(result == (status == POOL_OK ? id * 3 + 1 : 0));
  accept(id, status, status == POOL_OK ? "" : pool_last_error());
}

static void called(const pool_result_t *outcome, void *user_data) {
  struct row *row = user_data;
  size_t id = (size_t)(row - chaos.table->rows);
  if (atomic_fetch_add(&row->callbacks, 1) != 0) {
    FAIL("the callback of task %zu was called twice", id);
  }
  if (outcome->status == POOL_OK && outcome->size == sizeof id) {
    CHECK(*(const uint64_t *)outcome->data == id * 3 + 1);
  }
}

/* Some at once, each with a callback, which may come after the future is ready. */
static void apply_async(size_t first, size_t count) {
  pool_future_t *futures[64];
  for (size_t i = 0; i < count; i++) {
    struct arg arg = arg_of(first + i, 0);
    CHECK_OK(pool_apply_async(chaos.pool, answer, &arg, sizeof arg, sizeof(uint64_t), called, arg.row, &futures[i]));
  }
  for (size_t i = 0; i < count; i++) {
    uint64_t result = 0;
    int32_t status = pool_future_get(futures[i], &result, sizeof result, (first + i) % 2 ? -1 : 600000);
    CHECK(result == (status == POOL_OK ? (first + i) * 3 + 1 : 0));
    accept(first + i, status, pool_future_message(futures[i]));
    CHECK_OK(pool_future_release(futures[i]));
  }
}

static void at_length(size_t id, uint64_t *random) {
  struct arg arg = arg_of(id, 9 + next_random(random, LARGEST - 9));
  unsigned char *bytes = malloc(sizeof arg + arg.size);
  pool_future_t *future = NULL;
  CHECK(bytes != NULL);
  memcpy(bytes, &arg, sizeof arg);
  fill(bytes + sizeof arg, arg.size, id);
  CHECK_OK(pool_apply_async(chaos.pool, answer_at_length, bytes, sizeof arg + arg.size, 0, called, arg.row, &future));
  memset(bytes, 0, sizeof arg + arg.size);
  CHECK_OK(pool_future_wait(future, -1));
  size_t size = 0;
  const void *data = pool_future_data(future, &size);
  int32_t status = pool_future_status(future);
  CHECK(status != POOL_OK || (size == arg.size && filled(data, size, ~(uint64_t)id)));
  accept(id, status, pool_future_message(future));
  CHECK_OK(pool_future_release(future));
  free(bytes);
}

/* In private or in shared arrays; every item is a task of its own. */
static void map(size_t first, size_t count, bool in_place) {
  pool_call_t call = POOL_CALL_INIT;
  struct arg *args = in_place ? shared(chaos.pool, count * sizeof *args) : calloc(count, sizeof *args);
  uint64_t *results = in_place ? shared(chaos.pool, count * sizeof *results) : calloc(count, sizeof *results);
  int32_t statuses[ITEMS];
  CHECK(args != NULL && results != NULL);
  for (size_t i = 0; i < count; i++) {
    args[i] = arg_of(first + i, 0);
  }
  call.fn = answer;
  call.arg_size = sizeof *args;
  call.result_size = sizeof *results;
  CHECK_OK(pool_map_with(chaos.pool, &call, args, results, statuses, count));
  for (size_t i = 0; i < count; i++) {
    CHECK(statuses[i] != POOL_OK || results[i] == (first + i) * 3 + 1);
    atomic_fetch_add(&chaos.items_died, statuses[i] != POOL_OK);
    accept(first + i, statuses[i], "SIGKILL");
  }
  if (in_place) {
    CHECK_OK(pool_shared_free(chaos.pool, args));
    CHECK_OK(pool_shared_free(chaos.pool, results));
  } else {
    free(args);
    free(results);
  }
}

static void *have_tasks_run(void *data) {
  uint64_t random = *(const uint64_t *)data;
  for (;;) {
    uint32_t kind = next_random(&random, 5);
    size_t count = kind == 1 ? 1 + next_random(&random, 64) : kind >= 3 ? 1 + next_random(&random, ITEMS) : 1;
    size_t first = atomic_fetch_add(&chaos.next, count);
    if (first >= chaos.tasks) {
      return NULL;
    }
    count = count < chaos.tasks - first ? count : chaos.tasks - first;
    if (kind == 0) {
      apply(first);
    } else if (kind == 1) {
      apply_async(first, count);
    } else if (kind == 2) {
      at_length(first, &random);
    } else {
      map(first, count, kind == 4);
    }
  }
}

static void *sabotage(void *data) {
  uint64_t random = *(const uint64_t *)data;
  while (!atomic_load(&chaos.stop)) {
    pid_t pid = pool_worker_pid(chaos.pool, next_random(&random, WORKERS));
    if (pid > 0 && kill(pid, SIGKILL) == 0) {
      atomic_fetch_add(&chaos.kills, 1);
    }
    sleep_ms(10 + (int)next_random(&random, 80));
  }
  return NULL;
}

static void round_of_tasks(uint64_t seed) {
  struct world world = world_now();
  pthread_t threads[THREADS], saboteur;
  uint64_t seeds[THREADS + 1];
  size_t size = sizeof(struct row) * chaos.tasks;
  pool_options_t options = processes(WORKERS);
  options.spare_workers = (uint32_t)(seed % 3);
  options.callbacks = (int32_t)(seed % 2);
  chaos.table = common(size);
  world.mappings++;
  chaos.pool = new_pool_with(&options);
  atomic_store(&chaos.next, 0);
  atomic_store(&chaos.stop, 0);
  atomic_store(&chaos.right, 0);
  atomic_store(&chaos.died, 0);
  atomic_store(&chaos.items_died, 0);
  atomic_store(&chaos.kills, 0);
  int64_t start = now_ms();
  for (size_t i = 0; i <= THREADS; i++) {
    seeds[i] = (seed * 1000 + i) * 0x9e3779b97f4a7c15u;
  }
  saboteur = check_thread(sabotage, &seeds[THREADS]);
  for (size_t i = 0; i < THREADS; i++) {
    threads[i] = check_thread(have_tasks_run, &seeds[i]);
  }
  for (size_t i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  atomic_store(&chaos.stop, 1);
  pthread_join(saboteur, NULL);
  pool_works(chaos.pool);
  pool_is_complete(chaos.pool);
  close_and_leave_nothing(chaos.pool, &world);
  size_t callbacks = 0;
  for (size_t id = 0; id < chaos.tasks; id++) {
    callbacks += atomic_load(&chaos.table->rows[id].callbacks);
    CHECK(atomic_load(&chaos.table->rows[id].starts) <= 1);
  }
  size_t right = atomic_load(&chaos.right), died = atomic_load(&chaos.died), kills = atomic_load(&chaos.kills);
  printf("%zu tasks in %.1f s: %zu right, %zu died (%zu of them items of maps), %zu callbacks; %zu kills; seed %llu\n",
         chaos.tasks, (double)(now_ms() - start) / 1000, right, died, (size_t)atomic_load(&chaos.items_died), callbacks,
         kills, (unsigned long long)seed);
  CHECK_EQ(right + died, chaos.tasks);
  CHECK(kills > 0);
  if (died > kills) {
    FAIL("%zu tasks died of %zu kills", died, kills);
  }
  CHECK_EQ(munmap(chaos.table, size), 0);
  CHECK_EQ(munmap(world.mark, 4096), 0);
}

int main(int argc, char **argv) {
  long tasks = argc > 1 ? atol(argv[1]) : 100000;
  double minutes = argc > 2 ? atof(argv[2]) : 0;
  uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t)time(NULL);
  int64_t end = now_ms() + (int64_t)(minutes * 60000);
  setvbuf(stdout, NULL, _IOLBF, 0);
  check_name = "chaos";
  chaos.tasks = tasks < 1 ? 1 : tasks > MOST ? MOST : (size_t)tasks;
  do {
    alarm(check_timeout * 10);
    round_of_tasks(seed++);
  } while (now_ms() < end);
  printf("ok chaos\n");
  return 0;
}
