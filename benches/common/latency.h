/* The rows L: how long a small task waits while the workers are busy with tasks of a millisecond. */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include "bench.h"

/* long_task submits a task that calls bench_long_task with the load, from any thread; probe one that calls
   bench_probe_task. */
struct bench_load {
  void (*long_task)(struct bench_load *load);
  void (*probe)(struct bench_load *load);
  void *data;
  /* Long tasks that are queued or run; how many there shall be. */
  uint32_t alive;
  uint32_t wanted;
  /* Each long task submits the next one itself, from its worker, as its last act. */
  uint32_t chained;
  /* When the small task was submitted, and when it began; 0 for not yet. */
  uint64_t submitted;
  uint64_t begun;
};

/* A pool that would never come to the small task gets no more long ones after that time. */
enum { BENCH_LONG_NS = 1000000, BENCH_GIVE_UP_NS = 200000000, BENCH_LOOK_US = 100 };

static inline void bench_probe_task(struct bench_load *load) {
  __atomic_store_n(&load->begun, bench_now(), __ATOMIC_RELEASE);
}

static inline void bench_long_task(struct bench_load *load) {
  uint64_t end = bench_now() + BENCH_LONG_NS;
  uint64_t now;
  do {
    now = bench_now();
  } while (now < end);
  uint64_t submitted = __atomic_load_n(&load->submitted, __ATOMIC_ACQUIRE);
  int given_up = submitted != 0 && now > submitted + BENCH_GIVE_UP_NS;
  if (__atomic_load_n(&load->chained, __ATOMIC_ACQUIRE) && !given_up) {
    load->long_task(load);
  } else {
    __atomic_fetch_sub(&load->alive, 1u, __ATOMIC_ACQ_REL);
  }
}

static inline uint32_t bench_alive(const struct bench_load *load) {
  return __atomic_load_n(&load->alive, __ATOMIC_ACQUIRE);
}

static inline void bench_top_up(struct bench_load *load) {
  while (bench_alive(load) < load->wanted) {
    __atomic_fetch_add(&load->alive, 1u, __ATOMIC_ACQ_REL);
    load->long_task(load);
  }
}

/* Goes on with the load for about so long. */
static inline void bench_keep_up(struct bench_load *load, uint64_t ns) {
  for (uint64_t end = bench_now() + ns; bench_now() < end;) {
    bench_top_up(load);
    bench_sleep_us(BENCH_LOOK_US);
  }
}

static inline double bench_probe_once(struct bench_load *load) {
  uint64_t begun;
  __atomic_store_n(&load->begun, 0, __ATOMIC_RELEASE);
  uint64_t submitted = bench_now();
  __atomic_store_n(&load->submitted, submitted, __ATOMIC_RELEASE);
  load->probe(load);
  while ((begun = __atomic_load_n(&load->begun, __ATOMIC_ACQUIRE)) == 0) {
    if (bench_now() < submitted + BENCH_GIVE_UP_NS) {
      bench_top_up(load);
    }
    bench_sleep_us(BENCH_LOOK_US);
  }
  __atomic_store_n(&load->submitted, 0, __ATOMIC_RELEASE);
  return (double)(begun - submitted);
}

/* The pauses differ, so that the small tasks do not fall into step with the long ones. */
static inline void bench_latency(const struct bench *b, const char *row, struct bench_load *load) {
  size_t most = bench_pick(b, 3, 100, 300, 1000);
  uint64_t enough = bench_pick(b, 1, 1, 2, 6) * 1000000000u;
  size_t samples = 0;
  double *values = (double *)bench_alloc(most, sizeof *values);
  uint32_t chained = load->chained;
  bench_keep_up(load, 20000000);
  for (uint64_t end = bench_now() + enough; samples < most && bench_now() < end; samples++) {
    bench_keep_up(load, 200000 + samples * 7 % 10 * 100000);
    values[samples] = bench_probe_once(load);
  }
  __atomic_store_n(&load->chained, 0u, __ATOMIC_RELEASE);
  while (bench_alive(load) != 0) {
    bench_sleep_us(BENCH_LOOK_US);
  }
  load->chained = chained;
  bench_print(row, bench_median(values, samples) / 1e3, "us", "p50");
  bench_print(row, values[(samples * 99 + 99) / 100 - 1] / 1e3, "us", "p99");
  bench_print(row, values[samples - 1] / 1e3, "us", "worst");
  free(values);
}

/* One long task less than there are workers; as many; twice as many, from the submitter, so that some always wait. */
static inline void bench_latencies(const struct bench *b, struct bench_load *load) {
  load->chained = 1;
  load->wanted = b->workers - 1;
  bench_latency(b, "L", load);
  load->wanted = b->workers;
  bench_latency(b, "L-busy", load);
  load->chained = 0;
  load->wanted = 2 * b->workers;
  bench_latency(b, "L-queued", load);
}

#endif
