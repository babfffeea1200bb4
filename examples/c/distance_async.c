/* The distance matrix in three stages, read, calculate and write, that are joined by two queues. Reading and writing a
   row takes half a second, as if from far away; the stages overlap. Beside it the same one after the other. */
#include "distance.h"

#include <millpond.h>

typedef struct Row {
  size_t from;
  double km[MOST_PLACES];
} Row;

typedef struct Stages {
  pool_queue_t *places, *rows; /* read to calculate, calculate to write */
  double pause;                /* seconds for each row that is read or written */
  char file[1024];
} Stages;

static Places places; /* read before the stages start: processes have a copy */

static int32_t read_stage(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  const Stages *stages = arg;
  for (size_t i = 0; i < places.count; i++) {
    course_sleep(stages->pause);
    check(pool_queue_put(stages->places, &i, sizeof i, -1), "pool_queue_put");
  }
  check(pool_queue_close(stages->places), "pool_queue_close"); /* so the next stage ends after the last row */
  return 0;
}

static int32_t calculate_stage(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  const Stages *stages = arg;
  Row row = {0};
  while (pool_queue_get(stages->places, &row.from, sizeof row.from, NULL, -1) == POOL_OK) {
    distances_from(&places, row.from, row.km);
    check(pool_queue_put(stages->rows, &row, sizeof row, -1), "pool_queue_put");
  }
  check(pool_queue_close(stages->rows), "pool_queue_close");
  return 0;
}

static int32_t write_stage(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  const Stages *stages = arg;
  Row row = {0};
  FILE *file = open_file(stages->file, "w");
  write_headings(file, &places);
  while (pool_queue_get(stages->rows, &row, sizeof row, NULL, -1) == POOL_OK) {
    course_sleep(stages->pause);
    write_row(file, &places, row.from, row.km);
  }
  close_written(file, stages->file);
  return 0;
}

static void one_after_the_other(const char *name, double pause) {
  double km[MOST_PLACES] = {0};
  FILE *file = open_file(name, "w");
  write_headings(file, &places);
  for (size_t i = 0; i < places.count; i++) {
    course_sleep(pause);
    distances_from(&places, i, km);
    course_sleep(pause);
    write_row(file, &places, i, km);
  }
  close_written(file, name);
}

static void in_stages(const Course *course, Stages *stages) {
  static const pool_fn functions[] = {read_stage, calculate_stage, write_stage};
  pool_future_t *futures[3];
  check(pool_queue_create(NULL, sizeof(size_t), 2, &stages->places), "pool_queue_create");
  check(pool_queue_create(NULL, sizeof(Row), 2, &stages->rows), "pool_queue_create");
  for (size_t i = 0; i < 3; i++) {
    futures[i] = course_spawn(course, POOL_SPAWN_JOINABLE, functions[i], stages, sizeof *stages, 0);
  }
  for (size_t i = 0; i < 3; i++) {
    course_join(futures[i], NULL, 0);
  }
  check(pool_queue_free(stages->places), "pool_queue_free");
  check(pool_queue_free(stages->rows), "pool_queue_free");
}

int main(int argc, char **argv) {
  CourseOption own[] = {{"--data", "FOLDER", data_folder()}, {"--out", "FOLDER", "."}};
  const Course course = course_begin_with(argc, argv, 3, own, 2);
  char first[1024];
  Stages stages = {NULL, NULL, (double)course_size(&course, 10, 150, 500) / 1000.0, ""};
  snprintf(first, sizeof first, "%s/distances_few_synchronous.csv", own[1].value);
  snprintf(stages.file, sizeof stages.file, "%s/distances_few_async.csv", own[1].value);
  Log timer = log_open(course.log_file);
  places = read_places(own[0].value, "few");
  log_start(&timer, "one after the other, start");
  one_after_the_other(first, stages.pause);
  const double sequential = log_stop(&timer, "one after the other, end");
  log_start(&timer, "in stages, start");
  in_stages(&course, &stages);
  const double parallel = log_stop(&timer, "in stages, end");
  free(places.list);
  log_close(&timer);
  /* Calculating takes no time, so two of the stages overlap. */
  return course_end_timed(&course, "distance_async", sequential, parallel, 1.0, 2, same_files(first, stages.file));
}
