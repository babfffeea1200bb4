/* A doubly nested loop that only keeps a CPU busy, three times: one after the other, as threads, as processes. */
#include "course.h"

#include <millpond.h>

enum { TASKS = 3 };

typedef struct Done {
  double seconds;
  uint64_t steps; /* how often the inner loop went round */
} Done;

/* Counting through a volatile step keeps the compiler from leaving the loops out. */
static int32_t busy_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  const uint64_t n = *(const uint64_t *)arg;
  const volatile uint64_t step = 1;
  Done *done = result;
  const double start = now();
  uint64_t steps = 0;
  for (uint64_t i = 1; i < n; i++) {
    for (uint64_t j = 1; j < n; j += step) {
      steps++;
    }
  }
  done->seconds = now() - start;
  done->steps = steps;
  return 0;
}

/* The seconds that each task took come back in its result: from a process there is no other way. */
static int three_at_once(const Course *course, Log *timer, uint64_t n, const Done *alone, double sequential) {
  const uint64_t numbers[TASKS] = {n, n, n};
  Done at_once[TASKS];
  pool_t *pool = course_pool(course);
  log_start(timer, course->mode == POOL_THREADS ? "three as threads, start" : "three as processes, start");
  check(pool_map(pool, busy_task, numbers, sizeof numbers[0], at_once, sizeof at_once[0], TASKS), "pool_map");
  const double parallel = log_stop(timer, "three at once, end");
  check(pool_close_join(pool), "pool_close_join");

  bool right = true;
  for (size_t i = 0; i < TASKS; i++) {
    printf("task %zu: %.4f s, alone %.4f s\n", i, at_once[i].seconds, alone[i].seconds);
    right = right && at_once[i].steps == (n - 1) * (n - 1) && alone[i].steps == at_once[i].steps;
  }
  return course_end_timed(course, "busy_wait", sequential, parallel, 1.0, course_at_once(course, TASKS), right);
}

int main(int argc, char **argv) {
  Course course = course_begin(argc, argv, TASKS);
  const uint64_t n = course_size(&course, 1000, 10000, 10000);
  Done alone[TASKS];
  Log timer = log_open(course.log_file);

  pool_t *pool = make_pool(course.mode, 1);
  log_start(&timer, "one after the other, start");
  for (size_t i = 0; i < TASKS; i++) {
    check(pool_apply(pool, busy_task, &n, sizeof n, &alone[i], sizeof alone[i]), "pool_apply");
    log_step(&timer, "one done");
  }
  const double sequential = log_stop(&timer, "one after the other, end");
  check(pool_close_join(pool), "pool_close_join");

  int status = EXIT_SUCCESS;
  for (int32_t mode = POOL_THREADS; mode <= POOL_PROCESSES; mode++) {
    if (course_runs(&course, mode)) {
      course.mode = mode;
      status |= three_at_once(&course, &timer, n, alone, sequential);
    }
  }
  log_close(&timer);
  return status;
}
