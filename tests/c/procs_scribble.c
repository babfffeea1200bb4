/* Pools of processes: a worker writes where it should not, in what it shares with the program. Its own task may fail
 * of it; the program goes on, what others have is right, and the pool can be ended. */
#include "procs.h"

/* So many tasks before the one that writes: a number that no slot, and no size, has. */
enum { BEFORE = 3001 };

/* So many are submitted right after it. */
enum { OTHERS = 20 };

/* What the tasks that write tell, in memory that all processes share. */
static struct {
  atomic_int found, reached;
} *told;

/* Which value a task writes, and whether its process ends before the task does. */
struct orders {
  uint64_t value;
  int ends;
};

static void begin(void) {
  told = common(4096);
}

static int32_t done_writing(const struct orders *orders) {
  atomic_fetch_add(&told->reached, 1);
  if (orders->ends) {
    _exit(3);
  }
  return 0;
}

/* What the pool's mapping has of memory that this worker may write, from its beginning. */
static uint64_t *shared_words(size_t *count) {
  char line[512];
  uint64_t *words = NULL;
  FILE *file = fopen("/proc/self/maps", "re");
  while (file != NULL && words == NULL && fgets(line, sizeof line, file) != NULL) {
    unsigned long start = 0, end = 0;
    char rights[5] = "";
    if (strstr(line, "memfd:millpond") != NULL && sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3 &&
        rights[1] == 'w') {
      memcpy(&words, &start, sizeof words);
      *count = (end - start) / sizeof *words;
    }
  }
  if (file != NULL) {
    fclose(file);
  }
  return words;
}

/* A pool of which one worker, the only one or not, has run so many tasks, each with a report. */
static pool_t *pool_with_a_past(uint32_t workers) {
  pool_t *pool = process_pool(workers);
  struct tally tally = {0, 0};
  int64_t arg = 1;
  for (int i = 0; i < BEFORE - 1; i++) {
    CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, count_call, &tally, NULL));
  }
  EVENTUALLY(atomic_load(&tally.calls) == BEFORE - 1);
  return pool;
}

/* Submits the task, and others behind it. All end, those with their results, and the pool goes on. */
static void runs_beside(pool_t *pool, pool_fn fn, const void *arg, size_t arg_size, size_t result_size) {
  pool_future_t *future = NULL, *others[OTHERS];
  CHECK_OK(pool_apply_async(pool, fn, arg, arg_size, result_size, NULL, NULL, &future));
  for (int64_t i = 0; i < OTHERS; i++) {
    CHECK_OK(pool_apply_async(pool, twice, &i, 8, 8, NULL, NULL, &others[i]));
  }
  CHECK_OK(pool_future_wait(future, -1));
  int32_t status = pool_future_status(future);
  if (status != POOL_OK && status != POOL_ERR_WORKER_DIED && status != POOL_ERR_INTERNAL) {
    FAIL("the status of a task that wrote is %d: %s", status, pool_future_message(future));
  }
  char result[4096];
  if (status == POOL_OK && result_size <= sizeof result) {
    CHECK_OK(pool_future_get(future, result, sizeof result, 0));
  }
  CHECK_OK(pool_future_release(future));
  for (int64_t i = 0; i < OTHERS; i++) {
    int64_t other = -1;
    CHECK_OK(pool_future_get(others[i], &other, sizeof other, i % 2 ? 50000 : -1));
    CHECK_EQ(other, i * 2);
    CHECK_OK(pool_future_release(others[i]));
  }
  pool_works(pool);
}

/* ---- Too much of a result ---- */

static int32_t too_much(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  sleep_ms(20);
  memset(result, *(const int *)arg, 2048);
  return 0;
}

static int32_t too_early(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  sleep_ms(20);
  memset((char *)result - 256, *(const int *)arg, 256);
  return 0;
}

