/* A loop that keeps a CPU busy, once per CPU: one after the other, on threads, in processes; and the load of each
   CPU meanwhile, drawn as a picture. */
#include "cpu_load.h"
#include "load_picture.h"

#include <millpond.h>

enum { PHASES = 3 };

static const double gap = 0.3; /* seconds between two phases, to be seen in the picture */

typedef struct Job {
  uint64_t n, rounds;
} Job;

/* Counting through a volatile step keeps the compiler from leaving the loops out. */
static int32_t busy_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  const Job *job = arg;
  const volatile uint64_t step = 1;
  uint64_t steps = 0;
  for (uint64_t round = 0; round < job->rounds; round++) {
    for (uint64_t i = 1; i < job->n; i++) {
      for (uint64_t j = 1; j < job->n; j += step) {
        steps++;
      }
    }
  }
  *(uint64_t *)result = steps;
  return 0;
}

/* Runs the loop once per CPU, on a pool or, without one, here; returns whether all counted right. */
static bool run(pool_t *pool, const Job *job, size_t cpus, Log *timer, const char *name, LoadPhase *phase) {
  Job jobs[MOST_CPUS];
  uint64_t steps[MOST_CPUS] = {0};
  const uint64_t expected = job->rounds * (job->n - 1) * (job->n - 1);
  bool right = true;
  for (size_t i = 0; i < cpus; i++) {
    jobs[i] = *job;
  }
  course_sleep(gap);
  phase->name = name;
  phase->begin = now() - timer->start;
  log_step(timer, name);
  if (pool != NULL) {
    check(pool_map(pool, busy_task, jobs, sizeof jobs[0], steps, sizeof steps[0], cpus), "pool_map");
  } else {
    for (size_t i = 0; i < cpus; i++) {
      busy_task(&jobs[i], &steps[i], NULL);
    }
  }
  phase->end = now() - timer->start;
  log_step(timer, "end");
  for (size_t i = 0; i < cpus; i++) {
    right = right && steps[i] == expected;
  }
  return right;
}

static void print_load(const Monitor *monitor, const LoadPhase *phase) {
  printf("%-20s", phase->name);
  for (size_t i = 0; i < monitor->cpus; i++) {
    const double all = monitor_mean(monitor, monitor->loads, i, phase->begin, phase->end);
    const double own = monitor_mean(monitor, monitor->own, i, phase->begin, phase->end);
    printf("  CPU %d: %3.0f %%, %3.0f %% by others", monitor->names[i], 100 * own, 100 * (all - own));
  }
  putchar('\n');
}

int main(int argc, char **argv) {
  CourseOption own[] = {{"--svg", "FILE", "cpu_load.svg"}};
  const uint32_t cpus = course_cpus() < MOST_CPUS ? course_cpus() : MOST_CPUS;
  Course course = course_begin_with(argc, argv, cpus, own, 1);
  const Job job = {course_size(&course, 600, 6000, 6000), course_size(&course, 1, 25, 100)};
  static Monitor monitor;
  LoadPhase phases[PHASES];
  pool_t *pools[PHASES] = {NULL, NULL, NULL};
  size_t count = 1;
  int status = EXIT_SUCCESS;
  for (int32_t mode = POOL_THREADS; mode <= POOL_PROCESSES; mode++) { /* before the monitor's thread, as one forks */
    if (course_runs(&course, mode)) pools[mode + 1] = make_pool(mode, course.workers);
  }
  monitor_process(&monitor, getpid());
  for (uint32_t i = 0; pools[2] != NULL && i < course.workers; i++) {
    monitor_process(&monitor, pool_worker_pid(pools[2], i));
  }

  Log timer = log_open(course.log_file);
  monitor_start(&monitor, course.size == 0 ? 0.02 : 0.1);
  log_start(&timer, "start");
  bool right = run(NULL, &job, cpus, &timer, "one after the other", &phases[0]);
  const double sequential = phases[0].end - phases[0].begin;
  for (int32_t mode = POOL_THREADS; mode <= POOL_PROCESSES; mode++) {
    if (pools[mode + 1] == NULL) continue;
    LoadPhase *phase = &phases[count++];
    right = run(pools[mode + 1], &job, cpus, &timer, mode_name(mode), phase) && right;
    course.mode = mode;
    status |= course_end_timed(&course, "cpu_load", sequential, phase->end - phase->begin, 1.0,
                               course_at_once(&course, cpus), right);
    check(pool_close_join(pools[mode + 1]), "pool_close_join");
  }
  course_sleep(gap);
  monitor_stop(&monitor);

  print_load(&monitor, &(LoadPhase){"before", 0, gap});
  for (size_t k = 0; k < count; k++) {
    print_load(&monitor, &phases[k]);
  }
  draw_load(own[0].value, &(LoadChart){monitor.times, monitor.loads, monitor.own, monitor.count, monitor.cpus,
                                       monitor.names, phases, count});
  printf("picture: %s\n", own[0].value);
  free(monitor.loads);
  free(monitor.own);
  log_close(&timer);
  return status;
}
