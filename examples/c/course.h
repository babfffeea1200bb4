/* What the course's programs share: arguments, the job that they run, and the report at the end. */
#ifndef COURSE_H
#define COURSE_H

#include "log.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

#include <millpond.h>

typedef struct Course {
  const char *name; /* of the program */
  int size;         /* 0 tiny, 1 quick, 2 full */
  uint32_t workers;
  int32_t mode;         /* of the pool: POOL_THREADS or POOL_PROCESSES */
  bool mode_given;      /* the user chose it; else a program may show both */
  const char *log_file; /* NULL: only the terminal */
} Course;

/* An option of one program only: `value` is its default and then what the user gave. */
typedef struct CourseOption {
  const char *name, *value_name, *value;
} CourseOption;

static inline void course_usage(FILE *to, const Course *course, const CourseOption *own, size_t own_count) {
  fprintf(to, "usage: %s [--tiny | --full] [--mode threads|processes] [--workers N] [--log FILE]", course->name);
  for (size_t i = 0; i < own_count; i++) {
    fprintf(to, " [%s %s]", own[i].name, own[i].value_name);
  }
  fputc('\n', to);
}

/* Reads the arguments; anything unknown ends the program with a usage line and 2. */
static inline Course course_begin_with(int argc, char **argv, uint32_t workers, CourseOption *own, size_t own_count) {
  const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
  Course course = {slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "example", 1, workers, POOL_THREADS, false, NULL};
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    bool known = true;
    if (strcmp(argv[i], "--help") == 0) {
      course_usage(stdout, &course, own, own_count);
      exit(EXIT_SUCCESS);
    } else if (strcmp(argv[i], "--tiny") == 0 || strcmp(argv[i], "--full") == 0) {
      course.size = argv[i][2] == 't' ? 0 : 2;
    } else if (strcmp(argv[i], "--workers") == 0 && value != NULL) {
      const unsigned long count = strtoul(value, NULL, 10);
      known = strspn(value, "0123456789") == strlen(value) && count >= 1 && count <= POOL_MAX_WORKERS;
      course.workers = (uint32_t)count;
      i++;
    } else if (strcmp(argv[i], "--mode") == 0 && value != NULL) {
      known = strcmp(value, "threads") == 0 || strcmp(value, "processes") == 0;
      course.mode = value[0] == 't' ? POOL_THREADS : POOL_PROCESSES;
      course.mode_given = true;
      i++;
    } else if (strcmp(argv[i], "--log") == 0 && value != NULL) {
      course.log_file = value;
      i++;
    } else {
      size_t k = 0;
      while (k < own_count && strcmp(argv[i], own[k].name) != 0) {
        k++;
      }
      known = k < own_count && value != NULL;
      if (known) {
        own[k].value = value;
        i++;
      }
    }
    if (!known) {
      course_usage(stderr, &course, own, own_count);
      exit(2);
    }
  }
  return course;
}

static inline Course course_begin(int argc, char **argv, uint32_t workers) {
  return course_begin_with(argc, argv, workers, NULL, 0);
}

static inline uint64_t course_size(const Course *course, uint64_t tiny, uint64_t quick, uint64_t full) {
  return course->size == 0 ? tiny : course->size == 1 ? quick : full;
}

/* The CPUs that this process may use. */
static inline uint32_t course_cpus(void) {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return (uint32_t)CPU_COUNT(&set);
  }
#endif
  const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  return cpus > 0 ? (uint32_t)cpus : 1;
}

static inline void course_sleep(double seconds) {
  struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  while (nanosleep(&time, &time) != 0) {
  }
}

/* Adds 1..x. Reading the volatile step keeps the compiler from turning the loop into x * (x + 1) / 2. */
static inline uint64_t sum_all_values(uint64_t x) {
  const volatile uint64_t step = 1;
  uint64_t sum = 0;
  for (uint64_t i = 1; i <= x; i += step) {
    sum += i;
  }
  return sum;
}

/* The same by formula: what every answer is checked against. */
static inline uint64_t sum_by_formula(uint64_t x) {
  return x % 2 == 0 ? x / 2 * (x + 1) : (x + 1) / 2 * x;
}

