/* The distance matrix on pools of 1, 2, 4 and so on workers, as a picture: more of them than CPUs are of no use, and
   making them costs. */
#include "distance.h"
#include "distance_picture.h"

#include <millpond.h>

enum { ROUNDS = 7 };

static Places places; /* read before the pools are made: workers in processes have a copy */

static int32_t row_task(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  distances_from(&places, task->index, result);
  return 0;
}

static void map_rows(pool_t *pool, double *km) {
  check(pool_map(pool, row_task, NULL, 0, km, places.count * sizeof km[0], places.count), "pool_map");
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *times) {
  qsort(times, ROUNDS, sizeof times[0], by_value);
  return times[ROUNDS / 2];
}

static double measure_alone(double *km) {
  double times[ROUNDS];
  for (size_t round = 0; round < ROUNDS; round++) {
    const double start = now();
    for (size_t i = 0; i < places.count; i++) {
      distances_from(&places, i, &km[i * places.count]);
    }
    times[round] = now() - start;
  }
  return median(times);
}

/* The first map starts the workers, the second one finds them. */
static void measure(int32_t mode, uint32_t workers, double *km, double *there, double *made) {
  double theres[ROUNDS];
  double mades[ROUNDS];
  for (size_t round = 0; round < ROUNDS; round++) {
    const double start = now();
    pool_t *pool = make_pool(mode, workers);
    map_rows(pool, km);
    const double first = now();
    map_rows(pool, km);
    theres[round] = now() - first;
    check(pool_close_join(pool), "pool_close_join");
    mades[round] = now() - start - theres[round];
  }
  *there = median(theres);
  *made = median(mades);
}

int main(int argc, char **argv) {
  CourseOption own[] = {{"--data", "FOLDER", data_folder()}, {"--svg", "FILE", "distance_sweep.svg"}};
  const Course course = course_begin_with(argc, argv, 64, own, 2);
  Log timer = log_open(course.log_file);
  places = read_places(own[0].value, "many");
  const size_t size = places.count * places.count * sizeof(double);
  double *alone = allocate(size);
  double *km = allocate(size);
  bool right = true;
  log_start(&timer, "start");
  Sweep sweep = {.mode = mode_name(course.mode), .alone = measure_alone(alone)};
  printf("without a pool: %.6f s\n", sweep.alone);
  for (uint32_t workers = 1; workers <= course.workers && sweep.count < MOST_SIZES; workers *= 2) {
    const size_t i = sweep.count++;
    memset(km, 0, size);
    measure(course.mode, workers, km, &sweep.there[i], &sweep.made[i]);
    right = right && memcmp(km, alone, size) == 0;
    printf("%4" PRIu32 " workers: %.6f s, with making and closing them %.6f s\n", workers, sweep.there[i],
           sweep.made[i]);
  }
  log_stop(&timer, "end");
  draw_sweep(own[1].value, &sweep, course_cpus());
  printf("picture: %s\n", own[1].value);
  free(alone);
  free(km);
  free(places.list);
  log_close(&timer);
  return course_end(&course, right);
}
