/* Ten tasks, each of which fails with probability 0.3: results and errors as they complete, first by asking the
   futures again and again whether they are done, then one after the other as they become ready. */
#include "course.h"

#include <millpond.h>

enum { TASKS = 10, BAD_LUCK = 13 };

typedef struct Job {
  uint64_t number, seed;
  double nap; /* seconds, so that they do not end in order */
} Job;

typedef struct Done {
  int64_t pid;
  uint64_t square;
} Done;

/* What the dice say: the same in the task and in the check. */
static bool is_unlucky(const Job *job) {
  const uint64_t state = (job->seed * TASKS + job->number) * 6364136223846793005u + 1442695040888963407u;
  return (state >> 33u) % 10 < 3;
}

static int32_t try_task(const void *arg, void *result, pool_task_t *task) {
  const Job *job = arg;
  course_sleep(job->nap);
  if (is_unlucky(job)) return pool_task_fail(task, BAD_LUCK, "Bad luck!");
  *(Done *)result = (Done){getpid(), job->number * job->number};
  return 0;
}

/* Prints how a task ended; returns whether that is what the dice said. */
static bool show(const Course *course, const Job *job, pool_future_t *future) {
  Done done;
  const int32_t status = pool_future_get(future, &done, sizeof done, -1);
  if (status != POOL_OK) {
    printf("%" PRIu64 " failed: %s\n", job->number, pool_future_message(future));
    return status == BAD_LUCK && is_unlucky(job);
  }
  printf("%" PRIu64 " squared is %" PRIu64 ", says process %" PRId64 "\n", job->number, done.square, done.pid);
  return !is_unlucky(job) && done.square == job->number * job->number &&
         (done.pid == getpid()) == (course->mode == POOL_THREADS);
}

static void submit(pool_t *pool, const Job *jobs, pool_future_t **futures) {
  for (size_t i = 0; i < TASKS; i++) {
    check(pool_apply_async(pool, try_task, &jobs[i], sizeof jobs[i], sizeof(Done), NULL, NULL, &futures[i]),
          "pool_apply_async");
  }
}

/* The main thread is free for other things between two rounds. */
static bool poll_done(const Course *course, pool_t *pool, const Job *jobs) {
  pool_future_t *futures[TASKS];
  size_t left = TASKS;
  bool right = true;
  submit(pool, jobs, futures);
  while (left > 0) {
    for (size_t i = 0; i < TASKS; i++) {
      if (futures[i] == NULL || pool_future_ready(futures[i]) != 1) continue;
      right = show(course, &jobs[i], futures[i]) && right;
      check(pool_future_release(futures[i]), "pool_future_release");
      futures[i] = NULL;
      left--;
    }
    course_sleep(0.005);
  }
  return right;
}

/* The same without asking: the next one that is ready, whichever it is. */
static bool show_as_completed(const Course *course, pool_t *pool, const Job *jobs) {
  pool_future_t *futures[TASKS];
  pool_as_completed_t *ready = NULL;
  size_t index = 0;
  bool right = true;
  submit(pool, jobs, futures);
  check(pool_as_completed(futures, TASKS, &ready), "pool_as_completed");
  while (pool_as_completed_next(ready, -1, &index) == 1) {
    right = show(course, &jobs[index], futures[index]) && right;
    check(pool_future_release(futures[index]), "pool_future_release");
  }
  check(pool_as_completed_release(ready), "pool_as_completed_release");
  return right;
}

int main(int argc, char **argv) {
  CourseOption own[] = {{"--seed", "N", "1"}};
  const Course course = course_begin_with(argc, argv, 4, own, 1);
  const uint64_t seed = strtoull(own[0].value, NULL, 10);
  const double nap = (double)course_size(&course, 5, 50, 500) / 1000.0;
  Job jobs[TASKS];
  for (uint64_t i = 0; i < TASKS; i++) {
    jobs[i] = (Job){i, seed, nap * (double)(1 + i * 7 % TASKS)};
  }
  Log timer = log_open(course.log_file);
  pool_t *pool = course_pool(&course);
  log_start(&timer, "polling, start");
  const bool polled = poll_done(&course, pool, jobs);
  log_step(&timer, "as completed, start");
  const bool completed = show_as_completed(&course, pool, jobs);
  log_stop(&timer, "end");
  check(pool_close_join(pool), "pool_close_join");
  log_close(&timer);
  return course_end(&course, polled && completed);
}
