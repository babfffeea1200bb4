/* Two copies of the library in one process: neither sees anything of the other, and each does all that it does alone.
 * COPY_ONE and COPY_TWO name them as PREFIX:PATH; without a path it is the one that the program is linked with, where
 * it was built with LINKED. */
#include "check.h"

#include <dlfcn.h>
#include <millpond.h>
#include <signal.h>
#include <sys/mman.h>

#define FUNCTIONS(X)                                                                                                   \
  X(create) X(create_with) X(default) X(apply) X(apply_async) X(map) X(submit) X(for) X(close) X(join) X(terminate)    \
  X(close_join) X(workers) X(worker_pid) X(last_error) X(version) X(future_wait) X(future_get) X(future_release)       \
  X(shared_alloc) X(shared_free) X(blocking_begin) X(blocking_end)

/* (The macro that stands in for pool_map is no function of a library.) */
#undef pool_map

struct copy {
  void *handle;
#define FIELD(name) __typeof__(&pool_##name) call_##name;
  FUNCTIONS(FIELD)
#undef FIELD
};

static struct copy one, two;

static struct copy load(const char *variable) {
  struct copy copy = {0};
  const char *prefix = getenv(variable);
  if (prefix == NULL) {
    check_skip("the test says which copies there are");
  }
  const char *path = strchr(prefix, ':') + 1;
  int length = (int)(path - 1 - prefix);
#ifdef LINKED
  if (*path == '\0') {
#define TAKE(name) copy.call_##name = pool_##name;
    FUNCTIONS(TAKE)
#undef TAKE
    return copy;
  }
#endif
  // NOLINTNEXTLINE(clang-analyzer-optin.taint.GenericTaint): the test itself sets the variable.
  copy.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (copy.handle == NULL) {
    FAIL("%s", dlerror());
  }
  char symbol[100];
#define TAKE(name)                                                                                                     \
  snprintf(symbol, sizeof symbol, "%.*spool_" #name, length, prefix);                                                  \
  *(void **)&copy.call_##name = dlsym(copy.handle, symbol);                                                            \
  CHECK(copy.call_##name != NULL);
  FUNCTIONS(TAKE)
#undef TAKE
  return copy;
}

static void load_both(void) {
  one = load("COPY_ONE");
  two = load("COPY_TWO");
  CHECK(one.call_create != two.call_create);
}

static pool_t *pool_of(struct copy *copy, int32_t mode, uint32_t workers) {
  pool_options_t options = POOL_OPTIONS_INIT;
  pool_t *pool = NULL;
  options.mode = mode;
  options.workers = workers;
  int32_t status = copy->call_create_with(&options, &pool);
  if (status != POOL_OK) {
    FAIL("%d: %s", status, copy->call_last_error());
  }
  return pool;
}

static int32_t twice(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(int64_t *)result = *(const int64_t *)arg * 2;
  return 0;
}

static void count(const pool_result_t *outcome, void *user_data) {
  CHECK_EQ(outcome->status, POOL_OK);
  atomic_fetch_add((atomic_int *)user_data, 1);
}

enum { ITEMS = 500 };

static void pool_works(struct copy *copy, pool_t *pool) {
  int64_t args[ITEMS], results[ITEMS], arg = 21, result = 0;
  pool_future_t *future = NULL;
  CHECK_EQ(copy->call_apply(pool, twice, &arg, 8, &result, 8), POOL_OK);
  CHECK_EQ(result, 42);
  for (int64_t i = 0; i < ITEMS; i++) {
    args[i] = i;
  }
  CHECK_EQ(copy->call_map(pool, twice, args, 8, results, 8, ITEMS), POOL_OK);
  CHECK_EQ(results[ITEMS - 1], 2 * (ITEMS - 1));
  CHECK_EQ(copy->call_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, &future), POOL_OK);
  CHECK_EQ(copy->call_future_get(future, &result, 8, -1), POOL_OK);
  CHECK_EQ(result, 42);
  CHECK_EQ(copy->call_future_release(future), POOL_OK);
}

struct user {
  struct copy *copy;
  int32_t mode;
};

static void *use_again_and_again(void *data) {
  struct user *user = data;
  for (size_t round = 0; round < scaled(10); round++) {
    atomic_int called = 0;
    int64_t arg = 1;
    pool_t *pool = pool_of(user->copy, user->mode, 2);
    for (int i = 0; i < 50; i++) {
      CHECK_EQ(user->copy->call_apply_async(pool, twice, &arg, 8, 8, count, &called, NULL), POOL_OK);
    }
    pool_works(user->copy, pool);
    CHECK_EQ(user->copy->call_close_join(pool), POOL_OK);
    CHECK_EQ(called, 50);
  }
  return NULL;
}

static void used_at_once(int32_t first, int32_t second) {
  load_both();
  struct user users[] = {{&one, first}, {&two, second}, {&one, second}, {&two, first}};
  pthread_t threads[COUNT_OF(users)];
  for (size_t i = 0; i < COUNT_OF(users); i++) {
    threads[i] = check_thread(use_again_and_again, &users[i]);
  }
  for (size_t i = 0; i < COUNT_OF(users); i++) {
    pthread_join(threads[i], NULL);
  }
}

CASE(threads_of_both_at_once) {
  used_at_once(POOL_THREADS, POOL_THREADS);
}

CASE(processes_of_both_at_once) {
  used_at_once(POOL_PROCESSES, POOL_PROCESSES);
}

CASE(threads_of_one_and_processes_of_the_other) {
  used_at_once(POOL_THREADS, POOL_PROCESSES);
}

CASE(default_pools_and_sentences_are_their_own) {
  load_both();
  pool_t *mine = one.call_default(), *other = two.call_default();
  CHECK(mine != NULL && other != NULL && mine != other);
  CHECK(mine == one.call_default());
  pool_works(&one, mine);
  pool_works(&two, other);
  CHECK_EQ(one.call_close(NULL), POOL_ERR_INVALID);
  CHECK_EQ(two.call_join(other, 0), POOL_ERR_INVALID);
  CHECK(strcmp(one.call_last_error(), two.call_last_error()) != 0);
}

/* A pool of the other copy is none of its own. */
CASE(a_pool_given_to_the_wrong_copy) {
  load_both();
  int64_t arg = 1, result = 0;
  pool_t *pool = pool_of(&one, POOL_THREADS, 1);
  CHECK_EQ(two.call_apply(pool, twice, &arg, 8, &result, 8), POOL_ERR_INVALID);
  CHECK_EQ(two.call_apply(one.call_default(), twice, &arg, 8, &result, 8), POOL_ERR_INVALID);
  CHECK_EQ(two.call_close_join(pool), POOL_ERR_INVALID);
  pool_works(&one, pool);
  CHECK_EQ(one.call_close_join(pool), POOL_OK);
}

/* ---- Tasks of one that use the other ---- */

static pool_t *pools[2];
static struct copy *const copies[2] = {&one, &two};

/* Goes down through both pools in turn, and is the number of tasks on its way. A pool sees that a task waits for
 * another of its own, or of any pool of its copy; for another copy's the task says that it blocks. */
static int32_t descend(const void *arg, void *result, pool_task_t *task) {
  int64_t depth = *(const int64_t *)arg, next[2] = {depth - 1, depth - 1}, sums[2] = {0, 0};
  struct copy *own = copies[(depth + 1) % 2], *other = copies[depth % 2];
  if (depth > 0) {
    CHECK_EQ(own->call_blocking_begin(task), POOL_OK);
    CHECK_EQ(other->call_map(pools[depth % 2], descend, next, 8, sums, 8, 2), POOL_OK);
    CHECK_EQ(own->call_blocking_end(task), POOL_OK);
  }
  *(int64_t *)result = 1 + sums[0] + sums[1];
  return 0;
}

static void nested(uint32_t workers) {
  load_both();
  for (int side = 0; side < 2; side++) {
    pools[side] = pool_of(copies[side], POOL_THREADS, workers);
  }
  for (size_t i = 0; i < scaled(10); i++) {
    int64_t depth = 7, sum = 0;
    CHECK_EQ(one.call_apply(pools[0], descend, &depth, 8, &sum, 8), POOL_OK);
    CHECK_EQ(sum, 255);
  }
  CHECK_EQ(one.call_close_join(pools[0]), POOL_OK);
  CHECK_EQ(two.call_close_join(pools[1]), POOL_OK);
}

CASE(tasks_wait_for_tasks_of_the_other) {
  nested(4);
}

CASE(tasks_wait_for_tasks_of_the_other_in_single_workers) {
  nested(1);
}

/* Without a way back there is nothing to say: those waited for need no worker of those that wait. */
static int32_t use_the_second(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  pool_works(&two, pools[1]);
  return 0;
}

CASE(tasks_use_the_other) {
  load_both();
  for (int32_t mode = POOL_THREADS; mode <= POOL_PROCESSES; mode++) {
    pools[0] = pool_of(&one, POOL_THREADS, 3);
    pools[1] = pool_of(&two, mode, 2);
    CHECK_EQ(one.call_map(pools[0], use_the_second, NULL, 0, NULL, 0, scaled(50)), POOL_OK);
    CHECK_EQ(one.call_close_join(pools[0]), POOL_OK);
    CHECK_EQ(two.call_close_join(pools[1]), POOL_OK);
  }
}

static int32_t use_the_other_in_a_worker(const void *arg, void *result, pool_task_t *task) {
  int64_t number = 1;
  (void)result;
  (void)task;
  CHECK_EQ(one.call_apply(*(pool_t *const *)arg, twice, &number, 8, &number, 8), POOL_ERR_UNSUPPORTED);
  CHECK_EQ(two.call_apply(pools[1], twice, &number, 8, &number, 8), POOL_ERR_FORKED);
  CHECK(strlen(two.call_last_error()) > 3);
  pool_works(&two, two.call_default());
  for (int32_t mode = POOL_THREADS; mode <= POOL_PROCESSES; mode++) {
    pool_t *pool = pool_of(&two, mode, 2);
    pool_works(&two, pool);
    CHECK_EQ(two.call_close_join(pool), POOL_OK);
  }
  return 0;
}

/* In a worker process of the first, the second's pool is that of a parent, and a new one works. */
CASE(a_worker_process_uses_the_other) {
  load_both();
  for (int32_t mode = POOL_THREADS; mode <= POOL_PROCESSES; mode++) {
    pools[1] = pool_of(&two, mode, 2);
    pool_works(&two, pools[1]);
    pools[0] = pool_of(&one, POOL_PROCESSES, 2);
    for (int i = 0; i < 5; i++) {
      CHECK_EQ(one.call_apply(pools[0], use_the_other_in_a_worker, &pools[0], sizeof pools[0], NULL, 0), POOL_OK);
    }
    pool_works(&two, pools[1]);
    CHECK_EQ(one.call_close_join(pools[0]), POOL_OK);
    CHECK_EQ(two.call_close_join(pools[1]), POOL_OK);
  }
}

static int32_t kill_this_process(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  kill(getpid(), SIGKILL);
  return 0;
}

static int32_t tell_parent(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  *(int32_t *)result = (int32_t)getppid();
  return 0;
}

/* Deaths of one copy's workers, and of the process that makes them, are nothing to the other. */
CASE(deaths_stay_with_their_copy) {
  load_both();
  pools[0] = pool_of(&one, POOL_PROCESSES, 2);
  pools[1] = pool_of(&two, POOL_PROCESSES, 2);
  for (int i = 0; i < 3; i++) {
    int32_t pid = two.call_worker_pid(pools[1], 0);
    CHECK_EQ(one.call_apply(pools[0], kill_this_process, NULL, 0, NULL, 0), POOL_ERR_WORKER_DIED);
    pool_works(&one, pools[0]);
    pool_works(&two, pools[1]);
    CHECK_EQ(two.call_worker_pid(pools[1], 0), pid);
  }
  int32_t zygote = 0, pid = two.call_worker_pid(pools[1], 0);
  CHECK_EQ(one.call_apply(pools[0], tell_parent, NULL, 0, &zygote, sizeof zygote), POOL_OK);
  CHECK_EQ(kill(zygote, SIGKILL), 0);
  EVENTUALLY(one.call_apply(pools[0], tell_parent, NULL, 0, &zygote, sizeof zygote) == POOL_ERR_BROKEN);
  pool_works(&two, pools[1]);
  CHECK_EQ(two.call_worker_pid(pools[1], 0), pid);
  CHECK_EQ(one.call_close_join(pools[0]), POOL_OK);
  CHECK_EQ(two.call_close_join(pools[1]), POOL_OK);
}

/* Shared memory of one is a plain pointer to the other. */
CASE(shared_memory_is_its_copys) {
  load_both();
  pools[0] = pool_of(&one, POOL_PROCESSES, 1);
  pools[1] = pool_of(&two, POOL_PROCESSES, 1);
  void *memory = one.call_shared_alloc(pools[0], 64);
  CHECK(memory != NULL);
  CHECK_EQ(two.call_apply(pools[1], twice, memory, 0, NULL, 0), POOL_ERR_INVALID);
  CHECK_EQ(two.call_shared_free(pools[1], memory), POOL_ERR_INVALID);
  CHECK_EQ(one.call_shared_free(pools[0], memory), POOL_OK);
  CHECK_EQ(one.call_close_join(pools[0]), POOL_OK);
  CHECK_EQ(two.call_close_join(pools[1]), POOL_OK);
}

/* ---- fork, unload, exit ---- */

CASE(fork_with_pools_of_both) {
  load_both();
  for (int32_t mode = POOL_THREADS; mode <= POOL_PROCESSES; mode++) {
    int64_t number = 1;
    for (int side = 0; side < 2; side++) {
      pools[side] = pool_of(copies[side], mode, 2);
      pool_works(copies[side], pools[side]);
    }
    pid_t child = fork();
    if (child == 0) {
      alarm(check_timeout / 2);
      for (int side = 0; side < 2; side++) {
        CHECK_EQ(copies[side]->call_apply(pools[side], twice, &number, 8, &number, 8), POOL_ERR_FORKED);
        pool_works(copies[side], copies[side]->call_default());
        for (int32_t own = POOL_THREADS; own <= POOL_PROCESSES; own++) {
          pool_t *pool = pool_of(copies[side], own, 2);
          pool_works(copies[side], pool);
          CHECK_EQ(copies[side]->call_close_join(pool), POOL_OK);
        }
      }
      exit(7);
    }
    CHECK_EQ(check_wait(child), 7);
    for (int side = 0; side < 2; side++) {
      pool_works(copies[side], pools[side]);
      CHECK_EQ(copies[side]->call_close_join(pools[side]), POOL_OK);
    }
  }
}

static int32_t wait_at_gate(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  gate_wait((struct gate *)(uintptr_t)arg);
  return 0;
}

static void unload_one_while_the_other_works(bool pending) {
  static struct gate gate = GATE_INIT;
  load_both();
  if (two.handle == NULL) {
    check_skip("what the program is linked with stays");
  }
  pools[0] = pool_of(&one, POOL_THREADS, 2);
  pool_works(&one, pools[0]);
  pools[1] = pool_of(&two, POOL_THREADS, 2);
  pool_works(&two, pools[1]);
  if (pending) {
    CHECK_EQ(two.call_apply_async(pools[1], wait_at_gate, &gate, 0, 0, NULL, NULL, NULL), POOL_OK);
  } else {
    CHECK_EQ(two.call_close_join(pools[1]), POOL_OK);
  }
  CHECK_EQ(dlclose(two.handle), 0);
  pool_works(&one, pools[0]);
  gate_open(&gate);
  used_at_once(POOL_THREADS, POOL_THREADS);
  pool_works(&one, pools[0]);
  CHECK_EQ(one.call_close_join(pools[0]), POOL_OK);
}

CASE(unload_of_an_idle_copy) {
  unload_one_while_the_other_works(false);
}

CASE(unload_of_a_copy_at_work) {
  unload_one_while_the_other_works(true);
}

CASE(exit_with_work_pending_in_both) {
  load_both();
  for (int i = 0; i < 5; i++) {
    pid_t child = fork();
    if (child == 0) {
      static struct gate gate = GATE_INIT;
      alarm(check_timeout / 2);
      for (int side = 0; side < 2; side++) {
        pools[side] = pool_of(copies[side], POOL_THREADS, 2);
        pool_works(copies[side], pool_of(copies[side], POOL_PROCESSES, 2));
        for (int task = 0; task < 5; task++) {
          CHECK_EQ(copies[side]->call_apply_async(pools[side], wait_at_gate, &gate, 0, 0, NULL, NULL, NULL), POOL_OK);
        }
      }
      exit(7);
    }
    CHECK_EQ(check_wait(child), 7);
  }
}