CASE(more_than_a_small_result) {
  static const int bytes[] = {0, 0xff, 6};
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  for (size_t i = 0; i < COUNT_OF(bytes); i++) {
    runs_beside(pool, too_much, &bytes[i], sizeof bytes[i], 4);
    runs_beside(pool, too_early, &bytes[i], sizeof bytes[i], 4);
  }
  close_and_leave_nothing(pool, &world);
}

/* A large one lies beside nothing but the worker's own results. */
CASE(more_than_a_large_result) {
  static const int bytes[] = {0, 0xff};
  struct world world = world_now();
  pool_t *pool = process_pool(2);
  for (size_t i = 0; i < COUNT_OF(bytes); i++) {
    runs_beside(pool, too_much, &bytes[i], sizeof bytes[i], 1000);
  }
  close_and_leave_nothing(pool, &world);
}

/* ---- The queue ---- */

/* Words that count the tasks that were submitted, or taken: the ends of the queue of hints. Those that `which` names are changed. */
static int32_t write_counts(const struct orders *orders, int which) {
  size_t count = 0;
  uint64_t *words = shared_words(&count), *ends[3];
  int found = 0;
  sleep_ms(5);
  for (size_t i = 0; words != NULL && i < count && i < 4096 && found < 3; i++) {
    if (words[i] >= BEFORE && words[i] <= BEFORE + OTHERS) {
      ends[found++] = &words[i];
    }
  }
  if (found != 2) {
    return 0;
  }
  atomic_fetch_add(&told->found, 1);
  for (int i = 0; i < 2; i++) {
    if (which & 1 << i) {
      *(volatile uint64_t *)ends[i] = orders->value;
    }
  }
  return done_writing(orders);
}

static int32_t write_heads(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  return write_counts(arg, 1);
}

static int32_t write_tails(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  return write_counts(arg, 2);
}

static int32_t write_both(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  return write_counts(arg, 3);
}

static void garble_the_queue(pool_fn fn) {
  static const uint64_t values[] = {0, BEFORE - 1, BEFORE + 500, UINT64_MAX};
  struct world world = world_now();
  begin();
  world.mappings++;
  for (size_t i = 0; i < COUNT_OF(values); i++) {
    struct orders orders = {values[i], i % 2 == 0};
    pool_t *pool = pool_with_a_past(1 + i % 2);
    runs_beside(pool, fn, &orders, sizeof orders, 0);
    close_and_leave_nothing(pool, &world);
  }
  if (atomic_load(&told->found) == 0) {
    check_skip("the queue's ends were not found in the shared memory");
  }
}

CASE(the_head_of_the_queue) {
  garble_the_queue(write_heads);
}

CASE(the_tail_of_the_queue) {
  garble_the_queue(write_tails);
}

CASE(both_ends_of_the_queue) {
  garble_the_queue(write_both);
}

/* Nobody dies, nobody has anything to report, and the pool's own thread is at rest: only who waits is there. */
CASE(both_ends_of_the_queue_of_a_pool_at_rest) {
  struct world world = world_now();
  begin();
  world.mappings++;
  struct orders orders = {BEFORE + 500, 0};
  pool_t *pool = pool_with_a_past(1);
  sleep_ms(20);
  runs_beside(pool, write_both, &orders, sizeof orders, 0);
  close_and_leave_nothing(pool, &world);
  if (atomic_load(&told->found) == 0) {
    check_skip("the queue's ends were not found in the shared memory");
  }
}

/* ---- Reports ---- */

/* The result is the first in the worker's slab; its count of reports lies a little before it. */
static int32_t write_report_count(const void *arg, void *result, pool_task_t *task) {
  const struct orders *orders = arg;
  (void)task;
  uint32_t *word = result, *last = NULL;
  int found = 0;
  for (int i = 0; i < 8192; i++) {
    if (*--word == BEFORE - 1) {
      last = word;
      found++;
    }
  }
  if (found != 1) {
    return 0;
  }
  atomic_fetch_add(&told->found, 1);
  *(volatile uint32_t *)last += (uint32_t)orders->value;
  return done_writing(orders);
}

