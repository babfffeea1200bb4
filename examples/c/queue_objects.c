/* Objects, not only numbers, from one process to another through a queue. They go by value, their functions, too. */
#include "course.h"

#include <millpond.h>

enum { NAMES = 3 };

/* An object: what it knows, and what it does. A function is at the same place in all processes of a program. */
typedef struct Greeter {
  char name[24];
  uint32_t times;
  uint32_t (*greet)(const struct Greeter *self);
} Greeter;

static uint32_t greet_politely(const Greeter *self) {
  printf("process %ld: good morning, %s\n", (long)getpid(), self->name);
  return self->times;
}

static uint32_t greet_loudly(const Greeter *self) {
  printf("process %ld: HELLO, %s!\n", (long)getpid(), self->name);
  return 10 * self->times;
}

/* What both are told: a handle may be copied wherever it is wanted. */
typedef struct Job {
  pool_queue_t *queue;
} Job;

static int32_t produce(const void *arg, void *result, pool_task_t *task) {
  static const char *const names[NAMES] = {"Ada", "Grace", "Barbara"};
  const Job *job = arg;
  (void)result;
  for (uint32_t i = 0; i < NAMES; i++) {
    Greeter greeter = {.times = i + 1, .greet = i % 2 == 0 ? greet_politely : greet_loudly};
    snprintf(greeter.name, sizeof greeter.name, "%s", names[i]);
    if (pool_queue_put(job->queue, &greeter, sizeof greeter, -1) != POOL_OK) {
      return pool_task_fail(task, 1, pool_last_error());
    }
  }
  pool_queue_close(job->queue); /* nothing more comes: the consumer will be told, after the last object */
  return 0;
}

static int32_t consume(const void *arg, void *result, pool_task_t *task) {
  const Job *job = arg;
  uint32_t *sum = result;
  Greeter greeter;
  int32_t status;
  while ((status = pool_queue_get(job->queue, &greeter, sizeof greeter, NULL, -1)) == POOL_OK) {
    *sum += greeter.greet(&greeter);
  }
  fflush(stdout);
  return status == POOL_ERR_CLOSED ? 0 : pool_task_fail(task, 1, pool_last_error());
}

int main(int argc, char **argv) {
  Course course = course_begin(argc, argv, 2);
  Job job = {NULL};
  uint32_t sum = 0;
  if (!course.mode_given) course.mode = POOL_PROCESSES;
  Log timer = log_open(course.log_file);
  log_start(&timer, "start");
  check(pool_queue_create(NULL, sizeof(Greeter), 2, &job.queue), "pool_queue_create");
  pool_future_t *consumer = course_spawn(&course, POOL_SPAWN_JOINABLE, consume, &job, sizeof job, sizeof sum);
  pool_future_t *producer = course_spawn(&course, POOL_SPAWN_JOINABLE, produce, &job, sizeof job, 0);
  course_join(producer, NULL, 0);
  course_join(consumer, &sum, sizeof sum);
  check(pool_queue_free(job.queue), "pool_queue_free");
  log_stop(&timer, "end");
  log_close(&timer);
  return course_end(&course, sum == 1 + 20 + 3);
}
