/* Loops over numbers: each number once, failures, skewed work, nesting, and what is refused. */
#include "tasks.h"

/* Counts how often each number was seen; the loop begins at `first`. */
struct seen {
  atomic_uchar *times;
  size_t first, count;
  atomic_size_t calls;
};

static struct seen seen_new(size_t first, size_t count) {
  struct seen seen = {calloc(count + 1, 1), first, count, 0};
  return seen;
}

static int32_t see(size_t begin, size_t end, void *context, pool_task_t *task) {
  struct seen *seen = context;
  CHECK(begin < end);
  CHECK(begin >= seen->first && end <= seen->first + seen->count);
  CHECK_EQ(task->index, begin);
  CHECK(task->context == context);
  for (size_t i = begin; i < end; i++) {
    atomic_fetch_add_explicit(&seen->times[i - seen->first], 1, memory_order_relaxed);
  }
  atomic_fetch_add(&seen->calls, 1);
  return 0;
}

static void each_was_seen_once(struct seen *seen) {
  for (size_t i = 0; i < seen->count; i++) {
    CHECK_EQ(seen->times[i], 1);
  }
  CHECK_EQ(seen->times[seen->count], 0);
  free(seen->times);
}

static void see_all(pool_t *pool, size_t first, size_t count) {
  struct seen seen = seen_new(first, count);
  CHECK_OK(pool_for(pool, first, first + count, see, &seen));
  each_was_seen_once(&seen);
}

CASE(every_small_count) {
  for (uint32_t workers = 1; workers <= 4; workers++) {
    pool_t *pool = new_pool(workers);
    for (size_t count = 0; count <= scaled(200); count++) {
      see_all(pool, 0, count);
      see_all(pool, 1000 + count, count);
    }
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(at_the_end_of_all_numbers) {
  pool_t *pool = new_pool(3);
  see_all(pool, SIZE_MAX - 1000, 1000);
  see_all(pool, SIZE_MAX, 0);
  CHECK_OK(pool_close_join(pool));
}

/* Quick numbers come many at a time. */
CASE(a_million_numbers_in_far_fewer_calls) {
  pool_t *pool = new_pool(3);
  struct seen seen = seen_new(5, 1000000);
  CHECK_OK(pool_for(pool, 5, 1000005, see, &seen));
  CHECK(seen.calls < 500000);
  each_was_seen_once(&seen);
  CHECK_OK(pool_close_join(pool));
}

/* More numbers than a word of 32 bits can count: nobody looks at each, but they add up. */
static int32_t add_length(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)task;
  atomic_fetch_add((atomic_size_t *)context, end - begin);
  return 0;
}

CASE(huge_loops) {
  static const size_t counts[] = {UINT32_MAX, (size_t)UINT32_MAX + 1, (size_t)1 << 40, SIZE_MAX / 2, SIZE_MAX};
  pool_t *pool = new_pool(2);
  for (size_t c = 0; c < COUNT_OF(counts); c++) {
    atomic_size_t length = 0;
    CHECK_OK(pool_for(pool, 0, counts[c], add_length, &length));
    CHECK(length == counts[c]);
  }
  CHECK_OK(pool_close_join(pool));
}

/* Numbers whose cost grows, and one that is a thousand times as dear, at every place that a range is likely to be split. */
struct skew {
  struct seen seen;
  size_t heavy;
};

static int32_t see_skewed(size_t begin, size_t end, void *context, pool_task_t *task) {
  struct skew *skew = context;
  volatile size_t work = 0;
  for (size_t i = begin; i < end; i++) {
    atomic_fetch_add(&skew->seen.times[i], 1);
    for (size_t step = 0; step < i / 4; step++) {
      work += step;
    }
    if (i == skew->heavy) {
      sleep_ms(20);
    }
  }
  (void)work;
  (void)task;
  return 0;
}

CASE(skewed_work) {
  enum { COUNT = 2000 };
  static const size_t heavy[] = {0, 1, COUNT / 2 - 1, COUNT / 2, COUNT - 2, COUNT - 1};
  pool_t *pool = new_pool(3);
  for (size_t h = 0; h < COUNT_OF(heavy); h++) {
    struct skew skew = {seen_new(0, COUNT), heavy[h]};
    CHECK_OK(pool_for(pool, 0, COUNT, see_skewed, &skew));
    each_was_seen_once(&skew.seen);
  }
  CHECK_OK(pool_close_join(pool));
}

enum { CHEAP = 1000000, DEAR = 400 };

/* How many dear numbers came in one call, at most. */
static int32_t cheap_then_dear(size_t begin, size_t end, void *context, pool_task_t *task) {
  atomic_size_t *most = context;
  (void)task;
  size_t dear = end > CHEAP ? end - (begin > CHEAP ? begin : CHEAP) : 0;
  for (size_t known = *most; dear > known && !atomic_compare_exchange_weak(most, &known, dear);) {
  }
  for (size_t i = 0; i < dear; i++) {
    sleep_ms(1);
  }
  return 0;
}

/* Whoever has got long ranges, because they were quick, does not get all the dear numbers in one. */
CASE(dear_numbers_after_cheap_ones_are_shared) {
  pool_t *pool = new_pool(2);
  atomic_size_t most = 0;
  CHECK_OK(pool_for(pool, 0, CHEAP + DEAR, cheap_then_dear, &most));
  CHECK(most > 0);
  CHECK(most <= DEAR / 4);
  CHECK_OK(pool_close_join(pool));
}

/* Ranges meet, so they must really run at the same time. */
static int32_t meet(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)task;
  for (size_t i = begin; i < end; i++) {
    pthread_barrier_wait(context);
  }
  return 0;
}

