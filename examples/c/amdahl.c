/* A job with a serial part on 1..N workers: its speed-up as measured and as Amdahl's law predicts it, as a picture. */
#include "amdahl_picture.h"
#include "course.h"

#include <millpond.h>

enum { PIECES = 960, ROUNDS = 15 };

typedef struct Job {
  uint64_t serial; /* additions that only one thread can do */
  uint64_t piece;  /* additions in each of the pieces that can be divided */
} Job;

static int32_t piece_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(uint64_t *)result = sum_all_values(*(const uint64_t *)arg);
  return 0;
}

/* Runs the job once, on the pool or, without one, sequentially; returns its seconds. */
static double run(pool_t *pool, const Job *job, bool *right) {
  uint64_t pieces[PIECES];
  uint64_t sums[PIECES];
  const double start = now();
  *right = sum_all_values(job->serial) == sum_by_formula(job->serial) && *right;
  for (size_t i = 0; i < PIECES; i++) {
    pieces[i] = job->piece;
    if (pool == NULL) {
      sums[i] = sum_all_values(pieces[i]);
    }
  }
  if (pool != NULL) {
    check(pool_map(pool, piece_task, pieces, sizeof pieces[0], sums, sizeof sums[0], PIECES), "pool_map");
  }
  const double seconds = now() - start;
  for (size_t i = 0; i < PIECES; i++) {
    *right = *right && sums[i] == sum_by_formula(job->piece);
  }
  return seconds;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Not the best: a single quick run on an otherwise slow machine would bend all speed-ups. */
static double median(double *times) {
  qsort(times, ROUNDS, sizeof times[0], by_value);
  return times[ROUNDS / 2];
}

/* Least squares: with S = 1 / ((1 - p) + p / s), 1 - 1/S is p times 1 - 1/s. */
static double fit(const double *speedups, uint32_t count) {
  double above = 0;
  double below = 0;
  for (uint32_t s = 2; s <= count; s++) {
    const double x = 1.0 - 1.0 / s;
    above += x * (1.0 - 1.0 / speedups[s - 1]);
    below += x * x;
  }
  return below == 0 || above < 0 ? 0 : above > below ? 1 : above / below;
}

int main(int argc, char **argv) {
  CourseOption own[] = {{"--serial", "SHARE", "0.05"}, {"--svg", "FILE", "amdahl.svg"}};
  const uint32_t cpus = course_cpus();
  const Course course = course_begin_with(argc, argv, cpus > 2 ? cpus : 2, own, 2);
  char *end = NULL;
  const double serial = strtod(own[0].value, &end);
  if (*end != '\0' || end == own[0].value || !(serial >= 0 && serial <= 1)) {
    fprintf(stderr, "--serial takes a share from 0 to 1\n");
    return 2;
  }
  const double additions = (double)course_size(&course, 1000000, 100000000, 1000000000);
  const Job job = {(uint64_t)(additions * serial), (uint64_t)(additions * (1 - serial) / PIECES)};
  /* Row 0 is the sequential run, row s the one on s workers. */
  double *seconds = calloc(((size_t)course.workers + 1) * ROUNDS, sizeof seconds[0]);
  double *speedups = calloc(course.workers, sizeof speedups[0]);
  if (seconds == NULL || speedups == NULL) {
    perror("calloc");
    return EXIT_FAILURE;
  }
  bool right = true;
  Log timer = log_open(course.log_file);
  log_start(&timer, "start");
  for (size_t round = 0; round < ROUNDS; round++) { /* so that a slow moment of the machine hits all alike */
    for (uint32_t s = 0; s <= course.workers; s++) {
      pool_t *pool = s == 0 ? NULL : make_pool(course.mode, s);
      seconds[(size_t)s * ROUNDS + round] = run(pool, &job, &right);
      check(pool_close_join(pool), "pool_close_join");
    }
  }
  log_stop(&timer, "end");
  const double alone = median(&seconds[0]);
  double took = alone;
  for (uint32_t s = 1; s <= course.workers; s++) {
    took = median(&seconds[(size_t)s * ROUNDS]);
    speedups[s - 1] = alone / took;
    printf("workers %2" PRIu32 ": %.4f s, speed-up %.2f, predicted %.2f\n", s, took, speedups[s - 1],
           amdahl(1 - serial, s));
  }
  const double p = 1 - serial;
  const double fitted = fit(speedups, course.workers < cpus ? course.workers : cpus);
  printf("p = %.3f as set, %.3f as fitted to the workers that have a CPU\n", p, fitted);
  draw_amdahl(own[1].value, mode_name(course.mode), p, fitted, speedups, course.workers, cpus);
  printf("picture: %s\n", own[1].value);
  log_close(&timer);
  const int status = course_end_timed(&course, "amdahl", alone, took, p, course_at_once(&course, PIECES), right);
  free(seconds);
  free(speedups);
  return status;
}
