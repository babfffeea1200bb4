/* Operations for the instruction counts: `./operations NAME COUNT` does one of them COUNT times. count.py runs that under
 * callgrind with two counts, and what the second run needs more is the operation's cost.
 *
 * Everything runs on one processor, where no thread spins, and a worker is held while its tasks are queued, so that
 * nobody is woken on the way and every run executes the same instructions. Tasks of the same number have run before, so
 * that their memory is warm. What the caller does is counted in `measured` alone, what workers do all of the time. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <millpond.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 4096 };

static pool_t *pool;
static size_t count;
static atomic_bool held, go;
static atomic_size_t ended;
static pool_future_t *futures[MOST];

static void must(int32_t status) {
  if (status != POOL_OK) {
    (void)fprintf(stderr, "%s: %s\n", pool_status_name(status), pool_last_error());
    exit(1);
  }
}

static void wait_for(const atomic_bool *flag) {
  while (!atomic_load(flag)) {
    sched_yield();
  }
}

static int32_t hold(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  atomic_store(&held, true);
  wait_for(&go);
  return 0;
}

/* The pool's only worker does nothing else until `let_go`. */
static void hold_worker(void) {
  atomic_store(&go, false);
  atomic_store(&held, false);
  must(pool_apply_async(pool, hold, NULL, 0, 0, NULL, NULL, NULL));
  wait_for(&held);
}

static int32_t mark_end(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&ended, 1);
  return 0;
}

/* The worker does what is queued, and this returns when it has. */
static void let_go(void) {
  size_t before = atomic_load(&ended);
  must(pool_apply_async(pool, mark_end, NULL, 0, 0, NULL, NULL, NULL));
  atomic_store(&go, true);
  while (atomic_load(&ended) == before) {
    sched_yield();
  }
}

/* The task of all operations: eight bytes in, eight out, as little as possible between. */
static int32_t add_one(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(uint64_t *)result = *(const uint64_t *)arg + 1;
  return 0;
}

static void called_back(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  (void)user_data;
}

/* What the caller is charged for happens in here. */
__attribute__((noinline)) static void measured(void (*body)(void)) {
  body();
  __asm__ volatile("");
}

static void apply(void) {
  for (uint64_t i = 0; i < count; i++) {
    uint64_t result;
    must(pool_apply(pool, add_one, &i, sizeof i, &result, sizeof result));
  }
}

static void submit(void) {
  for (uint64_t i = 0; i < count; i++) {
    must(pool_apply_async(pool, add_one, &i, sizeof i, sizeof i, NULL, NULL, NULL));
  }
}

/* All in one call. */
static void submit_batch(void) {
  static pool_call_t calls[MOST];
  static uint64_t args[MOST];
  for (size_t i = 0; i < count; i++) {
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls[i].fn = add_one;
    calls[i].arg = &args[i];
    calls[i].arg_size = calls[i].result_size = sizeof args[i];
  }
  must(pool_submit(pool, calls, count, NULL));
}

static void submit_with_future(void) {
  for (uint64_t i = 0; i < count; i++) {
    must(pool_apply_async(pool, add_one, &i, sizeof i, sizeof i, NULL, NULL, &futures[i]));
  }
}

static void submit_with_callback(void) {
  for (uint64_t i = 0; i < count; i++) {
    must(pool_apply_async(pool, add_one, &i, sizeof i, sizeof i, called_back, NULL, NULL));
  }
}

static void get_and_release(void) {
  for (size_t i = 0; i < count; i++) {
    uint64_t result;
    must(pool_future_get(futures[i], &result, sizeof result, -1));
    must(pool_future_release(futures[i]));
  }
}

static uint64_t items[MOST], doubled[MOST];

static void map(void) {
  must(pool_map(pool, add_one, items, sizeof items[0], doubled, sizeof doubled[0], count));
}

static int32_t bring_many(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  submit();
  return 0;
}

/* Fork and join with futures: each child is brought, waited for, and so run, on this very stack. */
static int32_t fork_and_join(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  for (uint64_t i = 0; i < count; i++) {
    pool_future_t *future = NULL;
    uint64_t sum;
    must(pool_apply_async(pool, add_one, &i, sizeof i, sizeof i, NULL, NULL, &future));
    must(pool_future_get(future, &sum, sizeof sum, -1));
    must(pool_future_release(future));
  }
  return 0;
}

