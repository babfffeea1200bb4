/* Random creation, load and destruction from several threads; results are right, and nothing grows.
 * `./soak 60` runs for a minute. */
#include "tasks.h"

/* A generator of its own for each thread, so that a run can be repeated. */
static uint32_t next_random(uint64_t *state, uint32_t below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33) % below;
}

struct soaker {
  pool_t *shared;
  uint64_t random;
  int64_t end_ms;
  size_t rounds;
};

static int32_t echo(const void *arg, void *result, pool_task_t *task) {
  const unsigned char *bytes = arg;
  if (bytes[1] == 1) {
    return pool_task_fail(task, bytes[0] + 1, "asked to fail");
  }
  if (bytes[1] == 2) {
    return pool_task_set_result(task, bytes, 2);
  }
  memcpy(result, bytes, bytes[0]);
  return 0;
}

struct child {
  pool_t *pool;
  int64_t depth;
};

static int32_t nest(const void *arg, void *result, pool_task_t *task) {
  const struct child *child = arg;
  int64_t below[2] = {0, 0};
  (void)task;
  if (child->depth > 0) {
    struct child children[2] = {{child->pool, child->depth - 1}, {child->pool, child->depth - 1}};
    int32_t status = pool_map(child->pool, nest, children, sizeof children[0], below, sizeof below[0], 2);
    if (status != POOL_OK) {
      CHECK_STATUS(status, POOL_ERR_TERMINATED);
      return 1;
    }
  }
  below[0] += below[1] + 1;
  memcpy(result, below, sizeof below[0]);
  return 0;
}

static void echoes(struct soaker *soaker, pool_t *pool, bool waits) {
  unsigned char arg[256], result[256];
  uint32_t size = 2 + next_random(&soaker->random, 254);
  memset(arg, (int)size, sizeof arg);
  arg[1] = (unsigned char)next_random(&soaker->random, 6);
  pool_future_t *future = NULL;
  struct tally tally = {0, 1};
  if (waits && next_random(&soaker->random, 2) == 0) {
    int32_t status = pool_apply(pool, echo, arg, sizeof arg, result, size);
    CHECK_STATUS(status, arg[1] == 1 ? (int32_t)size + 1 : POOL_OK);
    CHECK_EQ(memcmp(result, arg, status != POOL_OK ? 0 : arg[1] == 2 ? 2 : size), 0);
    return;
  }
  CHECK_OK(pool_apply_async(pool, echo, arg, sizeof arg, size, waits ? NULL : count_call, &tally, &future));
  int32_t cancelled = next_random(&soaker->random, 4) == 0 ? pool_future_cancel(future) : 0;
  int64_t timeout = next_random(&soaker->random, 2) == 0 ? -1 : 60000;
  int32_t status = pool_future_get(future, result, sizeof result, timeout);
  CHECK_STATUS(status, cancelled == 1 ? POOL_ERR_CANCELLED : arg[1] == 1 ? (int32_t)size + 1 : POOL_OK);
  CHECK_EQ(memcmp(result, arg, status != POOL_OK ? 0 : arg[1] == 2 ? 2 : size), 0);
  CHECK_OK(pool_future_release(future));
  if (!waits) {
    EVENTUALLY(atomic_load(&tally.calls) == 1);
    CHECK_EQ(tally.status, status);
  }
}

static void maps(struct soaker *soaker, pool_t *pool) {
  int64_t args[100] = {0}, results[100];
  size_t count = next_random(&soaker->random, 100);
  for (size_t i = 0; i < count; i++) {
    args[i] = next_random(&soaker->random, 1000);
  }
  CHECK_OK(pool_map(pool, twice, args, 8, results, 8, count));
  for (size_t i = 0; i < count; i++) {
    CHECK_EQ(results[i], args[i] * 2);
  }
}

static void nests(struct soaker *soaker, pool_t *pool) {
  struct child root = {pool, next_random(&soaker->random, 5)};
  int64_t result = 0;
  CHECK_OK(pool_apply(pool, nest, &root, sizeof root, &result, sizeof result));
  CHECK_EQ(result, (2 << root.depth) - 1);
}

static int32_t start(void *worker_data, uint32_t worker) {
  (void)worker;
  atomic_fetch_add((atomic_int *)worker_data, 1);
  return 0;
}

static void stop(void *worker_data, uint32_t worker) {
  (void)worker;
  atomic_fetch_sub((atomic_int *)worker_data, 1);
}

