/* Tasks that sleep overlap, on any number of CPUs: a sleeping worker needs none. */
#include "course.h"

#include <millpond.h>

enum { MOST = 4 };

/* Sleeps the seconds that it is given and returns those that it took. */
static int32_t sleep_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  const double start = now();
  course_sleep(*(const double *)arg);
  *(double *)result = now() - start;
  return 0;
}

/* Hands over `count` sleeps and waits for all; returns what they took together, 0 if one was shorter than asked for. */
static double sleep_at_once(pool_t *pool, double seconds, size_t count) {
  pool_future_t *futures[MOST];
  double sum = 0;
  bool slept = true;
  for (size_t i = 0; i < count; i++) {
    check(pool_apply_async(pool, sleep_task, &seconds, sizeof seconds, sizeof seconds, NULL, NULL, &futures[i]),
          "pool_apply_async");
  }
  for (size_t i = 0; i < count; i++) {
    double took = 0;
    check(pool_future_get(futures[i], &took, sizeof took, -1), "pool_future_get");
    check(pool_future_release(futures[i]), "pool_future_release");
    printf("task %zu slept %.4f s\n", i, took);
    slept = slept && took >= seconds;
    sum += took;
  }
  return slept ? sum : 0;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, MOST);
  const double seconds = (double)course_size(&course, 50, 500, 5000) / 1000.0;
  Log timer = log_open(course.log_file);
  pool_t *pool = course_pool(&course);

  log_start(&timer, "four at once, start");
  bool right = sleep_at_once(pool, seconds, MOST) > 0;
  log_stop(&timer, "four at once, end");

  log_start(&timer, "three one after the other, start");
  for (int i = 0; i < 3; i++) {
    course_sleep(seconds);
  }
  const double sequential = log_stop(&timer, "three one after the other, end");

  log_start(&timer, "three at once, start");
  const double sum = sleep_at_once(pool, seconds, 3);
  const double parallel = log_stop(&timer, "three at once, end");
  check(pool_close_join(pool), "pool_close_join");

  /* With more than one worker, they must have overlapped: all took less than the sum of each. */
  right = right && sum > 0 && (course.workers < 2 || parallel < sum);
  log_close(&timer);
  return course_end_timed(&course, "blocking_sleep", sequential, parallel, 1.0, course.workers < 3 ? course.workers : 3,
                          right);
}
