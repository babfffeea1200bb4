/* Sorts, beside qsort: numbers of every type, elements of every size, order kept, lies told by comparisons. */
#include "tasks.h"

#include <math.h>

static uint64_t state = 42;

static uint64_t rnd(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/* The shapes that sorts are known to be slow or wrong on. */
enum shape { RANDOM, SORTED, REVERSED, EQUAL, FEW, ORGAN_PIPE, SAW, NEARLY, SHAPES };

static uint64_t shaped(enum shape shape, size_t i, size_t count) {
  switch (shape) {
  case SORTED:
    return i;
  case REVERSED:
    return count - i;
  case EQUAL:
    return 7;
  case FEW:
    return rnd() % 5;
  case ORGAN_PIPE:
    return i < count / 2 ? i : count - i;
  case SAW:
    return i % 1000;
  case NEARLY:
    return rnd() % 100 == 0 ? rnd() % count : i;
  default:
    return rnd();
  }
}

/* A total order on the bits of each type, to sort and to compare with. */
// NOLINTBEGIN(bugprone-macro-parentheses): a type.
#define NUMBERS(name, type, code, before)                                                                              \
  static int name##_order(const void *a, const void *b) {                                                              \
    const type x = *(const type *)a, y = *(const type *)b;                                                             \
    return (before(y, x)) - (before(x, y));                                                                            \
  }                                                                                                                    \
  static void sort_##name(pool_t *pool, type *numbers, size_t count) {                                                 \
    type *expected = malloc((count + 1) * sizeof *expected);                                                           \
    memcpy(expected, numbers, count * sizeof *expected);                                                               \
    qsort(expected, count, sizeof *expected, name##_order);                                                            \
    CHECK_OK(pool_sort(pool, numbers, count, code));                                                                   \
    CHECK_EQ(memcmp(numbers, expected, count * sizeof *expected), 0);                                                  \
    free(expected);                                                                                                    \
  }                                                                                                                    \
  static void every_shape_of_##name(void) {                                                                            \
    size_t most = scaled(150000);                                                                                      \
    type *numbers = malloc(most * sizeof *numbers);                                                                    \
    for (uint32_t workers = 1; workers <= 4; workers++) {                                                              \
      pool_t *pool = new_pool(workers);                                                                                \
      for (int shape = 0; shape < SHAPES; shape++) {                                                                   \
        static const size_t counts[] = {0, 1, 2, 3, 20, 21, 1000, 4096, 4097, 30000, 0};                               \
        for (size_t c = 0; c < COUNT_OF(counts); c++) {                                                                \
          size_t count = c == COUNT_OF(counts) - 1 ? most : counts[c] < most ? counts[c] : most;                       \
          for (size_t i = 0; i < count; i++) {                                                                         \
            uint64_t bits = shaped(shape, i, count);                                                                   \
            memcpy(&numbers[i], &bits, sizeof numbers[i]);                                                             \
          }                                                                                                            \
          sort_##name(pool, numbers, count);                                                                           \
        }                                                                                                              \
      }                                                                                                                \
      CHECK_OK(pool_close_join(pool));                                                                                 \
    }                                                                                                                  \
    free(numbers);                                                                                                     \
  }
// NOLINTEND(bugprone-macro-parentheses)

#define LESS(x, y) ((x) < (y))
NUMBERS(i32, int32_t, POOL_SORT_I32, LESS)

CASE(numbers_of_type_i32) {
  every_shape_of_i32();
}

NUMBERS(u32, uint32_t, POOL_SORT_U32, LESS)

CASE(numbers_of_type_u32) {
  every_shape_of_u32();
}

NUMBERS(i64, int64_t, POOL_SORT_I64, LESS)

CASE(numbers_of_type_i64) {
  every_shape_of_i64();
}

NUMBERS(u64, uint64_t, POOL_SORT_U64, LESS)

CASE(numbers_of_type_u64) {
  every_shape_of_u64();
}

/* Any bits: NaNs last, those without a sign first, and each by its bits. */
static int double_before(double x, double y) {
  uint64_t a, b;
  memcpy(&a, &x, 8);
  memcpy(&b, &y, 8);
  if (isnan(x) || isnan(y) || x == y) {
    if (isnan(x) != isnan(y)) {
      return isnan(y);
    }
    if (signbit(x) != signbit(y)) {
      return isnan(x) ? !signbit(x) : signbit(x) != 0;
    }
    return signbit(x) ? a > b : a < b;
  }
  return x < y;
}

