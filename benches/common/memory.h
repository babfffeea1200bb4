/* The rows mem, mem-idle and mem-so: what a queued task, an idle pool and the library itself take; and the rows Q, which
   fill a queue and empty it. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "latch.h"

/* A line of /proc/PID/smaps_rollup, such as Pss, in KiB. */
static inline double bench_memory_kib(pid_t pid, const char *what) {
  char path[64];
  char line[256];
  double kib = -1;
  size_t length = strlen(what);
  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
  FILE *rollup = fopen(path, "r");
  while (rollup && kib < 0 && fgets(line, sizeof line, rollup)) {
    if (strncmp(line, what, length) == 0 && line[length] == ':') {
      kib = strtod(line + length + 1, NULL);
    }
  }
  if (rollup) {
    fclose(rollup);
  }
  if (kib < 0) {
    bench_fail("smaps_rollup cannot be read");
  }
  return kib;
}

static inline double bench_own_kib(void) {
  return bench_memory_kib(getpid(), "Pss");
}

/* All that a process has in memory, and what of it is not a file's, such as the code of libraries. */
struct bench_resident {
  double kib;
  double anonymous_kib;
};

static inline struct bench_resident bench_resident_now(void) {
  struct bench_resident now = {bench_own_kib(), bench_memory_kib(getpid(), "Anonymous")};
  return now;
}

/* Keeps workers busy without work: tasks enter it and stay until it opens. */
struct bench_gate {
  uint32_t inside;
  uint32_t open;
};

static inline void bench_gate_enter(struct bench_gate *gate) {
  __atomic_fetch_add(&gate->inside, 1u, __ATOMIC_ACQ_REL);
  while (!__atomic_load_n(&gate->open, __ATOMIC_ACQUIRE)) {
    bench_futex_wait(&gate->open, 0);
  }
  __atomic_fetch_sub(&gate->inside, 1u, __ATOMIC_ACQ_REL);
}

static inline void bench_gate_await(const struct bench_gate *gate, uint32_t count) {
  while (__atomic_load_n(&gate->inside, __ATOMIC_ACQUIRE) < count) {
    bench_sleep_us(100);
  }
}

/* Whoever is still inside would look at a gate that is no more. */
static inline void bench_gate_await_empty(const struct bench_gate *gate) {
  while (__atomic_load_n(&gate->inside, __ATOMIC_ACQUIRE) != 0) {
    bench_sleep_us(100);
  }
}

static inline void bench_gate_open(struct bench_gate *gate) {
  __atomic_store_n(&gate->open, 1u, __ATOMIC_RELEASE);
  bench_futex_wake_all(&gate->open);
}

/* How a program fills a queue: enter submits a task that enters the gate, fill submits that many small ones, and drain
   returns when they have run. holders is how many threads other than the submitter must be kept from running them. */
struct bench_queue {
  void (*enter)(void *data, struct bench_gate *gate);
  void (*fill)(void *data, size_t tasks);
  void (*drain)(void *data);
  void *data;
  unsigned holders;
};

struct bench_filled {
  double bytes;
  double in_ns;
  double out_ns;
};

/* All per task. */
static inline struct bench_filled bench_fill(const struct bench_queue *queue, size_t tasks) {
  struct bench_gate gate = {0, 0};
  struct bench_filled filled;
  for (unsigned i = 0; i < queue->holders; i++) {
    queue->enter(queue->data, &gate);
  }
  bench_gate_await(&gate, queue->holders);
  double kib = bench_own_kib();
  uint64_t start = bench_now();
  queue->fill(queue->data, tasks);
  filled.in_ns = (double)(bench_now() - start) / (double)tasks;
  filled.bytes = (bench_own_kib() - kib) * 1024 / (double)tasks;
  start = bench_now();
  bench_gate_open(&gate);
  queue->drain(queue->data);
  filled.out_ns = (double)(bench_now() - start) / (double)tasks;
  bench_gate_await_empty(&gate);
  return filled;
}

static inline void bench_print_task_memory(const struct bench *b, const struct bench_queue *queue) {
  double bytes = bench_fill(queue, bench_w1_tasks(b)).bytes;
  bench_print("mem", bytes > 0 ? bytes : 0, "B", NULL);
}

static inline void bench_print_queue(const struct bench *b, const struct bench_queue *queue) {
  struct bench_filled filled = bench_fill(queue, bench_w1_tasks(b));
  bench_print("Q", filled.in_ns, "ns", NULL);
  bench_print("Q-out", filled.out_ns, "ns", NULL);
  bench_print("Q-bytes", filled.bytes > 0 ? filled.bytes : 0, "B", NULL);
}

/* mem-idle always has this many workers, as the row says, whatever --workers is. */
enum { BENCH_IDLE_WORKERS = 4, BENCH_IDLE_TASKS = 1000 };

/* Called with what there was before the pool. */
static inline void bench_print_idle_memory(const struct bench *b, struct bench_resident before) {
  bench_sleep_us((long)bench_pick(b, 10, 200, 200, 200) * 1000);
  struct bench_resident now = bench_resident_now();
  double kib = now.kib - before.kib;
  double anonymous_kib = now.anonymous_kib - before.anonymous_kib;
  bench_print("mem-idle", kib > 0 ? kib : 0, "KiB", NULL);
  bench_print("mem-idle-own", anonymous_kib > 0 ? anonymous_kib : 0, "KiB", NULL);
}

/* The library is the one that the address lies in. */
static inline void bench_print_library(const void *address) {
  Dl_info library;
  char stripped[] = P_tmpdir "/bench-strip-XXXXXX";
  struct stat file = {};
  int status = 1;
  int descriptor = mkstemp(stripped);
  if (!dladdr(address, &library)) {
    bench_fail("dladdr knows no such address");
  }
  pid_t child = fork();
  if (child == 0) {
    execlp("strip", "strip", "-o", stripped, library.dli_fname, (char *)NULL);
    _exit(127);
  }
  waitpid(child, &status, 0);
  int failed = descriptor < 0 || status != 0 || stat(stripped, &file) != 0;
  close(descriptor);
  unlink(stripped);
  if (failed) {
    bench_fail("strip failed");
  }
  bench_print("mem-so", (double)file.st_size / 1024, "KiB", NULL);
}

#endif
