/* Jobs are added while others run, at any time before pool_close; after it, adding one is an error. */
#include "course.h"

#include <millpond.h>

enum { COUNT = 4 };

static uint64_t total; /* no lock: callbacks never overlap */
static size_t ended;

static int32_t sum_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(uint64_t *)result = sum_all_values(*(const uint64_t *)arg);
  return 0;
}

static void add(const pool_result_t *outcome, void *user_data) {
  (void)user_data;
  if (outcome->status == POOL_OK) {
    total += *(const uint64_t *)outcome->data;
    ended++;
  } else {
    fprintf(stderr, "a task failed: %s\n", outcome->message);
  }
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  const uint64_t first = course_size(&course, 10000, 100000000, 100000000);
  const double pause = (double)course_size(&course, 10, 300, 1000) / 1000.0;
  uint64_t expected = 0;
  uint64_t alone = 0;
  double waited = 0;
  Log timer = log_open(course.log_file);

  log_start(&timer, "sequential, start");
  for (uint64_t i = 0; i < COUNT; i++) {
    alone += sum_all_values(first + i);
    expected += sum_by_formula(first + i);
    const double before = now();
    course_sleep(i + 1 < COUNT ? pause : 0);
    waited += now() - before;
  }
  const double sequential = log_stop(&timer, "sequential, end");

  log_start(&timer, "pool, start");
  pool_t *pool = course_pool(&course);
  for (uint64_t i = 0; i < COUNT; i++) {
    const uint64_t number = first + i;
    check(pool_apply_async(pool, sum_task, &number, sizeof number, sizeof number, add, NULL, NULL), "pool_apply_async");
    log_step(&timer, "a job was added");
    course_sleep(i + 1 < COUNT ? pause : 0);
  }
  check(pool_close(pool), "pool_close");
  const int32_t late = pool_apply_async(pool, sum_task, &first, sizeof first, sizeof first, add, NULL, NULL);
  printf("one more after close: %s\n", late == POOL_OK ? "taken" : pool_last_error());
  check(pool_join(pool, -1), "pool_join");
  const double parallel = log_stop(&timer, "pool, joined");
  check(pool_close_join(pool), "pool_close_join");

  const bool right = ended == COUNT && total == expected && alone == expected && late == POOL_ERR_CLOSED;
  printf("%zu jobs, total %" PRIu64 "\n", ended, total);
  log_close(&timer);
  printf("the pauses are the serial part; the jobs run during them, which the law does not know\n");
  const double p = (sequential - waited) / sequential;
  return course_end_timed(&course, "add_over_time", sequential, parallel, p, course_at_once(&course, COUNT), right);
}
