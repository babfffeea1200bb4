/* Pools of processes: maps over private and shared arrays, with contexts, statuses and failures. */
#include "procs.h"

static const size_t COUNTS[] = {1, 2, 3, 7, 64, 100, 1000, 10000};

enum { MOST = 10000 };

/* Where the arrays of a map lie. */
enum { PRIVATE, SHARED };

static void *array(pool_t *pool, int where, size_t size) {
  void *memory = where == SHARED ? shared(pool, size) : malloc(size);
  CHECK(memory != NULL);
  return memory;
}

static void give_back(pool_t *pool, int where, void *memory) {
  if (where == SHARED) {
    CHECK_OK(pool_shared_free(pool, memory));
  } else {
    free(memory);
  }
}

CASE(maps_of_every_count_and_place) {
  struct world world = world_now();
  pool_t *pool = process_pool(3);
  for (int places = 0; places < 4; places++) {
    int64_t *args = array(pool, places % 2, MOST * 8), *results = array(pool, places / 2, (MOST + 1) * 8);
    for (size_t c = 0; c < COUNT_OF(COUNTS); c++) {
      for (size_t i = 0; i < MOST; i++) {
        args[i] = (int64_t)(i + c * 10);
        results[i] = -1;
      }
      results[COUNTS[c]] = -7;
      CHECK_OK(pool_map(pool, twice, args, 8, results, 8, COUNTS[c]));
      for (size_t i = 0; i < COUNTS[c]; i++) {
        CHECK_EQ(results[i], (int64_t)(i + c * 10) * 2);
      }
      CHECK_EQ(results[COUNTS[c]], -7);
    }
    give_back(pool, places % 2, args);
    give_back(pool, places / 2, results);
  }
  close_and_leave_nothing(pool, &world);
}

CASE(a_map_of_nothing) {
  pool_t *pool = process_pool(2);
  struct tally tally = {0, 1};
  pool_future_t *future = NULL;
  CHECK_OK(pool_map(pool, twice, NULL, 8, NULL, 8, 0));
  CHECK_OK(pool_map_async(pool, twice, NULL, 8, NULL, 8, 0, count_call, &tally, &future));
  CHECK_FUTURE(future, POOL_OK);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
  CHECK_STATUS(tally.status, POOL_OK);
}

CASE(a_map_may_write_over_its_arguments) {
  pool_t *pool = process_pool(2);
  for (int where = PRIVATE; where <= SHARED; where++) {
    int64_t *items = array(pool, where, MOST * 8);
    for (int64_t i = 0; i < MOST; i++) {
      items[i] = i;
    }
    CHECK_OK(pool_map(pool, twice, items, 8, items, 8, MOST));
    CHECK_OK(pool_map(pool, twice, items, 8, items, 8, MOST));
    for (int64_t i = 0; i < MOST; i++) {
      CHECK_EQ(items[i], i * 4);
    }
    give_back(pool, where, items);
  }
  CHECK_OK(pool_close_join(pool));
}

struct place {
  uintptr_t arg, result;
};

static int32_t tell_place(const void *arg, void *result, pool_task_t *task) {
  struct place *place = result;
  (void)task;
  place->arg = (uintptr_t)arg;
  place->result = (uintptr_t)result;
  return 0;
}

CASE(shared_arrays_are_used_in_place) {
  pool_t *pool = process_pool(2);
  char *args = shared(pool, 1000 * 24);
  struct place *places = shared(pool, 1000 * sizeof *places);
  CHECK_OK(pool_map(pool, tell_place, args, 24, places, sizeof *places, 1000));
  for (size_t i = 0; i < 1000; i++) {
    CHECK(places[i].arg == (uintptr_t)(args + i * 24));
    CHECK(places[i].result == (uintptr_t)&places[i]);
  }
  CHECK_OK(pool_close_join(pool));
}

/* Slots are seen as the caller left them. */
static int32_t add_to_slot(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(int64_t *)result += *(const int64_t *)arg;
  return 0;
}

CASE(slots_are_as_the_caller_left_them) {
  pool_t *pool = process_pool(2);
  for (int places = 0; places < 4; places++) {
    int64_t *args = array(pool, places % 2, 1000 * 8), *results = array(pool, places / 2, 1000 * 8);
    for (int64_t i = 0; i < 1000; i++) {
      args[i] = i;
      results[i] = 1000000 * i;
    }
    CHECK_OK(pool_map(pool, add_to_slot, args, 8, results, 8, 1000));
    for (int64_t i = 0; i < 1000; i++) {
      CHECK_EQ(results[i], 1000001 * i);
    }
  }
  CHECK_OK(pool_close_join(pool));
}

static const size_t ITEM_SIZES[][2] = {{1, 1}, {3, 5}, {64, 65}, {4096, 1}, {1, 4096}, {100000, 70000}, {5 << 20, 3}};

struct item_size {
  size_t arg, result;
};

