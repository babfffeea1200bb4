/* A long task counts up in the background, the main thread reads how far it is, and then cancels it. */
#include "course.h"

#include <millpond.h>

enum { ASKED_TO_STOP = 1 };

static int32_t count_up(const void *arg, void *result, pool_task_t *task) {
  const uint64_t total = *(const uint64_t *)arg;
  (void)result;
  for (uint64_t i = 1; i <= total; i++) {
    if (pool_task_cancelled(task) != 0) return pool_task_fail(task, ASKED_TO_STOP, "asked to stop");
    course_sleep(0.001);
    pool_task_progress(task, i, total);
  }
  return 0;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 1);
  const uint64_t total = 1000000; /* a quarter of an hour, if nobody stops it */
  const double pause = (double)course_size(&course, 20, 300, 1000) / 1000.0;
  uint64_t done = 0;
  uint64_t before = 0;
  uint64_t all = 0;
  bool rising = true;
  pool_future_t *future = NULL;
  Log timer = log_open(course.log_file);
  log_start(&timer, "start");
  pool_t *pool = course_pool(&course);
  check(pool_apply_async(pool, count_up, &total, sizeof total, 0, NULL, NULL, &future), "pool_apply_async");
  for (int i = 0; i < 5; i++) {
    before = done;
    do { /* the main thread does something else, until there is news */
      course_sleep(pause);
      check(pool_future_progress(future, &done, &all), "pool_future_progress");
    } while (done == before);
    rising = rising && done > before && all == total;
    printf("%" PRIu64 " of %" PRIu64 "\n", done, all);
  }
  log_step(&timer, "it is asked to stop");
  pool_future_cancel(future);
  const int32_t status = pool_future_get(future, NULL, 0, -1);
  printf("it ended: %s\n", pool_future_message(future));
  check(pool_future_release(future), "pool_future_release");
  check(pool_close_join(pool), "pool_close_join");
  log_stop(&timer, "end");
  log_close(&timer);
  return course_end(&course, rising && status == ASKED_TO_STOP);
}
