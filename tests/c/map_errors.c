/* Maps with failing items: the lowest failed index counts and nothing more starts, or every item reports. */
#include "tasks.h"

/* Items whose number is in the plan fail with 1000 + index. */
struct plan {
  const size_t *failing;
  size_t failing_count;
  atomic_int ran;
  atomic_size_t lowest; /* of those that failed */
  int delay_ms;
};

static int32_t fail_as_planned(const void *arg, void *result, pool_task_t *task) {
  struct plan *plan = (struct plan *)(uintptr_t)task->context;
  atomic_fetch_add(&plan->ran, 1);
  for (size_t i = 0; i < plan->failing_count; i++) {
    if (plan->failing[i] == task->index) {
      size_t lowest = atomic_load(&plan->lowest);
      while (task->index < lowest && !atomic_compare_exchange_weak(&plan->lowest, &lowest, task->index)) {
      }
      return pool_task_fail(task, (int32_t)(1000 + task->index), "this item is bad");
    }
  }
  if (plan->delay_ms > 0) {
    sleep_ms(plan->delay_ms);
  }
  return result != NULL ? twice(arg, result, task) : 0;
}

static pool_call_t planned(struct plan *plan, size_t size) {
  pool_call_t call = POOL_CALL_INIT;
  call.fn = fail_as_planned;
  call.arg_size = call.result_size = size;
  call.context = plan;
  return call;
}

static void names_index(const char *sentence, size_t index) {
  char number[32];
  snprintf(number, sizeof number, "%zu", index);
  const char *found = strstr(sentence, number);
  if (found == NULL) {
    FAIL("no %s in \"%s\"", number, sentence);
  }
}

