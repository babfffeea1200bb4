/* Rows W5, W6 and W7, P3 and P3-skewed: a map through a function pointer, as a ratio to the sequential loop of the same process divided by
   the number of workers. The signature is Millpond's for everyone, so that nobody's items are cheaper to call. */
#ifndef BENCH_MAP_H
#define BENCH_MAP_H

#include "bench.h"

#ifndef BENCH_TASK
#define BENCH_TASK void
#endif

typedef int32_t (*bench_item_fn)(const void *arg, void *result, BENCH_TASK *task);

struct bench_map {
  bench_item_fn fn;
  const uint64_t *args;
  uint64_t *results;
  size_t count;
};

/* One way of mapping in parallel; label is NULL for a library's only one. */
struct bench_mapper {
  const char *label;
  void (*run)(const struct bench_map *map, void *data);
};

/* One way of mapping over arrays of its own. */
struct bench_way {
  struct bench_mapper mapper;
  void *data;
  struct bench_map map;
};

static inline int32_t bench_square(const void *arg, void *result, BENCH_TASK *task) {
  uint64_t x = *(const uint64_t *)arg;
  (void)task;
  *(uint64_t *)result = x * x + 1;
  return 0;
}

/* As many dependent multiplications as the argument says. */
static inline int32_t bench_spin(const void *arg, void *result, BENCH_TASK *task) {
  uint64_t steps = *(const uint64_t *)arg;
  uint64_t x = steps;
  (void)task;
  for (uint64_t i = 0; i < steps; i++) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    __asm__ volatile("" : "+r"(x));
  }
  *(uint64_t *)result = x;
  return 0;
}

/* The course's: the sum of 1 to the argument, in a loop that no compiler may fold. */
static inline int32_t bench_sum_all(const void *arg, void *result, BENCH_TASK *task) {
  uint64_t last = *(const uint64_t *)arg;
  uint64_t sum = 0;
  (void)task;
  for (uint64_t i = 1; i <= last; i++) {
    sum += i;
    __asm__ volatile("" : "+r"(sum));
  }
  *(uint64_t *)result = sum;
  return 0;
}

static inline void bench_map_sequential(const struct bench_map *map) {
  for (size_t i = 0; i < map->count; i++) {
    map->fn(&map->args[i], &map->results[i], NULL);
  }
}

static inline uint64_t bench_map_checksum(const struct bench_map *map) {
  uint64_t sum = 0;
  for (size_t i = 0; i < map->count; i++) {
    sum = sum * 31 + map->results[i];
  }
  return sum;
}

static inline double bench_map_time(const struct bench_way *way) {
  memset(way->map.results, 0, way->map.count * sizeof *way->map.results);
  uint64_t start = bench_now();
  way->mapper.run(&way->map, way->data);
  return (double)(bench_now() - start);
}

static inline void bench_map_loop(const struct bench_map *map, void *unused) {
  (void)unused;
  bench_map_sequential(map);
}

/* Sequential runs over the first of the maps and parallel runs alternate, so that a change of the machine's speed meets
   both. All maps have the same items. */
static inline void bench_map_ways(const struct bench *b, const char *row, const struct bench_map *map, size_t repeats,
                                  const struct bench_way *ways, size_t count) {
  enum { MAX_WAYS = 8, MAX_REPEATS = 15 };
  struct bench_way loop = {{NULL, bench_map_loop}, NULL, *map};
  double sequential[MAX_REPEATS];
  double parallel[MAX_WAYS][MAX_REPEATS];
  for (size_t w = 0; w < count; w++) {
    struct bench_way warm_up = ways[w];
    warm_up.map.count = map->count / 50 + 1;
    bench_map_time(&warm_up);
  }
  for (size_t r = 0; r < repeats; r++) {
    sequential[r] = bench_map_time(&loop);
    uint64_t expected = bench_map_checksum(map);
    for (size_t w = 0; w < count; w++) {
      parallel[w][r] = bench_map_time(&ways[w]);
      if (bench_map_checksum(&ways[w].map) != expected) {
        bench_fail("a map returned wrong results");
      }
    }
  }
  double ideal = bench_median(sequential, repeats) / b->workers;
  for (size_t w = 0; w < count; w++) {
    bench_print(row, bench_median(parallel[w], repeats) / ideal, "ratio", ways[w].mapper.label);
  }
}

