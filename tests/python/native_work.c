/* What test_native.py runs on pools: loaded with ctypes, as any library would be. */
#include <millpond.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int32_t square(const void *arg, void *result, pool_task_t *task) {
  const double *number = arg;
  (void)task;
  *(double *)result = *number * *number;
  return 0;
}

int32_t scale(const void *arg, void *result, pool_task_t *task) {
  *(double *)result = *(const double *)arg * *(const double *)task->context;
  return 0;
}

int32_t row_sum(const void *arg, void *result, pool_task_t *task) {
  const int32_t *row = arg;
  (void)task;
  *(int64_t *)result = (int64_t)row[0] + row[1] + row[2];
  return 0;
}

int32_t upper(const void *arg, void *result, pool_task_t *task) {
  const char letter = *(const char *)arg;
  (void)task;
  *(char *)result = letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
  return 0;
}

int32_t index_of(const void *arg, void *result, pool_task_t *task) {
  if (arg != NULL) {
    return 1;
  }
  *(int64_t *)result = (int64_t)task->index;
  return 0;
}

int32_t no_result(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  return result == NULL ? 0 : 1;
}

int32_t fails_at_seven(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  return *(const int32_t *)arg == 7 ? pool_task_fail(task, 42, "seven is too many") : 0;
}

int32_t crashes(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  abort();
}

int32_t pid(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  *(int32_t *)result = getpid();
  return 0;
}

int32_t sleep_a_little(const void *arg, void *result, pool_task_t *task) {
  const struct timespec time = {0, *(const int32_t *)arg * 1000000L};
  (void)result;
  (void)task;
  nanosleep(&time, NULL);
  return 0;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static int entered;

/* Returns when a second one is there: it never would, if one held a lock that the other needs. */
int32_t meet(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  pthread_mutex_lock(&lock);
  entered++;
  pthread_cond_broadcast(&change);
  while (entered < 2) {
    pthread_cond_wait(&change, &lock);
  }
  pthread_mutex_unlock(&lock);
  return 0;
}
