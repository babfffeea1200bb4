/* Tasks that say when they wait: more of them overlap than there are workers, and the pool needs no more for it. */
#include "course.h"

#include <millpond.h>

enum { COUNT = 8 };

/* Asks a slow server (it only sleeps). What it waits for is no business of the pool's, so it says that it will wait:
 * meanwhile a spare worker runs the next task. */
static int32_t ask(const void *arg, void *result, pool_task_t *task) {
  const double start = now();
  const int32_t begun = pool_blocking_begin(task);
  course_sleep(*(const double *)arg);
  if (begun == POOL_OK) {
    pool_blocking_end(task);
  } else if (begun != POOL_ERR_UNSUPPORTED) { /* as in a worker process, which keeps its place */
    return pool_task_fail(task, 1, pool_last_error());
  }
  *(double *)result = now() - start;
  return 0;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 2);
  const double seconds = (double)course_size(&course, 30, 200, 1000) / 1000.0;
  const uint32_t at_once = course.mode == POOL_THREADS ? COUNT : course.workers < COUNT ? course.workers : COUNT;
  Log timer = log_open(course.log_file);
  pool_t *pool = course_pool(&course);
  pool_future_t *futures[COUNT];
  double sum = 0;
  bool right = true;

  log_start(&timer, "eight questions, start");
  for (int i = 0; i < COUNT; i++) {
    check(pool_apply_async(pool, ask, &seconds, sizeof seconds, sizeof(double), NULL, NULL, &futures[i]),
          "pool_apply_async");
  }
  for (int i = 0; i < COUNT; i++) {
    double took = 0;
    check(pool_future_get(futures[i], &took, sizeof took, -1), "pool_future_get");
    check(pool_future_release(futures[i]), "pool_future_release");
    right = right && took >= seconds;
    sum += took;
  }
  const double parallel = log_stop(&timer, "eight questions, end");
  check(pool_close_join(pool), "pool_close_join");
  printf("%d answers, each after %.4f s, all after %.4f s\n", COUNT, sum / COUNT, parallel);

  /* At least some must have overlapped: all took less than the sum of each. */
  right = right && (at_once < 2 || parallel < sum);
  log_close(&timer);
  return course_end_timed(&course, "blocking_section", sum, parallel, 1.0, at_once, right);
}
