/* Options of pools of processes that limit, place and name workers; each case fails when its option does nothing. */
#include "procs.h"

/* ---- Threads have none of them ---- */

static int32_t fork_plainly(void *worker_data) {
  (void)worker_data;
  return (int32_t)fork();
}

static void reseed_nothing(uint64_t seed, void *worker_data, uint32_t worker) {
  (void)seed;
  (void)worker_data;
  (void)worker;
}

CASE(threads_have_none_of_them) {
  for (int which = 0; which < 12; which++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    pool_t *pool = NULL;
    options.workers = 1;
    options.task_timeout_ms = which == 0 ? 60000 : 0;
    options.task_cpu_seconds = which == 1 ? 60 : 0;
    options.nice = which == 2 ? 1 : 0;
    options.memory_limit_bytes = which == 3 ? (size_t)1 << 30 : 0;
    options.max_tasks_per_worker = which == 4 ? 10 : 0;
    options.max_rss_bytes = which == 5 ? (size_t)1 << 30 : 0;
    options.spare_workers = which == 6 ? 1 : 0;
    options.oom_score_adj = which == 7 ? 1 : 0;
    options.core_dumps = which == 8 ? 1 : 0;
    options.stderr_tail_bytes = which == 9 ? 100 : 0;
    options.fork_fn = which == 10 ? fork_plainly : NULL;
    options.reseed = which == 11 ? reseed_nothing : NULL;
    CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_UNSUPPORTED);
    CHECK(pool == NULL);
    options.mode = POOL_PROCESSES;
    CHECK_OK(pool_create_with(&options, &pool));
    pool_works(pool);
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(values_out_of_range) {
  for (int which = 0; which < 12; which++) {
    pool_options_t options = processes(1);
    pool_t *pool = NULL;
    options.task_timeout_ms = which == 0 ? -1 : which == 1 ? INT64_MIN : 0;
    options.nice = which == 2 ? -1 : which == 3 ? 20 : 0;
    options.oom_score_adj = which == 4 ? -1 : which == 5 ? 1001 : 0;
    options.pin_workers = which == 6 ? 2 : which == 7 ? -1 : 0;
    options.core_dumps = which == 8 ? 2 : which == 9 ? -1 : 0;
    options.workers = which == 10 ? POOL_MAX_WORKERS + 1 : 1;
    options.stack_size = which == 11 ? 1000 : 0;
    CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
    CHECK(pool == NULL);
  }
}

/* ---- Time ---- */

enum { SLEEPS = 1, SPINS, STOPS };

static int32_t twice_or_stay(const void *arg, void *result, pool_task_t *task) {
  int64_t number = *(const int64_t *)arg;
  volatile int64_t count = 0;
  if (number == -SLEEPS) {
    signal(SIGTERM, SIG_IGN);
    sleep_ms(1000000);
  }
  while (number == -SPINS && count >= 0) {
    count = count + 1;
  }
  if (number == -STOPS) {
    raise(SIGSTOP);
  }
  return twice(arg, result, task);
}

CASE(task_timeout_ms) {
  struct world world = world_now();
  pool_options_t options = processes(2);
  options.task_timeout_ms = 300;
  pool_t *pool = new_pool_with(&options);
  for (int64_t how = -STOPS; how < 0; how++) {
    struct tally tally = {0, 1};
    int64_t result = 0;
    pool_future_t *futures[21];
    for (int64_t i = 0; i < 21; i++) {
      int64_t arg = i == 10 ? how : i;
      CHECK_OK(pool_apply_async(pool, twice_or_stay, &arg, 8, 8, count_call, &tally, &futures[i]));
    }
    for (int64_t i = 0; i < 21; i++) {
      CHECK_FUTURE(futures[i], i == 10 ? POOL_ERR_TIME_LIMIT : POOL_OK);
      CHECK((strlen(pool_future_message(futures[i])) > 3) == (i == 10));
      CHECK_OK(pool_future_release(futures[i]));
    }
    CHECK_ERROR(pool_apply(pool, twice_or_stay, &how, 8, &result, 8), POOL_ERR_TIME_LIMIT);
    pool_works(pool);
    EVENTUALLY(atomic_load(&tally.calls) == 21);
  }
  pool_is_complete(pool);
  close_and_leave_nothing(pool, &world);
}

static void map_with_one_that_stays(pool_t *pool, int64_t how) {
  static int64_t args[300], results[300];
  static int32_t statuses[300];
  pool_call_t call = POOL_CALL_INIT;
  call.fn = twice_or_stay;
  call.arg_size = call.result_size = 8;
  for (int64_t i = 0; i < 300; i++) {
    args[i] = i == 77 ? how : i;
  }
  CHECK_OK(pool_map_with(pool, &call, args, results, statuses, 300));
  for (int64_t i = 0; i < 300; i++) {
    CHECK_STATUS(statuses[i], i == 77 ? POOL_ERR_TIME_LIMIT : POOL_OK);
    CHECK(i == 77 || results[i] == i * 2);
  }
  CHECK_ERROR(pool_map(pool, twice_or_stay, args, 8, results, 8, 300), POOL_ERR_TIME_LIMIT);
  CHECK_HAS(pool_last_error(), "77");
}

static int32_t sleep_a_while(const void *arg, void *result, pool_task_t *task) {
  sleep_ms(20);
  return twice(arg, result, task);
}

/* The limit is each item's own: all of them together take longer. */
CASE(task_timeout_ms_of_items) {
  static int64_t args[100], results[100];
  pool_options_t options = processes(2);
  options.task_timeout_ms = 500;
  pool_t *pool = new_pool_with(&options);
  map_with_one_that_stays(pool, -SLEEPS);
  CHECK_OK(pool_map(pool, sleep_a_while, args, 8, results, 8, 100));
  CHECK_OK(pool_close_join(pool));
}

static double cpu_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int32_t spin_a_while(const void *arg, void *result, pool_task_t *task) {
  for (double start = cpu_now(); cpu_now() - start < 0.4;) {
  }
  return twice(arg, result, task);
}

static int32_t sleep_long(const void *arg, void *result, pool_task_t *task) {
  sleep_ms(1800);
  return twice(arg, result, task);
}

/* The limit is each task's own, and sleeping costs nothing. */
CASE(task_cpu_seconds) {
  static int64_t args[8], results[8];
  struct world world = world_now();
  pool_options_t options = processes(1);
  options.task_cpu_seconds = 1;
  pool_t *pool = new_pool_with(&options);
  int64_t arg = -SPINS, result = 0;
  CHECK_ERROR(pool_apply(pool, twice_or_stay, &arg, 8, &result, 8), POOL_ERR_TIME_LIMIT);
  CHECK_OK(pool_map(pool, spin_a_while, args, 8, results, 8, 8));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_apply(pool, spin_a_while, args, 8, results, 8));
  }
  CHECK_OK(pool_apply(pool, sleep_long, args, 8, results, 8));
  map_with_one_that_stays(pool, -SPINS);
  close_and_leave_nothing(pool, &world);
}

