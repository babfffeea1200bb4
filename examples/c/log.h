/* The course's Log: lines `HH:MM:SS| message = seconds`, seconds since the start, on the terminal and in a file. */
#ifndef LOG_H
#define LOG_H

/* With -std=c11 the system's headers hide the clocks, the sleep and the CPUs' list otherwise. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): the name is the C library's */
#endif

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct Log {
  FILE *file; /* NULL: only the terminal */
  double start;
} Log;

/* Seconds on a clock that nobody sets. */
static inline double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* file_name: NULL for the terminal only. */
static inline Log log_open(const char *file_name) {
  Log timer = {NULL, now()};
  if (file_name != NULL) {
    timer.file = fopen(file_name, "w");
    if (timer.file == NULL) {
      perror(file_name);
      exit(EXIT_FAILURE);
    }
  }
  return timer;
}

/* One line, flushed: the reader watches it happen, also through a pipe. */
static inline void log_step(const Log *timer, const char *message) {
  const double seconds = now() - timer->start;
  const time_t wall = time(NULL);
  struct tm local;
  char clock[9];
  localtime_r(&wall, &local);
  strftime(clock, sizeof clock, "%H:%M:%S", &local);
  printf("%s| %s = %.8f\n", clock, message, seconds);
  fflush(stdout);
  if (timer->file != NULL) {
    fprintf(timer->file, "%s| %s = %.8f\n", clock, message, seconds);
  }
}

static inline void log_start(Log *timer, const char *message) {
  timer->start = now();
  log_step(timer, message);
}

/* The last line of a measurement; returns the seconds since its start. */
static inline double log_stop(const Log *timer, const char *message) {
  const double seconds = now() - timer->start;
  log_step(timer, message);
  return seconds;
}

static inline void log_close(Log *timer) {
  if (timer->file != NULL && fclose(timer->file) != 0) {
    perror("log");
    exit(EXIT_FAILURE);
  }
  timer->file = NULL;
}

#endif
