/* Nonsense and half-sense in the structs that callers fill: a case for each function that reads one. */
#include "fuzz.h"

static pool_t *pool;

static bool create_round(void) {
  pool_t *untouched = (pool_t *)(void *)buffer, *pool = untouched;
  memset(&made, 0, sizeof made);
  made.options = (pool_options_t)POOL_OPTIONS_INIT;
  made.options.workers = 2;
  if (below(8) == 0) {
    made.options.mode = POOL_PROCESSES;
  }
  mutate(&made, sizeof made.options, sizeof made, options_fields, COUNT_OF(options_fields));
  int32_t status = pool_create_with(&made.options, &pool);
  if (status != POOL_OK) {
    check_refusal(status);
    CHECK(pool == untouched);
    return false;
  }
  int64_t arg = 21, result = 0;
  pool_future_t *future = NULL;
  /* What limits a task, or a worker, may make an end of either. */
  bool limited = made.options.mode == POOL_PROCESSES;
  status = pool_apply(pool, twice, &arg, 8, &result, 8);
  CHECK(status == POOL_OK ? result == 42 : limited && strlen(pool_last_error()) > 3);
  status = pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, &future);
  if (status == POOL_OK) {
    CHECK_OK(pool_future_wait(future, -1));
    CHECK(limited || pool_future_status(future) == POOL_OK);
    CHECK_OK(pool_future_release(future));
  } else {
    CHECK(limited);
  }
  CHECK_OK(pool_close_join(pool));
  return true;
}

CASE(create_with) {
  fuzz(create_round);
}

static bool submit_round(void) {
  enum { MOST = 5 };
  static char calls[(MOST + 1) * sizeof said];
  pool_future_t *futures[MOST] = {NULL}, **wanted = below(3) ? futures : NULL;
  size_t count = 1 + below(MOST), callbacks = 0, stride = 0;
  for (size_t i = 0; i < count; i++) {
    memset(&said, 0, sizeof said);
    said.call = (pool_call_t)POOL_CALL_INIT;
    said.call.fn = count_run;
    said.call.callback = below(2) ? check_outcome : NULL;
    mutate(&said, sizeof said.call, sizeof said, call_fields, COUNT_OF(call_fields));
    /* An array has elements of one size; a first one of an impossible size is alone. */
    if (i == 0) {
      bool possible = said.call.struct_size >= sizeof(size_t) && said.call.struct_size <= sizeof said;
      stride = possible ? said.call.struct_size : sizeof said;
      count = possible ? count : 1;
    }
    memcpy(calls + i * stride, &said, stride < sizeof said.call ? sizeof said.call : stride);
    callbacks += said.call.callback != NULL;
  }
  atomic_store(&ran, 0);
  atomic_store(&called, 0);
  int32_t status = pool_submit(pool, (const pool_call_t *)(const void *)calls, count, wanted);
  size_t done = 0, unrun = 0;
  for (size_t i = 0; i < count && wanted != NULL; i++) {
    CHECK((futures[i] != NULL) == (status == POOL_OK));
    if (futures[i] != NULL) {
      CHECK_OK(pool_future_wait(futures[i], -1));
      int32_t ended = pool_future_status(futures[i]);
      unrun += ended < 0;
      CHECK(ended <= 0 || ended == 9);
      CHECK(ended == POOL_OK || strlen(pool_future_message(futures[i])) > 3);
      CHECK_OK(pool_future_release(futures[i]));
      done++;
    }
  }
  if (status != POOL_OK) {
    check_refusal(status);
    CHECK_EQ(ran, 0);
    CHECK_EQ(called, 0);
    return false;
  }
  /* Each task has run, and been told of, once; more often only if it was to be tried again. */
  EVENTUALLY(wanted == NULL || (size_t)atomic_load(&ran) >= done - unrun);
  EVENTUALLY((size_t)atomic_load(&ran) + unrun >= count && (size_t)atomic_load(&called) >= callbacks);
  CHECK_EQ(called, callbacks);
  return true;
}

CASE(submit) {
  pool = new_pool(2);
  fuzz(submit_round);
  CHECK_OK(pool_close_join(pool));
}

/* How a task ends, or an item: as its function says, or, where many want the processor, beyond its limit. */
static bool is_its_end(const pool_call_t *call, int32_t status) {
  bool late = status == POOL_ERR_TIME_LIMIT && call->timeout_ms > 0;
  return call->fn == fail ? status == 9 || late : status == POOL_OK;
}

static bool map_round(void) {
  enum { MOST = 8 };
  static char args[MOST * BUFFER], results[MOST * BUFFER];
  int32_t statuses[MOST] = {55, 55, 55, 55, 55, 55, 55, 55};
  bool each = below(2) != 0;
  size_t count = below(MOST + 1);
  memset(&said, 0, sizeof said);
  said.call = (pool_call_t)POOL_CALL_INIT;
  said.call.fn = count_run;
  mutate(&said, sizeof said.call, sizeof said, call_fields, COUNT_OF(call_fields));
  pool_call_t call = said.call;
  atomic_store(&ran, 0);
  int32_t status = pool_map_with(pool, &said.call, args, results, each ? statuses : NULL, count);
  if (call.fn == fail && is_its_end(&call, status)) {
    CHECK(!each && count > 0);
    return true;
  }
  if (status != POOL_OK) {
    check_refusal(status);
    CHECK_EQ(ran, 0);
    return false;
  }
  CHECK((size_t)atomic_load(&ran) >= count);
  for (size_t i = 0; i < count && each; i++) {
    CHECK(is_its_end(&call, statuses[i]));
  }
  return true;
}

CASE(map_with) {
  pool = new_pool(2);
  fuzz(map_round);
  CHECK_OK(pool_close_join(pool));
}

