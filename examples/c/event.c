/* One waits for an event, another sets it after three seconds. */
#include "course.h"

#include <millpond.h>

typedef struct Job {
  pool_event_t *event; /* the handle is all that there is to hand on, also to processes */
  double seconds;
} Job;

/* Returns how long it has waited. */
static int32_t wait_for_it(const void *arg, void *result, pool_task_t *task) {
  const Job *job = arg;
  const double start = now();
  while (pool_event_wait(job->event, 200) == POOL_ERR_TIMEOUT) {
    printf("not yet\n");
    fflush(stdout);
  }
  if (pool_event_is_set(job->event) != 1) return pool_task_fail(task, 1, pool_last_error());
  *(double *)result = now() - start;
  return 0;
}

static int32_t set_it(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  const Job *job = arg;
  course_sleep(job->seconds);
  if (pool_event_set(job->event) != POOL_OK) return pool_task_fail(task, 1, pool_last_error());
  return 0;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 2);
  Job job = {NULL, (double)course_size(&course, 50, 500, 3000) / 1000.0};
  double waited = 0;
  Log timer = log_open(course.log_file);
  check(pool_event_create(NULL, &job.event), "pool_event_create");
  log_start(&timer, "start");
  pool_future_t *waiter = course_spawn(&course, POOL_SPAWN_JOINABLE, wait_for_it, &job, sizeof job, sizeof waited);
  const double start = now();
  pool_future_t *setter = course_spawn(&course, POOL_SPAWN_JOINABLE, set_it, &job, sizeof job, 0);
  course_join(setter, NULL, 0);
  log_step(&timer, "the event is set");
  course_join(waiter, &waited, sizeof waited);
  const double took = now() - start;
  log_stop(&timer, "nobody waits any more");
  check(pool_event_free(job.event), "pool_event_free");
  printf("waited for %.4f s\n", waited);
  log_close(&timer);
  return course_end(&course, took >= job.seconds && waited > 0);
}
