/* Pools of processes: what workers write to stderr. */
#include "procs.h"

/* A file in place of the program's stderr, until it is read. */
struct capture {
  FILE *file;
  int old;
};

static struct capture capture_stderr(void) {
  struct capture capture = {tmpfile(), dup(2)};
  CHECK(capture.file != NULL && capture.old >= 0);
  fflush(stderr);
  CHECK_EQ(dup2(fileno(capture.file), 2), 2);
  return capture;
}

/* The size, and what the file begins with. */
static size_t captured(const struct capture *capture, char *text, size_t room) {
  struct stat state;
  CHECK_EQ(fstat(fileno(capture->file), &state), 0);
  ssize_t got = pread(fileno(capture->file), text, room - 1, 0);
  text[got > 0 ? got : 0] = '\0';
  return (size_t)state.st_size;
}

static void end_capture(struct capture *capture) {
  dup2(capture->old, 2);
  close(capture->old);
  fclose(capture->file);
}

enum { FAILS, DIES, LEAVES, SUCCEEDS };

struct speech {
  int32_t how, number;
};

static int32_t speak(const void *arg, void *result, pool_task_t *task) {
  const struct speech *speech = arg;
  (void)result;
  fprintf(stderr, "first words of %d\n", (int)speech->number);
  fprintf(stderr, "last words of %d\n", (int)speech->number);
  if (speech->how == DIES) {
    raise(SIGKILL);
  }
  if (speech->how == LEAVES) {
    _exit(3);
  }
  return speech->how == FAILS ? pool_task_fail(task, 66, "own message") : 0;
}

static void says(const char *message, int number, const char *why) {
  char words[64];
  snprintf(words, sizeof words, "last words of %d", number);
  CHECK_HAS(message, words);
  CHECK_HAS(message, why);
}

CASE(the_tail_is_in_the_message) {
  static char text[100000];
  struct world world = world_now();
  struct capture capture = capture_stderr();
  pool_options_t options = processes(2);
  options.stderr_tail_bytes = 400;
  pool_t *pool = new_pool_with(&options);
  static const char *const why[] = {"own message", "SIGKILL", "3"};
  for (int32_t round = 0; round < 30; round++) {
    struct speech speech = {round % 3, 1000 + round};
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, speak, &speech, sizeof speech, 0, NULL, NULL, &future));
    CHECK_FUTURE(future, speech.how == FAILS ? 66 : POOL_ERR_WORKER_DIED);
    says(pool_future_message(future), speech.number, why[speech.how]);
    CHECK_OK(pool_future_release(future));
    speech.number += 1000;
    CHECK(pool_apply(pool, speak, &speech, sizeof speech, NULL, 0) != POOL_OK);
    says(pool_last_error(), speech.number, why[speech.how]);
  }
  struct speech speech = {SUCCEEDS, 9999};
  CHECK_OK(pool_apply(pool, speak, &speech, sizeof speech, NULL, 0));
  CHECK_OK(pool_close_join(pool));
  captured(&capture, text, sizeof text);
  for (int number = 1000; number < 1030; number++) {
    says(text, number, "first words");
    says(text, number + 1000, "first words");
  }
  says(text, 9999, "first words");
  end_capture(&capture);
  world_is_back(&world);
}

/* No more than the last bytes. */
static int32_t speak_at_length(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  fprintf(stderr, "the beginning ");
  for (int i = 0; i < 1000; i++) {
    fprintf(stderr, "and so on ");
  }
  fprintf(stderr, "the end\n");
  return pool_task_fail(task, 66, NULL);
}

CASE(the_tail_is_cut_in_front) {
  struct capture capture = capture_stderr();
  pool_options_t options = processes(1);
  options.stderr_tail_bytes = 200;
  pool_t *pool = new_pool_with(&options);
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, speak_at_length, NULL, 0, 0, NULL, NULL, &future));
  CHECK_FUTURE(future, 66);
  CHECK_HAS(pool_future_message(future), "the end");
  CHECK(strstr(pool_future_message(future), "the beginning") == NULL);
  CHECK(strlen(pool_future_message(future)) < 600);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
  end_capture(&capture);
}

static int32_t fail_in_silence(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  return pool_task_fail(task, 67, "in silence");
}

