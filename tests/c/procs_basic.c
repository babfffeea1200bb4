/* Pools of processes: single tasks, their arguments and results of every size, and their futures. */
#include "procs.h"

/* Arguments tell their own size: in the first byte when it is small, else in the first eight. */
static void *argument(size_t size, uint64_t seed) {
  unsigned char *bytes = malloc(size);
  CHECK(bytes != NULL);
  fill(bytes, size, seed);
  uint64_t told = size << 8 | 0xff;
  if (size < 8) {
    bytes[0] = (unsigned char)size;
  } else {
    memcpy(bytes, &told, sizeof told);
  }
  return bytes;
}

static size_t told_size(const void *arg) {
  const unsigned char *bytes = arg;
  uint64_t told = 0;
  if (bytes[0] < 8) {
    return bytes[0];
  }
  memcpy(&told, bytes, sizeof told);
  return told >> 8;
}

/* Checks its argument and its zeroed result, and fills this. */
static int32_t transform(const void *arg, void *result, pool_task_t *task) {
  unsigned char *bytes = result;
  size_t size = told_size(arg);
  void *expected = argument(size, 1);
  if (memcmp(arg, expected, size) != 0) {
    return pool_task_fail(task, 91, "the argument is wrong");
  }
  free(expected);
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != 0) {
      return pool_task_fail(task, 92, "the result is not zeroed");
    }
  }
  if ((uintptr_t)arg % 16 != 0 || (uintptr_t)result % 16 != 0) {
    return pool_task_fail(task, 93, "not aligned");
  }
  fill(result, size, 2);
  return 0;
}

static const size_t SIZES[] = {1, 2, 7, 8, 15, 16, 63, 64, 65, 127, 128, 129, 1000, 4095, 4096, 4097, 65536, 1 << 20};
static const size_t ENORMOUS = (size_t)100 << 20;

static void transforms(pool_t *pool, size_t size) {
  unsigned char *arg = argument(size, 1), *result = malloc(size);
  CHECK(result != NULL);
  memset(result, 0xee, size);
  CHECK_OK(pool_apply(pool, transform, arg, size, result, size));
  CHECK(filled(result, size, 2));
  struct tally tally = {0, 1};
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, transform, arg, size, size, count_call, &tally, &future));
  memset(arg, 0, size);
  CHECK_FUTURE(future, POOL_OK);
  size_t told = 0;
  const void *data = pool_future_data(future, &told);
  CHECK_EQ(told, size);
  CHECK(data != NULL && (uintptr_t)data % 16 == 0);
  CHECK(filled(data, size, 2));
  memset(result, 0xee, size);
  CHECK_STATUS(pool_future_get(future, result, size - 1, -1), POOL_ERR_SIZE);
  CHECK_EQ(result[0], 0xee);
  CHECK_OK(pool_future_get(future, result, size, -1));
  CHECK(filled(result, size, 2));
  CHECK_OK(pool_future_release(future));
  EVENTUALLY(atomic_load(&tally.calls) == 1);
  CHECK_STATUS(tally.status, POOL_OK);
  free(arg);
  free(result);
}

CASE(arguments_and_results_of_every_size) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
      transforms(pool, SIZES[i]);
      transforms(pool, SIZES[COUNT_OF(SIZES) - 1 - i]);
    }
  }
  close_and_leave_nothing(pool, &world);
}

CASE(a_huge_argument_and_result) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  transforms(pool, ENORMOUS);
  transforms(pool, 64);
  close_and_leave_nothing(pool, &world);
}

struct own_result {
  uint64_t first, second;
};

/* Sets one result, then another, which counts. */
static int32_t set_result(const void *arg, void *result, pool_task_t *task) {
  const struct own_result *own = arg;
  uint64_t sizes[2] = {own->first, own->second};
  (void)result;
  for (int i = 0; i < 2; i++) {
    void *bytes = sizes[i] > 0 ? malloc(sizes[i]) : NULL;
    fill(bytes, sizes[i], 3 + (uint64_t)i);
    int32_t status = pool_task_set_result(task, bytes, sizes[i]);
    free(bytes);
    if (status != POOL_OK) {
      return pool_task_fail(task, 94, pool_last_error());
    }
  }
  return 0;
}

