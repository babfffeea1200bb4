/* Watches the load of the CPUs that this program may use, in a thread of its own, for cpu_load.c. */
#ifndef CPU_LOAD_H
#define CPU_LOAD_H

#include "course.h"

#include <pthread.h>

enum { MOST_CPUS = 256, MOST_SAMPLES = 2000 };

typedef struct Monitor {
  double start, pause;  /* seconds: since when, and between two samples */
  int names[MOST_CPUS]; /* the system's numbers of the CPUs */
  size_t cpus, count;   /* how many CPUs and samples */
  double times[MOST_SAMPLES];
  double *loads; /* of sample k and CPU i: [k * cpus + i], from 0 to 1 */
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
  read_ticks(monitor, before);
  while (!monitor_ended(monitor) && monitor->count < MOST_SAMPLES) {
    course_sleep(monitor->pause);
    read_ticks(monitor, after);
    for (size_t i = 0; i < monitor->cpus; i++) {
      const double all = after[i].all - before[i].all;
      monitor->loads[monitor->count * monitor->cpus + i] = all > 0 ? (after[i].busy - before[i].busy) / all : 0;
      before[i] = after[i];
    }
    monitor->times[monitor->count++] = now() - monitor->start;
  }
  return NULL;
}

static inline void monitor_start(Monitor *monitor, double pause) {
  cpu_set_t set;
  *monitor = (Monitor){.start = now(), .pause = pause};
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  for (int cpu = 0; cpu < CPU_SETSIZE && monitor->cpus < MOST_CPUS; cpu++) {
    if (CPU_ISSET((size_t)cpu, &set)) monitor->names[monitor->cpus++] = cpu;
  }
  monitor->loads = calloc(MOST_SAMPLES * monitor->cpus, sizeof monitor->loads[0]);
  pthread_mutex_init(&monitor->lock, NULL);
  if (monitor->loads == NULL || pthread_create(&monitor->thread, NULL, monitor_run, monitor) != 0) {
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

/* The mean load of the i-th CPU between two times. */
static inline double monitor_mean(const Monitor *monitor, size_t i, double begin, double end) {
  double sum = 0;
  size_t counted = 0;
  for (size_t k = 0; k < monitor->count; k++) {
    if (monitor->times[k] - monitor->pause < begin || monitor->times[k] > end) continue;
    sum += monitor->loads[k * monitor->cpus + i];
    counted++;
  }
  return counted > 0 ? sum / (double)counted : 0;
}

#endif