/* Forks that nobody is there to take; both halves are `add_one`. */
static int32_t fork_many(const void *arg, void *result, pool_task_t *task) {
  uint64_t ends[2];
  (void)arg;
  (void)result;
  for (uint64_t i = 0; i < count; i++) {
    must(pool_join2(task, add_one, &i, &ends[0], add_one, &i, &ends[1]));
  }
  return 0;
}

static int32_t fork_many_by_call(const void *arg, void *result, pool_task_t *task) {
  uint64_t ends[2];
  (void)arg;
  (void)result;
  for (uint64_t i = 0; i < count; i++) {
    must((pool_join2)(task, add_one, &i, &ends[0], add_one, &i, &ends[1]));
  }
  return 0;
}

static void join2(void) {
  must(pool_apply(pool, fork_many, NULL, 0, NULL, 0));
}

static void join2_by_call(void) {
  must(pool_apply(pool, fork_many_by_call, NULL, 0, NULL, 0));
}

static void run_on_worker(pool_fn fn) {
  hold_worker();
  must(pool_apply_async(pool, fn, NULL, 0, 0, NULL, NULL, NULL));
  let_go();
}

static void nothing_more(void) {}

/* Submits a task to a worker that sleeps, and lets it do that and go to sleep again: a blocked caller is the only one
 * that does not run. */
static void wake(void) {
  size_t total = count;
  count = MOST;
  submit();
  count = 1;
  while (total-- > 0) {
    nanosleep(&(struct timespec){0, 500000}, NULL);
    measured(submit);
  }
  nanosleep(&(struct timespec){0, 500000}, NULL);
}

/* Tasks from outside: `queue` submits them, `after` deals with their futures. */
static void from_outside(void (*queue)(void), void (*after)(void)) {
  size_t full = count;
  count = MOST;
  hold_worker();
  queue();
  let_go();
  after();
  count = full;
  hold_worker();
  measured(queue);
  let_go();
  after();
}

static void from_inside(pool_fn fn) {
  size_t full = count;
  count = MOST;
  run_on_worker(fn);
  count = full;
  run_on_worker(fn);
}

static void future_read_later(void) {
  hold_worker();
  submit_with_future();
  let_go();
  measured(get_and_release);
}

int main(int argc, char **argv) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  count = argc == 3 ? (size_t)atol(argv[2]) : 0;
  if (count == 0 || count > MOST || sched_setaffinity(0, sizeof one, &one) != 0) {
    (void)fprintf(stderr, "usage: operations NAME COUNT, COUNT at most %d\n", MOST);
    return 2;
  }
  pool = pool_create(1);
  if (pool == NULL) {
    (void)fprintf(stderr, "pool_create: %s\n", pool_last_error());
    return 1;
  }
  const char *name = argv[1];
  if (strcmp(name, "apply") == 0) {
    apply();
    measured(apply);
  } else if (strcmp(name, "map") == 0) {
    map();
    measured(map);
  } else if (strcmp(name, "join2") == 0) {
    join2();
    measured(join2);
  } else if (strcmp(name, "join2_by_call") == 0) {
    join2_by_call();
    measured(join2_by_call);
  } else if (strcmp(name, "submit") == 0) {
    from_outside(submit, nothing_more);
  } else if (strcmp(name, "submit_batch") == 0) {
    from_outside(submit_batch, nothing_more);
  } else if (strcmp(name, "submit_future") == 0) {
    from_outside(submit_with_future, get_and_release);
  } else if (strcmp(name, "submit_callback") == 0) {
    from_outside(submit_with_callback, nothing_more);
  } else if (strcmp(name, "get") == 0) {
    future_read_later();
  } else if (strcmp(name, "wake") == 0) {
    wake();
  } else if (strcmp(name, "nested") == 0) {
    from_inside(bring_many);
  } else if (strcmp(name, "fork_join") == 0) {
    from_inside(fork_and_join);
  } else {
    (void)fprintf(stderr, "no operation %s\n", name);
    return 2;
  }
  must(pool_close_join(pool));
  return 0;
}
