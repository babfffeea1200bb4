/* A record of three fields that change together. Under a lock they stay the same and none is lost; without it, not. */
#include "course.h"

#include <millpond.h>

typedef struct Record {
  volatile uint64_t first, second, third;
} Record;

typedef struct Job {
  Record *record;    /* in memory that all workers share */
  pool_lock_t *lock; /* NULL: without */
  uint64_t rounds;
} Job;

/* Adds one to each field, and takes its time between reading and writing. */
static void count_up(Record *record) {
  const uint64_t first = record->first;
  const uint64_t second = record->second;
  course_sleep(0.00002);
  record->first = first + 1;
  record->second = second + 1;
  record->third = record->third + 1;
}

static int32_t count_task(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  const Job *job = arg;
  for (uint64_t i = 0; i < job->rounds; i++) {
    if (job->lock != NULL && pool_lock_acquire(job->lock, -1) != POOL_OK) {
      return pool_task_fail(task, 1, pool_last_error());
    }
    count_up(job->record);
    if (job->lock != NULL) pool_lock_release(job->lock);
  }
  return 0;
}

/* Every worker counts up so often; returns whether the record is whole afterwards. */
static bool count_together(const Course *course, pool_t *pool, pool_lock_t *lock, uint64_t rounds) {
  Record *record = pool_shared_alloc(pool, sizeof *record);
  check(record != NULL ? POOL_OK : POOL_ERR_NO_MEMORY, "pool_shared_alloc");
  Job *jobs = calloc(course->workers, sizeof *jobs);
  for (uint32_t i = 0; jobs != NULL && i < course->workers; i++) {
    jobs[i] = (Job){record, lock, rounds};
  }
  check(pool_map(pool, count_task, jobs, sizeof *jobs, NULL, 0, course->workers), "pool_map");
  const uint64_t expected = course->workers * rounds;
  const bool whole = record->first == expected && record->second == expected && record->third == expected;
  printf("%s lock: %" PRIu64 ", %" PRIu64 ", %" PRIu64 " of %" PRIu64 "\n", lock != NULL ? "with a" : "without a",
         record->first, record->second, record->third, expected);
  free(jobs);
  check(pool_shared_free(pool, record), "pool_shared_free");
  return whole;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  const uint64_t rounds = course_size(&course, 100, 2000, 20000);
  pool_lock_t *lock = NULL;
  Log timer = log_open(course.log_file);
  pool_t *pool = course_pool(&course);
  check(pool_lock_create(pool, &lock), "pool_lock_create");
  log_start(&timer, "without a lock, start");
  const bool lucky = count_together(&course, pool, NULL, rounds);
  log_step(&timer, lucky ? "nothing was lost, by luck" : "some was lost");
  const bool right = count_together(&course, pool, lock, rounds);
  log_stop(&timer, "with a lock, end");
  check(pool_lock_free(lock), "pool_lock_free");
  check(pool_close_join(pool), "pool_close_join");
  log_close(&timer);
  return course_end(&course, right);
}
