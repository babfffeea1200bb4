/* Watches the load of the CPUs that this program may use, in a thread of its own, for cpu_load.c. */
#ifndef CPU_LOAD_H
#define CPU_LOAD_H

#include "course.h"

#include <dirent.h>
#include <pthread.h>

enum { MOST_CPUS = 256, MOST_SAMPLES = 2000, MOST_PROCESSES = 512, MOST_THREADS = 1024 };

typedef struct ThreadTicks {
  long id;
  double ticks; /* that it has used so far */
} ThreadTicks;

typedef struct Monitor {
  double start, pause;  /* seconds: since when, and between two samples */
  int names[MOST_CPUS]; /* the system's numbers of the CPUs */
  size_t cpus, count;   /* how many CPUs and samples */
  double times[MOST_SAMPLES];
  double *loads;                 /* of sample k and CPU i: [k * cpus + i], from 0 to 1 */
  double *own;                   /* the same, of this program's processes alone */
  int processes[MOST_PROCESSES]; /* this program's */
  size_t process_count, thread_count;
  ThreadTicks threads[MOST_THREADS]; /* those of its threads that have been seen */
  pthread_t thread;
  pthread_mutex_t lock; /* for `ended` */
  bool ended;
} Monitor;

typedef struct CpuTicks {
  double busy, all; /* since the system was started */
} CpuTicks;

/* A line of /proc/stat: cpu0, then the ticks as user, nice, system, idle, waiting for a disk, and more. */
static inline void read_ticks(const Monitor *monitor, CpuTicks *ticks) {
  char line[512];
  FILE *stat = fopen("/proc/stat", "r");
  if (stat == NULL) {
    perror("/proc/stat");
    exit(EXIT_FAILURE);
  }
  while (fgets(line, sizeof line, stat) != NULL) {
    int cpu = 0;
    double part[8] = {0};
    if (sscanf(line, "cpu%d %lf %lf %lf %lf %lf %lf %lf %lf", &cpu, &part[0], &part[1], &part[2], &part[3], &part[4],
               &part[5], &part[6], &part[7]) < 5) {
      continue;
    }
    for (size_t i = 0; i < monitor->cpus; i++) {
      if (monitor->names[i] != cpu) continue;
      const double idle = part[3] + part[4];
      const double busy = part[0] + part[1] + part[2] + part[5] + part[6] + part[7];
      ticks[i] = (CpuTicks){busy, busy + idle};
    }
  }
  fclose(stat);
}

/* What the thread has used since the last sample, added to the CPU that it ran on last. */
static inline void read_thread(Monitor *monitor, int process, long id, double *own) {
  char line[1024];
  char *rest = NULL;
  double used = 0;
  int cpu = -1;
  snprintf(line, sizeof line, "/proc/%d/task/%ld/stat", process, id);
  FILE *stat = fopen(line, "r");
  if (stat == NULL) return; /* it has ended */
  char *end = fgets(line, sizeof line, stat) != NULL ? strrchr(line, ')') : NULL;
  fclose(stat);
  if (end == NULL) return;
  const char *word = strtok_r(end + 1, " ", &rest); /* the third field, behind the number and the name in parentheses */
  for (int field = 3; word != NULL; field++) {
    if (field == 14 || field == 15) used += strtod(word, NULL); /* by itself, and by the system for it */
    if (field == 39) cpu = (int)strtol(word, NULL, 10);
    word = strtok_r(NULL, " ", &rest);
  }
  size_t k = 0;
  while (k < monitor->thread_count && monitor->threads[k].id != id) {
    k++;
  }
  if (k == MOST_THREADS) return;
  if (k == monitor->thread_count) monitor->threads[monitor->thread_count++] = (ThreadTicks){id, 0};
  for (size_t i = 0; i < monitor->cpus; i++) {
    if (monitor->names[i] == cpu) own[i] += used - monitor->threads[k].ticks;
  }
  monitor->threads[k].ticks = used;
}

static inline void read_own(Monitor *monitor, double *own) {
  memset(own, 0, monitor->cpus * sizeof own[0]);
  for (size_t i = 0; i < monitor->process_count; i++) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/task", monitor->processes[i]);
    DIR *folder = opendir(name);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
      const long id = strtol(entry->d_name, NULL, 10);
      if (id > 0) read_thread(monitor, monitor->processes[i], id, own);
    }
    if (folder != NULL) closedir(folder);
  }
}

/* To be called before the monitor is started. */
static inline void monitor_process(Monitor *monitor, int process) {
  if (monitor->process_count < MOST_PROCESSES) monitor->processes[monitor->process_count++] = process;
}

static inline bool monitor_ended(Monitor *monitor) {
  pthread_mutex_lock(&monitor->lock);
  const bool ended = monitor->ended;
  pthread_mutex_unlock(&monitor->lock);
  return ended;
}

static inline void *monitor_run(void *arg) {
  Monitor *monitor = arg;
  CpuTicks before[MOST_CPUS] = {{0, 0}};
  CpuTicks after[MOST_CPUS] = {{0, 0}};
  double own[MOST_CPUS];
  read_ticks(monitor, before);
  read_own(monitor, own);
  while (!monitor_ended(monitor) && monitor->count < MOST_SAMPLES) {
    course_sleep(monitor->pause);
    read_ticks(monitor, after);
    read_own(monitor, own);
    for (size_t i = 0; i < monitor->cpus; i++) {
      const double all = after[i].all - before[i].all;
      const double load = all > 0 ? (after[i].busy - before[i].busy) / all : 0;
      const double share = all > 0 ? own[i] / all : 0;
      monitor->loads[monitor->count * monitor->cpus + i] = load;
      monitor->own[monitor->count * monitor->cpus + i] = share < load ? share : load; /* both are rounded */
      before[i] = after[i];
    }
    monitor->times[monitor->count++] = now() - monitor->start;
  }
  return NULL;
}

static inline void monitor_start(Monitor *monitor, double pause) {
  cpu_set_t set;
  monitor->start = now();
  monitor->pause = pause;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  for (int cpu = 0; cpu < CPU_SETSIZE && monitor->cpus < MOST_CPUS; cpu++) {
    if (CPU_ISSET((size_t)cpu, &set)) monitor->names[monitor->cpus++] = cpu;
  }
  monitor->loads = calloc(MOST_SAMPLES * monitor->cpus, sizeof monitor->loads[0]);
  monitor->own = calloc(MOST_SAMPLES * monitor->cpus, sizeof monitor->own[0]);
  pthread_mutex_init(&monitor->lock, NULL);
  if (monitor->loads == NULL || monitor->own == NULL ||
      pthread_create(&monitor->thread, NULL, monitor_run, monitor) != 0) {
    perror("monitor");
    exit(EXIT_FAILURE);
  }
}

static inline void monitor_stop(Monitor *monitor) {
  pthread_mutex_lock(&monitor->lock);
  monitor->ended = true;
  pthread_mutex_unlock(&monitor->lock);
  pthread_join(monitor->thread, NULL);
}

/* The mean load of the i-th CPU between two times, by all or by this program. */
static inline double monitor_mean(const Monitor *monitor, const double *loads, size_t i, double begin, double end) {
  double sum = 0;
  size_t counted = 0;
  for (size_t k = 0; k < monitor->count; k++) {
    if (monitor->times[k] - monitor->pause < begin || monitor->times[k] > end) continue;
    sum += loads[k * monitor->cpus + i];
    counted++;
  }
  return counted > 0 ? sum / (double)counted : 0;
}

#endif