CASE(the_count_of_reports) {
  static const uint64_t values[] = {1, 3000, (uint64_t)-1, (uint64_t)-1000000000, 1u << 31};
  struct world world = world_now();
  begin();
  world.mappings++;
  for (size_t i = 0; i < COUNT_OF(values); i++) {
    struct orders orders = {values[i], i == 0};
    pool_t *pool = pool_with_a_past(1);
    runs_beside(pool, write_report_count, &orders, sizeof orders, 1000);
    close_and_leave_nothing(pool, &world);
  }
  if (atomic_load(&told->found) == 0) {
    check_skip("the count of reports was not found in the shared memory");
  }
}

/* ---- A task's own slot ---- */

enum { ODD_ARG = 40, ODD_RESULT = 24 };

/* A small argument lies behind what the host has written about it: among that, two sizes side by side. */
static uint64_t *sizes_before(const void *arg) {
  uint64_t words[8], *start = (uint64_t *)(uintptr_t)arg - 8;
  memcpy(words, start, sizeof words);
  for (int i = 0; i < 7; i++) {
    if (words[i] == ODD_ARG && words[i + 1] == ODD_RESULT) {
      return start + i;
    }
  }
  return NULL;
}

static int32_t write_sizes(const void *arg, void *result, pool_task_t *task) {
  struct orders orders;
  (void)task;
  memcpy(&orders, arg, sizeof orders);
  volatile uint64_t *sizes = sizes_before(arg);
  memset(result, 7, ODD_RESULT);
  if (sizes == NULL) {
    return 0;
  }
  atomic_fetch_add(&told->found, 1);
  if (orders.ends & 2) {
    sizes[0] = orders.value;
  }
  sizes[1] = orders.value;
  orders.ends &= 1;
  return done_writing(&orders);
}

CASE(the_sizes_of_its_own_task) {
  static const uint64_t values[] = {0, 1, 200, 1 << 20, (uint64_t)1 << 42, UINT64_MAX};
  struct world world = world_now();
  begin();
  world.mappings++;
  pool_t *pool = process_pool(1);
  for (size_t i = 0; i < 4 * COUNT_OF(values); i++) {
    char arg[ODD_ARG] = "";
    struct orders orders = {values[i / 4], (int)i % 4};
    memcpy(arg, &orders, sizeof orders);
    runs_beside(pool, write_sizes, arg, sizeof arg, ODD_RESULT);
  }
  close_and_leave_nothing(pool, &world);
  if (atomic_load(&told->found) == 0) {
    check_skip("a task's sizes were not found in the shared memory");
  }
}

/* A process that the task leaves behind goes on writing over all that there is about it. */
static int32_t leave_a_writer(const void *arg, void *result, pool_task_t *task) {
  struct orders orders;
  (void)task;
  memcpy(&orders, arg, sizeof orders);
  volatile uint64_t *start = sizes_before(arg) == NULL ? NULL : (uint64_t *)(uintptr_t)arg - 7;
  memset(result, 7, ODD_RESULT);
  if (start == NULL) {
    return orders.ends;
  }
  atomic_fetch_add(&told->found, 1);
  if (fork() == 0) {
    for (int round = 0; round < 300000; round++) {
      for (int i = 0; i < 7; i++) {
        start[i] = orders.value;
      }
    }
    _exit(0);
  }
  sleep_ms(1);
  return orders.ends;
}

