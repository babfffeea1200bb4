/* Maps from a producer to a consumer, on threads and in processes: what the cases of both do. */
#ifndef IMAP_H
#define IMAP_H

#include "procs.h"

/* Produces 0, 1, 2 and so on: `count` of them, then `end`. */
struct source {
  int64_t next, count;
  int32_t end;
};

UNUSED static int32_t produce(void *arg, void *user_data) {
  struct source *source = user_data;
  CHECK((uintptr_t)arg % 16 == 0);
  CHECK_EQ(*(int64_t *)arg, 0);
  if (source->next >= source->count) {
    return source->end;
  }
  *(int64_t *)arg = source->next++;
  return 1;
}

UNUSED static int32_t fail_sevenths(const void *arg, void *result, pool_task_t *task) {
  int64_t id = *(const int64_t *)arg;
  return id % 7 == 3 ? pool_task_fail(task, 7, "a seventh") : twice(arg, result, task);
}

UNUSED static pool_call_t call_of(pool_fn fn) {
  pool_call_t call = POOL_CALL_INIT;
  call.fn = fn;
  call.arg_size = call.result_size = 8;
  return call;
}

typedef int32_t begin_fn(pool_t *, const pool_call_t *, pool_producer_fn, void *, size_t, pool_imap_t **);

UNUSED static pool_imap_t *imap_of(begin_fn *begin, pool_t *pool, pool_fn fn, struct source *source, size_t window) {
  pool_call_t call = call_of(fn);
  pool_imap_t *imap = NULL;
  CHECK_OK(begin(pool, &call, produce, source, window, &imap));
  CHECK(imap != NULL);
  return imap;
}

/* The next item must be there, be that one, and end so. */
#define CHECK_NEXT(imap, expected, with)                                                                               \
  do {                                                                                                                 \
    int64_t check_r = -1;                                                                                              \
    size_t check_i = 99;                                                                                               \
    int32_t check_s = 99;                                                                                              \
    CHECK_EQ(pool_imap_next(imap, -1, &check_r, 8, &check_i, &check_s), 1);                                            \
    CHECK_EQ(check_i, expected);                                                                                       \
    CHECK_STATUS(check_s, with);                                                                                       \
    CHECK_EQ(check_r, check_s == POOL_OK ? 2 * (int64_t)check_i : -1);                                                 \
  } while (0)

UNUSED static void results_in_order(pool_t *pool, size_t window, int64_t count) {
  struct source source = {0, count, 0};
  pool_imap_t *imap = imap_of(pool_imap, pool, fail_sevenths, &source, window);
  for (int64_t i = 0; i < count; i++) {
    CHECK_NEXT(imap, i, i % 7 == 3 ? 7 : POOL_OK);
    if (i % 7 == 3) {
      CHECK_HAS(pool_last_error(), "a seventh");
    }
    CHECK(window == 0 || (size_t)(source.next - i) <= window);
  }
  int32_t status = 99;
  CHECK_EQ(pool_imap_next(imap, -1, NULL, 0, NULL, &status), 0);
  CHECK_EQ(pool_imap_next(imap, 0, NULL, 0, NULL, &status), 0);
  CHECK_EQ(status, 99);
  CHECK_OK(pool_imap_release(imap));
}

UNUSED static void results_as_they_come(pool_t *pool, size_t window, int64_t count) {
  struct source source = {0, count, 0};
  pool_imap_t *imap = imap_of(pool_imap_unordered, pool, fail_sevenths, &source, window);
  unsigned char *seen = calloc((size_t)count + 1, 1);
  int64_t given = 0, result;
  size_t index;
  int32_t status, one;
  while ((one = pool_imap_next(imap, -1, &result, 8, &index, &status)) == 1) {
    CHECK(index < (size_t)count);
    CHECK_EQ(seen[index]++, 0);
    CHECK_STATUS(status, index % 7 == 3 ? 7 : POOL_OK);
    CHECK(status != POOL_OK || result == 2 * (int64_t)index);
    given++;
    CHECK(window == 0 || (size_t)(source.next - (given - 1)) <= window);
  }
  CHECK_EQ(one, 0);
  CHECK_EQ(given, count);
  CHECK_OK(pool_imap_release(imap));
  free(seen);
}

/* A negative number of the producer's ends it, once what came before has been taken; it is told, and is taken for no
 * status of the library's. */
UNUSED static void a_producer_that_fails(pool_t *pool, begin_fn *begin) {
  static const int32_t codes[] = {-4321, POOL_ERR_TIMEOUT, POOL_ERR_CLOSED, INT32_MIN};
  for (int64_t count = 0; count < 12; count += 3) {
    struct source source = {0, count, codes[count / 3]};
    char told[40];
    snprintf(told, sizeof told, "it returned %d", source.end);
    pool_imap_t *imap = imap_of(begin, pool, twice, &source, 4);
    int64_t result, sum = 0;
    int32_t status;
    for (int64_t i = 0; i < count; i++) {
      CHECK_EQ(pool_imap_next(imap, -1, &result, 8, NULL, &status), 1);
      CHECK_OK(status);
      sum += result;
    }
    CHECK_EQ(sum, count * (count - 1));
    for (int i = 0; i < 2; i++) {
      CHECK_ERROR(pool_imap_next(imap, -1, &result, 8, NULL, &status), POOL_ERR_INTERNAL);
      CHECK_HAS(pool_last_error(), told);
    }
    CHECK_OK(pool_imap_release(imap));
  }
}