static void sets_result(pool_t *pool, size_t first, size_t second, size_t room) {
  struct own_result own = {first, second};
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, set_result, &own, sizeof own, room, NULL, NULL, &future));
  CHECK_FUTURE(future, POOL_OK);
  size_t size = 77;
  const void *data = pool_future_data(future, &size);
  CHECK_EQ(size, second);
  CHECK((data == NULL) == (second == 0));
  CHECK((uintptr_t)data % 16 == 0);
  CHECK(filled(data, second, 4));
  CHECK_OK(pool_future_release(future));
}

CASE(results_set_by_the_task) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
    sets_result(pool, SIZES[i], SIZES[COUNT_OF(SIZES) - 1 - i], i % 3 * 50);
    sets_result(pool, SIZES[i], 0, i % 3 * 50);
    sets_result(pool, 0, SIZES[i], i % 3 * 50);
  }
  sets_result(pool, 10, ENORMOUS, 0);
  sets_result(pool, ENORMOUS, 10, 0);
  close_and_leave_nothing(pool, &world);
}

CASE(a_set_result_must_fit_the_caller_s_room) {
  pool_t *pool = process_pool(1);
  static const size_t sizes[] = {33, 65, 5000, 1 << 20};
  unsigned char result[32];
  memset(result, 0xee, sizeof result);
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    struct own_result own = {1, sizes[i]};
    CHECK_ERROR(pool_apply(pool, set_result, &own, sizeof own, result, sizeof result), POOL_ERR_SIZE);
    CHECK_EQ(result[0], 0xee);
  }
  struct own_result own = {5000, 10};
  CHECK_OK(pool_apply(pool, set_result, &own, sizeof own, result, sizeof result));
  CHECK(filled(result, 10, 4));
  CHECK_OK(pool_close_join(pool));
}

struct failure {
  int32_t code;
  size_t length;
};

static int32_t fail_at_length(const void *arg, void *result, pool_task_t *task) {
  const struct failure *failure = arg;
  (void)result;
  char *message = calloc(1, failure->length + 1);
  memset(message, 'x', failure->length);
  int32_t code = pool_task_fail(task, failure->code, failure->length > 0 ? message : NULL);
  free(message);
  return code;
}

CASE(codes_and_messages_of_failed_tasks) {
  struct world world = world_now();
  static const int32_t codes[] = {1, 7, 1000, INT32_MAX, -1, POOL_ERR_WORKER_DIED, INT32_MIN};
  static const size_t lengths[] = {0, 1, 63, 64, 100, 511, 512, 5000};
  pool_t *pool = process_pool(2);
  for (size_t c = 0; c < COUNT_OF(codes); c++) {
    for (size_t l = 0; l < COUNT_OF(lengths); l++) {
      struct failure failure = {codes[c], lengths[l]};
      int32_t expected = codes[c] > 0 ? codes[c] : POOL_ERR_INTERNAL;
      char result[8] = "seven";
      CHECK_STATUS(pool_apply(pool, fail_at_length, &failure, sizeof failure, result, sizeof result), expected);
      CHECK_STR(result, "seven");
      if (codes[c] > 0 && lengths[l] > 0 && lengths[l] <= 100) {
        char message[128] = "";
        memset(message, 'x', lengths[l]);
        CHECK_HAS(pool_last_error(), message);
      }
      struct tally tally = {0, 1};
      pool_future_t *future = NULL;
      CHECK_OK(pool_apply_async(pool, fail_at_length, &failure, sizeof failure, 8, count_call, &tally, &future));
      CHECK_FUTURE(future, expected);
      CHECK_EQ(pool_future_successful(future), 0);
      CHECK(pool_future_data(future, NULL) == NULL);
      char told[64];
      snprintf(told, sizeof told, codes[c] > 0 ? "the task failed with the code %d" : "the task returned %d;",
               codes[c]);
      if (codes[c] > 0 && lengths[l] > 0) {
        CHECK(strlen(pool_future_message(future)) >= lengths[l]);
      } else {
        CHECK_HAS(pool_future_message(future), told);
      }
      CHECK_OK(pool_future_release(future));
      EVENTUALLY(atomic_load(&tally.calls) == 1);
      CHECK_EQ(tally.status, expected);
    }
  }
  close_and_leave_nothing(pool, &world);
}

