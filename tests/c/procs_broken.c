/* Pools of processes: the process that makes the workers is killed, workers are stopped, or die while bytes move. */
#include "procs.h"

/* The parent of the workers. */
static pid_t zygote_of(pool_t *pool) {
  pid_t zygote = parent_of(worker_process(pool, 0), NULL);
  CHECK(zygote > 1 && zygote != getpid());
  return zygote;
}

/* Every task that was submitted has ended: all of them, those queued too. */
CASE(the_zygote_is_killed_under_load) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  for (int round = 0; round < 8; round++) {
    struct hold *hold = shared(pool, sizeof *hold);
    struct tally tally = {0, 0};
    pool_future_t *futures[300];
    pid_t zygote = zygote_of(pool);
    for (size_t i = 0; i < COUNT_OF(futures); i++) {
      CHECK_OK(pool_apply_async(pool, hold_on, hold, 0, 0, count_call, &tally, &futures[i]));
    }
    EVENTUALLY(atomic_load(&hold->running) == 2);
    pid_t worker = hold->pid;
    CHECK_EQ(kill(zygote, SIGKILL), 0);
    for (size_t i = 0; i < COUNT_OF(futures); i++) {
      CHECK_FUTURE(futures[i], POOL_ERR_BROKEN);
      CHECK(strlen(pool_future_message(futures[i])) > 3);
      CHECK_OK(pool_future_release(futures[i]));
    }
    EVENTUALLY(gone(worker) && family(&world) == 0);
    EVENTUALLY(atomic_load(&tally.calls) == (int)COUNT_OF(futures));
    CHECK_STATUS(tally.status, POOL_ERR_BROKEN);
    CHECK_EQ(atomic_load(&hold->running), 2);
    refuses_work(pool, POOL_ERR_BROKEN);
    CHECK_EQ(pool_worker_pid(pool, 0), 0);
    CHECK_OK(pool_shared_free(pool, hold));
    if (round < 6) {
      CHECK_OK(pool_refresh(pool));
      pool_works(pool);
      pool_is_complete(pool);
    } else if (round == 6) {
      CHECK_OK(pool_close_join(pool));
      world_is_back(&world);
      pool = process_pool(2);
    }
  }
  close_and_leave_nothing(pool, &world);
}

CASE(the_zygote_of_an_idle_pool_is_killed) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  for (int round = 0; round < 5; round++) {
    pool_is_complete(pool);
    CHECK_EQ(kill(zygote_of(pool), SIGKILL), 0);
    EVENTUALLY(family(&world) == 0);
    EVENTUALLY(pool_apply(pool, nothing, NULL, 0, NULL, 0) == POOL_ERR_BROKEN);
    refuses_work(pool, POOL_ERR_BROKEN);
    CHECK_OK(pool_refresh(pool));
    pool_works(pool);
  }
  CHECK_EQ(kill(zygote_of(pool), SIGKILL), 0);
  CHECK_OK(pool_close(pool));
  close_and_leave_nothing(pool, &world);
}

/* Submitting, mapping and waiting threads at the moment of death: each call ends, with POOL_OK or POOL_ERR_BROKEN. */
struct user {
  pool_t *pool;
  atomic_int stop, broken;
};

static void *use_until_told(void *data) {
  struct user *user = data;
  while (!atomic_load(&user->stop)) {
    int64_t args[20] = {7}, results[20];
    int32_t status = pool_map(user->pool, twice, args, 8, results, 8, 20);
    if (status == POOL_OK) {
      CHECK_EQ(results[0], 14);
      status = pool_apply(user->pool, twice, args, 8, results, 8);
    }
    CHECK(status == POOL_OK || status == POOL_ERR_BROKEN);
    atomic_fetch_add(&user->broken, status != POOL_OK);
    if (status != POOL_OK) {
      sleep_ms(1);
    }
  }
  return NULL;
}

CASE(the_zygote_is_killed_while_threads_use_the_pool) {
  struct world world = world_now();
  struct user user = {process_pool(2), 0, 0};
  pthread_t threads[4];
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(use_until_told, &user);
  }
  for (int round = 0; round < 10; round++) {
    sleep_ms(10);
    int broken = atomic_load(&user.broken);
    CHECK_EQ(kill(zygote_of(user.pool), SIGKILL), 0);
    EVENTUALLY(atomic_load(&user.broken) > broken);
    CHECK_OK(pool_refresh(user.pool));
  }
  atomic_store(&user.stop, 1);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    pthread_join(threads[i], NULL);
  }
  pool_works(user.pool);
  close_and_leave_nothing(user.pool, &world);
}

/* ---- Stopped processes ---- */

