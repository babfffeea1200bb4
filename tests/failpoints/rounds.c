/* Rounds of tasks of all kinds, while processes of the pool die at chosen steps; every outcome is accounted for.
 *
 * `./rounds SECONDS DEATHS TASKS_PER_WORKER INITIALIZER ALLOW [SEED]` runs rounds, each with a pool of its own, until
 * the time is up and so many processes have died. MILLPOND_FAILPOINTS says where they die, and the file that
 * MILLPOND_FAILPOINTS_LOG names has a line for each death.
 * TASKS_PER_WORKER: max_tasks_per_worker; 0 for sometimes. INITIALIZER: 1 always, 0 sometimes.
 * ALLOW: what else than right may become of a task: "d" that its worker died, "l" that it met a crash loop after enough
 * deaths, "b" that the pool was broken; after the latter two the pool is refreshed. */
#define CHECK_OWN_MAIN
#include "account.h"

enum { THREADS = 4, WORKERS = 3, TASKS = 400, BATCH = 24, ITEMS = 64 };

/* ---- One task at a time ---- */

static void apply(size_t id) {
  struct arg arg = arg_of(id, 0);
  uint64_t result = 0;
  int32_t status = pool_apply(rounds.pool, answer, &arg, sizeof arg, &result, sizeof result);
  CHECK(result == (status == POOL_OK ? id * 3 + 1 : 0));
  accept(id, status, POOL_OK, pool_last_error());
}

static void refused(size_t id) {
  struct arg arg = arg_of(id, 0);
  char sentence[64];
  snprintf(sentence, sizeof sentence, "no %zu", id);
  int32_t status = pool_apply(rounds.pool, refuse, &arg, sizeof arg, NULL, 0);
  if (status == REFUSED) {
    CHECK_HAS(pool_last_error(), sentence);
  }
  accept(id, status, REFUSED, pool_last_error());
}

/* With an argument of `size` bytes and a result as large: in the place that the pool offers, or set by the task. */
static void at_length(size_t id, size_t size, bool set) {
  struct arg arg = arg_with_callback(id, size);
  unsigned char *bytes = malloc(sizeof arg + size);
  size_t result_size = set ? 0 : size;
  pool_fn fn = set ? answer_at_length : answer_in_place;
  pool_future_t *future = NULL;
  CHECK(bytes != NULL);
  memcpy(bytes, &arg, sizeof arg);
  fill(bytes + sizeof arg, size, id);
  int32_t status = pool_apply_async(rounds.pool, fn, bytes, sizeof arg + size, result_size, called, arg.row, &future);
  memset(bytes, 0, sizeof arg + size);
  if (status != POOL_OK) {
    not_accepted(id, status);
  } else {
    wait_for(future, id);
    size_t got = 0;
    const void *data = pool_future_data(future, &got);
    status = pool_future_status(future);
    CHECK(status != POOL_OK || (got == size && filled(data, size, ~(uint64_t)id)));
    accept(id, status, POOL_OK, pool_future_message(future));
    CHECK_OK(pool_future_release(future));
  }
  free(bytes);
}

/* ---- Many at once ---- */

static void batch(size_t first, size_t count) {
  pool_future_t *futures[BATCH] = {NULL};
  for (size_t i = 0; i < count; i++) {
    struct arg arg = arg_with_callback(first + i, 0);
    int32_t status = pool_apply_async(rounds.pool, answer, &arg, sizeof arg, 8, called, arg.row, &futures[i]);
    if (status != POOL_OK) {
      not_accepted(first + i, status);
      futures[i] = NULL;
    }
  }
  for (size_t i = 0; i < count; i++) {
    if (futures[i] != NULL) {
      uint64_t result = 0;
      wait_for(futures[i], first + i);
      int32_t status = pool_future_get(futures[i], &result, sizeof result, 0);
      CHECK(result == (status == POOL_OK ? (first + i) * 3 + 1 : 0));
      accept(first + i, status, POOL_OK, pool_future_message(futures[i]));
      CHECK_OK(pool_future_release(futures[i]));
    }
  }
}

/* Nobody waits: the callback is all there is. */
static void fire_and_forget(size_t first, size_t count) {
  for (size_t id = first; id < first + count; id++) {
    struct arg arg = arg_with_callback(id, 0);
    int32_t status = pool_apply_async(rounds.pool, answer, &arg, sizeof arg, 8, called_alone, arg.row, NULL);
    if (status != POOL_OK) {
      not_accepted(id, status);
    }
  }
  for (size_t id = first; id < first + count; id++) {
    EVENTUALLY(atomic_load(&rounds.table->rows[id].outcomes) == 1);
  }
}