static int float_before(float x, float y) {
  uint32_t a, b;
  memcpy(&a, &x, 4);
  memcpy(&b, &y, 4);
  if (isnan(x) && isnan(y)) {
    return signbit(x) != signbit(y) ? !signbit(x) : signbit(x) ? a > b : a < b;
  }
  return double_before(x, y);
}

NUMBERS(f32, float, POOL_SORT_F32, float_before)

CASE(numbers_of_type_f32) {
  every_shape_of_f32();
}

NUMBERS(f64, double, POOL_SORT_F64, double_before)

CASE(numbers_of_type_f64) {
  every_shape_of_f64();
}

CASE(special_floats) {
  static const double in_order[] = {-INFINITY, -1e300, -1, -1e-310, -0.0, 0.0, 1e-310, 1, 1e300, INFINITY, NAN};
  double numbers[COUNT_OF(in_order)];
  pool_t *pool = new_pool(2);
  for (size_t round = 0; round < 100; round++) {
    memcpy(numbers, in_order, sizeof numbers);
    for (size_t i = COUNT_OF(numbers); i > 1; i--) {
      size_t other = rnd() % i;
      double swap = numbers[i - 1];
      numbers[i - 1] = numbers[other];
      numbers[other] = swap;
    }
    CHECK_OK(pool_sort(pool, numbers, COUNT_OF(numbers), POOL_SORT_F64));
    CHECK_EQ(memcmp(numbers, in_order, sizeof numbers), 0);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(ten_million) {
  size_t count = scaled(10000000);
  uint64_t *numbers = malloc(count * sizeof *numbers), before = 0, after = 0;
  pool_t *pool = new_pool(0);
  for (size_t i = 0; i < count; i++) {
    before += numbers[i] = rnd();
  }
  CHECK_OK(pool_sort(pool, numbers, count, POOL_SORT_U64));
  for (size_t i = 0; i < count; i++) {
    after += numbers[i];
    CHECK(i == 0 || numbers[i - 1] <= numbers[i]);
  }
  CHECK(before == after);
  free(numbers);
  CHECK_OK(pool_close_join(pool));
}

/* Elements of any size: a key, where there is room the place that the element had, and filler that follows from both. */
static const size_t sizes[] = {1, 2, 3, 4, 5, 8, 12, 16, 17, 24, 32, 40, 100, 1000};

static uint32_t key_of(const unsigned char *element, size_t size) {
  uint32_t key = 0;
  memcpy(&key, element, size < 4 ? size : 4);
  return key;
}

static uint32_t place_of(const unsigned char *element) {
  uint32_t place;
  memcpy(&place, element + 4, 4);
  return place;
}

static int by_key(const void *a, const void *b, void *context) {
  size_t size = *(const size_t *)context;
  uint32_t x = key_of(a, size), y = key_of(b, size);
  return (x > y) - (x < y);
}

static void fill(unsigned char *data, size_t count, size_t size, enum shape shape) {
  for (size_t i = 0; i < count; i++) {
    uint32_t key = (uint32_t)(shaped(shape, i, count) % 977), place = (uint32_t)i;
    unsigned char *element = data + i * size;
    memcpy(element, &key, size < 4 ? size : 4);
    if (size >= 8) {
      memcpy(element + 4, &place, 4);
      memset(element + 8, (int)(key + place), size - 8);
    }
  }
}

static void check_sorted(const unsigned char *data, size_t count, size_t size, const uint32_t *expected) {
  uint32_t keys = 0;
  for (size_t i = 0; i < count; i++) {
    const unsigned char *element = data + i * size;
    keys += key_of(element, size);
    if (i > 0) {
      CHECK(key_of(element - size, size) <= key_of(element, size));
    }
    if (size >= 8) {
      CHECK(i == 0 || key_of(element - size, size) < key_of(element, size) ||
            place_of(element - size) < place_of(element));
      for (size_t b = 8; b < size; b++) {
        // NOLINTNEXTLINE(clang-analyzer-security.ArrayBound): the elements are that large.
        CHECK_EQ(element[b], (unsigned char)(key_of(element, size) + place_of(element)));
      }
    }
  }
  CHECK_EQ(keys, *expected);
}

CASE(elements_of_every_size_keep_their_order) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = new_pool(workers);
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
      size_t size = sizes[s], most = scaled(size > 50 ? 9000 : 40000);
      unsigned char *data = malloc(most * size);
      for (int shape = 0; shape < SHAPES; shape++) {
        static const size_t counts[] = {0, 1, 2, 12, 13, 100, 0};
        for (size_t c = 0; c < COUNT_OF(counts); c++) {
          size_t count = c == COUNT_OF(counts) - 1 ? most : counts[c] < most ? counts[c] : most;
          fill(data, count, size, shape);
          uint32_t keys = 0;
          for (size_t i = 0; i < count; i++) {
            keys += key_of(data + i * size, size);
          }
          CHECK_OK(pool_sort_with(pool, data, count, size, by_key, &size));
          check_sorted(data, count, size, &keys);
        }
      }
      free(data);
    }
    CHECK_OK(pool_close_join(pool));
  }
}

