/* Options of pools of processes that say how workers run: priority, memory, processors, names, stacks, core dumps. */
#include "procs.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* A number from a file of /proc. */
static long number_in(const char *path) {
  char text[64] = "";
  FILE *file = fopen(path, "re");
  CHECK(file != NULL);
  CHECK(fgets(text, sizeof text, file) != NULL);
  fclose(file);
  return strtol(text, NULL, 10);
}

struct seat {
  long priority, oom_score_adj;
  cpu_set_t cpus;
  struct rlimit data, core;
  char name[16];
  uint32_t worker;
};

static int32_t tell_seat(const void *arg, void *result, pool_task_t *task) {
  struct seat *seat = result;
  (void)arg;
  errno = 0;
  seat->priority = getpriority(PRIO_PROCESS, 0);
  CHECK_EQ(errno, 0);
  seat->oom_score_adj = number_in("/proc/self/oom_score_adj");
  CHECK_EQ(sched_getaffinity(0, sizeof seat->cpus, &seat->cpus), 0);
  CHECK_EQ(getrlimit(RLIMIT_DATA, &seat->data), 0);
  CHECK_EQ(getrlimit(RLIMIT_CORE, &seat->core), 0);
  CHECK_EQ(prctl(PR_GET_NAME, seat->name), 0);
  seat->worker = task->worker;
  return 0;
}

/* Asks a new pool's worker, and one that has replaced it. */
static void seats(const pool_options_t *options, struct seat both[2]) {
  pool_t *pool = new_pool_with(options);
  for (int i = 0; i < 2; i++) {
    CHECK_OK(pool_apply(pool, tell_seat, NULL, 0, &both[i], sizeof both[i]));
    kill_idle(worker_process(pool, both[i].worker));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(nice_value) {
  struct seat both[2];
  pool_options_t options = processes(1);
  /* The tests themselves may run under nice. */
  long here = getpriority(PRIO_PROCESS, 0), there = here + 5 < 19 ? here + 5 : 19;
  seats(&options, both);
  CHECK_EQ(both[0].priority, here);
  options.nice = 5;
  seats(&options, both);
  CHECK_EQ(both[0].priority, there);
  CHECK_EQ(both[1].priority, there);
  CHECK_EQ(getpriority(PRIO_PROCESS, 0), here);
}

CASE(oom_score_adj) {
  struct seat both[2];
  pool_options_t options = processes(1);
  long here = number_in("/proc/self/oom_score_adj");
  seats(&options, both);
  CHECK_EQ(both[0].oom_score_adj, here);
  options.oom_score_adj = 300;
  seats(&options, both);
  CHECK_EQ(both[0].oom_score_adj, here + 300);
  CHECK_EQ(both[1].oom_score_adj, here + 300);
  CHECK_EQ(number_in("/proc/self/oom_score_adj"), here);
}

static int nth_of(const cpu_set_t *set, int n) {
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(cpu, set) && n-- == 0) {
      return cpu;
    }
  }
  FAIL("no such processor");
}

CASE(pin_workers) {
  cpu_set_t here;
  struct seat seat;
  CHECK_EQ(sched_getaffinity(0, sizeof here, &here), 0);
  pool_options_t options = processes(5);
  for (options.pin_workers = 0; options.pin_workers <= 1; options.pin_workers++) {
    pool_t *pool = new_pool_with(&options);
    for (int i = 0; i < 200; i++) {
      CHECK_OK(pool_apply(pool, tell_seat, NULL, 0, &seat, sizeof seat));
      if (options.pin_workers) {
        CHECK_EQ(CPU_COUNT(&seat.cpus), 1);
        CHECK(CPU_ISSET(nth_of(&here, (int)seat.worker % CPU_COUNT(&here)), &seat.cpus));
      } else {
        CHECK(CPU_EQUAL(&seat.cpus, &here));
      }
      if (i % 20 == 19) {
        kill_idle(worker_process(pool, seat.worker));
      }
    }
    CHECK_OK(pool_close_join(pool));
  }
  cpu_set_t after;
  CHECK_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  CHECK(CPU_EQUAL(&after, &here));
}

CASE(a_list_of_processors) {
  cpu_set_t here;
  struct seat both[2];
  CHECK_EQ(sched_getaffinity(0, sizeof here, &here), 0);
  const uint32_t last = (uint32_t)nth_of(&here, CPU_COUNT(&here) - 1);
  pool_options_t options = processes(0);
  options.cpus = &last;
  options.cpu_count = 1;
  seats(&options, both);
  for (int i = 0; i < 2; i++) {
    CHECK_EQ(CPU_COUNT(&both[i].cpus), 1);
    CHECK(CPU_ISSET(last, &both[i].cpus));
    CHECK_EQ(both[i].worker, 0);
  }
}

/* The processors are those of the thread that made the pool. */
CASE(workers_run_where_the_maker_ran) {
  cpu_set_t all, one;
  struct seat both[2];
  CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  CPU_SET(nth_of(&all, CPU_COUNT(&all) - 1), &one);
  CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  pool_options_t options = processes(1);
  pool_t *pool = new_pool_with(&options);
  CHECK_EQ(sched_setaffinity(0, sizeof all, &all), 0);
  CHECK_OK(pool_apply(pool, tell_seat, NULL, 0, &both[0], sizeof both[0]));
  CHECK(CPU_EQUAL(&both[0].cpus, &one));
  kill_idle(worker_process(pool, 0));
  CHECK_OK(pool_apply(pool, tell_seat, NULL, 0, &both[0], sizeof both[0]));
  CHECK(CPU_EQUAL(&both[0].cpus, &one));
  CHECK_OK(pool_close_join(pool));
}

