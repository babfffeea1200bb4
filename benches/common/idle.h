/* Row W9: what a pool that has worked and has nothing left to do costs. */
#ifndef BENCH_IDLE_H
#define BENCH_IDLE_H

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

static inline int64_t bench_cpu_clock(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* CPU time of all threads but the calling one, past ones too. */
static inline int64_t bench_others_cpu_ns(void) {
  return bench_cpu_clock(CLOCK_PROCESS_CPUTIME_ID) - bench_cpu_clock(CLOCK_THREAD_CPUTIME_ID);
}

static inline unsigned long bench_switches(const char *tasks, const char *thread) {
  char path[400];
  char line[256];
  unsigned long count = 0;
  snprintf(path, sizeof path, "%s/%s/status", tasks, thread);
  FILE *status = fopen(path, "r");
  while (status && fgets(line, sizeof line, status)) {
    sscanf(line, "voluntary_ctxt_switches: %lu", &count);
  }
  if (status) {
    fclose(status);
  }
  return count;
}

/* How often the threads listed in a folder such as /proc/self/task, other than the calling one, went to sleep so far,
   which is how often they woke. */
static inline unsigned long bench_wakes(const char *tasks) {
  unsigned long sum = 0;
  DIR *threads = opendir(tasks);
  if (!threads) {
    bench_fail("/proc has no such process");
  }
  for (struct dirent *entry = readdir(threads); entry; entry = readdir(threads)) {
    if (entry->d_name[0] != '.' && strtol(entry->d_name, NULL, 10) != syscall(SYS_gettid)) {
      sum += bench_switches(tasks, entry->d_name);
    }
  }
  closedir(threads);
  return sum;
}

static inline void bench_sleep_ms(size_t milliseconds) {
  bench_sleep_us((long)milliseconds * 1000);
}

/* Called when the pool has just finished its work. The first moments are left out: spinning that ends is no idle cost,
   and a pool that never ends it shows in the rest. */
static inline void bench_idle(const struct bench *b) {
  bench_sleep_ms(bench_pick(b, 10, 200, 200, 200));
  unsigned long wakes = bench_wakes("/proc/self/task");
  int64_t cpu = bench_others_cpu_ns();
  bench_sleep_ms(bench_pick(b, 20, 2000, 5000, 5000));
  cpu = bench_others_cpu_ns() - cpu;
  wakes = bench_wakes("/proc/self/task") - wakes;
  /* The two clocks are not read at one moment, so that a few microseconds mean nothing. */
  bench_print("W9", cpu < 10000 ? 0 : (double)cpu / 1e3, "us", NULL);
  bench_print("W9-wakes", (double)wakes, "wakes", NULL);
}

#endif