CASE(a_process_of_a_task_writes_on) {
  static const uint64_t values[] = {0, 0x7ffffffff000, UINT64_MAX - 1, (uint64_t)-(1 << 30)};
  struct world world = world_now();
  begin();
  world.mappings++;
  pool_t *pool = process_pool(1);
  unsigned char *mine = shared(pool, 1 << 20);
  fill(mine, 1 << 20, 11);
  for (size_t i = 0; i < 2 * COUNT_OF(values); i++) {
    char arg[ODD_ARG] = "";
    struct orders orders = {values[i / 2], i % 2 ? 5 : 0};
    pool_future_t *future = NULL;
    memcpy(arg, &orders, sizeof orders);
    CHECK_OK(pool_apply_async(pool, leave_a_writer, arg, sizeof arg, ODD_RESULT, NULL, NULL, &future));
    CHECK_OK(pool_future_wait(future, -1));
    CHECK_OK(pool_future_release(future));
    CHECK(filled(mine, 1 << 20, 11));
  }
  if (atomic_load(&told->found) == 0) {
    check_skip("what there is about a task was not found in the shared memory");
  }
  EVENTUALLY(family(&world) <= 2);
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}

/* ---- The states of tasks ---- */

/* The state of a task is the first word of the line before a small argument. */
static int32_t write_state(const void *arg, void *result, pool_task_t *task) {
  struct orders orders;
  (void)result;
  (void)task;
  memcpy(&orders, arg, sizeof orders);
  if (sizes_before(arg) == NULL) {
    return 0;
  }
  atomic_fetch_add(&told->found, 1);
  *((volatile uint64_t *)(uintptr_t)arg - 8) = orders.value;
  return done_writing(&orders);
}

CASE(the_state_of_its_own_task) {
  struct world world = world_now();
  begin();
  world.mappings++;
  pool_t *pool = process_pool(2);
  for (uint64_t i = 0; i < 24; i++) {
    char arg[ODD_ARG] = "";
    struct orders orders = {i < 8 ? i : i < 16 ? UINT64_MAX - i : (uint64_t)0x0101010101010101 * i, 1};
    memcpy(arg, &orders, sizeof orders);
    runs_beside(pool, write_state, arg, sizeof arg, ODD_RESULT);
  }
  close_and_leave_nothing(pool, &world);
  if (atomic_load(&told->found) == 0) {
    check_skip("a task's state was not found in the shared memory");
  }
}

/* All that a worker can write of what there is between it and the others, at once. What waited then ends one way or
 * another, at the latest when the pool is terminated, which ends too. */
static int32_t write_everything(const void *arg, void *result, pool_task_t *task) {
  struct orders orders;
  size_t count = 0;
  (void)result;
  (void)task;
  memcpy(&orders, arg, sizeof orders);
  uint64_t *words = shared_words(&count);
  if (words == NULL) {
    return 0;
  }
  atomic_fetch_add(&told->found, 1);
  for (size_t i = 0; i < count && i < (64 << 10) / 8; i++) {
    ((volatile uint64_t *)words)[i] = orders.value;
  }
  return done_writing(&orders);
}

CASE(everything_at_once) {
  static const uint64_t values[] = {0, UINT64_MAX, 6, 0x0101010101010101};
  struct world world = world_now();
  begin();
  world.mappings++;
  for (size_t i = 0; i < COUNT_OF(values); i++) {
    struct orders orders = {values[i], i > 1};
    pool_future_t *futures[30];
    pool_t *pool = process_pool(2);
    for (int64_t f = 0; f < (int64_t)COUNT_OF(futures); f++) {
      CHECK_OK(pool_apply_async(pool, f == 5 ? write_everything : tell_pid, &orders, sizeof orders, 4, NULL, NULL,
                                &futures[f]));
    }
    pool_future_wait(futures[5], 50);
    CHECK_OK(pool_terminate(pool));
    for (size_t f = 0; f < COUNT_OF(futures); f++) {
      CHECK_OK(pool_future_wait(futures[f], -1));
      CHECK_OK(pool_future_release(futures[f]));
    }
    close_and_leave_nothing(pool, &world);
  }
  if (atomic_load(&told->found) == 0) {
    check_skip("the pool's memory was not found");
  }
}
