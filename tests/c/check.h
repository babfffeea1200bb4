/* A small harness: named cases, checks that end the process at the first failure, gates, a few common tasks.
 *
 * `./binary` runs every case, each in a child of its own; `./binary NAME...` runs those in this process;
 * `./binary --list` names them. A case prints `ok NAME`, `skipped NAME: why` or `FAILED NAME: file:line: ...`.
 * A number before the names is for how many seconds a soak runs.
 * Environment: CHECK_SCALE multiplies sizes (0.05 under valgrind), CHECK_TIMEOUT is the guard in seconds for each
 * case, CHECK_TOOL names the tool the program runs under. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum { CHECK_MAX_CASES = 100, CHECK_SKIPPED = 77 };

struct check_case {
  const char *name;
  void (*body)(void);
};
static struct check_case check_cases[CHECK_MAX_CASES];
static int check_case_count;
static const char *check_name = "?";
UNUSED static double check_scale = 1;
UNUSED static unsigned check_timeout = 60;
UNUSED static int64_t check_seconds = 3;

/* A test case: CASE(name) { body } */
#define CASE(name)                                                                                                     \
  static void name(void);                                                                                              \
  __attribute__((constructor)) static void check_add_##name(void) {                                                    \
    check_register(#name, name);                                                                                       \
  }                                                                                                                    \
  static void name(void)

UNUSED static void check_register(const char *name, void (*body)(void)) {
  if (check_case_count == CHECK_MAX_CASES) {
    abort();
  }
  check_cases[check_case_count].name = name;
  check_cases[check_case_count++].body = body;
}

/* Ends the process by _exit: a check may fail in a worker or a callback, from which nothing can unwind. */
__attribute__((format(printf, 3, 4), noreturn)) UNUSED static void check_fail(const char *file, int line,
                                                                              const char *format, ...) {
  va_list list;
  va_start(list, format);
  flockfile(stdout);
  printf("FAILED %s: %s:%d: ", check_name, file, line);
  vprintf(format, list);
  printf("\n");
  fflush(stdout);
  va_end(list);
  _exit(1);
}

#define FAIL(...) check_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition) ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, "%s", #condition))

