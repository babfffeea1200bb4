/* Fork-join inside a task: what two halves see of each other, and how they fail. */
#include "tasks.h"

#include <sched.h>

/* A pair of halves that can run only at the same time. */
struct pair {
  atomic_int there;
  pool_task_t *tasks[2];
  pthread_t threads[2];
  uint32_t workers[2];
  size_t index;
  const void *context;
};

static void meet(struct pair *pair, int me, pool_task_t *task) {
  pair->tasks[me] = task;
  pair->threads[me] = pthread_self();
  pair->workers[me] = task->worker;
  CHECK(task->index == pair->index && task->context == pair->context);
  atomic_fetch_add(&pair->there, 1);
  while (atomic_load(&pair->there) < 2) {
    sched_yield();
  }
}

static int32_t meet_first(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  meet((struct pair *)(uintptr_t)arg, 0, task);
  return 0;
}

static int32_t meet_second(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  meet((struct pair *)(uintptr_t)arg, 1, task);
  return 0;
}

static int32_t join_a_pair(const void *arg, void *result, pool_task_t *task) {
  struct pair *pair = (struct pair *)(uintptr_t)arg;
  (void)result;
  if (pair == NULL) {
    return 0;
  }
  pair->index = task->index;
  pair->context = task->context;
  CHECK_OK(pool_join2(task, meet_first, pair, NULL, meet_second, pair, NULL));
  CHECK(pair->tasks[0] == task && pair->tasks[1] != task);
  CHECK(!pthread_equal(pair->threads[0], pair->threads[1]));
  CHECK(pair->workers[0] == task->worker && pair->workers[1] != task->worker);
  CHECK(pair->workers[1] != POOL_NO_WORKER);
  return 0;
}

CASE(both_halves_run_at_the_same_time) {
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(200); i++) {
    struct pair pair = {0};
    CHECK_OK(pool_apply(pool, join_a_pair, &pair, 0, NULL, 0));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(both_halves_run_at_the_same_time_in_a_worker) {
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(200); i++) {
    struct pair pair = {0};
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, join_a_pair, &pair, 0, 0, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, NULL, 0, 60000));
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

/* Item 3 of 5 forks: both halves see index and context. */
static int32_t join_in_item_three(const void *arg, void *result, pool_task_t *task) {
  return task->index == 3 ? join_a_pair(arg, result, task) : 0;
}

CASE(a_stolen_half_has_the_items_index_and_context) {
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(100); i++) {
    struct pair pair = {0};
    pool_call_t call = POOL_CALL_INIT;
    call.fn = join_in_item_three;
    call.context = &call;
    CHECK_OK(pool_map_with(pool, &call, &pair, NULL, NULL, 5));
    CHECK(pair.context == &call);
    CHECK_EQ(pair.index, 3);
  }
  CHECK_OK(pool_close_join(pool));
}

/* What a half does, and whether it waits for the other one, so that it is certainly stolen. */
struct half {
  int32_t code;
  const char *message;
  struct pair *pair;
  int me;
  atomic_int runs;
};

static int32_t run_half(const void *arg, void *result, pool_task_t *task) {
  struct half *half = (struct half *)(uintptr_t)arg;
  (void)result;
  atomic_fetch_add(&half->runs, 1);
  if (half->pair != NULL) {
    meet(half->pair, half->me, task);
  }
  if (half->message != NULL) {
    return pool_task_fail(task, half->code, half->message);
  }
  return half->code;
}

struct halves {
  struct half a, b;
  int32_t expected;
};

static int32_t join_halves(const void *arg, void *result, pool_task_t *task) {
  struct halves *halves = (struct halves *)(uintptr_t)arg;
  (void)result;
  int32_t status = pool_join2(task, run_half, &halves->a, NULL, run_half, &halves->b, NULL);
  CHECK_EQ(status, halves->expected);
  return status;
}

static void fails_with(pool_t *pool, struct half a, struct half b, int32_t expected, const char *message) {
  struct pair pair = {0};
  struct halves halves = {a, b, expected};
  bool together = a.pair != NULL;
  halves.a.pair = together ? &pair : NULL;
  halves.b.pair = b.pair != NULL ? &pair : NULL;
  halves.b.me = 1;
  CHECK_STATUS(pool_apply(pool, join_halves, &halves, 0, NULL, 0), expected);
  CHECK_STR(pool_last_error(), message);
  CHECK_EQ(atomic_load(&halves.a.runs), 1);
  CHECK(atomic_load(&halves.b.runs) <= 1);
  CHECK(a.code != 0 || atomic_load(&halves.b.runs) == 1);
}

