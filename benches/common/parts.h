/* A map cut into one part a worker: how well it can be divided by somebody who knows the items beforehand. */
#ifndef BENCH_PARTS_H
#define BENCH_PARTS_H

#include "map.h"

/* ends[k] is where part k ends. */
typedef void (*bench_cut_fn)(const struct bench_map *map, size_t parts, size_t *ends);

static inline void bench_cut_counts(const struct bench_map *map, size_t parts, size_t *ends) {
  for (size_t k = 0; k < parts; k++) {
    ends[k] = map->count * (k + 1) / parts;
  }
}

/* The arguments are the costs, so the parts can be cut where the cost so far reaches its share. */
static inline void bench_cut_costs(const struct bench_map *map, size_t parts, size_t *ends) {
  uint64_t total = 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < map->count; i++) {
    total += map->args[i];
  }
  for (size_t i = 0, k = 0; i < map->count && k + 1 < parts; i++) {
    sum += map->args[i];
    if (sum >= total / parts * (k + 1)) {
      ends[k++] = i + 1;
    }
  }
  ends[parts - 1] = map->count;
}

static inline struct bench_map bench_part(const struct bench_map *map, const size_t *ends, size_t k) {
  size_t begin = k ? ends[k - 1] : 0;
  return (struct bench_map){map->fn, map->args + begin, map->results + begin, ends[k] - begin};
}

#endif
