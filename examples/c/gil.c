/* Five waits overlap on threads in any language; five computations only where no interpreter lock is in the way. */
#include "course.h"

#include <millpond.h>

enum { TASKS = 5 };

/* Waits for the seconds that it is given: no CPU is needed for that. */
static int32_t wait_task(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  course_sleep(*(const double *)arg);
  return 0;
}

static int32_t compute_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(uint64_t *)result = sum_all_values(*(const uint64_t *)arg);
  return 0;
}

/* How many additions take about so many seconds here. */
static uint64_t additions_in(double seconds) {
  const uint64_t sample = 20000000;
  const double start = now();
  const uint64_t sum = sum_all_values(sample);
  const double took = now() - start;
  return sum == sum_by_formula(sample) ? (uint64_t)((double)sample * seconds / took) : sample;
}

static int waiting(const Course *course, Log *timer, pool_t *pool, double seconds) {
  double waits[TASKS];
  log_start(timer, "five waits one after the other, start");
  for (size_t i = 0; i < TASKS; i++) {
    waits[i] = seconds;
    course_sleep(seconds);
  }
  const double sequential = log_stop(timer, "five waits one after the other, end");
  log_start(timer, "five waits at once, start");
  check(pool_map(pool, wait_task, waits, sizeof waits[0], NULL, 0, TASKS), "pool_map");
  const double parallel = log_stop(timer, "five waits at once, end");
  const uint32_t at_once = course->workers < TASKS ? course->workers : TASKS;
  const uint32_t rounds = (TASKS + at_once - 1) / at_once;
  return course_end_timed(course, "gil_wait", sequential, parallel, 1.0, at_once, parallel >= rounds * seconds);
}

static int computing(const Course *course, Log *timer, pool_t *pool, double seconds) {
  uint64_t numbers[TASKS];
  uint64_t alone[TASKS];
  uint64_t sums[TASKS];
  const uint64_t number = additions_in(seconds);
  log_start(timer, "five computations one after the other, start");
  for (size_t i = 0; i < TASKS; i++) {
    numbers[i] = number + i;
    alone[i] = sum_all_values(numbers[i]);
  }
  const double sequential = log_stop(timer, "five computations one after the other, end");
  log_start(timer, "five computations at once, start");
  check(pool_map(pool, compute_task, numbers, sizeof numbers[0], sums, sizeof sums[0], TASKS), "pool_map");
  const double parallel = log_stop(timer, "five computations at once, end");
  bool right = true;
  for (size_t i = 0; i < TASKS; i++) {
    right = right && sums[i] == alone[i] && sums[i] == sum_by_formula(numbers[i]);
  }
  return course_end_timed(course, "gil_compute", sequential, parallel, 1.0, course_at_once(course, TASKS), right);
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, TASKS);
  const double seconds = (double)course_size(&course, 20, 300, 1000) / 1000.0;
  Log timer = log_open(course.log_file);
  pool_t *pool = course_pool(&course);
  const int waited = waiting(&course, &timer, pool, seconds);
  const int computed = computing(&course, &timer, pool, seconds);
  check(pool_close_join(pool), "pool_close_join");
  log_close(&timer);
  return waited | computed;
}
