/* Workers that die: their own task fails and says why, all others are unharmed, and the pool stays complete. */
#include "procs.h"

#include <sys/resource.h>

enum { KILLED, CRASHED, ABORTED, LEFT, LEFT_WELL, TERMINATED, TOO_DEEP, ENDED_ITSELF, WAYS };

static const char *const SAYS[WAYS] = {"SIGKILL", "SIGSEGV", "SIGABRT", "3", "0", "SIGTERM", "SIGSEGV", "7"};

static volatile bool deeper = true;

static int32_t descend(volatile char *above) {
  volatile char here[4096];
  here[0] = (char)(above[0] + 1);
  here[4095] = here[0];
  return deeper ? descend(here) + here[4095] : 0;
}

static int32_t die(const void *arg, void *result, pool_task_t *task) {
  volatile char top[2] = "";
  (void)result;
  (void)task;
  switch (*(const int32_t *)arg) {
  case KILLED:
    raise(SIGKILL);
    break;
  case CRASHED:
    raise(SIGSEGV);
    break;
  case ABORTED:
    abort();
  case LEFT:
    _exit(3);
  case LEFT_WELL:
    exit(0);
  case TERMINATED:
    raise(SIGTERM);
    break;
  case TOO_DEEP:
    return descend(top);
  case ENDED_ITSELF:
    exit(7);
  default:
    return 0;
  }
  return 66;
}

CASE(a_death_is_named) {
  struct world world = world_now();
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  pool_t *pool = process_pool(2);
  for (int32_t round = 0; round < 3; round++) {
    for (int32_t how = 0; how < WAYS; how++) {
      struct tally tally = {0, 1};
      pool_future_t *future = NULL;
      CHECK_ERROR(pool_apply(pool, die, &how, sizeof how, NULL, 0), POOL_ERR_WORKER_DIED);
      CHECK_HAS(pool_last_error(), SAYS[how]);
      CHECK_OK(pool_apply_async(pool, die, &how, sizeof how, 8, count_call, &tally, &future));
      CHECK_FUTURE(future, POOL_ERR_WORKER_DIED);
      CHECK_HAS(pool_future_message(future), SAYS[how]);
      CHECK_HAS(pool_future_message(future), "again");
      CHECK(pool_future_data(future, NULL) == NULL);
      CHECK_OK(pool_future_release(future));
      EVENTUALLY(atomic_load(&tally.calls) == 1);
      CHECK_STATUS(tally.status, POOL_ERR_WORKER_DIED);
      pool_works(pool);
    }
  }
  pool_is_complete(pool);
  close_and_leave_nothing(pool, &world);
}

struct seen {
  int32_t pid;
  uint32_t worker;
  atomic_int calls;
};

static void look(const pool_result_t *outcome, void *user_data) {
  struct seen *seen = user_data;
  CHECK_STATUS(outcome->status, POOL_ERR_WORKER_DIED);
  CHECK(outcome->data == NULL);
  seen->pid = outcome->pid;
  seen->worker = outcome->worker;
  atomic_fetch_add(&seen->calls, 1);
}

