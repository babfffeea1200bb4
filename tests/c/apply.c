/* One task: results by value, sizes, alignment, failures, results of another size. */
#include "tasks.h"

/* The bytes submitted start with their own length; the result is the same bytes, each one more. */
static int32_t add_one(const void *arg, void *result, pool_task_t *task) {
  const unsigned char *from = arg;
  unsigned char *to = result;
  size_t size;
  memcpy(&size, from, sizeof size);
  CHECK_EQ((uintptr_t)arg % 16, 0);
  CHECK_EQ((uintptr_t)result % 16, 0);
  CHECK(task->context == NULL);
  for (size_t i = 0; i < size; i++) {
    CHECK_EQ(to[i], 0);
    to[i] = (unsigned char)(from[i] + 1);
  }
  return 0;
}

static void check_added(const unsigned char *result, const unsigned char *arg, size_t size) {
  for (size_t i = 0; i < size; i++) {
    CHECK_EQ(result[i], (unsigned char)(arg[i] + 1));
  }
}

struct expected {
  const unsigned char *arg;
  size_t size;
  atomic_int calls;
};

static void check_outcome(const pool_result_t *outcome, void *user_data) {
  struct expected *expected = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_STR(outcome->message, "");
  CHECK_EQ(outcome->size, expected->size);
  CHECK_EQ((uintptr_t)outcome->data % 16, 0);
  check_added(outcome->data, expected->arg, expected->size);
  CHECK_EQ(outcome->index, 0);
  CHECK_EQ(outcome->pid, getpid());
  atomic_fetch_add(&expected->calls, 1);
}

/* By apply, and by a future and a callback; the caller's buffer may change as soon as the call returns. */
static void go_and_come_back(pool_t *pool, size_t size) {
  unsigned char *arg = malloc(size), *buffer = malloc(size + 1), *result = malloc(size + 1);
  for (size_t i = 0; i < size; i++) {
    arg[i] = (unsigned char)(i * 7 + size);
  }
  memcpy(arg, &size, sizeof size);
  memcpy(buffer + 1, arg, size); /* a source of odd alignment */
  memset(result, 0xee, size + 1);
  CHECK_OK(pool_apply(pool, add_one, buffer + 1, size, result, size));
  check_added(result, arg, size);
  CHECK_EQ(result[size], 0xee);

  struct expected expected = {arg, size, 0};
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, add_one, buffer + 1, size, size, check_outcome, &expected, &future));
  memset(buffer, 0xdd, size + 1);
  memset(result, 0xee, size + 1);
  CHECK_OK(pool_future_get(future, result, size, -1));
  check_added(result, arg, size);
  CHECK_EQ(result[size], 0xee);
  size_t in_place = 0;
  const unsigned char *data = pool_future_data(future, &in_place);
  CHECK(data != NULL);
  CHECK_EQ(in_place, size);
  CHECK_EQ((uintptr_t)data % 16, 0);
  check_added(data, arg, size);
  EVENTUALLY(atomic_load(&expected.calls) == 1);
  CHECK_OK(pool_future_release(future));
  free(arg);
  free(buffer);
  free(result);
}

CASE(every_small_size) {
  pool_t *pool = new_pool(2);
  for (size_t size = sizeof(size_t); size <= 300; size++) {
    go_and_come_back(pool, size);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(large_sizes) {
  static const size_t sizes[] = {511, 512, 513, 1000, 4095, 4096, 4097, 65536, 1 << 20, (1 << 20) + 1};
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    go_and_come_back(pool, sizes[i]);
  }
  CHECK_OK(pool_close_join(pool));
}

/* arg_size and result_size differ; the first byte of arg goes into every byte of the result. */
struct spread {
  size_t arg_size, result_size;
};

static int32_t spread_out(const void *arg, void *result, pool_task_t *task) {
  struct spread sizes;
  memcpy(&sizes, arg, sizeof sizes);
  const unsigned char *bytes = arg;
  for (size_t i = sizeof sizes; i < sizes.arg_size; i++) {
    CHECK_EQ(bytes[i], 0x5a);
  }
  CHECK((result == NULL) == (sizes.result_size == 0));
  for (size_t i = 0; i < sizes.result_size; i++) {
    CHECK_EQ(((unsigned char *)result)[i], 0);
  }
  if (result != NULL) {
    memset(result, 0xa5, sizes.result_size);
  }
  return task->worker == POOL_NO_WORKER || task->worker < 100 ? 0 : 1;
}

CASE(argument_and_result_of_different_sizes) {
  pool_t *pool = new_pool(2);
  unsigned char arg[320], result[320];
  for (size_t a = sizeof(struct spread); a <= 300; a += 3) {
    for (size_t r = 0; r <= 300; r += 5) {
      struct spread sizes = {a, r};
      memset(arg, 0x5a, sizeof arg);
      memcpy(arg, &sizes, sizeof sizes);
      memset(result, 0xee, sizeof result);
      CHECK_OK(pool_apply(pool, spread_out, arg, a, r ? result : NULL, r));
      for (size_t i = 0; i < sizeof result; i++) {
        CHECK_EQ(result[i], i < r ? 0xa5 : 0xee);
      }
    }
  }
  CHECK_OK(pool_close_join(pool));
}

/* Memory used again for the next task must be zeroed again. */
static int32_t must_be_zero(const void *arg, void *result, pool_task_t *task) {
  size_t size = (size_t)(uintptr_t)arg;
  unsigned char *bytes = result;
  (void)task;
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != 0) {
      return 1;
    }
  }
  memset(result, 0xff, size);
  return 0;
}

