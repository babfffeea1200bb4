/* Which process and thread runs a task: threads are all of the program's process, processes each their own. */
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

static int run(const Course *course) {
  const double nap = (double)course_size(course, 10, 50, 50) / 1000.0;
  const Who host = who_am_i(POOL_NO_WORKER);
  pool_t *pool = course_pool(course);
  pool_future_t *futures[TASKS];
  Who who[TASKS];
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

  const bool threads = course->mode == POOL_THREADS;
  printf("%s: the main thread is %" PRId64 " of process %" PRId64 "\n", mode_name(course->mode), host.thread,
         host.process);
  bool right = true;
  for (size_t i = 0; i < TASKS; i++) {
    printf("task %zu: worker %" PRIu32 ", process %" PRId64 ", thread %" PRId64 "\n", i, who[i].worker, who[i].process,
           who[i].thread);
    right = right && who[i].thread != host.thread && (who[i].process == host.process) == threads;
    for (size_t k = 0; k < i; k++) {
      const bool same_worker = who[i].worker == who[k].worker;
      right = right && (who[i].thread == who[k].thread) == same_worker;
      right = right && (who[i].process == who[k].process) == (threads || same_worker);
    }
  }
  return course_end(course, right);
}

int main(int argc, char **argv) {
  Course course = course_begin(argc, argv, 4);
  Log timer = log_open(course.log_file);
  int status = EXIT_SUCCESS;
  for (int32_t mode = POOL_THREADS; mode <= POOL_PROCESSES; mode++) {
    if (course_runs(&course, mode)) {
      course.mode = mode;
      log_start(&timer, "start");
      status |= run(&course);
      log_stop(&timer, "end");
    }
  }
  log_close(&timer);
  return status;
}
