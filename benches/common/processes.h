/* What the programs of the P rows share: child processes, memory that is shared with them, and what /proc tells. */
#ifndef BENCH_PROCESSES_H
#define BENCH_PROCESSES_H

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "idle.h"
#include "memory.h"

/* P4, P6 and P7 use this many workers, as their rows say, whatever --workers is. */
enum { BENCH_P_WORKERS = 4, BENCH_MAX_PROCESSES = 64 };

static inline size_t bench_cold_samples(const struct bench *b) {
  return bench_pick(b, 5, 300, 1000, 3000);
}

static inline void bench_sleep_1_ms(void) {
  bench_sleep_ms(1);
}

static inline size_t bench_p4_samples(const struct bench *b) {
  return bench_pick(b, 2, 30, 100, 300);
}

/* With a large host, where a fork takes milliseconds. */
static inline size_t bench_p4_large_samples(const struct bench *b) {
  return bench_pick(b, 2, 3, 5, 15);
}

/* Few enough that the worst of them means something. */
static inline size_t bench_kills(const struct bench *b) {
  return bench_pick(b, 3, 20, 50, 50);
}

/* A moment between two kills, for the library to make a new spare worker and to see that its workers do not all die at
   once. */
enum { BENCH_REST_MS = 10 };

/* Median and worst. */
static inline void bench_print_kills(const char *row, double *us, size_t count, const char *label) {
  char worst[100];
  bench_print(row, bench_median(us, count), "us", label);
  snprintf(worst, sizeof worst, "%s%sworst", label ? label : "", label ? ", " : "");
  bench_print(row, us[count - 1], "us", worst);
}

static inline void *bench_shared(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    bench_fail("no shared memory");
  }
  return memory;
}

/* Whether to measure with a large host too: it takes a while. */
static inline int bench_with_large_host(const struct bench *b) {
  return b->size != BENCH_QUICK;
}

/* Memory in pages of 4 KiB, as a heap that has grown bit by bit has: forking copies the entries of their table. */
static inline void bench_become_large(const struct bench *b) {
  size_t size = bench_pick(b, (size_t)1 << 20, 0, (size_t)1 << 30, (size_t)1 << 30);
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    bench_fail("no memory to become large");
  }
  madvise(memory, size, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < size; i += 4096) {
    memory[i] = 1;
  }
}

/* In the child it runs and ends the process; the child does not outlive its parent. */
static inline pid_t bench_fork(void (*run)(void *), void *data) {
  pid_t child = fork();
  if (child < 0) {
    bench_fail("fork failed");
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run(data);
    _exit(0);
  }
  return child;
}

static inline void bench_reap(pid_t child) {
  if (waitpid(child, NULL, 0) != child) {
    bench_fail("waitpid failed");
  }
}

struct bench_processes {
  pid_t pids[BENCH_MAX_PROCESSES];
  size_t count;
};

/* The parent of a process; 0 for one that has ended meanwhile or is a zombie. */
static inline pid_t bench_parent(const char *process) {
  char path[280];
  char state = 'Z';
  int parent = 0;
  snprintf(path, sizeof path, "/proc/%s/stat", process);
  FILE *stat = fopen(path, "r");
  if (stat && fscanf(stat, "%*d (%*[^)]) %c %d", &state, &parent) != 2) {
    parent = 0;
  }
  if (stat) {
    fclose(stat);
  }
  return state == 'Z' ? 0 : parent;
}

static inline int bench_is_among(const struct bench_processes *processes, pid_t pid) {
  for (size_t i = 0; i < processes->count; i++) {
    if (processes->pids[i] == pid) {
      return 1;
    }
  }
  return 0;
}

/* This process, its children, and theirs. */
static inline struct bench_processes bench_family(void) {
  struct bench_processes family = {{getpid()}, 1};
  for (size_t before = 0; before != family.count;) {
    before = family.count;
    DIR *all = opendir("/proc");
    if (!all) {
      bench_fail("/proc cannot be read");
    }
    for (struct dirent *entry = readdir(all); entry; entry = readdir(all)) {
      pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
      if (pid > 0 && !bench_is_among(&family, pid) && bench_is_among(&family, bench_parent(entry->d_name)) &&
          family.count < BENCH_MAX_PROCESSES) {
        family.pids[family.count++] = pid;
      }
    }
    closedir(all);
  }
  return family;
}

/* A page that several processes share counts as a part in each, so that the sum is what they take together. */
static inline double bench_family_kib(void) {
  struct bench_processes family = bench_family();
  double kib = 0;
  for (size_t i = 0; i < family.count; i++) {
    kib += bench_memory_kib(family.pids[i], "Pss");
  }
  return kib;
}

struct bench_activity {
  int64_t cpu_ns;
  unsigned long wakes;
};

/* What all of these processes have done so far, but for the calling thread. */
static inline struct bench_activity bench_activity_of(const struct bench_processes *processes) {
  struct bench_activity sum = {0, 0};
  for (size_t i = 0; i < processes->count; i++) {
    char tasks[64];
    clockid_t clock;
    snprintf(tasks, sizeof tasks, "/proc/%d/task", (int)processes->pids[i]);
    sum.wakes += bench_wakes(tasks);
    if (clock_getcpuclockid(processes->pids[i], &clock) != 0) {
      bench_fail("a process of the pool has ended");
    }
    sum.cpu_ns += processes->pids[i] == getpid() ? bench_others_cpu_ns() : bench_cpu_clock(clock);
  }
  return sum;
}

#endif
