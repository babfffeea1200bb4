/* T3: a doubly nested loop that only keeps a CPU busy, three times: one after the other, then at once on threads. */
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

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, TASKS);
  const uint64_t n = course_size(&course, 1000, 10000, 10000);
  const uint64_t numbers[TASKS] = {n, n, n};
  Done alone[TASKS];
  Done at_once[TASKS];
  Log timer = log_open(course.log_file);
  pool_t *pool = check_made(pool_create(course.workers));

  log_start(&timer, "one after the other, start");
  for (size_t i = 0; i < TASKS; i++) {
    check(pool_apply(pool, busy_task, &n, sizeof n, &alone[i], sizeof alone[i]), "pool_apply");
    log_step(&timer, "one done");
  }
  const double sequential = log_stop(&timer, "one after the other, end");

  log_start(&timer, "three at once, start");
  check(pool_map(pool, busy_task, numbers, sizeof numbers[0], at_once, sizeof at_once[0], TASKS), "pool_map");
  const double parallel = log_stop(&timer, "three at once, end");
  check(pool_close_join(pool), "pool_close_join");

  bool right = true;
  for (size_t i = 0; i < TASKS; i++) {
    printf("task %zu: %.4f s, alone %.4f s\n", i, at_once[i].seconds, alone[i].seconds);
    right = right && at_once[i].steps == (n - 1) * (n - 1) && alone[i].steps == at_once[i].steps;
  }
  log_close(&timer);
  return course_end_timed(&course, "busy_wait", sequential, parallel, 1.0, course_at_once(&course, TASKS), right);
}