CASE(failures_and_what_they_say) {
  struct pair together = {0};
  for (uint32_t workers = 1; workers <= 2; workers++) {
    pool_t *pool = new_pool(workers);
    for (size_t i = 0; i < scaled(100); i++) {
      fails_with(pool, (struct half){.code = 3, .message = "three"}, (struct half){0}, 3, "three");
      fails_with(pool, (struct half){0}, (struct half){.code = 4, .message = "four"}, 4, "four");
      fails_with(pool, (struct half){.code = 3, .message = "three"}, (struct half){.code = 4, .message = "four"}, 3,
                 "three");
    }
    CHECK_OK(pool_close_join(pool));
  }
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(100); i++) {
    struct half good = {.pair = &together}, three = {.code = 3, .message = "three", .pair = &together};
    struct half four = {.code = 4, .message = "four", .pair = &together};
    fails_with(pool, good, four, 4, "four");
    fails_with(pool, three, good, 3, "three");
    fails_with(pool, three, four, 3, "three");
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t set_long(const void *arg, void *result, pool_task_t *task) {
  static const char TEXT[] = "a result that a half has set";
  (void)result;
  if (arg != NULL) {
    meet((struct pair *)(uintptr_t)arg, 1, task);
  }
  return pool_task_set_result(task, TEXT, sizeof TEXT);
}

static int32_t let_a_half_set(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  struct pair pair = {0};
  pair.context = task->context;
  bool stolen = *(const bool *)arg;
  return pool_join2(task, stolen ? meet_first : nothing, &pair, NULL, set_long, stolen ? &pair : NULL, NULL);
}

CASE(a_half_sets_the_result) {
  pool_t *pool = new_pool(2);
  for (int stolen = 0; stolen < 2; stolen++) {
    bool arg = stolen != 0;
    char text[64] = "";
    CHECK_OK(pool_apply(pool, let_a_half_set, &arg, sizeof arg, text, sizeof text));
    CHECK_STR(text, "a result that a half has set");
  }
  CHECK_OK(pool_close_join(pool));
}

struct cancelled {
  struct pair pair;
  atomic_int seen;
};

static int32_t until_cancelled(const void *arg, void *result, pool_task_t *task) {
  struct cancelled *cancelled = (struct cancelled *)(uintptr_t)arg;
  (void)result;
  atomic_fetch_add(&cancelled->pair.there, 1);
  EVENTUALLY(pool_task_cancelled(task) == 1);
  atomic_fetch_add(&cancelled->seen, 1);
  return 0;
}

static int32_t join_until_cancelled(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  CHECK_OK(pool_join2(task, until_cancelled, arg, NULL, until_cancelled, arg, NULL));
  return 0;
}

CASE(cancel_and_terminate_reach_a_stolen_half) {
  for (int terminate = 0; terminate < 2; terminate++) {
    pool_t *pool = new_pool(2);
    struct cancelled cancelled = {{0}, 0};
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, join_until_cancelled, &cancelled, 0, 0, NULL, NULL, &future));
    EVENTUALLY(atomic_load(&cancelled.pair.there) == 2);
    if (terminate) {
      CHECK_OK(pool_terminate(pool));
    } else {
      CHECK_EQ(pool_future_cancel(future), 0);
    }
    CHECK_OK(pool_future_wait(future, -1));
    CHECK_OK(pool_future_status(future));
    CHECK_EQ(atomic_load(&cancelled.seen), 2);
    CHECK_OK(pool_future_release(future));
    CHECK_OK(pool_close_join(pool));
  }
}

/* A half that blocks, and does not say when it is over: its end is. */
static int32_t leave_a_section_open(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  meet((struct pair *)(uintptr_t)arg, 1, task);
  CHECK_OK(pool_blocking_begin(task));
  return 0;
}

static int32_t join_with_a_section(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  CHECK_OK(pool_join2(task, meet_first, arg, NULL, leave_a_section_open, arg, NULL));
  return 0;
}

CASE(a_section_ends_with_its_stolen_half) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.max_blocked = 1;
  pool_t *pool = new_pool_with(&options);
  for (size_t i = 0; i < scaled(100); i++) {
    struct pair pair = {0};
    CHECK_OK(pool_apply(pool, join_with_a_section, &pair, 0, NULL, 0));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t wrong_calls(const void *arg, void *result, pool_task_t *task) {
  int64_t *numbers = (int64_t *)(uintptr_t)arg;
  (void)result;
  CHECK_ERROR(pool_join2(task, NULL, NULL, NULL, nothing, NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join2(task, nothing, NULL, NULL, NULL, NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join_n(task, NULL, numbers, 8, numbers, 8, 1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join_n(task, twice, NULL, 8, numbers, 8, 1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join_n(task, twice, numbers, 8, NULL, 8, 1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_join_n(task, twice, numbers, SIZE_MAX, numbers, 8, 2), POOL_ERR_INVALID);
  CHECK_OK(pool_join_n(task, twice, NULL, 8, NULL, 8, 0));
  return 0;
}

CASE(wrong_arguments) {
  pool_t *pool = new_pool(2);
  int64_t numbers[2] = {1, 2};
  CHECK_OK(pool_apply(pool, wrong_calls, numbers, 0, NULL, 0));
  CHECK_ERROR(pool_join2(NULL, nothing, NULL, NULL, nothing, NULL, NULL), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "pool_apply()");
  CHECK_ERROR(pool_join_n(NULL, twice, numbers, 8, numbers, 8, 2), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "pool_apply()");
  CHECK_OK(pool_close_join(pool));
}
