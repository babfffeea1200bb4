/* Pools: creation, the number of workers, the default pool, threads only when needed, an idle pool. */
#include "tasks.h"

#include <sched.h>

/* How many tasks a pool runs at once: more than `expected` are handed in, and all hold on to their worker. */
struct crowd {
  atomic_int inside;
  struct gate go;
};

static int32_t stand_inside(const void *arg, void *result, pool_task_t *task) {
  struct crowd *crowd = (struct crowd *)(uintptr_t)arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&crowd->inside, 1);
  gate_wait(&crowd->go);
  return 0;
}

static int at_once(pool_t *pool, int expected) {
  struct crowd crowd = {0, GATE_INIT};
  for (int i = 0; i < expected + 5; i++) {
    CHECK_OK(pool_apply_async(pool, stand_inside, &crowd, 0, 0, NULL, NULL, NULL));
  }
  EVENTUALLY(atomic_load(&crowd.inside) >= expected);
  sleep_ms(100);
  int inside = atomic_load(&crowd.inside);
  gate_open(&crowd.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&crowd.inside), expected + 5);
  return inside;
}

CASE(create_use_and_free) {
  pool_t *pool = new_pool(2);
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply(pool, twice, &arg, sizeof arg, &result, sizeof result));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_close_join(pool));
}

CASE(as_many_tasks_at_once_as_workers) {
  static const int workers[] = {1, 2, 3, 8, 40};
  for (size_t i = 0; i < COUNT_OF(workers); i++) {
    CHECK_EQ(at_once(new_pool((uint32_t)workers[i]), workers[i]), workers[i]);
  }
}

CASE(create_with_has_as_many_workers) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 3;
  CHECK_EQ(at_once(new_pool_with(&options), 3), 3);
}

CASE(zero_workers_follow_the_affinity_mask) {
  cpu_set_t all, one;
  unsetenv("MILLPOND_NUM_WORKERS");
  CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  int first = 0;
  while (!CPU_ISSET(first, &all)) {
    first++;
  }
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  CHECK_EQ(at_once(new_pool(0), 1), 1);
}

CASE(zero_workers_are_no_more_than_the_cpus) {
  cpu_set_t all;
  unsetenv("MILLPOND_NUM_WORKERS");
  CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  int inside = at_once(new_pool(0), 1);
  CHECK(inside >= 1);
  CHECK(inside <= CPU_COUNT(&all));
}

CASE(environment_sets_the_number_of_workers) {
  setenv("MILLPOND_NUM_WORKERS", "5", 1);
  CHECK_EQ(at_once(new_pool(0), 5), 5);
}

CASE(an_explicit_number_beats_the_environment) {
  setenv("MILLPOND_NUM_WORKERS", "5", 1);
  CHECK_EQ(at_once(new_pool(2), 2), 2);
}

/* Nonsense in the environment is no crash and no hang, and where a pool comes of it, it works. */
CASE(nonsense_in_the_environment) {
  static const char *values[] = {"", "0", "-1", "abc", "3x", " 2 ", "99999999999999999999", "4097", "1e3", "\xff"};
  for (size_t i = 0; i < COUNT_OF(values); i++) {
    setenv("MILLPOND_NUM_WORKERS", values[i], 1);
    pool_t *pool = pool_create(0);
    if (pool == NULL) {
      CHECK(strlen(pool_last_error()) > 3);
      continue;
    }
    int64_t arg = 4, result = 0;
    CHECK_OK(pool_apply(pool, twice, &arg, sizeof arg, &result, sizeof result));
    CHECK_EQ(result, 8);
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(too_many_workers) {
  CHECK(pool_create(POOL_MAX_WORKERS + 1) == NULL);
  CHECK(strlen(pool_last_error()) > 3);
  CHECK(pool_create(UINT32_MAX) == NULL);
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = POOL_MAX_WORKERS + 1;
  pool_t *pool = (pool_t *)&options;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
  CHECK(pool == (pool_t *)&options);
}

CASE(the_most_workers_are_allowed) {
  pool_t *pool = new_pool(POOL_MAX_WORKERS);
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply(pool, twice, &arg, sizeof arg, &result, sizeof result));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_close_join(pool));
}

