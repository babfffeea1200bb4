/* Maps that succeed: items, indices, context, sizes, in place, from many threads. Failures are in map_errors.c. */
#include "tasks.h"

static int32_t square(const void *arg, void *result, pool_task_t *task) {
  int64_t number;
  (void)task;
  memcpy(&number, arg, sizeof number);
  number *= number;
  memcpy(result, &number, sizeof number);
  return 0;
}

static void map_squares(pool_t *pool, size_t count) {
  int64_t *args = calloc(count + 1, sizeof *args), *results = calloc(count + 1, sizeof *results);
  for (size_t i = 0; i < count; i++) {
    args[i] = (int64_t)i;
  }
  results[count] = -5;
  CHECK_OK(pool_map(pool, square, args, sizeof *args, results, sizeof *results, count));
  for (size_t i = 0; i < count; i++) {
    CHECK_EQ(args[i], (int64_t)i);
    CHECK_EQ(results[i], (int64_t)(i * i));
  }
  CHECK_EQ(results[count], -5);
  free(args);
  free(results);
}

CASE(every_small_count) {
  for (uint32_t workers = 1; workers <= 4; workers++) {
    pool_t *pool = new_pool(workers);
    for (size_t count = 0; count <= scaled(200); count++) {
      map_squares(pool, count);
    }
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(a_million_tiny_items) {
  pool_t *pool = new_pool(3);
  map_squares(pool, scaled(1000000));
  map_squares(pool, scaled(1000003));
  CHECK_OK(pool_close_join(pool));
}

CASE(fewer_items_than_workers) {
  pool_t *pool = new_pool(30);
  for (size_t count = 0; count <= 30; count++) {
    map_squares(pool, count);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(no_items_need_no_arrays) {
  pool_t *pool = new_pool(2);
  struct tally tally = {0, 1};
  pool_future_t *future = NULL;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = square;
  call.arg_size = call.result_size = 8;
  CHECK_OK(pool_map(pool, square, NULL, 8, NULL, 8, 0));
  CHECK_OK(pool_map_with(pool, &call, NULL, NULL, NULL, 0));
  CHECK_OK(pool_map_async(pool, square, NULL, 8, NULL, 8, 0, count_call, &tally, &future));
  CHECK_OK(pool_future_wait(future, -1));
  CHECK_STATUS(pool_future_status(future), POOL_OK);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, 1);
  CHECK_EQ(tally.status, POOL_OK);
}

CASE(in_place) {
  pool_t *pool = new_pool(3);
  size_t count = scaled(100000);
  int64_t *items = calloc(count, sizeof *items);
  for (size_t i = 0; i < count; i++) {
    items[i] = (int64_t)i;
  }
  CHECK_OK(pool_map(pool, square, items, sizeof *items, items, sizeof *items, count));
  for (size_t i = 0; i < count; i++) {
    CHECK_EQ(items[i], (int64_t)(i * i));
  }
  free(items);
  CHECK_OK(pool_close_join(pool));
}

/* Items of odd sizes lie one after the other, unaligned. The result holds the index and the argument's bytes. */
struct odd {
  unsigned char *args;
  size_t arg_size;
};

static int32_t read_odd(const void *arg, void *result, pool_task_t *task) {
  const struct odd *odd = task->context;
  const unsigned char *bytes = arg;
  CHECK(bytes == odd->args + task->index * odd->arg_size);
  CHECK_EQ(task->attempt, 1);
  memcpy(result, &task->index, sizeof task->index);
  unsigned char sum = 0;
  for (size_t i = 0; i < odd->arg_size; i++) {
    sum = (unsigned char)(sum + bytes[i]);
  }
  ((unsigned char *)result)[8] = sum;
  return 0;
}

CASE(context_index_and_odd_sizes) {
  enum { COUNT = 500, RESULT = 9 };
  static const size_t sizes[] = {1, 2, 3, 7, 13, 33, 100};
  pool_t *pool = new_pool(3);
  for (size_t s = 0; s < COUNT_OF(sizes); s++) {
    struct odd odd = {malloc(COUNT * sizes[s]), sizes[s]};
    static unsigned char results[COUNT * RESULT];
    int32_t statuses[COUNT];
    for (size_t i = 0; i < COUNT * sizes[s]; i++) {
      odd.args[i] = (unsigned char)(i * 3 + i / 256);
    }
    memset(results, 0xee, sizeof results);
    memset(statuses, 0xee, sizeof statuses);
    pool_call_t call = POOL_CALL_INIT;
    call.fn = read_odd;
    call.arg_size = sizes[s];
    call.result_size = RESULT;
    call.context = &odd;
    CHECK_OK(pool_map_with(pool, &call, odd.args, results, s % 2 ? statuses : NULL, COUNT));
    for (size_t i = 0; i < COUNT; i++) {
      size_t index;
      unsigned char sum = 0;
      memcpy(&index, results + i * RESULT, sizeof index);
      CHECK_EQ(index, i);
      for (size_t b = 0; b < sizes[s]; b++) {
        sum = (unsigned char)(sum + odd.args[i * sizes[s] + b]);
      }
      CHECK_EQ(results[i * RESULT + 8], sum);
      CHECK(s % 2 == 0 || statuses[i] == POOL_OK);
    }
    free(odd.args);
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t no_context(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  CHECK(task->context == NULL);
  CHECK(arg == (const void *)&no_context);
  return 0;
}

CASE(no_argument_size_hands_the_pointer_to_every_item) {
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_map(pool, no_context, (const void *)&no_context, 0, NULL, 0, 1000));
  CHECK_OK(pool_close_join(pool));
}

static int32_t index_only(const void *arg, void *result, pool_task_t *task) {
  CHECK(arg == NULL);
  *(size_t *)result = task->index + 1;
  return 0;
}

CASE(results_without_arguments) {
  enum { COUNT = 10000 };
  static size_t results[COUNT];
  pool_t *pool = new_pool(2);
  CHECK_OK(pool_map(pool, index_only, NULL, 0, results, sizeof results[0], COUNT));
  for (size_t i = 0; i < COUNT; i++) {
    CHECK_EQ(results[i], i + 1);
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t count_in_context(const void *arg, void *result, pool_task_t *task) {
  atomic_int *counts = (atomic_int *)(uintptr_t)task->context;
  (void)arg;
  CHECK(result == NULL);
  atomic_fetch_add(&counts[task->index], 1);
  return 0;
}

CASE(every_item_runs_exactly_once) {
  size_t count = scaled(200000);
  atomic_int *counts = calloc(count, sizeof *counts);
  pool_t *pool = new_pool(4);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = count_in_context;
  call.context = counts;
  for (int round = 1; round <= 3; round++) {
    CHECK_OK(pool_map_with(pool, &call, NULL, NULL, NULL, count));
    for (size_t i = 0; i < count; i++) {
      CHECK_EQ(counts[i], round);
    }
  }
  free(counts);
  CHECK_OK(pool_close_join(pool));
}

/* One heavy item among many light ones, at every place that a range is likely to be split. */
static int32_t skewed(const void *arg, void *result, pool_task_t *task) {
  if (task->index == *(const size_t *)task->context) {
    sleep_ms(20);
  }
  return square(arg, result, task);
}

CASE(skewed_items) {
  enum { COUNT = 1000 };
  static const size_t heavy[] = {0, 1, 499, 500, 998, 999};
  static int64_t args[COUNT], results[COUNT];
  pool_t *pool = new_pool(3);
  for (int64_t i = 0; i < COUNT; i++) {
    args[i] = i;
  }
  for (size_t h = 0; h < COUNT_OF(heavy); h++) {
    memset(results, 0, sizeof results);
    pool_call_t call = POOL_CALL_INIT;
    call.fn = skewed;
    call.arg_size = call.result_size = 8;
    call.context = &heavy[h];
    CHECK_OK(pool_map_with(pool, &call, args, results, NULL, COUNT));
    for (int64_t i = 0; i < COUNT; i++) {
      CHECK_EQ(results[i], i * i);
    }
  }
  CHECK_OK(pool_close_join(pool));
}

enum { CHEAP = 100000, DEAR = 300 };

/* Which threads ran dear items. */
struct share {
  pthread_mutex_t mutex;
  pid_t threads[8];
  int count;
};

static int32_t cheap_then_dear(const void *arg, void *result, pool_task_t *task) {
  struct share *share = (struct share *)(uintptr_t)arg;
  (void)result;
  if (task->index < CHEAP) {
    return 0;
  }
  sleep_ms(1);
  pthread_mutex_lock(&share->mutex);
  int known = 0;
  while (known < share->count && share->threads[known] != gettid()) {
    known++;
  }
  if (known == share->count && known < 8) {
    share->threads[share->count++] = gettid();
  }
  pthread_mutex_unlock(&share->mutex);
  return 0;
}

/* Whoever has taken many items together, because they were cheap, shares the rest when they turn out dear. */
CASE(dear_items_after_cheap_ones_are_shared) {
  pool_t *pool = new_pool(2);
  struct share share = {PTHREAD_MUTEX_INITIALIZER, {0}, 0};
  CHECK_OK(pool_map(pool, cheap_then_dear, &share, 0, NULL, 0, CHEAP + DEAR));
  CHECK(share.count >= 2);
  CHECK_OK(pool_close_join(pool));
}

static void *map_many_times(void *data) {
  for (size_t i = 0; i < scaled(100); i++) {
    map_squares(data, i * 10);
  }
  return NULL;
}

CASE(from_several_threads_at_once) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    pool_t *pool = new_pool(workers);
    check_threads(4, map_many_times, pool);
    CHECK_OK(pool_close_join(pool));
  }
}

/* The items meet, so they must really run at the same time: on both workers, or one of them on the waiting caller. */
static int32_t meet(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  pthread_barrier_wait((pthread_barrier_t *)(uintptr_t)arg);
  return 0;
}

CASE(items_run_at_the_same_time) {
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, 2);
  pool_t *pool = new_pool(2);
  for (int i = 0; i < 20; i++) {
    CHECK_OK(pool_map(pool, meet, &barrier, 0, NULL, 0, 2));
  }
  CHECK_OK(pool_close_join(pool));
  pthread_barrier_destroy(&barrier);
}

/* A held worker keeps nobody from doing the whole map in the place that is left. */
CASE(beside_a_held_worker) {
  pool_t *pool = new_pool(2);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *future = block_worker(pool, &blocker);
  map_squares(pool, 1000);
  gate_open(&blocker.go);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

CASE(as_many_items_at_a_time_as_workers) {
  for (uint32_t workers = 1; workers <= 4; workers++) {
    pool_t *pool = new_pool(workers);
    struct headcount heads = {0, 0};
    CHECK_OK(pool_map(pool, enter_and_leave, &heads, 0, NULL, 0, 100));
    CHECK_OK(pool_close_join(pool));
    CHECK(heads.most <= (int)workers);
    CHECK(heads.most > (int)workers / 2);
  }
}

static int32_t set_shorter(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  memset(result, 0x11, 8);
  CHECK_ERROR(pool_task_set_result(task, "too long for it", 9), POOL_ERR_SIZE);
  return pool_task_set_result(task, "abc", 3);
}

/* In a map a result may be shorter than its slot, not longer. */
CASE(items_set_shorter_results) {
  enum { COUNT = 200 };
  static char results[COUNT + 1][8];
  pool_t *pool = new_pool(2);
  memset(results, 0xee, sizeof results);
  CHECK_OK(pool_map(pool, set_shorter, NULL, 0, results, sizeof results[0], COUNT));
  for (int i = 0; i < COUNT; i++) {
    CHECK_EQ(memcmp(results[i], "abc", 3), 0);
  }
  CHECK_EQ((unsigned char)results[COUNT][0], 0xee);
  CHECK_OK(pool_close_join(pool));
}
