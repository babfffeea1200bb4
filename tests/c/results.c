/* How a task ends: codes, sentences, results of another size, outputs left alone on failure. */
#include "tasks.h"

struct plan {
  int32_t code;
  const char *message;
};

static int32_t end_as_planned(const void *arg, void *result, pool_task_t *task) {
  const struct plan *plan = arg;
  if (result != NULL) {
    memset(result, 0x77, 8);
  }
  return plan->message ? pool_task_fail(task, plan->code, plan->message) : plan->code;
}

struct seen {
  int32_t status;
  char message[200];
  atomic_int calls;
};

static void look(const pool_result_t *outcome, void *user_data) {
  struct seen *seen = user_data;
  seen->status = outcome->status;
  CHECK(outcome->message != NULL);
  snprintf(seen->message, sizeof seen->message, "%s", outcome->message);
  CHECK(outcome->data == NULL);
  CHECK_EQ(outcome->size, 0);
  CHECK_EQ(outcome->index, 0);
  CHECK_EQ(outcome->pid, getpid());
  atomic_fetch_add(&seen->calls, 1);
}

/* By apply, future and callback: the status, the sentence if the task gave one, and untouched outputs. */
static void fails_with(struct plan plan, int32_t status) {
  pool_t *pool = new_pool(2);
  int64_t result = -1;
  CHECK_ERROR(pool_apply(pool, end_as_planned, &plan, sizeof plan, &result, sizeof result), status);
  CHECK_EQ(result, -1);
  if (plan.message != NULL) {
    CHECK_HAS(pool_last_error(), plan.message);
  }
  struct seen seen = {0, "", 0};
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, end_as_planned, &plan, sizeof plan, sizeof result, look, &seen, &future));
  CHECK_OK(pool_future_wait(future, -1));
  CHECK_STATUS(pool_future_get(future, &result, sizeof result, -1), status);
  CHECK_EQ(result, -1);
  CHECK_STATUS(pool_future_get(future, NULL, 0, 0), status);
  CHECK_STATUS(pool_future_status(future), status);
  CHECK_EQ(pool_future_ready(future), 1);
  CHECK_EQ(pool_future_running(future), 0);
  CHECK_EQ(pool_future_successful(future), 0);
  size_t size = 99;
  CHECK(pool_future_data(future, &size) == NULL);
  CHECK_EQ(size, 99);
  CHECK(pool_future_data(future, NULL) == NULL);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(seen.calls, 1);
  CHECK_STATUS(seen.status, status);
  CHECK_STR(pool_future_message(future), seen.message);
  CHECK(strlen(seen.message) > 0);
  if (plan.message != NULL) {
    CHECK_HAS(seen.message, plan.message);
  }
  CHECK_OK(pool_future_release(future));
}

CASE(positive_code) {
  fails_with((struct plan){1, NULL}, 1);
  fails_with((struct plan){42, NULL}, 42);
  fails_with((struct plan){INT32_MAX, NULL}, INT32_MAX);
}

CASE(negative_code_is_internal) {
  fails_with((struct plan){-1, NULL}, POOL_ERR_INTERNAL);
  fails_with((struct plan){POOL_ERR_CANCELLED, NULL}, POOL_ERR_INTERNAL);
  fails_with((struct plan){POOL_ERR_TERMINATED, NULL}, POOL_ERR_INTERNAL);
  fails_with((struct plan){-1000, NULL}, POOL_ERR_INTERNAL);
  fails_with((struct plan){INT32_MIN, NULL}, POOL_ERR_INTERNAL);
}

CASE(code_with_a_sentence) {
  fails_with((struct plan){7, "the file is not there"}, 7);
  fails_with((struct plan){8, "dix mètres trop court"}, 8);
}

CASE(a_format_in_a_sentence_is_only_text) {
  fails_with((struct plan){7, "100%s of %n %d"}, 7);
}

static int32_t fail_at_length(const void *arg, void *result, pool_task_t *task) {
  size_t length = *(const size_t *)arg;
  char *message = malloc(length + 1);
  (void)result;
  memset(message, 'x', length);
  message[length] = 0;
  int32_t code = pool_task_fail(task, 3, message);
  memset(message, 'y', length);
  free(message);
  return code;
}

/* The sentence is copied; a very long one may be cut, but not lost. */
CASE(long_sentences) {
  static const size_t lengths[] = {1, 15, 16, 17, 63, 64, 255, 256, 1000, 100000};
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, fail_at_length, &lengths[i], sizeof lengths[i], 0, NULL, NULL, &future));
    CHECK_STATUS(pool_future_get(future, NULL, 0, -1), 3);
    const char *found = strchr(pool_future_message(future), 'x');
    CHECK(found != NULL);
    size_t same = strspn(found, "x");
    CHECK(lengths[i] > 200 ? same >= 100 : same == lengths[i]);
    CHECK(strchr(found, 'y') == NULL);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t fail_twice(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_EQ(pool_task_fail(task, 3, "the first sentence"), 3);
  return pool_task_fail(task, 4, "the second sentence");
}

CASE(the_last_sentence_counts) {
  pool_t *pool = new_pool(1);
  CHECK_ERROR(pool_apply(pool, fail_twice, NULL, 0, NULL, 0), 4);
  CHECK_HAS(pool_last_error(), "the second sentence");
  CHECK_OK(pool_close_join(pool));
}

