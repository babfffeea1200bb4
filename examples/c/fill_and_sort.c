/* A loop with pool_for fills an array, in threads or in processes; pool_sort puts it in order, on threads. */
#include "course.h"

#include <millpond.h>

static uint32_t mix(size_t i) {
  uint64_t x = ((uint64_t)i + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30u)) * 0xbf58476d1ce4e5b9u;
  return (uint32_t)(x >> 32u);
}

static int32_t fill(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)task;
  uint32_t *numbers = context;
  for (size_t i = begin; i < end; i++) {
    numbers[i] = mix(i);
  }
  return 0;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  const size_t count = course_size(&course, 20000, 5000000, 50000000);
  pool_t *pool = course_pool(&course);
  pool_t *threads = make_pool(POOL_THREADS, course.workers);
  /* Workers that are processes see this memory, too. */
  uint32_t *numbers = pool_shared_alloc(pool, count * sizeof numbers[0]);
  uint32_t *alone = malloc(count * sizeof alone[0]);
  if (numbers == NULL || alone == NULL) {
    check(POOL_ERR_NO_MEMORY, "memory for the numbers");
    return EXIT_FAILURE;
  }
  Log timer = log_open(course.log_file);

  log_start(&timer, "sequential, start");
  for (size_t i = 0; i < count; i++) {
    alone[i] = mix(i);
  }
  log_step(&timer, "filled");
  pool_t *one = make_pool(POOL_THREADS, 1);
  check(pool_sort(one, alone, count, POOL_SORT_U32), "pool_sort");
  const double sequential = log_stop(&timer, "sorted on one worker");
  check(pool_close_join(one), "pool_close_join");

  log_start(&timer, "pool, start");
  check(pool_for(pool, 0, count, fill, numbers), "pool_for");
  log_step(&timer, "filled with pool_for");
  check(pool_sort(threads, numbers, count, POOL_SORT_U32), "pool_sort");
  const double parallel = log_stop(&timer, "sorted with pool_sort");

  bool right = memcmp(numbers, alone, count * sizeof alone[0]) == 0;
  for (size_t i = 1; i < count; i++) {
    right = right && numbers[i - 1] <= numbers[i];
  }
  log_close(&timer);
  free(alone);
  check(pool_shared_free(pool, numbers), "pool_shared_free");
  check(pool_close_join(threads), "pool_close_join");
  check(pool_close_join(pool), "pool_close_join");
  return course_end_timed(&course, "fill_and_sort", sequential, parallel, 1.0, course_at_once(&course, 512), right);
}
