/* Loops and reductions in worker processes: what they see, what they bring back, and how they fail. */
#include "procs.h"
#include "reductions.h"

/* Lies in memory that all share. */
struct seen {
  atomic_size_t length, calls;
  size_t failing;
  atomic_uchar times[];
};

static int32_t see(size_t begin, size_t end, void *context, pool_task_t *task) {
  struct seen *seen = context;
  CHECK(begin < end);
  CHECK_EQ(task->index, begin);
  CHECK(task->context == context);
  for (size_t i = begin; i < end; i++) {
    atomic_fetch_add(&seen->times[i - 100], 1);
  }
  atomic_fetch_add(&seen->length, end - begin);
  atomic_fetch_add(&seen->calls, 1);
  return 0;
}

CASE(each_number_once) {
  static const size_t counts[] = {0, 1, 2, 3, 10, 1000, 300000};
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = process_pool(workers);
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
      struct seen *seen = shared(pool, sizeof *seen + counts[c]);
      CHECK_OK(pool_for(pool, 100, 100 + counts[c], see, seen));
      CHECK_EQ(seen->length, counts[c]);
      for (size_t i = 0; i < counts[c]; i++) {
        CHECK_EQ(seen->times[i], 1);
      }
      CHECK(counts[c] < 300000 || seen->calls < counts[c] / 2);
      CHECK_OK(pool_shared_free(pool, seen));
    }
    CHECK_OK(pool_close_join(pool));
  }
}

static int32_t add_length(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)task;
  atomic_fetch_add((atomic_size_t *)context, end - begin);
  return 0;
}

CASE(huge_loops) {
  static const size_t counts[] = {(size_t)UINT32_MAX + 1, SIZE_MAX / 2, SIZE_MAX};
  pool_t *pool = process_pool(2);
  atomic_size_t *length = shared(pool, sizeof *length);
  for (size_t c = 0; c < COUNT_OF(counts); c++) {
    *length = 0;
    CHECK_OK(pool_for(pool, 0, counts[c], add_length, length));
    CHECK(*length == counts[c]);
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t fail_or_die(size_t begin, size_t end, void *context, pool_task_t *task) {
  size_t number = 5000;
  if (begin <= number && number < end) {
    if (context == NULL) {
      return pool_task_fail(task, 42, "not this one");
    }
    raise(SIGKILL);
  }
  return 0;
}

CASE(failures_and_deaths_name_their_range) {
  pool_t *pool = process_pool(2);
  CHECK_ERROR(pool_for(pool, 0, 10000, fail_or_die, NULL), 42);
  CHECK_HAS(pool_last_error(), "the range from ");
  CHECK_HAS(pool_last_error(), " on: not this one");
  CHECK_ERROR(pool_for(pool, 0, 10000, fail_or_die, shared(pool, 1)), POOL_ERR_WORKER_DIED);
  CHECK_HAS(pool_last_error(), "the range from ");
  CHECK_OK(pool_for(pool, 0, 4000, fail_or_die, NULL));
  CHECK_OK(pool_close_join(pool));
}

static int32_t sleep_each(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)task;
  for (size_t i = begin; i < end; i++) {
    sleep_ms(1);
  }
  ((atomic_int *)context)[task->worker] = 1;
  return 0;
}

CASE(dear_numbers_are_shared) {
  pool_t *pool = process_pool(2);
  atomic_int *worked = shared(pool, 2 * sizeof *worked);
  CHECK_OK(pool_for(pool, 0, 200, sleep_each, worked));
  CHECK(worked[0] && worked[1]);
  CHECK_OK(pool_close_join(pool));
}

static int32_t loop_for_ever(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)begin;
  (void)end;
  (void)task;
  for (*(atomic_int *)context = 1; *(atomic_int *)context == 1;) {
    pause();
  }
  return 0;
}

struct loop {
  pool_t *pool;
  atomic_int *runs;
};

static void *loop_until_terminated(void *data) {
  struct loop *loop = data;
  CHECK_ERROR(pool_for(loop->pool, 0, 1000, loop_for_ever, loop->runs), POOL_ERR_TERMINATED);
  return NULL;
}

CASE(terminate_kills_a_loop) {
  struct loop loop = {process_pool(2), NULL};
  loop.runs = shared(loop.pool, sizeof *loop.runs);
  pthread_t thread = check_thread(loop_until_terminated, &loop);
  EVENTUALLY(*loop.runs);
  CHECK_OK(pool_terminate(loop.pool));
  pthread_join(thread, NULL);
  CHECK_OK(pool_close_join(loop.pool));
}

