/* Structs of other versions of the header: former ones are accepted for ever, later ones as long as nothing of what
 * they add is used. */
#include "version_0_1_0.h"

#include "tasks.h"

#include <stddef.h>
#include <sys/mman.h>

/* Where the struct has always had it. */
#define SAME(now, then, field)                                                                                         \
  _Static_assert(offsetof(now, field) == offsetof(then, field) &&                                                      \
                     sizeof(((now *)0)->field) == sizeof(((then *)0)->field),                                          \
                 #now "." #field " has moved")

SAME(pool_options_t, options_0_1_0, struct_size);
SAME(pool_options_t, options_0_1_0, mode);
SAME(pool_options_t, options_0_1_0, workers);
SAME(pool_options_t, options_0_1_0, callbacks);
SAME(pool_options_t, options_0_1_0, initializer);
SAME(pool_options_t, options_0_1_0, finalizer);
SAME(pool_options_t, options_0_1_0, worker_data);
SAME(pool_options_t, options_0_1_0, stack_size);
SAME(pool_options_t, options_0_1_0, name);
SAME(pool_options_t, options_0_1_0, max_blocked);
SAME(pool_options_t, options_0_1_0, task_timeout_ms);
SAME(pool_options_t, options_0_1_0, task_cpu_seconds);
SAME(pool_options_t, options_0_1_0, nice);
SAME(pool_options_t, options_0_1_0, memory_limit_bytes);
SAME(pool_options_t, options_0_1_0, max_tasks_per_worker);
SAME(pool_options_t, options_0_1_0, max_rss_bytes);
SAME(pool_options_t, options_0_1_0, spare_workers);
SAME(pool_options_t, options_0_1_0, oom_score_adj);
SAME(pool_options_t, options_0_1_0, pin_workers);
SAME(pool_options_t, options_0_1_0, core_dumps);
SAME(pool_options_t, options_0_1_0, stderr_tail_bytes);
SAME(pool_options_t, options_0_1_0, fork_fn);
SAME(pool_options_t, options_0_1_0, reseed);
SAME(pool_call_t, call_0_1_0, struct_size);
SAME(pool_call_t, call_0_1_0, fn);
SAME(pool_call_t, call_0_1_0, arg);
SAME(pool_call_t, call_0_1_0, arg_size);
SAME(pool_call_t, call_0_1_0, result_size);
SAME(pool_call_t, call_0_1_0, context);
SAME(pool_call_t, call_0_1_0, callback);
SAME(pool_call_t, call_0_1_0, user_data);

/* The last `size` bytes of memory behind which there is none: who reads further dies. */
static void *at_the_edge(size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (size / page + 1) * page;
  char *memory = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  CHECK_EQ(mprotect(memory + room, page, PROT_NONE), 0);
  return memory + room - size;
}

static int32_t count_start(void *worker_data, uint32_t worker) {
  (void)worker;
  atomic_fetch_add((atomic_int *)worker_data, 1);
  return 0;
}

static const pool_options_t *as_now(const void *options) {
  return options;
}

static void options_work(const void *options, uint32_t workers) {
  pool_t *pool = NULL;
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_create_with(as_now(options), &pool));
  CHECK_EQ(pool_workers(pool), workers);
  CHECK_OK(pool_apply(pool, twice, &arg, sizeof arg, &result, sizeof result));
  CHECK_EQ(result, 42);
  CHECK_OK(pool_close_join(pool));
}

CASE(options_of_0_1_0) {
  atomic_int started = 0;
  options_0_1_0 *options = at_the_edge(sizeof *options);
  options->struct_size = sizeof *options;
  options->workers = 3;
  options->initializer = count_start;
  options->worker_data = &started;
  options_work(options, 3);
  CHECK_EQ(started, 3);
  options->mode = 77;
  pool_t *pool = NULL;
  CHECK_ERROR(pool_create_with(as_now(options), &pool), POOL_ERR_INVALID);
}