CASE(one_failing_item) {
  static const size_t places[] = {0, 1, 17, 250, 498, 499};
  pool_t *pool = new_pool(3);
  for (size_t p = 0; p < COUNT_OF(places); p++) {
    struct plan plan = {&places[p], 1, 0, SIZE_MAX, 0};
    pool_call_t call = planned(&plan, 0);
    CHECK_ERROR(pool_map_with(pool, &call, NULL, NULL, NULL, 500), (int32_t)(1000 + places[p]));
    names_index(pool_last_error(), places[p]);
    CHECK_HAS(pool_last_error(), "this item is bad");
    CHECK(plan.ran >= 1);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(the_lowest_failed_index_counts) {
  static const size_t failing[] = {900, 20, 21, 500, 999, 501, 30};
  for (size_t round = 0; round < scaled(200); round++) {
    pool_t *pool = new_pool((uint32_t)(round % 4 + 1));
    struct plan plan = {failing, COUNT_OF(failing), 0, SIZE_MAX, 0};
    pool_call_t call = planned(&plan, 0);
    int32_t status = pool_map_with(pool, &call, NULL, NULL, NULL, 1000);
    CHECK(plan.lowest < 1000);
    CHECK_STATUS(status, (int32_t)(1000 + plan.lowest));
    names_index(pool_last_error(), plan.lowest);
    CHECK_OK(pool_close_join(pool));
  }
}

enum { TOGETHER = 4 };

struct together {
  pthread_barrier_t barrier;
  int last; /* the item that fails after all others */
};

/* All items run at the same time, and all fail. */
static int32_t fail_together(const void *arg, void *result, pool_task_t *task) {
  struct together *together = (struct together *)(uintptr_t)arg;
  (void)result;
  pthread_barrier_wait(&together->barrier);
  if (task->index == (size_t)together->last) {
    sleep_ms(10);
  }
  return (int32_t)(500 + task->index);
}

CASE(the_lowest_of_items_that_fail_together) {
  pool_t *pool = new_pool(TOGETHER);
  for (int last = 0; last < TOGETHER; last++) {
    struct together together;
    together.last = last;
    pthread_barrier_init(&together.barrier, NULL, TOGETHER);
    CHECK_STATUS(pool_map(pool, fail_together, &together, 0, NULL, 0, TOGETHER), 500);
    names_index(pool_last_error(), 0);
    pthread_barrier_destroy(&together.barrier);
  }
  CHECK_OK(pool_close_join(pool));
}

/* Each item takes a millisecond, so that the whole map would take minutes. */
CASE(nothing_more_starts_after_a_failure) {
  static const size_t failing[] = {0, 1, 2, 3};
  pool_t *pool = new_pool(2);
  struct plan plan = {failing, COUNT_OF(failing), 0, SIZE_MAX, 1};
  pool_call_t call = planned(&plan, 0);
  CHECK(pool_map_with(pool, &call, NULL, NULL, NULL, 200000) >= 1000);
  int ran = atomic_load(&plan.ran);
  CHECK(ran < 100000);
  sleep_ms(20);
  CHECK_EQ(atomic_load(&plan.ran), ran);
  CHECK_OK(pool_close_join(pool));
}

static void *terminate_soon(void *data) {
  struct plan *plan = ((void **)data)[1];
  EVENTUALLY(atomic_load(&plan->ran) > 0);
  CHECK_OK(pool_terminate(((void **)data)[0]));
  return NULL;
}

/* So many items that they are numbered by thousands of millions. */
CASE(a_map_without_end_ends) {
  static const size_t failing[] = {100};
  pool_t *pool = new_pool(2);
  struct plan plan = {failing, 1, 0, SIZE_MAX, 0};
  pool_call_t call = planned(&plan, 0);
  CHECK_STATUS(pool_map_with(pool, &call, NULL, NULL, NULL, SIZE_MAX), 1100);
  plan.failing_count = 0;
  atomic_store(&plan.ran, 0);
  void *data[2] = {pool, &plan};
  pthread_t thread = check_thread(terminate_soon, data);
  CHECK_STATUS(pool_map_with(pool, &call, NULL, NULL, NULL, SIZE_MAX), POOL_ERR_TERMINATED);
  pthread_join(thread, NULL);
  CHECK_OK(pool_close_join(pool));
}

CASE(with_statuses_every_item_runs) {
  enum { COUNT = 2000 };
  static const size_t failing[] = {0, 7, 8, 1000, 1999};
  static int64_t args[COUNT], results[COUNT];
  static int32_t statuses[COUNT];
  for (uint32_t workers = 1; workers <= 4; workers++) {
    pool_t *pool = new_pool(workers);
    struct plan plan = {failing, COUNT_OF(failing), 0, SIZE_MAX, 0};
    pool_call_t call = planned(&plan, 8);
    for (int64_t i = 0; i < COUNT; i++) {
      args[i] = i;
      results[i] = -1;
      statuses[i] = -55;
    }
    CHECK_OK(pool_map_with(pool, &call, args, results, statuses, COUNT));
    CHECK_EQ(plan.ran, COUNT);
    size_t failed = 0;
    for (size_t i = 0; i < COUNT; i++) {
      if (statuses[i] == POOL_OK) {
        CHECK_EQ(results[i], (int64_t)i * 2);
      } else {
        CHECK_STATUS(statuses[i], (int32_t)(1000 + i));
        failed++;
      }
    }
    CHECK_EQ(failed, COUNT_OF(failing));
    CHECK_OK(pool_close_join(pool));
  }
}

static int32_t return_argument(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  return *(const int32_t *)arg;
}

CASE(all_items_fail) {
  enum { COUNT = 300 };
  static int32_t codes[COUNT], statuses[COUNT];
  pool_t *pool = new_pool(2);
  for (int32_t i = 0; i < COUNT; i++) {
    codes[i] = i + 1;
  }
  CHECK(pool_map(pool, return_argument, codes, sizeof codes[0], NULL, 0, COUNT) >= 1);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = return_argument;
  call.arg_size = sizeof codes[0];
  CHECK_OK(pool_map_with(pool, &call, codes, NULL, statuses, COUNT));
  for (int32_t i = 0; i < COUNT; i++) {
    CHECK_STATUS(statuses[i], i + 1);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(negative_codes_are_internal) {
  static const int32_t codes[] = {0, -1, INT32_MIN, POOL_ERR_CANCELLED, 0};
  int32_t statuses[COUNT_OF(codes)];
  pool_t *pool = new_pool(2);
  CHECK_ERROR(pool_map(pool, return_argument, codes, 4, NULL, 0, COUNT_OF(codes)), POOL_ERR_INTERNAL);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = return_argument;
  call.arg_size = 4;
  CHECK_OK(pool_map_with(pool, &call, codes, NULL, statuses, COUNT_OF(codes)));
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    CHECK_STATUS(statuses[i], codes[i] == 0 ? POOL_OK : POOL_ERR_INTERNAL);
  }
  CHECK_OK(pool_close_join(pool));
}

struct seen {
  int32_t status;
  size_t index;
  char message[300];
  int calls;
};

static void look(const pool_result_t *outcome, void *user_data) {
  struct seen *seen = user_data;
  seen->status = outcome->status;
  seen->index = outcome->index;
  snprintf(seen->message, sizeof seen->message, "%s", outcome->message);
  CHECK(outcome->data == NULL);
  CHECK_EQ(outcome->worker, POOL_NO_WORKER);
  seen->calls++;
}

static int32_t fail_late(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  return task->index == *(const size_t *)arg ? pool_task_fail(task, 77, "the late one is bad") : 0;
}

CASE(callback_of_a_failed_map) {
  pool_t *pool = new_pool(2);
  size_t bad = 321;
  struct seen seen = {0, 0, "", 0};
  pool_future_t *future = NULL;
  CHECK_OK(pool_map_async(pool, fail_late, &bad, 0, NULL, 0, 1000, look, &seen, &future));
  CHECK_OK(pool_future_wait(future, -1));
  CHECK_STATUS(pool_future_status(future), 77);
  CHECK_STATUS(pool_future_get(future, NULL, 0, -1), 77);
  CHECK_EQ(pool_future_successful(future), 0);
  names_index(pool_future_message(future), bad);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(seen.calls, 1);
  CHECK_STATUS(seen.status, 77);
  CHECK_EQ(seen.index, bad);
  CHECK_STR(pool_future_message(future), seen.message);
  CHECK_HAS(seen.message, "the late one is bad");
  CHECK_OK(pool_future_release(future));
}

struct meeting {
  struct gate running;
  atomic_int asked;
};

/* The first item fails once another runs; that one is told. */
static int32_t fail_under_another(const void *arg, void *result, pool_task_t *task) {
  struct meeting *meeting = (struct meeting *)(uintptr_t)arg;
  (void)result;
  if (task->index == 0) {
    gate_wait(&meeting->running);
    return 88;
  }
  CHECK_EQ(pool_task_cancelled(task), 0);
  gate_open(&meeting->running);
  EVENTUALLY(pool_task_cancelled(task) == 1);
  atomic_fetch_add(&meeting->asked, 1);
  return 0;
}

CASE(items_see_that_another_has_failed) {
  pool_t *pool = new_pool(2);
  struct meeting meeting = {GATE_INIT, 0};
  CHECK_STATUS(pool_map(pool, fail_under_another, &meeting, 0, NULL, 0, 2), 88);
  CHECK_EQ(meeting.asked, 1);
  CHECK_OK(pool_close_join(pool));
}

/* A failed map leaves nothing behind: the next one is complete. */
CASE(the_pool_goes_on) {
  static const size_t failing[] = {5};
  static int64_t args[100], results[100];
  pool_t *pool = new_pool(2);
  for (int round = 0; round < 50; round++) {
    struct plan plan = {failing, 1, 0, SIZE_MAX, 0};
    pool_call_t call = planned(&plan, 0);
    CHECK_STATUS(pool_map_with(pool, &call, NULL, NULL, NULL, 100), 1005);
    for (int64_t i = 0; i < 100; i++) {
      args[i] = i + round;
    }
    CHECK_OK(pool_map(pool, twice, args, 8, results, 8, 100));
    CHECK_EQ(results[99], (99 + round) * 2);
  }
  CHECK_OK(pool_close_join(pool));
}
