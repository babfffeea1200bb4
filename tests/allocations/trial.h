/* A call at each allocation of which in turn there is no memory: it succeeds or says POOL_ERR_NO_MEMORY, the pool goes
 * on, nothing is lost. Each number runs in a child of its own, so that a death is seen and the next one tried. */
#ifndef TRIAL_H
#define TRIAL_H

#include "failing.h"

/* What a call is tried on, and what came of it. */
struct trial {
  pool_t *pool;
  pool_future_t *futures[100];
  atomic_int ran, called;
  int expected; /* So many tasks must have run in the end, and as many callbacks been called, if the call succeeds. */
  int expected_calls;
  bool by_outcome; /* As many as have ended well: a task that is there may still find no memory when it is to start. */
  bool more;       /* Or one more. */
};

typedef int32_t (*attempt_fn)(struct trial *trial);

static bool is_allowed(int32_t status) {
  return status == POOL_OK || status == POOL_ERR_NO_MEMORY;
}

/* No thread can be had, either. */
static bool is_allowed_later(int32_t status) {
  return is_allowed(status) || status == POOL_ERR_SYSTEM;
}

static void count_callback(const pool_result_t *outcome, void *user_data) {
  CHECK(is_allowed_later(outcome->status));
  atomic_fetch_add((atomic_int *)user_data, 1);
}

static void works(pool_t *pool) {
  int64_t args[64], results[64], arg = 21, result = 0;
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, &result, 8, -1));
  CHECK_OK(pool_future_release(future));
  for (int64_t i = 0; i < 64; i++) {
    args[i] = i;
  }
  CHECK_OK(pool_map(pool, twice, args, 8, results, 8, 64));
  CHECK_EQ(results[63], 126);
}

/* Whether the pool has done something before, and whose allocations fail: the caller's, or everybody's. */
struct kind {
  bool warm, everywhere;
};

/* One number, in a child: 0 all is well and an allocation failed, 2 none failed, anything else is a failure. */
static int one_number(const struct kind *kind, attempt_fn attempt, long number, bool onwards) {
  struct trial trial;
  memset(&trial, 0, sizeof trial);
  alarm(check_timeout / 2);
  trial.pool = new_pool(2);
  if (kind->warm) {
    works(trial.pool);
  }
  failing_begin(number, onwards, kind->everywhere);
  int32_t status = attempt(&trial);
  bool fired = failing_end();
  /* The C library says of a thread that there was no memory for that it might be had again. */
  if (!is_allowed(status) && !(status == POOL_ERR_SYSTEM && strstr(pool_last_error(), "thread") != NULL)) {
    FAIL("allocation %ld%s: status %d (%s): %s", number, onwards ? " and all later ones" : "", status,
         pool_status_name(status), pool_last_error());
  }
  if (status != POOL_OK) {
    CHECK(fired);
    CHECK(strlen(pool_last_error()) > 3);
    trial.expected = trial.expected_calls = 0;
  }
  for (size_t i = 0; i < COUNT_OF(trial.futures); i++) {
    if (trial.futures[i] != NULL) {
      CHECK(status == POOL_OK);
      CHECK_OK(pool_future_wait(trial.futures[i], -1));
      if (trial.by_outcome) {
        CHECK(is_allowed_later(pool_future_status(trial.futures[i])));
        trial.expected += pool_future_status(trial.futures[i]) == POOL_OK;
      }
      CHECK_OK(pool_future_release(trial.futures[i]));
    }
  }
  if (trial.pool != NULL) {
    works(trial.pool);
    CHECK_OK(pool_close_join(trial.pool));
  }
  if (trial.ran != trial.expected && !(trial.more && trial.ran == trial.expected + 1)) {
    FAIL("%d tasks have run, not %d%s", trial.ran, trial.expected, trial.more ? ", or one more" : "");
  }
  CHECK_EQ(trial.called, trial.expected_calls);
  return fired ? 0 : 2;
}

UNUSED static void each_allocation(const struct kind *kind, attempt_fn attempt) {
  int failures = 0;
  long numbers = 0;
  for (int onwards = 0; onwards < 2; onwards++) {
    int ended = 0;
    for (long number = 1; ended != 2 && number < 3000; number++) {
      fflush(stdout);
      pid_t child = fork();
      if (child == 0) {
        _exit(one_number(kind, attempt, number, onwards != 0));
      }
      ended = check_wait(child);
      if (ended != 0 && ended != 2) {
        printf("allocation %ld%s: the child ended with %d\n", number, onwards ? " and all later ones" : "", ended);
        failures++;
      }
      numbers++;
    }
    CHECK_EQ(ended, 2);
  }
  CHECK(numbers >= 2);
  if (failures > 0) {
    FAIL("%d of %ld", failures, numbers);
  }
}

/* A pool is made of much that the language gives no way to do without; so there is a look beforehand. */
UNUSED static void none_at_all(attempt_fn attempt) {
  struct trial trial;
  memset(&trial, 0, sizeof trial);
  failing_begin(1, true, false);
  int32_t status = attempt(&trial);
  CHECK(failing_end());
  CHECK_STATUS(status, POOL_ERR_NO_MEMORY);
  CHECK(trial.pool == NULL);
  CHECK_OK(attempt(&trial));
  if (trial.pool != NULL) {
    works(trial.pool);
    CHECK_OK(pool_close_join(trial.pool));
  }
}

static const struct kind fresh = {false, false}, warm = {true, false};
static const struct kind fresh_everywhere = {false, true}, warm_everywhere = {true, true};

#define CALLS(name)                                                                                                    \
  CASE(of_##name) {                                                                                                    \
    each_allocation(&fresh, name);                                                                                     \
    each_allocation(&warm, name);                                                                                      \
  }                                                                                                                    \
  CASE(of_##name##_on_every_thread) {                                                                                  \
    each_allocation(&fresh_everywhere, name);                                                                          \
    each_allocation(&warm_everywhere, name);                                                                           \
  }

#endif