/* Checks its argument, filled by its index, and fills its result. */
static int32_t check_and_fill(const void *arg, void *result, pool_task_t *task) {
  const struct item_size *size = task->context;
  if (!filled(arg, size->arg, task->index)) {
    return pool_task_fail(task, 91, "the argument is wrong");
  }
  fill(result, size->result, ~task->index);
  return 0;
}

CASE(items_of_every_size) {
  struct world world = world_now();
  pool_t *pool = process_pool(3);
  struct item_size *size = shared(pool, sizeof *size);
  for (size_t s = 0; s < COUNT_OF(ITEM_SIZES); s++) {
    *size = (struct item_size){ITEM_SIZES[s][0], ITEM_SIZES[s][1]};
    size_t count = size->arg > 1000000 ? 20 : size->arg > 10000 ? 200 : 1000;
    pool_call_t call = POOL_CALL_INIT;
    call.fn = check_and_fill;
    call.arg_size = size->arg;
    call.result_size = size->result;
    call.context = size;
    for (int places = 0; places < 4; places++) {
      unsigned char *args = array(pool, places % 2, count * size->arg);
      unsigned char *results = array(pool, places / 2, count * size->result);
      for (size_t i = 0; i < count; i++) {
        fill(args + i * size->arg, size->arg, i);
      }
      CHECK_OK(pool_map_with(pool, &call, args, results, NULL, count));
      for (size_t i = 0; i < count; i++) {
        CHECK(filled(results + i * size->result, size->result, ~i));
      }
      give_back(pool, places % 2, args);
      give_back(pool, places / 2, results);
    }
  }
  close_and_leave_nothing(pool, &world);
}

CASE(pointers_must_be_null_or_shared) {
  pool_t *pool = process_pool(2);
  atomic_int *count = shared(pool, sizeof *count), local = 0;
  pool_future_t *future = (pool_future_t *)&local;
  CHECK_OK(pool_map(pool, increment, count, 0, NULL, 0, 1000));
  CHECK_EQ(atomic_load(count), 1000);
  CHECK_OK(pool_map(pool, nothing, NULL, 0, NULL, 0, 1000));
  CHECK_ERROR(pool_map(pool, increment, &local, 0, NULL, 0, 10), POOL_ERR_INVALID);
  CHECK_ERROR(pool_map_async(pool, increment, &local, 0, NULL, 0, 10, must_not_be_called, NULL, &future),
              POOL_ERR_INVALID);
  CHECK(future == (pool_future_t *)&local);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = nothing;
  call.context = &local;
  CHECK_ERROR(pool_map_with(pool, &call, NULL, NULL, NULL, 10), POOL_ERR_INVALID);
  call.context = count;
  CHECK_OK(pool_map_with(pool, &call, NULL, NULL, NULL, 10));
  CHECK_OK(pool_close_join(pool));
}

/* An array that only begins or only ends in shared memory is like any private one, or refused, but no crash. */
CASE(an_array_that_leaves_shared_memory) {
  pool_t *pool = process_pool(2);
  char *memory = shared(pool, 4096);
  int32_t status = pool_map(pool, nothing, memory, (size_t)1 << 40, NULL, 0, 4096);
  CHECK(status < 0);
  CHECK(strlen(pool_last_error()) > 3);
  pool_works(pool);
  CHECK_OK(pool_close_join(pool));
}

/* ---- Failures ---- */

struct plan {
  size_t failing[8], count;
  atomic_int ran;
};

static int32_t fail_as_planned(const void *arg, void *result, pool_task_t *task) {
  struct plan *plan = (struct plan *)(uintptr_t)task->context;
  atomic_fetch_add(&plan->ran, 1);
  for (size_t i = 0; i < plan->count; i++) {
    if (plan->failing[i] == task->index) {
      return pool_task_fail(task, (int32_t)(1000 + task->index), "this item is bad");
    }
  }
  return twice(arg, result, task);
}

static pool_call_t planned(struct plan *plan) {
  pool_call_t call = POOL_CALL_INIT;
  call.fn = fail_as_planned;
  call.arg_size = call.result_size = 8;
  call.context = plan;
  return call;
}

CASE(one_failing_item) {
  static const size_t bad[] = {0, 1, 17, 250, 498, 499};
  static int64_t args[500], results[500];
  pool_t *pool = process_pool(3);
  struct plan *plan = shared(pool, sizeof *plan);
  for (size_t b = 0; b < COUNT_OF(bad); b++) {
    char number[32];
    snprintf(number, sizeof number, "%zu", bad[b]);
    *plan = (struct plan){{bad[b]}, 1, 0};
    pool_call_t call = planned(plan);
    CHECK_ERROR(pool_map_with(pool, &call, args, results, NULL, 500), (int32_t)(1000 + bad[b]));
    CHECK_HAS(pool_last_error(), number);
    CHECK_HAS(pool_last_error(), "this item is bad");
  }
  CHECK_OK(pool_close_join(pool));
}

struct meeting {
  atomic_int arrived;
  size_t last;
};

