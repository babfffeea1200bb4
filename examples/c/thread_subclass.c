/* What other languages write as a subclass of Thread: data, and a function that runs on it in a thread of its own. */
#include "course.h"

#include <millpond.h>

enum { COUNT = 3 };

/* The base: what can be started and joined. It comes first, so that a pointer to it is one to the whole. */
typedef struct Thread {
  void (*run)(struct Thread *self);
  pool_future_t *future;
} Thread;

typedef struct Countdown {
  Thread base;
  char name[16];
  int from, counted;
} Countdown;

static void run_countdown(Thread *self) {
  Countdown *countdown = (Countdown *)self;
  for (int i = countdown->from; i > 0; i--) {
    printf("%s: %d\n", countdown->name, i);
    fflush(stdout);
    course_sleep(0.01);
    countdown->counted++;
  }
}

/* It runs on a copy, in a process as in a thread, and the copy is its result. */
static int32_t run_copy(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  Countdown *copy = result;
  *copy = *(const Countdown *)arg;
  copy->base.run(&copy->base);
  return 0;
}

static void start(const Course *course, Countdown *countdown) {
  countdown->base.future =
      course_spawn(course, POOL_SPAWN_JOINABLE, run_copy, countdown, sizeof *countdown, sizeof *countdown);
}

static void join(Countdown *countdown) {
  pool_future_t *future = countdown->base.future;
  course_join(future, countdown, sizeof *countdown);
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, COUNT);
  const int steps = (int)course_size(&course, 2, 20, 100);
  Countdown countdowns[COUNT];
  bool right = true;
  Log timer = log_open(course.log_file);
  log_start(&timer, "start");
  for (int i = 0; i < COUNT; i++) {
    countdowns[i] = (Countdown){{run_countdown, NULL}, "", steps + i, 0};
    snprintf(countdowns[i].name, sizeof countdowns[i].name, "countdown %d", i);
    start(&course, &countdowns[i]);
  }
  for (int i = 0; i < COUNT; i++) {
    join(&countdowns[i]);
    right = right && countdowns[i].counted == steps + i;
  }
  log_stop(&timer, "all joined");
  log_close(&timer);
  return course_end(&course, right);
}
