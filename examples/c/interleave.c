/* Two print lines letter by letter. What they print is mixed up, unless each locks the page for a whole line. */
#include "course.h"

#include <millpond.h>

enum { PRINTERS = 2, WIDTH = 10 };

typedef struct Job {
  char letter;
  int page;          /* a pipe to the main thread */
  pool_lock_t *lock; /* NULL: without */
  uint64_t lines;
} Job;

static int32_t print_lines(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  const Job *job = arg;
  for (uint64_t line = 0; line < job->lines; line++) {
    if (job->lock != NULL) pool_lock_acquire(job->lock, -1);
    for (int i = 0; i <= WIDTH; i++) {
      const char letter = i < WIDTH ? job->letter : '\n';
      if (write(job->page, &letter, 1) != 1) return pool_task_fail(task, 1, "cannot write");
      course_sleep(0.00001);
    }
    if (job->lock != NULL) pool_lock_release(job->lock);
  }
  return 0;
}

/* Shows the first lines of what was printed; returns how many lines are whole: ten times the same letter. */
static uint64_t read_page(FILE *page, uint64_t lines) {
  char text[256] = "";
  uint64_t whole = 0;
  for (uint64_t i = 0; i < PRINTERS * lines && fgets(text, sizeof text, page) != NULL; i++) {
    if (i < 4) fputs(text, stdout);
    whole += strspn(text, "a") == WIDTH || strspn(text, "b") == WIDTH;
  }
  return whole;
}

static uint64_t print_together(const Course *course, pool_lock_t *lock, uint64_t lines) {
  pool_future_t *printers[PRINTERS];
  int ends[2];
  FILE *page = pipe(ends) == 0 ? fdopen(ends[0], "r") : NULL;
  if (page == NULL) {
    perror("pipe");
    exit(EXIT_FAILURE);
  }
  for (int i = 0; i < PRINTERS; i++) { /* spawned, not in a pool made before: so they know the pipe */
    const Job job = {(char)('a' + i), ends[1], lock, lines};
    printers[i] = course_spawn(course, POOL_SPAWN_JOINABLE, print_lines, &job, sizeof job, 0);
  }
  const uint64_t whole = read_page(page, lines);
  for (int i = 0; i < PRINTERS; i++) {
    course_join(printers[i], NULL, 0);
  }
  close(ends[1]);
  fclose(page);
  printf("%s lock: %" PRIu64 " of %" PRIu64 " lines are whole\n", lock != NULL ? "with a" : "without a", whole,
         PRINTERS * lines);
  return whole;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, PRINTERS);
  const uint64_t lines = course_size(&course, 20, 500, 5000);
  pool_lock_t *lock = NULL;
  Log timer = log_open(course.log_file);
  check(pool_lock_create(NULL, &lock), "pool_lock_create");
  log_start(&timer, "without a lock");
  print_together(&course, NULL, lines);
  log_step(&timer, "with a lock");
  const uint64_t whole = print_together(&course, lock, lines);
  log_stop(&timer, "end");
  check(pool_lock_free(lock), "pool_lock_free");
  log_close(&timer);
  return course_end(&course, whole == PRINTERS * lines);
}
