/* What every benchmark program shares: the command line, the clock, medians, and the rows that differ only in how a
   library is called. C99 and C++17, so that the C and the C++ programs measure with the very same code. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum bench_size { BENCH_SMOKE, BENCH_QUICK, BENCH_DEFAULT, BENCH_FULL };

/* tasks is 0 where the size of the run decides. */
struct bench {
  unsigned workers;
  enum bench_size size;
  size_t tasks;
  unsigned submitters;
};

struct bench_row {
  const char *name;
  void (*run)(const struct bench *b);
};

__attribute__((noreturn)) static inline void bench_fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static inline void *bench_alloc(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (!memory) {
    bench_fail("out of memory");
  }
  return memory;
}

static inline uint64_t bench_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline size_t bench_pick(const struct bench *b, size_t smoke, size_t quick, size_t normal, size_t full) {
  switch (b->size) {
  case BENCH_SMOKE:
    return smoke;
  case BENCH_QUICK:
    return quick;
  case BENCH_FULL:
    return full;
  default:
    return normal;
  }
}

/* The whole protocol: one line a value. The label tells variants of one row apart (schedules, kinds of limit). */
static inline void bench_print(const char *row, double value, const char *unit, const char *label) {
  printf("%s %.6g %s%s%s\n", row, value, unit, label ? " " : "", label ? label : "");
}

static inline int bench_compare(const void *a, const void *b) {
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline double bench_median(double *values, size_t count) {
  qsort(values, count, sizeof *values, bench_compare);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static inline double bench_timed(size_t calls, void (*once)(void *), void *data) {
  uint64_t start = bench_now();
  for (size_t i = 0; i < calls; i++) {
    once(data);
  }
  return (double)(bench_now() - start);
}

/* What an interval with nothing in it seems to last: means, because the clock has steps, and the median of some of them,
   because one may be disturbed. */
static inline double bench_clock_cost(void) {
  enum { MEANS = 15, READINGS = 200 };
  double means[MEANS];
  for (size_t i = 0; i < MEANS; i++) {
    means[i] = 0;
    for (size_t k = 0; k < READINGS; k++) {
      means[i] += bench_timed(0, NULL, NULL) / READINGS;
    }
  }
  return bench_median(means, MEANS);
}

/* Median time of one call in nanoseconds, less what reading the clock costs. Calls short enough for the clock's step to
   matter, which is 10 ns on some machines, are timed several at a time. Before each sample comes what prepare does,
   which is not timed; NULL for nothing. */
static inline double bench_p50_prepared(size_t samples, size_t calls, void (*prepare)(void), void (*once)(void *),
                                        void *data) {
  double *values = (double *)bench_alloc(samples, sizeof *values);
  double clock_cost = bench_clock_cost();
  bench_timed(samples / 10 + 1, once, data);
  for (size_t i = 0; i < samples; i++) {
    if (prepare) {
      prepare();
    }
    values[i] = bench_timed(calls, once, data);
  }
  double p50 = (bench_median(values, samples) - clock_cost) / (double)calls;
  free(values);
  return p50 > 0 ? p50 : 0;
}

static inline double bench_p50(size_t samples, size_t calls, void (*once)(void *), void *data) {
  return bench_p50_prepared(samples, calls, NULL, once, data);
}

/* Nanoseconds per task: the first batch warms threads, memory and caches; the median of the following ones counts. */
static inline double bench_warm(const struct bench *b, size_t tasks, void (*batch)(void *, size_t), void *data) {
  double values[9];
  size_t batches = bench_pick(b, 1, 2, 3, 9);
  batch(data, tasks);
  for (size_t i = 0; i < batches; i++) {
    uint64_t start = bench_now();
    batch(data, tasks);
    values[i] = (double)(bench_now() - start) / (double)tasks;
  }
  return bench_median(values, batches);
}

/* Nanoseconds per task of the first batch in the process. */
static inline double bench_cold(size_t tasks, void (*batch)(void *, size_t), void *data) {
  uint64_t start = bench_now();
  batch(data, tasks);
  return (double)(bench_now() - start) / (double)tasks;
}

static inline size_t bench_w1_tasks(const struct bench *b) {
  return b->tasks ? b->tasks : bench_pick(b, 1000, 200000, 1000000, 1000000);
}

static inline size_t bench_w2_tasks(const struct bench *b) {
  return bench_pick(b, 1000, 100000, 100000, 100000);
}

static inline size_t bench_w3_samples(const struct bench *b) {
  return bench_pick(b, 20, 5000, 20000, 50000);
}

/* A call of W3 that stays on its thread is short. */
enum { BENCH_W3_CALLS = 8, BENCH_ONE_CALL = 1 };

static inline void bench_sleep_us(long microseconds) {
  struct timespec t = {microseconds / 1000000, microseconds % 1000000 * 1000};
  nanosleep(&t, NULL);
}

static inline void bench_let_cool(void) {
  bench_sleep_us(1000);
}

/* Rows W3c and W3c-other: W3's call after a millisecond in which nothing happens. */
static inline double bench_p50_cold(const struct bench *b, void (*once)(void *), void *data) {
  return bench_p50_prepared(bench_pick(b, 5, 100, 300, 1000), BENCH_ONE_CALL, bench_let_cool, once, data);
}

static inline size_t bench_w8_samples(const struct bench *b) {
  return bench_pick(b, 2, 50, 200, 1000);
}

/* W8 always creates this many workers, as the row says, whatever --workers is. */
enum { BENCH_W8_WORKERS = 4 };

static inline void bench_option(struct bench *b, const char *name, const char *value) {
  static const char *const SIZES[] = {"smoke", "quick", "default", "full"};
  unsigned long number = strtoul(value, NULL, 10);
  if (strcmp(name, "--workers") == 0) {
    b->workers = (unsigned)number;
  } else if (strcmp(name, "--submitters") == 0) {
    b->submitters = (unsigned)number;
  } else if (strcmp(name, "--tasks") == 0) {
    b->tasks = number;
  }
  for (int size = 0; size < 4; size++) {
    if (strcmp(name, "--size") == 0 && strcmp(value, SIZES[size]) == 0) {
      b->size = (enum bench_size)size;
    }
  }
}

static inline int bench_main(int argc, char **argv, const struct bench_row *rows, size_t count) {
  struct bench b = {2, BENCH_DEFAULT, 0, 3};
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (size_t i = 0; i < count; i++) {
      puts(rows[i].name);
    }
    return 0;
  }
  for (int i = 2; i + 1 < argc; i += 2) {
    bench_option(&b, argv[i], argv[i + 1]);
  }
  for (size_t i = 0; argc > 1 && b.workers > 0 && b.submitters > 0 && i < count; i++) {
    if (strcmp(argv[1], rows[i].name) == 0) {
      rows[i].run(&b);
      return 0;
    }
  }
  fprintf(stderr,
          "usage: %s ROW [--workers N] [--size smoke|quick|default|full] [--tasks N] [--submitters N]\n"
          "       %s --list\n",
          argv[0], argv[0]);
  return 2;
}

#define BENCH_MAIN(rows)                                                                                               \
  int main(int argc, char **argv) {                                                                                    \
    return bench_main(argc, argv, (rows), sizeof(rows) / sizeof((rows)[0]));                                           \
  }

#endif