/* A sentence recorded by a task that then succeeds is not a failure. */
static int32_t fail_and_recover(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  *(int64_t *)result = 12;
  (void)pool_task_fail(task, 3, "never mind");
  return 0;
}

CASE(a_task_may_recover) {
  pool_t *pool = new_pool(1);
  pool_future_t *future = NULL;
  int64_t result = 0;
  CHECK_OK(pool_apply_async(pool, fail_and_recover, NULL, 0, sizeof result, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, &result, sizeof result, -1));
  CHECK_EQ(result, 12);
  CHECK_STR(pool_future_message(future), "");
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

/* Submitted with arg_size 0: the size to set. The bytes count up from 1. */
static int32_t set_result(const void *arg, void *result, pool_task_t *task) {
  size_t size = (size_t)(uintptr_t)arg;
  unsigned char *bytes = malloc(size + 1);
  for (size_t i = 0; i < size; i++) {
    bytes[i] = (unsigned char)(i + 1);
  }
  if (result != NULL) {
    memset(result, 0x77, 8);
  }
  CHECK_OK(pool_task_set_result(task, bytes, size));
  memset(bytes, 0, size);
  free(bytes);
  return 0;
}

static void check_counting(const unsigned char *data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    CHECK_EQ(data[i], (unsigned char)(i + 1));
  }
}

static void look_at_bytes(const pool_result_t *outcome, void *user_data) {
  const size_t *size = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_EQ(outcome->size, *size);
  CHECK((outcome->data == NULL) == (*size == 0));
  CHECK_EQ((uintptr_t)outcome->data % 16, 0);
  check_counting(outcome->data, *size);
}

CASE(result_of_another_size) {
  static const size_t sizes[] = {0, 1, 7, 8, 9, 15, 16, 17, 64, 300, 4096, 1 << 20};
  pool_t *pool = new_pool(2);
  unsigned char *buffer = malloc((1 << 20) + 1);
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    for (size_t announced = 0; announced <= 24; announced += 8) {
      size_t size = sizes[i], found = 99;
      void *arg = (void *)(uintptr_t)size;
      pool_future_t *future = NULL;
      CHECK_OK(
          pool_apply_async(pool, set_result, arg, 0, announced, look_at_bytes, (void *)(uintptr_t)&sizes[i], &future));
      CHECK_OK(pool_future_wait(future, -1));
      const unsigned char *data = pool_future_data(future, &found);
      CHECK_EQ(found, size);
      CHECK_EQ((uintptr_t)data % 16, 0);
      check_counting(data, size);
      memset(buffer, 0xee, size + 1);
      if (size > 0) {
        CHECK_ERROR(pool_future_get(future, buffer, size - 1, -1), POOL_ERR_SIZE);
        CHECK_EQ(buffer[0], 0xee);
      }
      CHECK_OK(pool_future_get(future, buffer, size + 1, -1));
      check_counting(buffer, size);
      CHECK_EQ(buffer[size], 0xee);
      CHECK_OK(pool_future_release(future));
    }
  }
  CHECK_OK(pool_close_join(pool));
  free(buffer);
}

CASE(apply_with_a_shorter_result) {
  pool_t *pool = new_pool(2);
  unsigned char buffer[32];
  memset(buffer, 0xee, sizeof buffer);
  CHECK_OK(pool_apply(pool, set_result, (void *)5, 0, buffer, sizeof buffer));
  check_counting(buffer, 5);
  CHECK_EQ(buffer[5], 0xee);
  CHECK_OK(pool_close_join(pool));
}

CASE(apply_with_a_longer_result) {
  pool_t *pool = new_pool(2);
  unsigned char buffer[32];
  memset(buffer, 0xee, sizeof buffer);
  CHECK_ERROR(pool_apply(pool, set_result, (void *)33, 0, buffer, sizeof buffer), POOL_ERR_SIZE);
  for (size_t i = 0; i < sizeof buffer; i++) {
    CHECK_EQ(buffer[i], 0xee);
  }
  CHECK_ERROR(pool_apply(pool, set_result, (void *)1, 0, NULL, 0), POOL_ERR_SIZE);
  CHECK_OK(pool_close_join(pool));
}

static int32_t set_twice(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_OK(pool_task_set_result(task, "a much longer first result, thrown away", 39));
  return pool_task_set_result(task, "second", 7);
}

CASE(the_last_result_counts) {
  pool_t *pool = new_pool(1);
  char buffer[16] = "";
  CHECK_OK(pool_apply(pool, set_twice, NULL, 0, buffer, sizeof buffer));
  CHECK_STR(buffer, "second");
  CHECK_OK(pool_close_join(pool));
}

static int32_t set_and_fail(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_OK(pool_task_set_result(task, "thrown away", 12));
  return pool_task_fail(task, 9, "after all");
}

CASE(a_result_set_before_a_failure_is_dropped) {
  pool_t *pool = new_pool(1);
  struct seen seen = {0, "", 0};
  pool_future_t *future = NULL;
  char buffer[16] = "untouched";
  CHECK_OK(pool_apply_async(pool, set_and_fail, NULL, 0, 4, look, &seen, &future));
  CHECK_STATUS(pool_future_get(future, buffer, sizeof buffer, -1), 9);
  CHECK_STR(buffer, "untouched");
  CHECK(pool_future_data(future, NULL) == NULL);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(seen.calls, 1);
}
