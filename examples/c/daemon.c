/* A daemon works in the background and does not keep the program alive; what is joinable does, until it has ended. */
#include "course.h"

#include <sys/wait.h>

#include <millpond.h>

typedef struct Job {
  int to; /* a pipe */
  double seconds;
} Job;

/* Works for a while, then says so. */
static int32_t work(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  const Job *job = arg;
  course_sleep(job->seconds);
  if (write(job->to, "done", 4) != 4) return 1;
  return 0;
}

/* A program within this one: starts the work, has nothing else to do, and ends. Returns whether the work was done. */
static bool run_program(const Course *course, int32_t flags, double seconds) {
  int ends[2];
  char text[8];
  if (pipe(ends) != 0) return false;
  fflush(NULL); /* what is buffered would be written by the child as well */
  const pid_t program = fork();
  if (program == 0) {
    close(ends[0]);
    const Job job = {ends[1], seconds};
    pool_future_release(course_spawn(course, flags, work, &job, sizeof job, 0));
    exit(EXIT_SUCCESS); /* as a return from main() */
  }
  close(ends[1]);
  const bool done = read(ends[0], text, sizeof text) == 4; /* nothing: nobody is left that could write */
  close(ends[0]);
  waitpid(program, NULL, 0);
  return done;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 1);
  const double seconds = (double)course_size(&course, 100, 700, 5000) / 1000.0;
  Log timer = log_open(course.log_file);
  log_start(&timer, "a program with a joinable worker");
  const bool joined = run_program(&course, POOL_SPAWN_JOINABLE, seconds);
  const double first = log_stop(&timer, joined ? "ended after its work" : "ended before its work");
  log_start(&timer, "a program with a daemon");
  const bool outlived = run_program(&course, POOL_SPAWN_DAEMON, 100 * seconds);
  const double second = log_stop(&timer, outlived ? "ended after its work" : "ended before its work");
  log_close(&timer);
  return course_end(&course, joined && first >= seconds && !outlived && second < 100 * seconds);
}