CASE(ranges_run_at_the_same_time) {
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, 2);
  pool_t *pool = new_pool(2);
  for (int i = 0; i < 20; i++) {
    CHECK_OK(pool_for(pool, 0, 2, meet, &barrier));
  }
  CHECK_OK(pool_close_join(pool));
  pthread_barrier_destroy(&barrier);
}

/* Ranges that hold a number of the plan fail with 1000 + their begin. */
struct plan {
  size_t failing[4];
  atomic_size_t lowest, ran;
  int delay_ms;
};

static int32_t fail_as_planned(size_t begin, size_t end, void *context, pool_task_t *task) {
  struct plan *plan = context;
  atomic_fetch_add(&plan->ran, end - begin);
  if (plan->delay_ms > 0) {
    sleep_ms(plan->delay_ms);
  }
  for (size_t i = 0; i < COUNT_OF(plan->failing); i++) {
    if (plan->failing[i] >= begin && plan->failing[i] < end) {
      for (size_t lowest = plan->lowest;
           begin < lowest && !atomic_compare_exchange_weak(&plan->lowest, &lowest, begin);) {
      }
      return pool_task_fail(task, (int32_t)(1000 + begin), "this range is bad");
    }
  }
  return 0;
}

CASE(the_failed_range_with_the_lowest_begin_counts) {
  for (size_t round = 0; round < scaled(200); round++) {
    pool_t *pool = new_pool((uint32_t)(round % 4 + 1));
    struct plan plan = {{900, 21, 500, 999}, SIZE_MAX, 0, 0};
    int32_t status = pool_for(pool, 10, 1000, fail_as_planned, &plan);
    CHECK(plan.lowest < 1000);
    CHECK_STATUS(status, (int32_t)(1000 + plan.lowest));
    char expected[100];
    snprintf(expected, sizeof expected, "the range from %zu on: this range is bad", plan.lowest);
    CHECK_STR(pool_last_error(), expected);
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(nothing_more_starts_after_a_failure) {
  pool_t *pool = new_pool(2);
  struct plan plan = {{0, 1, 2, 3}, SIZE_MAX, 0, 1};
  CHECK_ERROR(pool_for(pool, 0, 1000000, fail_as_planned, &plan), 1000);
  CHECK(plan.ran < 1000);
  CHECK_OK(pool_close_join(pool));
}

static int32_t negative(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)begin;
  (void)end;
  (void)context;
  (void)task;
  return -3;
}

CASE(a_negative_code_is_an_internal_error) {
  pool_t *pool = new_pool(2);
  CHECK_ERROR(pool_for(pool, 0, 10, negative, NULL), POOL_ERR_INTERNAL);
  CHECK_HAS(pool_last_error(), "returned -3");
  CHECK_OK(pool_close_join(pool));
}

static int32_t set_a_result(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)begin;
  (void)end;
  (void)context;
  CHECK_OK(pool_task_set_result(task, "", 0));
  return pool_task_set_result(task, "abc", 3) == POOL_ERR_SIZE ? 0 : 1;
}