static void a_pool_of_its_own(struct soaker *soaker) {
  atomic_int alive = 0, ran = 0;
  struct tally tally = {0, 1};
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 1 + next_random(&soaker->random, 4);
  options.callbacks = (int32_t)next_random(&soaker->random, 3);
  if (next_random(&soaker->random, 3) == 0) {
    options.initializer = start;
    options.finalizer = stop;
    options.worker_data = &alive;
  }
  pool_t *pool = new_pool_with(&options);
  for (uint32_t i = next_random(&soaker->random, 20); i > 0; i--) {
    switch (next_random(&soaker->random, 3)) {
    case 0:
      echoes(soaker, pool, options.callbacks == POOL_CALLBACKS_POLLED || i % 2);
      break;
    case 1:
      maps(soaker, pool);
      break;
    default:
      nests(soaker, pool);
    }
  }
  int load = (int)next_random(&soaker->random, 200);
  for (int i = 0; i < load; i++) {
    CHECK_OK(pool_apply_async(pool, increment, &ran, 0, 0, count_call, &tally, NULL));
  }
  uint32_t ending = next_random(&soaker->random, 4);
  if (ending == 0) {
    CHECK_OK(pool_terminate(pool));
  } else if (ending == 1) {
    CHECK_OK(pool_close(pool));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK(ending == 0 ? ran <= load : ran == load);
  CHECK_EQ(tally.calls, load);
  CHECK_EQ(alive, 0);
}

static void *soak_here(void *data) {
  struct soaker *soaker = data;
  while (now_ms() < soaker->end_ms) {
    switch (next_random(&soaker->random, 4)) {
    case 0:
      a_pool_of_its_own(soaker);
      break;
    case 1:
      nests(soaker, soaker->shared);
      break;
    case 2:
      maps(soaker, soaker->shared);
      break;
    default:
      echoes(soaker, soaker->shared, next_random(&soaker->random, 2) == 0);
    }
    soaker->rounds++;
  }
  return NULL;
}

enum { THREADS = 4 };

static void soak_for(int64_t ms, uint64_t seed) {
  struct soaker soakers[THREADS];
  pthread_t threads[THREADS];
  pool_t *shared = new_pool(3);
  for (int i = 0; i < THREADS; i++) {
    soakers[i] = (struct soaker){shared, seed + (uint64_t)i, now_ms() + ms, 0};
    threads[i] = check_thread(soak_here, &soakers[i]);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    CHECK(soakers[i].rounds > 0);
  }
  CHECK_OK(pool_close_join(shared));
}

static long resident_kilobytes(void) {
  long kilobytes = -1;
  char line[200];
  FILE *file = fopen("/proc/self/status", "r");
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "VmRSS: %ld", &kilobytes) == 1) {
      break;
    }
  }
  fclose(file);
  return kilobytes;
}

/* The first half warms up allocators and caches; what the second half adds would be a leak. */
CASE(random_load) {
  int64_t half = check_seconds * 500;
  int before = threads_now();
  soak_for(half, 1);
  threads_go_back_to(before);
  long memory = resident_kilobytes(), maps_lines = lines_in("/proc/self/maps");
  long files = fds_now();
  soak_for(half, 1000);
  threads_go_back_to(before);
  CHECK_EQ(fds_now(), files);
  if (check_tool() == NULL) {
    CHECK(lines_in("/proc/self/maps") < maps_lines + 40);
    CHECK(resident_kilobytes() < memory + 16 * 1024);
  }
}

/* The same many thousands of times: a lost byte each time would show. */
CASE(tasks_leave_no_memory_behind) {
  pool_t *pool = new_pool(2);
  long memory = 0;
  struct tally tally = {0, 1};
  int count = (int)scaled(60000);
  for (int half = 0; half < 2; half++) {
    for (int i = 0; i < count; i++) {
      pool_future_t *future = NULL;
      unsigned char arg[200] = {100, (unsigned char)(i % 3)}, result[200];
      CHECK_OK(pool_apply_async(pool, echo, arg, sizeof arg, 100, count_call, &tally, &future));
      CHECK_STATUS(pool_future_get(future, result, sizeof result, -1), i % 3 == 1 ? 101 : POOL_OK);
      CHECK_OK(pool_future_release(future));
      /* What has not called back yet is no leak. */
      if (i % 1000 == 999 || i + 1 == count) {
        EVENTUALLY(atomic_load(&tally.calls) == half * count + i + 1);
      }
    }
    if (half == 0) {
      memory = resident_kilobytes();
    }
  }
  CHECK(check_tool() != NULL || resident_kilobytes() < memory + 2 * 1024);
  CHECK_OK(pool_close_join(pool));
}

CASE(pools_leave_no_memory_behind) {
  long memory = 0;
  for (int half = 0; half < 2; half++) {
    for (size_t i = 0; i < scaled(1500); i++) {
      pool_t *pool = new_pool(2);
      int64_t arg = 21, result = 0;
      CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
      CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, NULL));
      CHECK_OK(pool_close_join(pool));
    }
    if (half == 0) {
      memory = resident_kilobytes();
    }
  }
  CHECK(check_tool() != NULL || resident_kilobytes() < memory + 2 * 1024);
}
