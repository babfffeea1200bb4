/* What both of Millpond's programs do: check, and the tasks they run. */
#ifndef BENCH_OURS_H
#define BENCH_OURS_H

#include <millpond.h>

#include "bench.h"
#include "latch.h"

static inline void check(int32_t status) {
  if (status != POOL_OK) {
    fprintf(stderr, "%s: %s\n", pool_status_name(status), pool_last_error());
    exit(1);
  }
}

static inline int32_t count_down(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  bench_counter_down((struct bench_counter *)(uintptr_t)arg);
  return 0;
}

static inline int32_t add_one(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(uint64_t *)result = *(const uint64_t *)arg + 1;
  return 0;
}

static inline void apply_once(void *pool) {
  uint64_t x = 1;
  uint64_t result = 0;
  check(pool_apply(pool, add_one, &x, sizeof x, &result, sizeof result));
  if (result != 2) {
    bench_fail("pool_apply returned a wrong result");
  }
}

#endif
