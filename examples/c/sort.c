/* Generate random integers and sort them: alone, then four at once as threads, then four at once as processes. */
#include "course.h"

#include <millpond.h>

enum { TASKS = 4 };

typedef struct Job {
  uint64_t count, seed;
} Job;

typedef struct Done {
  double generate, sort; /* seconds */
  uint64_t digest;       /* of the sorted numbers; 0 when they are not sorted */
} Done;

static int by_value(const void *a, const void *b) {
  const int32_t x = *(const int32_t *)a;
  const int32_t y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

static int32_t sort_task(const void *arg, void *result, pool_task_t *task) {
  const Job *job = arg;
  Done *done = result;
  int32_t *numbers = malloc(job->count * sizeof numbers[0]);
  if (numbers == NULL) {
    return pool_task_fail(task, 1, "out of memory for the numbers");
  }
  const double start = now();
  uint64_t state = job->seed; /* rand() has one state for all threads: they would wait for each other */
  uint64_t before = 0;
  for (uint64_t i = 0; i < job->count; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    numbers[i] = (int32_t)((state >> 33u) % 100000) + 1;
    before += (uint64_t)numbers[i];
  }
  const double generated = now();
  qsort(numbers, job->count, sizeof numbers[0], by_value);
  done->sort = now() - generated;
  done->generate = generated - start;
  uint64_t digest = 14695981039346656037u;
  uint64_t after = 0;
  bool sorted = true;
  for (uint64_t i = 0; i < job->count; i++) {
    sorted = sorted && (i == 0 || numbers[i - 1] <= numbers[i]);
    after += (uint64_t)numbers[i];
    digest = (digest ^ (uint64_t)numbers[i]) * 1099511628211u;
  }
  done->digest = sorted && before == after ? digest : 0;
  free(numbers);
  return 0;
}

/* The same call in both modes: jobs and results go by value, and the numbers are the task's own affair. */
static int four_at_once(const Course *course, Log *timer, const Job *jobs, const Done *alone, double sequential) {
  Done at_once[TASKS];
  pool_t *pool = course_pool(course);
  log_start(timer, course->mode == POOL_THREADS ? "four as threads, start" : "four as processes, start");
  check(pool_map(pool, sort_task, jobs, sizeof jobs[0], at_once, sizeof at_once[0], TASKS), "pool_map");
  const double parallel = log_stop(timer, "four at once, end");
  check(pool_close_join(pool), "pool_close_join");

  bool right = true;
  for (size_t i = 0; i < TASKS; i++) {
    printf("task %zu: generate %.4f s, sort %.4f s; alone %.4f s, %.4f s\n", i, at_once[i].generate, at_once[i].sort,
           alone[i].generate, alone[i].sort);
    right = right && at_once[i].digest != 0 && at_once[i].digest == alone[i].digest;
  }
  return course_end_timed(course, "sort", sequential, parallel, 1.0, course_at_once(course, TASKS), right);
}

int main(int argc, char **argv) {
  Course course = course_begin(argc, argv, TASKS);
  Job jobs[TASKS];
  Done alone[TASKS];
  for (size_t i = 0; i < TASKS; i++) {
    jobs[i] = (Job){course_size(&course, 10000, 2000000, 10000000), i + 1};
  }
  Log timer = log_open(course.log_file);

  pool_t *pool = make_pool(course.mode, 1);
  log_start(&timer, "one after the other, start");
  for (size_t i = 0; i < TASKS; i++) {
    check(pool_apply(pool, sort_task, &jobs[i], sizeof jobs[i], &alone[i], sizeof alone[i]), "pool_apply");
    log_step(&timer, i == 0 ? "one alone" : "one more");
  }
  const double sequential = log_stop(&timer, "one after the other, end");
  check(pool_close_join(pool), "pool_close_join");

  int status = EXIT_SUCCESS;
  for (int32_t mode = POOL_THREADS; mode <= POOL_PROCESSES; mode++) {
    if (course_runs(&course, mode)) {
      course.mode = mode;
      status |= four_at_once(&course, &timer, jobs, alone, sequential);
    }
  }
  log_close(&timer);
  return status;
}
