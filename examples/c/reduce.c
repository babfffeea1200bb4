/* pi as a sum: pool_reduce gives the same bits in every run, on any number of workers. */
#include "course.h"

#include <math.h>
#include <millpond.h>

#define PI 3.14159265358979323846

/* The area under 4 / (1 + x * x) from 0 to 1, in strips. The context is the number of strips. */
static int32_t add_strips(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  (void)task;
  const double width = 1.0 / (double)*(const uint64_t *)context;
  double sum = *(double *)result;
  for (size_t i = begin; i < end; i++) {
    const double x = ((double)i + 0.5) * width;
    sum += 4.0 / (1.0 + x * x) * width;
  }
  *(double *)result = sum;
  return 0;
}

static void add(void *into, const void *from, void *context) {
  (void)context;
  *(double *)into += *(const double *)from;
}

static double pi_on(pool_t *pool, uint64_t strips) {
  /* In processes the context lies in memory that the workers share. */
  uint64_t *shared = pool_shared_alloc(pool, sizeof *shared);
  const double zero = 0.0;
  double pi = 0.0;
  if (shared == NULL) {
    check(POOL_ERR_NO_MEMORY, "pool_shared_alloc");
    return pi;
  }
  *shared = strips;
  check(pool_reduce(pool, strips, add_strips, add, &zero, &pi, sizeof pi, shared), "pool_reduce");
  check(pool_shared_free(pool, shared), "pool_shared_free");
  return pi;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  uint64_t strips = course_size(&course, 100000, 200000000, 2000000000);
  Log timer = log_open(course.log_file);

  log_start(&timer, "sequential, start");
  double alone = 0.0;
  check(add_strips(0, strips, &alone, &strips, NULL), "add_strips");
  const double sequential = log_stop(&timer, "sequential, end");

  pool_t *pool = course_pool(&course);
  log_start(&timer, "reduce, start");
  const double together = pi_on(pool, strips);
  const double parallel = log_stop(&timer, "reduce, end");
  check(pool_close_join(pool), "pool_close_join");

  pool_t *one = make_pool(course.mode, 1);
  const double on_one = pi_on(one, strips);
  check(pool_close_join(one), "pool_close_join");

  printf("pi is %.15f, on one worker %.15f, in one loop %.15f\n", together, on_one, alone);
  const bool same = memcmp(&together, &on_one, sizeof on_one) == 0;
  const bool right = same && fabs(together - PI) < 1e-9 && fabs(alone - PI) < 1e-9;
  log_close(&timer);
  return course_end_timed(&course, "reduce", sequential, parallel, 1.0, course_at_once(&course, 512), right);
}