/* Waits for the gate of its own number: a hold in shared memory. The first `count` items wait. */
struct gates {
  atomic_int open[8], begun;
};

UNUSED static int32_t through_my_gate(const void *arg, void *result, pool_task_t *task) {
  struct gates *gates = (struct gates *)(uintptr_t)task->context;
  int64_t id = *(const int64_t *)arg;
  atomic_fetch_add(&gates->begun, 1);
  while (id < 8 && !atomic_load(&gates->open[id]) && pool_task_cancelled(task) != 1) {
    sleep_ms(1);
  }
  return twice(arg, result, task);
}

UNUSED static pool_imap_t *gated(begin_fn *begin, pool_t *pool, struct gates *gates, struct source *source,
                                 size_t window) {
  pool_call_t call = call_of(through_my_gate);
  call.context = gates;
  pool_imap_t *imap = NULL;
  memset((void *)gates, 0, sizeof *gates);
  CHECK_OK(begin(pool, &call, produce, source, window, &imap));
  return imap;
}

UNUSED static void who_waits_for_whom(pool_t *pool) {
  struct gates *gates = shared(pool, sizeof *gates);
  struct source source = {0, 3, 0};
  int64_t result = -1;
  size_t index = 99;
  int32_t status = 99;
  /* In order: the second has ended, and waits for the first. */
  pool_imap_t *imap = gated(pool_imap, pool, gates, &source, 2);
  atomic_store(&gates->open[1], 1);
  CHECK_ERROR(pool_imap_next(imap, 30, &result, 8, &index, &status), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_imap_next(imap, 0, &result, 8, &index, &status), POOL_ERR_TIMEOUT);
  CHECK(result == -1 && index == 99 && status == 99);
  CHECK_EQ(source.next, 2);
  atomic_store(&gates->open[0], 1);
  CHECK_NEXT(imap, 0, POOL_OK);
  CHECK_NEXT(imap, 1, POOL_OK);
  atomic_store(&gates->open[2], 1);
  CHECK_NEXT(imap, 2, POOL_OK);
  CHECK_EQ(pool_imap_next(imap, -1, NULL, 0, NULL, &status), 0);
  CHECK_OK(pool_imap_release(imap));
  /* As they come: it does not wait, nor do those behind. */
  source.next = 0;
  imap = gated(pool_imap_unordered, pool, gates, &source, 2);
  atomic_store(&gates->open[1], 1);
  CHECK_NEXT(imap, 1, POOL_OK);
  atomic_store(&gates->open[2], 1);
  CHECK_NEXT(imap, 2, POOL_OK);
  CHECK_ERROR(pool_imap_next(imap, 20, &result, 8, &index, &status), POOL_ERR_TIMEOUT);
  atomic_store(&gates->open[0], 1);
  CHECK_NEXT(imap, 0, POOL_OK);
  CHECK_EQ(pool_imap_next(imap, -1, NULL, 0, NULL, &status), 0);
  CHECK_OK(pool_imap_release(imap));
}

/* What has not started never does; what runs is asked to stop. */
UNUSED static void released_in_the_midst(pool_t *pool, begin_fn *begin) {
  struct gates *gates = shared(pool, sizeof *gates);
  struct source source = {0, INT64_MAX, 0};
  pool_imap_t *imap = gated(begin, pool, gates, &source, 50);
  CHECK_EQ(source.next, 50);
  EVENTUALLY(atomic_load(&gates->begun) > 0);
  CHECK_OK(pool_imap_release(imap));
  CHECK_OK(pool_close(pool));
  CHECK_OK(pool_join(pool, -1));
  CHECK(atomic_load(&gates->begun) < 10);
  CHECK_EQ(source.next, 50);
}

UNUSED static void too_long_for_the_room(pool_t *pool, begin_fn *begin) {
  struct source source = {0, 3, 0};
  pool_imap_t *imap = imap_of(begin, pool, twice, &source, 1);
  int64_t result = -1;
  int32_t status = 99;
  size_t index = 99;
  for (int i = 0; i < 3; i++) {
    CHECK_ERROR(pool_imap_next(imap, -1, &result, 7, &index, &status), POOL_ERR_SIZE);
    CHECK(result == -1 && status == 99 && index == 99);
  }
  CHECK_NEXT(imap, 0, POOL_OK);
  CHECK_EQ(pool_imap_next(imap, -1, NULL, 0, &index, &status), 1);
  CHECK_NEXT(imap, 2, POOL_OK);
  CHECK_OK(pool_imap_release(imap));
}