CASE(result_is_zeroed_each_time) {
  pool_t *pool = new_pool(2);
  static unsigned char result[5000];
  static const size_t sizes[] = {1, 8, 16, 17, 24, 32, 48, 64, 100, 128, 129, 300, 5000};
  for (size_t round = 0; round < scaled(300); round++) {
    size_t size = sizes[round % COUNT_OF(sizes)];
    CHECK_OK(pool_apply(pool, must_be_zero, (void *)(uintptr_t)size, 0, result, size));
    CHECK_EQ(result[0], 0xff);
    CHECK_EQ(result[size - 1], 0xff);
    /* The same in a block that held other bytes before: the argument and result of the last task. */
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, must_be_zero, (void *)(uintptr_t)size, 0, size, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, result, size, -1));
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t same_pointer(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(const void **)result = arg;
  return 0;
}

CASE(no_size_passes_the_pointer_itself) {
  pool_t *pool = new_pool(2);
  char here;
  const void *pointers[] = {NULL, &here, (void *)1, (void *)UINTPTR_MAX};
  for (size_t i = 0; i < COUNT_OF(pointers); i++) {
    const void *result = "unwritten";
    CHECK_OK(pool_apply(pool, same_pointer, pointers[i], 0, &result, sizeof result));
    CHECK(result == pointers[i]);
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, same_pointer, pointers[i], 0, sizeof result, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, &result, sizeof result, -1));
    CHECK(result == pointers[i]);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t null_result(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  return result == NULL ? 0 : 1;
}

CASE(no_result_is_a_null_pointer) {
  pool_t *pool = new_pool(2);
  char arg[40] = "";
  CHECK_OK(pool_apply(pool, null_result, NULL, 0, NULL, 0));
  CHECK_OK(pool_apply(pool, null_result, arg, sizeof arg, NULL, 0));
  CHECK_OK(pool_apply(pool, null_result, arg, sizeof arg, arg, 0));
  CHECK_OK(pool_close_join(pool));
}

static int32_t look_at_task(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  memcpy(result, task, sizeof *task);
  return 0;
}

CASE(fields_of_a_task) {
  pool_t *pool = new_pool(3);
  for (int i = 0; i < 100; i++) {
    pool_task_t task;
    memset(&task, 0xee, sizeof task);
    CHECK_OK(pool_apply(pool, look_at_task, NULL, 0, &task, sizeof task));
    CHECK(task.context == NULL);
    CHECK_EQ(task.index, 0);
    CHECK(task.worker < 3 || task.worker == POOL_NO_WORKER);
    CHECK_EQ(task.attempt, 1);
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t sum_below(const void *arg, void *result, pool_task_t *task) {
  int64_t limit = *(const int64_t *)arg, sum = 0;
  (void)task;
  for (int64_t i = 0; i < limit; i++) {
    sum += i;
  }
  *(int64_t *)result = sum;
  return 0;
}

static void *apply_many(void *data) {
  for (int64_t i = 0; i < (int64_t)scaled(3000); i++) {
    int64_t limit = i % 50, sum = -1;
    CHECK_OK(pool_apply(data, sum_below, &limit, sizeof limit, &sum, sizeof sum));
    CHECK_EQ(sum, limit * (limit - 1) / 2);
  }
  return NULL;
}

CASE(from_many_threads_at_once) {
  pool_t *pool = new_pool(3);
  check_threads(6, apply_many, pool);
  CHECK_OK(pool_close_join(pool));
}

static void *submit_and_leave(void *data) {
  void **both = data;
  for (int i = 0; i < 100; i++) {
    CHECK_OK(pool_apply_async(both[0], increment, both[1], 0, 0, NULL, NULL, NULL));
  }
  return NULL;
}

CASE(the_submitting_thread_may_end_first) {
  pool_t *pool = new_pool(2);
  struct blocker first = BLOCKER_INIT, second = BLOCKER_INIT;
  pool_future_t *one = block_worker(pool, &first), *two = block_worker(pool, &second);
  atomic_int count = 0;
  void *both[] = {pool, &count};
  for (int i = 0; i < 10; i++) {
    pthread_join(check_thread(submit_and_leave, both), NULL);
  }
  CHECK_EQ(atomic_load(&count), 0);
  gate_open(&first.go);
  gate_open(&second.go);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&count), 1000);
  CHECK_OK(pool_future_release(one));
  CHECK_OK(pool_future_release(two));
}

CASE(tens_of_thousands_of_tasks) {
  pool_t *pool = new_pool(3);
  atomic_int count = 0;
  int total = (int)scaled(50000);
  for (int i = 0; i < total; i++) {
    CHECK_OK(pool_apply_async(pool, increment, &count, 0, 0, NULL, NULL, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&count), total);
}