/* All four run at the same time and fail, one after the others. */
static int32_t fail_together(const void *arg, void *result, pool_task_t *task) {
  struct meeting *meeting = (struct meeting *)(uintptr_t)arg;
  (void)result;
  atomic_fetch_add(&meeting->arrived, 1);
  EVENTUALLY(atomic_load(&meeting->arrived) == 4);
  if (task->index == meeting->last) {
    sleep_ms(20);
  }
  return (int32_t)(500 + task->index);
}

CASE(the_lowest_failed_index_counts) {
  pool_t *pool = process_pool(4);
  struct meeting *meeting = shared(pool, sizeof *meeting);
  for (size_t last = 0; last < 4; last++) {
    atomic_store(&meeting->arrived, 0);
    meeting->last = last;
    CHECK_ERROR(pool_map(pool, fail_together, meeting, 0, NULL, 0, 4), 500);
    CHECK_HAS(pool_last_error(), "0");
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t fail_first_or_count(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  atomic_fetch_add((atomic_int *)(uintptr_t)arg, 1);
  sleep_ms(1);
  return task->index == 0 ? 44 : 0;
}

/* Each item takes a millisecond, so that the whole map would take minutes. */
CASE(nothing_more_starts_after_a_failure) {
  pool_t *pool = process_pool(2);
  atomic_int *ran = shared(pool, sizeof *ran);
  CHECK_STATUS(pool_map(pool, fail_first_or_count, ran, 0, NULL, 0, 200000), 44);
  int now = atomic_load(ran);
  CHECK(now < 100000);
  sleep_ms(30);
  CHECK_EQ(atomic_load(ran), now);
  CHECK_OK(pool_close_join(pool));
}

CASE(with_statuses_every_item_runs) {
  enum { COUNT = 2000 };
  static int32_t statuses[COUNT];
  struct world world = world_now();
  for (uint32_t workers = 1; workers <= 4; workers++) {
    pool_t *pool = process_pool(workers);
    struct plan *plan = shared(pool, sizeof *plan);
    for (int places = 0; places < 4; places++) {
      int64_t *args = array(pool, places % 2, COUNT * 8), *results = array(pool, places / 2, COUNT * 8);
      *plan = (struct plan){{0, 7, 8, 1000, 1999}, 5, 0};
      for (int64_t i = 0; i < COUNT; i++) {
        args[i] = i;
        results[i] = -1;
        statuses[i] = -55;
      }
      pool_call_t call = planned(plan);
      CHECK_OK(pool_map_with(pool, &call, args, results, statuses, COUNT));
      CHECK_EQ(atomic_load(&plan->ran), COUNT);
      size_t failed = 0;
      for (size_t i = 0; i < COUNT; i++) {
        failed += statuses[i] != POOL_OK;
        CHECK_STATUS(statuses[i], statuses[i] == POOL_OK ? POOL_OK : (int32_t)(1000 + i));
        CHECK(statuses[i] != POOL_OK || results[i] == (int64_t)i * 2);
      }
      CHECK_EQ(failed, 5);
      give_back(pool, places % 2, args);
      give_back(pool, places / 2, results);
    }
    close_and_leave_nothing(pool, &world);
  }
}

static int32_t return_argument(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  return *(const int32_t *)arg;
}

CASE(negative_codes_are_internal) {
  static const int32_t codes[] = {0, -1, INT32_MIN, POOL_ERR_WORKER_DIED, 9};
  int32_t statuses[COUNT_OF(codes)];
  pool_t *pool = process_pool(2);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = return_argument;
  call.arg_size = 4;
  CHECK_OK(pool_map_with(pool, &call, codes, NULL, statuses, COUNT_OF(codes)));
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    CHECK_STATUS(statuses[i], codes[i] < 0 ? POOL_ERR_INTERNAL : codes[i]);
  }
  CHECK_OK(pool_close_join(pool));
}

/* Sets a result of its own, into the slot of eight bytes. */
static int32_t set_own(const void *arg, void *result, pool_task_t *task) {
  char bytes[16] = "ABCDEFGHIJKLMNO";
  (void)arg;
  (void)result;
  int32_t status = pool_task_set_result(task, bytes, task->index % 2 ? 9 : 3);
  return status == (task->index % 2 ? POOL_ERR_SIZE : POOL_OK) ? 0 : 55;
}

CASE(results_set_by_items) {
  pool_t *pool = process_pool(2);
  for (int where = PRIVATE; where <= SHARED; where++) {
    char (*results)[8] = array(pool, where, sizeof *results * 100);
    memset(results, 'x', sizeof *results * 100);
    CHECK_OK(pool_map(pool, set_own, NULL, 0, results, sizeof *results, 100));
    for (size_t i = 0; i < 100; i += 2) {
      CHECK_EQ(memcmp(results[i], "ABC", 3), 0);
    }
    give_back(pool, where, results);
  }
  CHECK_OK(pool_close_join(pool));
}
