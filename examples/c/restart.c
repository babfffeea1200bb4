/* A saboteur kills workers, and now and then the zygote, the process that makes them. The work goes on: a task
   whose worker died is submitted again, a pool that lost its zygote is refreshed, and every result comes once. */
#include "course.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>

#include <millpond.h>

enum { UNDER_WAY = 32, LEAST = 300, ZYGOTE_EVERY = 6 };

static Log timer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for the log, and the saboteur's `done` */

/* One line about one event, from either thread. */
static void say(const char *format, ...) {
  char line[200];
  va_list values;
  va_start(values, format);
  vsnprintf(line, sizeof line, format, values);
  va_end(values);
  pthread_mutex_lock(&lock);
  log_step(&timer, line);
  pthread_mutex_unlock(&lock);
}

/* The parent of a process: in /proc/PID/stat what comes after the name in parentheses and the state. 0: it is gone. */
static pid_t parent_of(pid_t pid) {
  char text[512];
  long parent = 0;
  snprintf(text, sizeof text, "/proc/%ld/stat", (long)pid);
  FILE *stat = fopen(text, "r");
  if (stat == NULL) return 0;
  const char *end = fgets(text, sizeof text, stat) != NULL ? strrchr(text, ')') : NULL;
  const bool found = end != NULL && sscanf(end, ") %*c %ld", &parent) == 1;
  fclose(stat);
  return found ? (pid_t)parent : 0;
}

typedef struct Saboteur {
  pool_t *pool;
  uint32_t workers;
  unsigned kills; /* as many as it shall make */
  double pause;   /* seconds between two */
  bool done;
} Saboteur;

static void *sabotage(void *arg) {
  Saboteur *saboteur = arg;
  unsigned seed = 1;
  for (unsigned kills = 0; kills < saboteur->kills;) {
    course_sleep(saboteur->pause);
    const uint32_t worker = (uint32_t)rand_r(&seed) % saboteur->workers;
    const pid_t pid = pool_worker_pid(saboteur->pool, worker);
    const pid_t zygote = pid > 0 ? parent_of(pid) : 0;
    if (zygote == 0 || parent_of(zygote) != getpid()) continue; /* it is dead already, or without a parent */
    const bool whole = kills % ZYGOTE_EVERY == ZYGOTE_EVERY - 1;
    if (kill(whole ? zygote : pid, SIGKILL) != 0) continue;
    kills++;
    if (whole) {
      say("kill %u: the zygote, process %ld", kills, (long)zygote);
    } else {
      say("kill %u: worker %" PRIu32 ", process %ld", kills, worker, (long)pid);
    }
  }
  pthread_mutex_lock(&lock);
  saboteur->done = true;
  pthread_mutex_unlock(&lock);
  return NULL;
}

static bool is_done(const Saboteur *saboteur) {
  pthread_mutex_lock(&lock);
  const bool done = saboteur->done;
  pthread_mutex_unlock(&lock);
  return done;
}

typedef struct Job {
  uint64_t number;
  uint64_t refreshed; /* how often the pool had been refreshed when the job was submitted */
  pool_future_t *future;
} Job;

typedef struct Tally {
  uint64_t submitted, results, again, refreshed;
} Tally;

static int32_t sum_task(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(uint64_t *)result = sum_all_values(*(const uint64_t *)arg);
  return 0;
}

static bool needs_refresh(int32_t status) {
  return status == POOL_ERR_BROKEN || status == POOL_ERR_CRASH_LOOP;
}

/* New workers, from a new zygote if need be. A second zygote may be killed before this one's first worker is made. */
static void refresh(pool_t *pool, Tally *tally) {
  int32_t status = pool_refresh(pool);
  while (needs_refresh(status)) {
    status = pool_refresh(pool);
  }
  check(status, "pool_refresh");
  tally->refreshed++;
  say("the pool is refreshed; %" PRIu64 " results so far", tally->results);
}

static void submit(pool_t *pool, Job *job, Tally *tally) {
  const size_t size = sizeof job->number;
  int32_t status = pool_apply_async(pool, sum_task, &job->number, size, size, NULL, NULL, &job->future);
  while (needs_refresh(status)) {
    refresh(pool, tally);
    status = pool_apply_async(pool, sum_task, &job->number, size, size, NULL, NULL, &job->future);
  }
  check(status, "pool_apply_async");
  job->refreshed = tally->refreshed;
}

/* Waits for the job's result, as often as it takes. */
static uint64_t result_of(pool_t *pool, Job *job, Tally *tally) {
  for (;;) {
    uint64_t sum = 0;
    const int32_t status = pool_future_get(job->future, &sum, sizeof sum, -1);
    if (status != POOL_ERR_WORKER_DIED && !needs_refresh(status)) check(status, "pool_future_get");
    if (status == POOL_OK) {
      check(pool_future_release(job->future), "pool_future_release");
      return sum;
    }
    tally->again++;
    if (!needs_refresh(status)) {
      say("job %" PRIu64 " again: %s; %" PRIu64 " results so far", job->number, pool_future_message(job->future),
          tally->results);
    } else if (job->refreshed == tally->refreshed) { /* the first that is looked at of all that fail with the pool */
      refresh(pool, tally);
    }
    check(pool_future_release(job->future), "pool_future_release");
    submit(pool, job, tally);
  }
}

int main(int argc, char **argv) {
  Course course = course_begin(argc, argv, 4);
  if (!course.mode_given) course.mode = POOL_PROCESSES;
  const bool processes = course.mode == POOL_PROCESSES;
  const uint64_t first = course_size(&course, 200000, 2000000, 2000000);
  Job jobs[UNDER_WAY]; /* a ring: job i is in place i % UNDER_WAY */
  Tally tally = {0, 0, 0, 0};
  bool right = true;
  timer = log_open(course.log_file);
  log_start(&timer, processes ? "start" : "start; threads cannot be killed, so nobody is");

  pool_t *pool = course_pool(&course);
  Saboteur saboteur = {pool, course.workers, processes ? (unsigned)course_size(&course, 12, 24, 240) : 0,
                       course.size == 0 ? 0.02 : 0.12, false};
  pthread_t thread;
  if (pthread_create(&thread, NULL, sabotage, &saboteur) != 0) return EXIT_FAILURE;
  bool more = true;
  while (more || tally.results < tally.submitted) {
    more = tally.submitted < LEAST || !is_done(&saboteur);
    if (more && tally.submitted - tally.results < UNDER_WAY) {
      Job *job = &jobs[tally.submitted % UNDER_WAY];
      job->number = first + tally.submitted++;
      submit(pool, job, &tally);
    } else if (tally.results < tally.submitted) {
      Job *job = &jobs[tally.results % UNDER_WAY];
      right = result_of(pool, job, &tally) == sum_by_formula(job->number) && right;
      tally.results++;
    }
  }
  pthread_join(thread, NULL);
  check(pool_close_join(pool), "pool_close_join");

  say("end: %" PRIu64 " jobs, %" PRIu64 " results, %" PRIu64 " times a job again, %" PRIu64 " times refreshed",
      tally.submitted, tally.results, tally.again, tally.refreshed);
  log_close(&timer);
  return course_end(&course, right && tally.results == tally.submitted);
}
