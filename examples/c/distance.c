/* The distances between all places of a file, by executors that can be exchanged for one another. A calculation is
   a row of the matrix; whoever does it, the file that is written is the same, byte for byte. */
#include "distance.h"

#include <millpond.h>

static Places places; /* read before the pools are made: workers in processes have a copy */

static int32_t row_task(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  distances_from(&places, task->index, result);
  return 0;
}

static void map_rows(pool_t *pool, double *km) {
  check(pool_map(pool, row_task, NULL, 0, km, places.count * sizeof km[0], places.count), "pool_map");
}

/* An executor fills the matrix and returns the seconds that it took. */
static double basic(const Course *course, double *km) {
  (void)course;
  const double start = now();
  for (size_t i = 0; i < places.count; i++) {
    distances_from(&places, i, &km[i * places.count]);
  }
  return now() - start;
}

typedef struct Row {
  size_t from;
  double km[MOST_PLACES];
} Row;

typedef struct Calculation {
  pool_queue_t *rows;
  size_t from;
} Calculation;

/* One thread of many: its row goes into a queue. */
static int32_t put_row(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  const Calculation *calculation = arg;
  Row row = {.from = calculation->from};
  distances_from(&places, row.from, row.km);
  const int32_t status = pool_queue_put(calculation->rows, &row, sizeof row, -1);
  return status == POOL_OK ? 0 : pool_task_fail(task, 1, pool_last_error());
}

/* A thread for each calculation. */
static double threaded(const Course *course, double *km) {
  (void)course;
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = POOL_THREADS;
  Calculation calculation;
  Row row = {0};
  const double start = now();
  check(pool_queue_create(NULL, sizeof row, 8, &calculation.rows), "pool_queue_create");
  for (calculation.from = 0; calculation.from < places.count; calculation.from++) {
    check(pool_spawn(&options, POOL_SPAWN_JOINABLE, put_row, &calculation, sizeof calculation, 0, NULL), "pool_spawn");
  }
  for (size_t i = 0; i < places.count; i++) { /* in the order in which they come */
    check(pool_queue_get(calculation.rows, &row, sizeof row, NULL, -1), "pool_queue_get");
    memcpy(&km[row.from * places.count], row.km, places.count * sizeof km[0]);
  }
  check(pool_spawned_join(-1), "pool_spawned_join");
  check(pool_queue_free(calculation.rows), "pool_queue_free");
  return now() - start;
}

/* The pool is made outside of what is timed. */
static double threadpool(const Course *course, double *km) {
  pool_t *pool = make_pool(POOL_THREADS, course->workers);
  const double start = now();
  map_rows(pool, km);
  const double seconds = now() - start;
  check(pool_close_join(pool), "pool_close_join");
  return seconds;
}

/* A process for each calculation: a worker that has done one is replaced. */
static double multiprocessing(const Course *course, double *km) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = POOL_PROCESSES;
  options.workers = course->workers;
  options.max_tasks_per_worker = 1;
  pool_t *pool = NULL;
  const double start = now();
  check(pool_create_with(&options, &pool), "pool_create_with");
  map_rows(pool, km);
  check(pool_close_join(pool), "pool_close_join");
  return now() - start;
}

typedef struct Executor {
  const char *name;
  double (*run)(const Course *course, double *km);
  int32_t mode;
} Executor;

static const Executor executors[] = {{"basic", basic, POOL_THREADS},
                                     {"threaded", threaded, POOL_THREADS},
                                     {"threadpool", threadpool, POOL_THREADS},
                                     {"multiprocessing", multiprocessing, POOL_PROCESSES}};

enum { EXECUTORS = sizeof executors / sizeof executors[0] };

static void write_matrix(const char *name, const double *km) {
  FILE *file = open_file(name, "w");
  write_headings(file, &places);
  for (size_t i = 0; i < places.count; i++) {
    /* NOLINTNEXTLINE(clang-analyzer-security.ArrayBound): there is a row for each place */
    write_row(file, &places, i, &km[i * places.count]);
  }
  close_written(file, name);
}

/* Writes the file of an executor; it must be what the first one wrote. */
static bool write_and_compare(const char *out, const char *size, const Executor *executor, const double *km) {
  char first[1024];
  char name[1024];
  snprintf(first, sizeof first, "%s/distances_%s_%s.csv", out, size, executors[0].name);
  snprintf(name, sizeof name, "%s/distances_%s_%s.csv", out, size, executor->name);
  write_matrix(name, km);
  return same_files(first, name);
}

static bool is_wanted(const Course *course, const Executor *executor, const char *wanted) {
  return strcmp(wanted, "all") == 0 ? course_runs(course, executor->mode) : strcmp(wanted, executor->name) == 0;
}

static bool is_known(const char *wanted) {
  bool known = strcmp(wanted, "all") == 0;
  for (size_t i = 0; i < EXECUTORS; i++) {
    known = known || strcmp(wanted, executors[i].name) == 0;
  }
  return known;
}

/* Runs the first executor and those that are wanted on one file of places. */
static int run_executors(const Course *course, const char *wanted, const char *size, const char *out) {
  const size_t size_of_all = places.count * places.count * sizeof(double);
  double *km = allocate(size_of_all);
  double alone = 0;
  int status = EXIT_SUCCESS;
  for (size_t i = 0; i < EXECUTORS; i++) {
    const Executor *executor = &executors[i];
    if (i > 0 && !is_wanted(course, executor, wanted)) continue;
    memset(km, 0, size_of_all);
    const double seconds = executor->run(course, km);
    const bool same = write_and_compare(out, size, executor, km);
    printf("%zu places, %s: %.6f s\n", places.count, executor->name, seconds);
    if (i == 0) {
      alone = seconds;
    } else {
      char name[64];
      Course its = *course;
      its.mode = executor->mode;
      snprintf(name, sizeof name, "distance_%s_%s", size, executor->name);
      status |= course_end_timed(&its, name, alone, seconds, 1.0, course_at_once(&its, (uint32_t)places.count), same);
    }
  }
  free(km);
  return status;
}

int main(int argc, char **argv) {
  CourseOption own[] = {{"--executor", "NAME", "all"}, {"--data", "FOLDER", data_folder()}, {"--out", "FOLDER", "."}};
  const Course course = course_begin_with(argc, argv, 4, own, 3);
  const char *sizes[] = {"few", "many"};
  int status = EXIT_SUCCESS;
  if (!is_known(own[0].value)) {
    fprintf(stderr, "%s is none of the executors\n", own[0].value);
    return 2;
  }
  Log timer = log_open(course.log_file);
  log_start(&timer, "start");
  for (size_t i = 0; i < 2; i++) {
    places = read_places(own[1].value, sizes[i]);
    status |= run_executors(&course, own[0].value, sizes[i], own[2].value);
    free(places.list);
    log_step(&timer, sizes[i]);
  }
  log_close(&timer);
  return status;
}