struct self {
  int32_t pid, parent;
  uint32_t worker, attempt;
  size_t index;
  const void *context;
};

static int32_t tell_self(const void *arg, void *result, pool_task_t *task) {
  struct self self = {(int32_t)getpid(), (int32_t)getppid(), task->worker, task->attempt, task->index, task->context};
  CHECK(arg == NULL);
  memcpy(result, &self, sizeof self);
  return 0;
}

CASE(tasks_run_in_processes_of_the_pool) {
  struct world world = world_now();
  pool_t *pool = process_pool(3);
  CHECK_EQ(pool_workers(pool), 3);
  pool_is_complete(pool);
  CHECK_ERROR(pool_worker_pid(pool, 3), POOL_ERR_INVALID);
  CHECK_ERROR(pool_worker_pid(pool, UINT32_MAX), POOL_ERR_INVALID);
  for (int i = 0; i < 100; i++) {
    struct self self;
    CHECK_OK(pool_apply(pool, tell_self, NULL, 0, &self, sizeof self));
    CHECK(self.pid != (int32_t)getpid() && self.parent != (int32_t)getpid());
    CHECK(self.worker < 3);
    CHECK_EQ(worker_process(pool, self.worker), self.pid);
    CHECK_EQ(self.attempt, 1);
    CHECK_EQ(self.index, 0);
    CHECK(self.context == NULL);
  }
  CHECK(family(&world) >= 4);
  close_and_leave_nothing(pool, &world);
}

CASE(an_argument_of_no_size_is_null_or_in_shared_memory) {
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  size_t size = (size_t)1 << 20;
  char *memory = shared(pool, size);
  atomic_int local = 0, *counts[] = {(atomic_int *)memory, (atomic_int *)(memory + size - sizeof(atomic_int))};
  for (int i = 0; i < 2; i++) {
    for (int round = 1; round <= 50; round++) {
      CHECK_OK(pool_apply(pool, increment, counts[i], 0, NULL, 0));
      CHECK_EQ(atomic_load(counts[i]), round);
    }
  }
  const void *others[] = {&local, &size, &world_now, memory - 1, memory + ((size_t)1 << 45), (void *)8};
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    pool_future_t *future = (pool_future_t *)&local;
    CHECK_ERROR(pool_apply(pool, increment, others[i], 0, NULL, 0), POOL_ERR_INVALID);
    CHECK_ERROR(pool_apply_async(pool, increment, others[i], 0, 0, must_not_be_called, NULL, &future),
                POOL_ERR_INVALID);
    CHECK(future == (pool_future_t *)&local);
  }
  CHECK_EQ(local, 0);
  CHECK_OK(pool_shared_free(pool, memory));
  CHECK_ERROR(pool_apply(pool, increment, memory, 0, NULL, 0), POOL_ERR_INVALID);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  close_and_leave_nothing(pool, &world);
}

