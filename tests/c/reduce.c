/* Reductions: right, the same in every run and every pool, in order; failures, and what is refused. */
#include "reductions.h"

#include <math.h>

/* The context of the sums below, where they need one. */
struct numbers {
  const double *values;
  atomic_int pieces;
};

static int32_t add_values(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  struct numbers *numbers = context;
  double sum = *(double *)result;
  CHECK(begin < end);
  CHECK(task->context == context);
  CHECK_EQ((uintptr_t)result % 16, 0);
  for (size_t i = begin; i < end; i++) {
    sum += numbers->values[i];
  }
  *(double *)result = sum;
  atomic_fetch_add(&numbers->pieces, 1);
  return 0;
}

/* Numbers of very different sizes, whose sum depends on the order of adding. */
static double *random_values(size_t count) {
  double *values = calloc(count + 1, sizeof *values);
  uint64_t state = 7;
  for (size_t i = 0; i < count; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    values[i] = ldexp((double)(int64_t)state, (int)(state >> 40) % 60 - 60);
  }
  return values;
}

static double sum(pool_t *pool, struct numbers *numbers, size_t count) {
  double zero = 0, result = -1;
  CHECK_OK(pool_reduce(pool, count, add_values, add_double, &zero, &result, sizeof result, numbers));
  return result;
}

CASE(the_same_sum_in_every_run_and_pool) {
  size_t count = scaled(300000);
  struct numbers numbers = {random_values(count), 0};
  pool_t *pool = new_pool(1);
  double expected = sum(pool, &numbers, count);
  CHECK_OK(pool_close_join(pool));
  for (uint32_t workers = 1; workers <= 7; workers++) {
    pool = new_pool(workers);
    for (int run = 0; run < 5; run++) {
      double again = sum(pool, &numbers, count);
      CHECK(memcmp(&again, &expected, sizeof expected) == 0);
    }
    CHECK_OK(pool_close_join(pool));
  }
  /* The order of adding does matter here, or the above says nothing. */
  double backwards = 0;
  for (size_t i = count; i-- > 0;) {
    backwards += numbers.values[i];
  }
  CHECK(backwards != expected);
  free((void *)numbers.values);
}

/* A composition of steps x -> a * x + b modulo 2^64: associative, not commutative. */
struct step {
  uint64_t a, b;
};

static struct step step_of(size_t number) {
  struct step step = {2 * number + 3, number * number + 1};
  return step;
}

static struct step after(struct step first, struct step second) {
  struct step both = {first.a * second.a, first.b * second.a + second.b};
  return both;
}

static int32_t compose_piece(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  struct step *step = result;
  (void)context;
  (void)task;
  for (size_t i = begin; i < end; i++) {
    *step = after(*step, step_of(i));
  }
  return 0;
}

static void compose(void *into, const void *from, void *context) {
  (void)context;
  *(struct step *)into = after(*(struct step *)into, *(const struct step *)from);
}

CASE(combined_in_order_for_every_count) {
  static const size_t large[] = {511, 512, 513, 1023, 1024, 1025, 99999};
  for (uint32_t workers = 1; workers <= 4; workers++) {
    pool_t *pool = new_pool(workers);
    size_t small = scaled(150);
    for (size_t c = 0; c < small + COUNT_OF(large); c++) {
      size_t count = c < small ? c : large[c - small];
      struct step identity = {1, 0}, result = {9, 9}, expected = {1, 0};
      CHECK_OK(pool_reduce(pool, count, compose_piece, compose, &identity, &result, sizeof result, NULL));
      for (size_t i = 0; i < count; i++) {
        expected = after(expected, step_of(i));
      }
      CHECK(result.a == expected.a && result.b == expected.b);
    }
    CHECK_OK(pool_close_join(pool));
  }
}

static int32_t count_numbers(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  (void)context;
  CHECK(task->index < 512);
  *(size_t *)result += end - begin;
  return 0;
}

static void add_size(void *into, const void *from, void *context) {
  (void)context;
  *(size_t *)into += *(const size_t *)from;
}

CASE(no_identity_is_zero_and_huge_counts_add_up) {
  static const size_t counts[] = {0, 1, 5000, (size_t)UINT32_MAX + 7, SIZE_MAX};
  pool_t *pool = new_pool(2);
  for (size_t c = 0; c < COUNT_OF(counts); c++) {
    size_t result = 77;
    CHECK_OK(pool_reduce(pool, counts[c], count_numbers, add_size, NULL, &result, sizeof result, NULL));
    CHECK(result == counts[c]);
  }
  CHECK_OK(pool_close_join(pool));
}

/* The result may lie where the identity does. */
CASE(identity_and_result_in_one_place) {
  pool_t *pool = new_pool(2);
  size_t both = 0;
  CHECK_OK(pool_reduce(pool, 1000, count_numbers, add_size, &both, &both, sizeof both, NULL));
  CHECK_EQ(both, 1000);
  CHECK_OK(pool_close_join(pool));
}

