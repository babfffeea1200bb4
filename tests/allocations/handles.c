/* At each allocation of a call in turn there is no memory: what is given out, and what goes by it. */
#include "trial.h"

/* For calls that give out something: `release` it, or NULL must have been left. */
#define GIVEN(status, handle, release)                                                                                 \
  do {                                                                                                                 \
    if ((status) == POOL_OK) {                                                                                         \
      CHECK_OK(release(handle));                                                                                       \
    } else {                                                                                                           \
      CHECK((handle) == NULL);                                                                                         \
    }                                                                                                                  \
  } while (0)

static int32_t token(struct trial *trial) {
  pool_token_t *made = NULL;
  (void)trial;
  int32_t status = pool_token_create(&made);
  GIVEN(status, made, pool_token_release);
  return status;
}

static int32_t group(struct trial *trial) {
  pool_group_t *made = NULL;
  (void)trial;
  int32_t status = pool_group_create(&made);
  GIVEN(status, made, pool_group_release);
  return status;
}

static void *some_value(void *user_data) {
  return user_data;
}

static int32_t local(struct trial *trial) {
  pool_local_t *made = pool_local_create(some_value, NULL, trial);
  if (made == NULL) {
    CHECK(strstr(pool_last_error(), "memory") != NULL);
    return POOL_ERR_NO_MEMORY;
  }
  CHECK_OK(pool_local_release(made));
  return POOL_OK;
}

/* ---- Tasks that start later ---- */

static pool_call_t incrementing(struct trial *trial) {
  pool_call_t call = POOL_CALL_INIT;
  call.fn = increment;
  call.arg = &trial->ran;
  call.callback = count_callback;
  call.user_data = &trial->called;
  return call;
}

static int32_t delayed(struct trial *trial) {
  pool_call_t calls[3];
  for (int i = 0; i < 3; i++) {
    calls[i] = incrementing(trial);
    calls[i].delay_ms = 1;
  }
  trial->expected_calls = 3;
  trial->by_outcome = true;
  return pool_submit(trial->pool, calls, 3, trial->futures);
}

static int32_t following(struct trial *trial) {
  pool_future_t *first = NULL;
  int32_t status = pool_apply_async(trial->pool, nothing, NULL, 0, 0, NULL, NULL, &first);
  if (status != POOL_OK) {
    return status;
  }
  pool_call_t call = incrementing(trial);
  call.after = &first;
  call.after_count = 1;
  trial->expected_calls = 1;
  trial->by_outcome = true;
  status = pool_submit(trial->pool, &call, 1, &trial->futures[0]);
  CHECK_OK(pool_future_release(first));
  return status;
}

static int32_t then(struct trial *trial) {
  pool_future_t *first = NULL;
  int64_t number = 21, result = 0;
  int32_t status = pool_apply_async(trial->pool, twice, &number, 8, 8, NULL, NULL, &first);
  if (status != POOL_OK) {
    return status;
  }
  status = pool_future_then(first, twice, 8, NULL, NULL, &trial->futures[0]);
  CHECK_OK(pool_future_release(first));
  if (status == POOL_OK) {
    status = pool_future_get(trial->futures[0], &result, 8, -1);
    CHECK(status != POOL_OK || result == 84);
    if (status != POOL_OK) {
      CHECK_OK(pool_future_release(trial->futures[0]));
      trial->futures[0] = NULL;
    }
  }
  return status;
}

static int32_t in_groups(struct trial *trial) {
  pool_token_t *token = NULL;
  pool_group_t *group = NULL;
  int32_t status = pool_token_create(&token);
  if (status == POOL_OK) {
    status = pool_group_create(&group);
  }
  if (status == POOL_OK) {
    pool_call_t calls[20];
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
      calls[i] = incrementing(trial);
      calls[i].cancel = i % 3 == 0 ? NULL : token;
      calls[i].group = i % 2 == 0 ? NULL : group;
      calls[i].delay_ms = i % 5 == 0;
      calls[i].priority = i % 7 == 0 ? POOL_PRIORITY_HIGH : POOL_PRIORITY_NORMAL;
    }
    trial->expected_calls = COUNT_OF(calls);
    trial->by_outcome = true;
    status = pool_submit(trial->pool, calls, COUNT_OF(calls), trial->futures);
  }
  if (status == POOL_OK) {
    int32_t waited = pool_group_wait(group, -1);
    CHECK(is_allowed(waited));
  }
  CHECK_OK(pool_group_release(group));
  CHECK_OK(pool_token_release(token));
  return status;
}

static int32_t fail_once(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  return task->attempt > 1 ? increment(arg, result, task) : pool_task_fail(task, 9, "once more");
}

static int32_t with_limits(struct trial *trial) {
  pool_call_t call = incrementing(trial);
  call.fn = fail_once;
  call.retries = 1;
  call.timeout_ms = 60000;
  int32_t status = pool_submit(trial->pool, &call, 1, &trial->futures[0]);
  if (status != POOL_OK) {
    return status;
  }
  trial->expected_calls = 1;
  trial->by_outcome = true;
  return POOL_OK;
}

static int32_t periodic(struct trial *trial) {
  pool_call_t call = incrementing(trial);
  pool_periodic_t *periodic = NULL;
  call.callback = NULL;
  int32_t status = pool_periodic_start(trial->pool, &call, 1, &periodic);
  if (status != POOL_OK) {
    CHECK(periodic == NULL);
    return status;
  }
  /* A run for which there is no memory is its end. */
  while (pool_periodic_runs(periodic) < 3 && pool_periodic_wait(periodic, 1) == POOL_ERR_TIMEOUT) {
  }
  pool_periodic_cancel(periodic);
  status = pool_periodic_wait(periodic, -1);
  CHECK(status == POOL_ERR_CANCELLED || status == POOL_ERR_NO_MEMORY || status == POOL_ERR_SYSTEM);
  trial->expected = (int)pool_periodic_runs(periodic);
  /* A run that there was no memory to watch went on unseen. */
  trial->more = status != POOL_ERR_CANCELLED;
  CHECK_OK(pool_periodic_release(periodic));
  return POOL_OK;
}

