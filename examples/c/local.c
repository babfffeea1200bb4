/* Worker-local storage: what a thread, or a process, has for itself and nobody else changes. */
#include "course.h"

#include <stdatomic.h>

#include <millpond.h>

enum { TASKS = 40 };

static _Thread_local uint64_t own;  /* each thread has another one, and so has each process */
static _Atomic uint64_t everybodys; /* all threads of a process have the same one */
static atomic_int_fast32_t living;

/* Prepares the storage of a worker, on its thread or in its process, before its first task. */
static int32_t begin(void *worker_data, uint32_t worker) {
  own = *(const uint64_t *)worker_data + worker;
  living++;
  return 0;
}

static void end(void *worker_data, uint32_t worker) {
  (void)worker_data;
  (void)worker;
  living--;
}

typedef struct Seen {
  uint64_t own, everybodys;
  uint32_t worker;
} Seen;

static int32_t count(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  course_sleep(0.001);
  own += 1000;
  *(Seen *)result = (Seen){own, ++everybodys, task->worker};
  return 0;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  pool_options_t options = POOL_OPTIONS_INIT;
  uint64_t base = 500;
  Seen seen[TASKS];
  uint64_t counted = 0;
  uint64_t highest = 0;
  bool right = true;
  options.mode = course.mode;
  options.workers = course.workers;
  options.initializer = begin;
  options.finalizer = end;
  options.worker_data = &base;
  Log timer = log_open(course.log_file);
  log_start(&timer, "start");
  pool_t *pool = NULL;
  check(pool_create_with(&options, &pool), "pool_create_with");
  check(pool_map(pool, count, NULL, 0, seen, sizeof seen[0], TASKS), "pool_map");
  check(pool_close_join(pool), "pool_close_join");
  for (uint32_t worker = 0; worker < course.workers; worker++) {
    uint64_t tasks = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < TASKS; i++) {
      if (seen[i].worker != worker) continue;
      tasks++;
      last = seen[i].own > last ? seen[i].own : last;
    }
    if (tasks > 0)
      printf("worker %" PRIu32 " has run %" PRIu64 " tasks, its own number is %" PRIu64 "\n", worker, tasks, last);
    right = right && (tasks == 0 || last == base + worker + 1000 * tasks);
    counted += tasks;
  }
  for (size_t i = 0; i < TASKS; i++) {
    highest = seen[i].everybodys > highest ? seen[i].everybodys : highest;
  }
  printf("everybody's number went up to %" PRIu64 " of %d\n", highest, TASKS);
  log_stop(&timer, "end");
  log_close(&timer);
  right = right && counted == TASKS && living == 0;
  return course_end(&course, right && (course.mode == POOL_PROCESSES || highest == TASKS));
}
