/* Three generators, which give one number a step, stepped in turn by hand and then by the pool's event loop. */
#include "course.h"

#include <millpond.h>

enum { GENERATORS = 3, MOST = 64 };

/* What a generator keeps between two steps. In C it is written out; in other languages `yield` does it. */
typedef struct Generator {
  const char *name;
  int32_t (*next)(struct Generator *self, uint64_t *value); /* 0: there is one more, 1: it has ended */
  uint64_t at, last, before;
} Generator;

static int32_t next_square(Generator *self, uint64_t *value) {
  if (self->at > self->last) return 1;
  *value = self->at * self->at;
  self->at++;
  return 0;
}

static int32_t next_countdown(Generator *self, uint64_t *value) {
  if (self->at == 0) return 1;
  *value = self->at--;
  return 0;
}

static int32_t next_fibonacci(Generator *self, uint64_t *value) {
  if (self->at > self->last) return 1;
  *value = self->at;
  self->at += self->before;
  self->before = *value;
  return 0;
}

static void make_generators(Generator *generators, uint64_t bound) {
  generators[0] = (Generator){"squares", next_square, 1, bound, 0};
  generators[1] = (Generator){"countdown", next_countdown, bound, 0, 0};
  generators[2] = (Generator){"fibonacci", next_fibonacci, 1, bound * bound, 0};
}

/* What both ways shall give alike: the numbers in the order in which they came. */
typedef struct Trace {
  uint64_t values[MOST];
  size_t count;
} Trace;

static void keep(Trace *trace, const Generator *from, uint64_t value) {
  printf("%s%s %" PRIu64, trace->count == 0 ? "" : ", ", from->name, value);
  if (trace->count < MOST) trace->values[trace->count++] = value;
}

static void by_hand(Trace *trace, uint64_t bound) {
  Generator generators[GENERATORS];
  make_generators(generators, bound);
  for (bool more = true; more;) {
    more = false;
    for (size_t i = 0; i < GENERATORS; i++) {
      uint64_t value;
      if (generators[i].next(&generators[i], &value) == 0) {
        keep(trace, &generators[i], value);
        more = true;
      }
    }
  }
  putchar('\n');
}

/* One step in a worker: the generator goes there and comes back by value, as in processes it must. */
typedef struct Step {
  Generator generator;
  uint64_t value;
} Step;

typedef struct Loop {
  pool_t *pool;
  Trace trace;
} Loop;

static int32_t step_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  Step *step = result;
  *step = *(const Step *)arg;
  return step->generator.next(&step->generator, &step->value);
}

static void step_on(const pool_result_t *outcome, void *user_data);

static void queue_step(Loop *loop, const Step *step) {
  check(pool_apply_async(loop->pool, step_task, step, sizeof *step, sizeof *step, step_on, loop, NULL),
        "pool_apply_async");
}

/* Runs in the main thread: takes the number and queues the generator's next step behind those of the others. */
static void step_on(const pool_result_t *outcome, void *user_data) {
  if (outcome->status != POOL_OK) return; /* the generator has ended */
  Loop *loop = user_data;
  const Step *step = outcome->data;
  keep(&loop->trace, &step->generator, step->value);
  queue_step(loop, step);
}

static void by_event_loop(const Course *course, Loop *loop, uint64_t bound) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = course->mode;
  options.workers = 1; /* one step at a time, in turn */
  options.callbacks = POOL_CALLBACKS_POLLED;
  check(pool_create_with(&options, &loop->pool), "pool_create_with");
  Generator generators[GENERATORS];
  make_generators(generators, bound);
  for (size_t i = 0; i < GENERATORS; i++) {
    queue_step(loop, &(Step){generators[i], 0});
  }
  check(pool_close_join(loop->pool), "pool_close_join"); /* runs callbacks until nothing is queued any more */
  putchar('\n');
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 1);
  const uint64_t bound = course_size(&course, 5, 8, 12);
  Trace trace = {{0}, 0};
  Loop loop = {NULL, {{0}, 0}};
  Log timer = log_open(course.log_file);
  log_start(&timer, "by hand");
  by_hand(&trace, bound);
  log_step(&timer, "by the event loop");
  by_event_loop(&course, &loop, bound);
  log_stop(&timer, "end");
  log_close(&timer);
  const bool right = trace.count > 2 * bound && memcmp(&trace, &loop.trace, sizeof trace) == 0;
  return course_end(&course, right && trace.values[0] == 1 && trace.values[1] == bound && trace.values[3] == 4);
}
