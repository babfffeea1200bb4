/* The Euclidean norms of a thousand random vectors, summed: with 10 ms of sleep in each call, and without. */
#include "course.h"

#include <math.h>

#include <millpond.h>

enum { MOST = 1000 };

typedef struct Vector {
  uint64_t seed, length;
  double nap; /* seconds of sleep in the call */
} Vector;

/* Makes the vector from its seed, so that not 80 KB but three numbers travel to a worker. */
static int32_t norm_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  const Vector *vector = arg;
  uint64_t state = vector->seed;
  double squares = 0;
  for (uint64_t i = 0; i < vector->length; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const double x = (double)(state >> 11u) * 0x1p-53; /* in [0, 1) */
    squares += x * x;
  }
  if (vector->nap > 0) course_sleep(vector->nap);
  *(double *)result = sqrt(squares);
  return 0;
}

static double sum_of(const double *norms, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    sum += norms[i];
  }
  return sum;
}

static int run(const Course *course, Log *timer, const char *name, const Vector *vectors, size_t count,
               uint32_t at_once) {
  double norms[MOST];
  log_start(timer, "one after the other, start");
  for (size_t i = 0; i < count; i++) {
    norm_task(&vectors[i], &norms[i], NULL);
  }
  const double alone = sum_of(norms, count);
  const double sequential = log_stop(timer, "one after the other, end");

  pool_t *pool = course_pool(course);
  memset(norms, 0, sizeof norms);
  log_start(timer, "map, start");
  check(pool_map(pool, norm_task, vectors, sizeof vectors[0], norms, sizeof norms[0], count), "pool_map");
  const double sum = sum_of(norms, count); /* in the same order, so to the last bit the same */
  const double parallel = log_stop(timer, "map, end");
  check(pool_close_join(pool), "pool_close_join");

  /* The mean of x * x is 1/3, so a norm is about sqrt(length / 3). */
  const double expected = (double)count * sqrt((double)vectors[0].length / 3);
  printf("sum of %zu norms: %.6f, expected about %.0f\n", count, sum, expected);
  const bool right = memcmp(&sum, &alone, sizeof sum) == 0 && fabs(sum / expected - 1) < 0.01;
  return course_end_timed(course, name, sequential, parallel, 1.0, at_once, right);
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  const size_t count = course_size(&course, 50, MOST, MOST);
  const size_t napping = course_size(&course, 10, 200, MOST); /* 10 s of sleep at the course's size */
  Vector vectors[MOST];
  for (size_t i = 0; i < count; i++) {
    vectors[i] = (Vector){i + 1, 10000, 0};
  }
  Log timer = log_open(course.log_file);
  const int awake = run(&course, &timer, "norms", vectors, count, course_at_once(&course, MOST));
  for (size_t i = 0; i < napping; i++) {
    vectors[i].nap = 0.01;
  }
  const int asleep = run(&course, &timer, "norms_with_sleep", vectors, napping, course.workers);
  log_close(&timer);
  return awake | asleep;
}