/* ---- Replacing workers ---- */

CASE(max_tasks_per_worker) {
  struct world world = world_now();
  pool_options_t options = processes(1);
  options.max_tasks_per_worker = 3;
  pool_t *pool = new_pool_with(&options);
  int32_t pids[30] = {0};
  for (int i = 0; i < 30; i++) {
    pids[i] = pid_of_a_worker(pool);
    CHECK_EQ(i % 3 != 0 && i > 0, i > 0 && pids[i] == pids[i - 1]);
  }
  int32_t items[100];
  CHECK_OK(pool_map(pool, tell_pid, NULL, 0, items, sizeof items[0], 100));
  for (int i = 0; i < 100; i++) {
    int same = 0;
    for (int j = 0; j < 100; j++) {
      same += items[j] == items[i];
    }
    CHECK(same <= 3);
  }
  close_and_leave_nothing(pool, &world);
}

/* Fails with the number of items that its process has run. */
static int32_t fail_with_count(const void *arg, void *result, pool_task_t *task) {
  static int32_t run;
  (void)arg;
  (void)result;
  return pool_task_fail(task, ++run, NULL);
}

CASE(max_tasks_per_worker_counts_items_that_fail) {
  struct world world = world_now();
  pool_options_t options = processes(1);
  options.max_tasks_per_worker = 3;
  pool_t *pool = new_pool_with(&options);
  for (int32_t i = 0; i < 9; i++) {
    CHECK_STATUS(pool_map(pool, fail_with_count, NULL, 0, NULL, 0, 1), i % 3 + 1);
  }
  close_and_leave_nothing(pool, &world);
}

