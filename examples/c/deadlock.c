/* Two locks taken in opposite order by two: each has what the other waits for. It is detected; then it is cured. */
#include "course.h"

#include <millpond.h>

typedef struct Job {
  const char *name;
  pool_lock_t *first, *second; /* in the order in which they are taken */
  pool_barrier_t *both;        /* NULL: nobody waits for the other between the two locks */
} Job;

/* Returns how taking the second lock went. */
static int32_t take_both(const void *arg, void *result, pool_task_t *task) {
  const Job *job = arg;
  int32_t *status = result;
  if (pool_lock_acquire(job->first, -1) != POOL_OK) return pool_task_fail(task, 1, pool_last_error());
  if (job->both != NULL) pool_barrier_wait(job->both, NULL, -1); /* now the other one has a lock, too */
  *status = pool_lock_acquire(job->second, 10000);
  if (*status == POOL_OK) {
    printf("%s has both locks\n", job->name);
    pool_lock_release(job->second);
  } else {
    printf("%s gives up: %s\n", job->name, pool_last_error());
  }
  fflush(stdout);
  pool_lock_release(job->first);
  return 0;
}

/* Runs the two at once; returns how many got both locks. */
static int run(const Course *course, const Job *jobs) {
  pool_future_t *futures[2];
  int took = 0;
  for (size_t i = 0; i < 2; i++) {
    futures[i] = course_spawn(course, POOL_SPAWN_JOINABLE, take_both, &jobs[i], sizeof jobs[i], sizeof(int32_t));
  }
  for (size_t i = 0; i < 2; i++) {
    int32_t status = POOL_OK;
    course_join(futures[i], &status, sizeof status);
    took += status == POOL_OK;
  }
  return took;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 2);
  pool_lock_t *pen = NULL;
  pool_lock_t *paper = NULL;
  pool_barrier_t *both = NULL;
  Log timer = log_open(course.log_file);
  check(pool_lock_create(NULL, &pen), "pool_lock_create");
  check(pool_lock_create(NULL, &paper), "pool_lock_create");
  check(pool_barrier_create(NULL, 2, &both), "pool_barrier_create");

  log_start(&timer, "in opposite order");
  const Job opposite[] = {{"alice", pen, paper, both}, {"bob", paper, pen, both}};
  const int stuck = run(&course, opposite);
  log_step(&timer, "in the same order");
  const Job ordered[] = {{"alice", pen, paper, NULL}, {"bob", pen, paper, NULL}};
  const int cured = run(&course, ordered);
  log_stop(&timer, "end");

  check(pool_barrier_free(both), "pool_barrier_free");
  check(pool_lock_free(paper), "pool_lock_free");
  check(pool_lock_free(pen), "pool_lock_free");
  log_close(&timer);
  return course_end(&course, stuck < 2 && cured == 2);
}