/* ---- Several at once ---- */

static int32_t waits(struct trial *trial) {
  size_t index = 0;
  int32_t status = delayed(trial);
  if (status == POOL_OK) {
    int32_t waited = pool_wait(trial->futures, 3, POOL_WAIT_ANY, -1, &index);
    CHECK(is_allowed(waited));
    waited = pool_wait(trial->futures, 3, POOL_WAIT_FIRST_ERROR, -1, &index);
    CHECK(is_allowed(waited));
    CHECK_OK(pool_wait(trial->futures, 3, POOL_WAIT_ALL, -1, &index));
  }
  return status;
}

static int32_t as_completed(struct trial *trial) {
  pool_as_completed_t *iterator = NULL;
  int32_t status = delayed(trial);
  if (status == POOL_OK && pool_as_completed(trial->futures, 3, &iterator) == POOL_OK) {
    size_t index = 0;
    int ended = 0;
    while (pool_as_completed_next(iterator, -1, &index) == 1) {
      ended++;
    }
    CHECK_EQ(ended, 3);
    CHECK_OK(pool_as_completed_release(iterator));
  }
  return status;
}

static int32_t produce(void *arg, void *user_data) {
  int64_t *next = user_data;
  if (*next == 20) {
    return 0;
  }
  *(int64_t *)arg = (*next)++;
  return 1;
}

/* Of twenty items none is lost; those that there was no memory to submit are submitted when there is. */
static int32_t imap_of(struct trial *trial, bool ordered) {
  int64_t produced = 0, result = 0, sum = 0;
  pool_imap_t *imap = NULL;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = twice;
  call.arg_size = call.result_size = 8;
  int32_t status = (ordered ? pool_imap : pool_imap_unordered)(trial->pool, &call, produce, &produced, 4, &imap);
  if (status != POOL_OK) {
    CHECK(imap == NULL);
    return status;
  }
  int failures = 0;
  int32_t outcome = POOL_OK;
  while ((status = pool_imap_next(imap, -1, &result, 8, NULL, &outcome)) != 0) {
    if (status == 1) {
      CHECK_OK(outcome);
      sum += result;
      continue;
    }
    CHECK(status == POOL_ERR_NO_MEMORY || status == POOL_ERR_SYSTEM);
    if (++failures == 3) {
      break;
    }
  }
  CHECK(failures == 3 || sum == 380);
  CHECK_OK(pool_imap_release(imap));
  return status;
}

static int32_t imap(struct trial *trial) {
  return imap_of(trial, true);
}

static int32_t imap_unordered(struct trial *trial) {
  return imap_of(trial, false);
}

static int32_t add(const void *arg, void *result, pool_task_t *task) {
  const void *const *items = arg;
  (void)task;
  *(int64_t *)result = *(const int64_t *)items[0] + *(const int64_t *)items[1];
  return 0;
}

static int32_t starmap(struct trial *trial) {
  static int64_t ones[64], sums[64];
  pool_array_t arrays[2] = {{ones, 8}, {ones, 8}};
  return pool_starmap(trial->pool, add, arrays, 2, sums, 8, 64);
}

static int32_t broadcast(struct trial *trial) {
  return pool_broadcast(trial->pool, nothing, NULL, 0, NULL, 0, NULL, 0);
}

/* ---- Objects ---- */

#define OBJECT(name, ...)                                                                                              \
  UNUSED static int32_t name##_of(pool_t *pool) {                                                                      \
    pool_##name##_t *made = NULL;                                                                                      \
    int32_t status = pool_##name##_create(pool, __VA_ARGS__ & made);                                                   \
    GIVEN(status, made, pool_##name##_free);                                                                           \
    return status;                                                                                                     \
  }                                                                                                                    \
  static int32_t name(struct trial *trial) {                                                                           \
    return name##_of(trial->pool);                                                                                     \
  }                                                                                                                    \
  UNUSED static int32_t name##_of_no_pool(struct trial *trial) {                                                       \
    (void)trial;                                                                                                       \
    return name##_of(NULL);                                                                                            \
  }

#define NOTHING
OBJECT(lock, NOTHING)
OBJECT(condition, NOTHING)
OBJECT(event, NOTHING)
OBJECT(semaphore, 1, )
OBJECT(barrier, 2, )
OBJECT(counter, 0, )
OBJECT(queue, 64, 100, )

/* ---- A function of its own ---- */

static int32_t spawn(struct trial *trial) {
  (void)trial;
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = POOL_THREADS;
  return pool_spawn(&options, POOL_SPAWN_JOINABLE, nothing, NULL, 0, 0, NULL);
}

CASE(of_spawn) {
  none_at_all(spawn);
}

/* The books of the memory that is shared with children have none of their own in reserve, either. */
CASE(of_objects_of_no_pool) {
  none_at_all(lock_of_no_pool);
  none_at_all(queue_of_no_pool);
}

CALLS(token)
CALLS(group)
CALLS(local)
CALLS(delayed)
CALLS(following)
CALLS(then)
CALLS(in_groups)
CALLS(with_limits)
CALLS(periodic)
CALLS(waits)
CALLS(as_completed)
CALLS(imap)
CALLS(imap_unordered)
CALLS(starmap)
CALLS(broadcast)
CALLS(lock)
CALLS(condition)
CALLS(event)
CALLS(semaphore)
CALLS(barrier)
CALLS(counter)
CALLS(queue)
