/* A program that has a pool of another kind, one that hands out memory, under the very names of Millpond's, as rsync
 * has, and uses Millpond beside it in the same source. (The test adds a function of its own for each of the other
 * names of Millpond, which all end the program.) */
#include "check.h"

/* The foreign pool: types, functions, macros. */
typedef struct pool_t {
  char bytes[256];
  size_t used;
} pool_t;
typedef enum { pool_future_t, pool_fn } pool_call_t;
#define POOL_OK 17
#define POOL_THREADS "none"
#define POOL_OPTIONS_INIT (-1)
#define pool_map(a, b) ((a) + (b))

pool_t *pool_create(size_t size, int clear);
void *pool_alloc(pool_t *pool, size_t size);
int pool_destroy(pool_t *pool);

#ifdef PREFIXED_FIRST
#include <millpond_prefixed.h>
#else
#define MILLPOND_PREFIX
#include <millpond.h>
#endif

pool_t *pool_create(size_t size, int clear) {
  CHECK(size == sizeof(pool_t) && clear == 1);
  return calloc(1, size);
}

void *pool_alloc(pool_t *pool, size_t size) {
  void *place = pool->bytes + pool->used;
  pool->used += size;
  return pool->used <= sizeof pool->bytes ? place : NULL;
}

int pool_destroy(pool_t *pool) {
  free(pool);
  return POOL_OK;
}

static int32_t twice(const void *arg, void *result, millpond_pool_task_t *task) {
  (void)task;
  *(int64_t *)result = *(const int64_t *)arg * 2;
  return MILLPOND_POOL_OK;
}

static int32_t fib(const void *arg, void *result, millpond_pool_task_t *task) {
  int64_t n = *(const int64_t *)arg, left = n - 1, right = n - 2, a = 0, b = 0;
  if (n < 2) {
    *(int64_t *)result = n;
    return 0;
  }
  int32_t status = millpond_pool_join2(task, fib, &left, &a, fib, &right, &b);
  *(int64_t *)result = a + b;
  return status;
}

static void count(const millpond_pool_result_t *outcome, void *user_data) {
  if (outcome->status == MILLPOND_POOL_OK) {
    ++*(int *)user_data;
  }
}

static void both_work(int32_t mode) {
  enum { COUNT = 1000 };
  static int64_t args[COUNT], results[COUNT];
  int called = 0;
  pool_t *memory = pool_create(sizeof *memory, 1);
  int64_t *n = pool_alloc(memory, sizeof *n), result = 0;
  millpond_pool_options_t options = MILLPOND_POOL_OPTIONS_INIT;
  millpond_pool_call_t call = MILLPOND_POOL_CALL_INIT;
  millpond_pool_t *pool = NULL;
  options.mode = mode;
  options.workers = 2;
  CHECK_EQ(millpond_pool_create_with(&options, &pool), MILLPOND_POOL_OK);
  *n = 21;
  CHECK_EQ(millpond_pool_apply(pool, twice, n, sizeof *n, &result, sizeof result), MILLPOND_POOL_OK);
  CHECK_EQ(result, 42);
  for (int64_t i = 0; i < COUNT; i++) {
    args[i] = i;
  }
  CHECK_EQ(millpond_pool_map(pool, twice, args, 8, results, 8, COUNT), MILLPOND_POOL_OK);
  CHECK_EQ(results[COUNT - 1], 2 * (COUNT - 1));
  CHECK_EQ(millpond_pool_apply(pool, fib, n, sizeof *n, &result, sizeof result), MILLPOND_POOL_OK);
  CHECK_EQ(result, 10946);
  call.fn = twice;
  call.arg = n;
  call.arg_size = call.result_size = sizeof *n;
  call.callback = count;
  call.user_data = &called;
  CHECK_EQ(millpond_pool_submit(pool, &call, 1, NULL), MILLPOND_POOL_OK);
  CHECK_EQ(millpond_pool_close(NULL), MILLPOND_POOL_ERR_INVALID);
  CHECK(strlen(millpond_pool_last_error()) > 3);
  CHECK_EQ(millpond_pool_close_join(pool), MILLPOND_POOL_OK);
  CHECK_EQ(called, 1);
  CHECK_EQ(pool_destroy(memory), POOL_OK);
  CHECK_EQ(pool_map(2, 3), 5);
}

CASE(threads) {
  both_work(MILLPOND_POOL_THREADS);
}

CASE(processes) {
  both_work(MILLPOND_POOL_PROCESSES);
}
