/* How far tasks and maps have come: what is the same in threads and in processes. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "procs.h"

struct pair {
  uint64_t done, total;
};

UNUSED static struct pair progress_of(const pool_future_t *future) {
  struct pair now = {77, 77};
  CHECK_OK(pool_future_progress(future, &now.done, &now.total));
  return now;
}

UNUSED static void progress_is(const pool_future_t *future, uint64_t done, uint64_t total) {
  struct pair now = progress_of(future);
  CHECK_EQ(now.done, done);
  CHECK_EQ(now.total, total);
}

/* Says step * 10 of step * 1000 whenever the step changes, and ends at a negative one. In shared memory. */
struct steps {
  atomic_int step, said;
};

UNUSED static int32_t walk(const void *arg, void *result, pool_task_t *task) {
  struct steps *steps = (struct steps *)(uintptr_t)arg;
  (void)result;
  for (int last = 0;;) {
    int step = atomic_load(&steps->step);
    if (step < 0) {
      return -step;
    }
    if (step != last) {
      CHECK_OK(pool_task_progress(task, (uint64_t)step * 10, (uint64_t)step * 1000));
      atomic_store(&steps->said, last = step);
    }
    sleep_ms(1);
  }
}

UNUSED static void what_a_task_says(pool_t *pool) {
  struct steps *steps = shared(pool, sizeof *steps);
  pool_future_t *futures[2];
  for (int i = 0; i < 2; i++) {
    /* Again, in the same place perhaps: the first one's words are not the second one's. */
    atomic_store(&steps->said, 0);
    atomic_store(&steps->step, 0);
    CHECK_OK(pool_apply_async(pool, walk, steps, 0, 0, NULL, NULL, &futures[i]));
    progress_is(futures[i], 0, 0);
    EVENTUALLY(pool_future_running(futures[i]) == 1);
    progress_is(futures[i], 0, 0);
    for (int step = 1; step < 20; step++) {
      atomic_store(&steps->step, step);
      EVENTUALLY(atomic_load(&steps->said) == step);
      progress_is(futures[i], (uint64_t)step * 10, (uint64_t)step * 1000);
    }
    atomic_store(&steps->step, -1 - i);
    CHECK_FUTURE(futures[i], i + 1);
    progress_is(futures[i], 190, 19000);
  }
  CHECK_OK(pool_future_progress(futures[0], NULL, NULL));
  CHECK_OK(pool_future_release(futures[0]));
  CHECK_OK(pool_future_release(futures[1]));
}

/* n of 3 * n, as fast as it goes, up to its argument. */
UNUSED static int32_t chatter(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  for (int64_t i = 1; i <= *(const int64_t *)arg; i++) {
    CHECK_OK(pool_task_progress(task, (uint64_t)i, (uint64_t)i * 3));
  }
  return 0;
}

UNUSED static void numbers_that_belong_together(pool_t *pool) {
  int64_t count = (int64_t)scaled(2000000);
  pool_future_t *future;
  CHECK_OK(pool_apply_async(pool, chatter, &count, 8, 0, NULL, NULL, &future));
  uint64_t last = 0;
  while (!pool_future_ready(future)) {
    struct pair now = progress_of(future);
    CHECK_EQ(now.total, now.done * 3);
    CHECK(now.done >= last);
    last = now.done;
  }
  progress_is(future, (uint64_t)count, (uint64_t)count * 3);
  CHECK_OK(pool_future_release(future));
}

/* ---- Maps ---- */

/* Lets as many items through as are allowed, whichever they are. In shared memory. */
struct turnstile {
  atomic_int allowed, through;
};

UNUSED static int32_t pass(const void *arg, void *result, pool_task_t *task) {
  struct turnstile *turnstile = *(struct turnstile *const *)arg;
  (void)result;
  CHECK_STATUS(pool_task_progress(task, 1, 2), POOL_ERR_UNSUPPORTED);
  sleep_ms(1); /* so that each item is a chunk of its own */
  for (;;) {
    int through = atomic_load(&turnstile->through);
    if (through < atomic_load(&turnstile->allowed)) {
      if (atomic_compare_exchange_strong(&turnstile->through, &through, through + 1)) {
        return 0;
      }
    } else if (pool_task_cancelled(task) == 1) {
      return 9;
    } else {
      sleep_ms(1);
    }
  }
}

enum { ITEMS = 300 };

UNUSED static void items_that_are_done(pool_t *pool) {
  struct turnstile *turnstile = shared(pool, sizeof *turnstile);
  struct turnstile *args[ITEMS];
  for (int i = 0; i < ITEMS; i++) {
    args[i] = turnstile;
  }
  pool_future_t *future;
  CHECK_OK(pool_map_async(pool, pass, args, sizeof *args, NULL, 0, ITEMS, NULL, NULL, &future));
  progress_is(future, 0, ITEMS);
  uint64_t last = 0;
  for (int allowed = 1; allowed <= ITEMS; allowed += 23) {
    atomic_store(&turnstile->allowed, allowed);
    struct pair now;
    do {
      now = progress_of(future);
      CHECK_EQ(now.total, ITEMS);
      CHECK(now.done <= (uint64_t)allowed && now.done >= last);
      last = now.done;
      sleep_ms(1);
    } while (now.done < (uint64_t)allowed);
  }
  atomic_store(&turnstile->allowed, ITEMS);
  CHECK_FUTURE(future, POOL_OK);
  progress_is(future, ITEMS, ITEMS);
  CHECK_OK(pool_future_release(future));
}

UNUSED static void a_map_that_is_cancelled(pool_t *pool) {
  struct turnstile *turnstile = shared(pool, sizeof *turnstile);
  struct turnstile *args[ITEMS];
  for (int i = 0; i < ITEMS; i++) {
    args[i] = turnstile;
  }
  pool_future_t *future;
  atomic_store(&turnstile->allowed, 40);
  CHECK_OK(pool_map_async(pool, pass, args, sizeof *args, NULL, 0, ITEMS, NULL, NULL, &future));
  EVENTUALLY(progress_of(future).done >= 40);
  CHECK_EQ(pool_future_cancel(future), 1);
  CHECK_OK(pool_future_wait(future, -1));
  struct pair now = progress_of(future);
  CHECK_EQ(now.total, ITEMS);
  CHECK(now.done >= 40 && now.done < ITEMS);
  CHECK_OK(pool_future_release(future));
}

#endif