/* Structs that are written: of whatever size they are said to be, nothing behind it, and nothing by a refusal. */
static bool stats_round(void) {
  static const struct field *const fields[] = {stats_fields, worker_stats_fields};
  static const size_t sizes[] = {sizeof(pool_stats_t), sizeof(pool_worker_stats_t)};
  static unsigned char room[64 * (sizeof(pool_stats_t) + sizeof(pool_worker_stats_t))];
  size_t which = below(2), size = number_for(&fields[which][0], sizes[which]);
  memset(room, 0x55, sizeof room);
  memcpy(room, &size, sizeof size);
  uint32_t worker = (uint32_t)(below(2) ? below(4) : draw());
  int32_t status = which == 0 ? pool_stats(pool, (pool_stats_t *)(void *)room)
                              : pool_worker_stats(pool, worker, (pool_worker_stats_t *)(void *)room);
  if (status != POOL_OK) {
    check_refusal(status);
  }
  for (size_t i = status == POOL_OK ? size : sizeof size; i < sizeof room; i++) {
    CHECK_EQ(room[i], 0x55);
  }
  return status == POOL_OK;
}

CASE(stats) {
  pool = new_pool(2);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  fuzz(stats_round);
  CHECK_OK(pool_close_join(pool));
}

static bool map_async_round(void) {
  enum { MOST = 8 };
  static char args[MOST * BUFFER], results[MOST * BUFFER];
  int32_t statuses[MOST] = {55, 55, 55, 55, 55, 55, 55, 55};
  pool_future_t *untouched = (pool_future_t *)(void *)buffer, *future = untouched;
  bool each = below(2) != 0, wanted = below(4) != 0;
  size_t count = below(MOST + 1);
  memset(&said, 0, sizeof said);
  said.call = (pool_call_t)POOL_CALL_INIT;
  said.call.fn = count_run;
  said.call.callback = check_outcome;
  mutate(&said, sizeof said.call, sizeof said, call_fields, COUNT_OF(call_fields));
  pool_call_t call = said.call;
  atomic_store(&ran, 0);
  atomic_store(&called, 0);
  int32_t status =
      pool_map_with_async(pool, &said.call, args, results, each ? statuses : NULL, count, wanted ? &future : NULL);
  if (status != POOL_OK) {
    check_refusal(status);
    CHECK(future == untouched);
    CHECK_EQ(ran, 0);
    CHECK_EQ(called, 0);
    return false;
  }
  EVENTUALLY(call.callback == NULL || atomic_load(&called) == 1);
  if (wanted) {
    bool fails = call.fn == fail && count > 0;
    CHECK_OK(pool_future_wait(future, -1));
    int32_t ended = pool_future_status(future);
    CHECK(fails && !each ? is_its_end(&call, ended) : ended == POOL_OK);
    CHECK_OK(pool_future_release(future));
    CHECK(fails || (size_t)atomic_load(&ran) >= count);
    for (size_t i = 0; i < count && each; i++) {
      CHECK(is_its_end(&call, statuses[i]));
    }
  } else {
    /* Until it has ended it uses the arrays. */
    EVENTUALLY((size_t)atomic_load(&ran) >= count || (call.fn == fail && !each));
    CHECK_OK(pool_close_join(pool));
    pool = new_pool(2);
  }
  CHECK_EQ(called, call.callback != NULL);
  return true;
}

CASE(map_with_async) {
  pool = new_pool(2);
  fuzz(map_async_round);
  CHECK_OK(pool_close_join(pool));
}

static void set_flag(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  atomic_store((atomic_int *)user_data, 1);
}

static bool periodic_round(void) {
  static const int64_t periods[] = {0, -1, INT64_MIN, INT64_MAX, INT64_MAX / 1000000, 1000000000000};
  pool_periodic_t *untouched = (pool_periodic_t *)(void *)buffer, *periodic = untouched;
  int64_t period = below(4) ? 1 + (int64_t)below(2) : periods[below(COUNT_OF(periods))];
  memset(&said, 0, sizeof said);
  said.call = (pool_call_t)POOL_CALL_INIT;
  said.call.fn = count_run;
  said.call.callback = below(2) ? check_outcome : NULL;
  mutate(&said, sizeof said.call, sizeof said, call_fields, COUNT_OF(call_fields));
  pool_call_t call = said.call;
  atomic_store(&ran, 0);
  atomic_store(&called, 0);
  int32_t status = pool_periodic_start(pool, &said.call, period, &periodic);
  if (status != POOL_OK) {
    check_refusal(status);
    CHECK(periodic == untouched);
    CHECK_EQ(ran, 0);
    CHECK_EQ(called, 0);
    return false;
  }
  if (below(2)) {
    EVENTUALLY(atomic_load(&ran) > 0);
  }
  int32_t cancelled = pool_periodic_cancel(periodic);
  CHECK(cancelled == 1 || (cancelled == 0 && call.fn == fail));
  status = pool_periodic_wait(periodic, -1);
  CHECK(status == POOL_ERR_CANCELLED || (call.fn == fail && is_its_end(&call, status)));
  int64_t runs = pool_periodic_runs(periodic);
  CHECK(runs <= atomic_load(&ran));
  CHECK_OK(pool_periodic_release(periodic));
  /* Behind all others: also that of a run that was cancelled before it began. */
  atomic_int over = 0;
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, set_flag, &over, NULL));
  EVENTUALLY(atomic_load(&over) == 1);
  CHECK(call.callback == NULL || atomic_load(&called) >= runs);
  return true;
}

CASE(periodic_start) {
  pool = new_pool(2);
  fuzz(periodic_round);
  CHECK_OK(pool_close_join(pool));
}
