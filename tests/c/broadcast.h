/* Something that every worker does once, on threads and in processes. */
#ifndef BROADCAST_H
#define BROADCAST_H

#include "procs.h"

enum { MOST = 8 };

/* Who ran something: a thread, and its process. */
struct who {
  int64_t thread;
  int32_t pid;
  uint32_t worker;
};

static int32_t tell_who(const void *arg, void *result, pool_task_t *task) {
  CHECK_EQ(*(const int64_t *)arg, 4711);
  *(struct who *)result = (struct who){(int64_t)(uintptr_t)pthread_self(), (int32_t)getpid(), task->worker};
  return 0;
}

static pool_t *crew(int32_t mode, uint32_t workers) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = workers;
  options.max_workers = MOST;
  return new_pool_with(&options);
}

static void each_ran_it_once(pool_t *pool, int32_t mode) {
  const int64_t arg = 4711;
  struct who who[MOST + 1];
  memset(who, 0xee, sizeof who);
  int32_t workers = pool_workers(pool);
  CHECK_OK(pool_broadcast(pool, tell_who, &arg, sizeof arg, who, sizeof *who, NULL, MOST));
  for (int32_t i = 0; i < workers; i++) {
    CHECK_EQ(who[i].pid == getpid(), mode != POOL_PROCESSES);
    for (int32_t j = 0; j < i; j++) {
      CHECK(mode == POOL_PROCESSES ? who[i].pid != who[j].pid : who[i].thread != who[j].thread);
      CHECK(who[i].worker != who[j].worker);
    }
  }
  CHECK_EQ(who[workers].pid, (int32_t)0xeeeeeeee);
}

