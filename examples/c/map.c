/* One function over a hundred numbers on a pool of four workers; the results come back in order. */
#include "course.h"

#include <millpond.h>

enum { COUNT = 100 };

/* A task reads its argument, writes its result, and returns 0 for success. */
static int32_t sum_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(uint64_t *)result = sum_all_values(*(const uint64_t *)arg);
  return 0;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  const uint64_t first = course_size(&course, 10000, 20000000, 100000000);
  uint64_t numbers[COUNT];
  uint64_t alone[COUNT];
  uint64_t sums[COUNT];
  for (uint64_t i = 0; i < COUNT; i++) {
    numbers[i] = first + i;
  }
  Log timer = log_open(course.log_file);

  log_start(&timer, "sequential, start");
  for (size_t i = 0; i < COUNT; i++) {
    alone[i] = sum_all_values(numbers[i]);
  }
  const double sequential = log_stop(&timer, "sequential, end");

  log_start(&timer, "map, start");
  pool_t *pool = course_pool(&course);
  check(pool_map(pool, sum_task, numbers, sizeof numbers[0], sums, sizeof sums[0], COUNT), "pool_map");
  check(pool_close_join(pool), "pool_close_join");
  const double parallel = log_stop(&timer, "map, end");

  print_list(sums, COUNT);
  bool right = true;
  for (size_t i = 0; i < COUNT; i++) {
    right = right && sums[i] == sum_by_formula(numbers[i]) && sums[i] == alone[i];
  }
  log_close(&timer);
  return course_end_timed(&course, "map", sequential, parallel, 1.0, course_at_once(&course, COUNT), right);
}