CASE(calls_of_0_1_0) {
  enum { COUNT = 3 };
  pool_t *pool = new_pool(2);
  struct tally tally = {0, 1};
  pool_future_t *futures[COUNT];
  int64_t args[COUNT] = {1, 2, 3}, results[COUNT] = {0};
  call_0_1_0 *calls = at_the_edge(COUNT * sizeof *calls);
  for (int i = 0; i < COUNT; i++) {
    calls[i] = (call_0_1_0){sizeof *calls, twice, &args[i], 8, 8, NULL, count_call, &tally};
  }
  CHECK_OK(pool_submit(pool, (const pool_call_t *)(const void *)calls, COUNT, futures));
  for (int i = 0; i < COUNT; i++) {
    CHECK_OK(pool_future_get(futures[i], &results[i], 8, -1));
    CHECK_EQ(results[i], 2 * args[i]);
    CHECK_OK(pool_future_release(futures[i]));
  }
  call_0_1_0 *call = at_the_edge(sizeof *call);
  *call = (call_0_1_0){sizeof *call, twice, NULL, 8, 8, NULL, NULL, NULL};
  CHECK_OK(pool_map_with(pool, (const pool_call_t *)(const void *)call, results, results, NULL, COUNT));
  CHECK_EQ(results[COUNT - 1], 4 * args[COUNT - 1]);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(tally.calls, COUNT);
}

/* What is no version's size is refused, whatever is in it. */
static bool is_a_size(size_t size, size_t then, size_t now) {
  return size == then || size >= now;
}

CASE(options_of_other_sizes) {
  for (size_t size = sizeof(size_t); size < sizeof(pool_options_t) + 64; size++) {
    size_t *options = calloc(1, size), untouched = 1;
    pool_t *pool = (pool_t *)(void *)&untouched;
    memcpy(options, &size, sizeof size);
    if (is_a_size(size, sizeof(options_0_1_0), sizeof(pool_options_t))) {
      CHECK_OK(pool_create_with(as_now(options), &pool));
      CHECK_OK(pool_close_join(pool));
    } else {
      CHECK_ERROR(pool_create_with(as_now(options), &pool), POOL_ERR_INVALID);
      CHECK(strstr(pool_last_error(), "struct_size") != NULL);
      CHECK(pool == (pool_t *)(void *)&untouched);
    }
    free(options);
  }
}

CASE(calls_of_other_sizes) {
  pool_t *pool = new_pool(1);
  int accepted = 0;
  atomic_int ran = 0;
  for (size_t size = sizeof(size_t); size < sizeof(pool_call_t) + 64; size++) {
    call_0_1_0 call = {size, increment, &ran, 0, 0, NULL, NULL, NULL};
    void *passed = calloc(1, size);
    memcpy(passed, &call, size < sizeof call ? size : sizeof call);
    if (is_a_size(size, sizeof call, sizeof(pool_call_t))) {
      CHECK_OK(pool_submit(pool, passed, 1, NULL));
      accepted++;
    } else {
      CHECK_ERROR(pool_submit(pool, passed, 1, NULL), POOL_ERR_INVALID);
      CHECK(strstr(pool_last_error(), "struct_size") != NULL);
    }
    free(passed);
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(ran, accepted);
}

/* A field that only a later version has, at the very end of what is passed. */
CASE(later_versions) {
  for (size_t more = 1; more <= 64; more++) {
    size_t size = sizeof(pool_options_t) + more;
    unsigned char *options = at_the_edge(size);
    memcpy(options, &size, sizeof size);
    options_work(options, (uint32_t)pool_workers(pool_default()));
    options[size - 1] = 1;
    pool_t *pool = NULL;
    CHECK_ERROR(pool_create_with(as_now(options), &pool), POOL_ERR_UNSUPPORTED);
    CHECK(strstr(pool_last_error(), "lacks") != NULL);
  }
}