UNUSED static void *terminate_in_a_moment(void *data) {
  sleep_ms(20);
  CHECK_OK(pool_terminate(data));
  return NULL;
}

/* What was under way is delivered as terminated, and then it is over. */
UNUSED static void terminated_in_the_midst(pool_t *pool, begin_fn *begin) {
  struct gates *gates = shared(pool, sizeof *gates);
  struct source source = {0, INT64_MAX, 0};
  pool_imap_t *imap = gated(begin, pool, gates, &source, 20);
  pthread_t thread = check_thread(terminate_in_a_moment, pool);
  int32_t status, next, terminated = 0, given = 0;
  while ((next = pool_imap_next(imap, -1, NULL, 0, NULL, &status)) == 1) {
    CHECK(status == POOL_OK || status == POOL_ERR_TERMINATED);
    terminated += status == POOL_ERR_TERMINATED;
    given++;
  }
  CHECK_STATUS(next, POOL_ERR_CLOSED);
  CHECK_EQ(given, 20);
  CHECK(terminated >= 10);
  pthread_join(thread, NULL);
  CHECK_STATUS(pool_imap_next(imap, -1, NULL, 0, NULL, &status), POOL_ERR_CLOSED);
  CHECK_OK(pool_close_join(pool));
  CHECK_STATUS(pool_imap_next(imap, -1, NULL, 0, NULL, &status), POOL_ERR_CLOSED);
  CHECK_OK(pool_imap_release(imap));
}

/* Also when there would have been no item; nobody asks the producer. */
UNUSED static void closed_before(int32_t mode) {
  begin_fn *begins[] = {pool_imap, pool_imap_unordered};
  pool_t *pool = pool_of(mode, 1);
  CHECK_OK(pool_close(pool));
  for (int64_t count = 0; count < 2; count++) {
    for (size_t i = 0; i < COUNT_OF(begins); i++) {
      struct source source = {0, count, 0};
      pool_call_t call = call_of(twice);
      pool_imap_t *imap = NULL;
      CHECK_ERROR(begins[i](pool, &call, produce, &source, 0, &imap), POOL_ERR_CLOSED);
      CHECK(imap == NULL);
      CHECK_EQ(source.next, 0);
    }
  }
  CHECK_OK(pool_close_join(pool));
}

/* Kilobytes of this process that are in memory. */
UNUSED static long resident(void) {
  long pages = 0, all = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%ld %ld", &all, &pages) == 2);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* An endless producer and a consumer that stops: no more memory at the end than at the beginning. */
UNUSED static void endless(pool_t *pool, begin_fn *begin, size_t count) {
  struct source source = {0, INT64_MAX, 0};
  pool_imap_t *imap = imap_of(begin, pool, twice, &source, 0);
  long before = 0;
  for (size_t i = 0; i < count; i++) {
    int64_t result;
    int32_t status;
    size_t index;
    CHECK_EQ(pool_imap_next(imap, -1, &result, 8, &index, &status), 1);
    CHECK_OK(status);
    CHECK_EQ(result, 2 * (int64_t)index);
    before = i == count / 10 ? resident() : before;
  }
  if (check_tool() == NULL && resident() > before + 8000) {
    FAIL("%ld kB at a tenth, %ld kB at the end", before, resident());
  }
  CHECK_OK(pool_imap_release(imap));
}

/* ---- What the cases of both modes do ---- */

UNUSED static void a_slow_item_of(int32_t mode) {
  pool_t *pool = pool_of(mode, 2);
  who_waits_for_whom(pool);
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void failing_producers_of(int32_t mode) {
  pool_t *pool = pool_of(mode, 2);
  a_producer_that_fails(pool, pool_imap);
  a_producer_that_fails(pool, pool_imap_unordered);
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void given_up_in(int32_t mode) {
  begin_fn *begins[] = {pool_imap, pool_imap_unordered};
  for (size_t i = 0; i < COUNT_OF(begins); i++) {
    pool_t *pool = pool_of(mode, 2);
    released_in_the_midst(pool, begins[i]);
    CHECK_OK(pool_close_join(pool));
    pool = pool_of(mode, 2);
    terminated_in_the_midst(pool, begins[i]);
  }
}

UNUSED static void results_without_room_in(int32_t mode) {
  pool_t *pool = pool_of(mode, 1);
  too_long_for_the_room(pool, pool_imap);
  too_long_for_the_room(pool, pool_imap_unordered);
  CHECK_OK(pool_close_join(pool));
}

UNUSED static void without_end_in(int32_t mode, size_t count) {
  pool_t *pool = pool_of(mode, 2);
  endless(pool, pool_imap, count);
  endless(pool, pool_imap_unordered, count);
  CHECK_OK(pool_close_join(pool));
}

#endif