/* Two integers are equal. */
#define CHECK_EQ(actual, expected)                                                                                     \
  do {                                                                                                                 \
    long long check_a = (long long)(actual);                                                                           \
    long long check_b = (long long)(expected);                                                                         \
    if (check_a != check_b) {                                                                                          \
      check_fail(__FILE__, __LINE__, "%s == %s, got %lld and %lld", #actual, #expected, check_a, check_b);             \
    }                                                                                                                  \
  } while (0)

#define CHECK_STR(actual, expected)                                                                                    \
  do {                                                                                                                 \
    const char *check_a = (actual);                                                                                    \
    const char *check_b = (expected);                                                                                  \
    if (check_a == NULL || strcmp(check_a, check_b) != 0) {                                                            \
      check_fail(__FILE__, __LINE__, "%s == \"%s\", got \"%s\"", #actual, check_b, check_a ? check_a : "(null)");      \
    }                                                                                                                  \
  } while (0)

/* A sentence that must have a part. */
#define CHECK_HAS(actual, part)                                                                                        \
  do {                                                                                                                 \
    const char *check_s = (actual);                                                                                    \
    if (check_s == NULL || strstr(check_s, (part)) == NULL) {                                                          \
      check_fail(__FILE__, __LINE__, "no \"%s\" in \"%s\"", (part), check_s ? check_s : "(null)");                     \
    }                                                                                                                  \
  } while (0)

/* Leaves the case when it means nothing here; the reason is printed. */
__attribute__((noreturn)) UNUSED static void check_skip(const char *why) {
  printf("skipped %s: %s\n", check_name, why);
  fflush(stdout);
  _exit(CHECK_SKIPPED);
}

/* The tool this runs under ("valgrind", "asan"), or NULL. */
UNUSED static const char *check_tool(void) {
  return getenv("CHECK_TOOL");
}

UNUSED static void check_skip_under(const char *tool, const char *why) {
  if (check_tool() != NULL && strcmp(check_tool(), tool) == 0) {
    check_skip(why);
  }
}

/* For a case that forks while a thread of its pool may allocate. */
UNUSED static void check_skip_fork_under_asan(void) {
  check_skip_under("asan", "a child forked while another thread allocates hangs in the sanitizer's allocator");
}

UNUSED static void check_skip_under_tools(const char *why) {
  if (check_tool() != NULL) {
    check_skip(why);
  }
}

/* The names in a folder, but those that begin with a dot. */
UNUSED static int entries_in(const char *path) {
  int count = 0;
  DIR *folder = opendir(path);
  CHECK(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    count += entry->d_name[0] != '.';
  }
  closedir(folder);
  return count;
}

UNUSED static int lines_in(const char *path) {
  int lines = 0;
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  for (int c; (c = fgetc(file)) != EOF;) {
    lines += c == '\n';
  }
  fclose(file);
  return lines;
}

UNUSED static int threads_now(void) {
  return entries_in("/proc/self/task");
}

UNUSED static int fds_now(void) {
  return entries_in("/proc/self/fd");
}

/* A number of repetitions: full size, or less of them under slow tools, but at least a few. */
UNUSED static size_t scaled(size_t full) {
  size_t few = full < 8 ? full : 8;
  double size = (double)full * check_scale;
  return size < (double)few ? few : (size_t)size;
}

UNUSED static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

UNUSED static void sleep_ms(int ms) {
  struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

/* Waits for something that must become true; the guard of the case ends it if it never does. */
#define EVENTUALLY(condition)                                                                                          \
  do {                                                                                                                 \
    while (!(condition)) {                                                                                             \
      sleep_ms(1);                                                                                                     \
    }                                                                                                                  \
  } while (0)

/* A gate starts closed, and once open stays so. */
struct gate {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool open;
};
#define GATE_INIT {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false}

UNUSED static void gate_open(struct gate *gate) {
  pthread_mutex_lock(&gate->mutex);
  gate->open = true;
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->mutex);
}

UNUSED static void gate_wait(struct gate *gate) {
  pthread_mutex_lock(&gate->mutex);
  while (!gate->open) {
    pthread_cond_wait(&gate->changed, &gate->mutex);
  }
  pthread_mutex_unlock(&gate->mutex);
}

UNUSED static pthread_t check_thread(void *(*body)(void *), void *data) {
  pthread_t thread;
  int error = pthread_create(&thread, NULL, body, data);
  if (error != 0) {
    FAIL("pthread_create: %s", strerror(error));
  }
  return thread;
}

/* Runs a body in so many threads at once, and waits for all. */
UNUSED static void check_threads(size_t count, void *(*body)(void *), void *data) {
  pthread_t threads[64];
  CHECK(count <= COUNT_OF(threads));
  for (size_t i = 0; i < count; i++) {
    threads[i] = check_thread(body, data);
  }
  for (size_t i = 0; i < count; i++) {
    pthread_join(threads[i], NULL);
  }
}

/* Waits for a child and returns its exit status, or 1000 + the signal that killed it. */
UNUSED static int check_wait(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      FAIL("waitpid: %s", strerror(errno));
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void check_run(const struct check_case *run) {
  check_name = run->name;
  alarm(check_timeout);
  run->body();
  alarm(0);
  printf("ok %s\n", run->name);
  fflush(stdout);
}

UNUSED static int check_run_in_child(const struct check_case *run) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    check_run(run);
    exit(0);
  }
  int status = check_wait(child);
  if (status == 1000 + 14) {
    printf("FAILED %s: still running after %u s\n", run->name, check_timeout);
  } else if (status != 0 && status != 1 && status != CHECK_SKIPPED) {
    printf("FAILED %s: ended with %s %d\n", run->name, status > 1000 ? "signal" : "status", status % 1000);
  }
  return status == 0 || status == CHECK_SKIPPED ? 0 : 1;
}

#ifndef CHECK_OWN_MAIN
int main(int argc, char **argv) {
  const char *scale = getenv("CHECK_SCALE");
  const char *timeout = getenv("CHECK_TIMEOUT");
  check_scale = scale ? atof(scale) : check_scale;
  check_timeout = timeout ? (unsigned)atoi(timeout) : check_timeout;
  setvbuf(stdout, NULL, _IOLBF, 0);
  int failures = 0, first = 1;
  if (argc > 1 && atoi(argv[1]) > 0) {
    check_seconds = atoi(argv[1]);
    check_timeout += (unsigned)check_seconds;
    first = 2;
  }
  for (int i = 0; i < check_case_count && argc == first; i++) {
    failures += check_run_in_child(&check_cases[i]);
  }
  for (int a = first; a < argc; a++) {
    int found = 0;
    for (int i = 0; i < check_case_count; i++) {
      if (strcmp(argv[a], "--list") == 0) {
        printf("%s\n", check_cases[i].name);
        found = 1;
      } else if (strcmp(argv[a], check_cases[i].name) == 0) {
        check_run(&check_cases[i]);
        found = 1;
      }
    }
    if (!found) {
      printf("FAILED %s: no such case\n", argv[a]);
      failures++;
    }
  }
  return failures == 0 ? 0 : 1;
}
#endif

#endif
