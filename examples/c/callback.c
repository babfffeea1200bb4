/* A callback appends every result to a plain global list. It needs no lock, because callbacks never overlap:
   serial ones come one after the other on the pool's threads, polled ones in the main thread when it asks. */
#include "course.h"

#include <pthread.h>

#include <millpond.h>

enum { COUNT = 100 };

static uint64_t list[COUNT]; /* in order of completion */
static size_t listed;
static size_t failed;
static size_t in_main_thread;
static pthread_t main_thread;

static int32_t sum_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(uint64_t *)result = sum_all_values(*(const uint64_t *)arg);
  return 0;
}

/* Its data is valid only during the callback, so the value is copied. */
static void append(const pool_result_t *outcome, void *user_data) {
  (void)user_data;
  in_main_thread += pthread_equal(pthread_self(), main_thread) != 0;
  if (outcome->status == POOL_OK && listed < COUNT) {
    list[listed++] = *(const uint64_t *)outcome->data;
  } else {
    fprintf(stderr, "a task failed: %s\n", outcome->message);
    failed++;
  }
}

static int by_value(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a;
  const uint64_t y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static int run(const Course *course, Log *timer, int32_t callbacks, const char *name, uint64_t first,
               double sequential) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = course->mode;
  options.workers = course->workers;
  options.callbacks = callbacks;
  listed = failed = in_main_thread = 0;

  log_start(timer, name);
  pool_t *pool = NULL;
  check(pool_create_with(&options, &pool), "pool_create_with");
  log_step(timer, "before the loop");
  for (uint64_t i = 0; i < COUNT; i++) {
    const uint64_t number = first + i;
    check(pool_apply_async(pool, sum_task, &number, sizeof number, sizeof number, append, NULL, NULL),
          "pool_apply_async");
  }
  log_step(timer, "after the loop");
  check(pool_close(pool), "pool_close");
  if (callbacks == POOL_CALLBACKS_POLLED) {
    int32_t ran = 1;
    while (ran > 0) { /* 0: no callback can come any more */
      ran = pool_poll(pool, -1);
    }
    check(ran, "pool_poll");
  }
  check(pool_join(pool, -1), "pool_join");
  const double parallel = log_stop(timer, "all joined");
  check(pool_close_join(pool), "pool_close_join");

  printf("%zu results, in order of completion ", listed);
  print_list(list, listed < 4 ? listed : 4);
  printf("%zu of the callbacks ran in the main thread\n", in_main_thread);
  bool right = listed == COUNT && failed == 0 && (callbacks != POOL_CALLBACKS_POLLED || in_main_thread == COUNT);
  qsort(list, listed, sizeof list[0], by_value);
  for (uint64_t i = 0; i < COUNT; i++) {
    right = right && list[i] == sum_by_formula(first + i);
  }
  return course_end_timed(course, name, sequential, parallel, 1.0, course_at_once(course, COUNT), right);
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  const uint64_t first = course_size(&course, 10000, 20000000, 100000000);
  main_thread = pthread_self();
  Log timer = log_open(course.log_file);
  uint64_t total = 0;
  log_start(&timer, "sequential, start");
  for (uint64_t i = 0; i < COUNT; i++) {
    total += sum_all_values(first + i);
  }
  const double sequential = log_stop(&timer, "sequential, end");
  printf("sum of all %" PRIu64 "\n", total);
  const int serial = run(&course, &timer, POOL_CALLBACKS_SERIAL, "callback_serial", first, sequential);
  const int polled = run(&course, &timer, POOL_CALLBACKS_POLLED, "callback_polled", first, sequential);
  log_close(&timer);
  return serial != EXIT_SUCCESS ? serial : polled;
}
