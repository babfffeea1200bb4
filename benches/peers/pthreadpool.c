/* pthreadpool: a pool for loops, and nothing else. The thread that calls takes part and counts as one of the N. */
#include <pthreadpool.h>

#include "../common/bench.h"
#include "../common/idle.h"
#include "../common/map.h"
#include "../common/memory.h"

static pthreadpool_t create(size_t workers) {
  pthreadpool_t pool = pthreadpool_create(workers);
  if (!pool) {
    bench_fail("pthreadpool_create failed");
  }
  return pool;
}

static void item(void *data, size_t i) {
  const struct bench_map *map = data;
  map->fn(&map->args[i], &map->results[i], NULL);
}

static void map(const struct bench_map *map, void *pool) {
  pthreadpool_parallelize_1d(pool, item, (void *)(uintptr_t)map, map->count, 0);
}

static const struct bench_mapper MAPPERS[] = {{NULL, map}};

static void w5(const struct bench *b) {
  pthreadpool_t pool = create(b->workers);
  bench_map_uniform(b, MAPPERS, 1, pool);
  pthreadpool_destroy(pool);
}

static void w6(const struct bench *b) {
  pthreadpool_t pool = create(b->workers);
  bench_map_skewed(b, MAPPERS, 1, pool);
  pthreadpool_destroy(pool);
}

static void w7(const struct bench *b) {
  pthreadpool_t pool = create(b->workers);
  bench_map_coarse(b, MAPPERS, 1, pool);
  pthreadpool_destroy(pool);
}

static void set_result(void *result, size_t i) {
  *(uint64_t *)result = i + 2;
}

static void nothing(void *unused, size_t i) {
  (void)unused;
  (void)i;
}

static void live_once(void *unused) {
  (void)unused;
  uint64_t result = 0;
  pthreadpool_t pool = create(BENCH_W8_WORKERS);
  pthreadpool_parallelize_1d(pool, set_result, &result, 1, 0);
  pthreadpool_destroy(pool);
  if (result != 2) {
    bench_fail("a task returned a wrong result");
  }
}

static void w8(const struct bench *b) {
  bench_print("W8", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, live_once, NULL), "ns", NULL);
}

static void w9(const struct bench *b) {
  pthreadpool_t pool = create(b->workers);
  pthreadpool_parallelize_1d(pool, nothing, NULL, 1000, 0);
  bench_idle(b);
  pthreadpool_destroy(pool);
}

static void mem_idle(const struct bench *b) {
  struct bench_resident before = bench_resident_now();
  pthreadpool_t pool = create(BENCH_IDLE_WORKERS);
  pthreadpool_parallelize_1d(pool, nothing, NULL, BENCH_IDLE_TASKS, 0);
  bench_print_idle_memory(b, before);
  pthreadpool_destroy(pool);
}

static void mem_so(const struct bench *b) {
  (void)b;
  bench_print_library((const void *)(uintptr_t)pthreadpool_create);
}

static const struct bench_row ROWS[] = {
    {"W5", w5}, {"W6", w6}, {"W7", w7}, {"W8", w8}, {"W9", w9}, {"mem-idle", mem_idle}, {"mem-so", mem_so},
};

BENCH_MAIN(ROWS)