/* Whoever comes first is done at once; it must not be the next, too. */
static void every_worker_runs_it_once(int32_t mode) {
  pool_t *pool = crew(mode, 4);
  for (int i = 0; i < 30; i++) {
    each_ran_it_once(pool, mode);
    if (i % 10 == 9) {
      CHECK_OK(pool_resize(pool, (uint32_t)(i % 4 + 3)));
    }
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t use_pointer(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  atomic_fetch_add((atomic_int *)(uintptr_t)arg, 1);
  return 0;
}

static int32_t sum_up(const void *arg, void *result, pool_task_t *task) {
  const unsigned char *bytes = arg;
  CHECK_EQ((uintptr_t)arg % 16, 0);
  CHECK_EQ((uintptr_t)result % 16, 0);
  CHECK(filled(bytes, 10000, 5));
  memcpy(result, bytes, 10000);
  return pool_task_fail(task, 0, "");
}

/* By pointer, and by many bytes; a result that the task sets. */
static int32_t set_short(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_OK(pool_task_set_result(task, "abc", 3));
  return 0;
}

static int32_t set_long(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_OK(pool_task_set_result(task, "abcdefghi", 9));
  return 0;
}

static void arguments_and_results(int32_t mode) {
  pool_t *pool = crew(mode, 3);
  atomic_int *count = shared(pool, sizeof *count);
  CHECK_OK(pool_broadcast(pool, use_pointer, count, 0, NULL, 0, NULL, 0));
  CHECK_EQ(atomic_load(count), 3);
  unsigned char *bytes = malloc(10000), *results = malloc(30000);
  fill(bytes, 10000, 5);
  CHECK_OK(pool_broadcast(pool, sum_up, bytes, 10000, results, 10000, NULL, 3));
  for (int i = 0; i < 3; i++) {
    CHECK(filled(results + 10000 * i, 10000, 5));
  }
  char texts[3][8];
  memset(texts, 'x', sizeof texts);
  CHECK_OK(pool_broadcast(pool, set_short, NULL, 0, texts, 8, NULL, 3));
  CHECK(memcmp(texts, "abcxxxxxabcxxxxxabcxxxxx", 24) == 0);
  CHECK_ERROR(pool_broadcast(pool, set_long, NULL, 0, texts, 8, NULL, 3), POOL_ERR_SIZE);
  free(bytes);
  free(results);
  CHECK_OK(pool_shared_free(pool, count));
  CHECK_OK(pool_close_join(pool));
}

static int32_t fail_second(const void *arg, void *result, pool_task_t *task) {
  int order = atomic_fetch_add((atomic_int *)(uintptr_t)arg, 1);
  *(int32_t *)result = order + 1;
  return order == 1 ? pool_task_fail(task, 77, "the second fails") : 0;
}

static void failures_are_told(int32_t mode) {
  pool_t *pool = crew(mode, 3);
  atomic_int *order = shared(pool, sizeof *order);
  int32_t results[3] = {0}, statuses[4] = {9, 9, 9, 9};
  CHECK_EQ(pool_broadcast(pool, fail_second, order, 0, results, 4, NULL, 3), 77);
  CHECK_HAS(pool_last_error(), "the second fails");
  atomic_store(order, 0);
  memset(results, 0, sizeof results);
  CHECK_OK(pool_broadcast(pool, fail_second, order, 0, results, 4, statuses, 3));
  int failed = 0;
  for (int i = 0; i < 3; i++) {
    failed += statuses[i] == 77;
    CHECK_EQ(results[i] == 0, statuses[i] == 77);
    CHECK(statuses[i] == 77 || statuses[i] == POOL_OK);
  }
  CHECK_EQ(failed, 1);
  CHECK_EQ(statuses[3], 9);
  CHECK_OK(pool_close_join(pool));
}

static void nonsense(int32_t mode) {
  pool_t *pool = crew(mode, 2);
  int64_t number = 4711;
  struct who who[2];
  CHECK_ERROR(pool_broadcast(NULL, tell_who, &number, 8, who, sizeof *who, NULL, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_broadcast(pool, NULL, &number, 8, who, sizeof *who, NULL, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_broadcast(pool, tell_who, NULL, 8, who, sizeof *who, NULL, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_broadcast(pool, tell_who, &number, SIZE_MAX, who, sizeof *who, NULL, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_broadcast(pool, tell_who, &number, 8, NULL, sizeof *who, NULL, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_broadcast(pool, tell_who, &number, 8, who, SIZE_MAX, NULL, 2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_broadcast(pool, tell_who, &number, 8, who, sizeof *who, NULL, SIZE_MAX), POOL_ERR_INVALID);
  CHECK_ERROR(pool_broadcast(pool, tell_who, &number, 8, who, sizeof *who, NULL, 1), POOL_ERR_SIZE);
  CHECK_HAS(pool_last_error(), "2 workers");
  int32_t status = 5;
  CHECK_ERROR(pool_broadcast(pool, nothing, NULL, 0, NULL, 0, &status, 1), POOL_ERR_SIZE);
  CHECK_EQ(status, 5);
  CHECK_OK(pool_broadcast(pool, nothing, NULL, 0, NULL, 0, NULL, 0));
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_broadcast(pool, nothing, NULL, 0, NULL, 0, NULL, 0), POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
}

/* A call on a thread of its own. */
struct caller {
  pool_t *pool;
  pool_fn fn;
  void *arg;
  atomic_int ended;
  int32_t status, statuses[MOST];
  pthread_t thread;
};

UNUSED static void *broadcast_now(void *data) {
  struct caller *caller = data;
  caller->status = pool_broadcast(caller->pool, caller->fn, caller->arg, 0, NULL, 0, caller->statuses, MOST);
  atomic_store(&caller->ended, 1);
  return NULL;
}

UNUSED static void begin(struct caller *caller) {
  caller->thread = check_thread(broadcast_now, caller);
}

/* The task that holds one worker runs, and all others wait for it. */
UNUSED static void all_but_one_have_come(pool_t *pool) {
  pool_stats_t stats = POOL_STATS_INIT;
  uint32_t workers = (uint32_t)pool_workers(pool);
  EVENTUALLY((pool_stats(pool, &stats), stats.running == workers && stats.submitted > workers));
}

/* Busy workers are waited for, and new numbers of workers take effect afterwards. */
static void busy_workers_come_later(int32_t mode) {
  pool_t *pool = crew(mode, 3);
  struct hold *hold = shared(pool, sizeof *hold);
  atomic_int *count = shared(pool, sizeof *count);
  pool_future_t *future = hold_worker(pool, hold);
  struct caller caller = {.pool = pool, .fn = use_pointer, .arg = count};
  begin(&caller);
  all_but_one_have_come(pool);
  sleep_ms(100);
  CHECK_EQ(atomic_load(&caller.ended), 0);
  CHECK_EQ(atomic_load(count), 0);
  CHECK_OK(pool_resize(pool, 1));
  CHECK_EQ(pool_workers(pool), 1);
  CHECK_OK(pool_resize(pool, 2));
  atomic_store(&hold->go, 1);
  pthread_join(caller.thread, NULL);
  CHECK_OK(caller.status);
  CHECK_EQ(atomic_load(count), 3);
  CHECK_FUTURE(future, POOL_OK);
  CHECK_OK(pool_future_release(future));
  for (int i = 0; i < 5; i++) {
    each_ran_it_once(pool, mode);
  }
  CHECK_OK(pool_close_join(pool));
}

/* Ended while some wait for the others: nobody waits for ever. */
static void terminated_meanwhile(int32_t mode) {
  pool_t *pool = crew(mode, 3);
  struct hold *hold = shared(pool, sizeof *hold);
  atomic_int *count = shared(pool, sizeof *count);
  pool_future_t *future = hold_worker(pool, hold);
  struct caller caller = {.pool = pool, .fn = use_pointer, .arg = count};
  begin(&caller);
  all_but_one_have_come(pool);
  CHECK_OK(pool_terminate(pool));
  pthread_join(caller.thread, NULL);
  /* Or it had not begun. */
  if (caller.status != POOL_ERR_CLOSED) {
    CHECK_OK(caller.status);
    for (int i = 0; i < 3; i++) {
      CHECK_EQ(caller.statuses[i], POOL_ERR_TERMINATED);
    }
  }
  CHECK_EQ(atomic_load(count), 0);
  atomic_store(&hold->go, 1);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* Closed meanwhile: it goes on. */
static void closed_meanwhile(int32_t mode) {
  pool_t *pool = crew(mode, 2);
  struct hold *hold = shared(pool, sizeof *hold);
  atomic_int *count = shared(pool, sizeof *count);
  pool_future_t *future = hold_worker(pool, hold);
  struct caller caller = {.pool = pool, .fn = use_pointer, .arg = count};
  begin(&caller);
  all_but_one_have_come(pool);
  CHECK_OK(pool_close(pool));
  atomic_store(&hold->go, 1);
  pthread_join(caller.thread, NULL);
  CHECK_OK(caller.status);
  CHECK_EQ(atomic_load(count), 2);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* Several at once, while other tasks run: one after the other, and none waits for ever. */
static void many_at_once(int32_t mode, int rounds) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = 3;
  options.max_pending = 2;
  pool_t *pool = new_pool_with(&options);
  atomic_int *count = shared(pool, sizeof *count);
  for (int i = 0; i < rounds; i++) {
    struct caller callers[3];
    for (int j = 0; j < 3; j++) {
      callers[j] = (struct caller){.pool = pool, .fn = use_pointer, .arg = count};
      begin(&callers[j]);
    }
    int64_t number = i, result = 0;
    CHECK_OK(pool_apply(pool, twice, &number, 8, &result, 8));
    CHECK_EQ(result, 2 * i);
    for (int j = 0; j < 3; j++) {
      pthread_join(callers[j].thread, NULL);
      CHECK_OK(callers[j].status);
    }
    CHECK_EQ(atomic_load(count), 9 * (i + 1));
  }
  CHECK_OK(pool_close_join(pool));
}

#endif
