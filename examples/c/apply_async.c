/* Ten small jobs are handed over, the main thread does something else, then each result is fetched. */
#include "course.h"

#include <millpond.h>

enum { COUNT = 10 };

static int32_t sum_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(uint64_t *)result = sum_all_values(*(const uint64_t *)arg);
  return 0;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  const uint64_t first = 10000; /* the course's size: it takes no time in any of the sizes */
  pool_future_t *futures[COUNT];
  uint64_t alone[COUNT];
  uint64_t sums[COUNT];
  Log timer = log_open(course.log_file);

  log_start(&timer, "sequential, start");
  for (uint64_t i = 0; i < COUNT; i++) {
    alone[i] = sum_all_values(first + i);
  }
  const double sequential = log_stop(&timer, "sequential, end");

  log_start(&timer, "apply_async, start");
  pool_t *pool = course_pool(&course);
  for (uint64_t i = 0; i < COUNT; i++) {
    const uint64_t number = first + i; /* copied by the call, so it may be a local variable */
    check(pool_apply_async(pool, sum_task, &number, sizeof number, sizeof sums[0], NULL, NULL, &futures[i]),
          "pool_apply_async");
  }
  log_step(&timer, "all handed over, the main thread does something else");
  for (size_t i = 0; i < COUNT; i++) {
    check(pool_future_get(futures[i], &sums[i], sizeof sums[i], -1), "pool_future_get");
    check(pool_future_release(futures[i]), "pool_future_release");
  }
  check(pool_close_join(pool), "pool_close_join");
  const double parallel = log_stop(&timer, "apply_async, end");

  print_list(sums, COUNT);
  bool right = true;
  for (uint64_t i = 0; i < COUNT; i++) {
    right = right && sums[i] == sum_by_formula(first + i) && sums[i] == alone[i];
  }
  log_close(&timer);
  printf("jobs of a few microseconds: what is timed here is the start of the pool\n");
  return course_end_timed(&course, "apply_async", sequential, parallel, 1.0, course_at_once(&course, COUNT), right);
}