CASE(a_stopped_worker_is_killed_by_terminate) {
  struct world world = world_now();
  for (int round = 0; round < 5; round++) {
    pool_t *pool = process_pool(2);
    struct hold *hold = shared(pool, sizeof *hold);
    pool_future_t *future = hold_worker(pool, hold);
    CHECK_EQ(kill(hold->pid, SIGSTOP), 0);
    pid_t idle = worker_process(pool, worker_process(pool, 0) == hold->pid ? 1 : 0);
    if (round % 2 == 0) {
      CHECK_EQ(kill(idle, SIGSTOP), 0);
    }
    CHECK_OK(pool_terminate(pool));
    CHECK_FUTURE(future, POOL_ERR_TERMINATED);
    CHECK_OK(pool_future_release(future));
    close_and_leave_nothing(pool, &world);
  }
}

CASE(a_stopped_task_is_killed) {
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  struct hold *hold = shared(pool, sizeof *hold);
  pool_future_t *future = hold_worker(pool, hold);
  CHECK_EQ(kill(hold->pid, SIGSTOP), 0);
  CHECK_EQ(pool_future_kill(future), 1);
  CHECK_FUTURE(future, POOL_ERR_CANCELLED);
  CHECK_OK(pool_future_release(future));
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}

CASE(a_stopped_worker_goes_on) {
  pool_t *pool = process_pool(1);
  struct hold *hold = shared(pool, sizeof *hold);
  pool_future_t *future = hold_worker(pool, hold);
  CHECK_EQ(kill(hold->pid, SIGSTOP), 0);
  atomic_store(&hold->go, 1);
  CHECK_ERROR(pool_future_wait(future, 50), POOL_ERR_TIMEOUT);
  CHECK_EQ(kill(hold->pid, SIGCONT), 0);
  CHECK_FUTURE(future, POOL_OK);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* ---- Death while bytes move ---- */

enum { PIECE = 100 << 20 };

struct sender {
  pool_t *pool;
  unsigned char *bytes;
  atomic_int stop;
};

static int32_t check_large(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  return filled(arg, PIECE, 5) ? 0 : pool_task_fail(task, 91, "the argument is wrong");
}

static int32_t make_large(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  fill(result, PIECE, 6);
  return 0;
}

static int32_t set_large(const void *arg, void *result, pool_task_t *task) {
  unsigned char *bytes = malloc(PIECE);
  (void)arg;
  (void)result;
  CHECK(bytes != NULL);
  fill(bytes, PIECE, 6);
  return pool_task_set_result(task, bytes, PIECE);
}

/* Ever more slowly, so that each task succeeds at last, however slow the machine is. */
static void *kill_workers(void *data) {
  struct sender *sender = data;
  for (unsigned i = 0; !atomic_load(&sender->stop); i++) {
    pid_t pid = pool_worker_pid(sender->pool, i % 2);
    if (pid > 0) {
      kill(pid, SIGKILL);
    }
    sleep_ms(20 + (int)i * 20);
  }
  return NULL;
}

/* Killed at any moment of it, a task either has its whole result or has failed. */
CASE(workers_are_killed_while_large_arguments_and_results_move) {
  struct world world = world_now();
  struct sender sender = {process_pool(2), malloc(PIECE), 0};
  unsigned char *result = malloc(PIECE);
  CHECK(sender.bytes != NULL && result != NULL);
  fill(sender.bytes, PIECE, 5);
  pthread_t killer = check_thread(kill_workers, &sender);
  int died = 0;
  for (int round = 0; round < 3; round++) {
    int32_t statuses[3];
    statuses[0] = pool_apply(sender.pool, check_large, sender.bytes, PIECE, NULL, 0);
    memset(result, 0, PIECE);
    statuses[1] = pool_apply(sender.pool, make_large, NULL, 0, result, PIECE);
    CHECK(statuses[1] != POOL_OK || filled(result, PIECE, 6));
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(sender.pool, set_large, NULL, 0, 0, NULL, NULL, &future));
    CHECK_OK(pool_future_wait(future, -1));
    statuses[2] = pool_future_status(future);
    if (statuses[2] == POOL_OK) {
      size_t size = 0;
      const void *data = pool_future_data(future, &size);
      CHECK_EQ(size, PIECE);
      CHECK(filled(data, PIECE, 6));
    }
    CHECK_OK(pool_future_release(future));
    for (int i = 0; i < 3; i++) {
      if (statuses[i] != POOL_OK && statuses[i] != POOL_ERR_WORKER_DIED) {
        FAIL("task %d has status %d: %s", i, statuses[i], pool_last_error());
      }
      died += statuses[i] != POOL_OK;
    }
  }
  atomic_store(&sender.stop, 1);
  pthread_join(killer, NULL);
  CHECK_OK(pool_apply(sender.pool, check_large, sender.bytes, PIECE, NULL, 0));
  CHECK(died < 9);
  free(sender.bytes);
  free(result);
  close_and_leave_nothing(sender.pool, &world);
}