/* All mappers over the same arrays. */
static inline void bench_map_row(const struct bench *b, const char *row, const struct bench_map *map, size_t repeats,
                                 const struct bench_mapper *mappers, size_t count, void *data) {
  struct bench_way *ways = (struct bench_way *)bench_alloc(count, sizeof *ways);
  for (size_t m = 0; m < count; m++) {
    ways[m].mapper = mappers[m];
    ways[m].data = data;
    ways[m].map = *map;
  }
  bench_map_ways(b, row, map, repeats, ways, count);
  free(ways);
}

/* The function is read from a volatile, so that no compiler can inline it into a loop. */
static inline bench_item_fn bench_opaque(bench_item_fn fn) {
  bench_item_fn volatile opaque = fn;
  return opaque;
}

static inline size_t bench_uniform_repeats(const struct bench *b) {
  return bench_pick(b, 1, 3, 7, 15);
}

static inline size_t bench_skewed_repeats(const struct bench *b) {
  return bench_pick(b, 1, 1, 1, 3);
}

/* To be freed with bench_map_free. */
static inline struct bench_map bench_uniform(const struct bench *b) {
  struct bench_map map = {bench_opaque(bench_square), NULL, NULL, bench_pick(b, 2000, 2000000, 10000000, 10000000)};
  uint64_t *args = (uint64_t *)bench_alloc(map.count, sizeof *args);
  for (size_t i = 0; i < map.count; i++) {
    args[i] = i * 2654435761u;
  }
  map.args = args;
  map.results = (uint64_t *)bench_alloc(map.count, sizeof *map.results);
  return map;
}

/* Steps of bench_spin in a nanosecond: the best of a few, since a disturbed run only makes the items cheaper. */
static inline double bench_steps_per_ns(void) {
  uint64_t steps = 200000;
  uint64_t result;
  double best = 0;
  for (int i = 0; i < 10; i++) {
    uint64_t start = bench_now();
    bench_spin(&steps, &result, NULL);
    double rate = (double)steps / (double)(bench_now() - start + 1);
    best = rate > best ? rate : best;
  }
  return best;
}

static inline struct bench_map bench_skewed(const struct bench *b) {
  struct bench_map map = {bench_opaque(bench_spin), NULL, NULL, bench_pick(b, 500, 30000, 100000, 100000)};
  uint64_t *args = (uint64_t *)bench_alloc(map.count, sizeof *args);
  double steps_per_ns = bench_steps_per_ns();
  for (size_t i = 0; i < map.count; i++) {
    args[i] = (uint64_t)((double)i * 0.2 * steps_per_ns);
  }
  map.args = args;
  map.results = (uint64_t *)bench_alloc(map.count, sizeof *map.results);
  return map;
}

enum { BENCH_COARSE_ITEMS = 100 };

static inline struct bench_map bench_coarse(const struct bench *b) {
  struct bench_map map = {bench_opaque(bench_sum_all), NULL, NULL, BENCH_COARSE_ITEMS};
  uint64_t *args = (uint64_t *)bench_alloc(map.count, sizeof *args);
  for (size_t i = 0; i < map.count; i++) {
    args[i] = bench_pick(b, 1000, 2000000, 10000000, 50000000) + i;
  }
  map.args = args;
  map.results = (uint64_t *)bench_alloc(map.count, sizeof *map.results);
  return map;
}

static inline void bench_map_free(const struct bench_map *map) {
  free((void *)map->args);
  free(map->results);
}

/* The same items in two other arrays, into the first of which the arguments are copied. */
static inline struct bench_map bench_map_moved(const struct bench_map *map, uint64_t *args, uint64_t *results) {
  struct bench_map moved = *map;
  memcpy(args, map->args, map->count * sizeof *args);
  moved.args = args;
  moved.results = results;
  return moved;
}

static inline void bench_map_uniform(const struct bench *b, const struct bench_mapper *mappers, size_t mapper_count,
                                     void *data) {
  struct bench_map map = bench_uniform(b);
  bench_map_row(b, "W5", &map, bench_uniform_repeats(b), mappers, mapper_count, data);
  bench_map_free(&map);
}

static inline void bench_map_skewed(const struct bench *b, const struct bench_mapper *mappers, size_t mapper_count,
                                    void *data) {
  struct bench_map map = bench_skewed(b);
  bench_map_row(b, "W6", &map, bench_skewed_repeats(b), mappers, mapper_count, data);
  bench_map_free(&map);
}

static inline void bench_map_coarse(const struct bench *b, const struct bench_mapper *mappers, size_t mapper_count,
                                    void *data) {
  struct bench_map map = bench_coarse(b);
  bench_map_row(b, "W7", &map, bench_pick(b, 1, 1, 1, 3), mappers, mapper_count, data);
  bench_map_free(&map);
}

#endif