/* A task's words are not another's. */
CASE(words_of_an_earlier_task_are_not_attached) {
  struct capture capture = capture_stderr();
  pool_options_t options = processes(1);
  options.stderr_tail_bytes = 1000;
  pool_t *pool = new_pool_with(&options);
  for (int32_t round = 0; round < 20; round++) {
    struct speech speech = {round % 2 ? SUCCEEDS : FAILS, 5000 + round};
    CHECK(pool_apply(pool, speak, &speech, sizeof speech, NULL, 0) >= 0);
    CHECK_ERROR(pool_apply(pool, fail_in_silence, NULL, 0, NULL, 0), 67);
    CHECK_HAS(pool_last_error(), "in silence");
    CHECK(strstr(pool_last_error(), "words of") == NULL);
  }
  CHECK_OK(pool_close_join(pool));
  end_capture(&capture);
}

static int32_t write_ten_megabytes(const void *arg, void *result, pool_task_t *task) {
  static char line[10000];
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\n';
  (void)arg;
  (void)result;
  for (int i = 0; i < 1000; i++) {
    CHECK(write(2, line, sizeof line) != 0);
  }
  return pool_task_fail(task, 66, "written");
}

/* The program's stderr is a pipe that nobody reads: neither the task nor the pool waits for it. */
CASE(nobody_waits_for_stderr) {
  int pipes[2], old = dup(2);
  CHECK(old >= 0);
  CHECK_EQ(pipe(pipes), 0);
  CHECK_EQ(dup2(pipes[1], 2), 2);
  pool_options_t options = processes(2);
  options.stderr_tail_bytes = 1000;
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < 3; i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, write_ten_megabytes, NULL, 0, 0, NULL, NULL, &future));
    CHECK_FUTURE(future, 66);
    CHECK_HAS(pool_future_message(future), "written");
    CHECK_OK(pool_future_release(future));
    pool_works(pool);
  }
  CHECK_OK(pool_close_join(pool));
  dup2(old, 2);
}

CASE(items_of_a_map_have_their_own_words) {
  struct capture capture = capture_stderr();
  pool_options_t options = processes(1);
  options.stderr_tail_bytes = 300;
  pool_t *pool = new_pool_with(&options);
  struct speech speeches[10];
  for (int32_t i = 0; i < 10; i++) {
    speeches[i] = (struct speech){i == 7 ? DIES : SUCCEEDS, 100 + i};
  }
  CHECK_ERROR(pool_map(pool, speak, speeches, sizeof speeches[0], NULL, 0, 10), POOL_ERR_WORKER_DIED);
  says(pool_last_error(), 107, "SIGKILL");
  CHECK(strstr(pool_last_error(), "words of 106") == NULL);
  CHECK_OK(pool_close_join(pool));
  end_capture(&capture);
}

static int32_t tell_stderr(const void *arg, void *result, pool_task_t *task) {
  struct stat state;
  (void)arg;
  (void)task;
  CHECK_EQ(fstat(2, &state), 0);
  *(uint64_t *)result = (uint64_t)state.st_ino;
  return 0;
}

/* Without the option it is the program's own, and messages have no words of it. */
CASE(without_the_option_nothing_is_caught) {
  struct capture capture = capture_stderr();
  pool_t *pool = process_pool(1);
  struct speech speech = {FAILS, 4000};
  struct stat state;
  uint64_t inode = 0;
  CHECK_EQ(fstat(2, &state), 0);
  CHECK_OK(pool_apply(pool, tell_stderr, NULL, 0, &inode, sizeof inode));
  CHECK(inode == (uint64_t)state.st_ino);
  CHECK_ERROR(pool_apply(pool, speak, &speech, sizeof speech, NULL, 0), 66);
  CHECK(strstr(pool_last_error(), "words of") == NULL);
  CHECK_OK(pool_close_join(pool));
  char text[1000];
  captured(&capture, text, sizeof text);
  says(text, 4000, "first words");
  end_capture(&capture);
}

CASE(too_long_a_tail) {
  pool_options_t options = processes(1);
  pool_t *pool = NULL;
  options.stderr_tail_bytes = (size_t)1 << 40;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
  options.stderr_tail_bytes = 65536;
  CHECK_OK(pool_create_with(&options, &pool));
  pool_works(pool);
  CHECK_OK(pool_close_join(pool));
}