static inline void print_list(const uint64_t *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    printf("%s%" PRIu64, i == 0 ? "[" : ", ", values[i]);
  }
  printf("]\n");
}

/* Amdahl's law: how many times faster work is of which the share p can be divided among s. */
static inline double amdahl(double p, double s) {
  return 1.0 / ((1.0 - p) + p / s); /* NOLINT(clang-analyzer-optin.taint.TaintedDiv): s is at least 1 */
}

/* Ends the program when a call failed: check(pool_close(pool), "pool_close"). */
static inline void check(int32_t status, const char *what) {
  if (status != POOL_OK) {
    fprintf(stderr, "%s: %s", what, pool_last_error());
    fprintf(stderr, " (%s)\n", pool_status_name(status));
    exit(EXIT_FAILURE);
  }
}

static inline const char *mode_name(int32_t mode) {
  return mode == POOL_THREADS ? "threads" : "processes";
}

/* The only place that knows the mode: whatever a program then does with its pool is the same in both. */
static inline pool_t *make_pool(int32_t mode, uint32_t workers) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = workers;
  pool_t *pool = NULL;
  check(pool_create_with(&options, &pool), "pool_create_with");
  return pool;
}

static inline pool_t *course_pool(const Course *course) {
  return make_pool(course->mode, course->workers);
}

/* One function in a thread or process of its own, as the mode says. */
static inline pool_future_t *course_spawn(const Course *course, int32_t flags, pool_fn fn, const void *arg,
                                          size_t arg_size, size_t result_size) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = course->mode;
  pool_future_t *future = NULL;
  check(pool_spawn(&options, flags, fn, arg, arg_size, result_size, &future), "pool_spawn");
  return future;
}

/* Waits for a function's result. */
static inline void course_join(pool_future_t *future, void *result, size_t result_size) {
  check(pool_future_get(future, result, result_size, -1), "pool_future_get");
  check(pool_future_release(future), "pool_future_release");
}

/* Whether a program that compares the modes shall run this one: both, unless the user chose. */
static inline bool course_runs(const Course *course, int32_t mode) {
  return !course->mode_given || course->mode == mode;
}

/* Prints the answer's verdict and the line that tools/demo.py reads; returns the program's exit status. */
static inline int course_end(const Course *course, bool right) {
  printf("RESULT name=%s mode=%s workers=%" PRIu32 " cpus=%" PRIu32 " checked=%d\n", course->name,
         mode_name(course->mode), course->workers, course_cpus(), right);
  if (!right) {
    fprintf(stderr, "%s: wrong answer\n", course->name);
  }
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* As course_end, for a program that is timed: the share p of its work was divided among at most at_once at a time. */
static inline int course_end_timed(const Course *course, const char *name, double sequential, double pool, double p,
                                   uint32_t at_once, bool right) {
  const double speedup = sequential / pool;
  const double predicted = amdahl(p, at_once);
  const uint32_t cpus = course_cpus();
  const char *mode = mode_name(course->mode);
  printf("sequential %.4f s, %s %.4f s: %.2f times as fast with %" PRIu32 " workers on %" PRIu32 " CPUs\n", sequential,
         mode, pool, speedup, course->workers, cpus);
  printf("Amdahl's law for p = %.3f, %" PRIu32 " at once: %.2f times\n", p, at_once, predicted);
  if (speedup > 1.1 * at_once) {
    printf("more than %" PRIu32 " at once can give: the machine was slower during the sequential run\n", at_once);
  }
  printf("RESULT name=%s mode=%s sequential=%.6f pool=%.6f speedup=%.3f predicted=%.3f workers=%" PRIu32
         " cpus=%" PRIu32 " checked=%d\n",
         name, mode, sequential, pool, speedup, predicted, course->workers, cpus, right);
  if (!right) {
    fprintf(stderr, "%s: wrong answer\n", name);
  }
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* How many of `tasks` can compute at the same time. */
static inline uint32_t course_at_once(const Course *course, uint32_t tasks) {
  const uint32_t workers = course->workers < tasks ? course->workers : tasks;
  const uint32_t cpus = course_cpus();
  return workers < cpus ? workers : cpus;
}

#endif