CASE(a_time_limit_is_that_of_each_call) {
  pool_options_t options = processes(1);
  options.task_timeout_ms = 300;
  pool_t *pool = new_pool_with(&options);
  atomic_int *memory = shared(pool, 2 * sizeof *memory);
  CHECK_OK(pool_for(pool, 0, 500, sleep_each, memory));
  CHECK_ERROR(pool_for(pool, 0, 500, loop_for_ever, memory), POOL_ERR_TIME_LIMIT);
  CHECK_OK(pool_close_join(pool));
}

static int32_t add_squares(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  double sum = *(double *)result;
  (void)context;
  CHECK(task->index < 512);
  for (size_t i = begin; i < end; i++) {
    sum += 1 / ((double)i * (double)i + 1);
  }
  *(double *)result = sum;
  return 0;
}

CASE(a_sum_is_the_same_as_on_threads) {
  static const size_t counts[] = {0, 1, 100, 513, 1000000};
  pool_t *threads = new_pool(2);
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = process_pool(workers);
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
      double zero = 0, here = -1, there = -2;
      CHECK_OK(pool_reduce(threads, counts[c], add_squares, add_double, &zero, &here, sizeof here, NULL));
      CHECK_OK(pool_reduce(pool, counts[c], add_squares, add_double, &zero, &there, sizeof there, NULL));
      CHECK_EQ(memcmp(&here, &there, sizeof here), 0);
    }
    CHECK_OK(pool_close_join(pool));
  }
  CHECK_OK(pool_close_join(threads));
}

CASE(large_results_come_back) {
  static uint32_t bins[BINS];
  pool_t *pool = process_pool(2);
  CHECK_OK(pool_reduce(pool, 3 * BINS, fill_bins, add_bins, NULL, bins, sizeof bins, NULL));
  for (size_t i = 0; i < BINS; i++) {
    CHECK_EQ(bins[i], 3);
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t die_in_piece(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  if (begin == 0) {
    abort();
  }
  return fill_bins(begin, end, result, context, task);
}

CASE(what_is_refused) {
  pool_t *pool = process_pool(1);
  double result = 5;
  int local;
  CHECK_ERROR(pool_for(pool, 0, 10, add_length, &local), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "context");
  CHECK_ERROR(pool_reduce(pool, 10, add_squares, add_double, NULL, &result, 8, &local), POOL_ERR_INVALID);
  CHECK_ERROR(pool_reduce(pool, 10, die_in_piece, add_double, NULL, &result, 8, NULL), POOL_ERR_WORKER_DIED);
  CHECK_HAS(pool_last_error(), "the range from 0 on: ");
  CHECK_EQ(result, 5);
  CHECK_OK(pool_close_join(pool));
}

static pool_t *own;

static int32_t use_own_pool(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)begin;
  (void)end;
  (void)context;
  (void)task;
  CHECK_ERROR(pool_for(own, 0, 1, use_own_pool, NULL), POOL_ERR_UNSUPPORTED);
  return 0;
}

CASE(a_loop_inside_a_loop_is_not_supported) {
  own = process_pool(1);
  CHECK_OK(pool_refresh(own));
  CHECK_OK(pool_for(own, 0, 3, use_own_pool, NULL));
  CHECK_OK(pool_close_join(own));
}

static int by_value(const void *a, const void *b, void *context) {
  (void)context;
  return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

CASE(sorts_are_not_supported) {
  pool_t *pool = process_pool(1), *threads = new_pool(2);
  int64_t *numbers = shared(pool, 3 * sizeof *numbers);
  numbers[0] = 3;
  numbers[1] = 1;
  numbers[2] = 2;
  CHECK_ERROR(pool_sort(pool, numbers, 3, POOL_SORT_I64), POOL_ERR_UNSUPPORTED);
  CHECK_ERROR(pool_sort_with(pool, numbers, 3, 8, by_value, NULL), POOL_ERR_UNSUPPORTED);
  CHECK(numbers[0] == 3 && numbers[1] == 1 && numbers[2] == 2);
  CHECK_OK(pool_sort(threads, numbers, 3, POOL_SORT_I64));
  CHECK(numbers[0] == 1 && numbers[1] == 2 && numbers[2] == 3);
  CHECK_OK(pool_close_join(threads));
  CHECK_OK(pool_close_join(pool));
}
