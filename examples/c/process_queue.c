/* Workers between a queue of jobs and a queue of results; a sentinel ends each. One job is poison, of which its
   worker dies: another takes over, and nobody waits for ever. */
#include "course.h"

#include <millpond.h>

typedef struct Queues {
  pool_queue_t *jobs, *results;
  int64_t host; /* the process of the program */
} Queues;

enum { SENTINEL = 0, POISON = 666 };

typedef struct Result {
  uint64_t number, sum;
} Result;

static int32_t work(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  const Queues *queues = arg;
  for (;;) {
    uint64_t number = SENTINEL;
    check(pool_queue_get(queues->jobs, &number, sizeof number, NULL, -1), "pool_queue_get");
    if (number == SENTINEL) return 0;
    if (number == POISON) {
      if (getpid() != queues->host) abort(); /* a process may die; a thread would take the program with it */
      pool_queue_task_done(queues->jobs);
      return pool_task_fail(task, 1, "poisoned");
    }
    const Result sum = {number, sum_all_values(number)};
    check(pool_queue_put(queues->results, &sum, sizeof sum, -1), "pool_queue_put");
    check(pool_queue_task_done(queues->jobs), "pool_queue_task_done");
  }
}

/* What the program knows of its workers; only callbacks use it, which never overlap. */
typedef struct Staff {
  pool_t *pool;
  Queues queues;
  unsigned died;
} Staff;

/* A worker has ended: by its sentinel, or it died and another takes over. */
static void worker_ended(const pool_result_t *outcome, void *user_data) {
  Staff *staff = user_data;
  if (outcome->status == POOL_OK) return;
  printf("a worker is lost, and another one takes over: %s\n", outcome->message);
  staff->died++;
  check(pool_apply_async(staff->pool, work, &staff->queues, sizeof staff->queues, 0, worker_ended, staff, NULL),
        "pool_apply_async");
}

int main(int argc, char **argv) {
  Course course = course_begin(argc, argv, 4);
  if (!course.mode_given) course.mode = POOL_PROCESSES;
  const uint64_t count = course_size(&course, 50, 2000, 20000);
  uint64_t results = 0;
  bool right = true;
  Staff staff = {.queues.host = getpid()};
  Log timer = log_open(course.log_file);
  log_start(&timer, "start");
  staff.pool = course_pool(&course);
  check(pool_queue_create(staff.pool, sizeof(uint64_t), 32, &staff.queues.jobs), "pool_queue_create");
  check(pool_queue_create(staff.pool, sizeof(Result), count, &staff.queues.results), "pool_queue_create");
  for (uint32_t i = 0; i < course.workers; i++) {
    check(pool_apply_async(staff.pool, work, &staff.queues, sizeof staff.queues, 0, worker_ended, &staff, NULL),
          "pool_apply_async");
  }
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t number = i == count / 2 ? POISON : 10000 + i;
    check(pool_queue_put(staff.queues.jobs, &number, sizeof number, -1), "pool_queue_put");
  }
  const int32_t joined = pool_queue_join(staff.queues.jobs, -1); /* tells that a job was lost with its worker */
  log_step(&timer, "no job is left");
  for (uint32_t i = 0; i < course.workers; i++) {
    const uint64_t sentinel = SENTINEL;
    check(pool_queue_put(staff.queues.jobs, &sentinel, sizeof sentinel, -1), "pool_queue_put");
  }
  check(pool_close(staff.pool), "pool_close");
  check(pool_join(staff.pool, -1), "pool_join");
  Result result;
  while (pool_queue_get(staff.queues.results, &result, sizeof result, NULL, 0) == POOL_OK) {
    right = right && result.sum == sum_by_formula(result.number);
    results++;
  }
  printf("%" PRIu64 " jobs, %" PRIu64 " results, %u workers lost\n", count, results, staff.died);
  log_stop(&timer, "end");
  check(pool_close_join(staff.pool), "pool_close_join"); /* the queues go with it */
  log_close(&timer);
  right = right && joined == (course.mode == POOL_THREADS ? POOL_OK : POOL_ERR_WORKER_DIED);
  return course_end(&course, right && results == count - 1 && staff.died == 1);
}
