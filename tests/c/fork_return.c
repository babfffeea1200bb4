/* A task forks, and its function returns in the child, too: the child comes back to whoever called the pool, with a
 * clear status, or leaves if that was a worker. It runs nothing that is its parent's to run. */
#include "tasks.h"

#include <sched.h>

static pid_t the_parent;
static _Atomic pid_t the_child;

static void begin(void) {
  check_skip_fork_under_asan();
  the_parent = getpid();
}

static bool is_child(void) {
  return getpid() != the_parent;
}

static int32_t fork_and_return(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    alarm(check_timeout / 2);
  } else {
    atomic_store(&the_child, pid);
  }
  return 0;
}

static int32_t not_in_the_child(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  if (is_child()) {
    _exit(3);
  }
  return 0;
}

static void call_back_not_in_the_child(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  (void)user_data;
  not_in_the_child(NULL, NULL, NULL);
}

CASE(on_a_worker) {
  begin();
  pool_t *pool = new_pool(1);
  for (size_t i = 0; i < scaled(10); i++) {
    struct blocker blocker = BLOCKER_INIT;
    pool_future_t *held = block_worker(pool, &blocker), *future = NULL;
    CHECK_OK(pool_apply_async(pool, fork_and_return, NULL, 0, 0, call_back_not_in_the_child, NULL, &future));
    CHECK_OK(pool_apply_async(pool, not_in_the_child, NULL, 0, 0, NULL, NULL, NULL));
    gate_open(&blocker.go);
    CHECK_OK(pool_future_wait(future, 60000));
    CHECK_EQ(check_wait(the_child), 0);
    CHECK_OK(pool_future_release(future));
    CHECK_OK(pool_future_release(held));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t fork_in_the_middle(size_t begin, size_t end, void *context, pool_task_t *task) {
  for (size_t i = begin; i < end; i++) {
    if (i == *(size_t *)context) {
      fork_and_return(NULL, NULL, task);
    }
  }
  return 0;
}

CASE(out_of_a_loop) {
  begin();
  for (size_t i = 0; i < scaled(20); i++) {
    pool_t *pool = new_pool(1 + (uint32_t)i % 3);
    size_t middle = i * 10;
    int32_t status = pool_for(pool, 0, 1000, fork_in_the_middle, &middle);
    if (is_child()) {
      CHECK_ERROR(status, POOL_ERR_FORKED);
      _exit(0);
    }
    CHECK_OK(status);
    CHECK_EQ(check_wait(the_child), 0);
    CHECK_OK(pool_close_join(pool));
  }
}

/* A chain of forks, the last of which forks a child. All workers are busy, so that the forks stay on offer. */
static int32_t chain(const void *arg, void *result, pool_task_t *task) {
  int32_t depth = *(const int32_t *)arg, less = depth - 1;
  if (depth == 0) {
    return fork_and_return(arg, result, task);
  }
  return pool_join2(task, chain, &less, NULL, nothing, NULL, NULL);
}

CASE(with_forks_on_offer_that_nobody_took) {
  begin();
  check_skip_under("tsan", "the tool's own thread would be counted");
  for (size_t i = 0; i < scaled(10); i++) {
    pool_t *pool = new_pool(3);
    struct blocker blockers[2] = {BLOCKER_INIT, BLOCKER_INIT};
    pool_future_t *held[2] = {block_worker(pool, &blockers[0]), block_worker(pool, &blockers[1])};
    int32_t depth = 6;
    CHECK_OK(pool_apply(pool, chain, &depth, sizeof depth, NULL, 0));
    if (is_child()) {
      /* No worker is started here, which would run forks of functions that have returned. */
      CHECK_EQ(threads_now(), 1);
      sleep_ms(10);
      _exit(0);
    }
    for (int b = 0; b < 2; b++) {
      gate_open(&blockers[b].go);
      CHECK_OK(pool_future_wait(held[b], -1));
      CHECK_OK(pool_future_release(held[b]));
    }
    CHECK_EQ(check_wait(the_child), 0);
    CHECK_OK(pool_close_join(pool));
  }
}

/* A first half that waits until the second has been begun, or has ended. */
struct halves {
  pool_fn second;
  bool until_it_ended;
  atomic_int begun, ended;
};

static void until(atomic_int *flag) {
  while (atomic_load(flag) == 0) {
    sched_yield();
  }
}

static int32_t first_half(const void *arg, void *result, pool_task_t *task) {
  struct halves *halves = (struct halves *)(uintptr_t)arg;
  (void)result;
  (void)task;
  until(halves->until_it_ended ? &halves->ended : &halves->begun);
  return 0;
}

static int32_t second_half(const void *arg, void *result, pool_task_t *task) {
  struct halves *halves = (struct halves *)(uintptr_t)arg;
  int32_t status = halves->second(arg, result, task);
  if (!is_child()) {
    atomic_store(&halves->ended, 1);
  }
  return status;
}

static int32_t fork_in_second(const void *arg, void *result, pool_task_t *task) {
  struct halves *halves = (struct halves *)(uintptr_t)arg;
  atomic_store(&halves->begun, 1);
  return fork_and_return(arg, result, task);
}

static int32_t join_halves(const void *arg, void *result, pool_task_t *task) {
  struct halves halves = {fork_in_second, arg != NULL, 0, 0};
  (void)result;
  return pool_join2(task, first_half, &halves, NULL, second_half, &halves, NULL);
}

CASE(in_a_stolen_half) {
  begin();
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(20); i++) {
    CHECK_OK(pool_apply(pool, join_halves, i % 2 ? &i : NULL, 0, NULL, 0));
    CHECK(!is_child());
    CHECK_EQ(check_wait(the_child), 0);
  }
  CHECK_OK(pool_close_join(pool));
}

/* The second half forks in turn, and the thread that waits for it takes that: it is the only one left. */
static int32_t join_again(const void *arg, void *result, pool_task_t *task) {
  struct halves inner = {fork_in_second, true, 0, 0}, *outer = (struct halves *)(uintptr_t)arg;
  (void)result;
  atomic_store(&outer->begun, 1);
  return pool_join2(task, first_half, &inner, NULL, second_half, &inner, NULL);
}

static int32_t join_deep(const void *arg, void *result, pool_task_t *task) {
  struct halves outer = {join_again, false, 0, 0};
  (void)arg;
  (void)result;
  int32_t status = pool_join2(task, first_half, &outer, NULL, second_half, &outer, NULL);
  if (is_child()) {
    CHECK_ERROR(status, POOL_ERR_FORKED);
    _exit(0);
  }
  return status;
}

CASE(in_what_a_waiting_thread_runs) {
  begin();
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(20); i++) {
    CHECK_OK(pool_apply(pool, join_deep, NULL, 0, NULL, 0));
    CHECK_EQ(check_wait(the_child), 0);
  }
  CHECK_OK(pool_close_join(pool));
}
