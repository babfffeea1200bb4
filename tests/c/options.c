/* Options: each is checked, none is ignored. What workers get from them is in workers.c. */
#include "tasks.h"

#include <limits.h>

static char marker;
#define UNTOUCHED ((pool_t *)(void *)&marker)

static void check_refused(const pool_options_t *options, int32_t status) {
  pool_t *pool = UNTOUCHED;
  CHECK_ERROR(pool_create_with(options, &pool), status);
  CHECK(pool == UNTOUCHED);
}

static void check_works(const pool_options_t *options) {
  pool_t *pool = new_pool_with(options);
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply(pool, twice, &arg, sizeof arg, &result, sizeof result));
  CHECK_EQ(result, 42);
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, twice, &arg, sizeof arg, sizeof result, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, &result, sizeof result, 60000));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

CASE(initialised_options_are_the_defaults) {
  pool_options_t options = POOL_OPTIONS_INIT;
  CHECK_EQ(options.struct_size, sizeof options);
  CHECK_EQ(options.mode, POOL_THREADS);
  CHECK_EQ(options.workers, 0);
  CHECK_EQ(options.callbacks, POOL_CALLBACKS_SERIAL);
  CHECK(options.initializer == NULL);
  CHECK(options.finalizer == NULL);
  CHECK(options.worker_data == NULL);
  CHECK_EQ(options.stack_size, 0);
  CHECK(options.name == NULL);
  check_works(&options);
}

CASE(zeroed_options_with_a_size_are_the_defaults) {
  pool_options_t options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  check_works(&options);
}

CASE(no_options_or_no_place_for_the_pool) {
  pool_options_t options = POOL_OPTIONS_INIT;
  CHECK_ERROR(pool_create_with(&options, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_create_with(NULL, NULL), POOL_ERR_INVALID);
  check_refused(NULL, POOL_ERR_INVALID);
}

CASE(struct_size_too_small) {
  static const size_t small[] = {0, 1, sizeof(size_t) - 1, sizeof(size_t), sizeof(pool_options_t) - 1};
  for (size_t i = 0; i < COUNT_OF(small); i++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.struct_size = small[i];
    check_refused(&options, POOL_ERR_INVALID);
  }
}

struct future_options {
  pool_options_t options;
  unsigned char tail[256];
};

/* A program built against a later header may pass more fields, as long as it doesn't use them. */
CASE(larger_struct_with_an_empty_tail) {
  struct future_options large;
  memset(&large, 0, sizeof large);
  large.options = (pool_options_t)POOL_OPTIONS_INIT;
  for (size_t size = sizeof large.options; size <= sizeof large; size += 1 + size % 7) {
    large.options.struct_size = size;
    check_works(&large.options);
  }
}

CASE(larger_struct_with_an_unknown_option) {
  struct future_options large;
  static const size_t places[] = {0, 1, 7, 8, 100, sizeof large.tail - 1};
  for (size_t i = 0; i < COUNT_OF(places); i++) {
    memset(&large, 0, sizeof large);
    large.options = (pool_options_t)POOL_OPTIONS_INIT;
    large.options.struct_size = sizeof large;
    large.tail[places[i]] = 1;
    check_refused(&large.options, POOL_ERR_UNSUPPORTED);
  }
}

CASE(bytes_beyond_the_struct_are_not_read) {
  struct future_options large;
  memset(&large, 0xff, sizeof large);
  large.options = (pool_options_t)POOL_OPTIONS_INIT;
  check_works(&large.options);
}

CASE(impossible_struct_sizes) {
  static const size_t large[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 40};
  for (size_t i = 0; i < COUNT_OF(large); i++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.struct_size = large[i];
    pool_t *pool = UNTOUCHED;
    int32_t status = pool_create_with(&options, &pool);
    CHECK(status == POOL_ERR_INVALID || status == POOL_ERR_UNSUPPORTED);
    CHECK(pool == UNTOUCHED);
  }
}

CASE(modes) {
  static const int32_t invalid[] = {-1, 3, 4, 100, INT_MAX, INT_MIN};
  pool_options_t options = POOL_OPTIONS_INIT;
  for (size_t i = 0; i < COUNT_OF(invalid); i++) {
    options.mode = invalid[i];
    check_refused(&options, POOL_ERR_INVALID);
  }
  /* Processes are only on Linux, and not in the portable build. */
  pool_t *pool = UNTOUCHED;
  options.mode = POOL_PROCESSES;
  int32_t status = pool_create_with(&options, &pool);
  if (status == POOL_OK) {
    CHECK_OK(pool_close_join(pool));
  } else {
    CHECK_EQ(status, POOL_ERR_UNSUPPORTED);
    CHECK(pool == UNTOUCHED);
  }
  options.mode = POOL_SEQUENTIAL;
  check_works(&options);
}

CASE(callback_modes) {
  static const int32_t invalid[] = {-1, 3, 4, 100, INT_MAX, INT_MIN};
  pool_options_t options = POOL_OPTIONS_INIT;
  for (size_t i = 0; i < COUNT_OF(invalid); i++) {
    options.callbacks = invalid[i];
    check_refused(&options, POOL_ERR_INVALID);
  }
  for (int32_t mode = POOL_CALLBACKS_SERIAL; mode <= POOL_CALLBACKS_POLLED; mode++) {
    options.callbacks = mode;
    check_works(&options);
  }
}

CASE(tiny_stacks) {
  static const size_t sizes[] = {1, 100, 4096, 16384, 65535, 65536, 65537, 70000};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 2;
    options.stack_size = sizes[i];
    if (sizes[i] < 65536) {
      check_refused(&options, POOL_ERR_INVALID);
    } else {
      check_works(&options);
    }
  }
}

/* No machine has such a stack. If that shows only when the threads start, waiting itself still runs the task. */
CASE(impossible_stacks) {
  static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2, (size_t)1 << 47, (size_t)1 << 46};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 2;
    options.stack_size = sizes[i];
    pool_t *pool = UNTOUCHED;
    if (pool_create_with(&options, &pool) != POOL_OK) {
      CHECK(strlen(pool_last_error()) > 3);
      CHECK(pool == UNTOUCHED);
      continue;
    }
    int64_t arg = 21, result = -1;
    int32_t status = pool_apply(pool, twice, &arg, sizeof arg, &result, sizeof result);
    CHECK(status == POOL_OK || status == POOL_ERR_SYSTEM || status == POOL_ERR_NO_MEMORY);
    CHECK_EQ(result, status == POOL_OK ? 42 : -1);
    pool_future_t *future = NULL;
    status = pool_apply_async(pool, twice, &arg, sizeof arg, sizeof result, NULL, NULL, &future);
    if (status == POOL_OK) {
      CHECK_OK(pool_future_get(future, &result, sizeof result, -1));
      CHECK_OK(pool_future_release(future));
    }
    CHECK_OK(pool_close_join(pool));
  }
}

/* The options and the name belong to the caller again after the call. */
CASE(options_are_copied) {
  char name[16] = "pond";
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.name = name;
  pool_t *pool = new_pool_with(&options);
  memset(&options, 0xff, sizeof options);
  memset(name, 'x', sizeof name);
  atomic_int count = 0;
  for (int i = 0; i < 100; i++) {
    CHECK_OK(pool_apply_async(pool, increment, &count, 0, 0, NULL, NULL, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(count, 100);
}

CASE(one_set_of_options_for_many_pools) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.name = "shared";
  pool_options_t before = options;
  for (int i = 0; i < 10; i++) {
    check_works(&options);
  }
  CHECK_EQ(memcmp(&before, &options, sizeof options), 0);
}