static void *use_default(void *data) {
  struct gate *start = data;
  gate_wait(start);
  pool_t *pool = pool_default();
  CHECK(pool != NULL);
  int64_t arg = 5, result = 0;
  CHECK_OK(pool_apply(pool, twice, &arg, sizeof arg, &result, sizeof result));
  CHECK_EQ(result, 10);
  return pool;
}

CASE(default_is_one_for_all_threads) {
  struct gate start = GATE_INIT;
  pthread_t threads[8];
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(use_default, &start);
  }
  gate_open(&start);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    void *pool = NULL;
    pthread_join(threads[i], &pool);
    CHECK(pool == (void *)pool_default());
  }
}

CASE(default_cannot_be_closed) {
  pool_t *pool = pool_default();
  CHECK_ERROR(pool_close(pool), POOL_ERR_INVALID);
  CHECK_ERROR(pool_terminate(pool), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join(pool, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join(pool, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_INVALID);
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply(pool, twice, &arg, sizeof arg, &result, sizeof result));
  CHECK_EQ(result, 42);
}

CASE(no_thread_before_the_first_task) {
  int before = threads_now();
  pool_t *pool = new_pool(4);
  CHECK_EQ(threads_now(), before);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(threads_now(), before);
}

CASE(no_thread_is_left_behind) {
  int before = threads_now();
  for (int i = 0; i < 20; i++) {
    pool_t *pool = new_pool(4);
    atomic_int count = 0;
    for (int task = 0; task < 100; task++) {
      CHECK_OK(pool_apply_async(pool, increment, &count, 0, 0, NULL, NULL, NULL));
    }
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(atomic_load(&count), 100);
  }
  threads_go_back_to(before);
}

/* Context switches and CPU time of every thread but this one. */
static long long cost_of_other_threads(void) {
  long long sum = 0;
  DIR *folder = opendir("/proc/self/task");
  CHECK(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char path[300], line[300];
    if (entry->d_name[0] == '.' || atoi(entry->d_name) == gettid()) {
      continue;
    }
    snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
      long long switches = 0;
      if (sscanf(line, "voluntary_ctxt_switches: %lld", &switches) == 1 ||
          sscanf(line, "nonvoluntary_ctxt_switches: %lld", &switches) == 1) {
        sum += switches;
      }
    }
    if (file != NULL) {
      fclose(file);
    }
    snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", entry->d_name);
    file = fopen(path, "r");
    long long nanoseconds = 0;
    if (file != NULL && fscanf(file, "%lld", &nanoseconds) == 1) {
      sum += nanoseconds;
    }
    if (file != NULL) {
      fclose(file);
    }
  }
  closedir(folder);
  return sum;
}

/* Workers may take a moment to fall asleep, so some second soon after the work must be free of any cost. */
CASE(idle_pool_costs_nothing) {
  check_skip_under_tools("the tool's own scheduling would be counted");
  pool_t *pool = new_pool(4);
  atomic_int count = 0;
  for (int i = 0; i < 1000; i++) {
    CHECK_OK(pool_apply_async(pool, increment, &count, 0, 0, NULL, NULL, NULL));
  }
  EVENTUALLY(atomic_load(&count) == 1000);
  CHECK(threads_now() > 1);
  long long cost = 1;
  for (int tries = 0; tries < 10 && cost != 0; tries++) {
    long long before = cost_of_other_threads();
    sleep_ms(1000);
    cost = cost_of_other_threads() - before;
  }
  CHECK_EQ(cost, 0);
  CHECK_OK(pool_close_join(pool));
}

CASE(many_pools_at_once) {
  enum { POOLS = 50 };
  pool_t *pools[POOLS];
  atomic_int count = 0;
  for (int i = 0; i < POOLS; i++) {
    pools[i] = new_pool(2);
  }
  for (int i = 0; i < POOLS * 20; i++) {
    CHECK_OK(pool_apply_async(pools[i % POOLS], increment, &count, 0, 0, NULL, NULL, NULL));
  }
  for (int i = 0; i < POOLS; i++) {
    CHECK_OK(pool_close_join(pools[i]));
  }
  CHECK_EQ(atomic_load(&count), POOLS * 20);
}

CASE(unused_pools_come_and_go) {
  for (size_t i = 0; i < scaled(5000); i++) {
    CHECK_OK(pool_close_join(new_pool((uint32_t)(i % 5))));
  }
}