/* The elements have their addresses' alignment also where they are compared in the second array. */
static int aligned(const void *a, const void *b, void *context) {
  CHECK_EQ((uintptr_t)a % 64, 0);
  CHECK_EQ((uintptr_t)b % 64, 0);
  return by_key(a, b, context);
}

CASE(alignment_is_kept) {
  size_t size = 64, count = scaled(10000);
  unsigned char *data = aligned_alloc(64, count * size);
  pool_t *pool = new_pool(2);
  fill(data, count, size, RANDOM);
  CHECK_OK(pool_sort_with(pool, data, count, size, aligned, &size));
  free(data);
  CHECK_OK(pool_close_join(pool));
}

static int always_less(const void *a, const void *b, void *context) {
  (void)a;
  (void)b;
  (void)context;
  return -1;
}

static int always_more(const void *a, const void *b, void *context) {
  return -always_less(a, b, context);
}

static int at_random(const void *a, const void *b, void *context) {
  static _Thread_local uint64_t seed = 1;
  (void)a;
  (void)b;
  (void)context;
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (int)(seed >> 62) - 1;
}

static int by_number(const void *a, const void *b) {
  return (*(const int32_t *)a > *(const int32_t *)b) - (*(const int32_t *)a < *(const int32_t *)b);
}

static void every_number_is_there(int32_t *numbers, size_t count) {
  qsort(numbers, count, sizeof *numbers, by_number);
  for (size_t i = 0; i < count; i++) {
    CHECK_EQ(numbers[i], i);
  }
}

CASE(an_inconsistent_comparison_loses_nothing) {
  static const pool_compare_fn liars[] = {always_less, always_more, at_random};
  size_t count = scaled(100000);
  int32_t *numbers = malloc(count * sizeof *numbers);
  pool_t *pool = new_pool(3);
  for (size_t liar = 0; liar < COUNT_OF(liars); liar++) {
    for (int round = 0; round < 5; round++) {
      for (size_t i = 0; i < count; i++) {
        numbers[i] = (int32_t)i;
      }
      CHECK_OK(pool_sort_with(pool, numbers, count, sizeof *numbers, liars[liar], NULL));
      every_number_is_there(numbers, count);
    }
  }
  free(numbers);
  CHECK_OK(pool_close_join(pool));
}

struct stop {
  pool_t *pool;
  atomic_int calls, at;
};

/* Terminates the pool in the midst of the sort. */
static int stop_while_comparing(const void *a, const void *b, void *context) {
  struct stop *stop = context;
  if (atomic_fetch_add(&stop->calls, 1) == stop->at) {
    pool_terminate(stop->pool);
  }
  return by_number(b, a);
}

CASE(terminate_loses_nothing) {
  size_t count = 20000; /* enough for the sort to look whether it should go on */
  int32_t *numbers = malloc(count * sizeof *numbers);
  int ended = 0;
  for (int at = 5; at < (int)count * 20; at *= 5) {
    struct stop stop = {new_pool(3), 0, at};
    for (size_t i = 0; i < count; i++) {
      numbers[i] = (int32_t)((i * 7919) % count);
    }
    uint64_t before = 0, after = 0;
    for (size_t i = 0; i < count; i++) {
      before += (uint64_t)numbers[i] * (uint64_t)numbers[i];
    }
    int32_t status = pool_sort_with(stop.pool, numbers, count, sizeof *numbers, stop_while_comparing, &stop);
    CHECK(status == POOL_OK || status == POOL_ERR_TERMINATED);
    ended += status == POOL_ERR_TERMINATED;
    for (size_t i = 0; i < count; i++) {
      after += (uint64_t)numbers[i] * (uint64_t)numbers[i];
    }
    CHECK(before == after);
    CHECK_OK(pool_close_join(stop.pool));
  }
  CHECK(ended > 0);
  free(numbers);
}