CASE(a_range_has_no_result_to_set) {
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_for(pool, 0, 10, set_a_result, NULL));
  CHECK_OK(pool_close_join(pool));
}

CASE(what_is_refused) {
  pool_t *pool = new_pool(2);
  CHECK_ERROR(pool_for(NULL, 0, 1, see, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_for(pool, 0, 1, NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_for(pool, 0, 0, NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_for(pool, 2, 1, see, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_for(pool, SIZE_MAX, 0, see, NULL), POOL_ERR_INVALID);
  CHECK_OK(pool_for(pool, 7, 7, see, NULL));
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_for(pool, 0, 1, see, NULL), POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
}

struct nest {
  pool_t *pool;
  atomic_size_t count;
  int depth;
};

static int32_t nested(size_t begin, size_t end, void *context, pool_task_t *task) {
  struct nest *nest = context;
  (void)task;
  for (size_t i = begin; i < end; i++) {
    if (nest->depth == 0) {
      atomic_fetch_add(&nest->count, 1);
      continue;
    }
    struct nest inner = {nest->pool, 0, nest->depth - 1};
    CHECK_OK(pool_for(nest->pool, 0, 10, nested, &inner));
    atomic_fetch_add(&nest->count, inner.count);
  }
  return 0;
}

CASE(loops_inside_loops) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    struct nest nest = {new_pool(workers), 0, 3};
    CHECK_OK(pool_for(nest.pool, 0, 10, nested, &nest));
    CHECK_EQ(nest.count, 10000);
    CHECK_OK(pool_close_join(nest.pool));
  }
}

static void loop_in_callback(const pool_result_t *outcome, void *user_data) {
  struct nest *nest = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_OK(pool_for(nest->pool, 0, 1000, nested, nest));
}

CASE(from_a_callback_after_close) {
  struct nest nest = {new_pool(2), 0, 0};
  CHECK_OK(pool_apply_async(nest.pool, nothing, NULL, 0, 0, loop_in_callback, &nest, NULL));
  CHECK_OK(pool_close_join(nest.pool));
  CHECK_EQ(nest.count, 1000);
}

static void *see_many_times(void *data) {
  for (size_t i = 0; i < scaled(100); i++) {
    see_all(data, i, i * 10);
  }
  return NULL;
}

CASE(from_several_threads_at_once) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = new_pool(workers);
    check_threads(4, see_many_times, pool);
    CHECK_OK(pool_close_join(pool));
  }
}

struct long_loop {
  pool_t *pool;
  struct gate running;
  atomic_bool was_asked;
};

static int32_t run_until_asked(size_t begin, size_t end, void *context, pool_task_t *task) {
  struct long_loop *loop = context;
  (void)begin;
  (void)end;
  gate_open(&loop->running);
  while (!pool_task_cancelled(task)) {
    sleep_ms(1);
  }
  loop->was_asked = true;
  return 0;
}

static void *loop_until_terminated(void *data) {
  struct long_loop *loop = data;
  CHECK_ERROR(pool_for(loop->pool, 0, 1000000, run_until_asked, loop), POOL_ERR_TERMINATED);
  return NULL;
}

CASE(terminate_ends_a_loop) {
  struct long_loop loop = {new_pool(2), GATE_INIT, false};
  pthread_t thread = check_thread(loop_until_terminated, &loop);
  gate_wait(&loop.running);
  CHECK_OK(pool_terminate(loop.pool));
  pthread_join(thread, NULL);
  CHECK(loop.was_asked);
  CHECK_OK(pool_close_join(loop.pool));
}
