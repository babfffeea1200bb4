/* One function in one new process, joined. */
#include "course.h"

#include <errno.h>
#include <signal.h>

#include <millpond.h>

/* What it writes to its memory stays in its process; its result is copied back. */
static int32_t hello(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  printf("hello %s, this is process %ld\n", (const char *)arg, (long)getpid());
  fflush(stdout); /* before the result: else it is written when the worker has nothing to do */
  *(pid_t *)result = getpid();
  return 0;
}

int main(int argc, char **argv) {
  Course course = course_begin(argc, argv, 1);
  if (!course.mode_given) course.mode = POOL_PROCESSES;
  const pid_t own = getpid();
  pid_t other = 0;
  Log timer = log_open(course.log_file);

  log_start(&timer, "start");
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = course.mode;
  pool_future_t *future = NULL;
  check(pool_spawn(&options, POOL_SPAWN_JOINABLE, hello, "bob", sizeof "bob", sizeof other, &future), "pool_spawn");
  check(pool_future_get(future, &other, sizeof other, -1), "pool_future_get");
  check(pool_future_release(future), "pool_future_release");
  check(pool_spawned_join(-1), "pool_spawned_join"); /* now the process is gone, too */
  log_stop(&timer, "joined");

  const bool gone = kill(other, 0) != 0 && errno == ESRCH; /* signal 0 only asks whether there is such a process */
  printf("the program is process %ld, the function ran in process %ld, which %s\n", (long)own, (long)other,
         gone ? "is gone" : "is there");
  log_close(&timer);
  /* A thread would have run in this very process. */
  return course_end(&course, course.mode == POOL_PROCESSES ? other != own && gone : other == own);
}
