/* The program forks a child in the midst of fork-join: what nobody has taken the child does alone. */
#include "tasks.h"

static int32_t be_left_alone(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  atomic_fetch_add((atomic_int *)(uintptr_t)arg, 1);
  return 0;
}

static int32_t fork_many(const void *arg, void *result, pool_task_t *task) {
  int32_t depth = *(const int32_t *)arg, less = depth - 1;
  int32_t parts[2] = {0, 0};
  if (depth == 0) {
    *(int32_t *)result = 1;
    return 0;
  }
  CHECK_OK(pool_join2(task, fork_many, &less, &parts[0], fork_many, &less, &parts[1]));
  *(int32_t *)result = parts[0] + parts[1];
  return 0;
}

struct child {
  _Atomic pid_t pid;
  atomic_int stage; /* of the second half: -1 it is to be taken, -2 it is, 1 it may end */
};

/* The child goes on with the first half, and with all that it forks. */
static int32_t begin_a_child(const void *arg, void *result, pool_task_t *task) {
  struct child *child = (struct child *)(uintptr_t)arg;
  int32_t depth = 10, leaves = 0;
  (void)result;
  if (atomic_load(&child->stage) < 0) {
    EVENTUALLY(atomic_load(&child->stage) == -2);
  }
  fflush(stdout);
  child->pid = fork();
  if (child->pid == 0) {
    alarm(check_timeout / 2);
    CHECK_OK(fork_many(&depth, &leaves, task));
    CHECK_EQ(leaves, 1024);
  }
  return 0;
}

static int32_t keep_a_worker(const void *arg, void *result, pool_task_t *task) {
  struct child *child = (struct child *)(uintptr_t)arg;
  (void)result;
  (void)task;
  atomic_store(&child->stage, -2);
  EVENTUALLY(atomic_load(&child->stage) == 1);
  return 0;
}

/* The second half has not been taken: the child runs it too. */
static int32_t fork_with_a_free_half(const void *arg, void *result, pool_task_t *task) {
  struct child *child = (struct child *)(uintptr_t)arg;
  atomic_int runs = 0;
  (void)result;
  CHECK_OK(pool_join2(task, begin_a_child, child, NULL, be_left_alone, &runs, NULL));
  CHECK_EQ(atomic_load(&runs), 1);
  if (child->pid == 0) {
    _exit(0);
  }
  CHECK_EQ(check_wait(child->pid), 0);
  return 0;
}

/* The second half runs on a worker that the child does not have. */
static int32_t fork_with_a_taken_half(const void *arg, void *result, pool_task_t *task) {
  struct child *child = (struct child *)(uintptr_t)arg;
  (void)result;
  atomic_store(&child->stage, -1);
  int32_t status = pool_join2(task, begin_a_child, child, NULL, keep_a_worker, child, NULL);
  if (child->pid == 0) {
    CHECK_STATUS(status, POOL_ERR_FORKED);
    _exit(0);
  }
  CHECK_OK(status);
  return 0;
}

static void *let_go_after_the_child(void *data) {
  struct child *child = data;
  EVENTUALLY(atomic_load(&child->stage) == -2 && child->pid > 0);
  CHECK_EQ(check_wait(child->pid), 0);
  atomic_store(&child->stage, 1);
  return NULL;
}

CASE(a_forked_child_goes_on_alone) {
  check_skip_fork_under_asan();
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = new_pool(workers);
    for (size_t i = 0; i < scaled(20); i++) {
      /* In the only place there is, so that nobody takes the half. */
      struct blocker blocker = BLOCKER_INIT;
      pool_future_t *future = workers == 2 ? block_worker(pool, &blocker) : NULL;
      struct child child = {0, 0};
      if (workers <= 2) {
        CHECK_OK(pool_apply(pool, fork_with_a_free_half, &child, 0, NULL, 0));
      }
      if (future != NULL) {
        gate_open(&blocker.go);
        CHECK_OK(pool_future_wait(future, -1));
        CHECK_OK(pool_future_release(future));
      }
      if (workers >= 2) {
        struct child other = {0, 0};
        pthread_t thread = check_thread(let_go_after_the_child, &other);
        CHECK_OK(pool_apply(pool, fork_with_a_taken_half, &other, 0, NULL, 0));
        pthread_join(thread, NULL);
      }
    }
    CHECK_OK(pool_close_join(pool));
  }
}