CASE(bad_arguments) {
  pool_t *pool = process_pool(1);
  char bytes[8] = "";
  CHECK_ERROR(pool_apply(pool, NULL, bytes, 8, NULL, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_apply(pool, nothing, NULL, 8, NULL, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_apply(pool, nothing, bytes, 8, NULL, 8), POOL_ERR_INVALID);
  int32_t status = pool_apply_async(pool, nothing, bytes, 8, (size_t)1 << 60, NULL, NULL, NULL);
  CHECK(status == POOL_ERR_NO_MEMORY || status == POOL_ERR_INVALID);
  CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

static int global = 5;

static int32_t read_and_change(const void *arg, void *result, pool_task_t *task) {
  char byte = 0;
  (void)arg;
  *(int *)result = global;
  global = 99;
  return read(0, &byte, 1) == 0 ? 0 : pool_task_fail(task, 95, "stdin is not empty");
}

CASE(a_task_sees_a_copy_of_the_program_and_an_empty_stdin) {
  int seen = 0, pipes[2];
  CHECK_EQ(pipe(pipes), 0);
  CHECK_EQ(write(pipes[1], "input", 5), 5);
  CHECK_EQ(dup2(pipes[0], 0), 0);
  global = 6;
  pool_t *pool = process_pool(1);
  global = 7;
  CHECK_OK(pool_apply(pool, read_and_change, NULL, 0, &seen, sizeof seen));
  CHECK_EQ(seen, 6);
  CHECK_OK(pool_apply(pool, read_and_change, NULL, 0, &seen, sizeof seen));
  CHECK_EQ(seen, 99);
  CHECK_EQ(global, 7);
  char input[8] = "";
  CHECK_EQ(read(0, input, 5), 5);
  CHECK_STR(input, "input");
  CHECK_OK(pool_close_join(pool));
}

struct log {
  atomic_int length;
  int32_t ids[5000];
};

struct entry {
  struct log *log;
  int32_t id;
};

static int32_t append(const void *arg, void *result, pool_task_t *task) {
  const struct entry *entry = arg;
  (void)result;
  (void)task;
  entry->log->ids[atomic_fetch_add(&entry->log->length, 1)] = entry->id;
  return 0;
}

CASE(a_pool_of_one_is_a_serial_queue) {
  pool_t *pool = process_pool(1);
  struct log *log = shared(pool, sizeof *log);
  for (int32_t id = 0; id < 5000; id++) {
    struct entry entry = {log, id};
    if (id % 100 == 99) {
      CHECK_OK(pool_apply(pool, append, &entry, sizeof entry, NULL, 0));
    } else {
      CHECK_OK(pool_apply_async(pool, append, &entry, sizeof entry, 0, NULL, NULL, NULL));
    }
  }
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  for (int32_t id = 0; id < 5000; id++) {
    CHECK_EQ(log->ids[id], id);
  }
  CHECK_OK(pool_close_join(pool));
}

struct submitter {
  pool_t *pool;
  int64_t first;
};

static void *submit_many(void *data) {
  struct submitter *submitter = data;
  pool_future_t *futures[50];
  for (int64_t round = 0; round < 10; round++) {
    int64_t base = submitter->first + round * 1000, result = 0;
    for (int64_t i = 0; i < 50; i++) {
      int64_t arg = base + i;
      CHECK_OK(pool_apply_async(submitter->pool, twice, &arg, 8, 8, NULL, NULL, &futures[i]));
    }
    int64_t arg = base + 77;
    CHECK_OK(pool_apply(submitter->pool, twice, &arg, 8, &result, 8));
    CHECK_EQ(result, arg * 2);
    for (int64_t i = 0; i < 50; i++) {
      CHECK_OK(pool_future_get(futures[i], &result, 8, i % 2 ? -1 : 60000));
      CHECK_EQ(result, (base + i) * 2);
      CHECK_OK(pool_future_release(futures[i]));
    }
  }
  return NULL;
}

CASE(many_submitters_at_once) {
  struct world world = world_now();
  pthread_t threads[16];
  struct submitter submitters[16];
  pool_t *pool = process_pool(3);
  for (int i = 0; i < 16; i++) {
    submitters[i] = (struct submitter){pool, i * 100000};
    threads[i] = check_thread(submit_many, &submitters[i]);
  }
  for (int i = 0; i < 16; i++) {
    pthread_join(threads[i], NULL);
  }
  close_and_leave_nothing(pool, &world);
}

CASE(a_long_queue) {
  size_t count = scaled(50000);
  pool_future_t **futures = calloc(count, sizeof *futures);
  pool_t *pool = process_pool(2);
  for (size_t i = 0; i < count; i++) {
    int64_t arg = (int64_t)i;
    CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, NULL, NULL, &futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
  for (size_t i = 0; i < count; i++) {
    int64_t result = 0;
    CHECK_OK(pool_future_get(futures[i], &result, 8, 0));
    CHECK_EQ(result, (int64_t)i * 2);
    CHECK_OK(pool_future_release(futures[i]));
  }
  free(futures);
}