CASE(a_terminated_pool_does_not_sort) {
  pool_t *pool = new_pool(2);
  int32_t numbers[3] = {3, 1, 2};
  CHECK_OK(pool_terminate(pool));
  CHECK(pool_sort(pool, numbers, 3, POOL_SORT_I32) != POOL_OK);
  CHECK(numbers[0] == 3 && numbers[1] == 1 && numbers[2] == 2);
  CHECK_OK(pool_close_join(pool));
}

CASE(what_is_refused) {
  pool_t *pool = new_pool(2);
  int64_t numbers[3] = {3, 1, 2};
  size_t size = 8;
  CHECK_ERROR(pool_sort(NULL, numbers, 3, POOL_SORT_I64), POOL_ERR_INVALID);
  CHECK_ERROR(pool_sort(pool, NULL, 3, POOL_SORT_I64), POOL_ERR_INVALID);
  CHECK_ERROR(pool_sort(pool, numbers, 3, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_sort(pool, numbers, 3, POOL_SORT_F64 + 1), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "POOL_SORT_I32");
  CHECK_ERROR(pool_sort(pool, numbers, SIZE_MAX / 4, POOL_SORT_I64), POOL_ERR_INVALID);
  CHECK_ERROR(pool_sort(pool, (char *)numbers + 1, 1, POOL_SORT_I64), POOL_ERR_INVALID);
  CHECK_OK(pool_sort(pool, NULL, 0, POOL_SORT_I64));
  CHECK_ERROR(pool_sort_with(NULL, numbers, 3, 8, by_key, &size), POOL_ERR_INVALID);
  CHECK_ERROR(pool_sort_with(pool, NULL, 3, 8, by_key, &size), POOL_ERR_INVALID);
  CHECK_ERROR(pool_sort_with(pool, numbers, 3, 0, by_key, &size), POOL_ERR_INVALID);
  CHECK_ERROR(pool_sort_with(pool, numbers, 3, 8, NULL, &size), POOL_ERR_INVALID);
  CHECK_ERROR(pool_sort_with(pool, numbers, SIZE_MAX / 4, 8, by_key, &size), POOL_ERR_INVALID);
  CHECK_OK(pool_sort_with(pool, NULL, 0, 8, by_key, &size));
  CHECK(numbers[0] == 3 && numbers[1] == 1 && numbers[2] == 2);
  CHECK_OK(pool_close(pool));
  CHECK_ERROR(pool_sort(pool, numbers, 3, POOL_SORT_I64), POOL_ERR_CLOSED);
  CHECK_ERROR(pool_sort(pool, NULL, 0, POOL_SORT_I64), POOL_ERR_CLOSED);
  CHECK_ERROR(pool_sort_with(pool, numbers, 3, 8, by_key, &size), POOL_ERR_CLOSED);
  CHECK(numbers[0] == 3 && numbers[1] == 1 && numbers[2] == 2);
  CHECK_OK(pool_close_join(pool));
}

/* A second array that no address space holds; the first is never looked at. */
CASE(no_memory_leaves_the_array_alone) {
  check_skip_under("asan", "its allocator ends the process");
  pool_t *pool = new_pool(2);
  size_t size = SIZE_MAX / 8;
  char one;
  CHECK_ERROR(pool_sort_with(pool, &one, 3, size, by_key, &size), POOL_ERR_NO_MEMORY);
  CHECK_OK(pool_close_join(pool));
}

static int32_t sort_inside(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = (pool_t *)(uintptr_t)arg;
  size_t count = 20000 + task->index;
  int32_t *numbers = malloc(count * sizeof *numbers);
  (void)result;
  for (size_t i = 0; i < count; i++) {
    numbers[i] = (int32_t)((i * 7919 + 13) % count);
  }
  sort_i32(pool, numbers, count);
  CHECK_OK(pool_sort_with(pool, numbers, count, sizeof *numbers, at_random, NULL));
  sort_i32(pool, numbers, count);
  free(numbers);
  return 0;
}

CASE(inside_tasks) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = new_pool(workers);
    CHECK_OK(pool_map(pool, sort_inside, pool, 0, NULL, 0, scaled(40)));
    CHECK_OK(pool_close_join(pool));
  }
}

static void *sort_many_times(void *pool) {
  for (int i = 0; i < 10; i++) {
    pool_task_t task = {0};
    CHECK_OK(sort_inside(pool, NULL, &task));
  }
  return NULL;
}

CASE(from_several_threads_at_once) {
  pool_t *pool = new_pool(2);
  check_threads(4, sort_many_times, pool);
  CHECK_OK(pool_close_join(pool));
}
