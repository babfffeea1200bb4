/* T4: which process and which thread runs a task: on threads the process is the caller's own, for all of them. */
#include "course.h"

#include <sys/syscall.h>

#include <millpond.h>

enum { TASKS = 8 };

typedef struct Who {
  int64_t process, thread;
  uint32_t worker;
} Who;

static Who who_am_i(uint32_t worker) {
  return (Who){getpid(), syscall(SYS_gettid), worker};
}

/* The short sleep leaves the other tasks to other workers. */
static int32_t who_task(const void *arg, void *result, pool_task_t *task) {
  course_sleep(*(const double *)arg);
  *(Who *)result = who_am_i(task->worker);
  return 0;
}

static bool run(const Course *course, int32_t mode, const char *name) {
  const double nap = (double)course_size(course, 10, 50, 50) / 1000.0;
  const Who host = who_am_i(POOL_NO_WORKER);
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = course->workers;
  pool_t *pool = NULL;
  pool_future_t *futures[TASKS];
  Who who[TASKS];
  check(pool_create_with(&options, &pool), "pool_create_with");
  for (size_t i = 0; i < TASKS; i++) {
    check(pool_apply_async(pool, who_task, &nap, sizeof nap, sizeof who[i], NULL, NULL, &futures[i]),
          "pool_apply_async");
  }
  for (size_t i = 0; i < TASKS; i++) {
    /* A wait with a time limit runs no task itself, so all of them run on workers. */
    check(pool_future_get(futures[i], &who[i], sizeof who[i], 60000), "pool_future_get");
    check(pool_future_release(futures[i]), "pool_future_release");
  }
  check(pool_close_join(pool), "pool_close_join");

  printf("%s: the main thread is %" PRId64 " of process %" PRId64 "\n", name, host.thread, host.process);
  bool right = true;
  for (size_t i = 0; i < TASKS; i++) {
    printf("task %zu: worker %" PRIu32 ", process %" PRId64 ", thread %" PRId64 "\n", i, who[i].worker, who[i].process,
           who[i].thread);
    right = right && who[i].thread != host.thread && (who[i].process == host.process) == (mode == POOL_THREADS);
  }
  return right;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  Log timer = log_open(course.log_file);
  log_start(&timer, "threads, start");
  const bool right = run(&course, POOL_THREADS, "threads");
  log_stop(&timer, "threads, end");
  log_close(&timer);
  return course_end(&course, right);
}