/* In private or in shared arrays, with or without statuses; every item is a task of its own. */
static void map(size_t first, size_t count, bool in_place, bool with_statuses) {
  pool_call_t call = POOL_CALL_INIT;
  struct arg *args = in_place ? shared(rounds.pool, count * sizeof *args) : calloc(count, sizeof *args);
  uint64_t *results = in_place ? shared(rounds.pool, count * sizeof *results) : calloc(count, sizeof *results);
  int32_t statuses[ITEMS];
  CHECK(args != NULL && results != NULL);
  for (size_t i = 0; i < count; i++) {
    args[i] = arg_of(first + i, 0);
    statuses[i] = -99;
  }
  call.fn = answer;
  call.arg_size = sizeof *args;
  call.result_size = sizeof *results;
  int32_t status = pool_map_with(rounds.pool, &call, args, results, with_statuses ? statuses : NULL, count);
  for (size_t i = 0; i < count; i++) {
    if (!with_statuses) {
      accept_item_of(first + i, status, pool_last_error());
    } else {
      /* Refused as a whole: no item has a status. */
      int32_t of_item = status != POOL_OK && statuses[i] == -99 ? status : statuses[i];
      accept(first + i, of_item, POOL_OK, "an item of a map");
      status = of_item == POOL_OK ? status : POOL_OK;
      statuses[i] = of_item;
    }
    CHECK((with_statuses ? statuses[i] : status) != POOL_OK || results[i] == (first + i) * 3 + 1);
  }
  if (!with_statuses && status != POOL_OK) {
    count_failure(status);
    mend_after(status);
  }
  if (in_place) {
    CHECK_OK(pool_shared_free(rounds.pool, args));
    CHECK_OK(pool_shared_free(rounds.pool, results));
  } else {
    free(args);
    free(results);
  }
}

/* ---- Rounds ---- */

static void *have_tasks_run(void *data) {
  uint64_t random = *(const uint64_t *)data;
  for (;;) {
    uint32_t kind = next_random(&random, 12);
    bool many = kind >= 5 && kind <= 10;
    size_t count = !many ? 1 : 1 + next_random(&random, kind <= 6 ? BATCH : ITEMS);
    size_t size = next_random(&random, 4) == 0 ? 1 << 20 : 9 + next_random(&random, 20000);
    size_t first = atomic_fetch_add(&rounds.next, count);
    if (first >= TASKS) {
      return NULL;
    }
    count = count < TASKS - first ? count : TASKS - first;
    if (kind == 5) {
      batch(first, count);
    } else if (kind == 6) {
      fire_and_forget(first, count);
    } else if (many) {
      map(first, count, kind % 2 == 0, kind < 9);
    } else if (kind <= 1 || kind == 11) {
      at_length(first, size, kind != 0);
    } else if (kind == 2) {
      refused(first);
    } else {
      apply(first);
    }
  }
}

static pool_options_t options_of(uint64_t seed, size_t per_worker, bool initializer) {
  pool_options_t options = processes(1 + (uint32_t)(seed % WORKERS));
  options.spare_workers = (uint32_t)(seed / 2 % 3);
  options.callbacks = (int32_t)(seed % 2);
  options.max_tasks_per_worker = per_worker ? per_worker : seed % 3 == 0 ? 20 : 0;
  options.stderr_tail_bytes = seed % 7 == 3 ? 4096 : 0;
  options.task_timeout_ms = seed % 5 == 4 ? 600000 : 0;
  options.stack_size = seed % 11 == 6 ? 1 << 20 : 0;
  if (initializer || seed % 4 == 1) {
    options.initializer = prepare;
  }
  return options;
}

static void round_of_tasks(uint64_t seed, const pool_options_t *options) {
  struct world world = world_now();
  pthread_t threads[THREADS];
  uint64_t seeds[THREADS];
  size_t count = 1 + seed / 3 % THREADS;
  begin(options, TASKS);
  for (size_t i = 0; i < count; i++) {
    seeds[i] = (seed * 1000 + i) * 0x9e3779b97f4a7c15u;
    threads[i] = check_thread(have_tasks_run, &seeds[i]);
  }
  for (size_t i = 0; i < count; i++) {
    pthread_join(threads[i], NULL);
  }
  becomes_complete();
  CHECK_OK(pool_close(rounds.pool));
  CHECK_OK(pool_join(rounds.pool, -1));
  take_stock(TASKS);
  close_and_leave_nothing(rounds.pool, &world);
  CHECK_EQ(munmap(world.mark, 4096), 0);
}

int main(int argc, char **argv) {
  CHECK(argc > 5);
  int64_t start = now_ms(), end = start + (int64_t)(atof(argv[1]) * 1000);
  size_t least = (size_t)atol(argv[2]), per_worker = (size_t)atol(argv[3]), count = 0;
  bool initializer = atoi(argv[4]) != 0;
  uint64_t seed = argc > 6 ? strtoull(argv[6], NULL, 10) : (uint64_t)time(NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  check_name = "rounds";
  rounds.allow = argv[5];
  printf("seed %llu\n", (unsigned long long)seed);
  while (now_ms() < end || (deaths() < least && now_ms() < end + 150000)) {
    pool_options_t options = options_of(seed + count, per_worker, initializer);
    alarm(90);
    round_of_tasks(seed + count++, &options);
  }
  size_t died = deaths(), failed = atomic_load(&rounds.failed);
  printf("%zu rounds of %d tasks in %.1f s: %zu deaths, %zu of them cost a task; %zu refreshes\n", count, TASKS,
         (double)(now_ms() - start) / 1000, died, failed, (size_t)atomic_load(&rounds.refreshes));
  CHECK(died >= least);
  CHECK(failed <= died);
  CHECK(!may('d') || failed > 0);
  printf("ok rounds\n");
  return 0;
}