static int32_t grow(const void *arg, void *result, pool_task_t *task) {
  size_t size = *(const size_t *)arg;
  static char *volatile grown; /* and never freed */
  grown = malloc(size);
  CHECK(grown != NULL);
  memset(grown, 1, size);
  return tell_pid(NULL, result, task);
}

/* A worker that has grown goes, one that has not stays. */
CASE(max_rss_bytes) {
  struct world world = world_now();
  pool_options_t options = processes(1);
  options.max_rss_bytes = (size_t)200 << 20;
  pool_t *pool = new_pool_with(&options);
  size_t little = 1000, much = (size_t)300 << 20;
  int32_t pid = 0, before = pid_of_a_worker(pool);
  for (int i = 0; i < 5; i++) {
    for (int j = 0; j < 20; j++) {
      CHECK_OK(pool_apply(pool, grow, &little, sizeof little, &pid, sizeof pid));
      CHECK_EQ(pid, before);
    }
    CHECK_OK(pool_apply(pool, grow, &much, sizeof much, &pid, sizeof pid));
    CHECK_EQ(pid, before);
    before = pid_of_a_worker(pool);
    CHECK(before != pid);
  }
  close_and_leave_nothing(pool, &world);
}

static int32_t leave(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  _exit(3);
}

CASE(spare_workers) {
  struct world world = world_now();
  pool_options_t options = processes(1);
  options.spare_workers = 2;
  pool_t *pool = new_pool_with(&options);
  int known = 0;
  for (int round = 0; round < 20; round++) {
    pid_t pids[3];
    for (uint32_t i = 0; i < 3; i++) {
      pids[i] = worker_process(pool, i);
    }
    EVENTUALLY(family(&world) == 4);
    CHECK_ERROR(pool_apply(pool, leave, NULL, 0, NULL, 0), POOL_ERR_WORKER_DIED);
    pid_t next = pid_of_a_worker(pool);
    known += next == pids[0] || next == pids[1] || next == pids[2];
  }
  CHECK_ERROR(pool_worker_pid(pool, 3), POOL_ERR_INVALID);
  CHECK(known > 0);
  close_and_leave_nothing(pool, &world);
}

/* However many are kept ready, no more than `workers` tasks run at a time. */
CASE(spare_workers_run_nothing_beside_the_others) {
  pool_options_t options = processes(2);
  options.spare_workers = 3;
  pool_t *pool = new_pool_with(&options);
  struct hold *hold = shared(pool, sizeof *hold);
  pool_future_t *futures[6];
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    CHECK_OK(pool_apply_async(pool, hold_on, hold, 0, 0, NULL, NULL, &futures[i]));
  }
  EVENTUALLY(atomic_load(&hold->running) == 2);
  sleep_ms(50);
  CHECK_EQ(atomic_load(&hold->running), 2);
  atomic_store(&hold->go, 1);
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    CHECK_FUTURE(futures[i], POOL_OK);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
}
