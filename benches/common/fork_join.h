/* Row W4: a recursion that forks at every step, with nothing to do but that. */
#ifndef BENCH_FORK_JOIN_H
#define BENCH_FORK_JOIN_H

#include "bench.h"

typedef uint64_t (*bench_fib_fn)(void *data, uint64_t n);

static inline uint64_t bench_fib(uint64_t n) {
  uint64_t a = 0;
  uint64_t b = 1;
  for (; n > 0; n--) {
    uint64_t next = a + b;
    a = b;
    b = next;
  }
  return a;
}

/* Nanoseconds per fork of fib(n): each n above 1 is a fork. */
static inline double bench_fork_ns(bench_fib_fn fib, void *data, uint64_t n) {
  uint64_t start = bench_now();
  if (fib(data, n) != bench_fib(n)) {
    bench_fail("a fork returned a wrong result");
  }
  return (double)(bench_now() - start) / (double)(bench_fib(n + 1) - 1);
}

/* As often as there is time for: the quickest libraries need a hundredth of what the slowest do. */
static inline double bench_forks(const struct bench *b, bench_fib_fn fib, void *data) {
  enum { MOST = 9, ENOUGH_NS = 300000000 };
  double values[MOST];
  size_t count = 0;
  uint64_t n = bench_pick(b, 12, 27, 32, 32);
  bench_fork_ns(fib, data, n - 4);
  for (uint64_t end = bench_now() + ENOUGH_NS; count < MOST && (count == 0 || bench_now() < end);) {
    values[count++] = bench_fork_ns(fib, data, n);
  }
  return bench_median(values, count);
}

#endif