CASE(the_outcome_tells_who_died) {
  pool_t *pool = process_pool(1);
  for (int i = 0; i < 5; i++) {
    int32_t how = KILLED, pid = pid_of_a_worker(pool);
    struct seen seen = {0, 77, 0};
    CHECK_OK(pool_apply_async(pool, die, &how, sizeof how, 8, look, &seen, NULL));
    EVENTUALLY(atomic_load(&seen.calls) == 1);
    CHECK_EQ(seen.pid, pid);
    CHECK_EQ(seen.worker, 0);
    CHECK(pid_of_a_worker(pool) != pid);
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t twice_or_die(const void *arg, void *result, pool_task_t *task) {
  int64_t number = *(const int64_t *)arg;
  if (number % 50 == 7) {
    int32_t how = (int32_t)(number / 50 % WAYS);
    return die(&how, result, task);
  }
  return twice(arg, result, task);
}

static bool dies(int64_t number) {
  return number % 50 == 7;
}

/* Hundreds of tasks at once, some of which die in one way or another. */
CASE(all_others_succeed) {
  enum { COUNT = 2000 };
  static pool_future_t *futures[COUNT];
  struct world world = world_now();
  struct tally tally = {0, 0};
  pool_t *pool = process_pool(3);
  for (int64_t i = 0; i < COUNT; i++) {
    CHECK_OK(pool_apply_async(pool, twice_or_die, &i, 8, 8, count_call, &tally, &futures[i]));
  }
  for (int64_t i = 0; i < COUNT; i++) {
    int64_t result = -1;
    CHECK_FUTURE(futures[i], dies(i) ? POOL_ERR_WORKER_DIED : POOL_OK);
    if (dies(i)) {
      CHECK_HAS(pool_future_message(futures[i]), SAYS[i / 50 % WAYS]);
    } else {
      CHECK_OK(pool_future_get(futures[i], &result, 8, -1));
      CHECK_EQ(result, i * 2);
    }
    CHECK_OK(pool_future_release(futures[i]));
  }
  pool_is_complete(pool);
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
  CHECK_EQ(tally.calls, COUNT);
}

CASE(items_of_a_map_die_alone) {
  enum { COUNT = 2000 };
  static int64_t private_args[COUNT], private_results[COUNT];
  static int32_t statuses[COUNT];
  struct world world = world_now();
  pool_t *pool = process_pool(3);
  int64_t *args[] = {private_args, shared(pool, sizeof private_args)};
  int64_t *results[] = {private_results, shared(pool, sizeof private_results)};
  for (int where = 0; where < 2; where++) {
    for (int64_t i = 0; i < COUNT; i++) {
      args[where][i] = i;
      results[where][i] = -1;
      statuses[i] = -55;
    }
    pool_call_t call = POOL_CALL_INIT;
    call.fn = twice_or_die;
    call.arg_size = call.result_size = 8;
    CHECK_OK(pool_map_with(pool, &call, args[where], results[where], statuses, COUNT));
    for (int64_t i = 0; i < COUNT; i++) {
      if (statuses[i] != (dies(i) ? POOL_ERR_WORKER_DIED : POOL_OK)) {
        FAIL("item %lld has status %d (%s)", (long long)i, statuses[i], pool_status_name(statuses[i]));
      }
      CHECK(dies(i) || results[where][i] == i * 2);
    }
  }
  pool_is_complete(pool);
  close_and_leave_nothing(pool, &world);
}

CASE(a_map_without_statuses_ends_with_the_dead_item) {
  static int64_t args[1000], results[1000];
  pool_t *pool = process_pool(1);
  for (int64_t i = 0; i < 1000; i++) {
    args[i] = i >= 57 && dies(i) ? i : 0;
  }
  CHECK_ERROR(pool_map(pool, twice_or_die, args, 8, results, 8, 1000), POOL_ERR_WORKER_DIED);
  CHECK_HAS(pool_last_error(), "57");
  CHECK_HAS(pool_last_error(), SAYS[1]);
  struct tally tally = {0, 1};
  pool_future_t *future = NULL;
  CHECK_OK(pool_map_async(pool, twice_or_die, args, 8, results, 8, 1000, count_call, &tally, &future));
  CHECK_FUTURE(future, POOL_ERR_WORKER_DIED);
  CHECK_HAS(pool_future_message(future), "57");
  CHECK_OK(pool_future_release(future));
  pool_works(pool);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
}

/* Nothing that a death leaves undone is done twice. */
struct table {
  atomic_int starts[2000];
};

static int32_t start_once(const void *arg, void *result, pool_task_t *task) {
  struct table *table = (struct table *)(uintptr_t)task->context;
  atomic_fetch_add(&table->starts[task->index], 1);
  return twice_or_die(arg, result, task);
}

CASE(nothing_runs_twice) {
  static int64_t args[2000], results[2000];
  static int32_t statuses[2000];
  pool_t *pool = process_pool(3);
  struct table *table = shared(pool, sizeof *table);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = start_once;
  call.arg_size = call.result_size = 8;
  call.context = table;
  for (int64_t i = 0; i < 2000; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_map_with(pool, &call, args, results, statuses, 2000));
  for (int i = 0; i < 2000; i++) {
    CHECK_EQ(atomic_load(&table->starts[i]), 1);
  }
  CHECK_OK(pool_close_join(pool));
}

/* ---- Idle workers ---- */

CASE(an_idle_worker_is_killed_again_and_again) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  pool_works(pool);
  for (size_t round = 0; round < scaled(100); round++) {
    pool_is_complete(pool);
    pid_t pid = worker_process(pool, (uint32_t)(round % 2));
    CHECK_EQ(kill(pid, round % 3 ? SIGKILL : SIGTERM), 0);
    EVENTUALLY(gone(pid));
    sleep_ms(round % 5 == 0 ? 2 : 0);
    pool_works(pool);
  }
  pool_is_complete(pool);
  close_and_leave_nothing(pool, &world);
}

CASE(all_idle_workers_are_killed_at_once) {
  struct world world = world_now();
  pool_t *pool = process_pool(4);
  for (size_t round = 0; round < scaled(30); round++) {
    pool_is_complete(pool);
    for (uint32_t i = 0; i < 4; i++) {
      pid_t pid = pool_worker_pid(pool, i);
      if (pid > 0) {
        kill_idle(pid);
      }
    }
    pool_works(pool);
  }
  close_and_leave_nothing(pool, &world);
}

CASE(a_worker_dies_while_the_pool_closes) {
  struct world world = world_now();
  for (int round = 0; round < 20; round++) {
    pool_t *pool = process_pool(2);
    pool_works(pool);
    CHECK_OK(pool_close(pool));
    for (uint32_t i = 0; i < 2; i++) {
      pid_t pid = pool_worker_pid(pool, i);
      if (pid > 0) {
        kill(pid, SIGKILL);
      }
    }
    close_and_leave_nothing(pool, &world);
  }
}

/* ---- A task that forks ---- */

static int32_t fork_and_return(const void *arg, void *result, pool_task_t *task) {
  pid_t child = fork();
  if (child == 0) {
    return 0;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return twice(arg, result, task);
}

CASE(a_task_that_forks_and_returns_in_the_child) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct tally tally = {0, 1};
  for (int64_t i = 0; i < 20; i++) {
    int64_t result = 0;
    CHECK_OK(pool_apply(pool, fork_and_return, &i, 8, &result, 8));
    CHECK_EQ(result, i * 2);
    CHECK_OK(pool_apply_async(pool, fork_and_return, &i, 8, 8, count_call, &tally, NULL));
  }
  int64_t args[20] = {0}, results[20];
  CHECK_OK(pool_map(pool, fork_and_return, args, 8, results, 8, 20));
  close_and_leave_nothing(pool, &world);
  CHECK_EQ(tally.calls, 20);
}

/* The child returns only after the parent has died. */
static int32_t leave_the_child_to_return(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  if (fork() == 0) {
    sleep_ms(50);
    return 0;
  }
  _exit(3);
}

CASE(a_child_returns_for_its_dead_parent) {
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  for (int i = 0; i < 5; i++) {
    CHECK_ERROR(pool_apply(pool, leave_the_child_to_return, NULL, 0, NULL, 0), POOL_ERR_WORKER_DIED);
    pool_works(pool);
  }
  sleep_ms(100);
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}

/* ---- Out of memory ---- */

static int32_t eat(const void *arg, void *result, pool_task_t *task) {
  size_t eaten = 0;
  (void)arg;
  (void)result;
  for (;; eaten += 1 << 20) {
    volatile char *memory = malloc(1 << 20);
    if (memory == NULL || eaten > (size_t)2 << 30) {
      break;
    }
    memory[0] = memory[4096] = 1;
  }
  if (eaten > (size_t)2 << 30) {
    return pool_task_fail(task, 96, "no limit was met");
  }
  abort();
}

CASE(a_task_that_runs_out_of_memory) {
  struct world world = world_now();
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  pool_options_t options = processes(2);
  options.memory_limit_bytes = (size_t)64 << 20;
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < 3; i++) {
    CHECK_ERROR(pool_apply(pool, eat, NULL, 0, NULL, 0), POOL_ERR_WORKER_DIED);
    CHECK_HAS(pool_last_error(), "SIGABRT");
    pool_works(pool);
  }
  close_and_leave_nothing(pool, &world);
}
