/* Pools of processes: how they and their workers begin. Forks that fail, pools that are new, workers that are new. */
#include "procs.h"

/* ---- Forks that fail ---- */

/* The process that makes the pool; how many of its forks succeed, and how many of each other process. */
struct forks {
  pid_t host;
  int of_host, of_others;
};

static int32_t fork_so_often(void *data) {
  struct forks *forks = data;
  int *left = getpid() == forks->host ? &forks->of_host : &forks->of_others;
  if (*left == 0) {
    errno = EAGAIN;
    return -1;
  }
  --*left;
  return fork();
}

static int32_t succeed(void *data, uint32_t worker) {
  (void)data;
  (void)worker;
  return 0;
}

/* The creation fails, soon, and leaves nothing. */
CASE(not_all_workers_can_be_forked_at_creation) {
  struct world world = world_now();
  for (int of_others = 0; of_others < 4; of_others++) {
    struct forks forks = {getpid(), 1, of_others};
    pool_options_t options = processes(4);
    options.initializer = succeed;
    options.worker_data = &forks;
    options.fork_fn = fork_so_often;
    pool_t *pool = NULL;
    CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_SYSTEM);
    CHECK_HAS(pool_last_error(), "fork");
    CHECK(pool == NULL);
    world_is_back(&world);
  }
}

/* Code that adds 5 to an int, made now. */
static pool_fn late_code(void) {
  pool_fn function = NULL;
#if defined(__x86_64__)
  static const unsigned char code[] = {0x8b, 0x07, 0x83, 0xc0, 0x05, 0x89, 0x06, 0x31, 0xc0, 0xc3};
  void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memcpy(memory, code, sizeof code);
  CHECK_EQ(mprotect(memory, 4096, PROT_READ | PROT_EXEC), 0);
  *(void **)&function = memory;
  CHECK_OK(pool_register_function(function));
#endif
  return function;
}

/* The workers that there are go on, and know what they knew. */
CASE(a_refresh_without_a_fork_changes_nothing) {
  struct world world = world_now();
  struct forks forks = {getpid(), 1, -1};
  pool_options_t options = processes(2);
  options.worker_data = &forks;
  options.fork_fn = fork_so_often;
  pool_t *pool = new_pool_with(&options);
  pid_t pids[2] = {worker_process(pool, 0), worker_process(pool, 1)};
  pool_fn late = late_code();
  for (int round = 0; round < 5; round++) {
    int arg = 40, result = 0;
    pool_works(pool);
    CHECK_ERROR(pool_refresh(pool), POOL_ERR_SYSTEM);
    pool_works(pool);
    if (late != NULL) {
      CHECK_ERROR(pool_apply(pool, late, &arg, sizeof arg, &result, sizeof result), POOL_ERR_UNKNOWN_FUNCTION);
    }
    CHECK_EQ(worker_process(pool, 0), pids[0]);
    CHECK_EQ(worker_process(pool, 1), pids[1]);
  }
  forks.of_host = 1;
  CHECK_OK(pool_refresh(pool));
  if (late != NULL) {
    int arg = 40, result = 0;
    CHECK_OK(pool_apply(pool, late, &arg, sizeof arg, &result, sizeof result));
    CHECK_EQ(result, 45);
  }
  pool_works(pool);
  CHECK(pid_of_a_worker(pool) != pids[0] && pid_of_a_worker(pool) != pids[1]);
  close_and_leave_nothing(pool, &world);
}

/* ---- New pools, new workers ---- */

/* The first map that a pool runs meets workers that are just being born. */
CASE(the_first_map_of_many_pools) {
  enum { COUNT = 1000 };
  struct world world = world_now();
  for (int64_t round = 0; round < (int64_t)scaled(300); round++) {
    int64_t args[COUNT], results[COUNT];
    pool_t *pool = process_pool(2 + (uint32_t)round % 2);
    for (int64_t i = 0; i < COUNT; i++) {
      args[i] = round * COUNT + i;
      results[i] = -1;
    }
    CHECK_OK(pool_map(pool, twice, args, 8, results, 8, COUNT));
    for (int64_t i = 0; i < COUNT; i++) {
      CHECK_EQ(results[i], (round * COUNT + i) * 2);
    }
    CHECK_OK(pool_close_join(pool));
  }
  world_is_back(&world);
}

struct heard {
  atomic_int calls, right, wrong;
  int32_t pid;
};

/* The task has told its process itself, or the case knows it. */
static void compare_pids(const pool_result_t *outcome, void *user_data) {
  struct heard *heard = user_data;
  int32_t pid = outcome->status == POOL_OK && outcome->size == 4 ? *(const int32_t *)outcome->data : heard->pid;
  if (pid > 0) {
    atomic_fetch_add(outcome->pid == pid ? &heard->right : &heard->wrong, 1);
  }
  atomic_fetch_add(&heard->calls, 1);
}

/* Whichever worker has which number by then, an outcome names the process that ran the task. */
CASE(outcomes_name_the_process_also_after_kills) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  struct heard heard = {0, 0, 0, 0};
  int expected = 0;
  for (uint32_t round = 0; round < scaled(60); round++) {
    for (int i = 0; i < 30; i++, expected++) {
      CHECK_OK(pool_apply_async(pool, tell_pid, NULL, 0, 4, compare_pids, &heard, NULL));
    }
    pid_t worker = pool_worker_pid(pool, round % 2);
    if (worker > 0) {
      kill(worker, SIGKILL);
    }
    EVENTUALLY(atomic_load(&heard.calls) == expected);
  }
  CHECK_EQ(heard.wrong, 0);
  CHECK(heard.right > expected / 2);
  for (int round = 0; round < 10; round++) {
    struct hold *hold = shared(pool, sizeof *hold);
    struct heard last = {0, 0, 0, 0};
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, hold_on, hold, 0, 0, compare_pids, &last, &future));
    EVENTUALLY(atomic_load(&hold->running) == 1);
    last.pid = hold->pid;
    CHECK_EQ(kill(hold->pid, SIGKILL), 0);
    CHECK_FUTURE(future, POOL_ERR_WORKER_DIED);
    CHECK_OK(pool_future_release(future));
    EVENTUALLY(atomic_load(&last.calls) == 1);
    CHECK_EQ(last.right, 1);
    CHECK_OK(pool_shared_free(pool, hold));
  }
  close_and_leave_nothing(pool, &world);
}