CASE(large_results_of_odd_sizes) {
  static uint32_t bins[BINS + 1], expected[BINS];
  size_t count = scaled(100000);
  pool_t *pool = new_pool(3);
  bins[BINS] = 0xeeeeeeee;
  CHECK_OK(pool_reduce(pool, count, fill_bins, add_bins, NULL, bins, BINS * sizeof bins[0], NULL));
  for (size_t i = 0; i < count; i++) {
    expected[i * 7919 % BINS]++;
  }
  CHECK_EQ(memcmp(bins, expected, sizeof expected), 0);
  CHECK_EQ(bins[BINS], 0xeeeeeeee);
  CHECK_OK(pool_close_join(pool));
}

/* Which piece a number is in depends on the count alone. */
static int32_t note_bounds(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  size_t (*bounds)[2] = context;
  bounds[task->index][0] = begin;
  bounds[task->index][1] = end;
  return count_numbers(begin, end, result, context, task);
}

CASE(the_pieces_depend_on_the_count_alone) {
  static size_t one[512][2], many[512][2];
  pool_t *pool = new_pool(1), *wide = new_pool(30);
  for (size_t count = 1; count < 2000; count += 37) {
    size_t result;
    memset(one, 0xff, sizeof one);
    memset(many, 0xff, sizeof many);
    CHECK_OK(pool_reduce(pool, count, note_bounds, add_size, NULL, &result, sizeof result, one));
    CHECK_OK(pool_reduce(wide, count, note_bounds, add_size, NULL, &result, sizeof result, many));
    CHECK_EQ(memcmp(one, many, sizeof one), 0);
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_close_join(wide));
}

static int32_t fail_once(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  size_t failing = *(size_t *)context;
  (void)result;
  return begin <= failing && failing < end ? pool_task_fail(task, 42, "not this one") : 0;
}

static void must_not_combine(void *into, const void *from, void *context) {
  (void)into;
  (void)from;
  (void)context;
  FAIL("partial results of a failed reduction were combined");
}

CASE(a_failed_piece_is_named_and_nothing_combined) {
  pool_t *pool = new_pool(3);
  for (size_t failing = 0; failing < 5000; failing += 499) {
    uint64_t result = 5;
    char expected[100];
    CHECK_ERROR(pool_reduce(pool, 5120, fail_once, must_not_combine, NULL, &result, 8, &failing), 42);
    snprintf(expected, sizeof expected, "the range from %zu on: not this one", failing / 10 * 10);
    CHECK_STR(pool_last_error(), expected);
    CHECK_EQ(result, 5);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(what_is_refused) {
  pool_t *pool = new_pool(2);
  uint64_t result = 5;
  CHECK_ERROR(pool_reduce(NULL, 1, count_numbers, add_size, NULL, &result, 8, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_reduce(pool, 1, NULL, add_size, NULL, &result, 8, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_reduce(pool, 1, count_numbers, NULL, NULL, &result, 8, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_reduce(pool, 1, count_numbers, add_size, NULL, NULL, 8, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_reduce(pool, 1, count_numbers, add_size, NULL, &result, 0, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_reduce(pool, 1, count_numbers, add_size, NULL, &result, SIZE_MAX, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_reduce(pool, 1, count_numbers, add_size, NULL, &result, SIZE_MAX / 4, NULL), POOL_ERR_NO_MEMORY);
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_reduce(pool, 0, count_numbers, add_size, NULL, &result, 8, NULL), POOL_ERR_CLOSED);
  CHECK_EQ(result, 5);
  CHECK_OK(pool_close_join(pool));
}

static int32_t reduce_inside(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  return pool_reduce((pool_t *)(uintptr_t)arg, 10000, count_numbers, add_size, NULL, result, sizeof(size_t), NULL);
}

CASE(inside_tasks) {
  pool_t *pool = new_pool(2);
  size_t results[50] = {0};
  CHECK_OK(pool_map(pool, reduce_inside, pool, 0, results, sizeof results[0], COUNT_OF(results)));
  for (size_t i = 0; i < COUNT_OF(results); i++) {
    CHECK_EQ(results[i], 10000);
  }
  CHECK_OK(pool_close_join(pool));
}

static void *reduce_many_times(void *pool) {
  for (size_t i = 0; i < scaled(200); i++) {
    size_t result;
    CHECK_OK(pool_reduce(pool, i * 10, count_numbers, add_size, NULL, &result, sizeof result, NULL));
    CHECK_EQ(result, i * 10);
  }
  return NULL;
}

CASE(from_several_threads_at_once) {
  pool_t *pool = new_pool(2);
  check_threads(4, reduce_many_times, pool);
  CHECK_OK(pool_close_join(pool));
}