CASE(core_dumps) {
  struct seat both[2];
  struct rlimit limit;
  CHECK_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  CHECK_EQ(setrlimit(RLIMIT_CORE, &limit), 0);
  if (limit.rlim_max == 0) {
    check_skip("core dumps are not possible here");
  }
  pool_options_t options = processes(1);
  seats(&options, both);
  CHECK_EQ(both[0].core.rlim_cur, 0);
  CHECK_EQ(both[1].core.rlim_cur, 0);
  options.core_dumps = 1;
  seats(&options, both);
  CHECK(both[0].core.rlim_cur == limit.rlim_cur);
  CHECK(both[1].core.rlim_cur == limit.rlim_cur);
  CHECK_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
  CHECK(limit.rlim_cur == limit.rlim_max);
}

/* Allocates as much as it is told, and lives on when it cannot. */
static int32_t allocate(const void *arg, void *result, pool_task_t *task) {
  size_t size = *(const size_t *)arg;
  void *memory = malloc(size);
  (void)task;
  *(int *)result = memory != NULL;
  free(memory);
  return 0;
}

CASE(memory_limit_bytes) {
  pool_options_t options = processes(1);
  size_t little = (size_t)16 << 20, much = (size_t)512 << 20;
  int got = -1;
  pool_t *pool = new_pool_with(&options);
  CHECK_OK(pool_apply(pool, allocate, &much, sizeof much, &got, sizeof got));
  CHECK_EQ(got, 1);
  CHECK_OK(pool_close_join(pool));
  options.memory_limit_bytes = (size_t)128 << 20;
  pool = new_pool_with(&options);
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_apply(pool, allocate, &much, sizeof much, &got, sizeof got));
    CHECK_EQ(got, 0);
    CHECK_OK(pool_apply(pool, allocate, &little, sizeof little, &got, sizeof got));
    CHECK_EQ(got, 1);
    pool_works(pool);
    kill_idle(worker_process(pool, 0));
  }
  CHECK_OK(pool_close_join(pool));
}

/* Large results go through memory that is no data of the worker. */
CASE(large_results_under_a_memory_limit) {
  pool_options_t options = processes(1);
  options.memory_limit_bytes = (size_t)64 << 20;
  pool_t *pool = new_pool_with(&options);
  size_t size = (size_t)32 << 20;
  char *bytes = calloc(1, size);
  for (int i = 0; i < 4; i++) {
    CHECK_OK(pool_apply(pool, nothing, bytes, size, bytes, size));
  }
  free(bytes);
  CHECK_OK(pool_close_join(pool));
}

static void named(const char *option, const char *start) {
  pool_options_t options = processes(2);
  struct seat seat;
  options.name = option;
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < 20; i++) {
    char expected[64];
    CHECK_OK(pool_apply(pool, tell_seat, NULL, 0, &seat, sizeof seat));
    snprintf(expected, sizeof expected, "%s-%u", start, seat.worker);
    if (strlen(expected) <= 15) {
      CHECK_STR(seat.name, expected);
    } else {
      CHECK_EQ(strncmp(seat.name, start, 10), 0);
    }
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(names) {
  named(NULL, "millpond");
  named("pond", "pond");
  named("a", "a");
  named("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz");
}

/* Uses so many bytes of stack. */
static int32_t use_stack(const void *arg, void *result, pool_task_t *task) {
  size_t left = *(const size_t *)arg;
  volatile char here[8192];
  here[0] = here[8191] = 1;
  if (left > sizeof here) {
    left -= sizeof here;
    return use_stack(&left, result, task) + here[0] - 1;
  }
  return 0;
}

CASE(stack_size) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  pool_options_t options = processes(1);
  size_t mib = (size_t)1 << 20, many = 48 * mib, few = 4 * mib;
  pool_t *pool = new_pool_with(&options);
  CHECK_OK(pool_apply(pool, use_stack, &few, sizeof few, NULL, 0));
  CHECK_ERROR(pool_apply(pool, use_stack, &many, sizeof many, NULL, 0), POOL_ERR_WORKER_DIED);
  CHECK_OK(pool_close_join(pool));
  options.stack_size = 64 * mib;
  pool = new_pool_with(&options);
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_apply(pool, use_stack, &many, sizeof many, NULL, 0));
    CHECK_OK(pool_map(pool, use_stack, &many, sizeof many, NULL, 0, 1));
    kill_idle(worker_process(pool, 0));
  }
  CHECK_OK(pool_close_join(pool));
  options.stack_size = 65536;
  pool = new_pool_with(&options);
  pool_works(pool);
  CHECK_ERROR(pool_apply(pool, use_stack, &few, sizeof few, NULL, 0), POOL_ERR_WORKER_DIED);
  CHECK_HAS(pool_last_error(), "SIG");
  CHECK_OK(pool_close_join(pool));
}
