/* Three waits as coroutines: what comes before the wait, the wait itself as a timer, and what comes after it as the
   continuation. They overlap in one thread, which sleeps in pool_poll() and runs whatever is due. */
#include "course.h"

#include <pthread.h>

#include <millpond.h>

enum { COROUTINES = 3 };

typedef struct Loop {
  pool_t *pool;
  pthread_t thread; /* that of all coroutines */
  bool one_thread;
  int waiting, most; /* how many wait now, and at most did */
} Loop;

/* What a coroutine keeps while it waits. */
typedef struct Coroutine {
  Loop *loop;
  int number, step;
  double start, seconds, took;
} Coroutine;

static void resume(const pool_result_t *outcome, void *user_data);

/* Nothing is done but to be late: the worker is busy for no time at all. */
static int32_t tick(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  return 0;
}

/* Goes on with the coroutine after so many seconds; returns at once. */
static void resume_after(Coroutine *self, double seconds) {
  pool_call_t call = POOL_CALL_INIT;
  call.fn = tick;
  call.delay_ms = (int64_t)(seconds * 1000);
  call.callback = resume;
  call.user_data = self;
  check(pool_submit(self->loop->pool, &call, 1, NULL), "pool_submit");
}

/* The coroutine's body, in the steps between its waits. */
static void resume(const pool_result_t *outcome, void *user_data) {
  Coroutine *self = user_data;
  if (outcome->status != POOL_OK) return;
  self->loop->one_thread = self->loop->one_thread && pthread_equal(pthread_self(), self->loop->thread) != 0;
  switch (self->step++) {
  case 0:
    printf("coroutine %d waits\n", self->number);
    self->start = now();
    self->loop->waiting++;
    if (self->loop->waiting > self->loop->most) self->loop->most = self->loop->waiting;
    resume_after(self, self->seconds);
    break;
  default:
    self->took = now() - self->start;
    self->loop->waiting--;
    printf("coroutine %d goes on after %.4f s\n", self->number, self->took);
  }
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 1);
  const double seconds = (double)course_size(&course, 50, 500, 5000) / 1000.0;
  Loop loop = {NULL, pthread_self(), true, 0, 0};
  Coroutine coroutines[COROUTINES];
  pool_options_t options = POOL_OPTIONS_INIT;
  bool right = true;
  options.mode = course.mode;
  options.workers = course.workers;
  options.callbacks = POOL_CALLBACKS_POLLED;
  Log timer = log_open(course.log_file);
  log_start(&timer, "one after the other, start");
  for (int i = 0; i < COROUTINES; i++) {
    course_sleep(seconds);
  }
  const double sequential = log_stop(&timer, "one after the other, end");

  log_start(&timer, "coroutines, start");
  check(pool_create_with(&options, &loop.pool), "pool_create_with");
  for (int i = 0; i < COROUTINES; i++) {
    coroutines[i] = (Coroutine){.loop = &loop, .number = i, .seconds = seconds};
    resume_after(&coroutines[i], 0);
  }
  check(pool_close_join(loop.pool), "pool_close_join"); /* the event loop: runs callbacks until all have ended */
  const double overlapped = log_stop(&timer, "coroutines, end");
  for (int i = 0; i < COROUTINES; i++) {
    right = right && coroutines[i].step == 2 && coroutines[i].took >= seconds;
  }
  log_close(&timer);
  return course_end_timed(&course, "coroutines", sequential, overlapped, 1.0, COROUTINES,
                          right && loop.one_thread && loop.most == COROUTINES);
}
