/* Row W10: random numbers sorted in place, in nanoseconds a number. */
#ifndef BENCH_SORT_H
#define BENCH_SORT_H

#include "bench.h"

static inline void bench_sort(const struct bench *b, void (*sort)(uint64_t *numbers, size_t count, void *data),
                              void *data) {
  enum { MAX_REPEATS = 9 };
  size_t count = bench_pick(b, 2000, 2000000, 10000000, 10000000);
  size_t repeats = bench_pick(b, 1, 3, 3, MAX_REPEATS);
  uint64_t *numbers = (uint64_t *)bench_alloc(count, sizeof *numbers);
  double times[MAX_REPEATS];
  for (size_t r = 0; r < repeats; r++) {
    uint64_t state = r + 1;
    uint64_t before = 0;
    for (size_t i = 0; i < count; i++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      numbers[i] = state ^ (state >> 32u);
      before += numbers[i];
    }
    uint64_t start = bench_now();
    sort(numbers, count, data);
    times[r] = (double)(bench_now() - start) / (double)count;
    for (size_t i = 1; i < count; i++) {
      before -= numbers[i];
      if (numbers[i - 1] > numbers[i]) {
        bench_fail("the numbers are not sorted");
      }
    }
    if (before != numbers[0]) {
      bench_fail("the sorted numbers are others");
    }
  }
  bench_print("W10", bench_median(times, repeats), "ns", NULL);
  free(numbers);
}

#endif
