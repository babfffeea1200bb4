/* Waiting for several futures at once, and for one after the other. */
#include "waits.h"

CASE(any) {
  pool_t *pool = new_pool(3);
  the_first_of_several(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(all) {
  for (uint32_t workers = 1; workers < 4; workers++) {
    pool_t *pool = new_pool(workers);
    all_of_them(pool);
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(first_error) {
  pool_t *pool = new_pool(2);
  the_first_failure(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(a_cancelled_future_ends_the_wait) {
  pool_t *pool = new_pool(1);
  cancelled_meanwhile(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(terminate_ends_the_wait) {
  int32_t untils[] = {POOL_WAIT_ANY, POOL_WAIT_FIRST_ERROR, POOL_WAIT_ALL};
  for (size_t i = 0; i < COUNT_OF(untils); i++) {
    pool_t *pool = new_pool(1);
    terminated_meanwhile(pool, untils[i]);
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(nothing_to_wait_for) {
  pool_future_t *none[2] = {NULL, NULL};
  size_t index = 99;
  CHECK_OK(pool_wait(NULL, 0, POOL_WAIT_ALL, -1, &index));
  CHECK_EQ(index, 0);
  CHECK_OK(pool_wait(none, 2, POOL_WAIT_ALL, -1, &index));
  CHECK_EQ(index, 2);
  CHECK_OK(pool_wait(none, 2, POOL_WAIT_FIRST_ERROR, -1, &index));
  CHECK_EQ(index, 2);
  CHECK_ERROR(pool_wait(NULL, 0, POOL_WAIT_ANY, -1, &index), POOL_ERR_INVALID);
  CHECK_ERROR(pool_wait(none, 2, POOL_WAIT_ANY, 0, &index), POOL_ERR_INVALID);
  for (size_t count = 0; count < 3; count++) {
    pool_as_completed_t *ready = each_of(count == 0 ? NULL : none, count);
    CHECK_EQ(pool_as_completed_next(ready, -1, &index), 0);
    CHECK_OK(pool_as_completed_release(ready));
  }
}

CASE(nonsense) {
  pool_t *pool = new_pool(1);
  pool_future_t *futures[2] = {submitted(pool, 1), submitted(pool, 2)};
  size_t index = 99;
  CHECK_ERROR(pool_wait(NULL, 1, POOL_WAIT_ALL, -1, &index), POOL_ERR_INVALID);
  CHECK_ERROR(pool_wait(futures, SIZE_MAX, POOL_WAIT_ALL, -1, &index), POOL_ERR_INVALID);
  CHECK_ERROR(pool_wait(futures, 2, 3, -1, &index), POOL_ERR_INVALID);
  CHECK_ERROR(pool_wait(futures, 2, -1, -1, &index), POOL_ERR_INVALID);
  CHECK_ERROR(pool_wait(futures, 2, POOL_WAIT_ALL, -2, &index), POOL_ERR_INVALID);
  pool_future_t *crooked[1] = {(pool_future_t *)((char *)futures[0] + 1)};
  CHECK_ERROR(pool_wait(crooked, 1, POOL_WAIT_ANY, -1, &index), POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "future 0");
  pool_as_completed_t *ready = NULL;
  CHECK_ERROR(pool_as_completed(NULL, 1, &ready), POOL_ERR_INVALID);
  CHECK_ERROR(pool_as_completed(futures, SIZE_MAX / 8, &ready), POOL_ERR_INVALID);
  CHECK_ERROR(pool_as_completed(futures, SIZE_MAX / 16, &ready), POOL_ERR_NO_MEMORY);
  CHECK_ERROR(pool_as_completed(futures, 2, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_as_completed(crooked, 1, &ready), POOL_ERR_INVALID);
  CHECK(ready == NULL);
  ready = each_of(futures, 2);
  CHECK_ERROR(pool_as_completed_next(NULL, -1, &index), POOL_ERR_INVALID);
  CHECK_ERROR(pool_as_completed_next(ready, -2, &index), POOL_ERR_INVALID);
  CHECK_ERROR(pool_as_completed_next(ready, -1, NULL), POOL_ERR_INVALID);
  CHECK_EQ(index, 99);
  CHECK_OK(pool_as_completed_release(ready));
  CHECK_ERROR(pool_as_completed_release(ready), POOL_ERR_INVALID);
  CHECK_ERROR(pool_as_completed_next(ready, -1, &index), POOL_ERR_INVALID);
  CHECK_OK(pool_as_completed_release(NULL));
  CHECK_OK(pool_wait(futures, 2, POOL_WAIT_ALL, -1, NULL));
  release_all(futures, 2);
  CHECK_OK(pool_close_join(pool));
}

CASE(the_same_future_many_times) {
  pool_t *pool = new_pool(2);
  enum { MANY = 20000 };
  static pool_future_t *futures[MANY];
  struct hold *hold = hold_workers(pool, 1, futures);
  size_t count = scaled(MANY), index, given = 0;
  for (size_t i = 1; i < count; i++) {
    futures[i] = futures[0];
  }
  CHECK_OK(pool_as_completed_release(each_of(futures, count)));
  pool_as_completed_t *ready = each_of(futures, count);
  CHECK_ERROR(pool_wait(futures, count, POOL_WAIT_ANY, 1, &index), POOL_ERR_TIMEOUT);
  atomic_store(&hold->go, 1);
  CHECK_OK(pool_wait(futures, count, POOL_WAIT_ALL, -1, &index));
  while (pool_as_completed_next(ready, -1, &index) == 1) {
    given++;
  }
  CHECK_EQ(given, count);
  CHECK_OK(pool_as_completed_release(ready));
  CHECK_OK(pool_future_release(futures[0]));
  CHECK_OK(pool_close_join(pool));
}

CASE(as_they_are_completed) {
  pool_t *pool = new_pool(3);
  in_the_order_of_their_ends(pool);
  CHECK_OK(pool_close_join(pool));
}

CASE(each_future_once) {
  int threads = threads_now();
  pool_t *pool = new_pool(2);
  each_once(pool, 1);
  each_once(pool, scaled(100000));
  CHECK_OK(pool_close_join(pool));
  threads_go_back_to(threads);
}

CASE(iterators_that_are_given_up) {
  pool_t *pool = new_pool(2);
  given_up_in_the_midst(pool);
  CHECK_OK(pool_close_join(pool));
}

/* Whoever gives a task up just as it ends leaves nothing behind that the next task in its place would stumble over. */
CASE(given_up_while_they_end) {
  pool_t *pool = new_pool(2);
  for (size_t i = 0; i < scaled(30000); i++) {
    pool_future_t *futures[2] = {submitted(pool, 1), NULL};
    pool_as_completed_t *ready = each_of(futures, 1);
    if (i % 3 == 0) {
      CHECK_OK(pool_future_wait(futures[0], -1));
    }
    CHECK_OK(pool_as_completed_release(ready));
    CHECK_OK(pool_future_release(futures[0]));
    futures[1] = submitted(pool, 2);
    size_t index = 99;
    ready = each_of(futures + 1, 1);
    CHECK_EQ(pool_as_completed_next(ready, -1, &index), 1);
    CHECK_EQ(pool_future_ready(futures[1]), 1);
    CHECK_OK(pool_as_completed_release(ready));
    CHECK_OK(pool_future_release(futures[1]));
  }
  CHECK_OK(pool_close_join(pool));
}

/* ---- From the inside ---- */

struct inner {
  pool_t *pool;
  int32_t until;
  atomic_int ended;
};

static int32_t wait_inside(const void *arg, void *result, pool_task_t *task) {
  struct inner *inner = (struct inner *)(uintptr_t)arg;
  (void)result;
  (void)task;
  pool_future_t *futures[5];
  for (int64_t i = 0; i < 5; i++) {
    futures[i] = submitted(inner->pool, i);
  }
  size_t index = 99;
  CHECK_OK(pool_wait(futures, 5, inner->until, -1, &index));
  CHECK_EQ(index, inner->until == POOL_WAIT_ANY ? index % 5 : 5);
  pool_as_completed_t *ready = each_of(futures, 5);
  int given = 0;
  while (pool_as_completed_next(ready, -1, &index) == 1) {
    given |= 1 << index;
  }
  CHECK_EQ(given, 31);
  CHECK_OK(pool_as_completed_release(ready));
  release_all(futures, 5);
  atomic_fetch_add(&inner->ended, 1);
  return 0;
}

CASE(tasks_that_wait_need_no_free_worker) {
  for (int32_t until = POOL_WAIT_ANY; until <= POOL_WAIT_FIRST_ERROR; until++) {
    pool_t *pool = new_pool(1);
    struct inner inner = {pool, until, 0};
    enum { TASKS = 20 };
    pool_future_t *futures[TASKS];
    for (int i = 0; i < TASKS; i++) {
      CHECK_OK(pool_apply_async(pool, wait_inside, &inner, 0, 0, NULL, NULL, &futures[i]));
    }
    CHECK_OK(pool_wait(futures, TASKS, POOL_WAIT_ALL, -1, NULL));
    CHECK_EQ(inner.ended, TASKS);
    release_all(futures, TASKS);
    CHECK_OK(pool_close_join(pool));
  }
}

struct myself {
  pool_future_t *future;
  pool_as_completed_t *ready;
  struct gate known;
};

static int32_t wait_for_myself(const void *arg, void *result, pool_task_t *task) {
  struct myself *self = (struct myself *)(uintptr_t)arg;
  (void)result;
  (void)task;
  gate_wait(&self->known);
  size_t index = 99;
  for (int32_t until = POOL_WAIT_ANY; until <= POOL_WAIT_FIRST_ERROR; until++) {
    CHECK_ERROR(pool_wait(&self->future, 1, until, -1, &index), POOL_ERR_DEADLOCK);
  }
  CHECK_ERROR(pool_as_completed_next(self->ready, -1, &index), POOL_ERR_DEADLOCK);
  return 0;
}

CASE(a_task_cannot_wait_for_itself) {
  pool_t *pool = new_pool(2);
  struct myself self = {NULL, NULL, GATE_INIT};
  size_t index = 99;
  CHECK_OK(pool_apply_async(pool, wait_for_myself, &self, 0, 0, NULL, NULL, &self.future));
  self.ready = each_of(&self.future, 1);
  gate_open(&self.known);
  CHECK_OK(pool_future_wait(self.future, -1));
  CHECK_OK(pool_future_status(self.future));
  CHECK_EQ(pool_as_completed_next(self.ready, -1, &index), 1);
  CHECK_OK(pool_as_completed_release(self.ready));
  CHECK_OK(pool_future_release(self.future));
  CHECK_OK(pool_close_join(pool));
}

static void wait_in_callback(const pool_result_t *outcome, void *user_data) {
  CHECK_STATUS(outcome->status, POOL_OK);
  CHECK_OK(wait_inside(user_data, NULL, NULL));
}

CASE(callbacks_may_wait) {
  int32_t modes[] = {POOL_CALLBACKS_SERIAL, POOL_CALLBACKS_INLINE, POOL_CALLBACKS_POLLED};
  for (size_t i = 0; i < COUNT_OF(modes); i++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 1;
    options.callbacks = modes[i];
    pool_t *pool = new_pool_with(&options);
    struct inner inner = {pool, POOL_WAIT_ANY, 0};
    int64_t arg = 4;
    CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, wait_in_callback, &inner, NULL));
    if (modes[i] == POOL_CALLBACKS_POLLED) {
      CHECK_EQ(pool_poll(pool, -1), 1);
    }
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(inner.ended, 1);
  }
}

/* ---- Threads and processes beside ---- */

static void *next_of_it(void *data) {
  size_t index = 99;
  CHECK_EQ(pool_as_completed_next(data, -1, &index), 1);
  CHECK_EQ(index, 0);
  return NULL;
}

CASE(one_thread_at_a_time) {
  pool_t *pool = new_pool(1);
  pool_future_t *future;
  struct hold *hold = hold_workers(pool, 1, &future);
  pool_as_completed_t *ready = each_of(&future, 1);
  pthread_t thread = check_thread(next_of_it, ready);
  size_t index = 99;
  int32_t status;
  EVENTUALLY((status = pool_as_completed_next(ready, 0, &index)) != POOL_ERR_TIMEOUT);
  CHECK_STATUS(status, POOL_ERR_INVALID);
  CHECK_HAS(pool_last_error(), "in use");
  CHECK_ERROR(pool_as_completed_release(ready), POOL_ERR_INVALID);
  atomic_store(&hold->go, 1);
  pthread_join(thread, NULL);
  CHECK_OK(pool_as_completed_release(ready));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

static void *wait_for_all(void *data) {
  pool_future_t **futures = data;
  size_t index = 99;
  CHECK_OK(pool_wait(futures, 3, POOL_WAIT_FIRST_ERROR, -1, &index));
  CHECK_EQ(index, 3);
  CHECK_OK(pool_wait(futures, 3, POOL_WAIT_ALL, -1, &index));
  return NULL;
}

CASE(many_threads_wait_for_the_same) {
  pool_t *pool = new_pool(3);
  pool_future_t *futures[3];
  struct hold *holds = hold_workers(pool, 3, futures);
  pthread_t threads[8];
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(wait_for_all, futures);
  }
  for (size_t i = 0; i < 3; i++) {
    sleep_ms(5);
    atomic_store(&holds[i].go, 1);
  }
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    pthread_join(threads[i], NULL);
  }
  release_all(futures, 3);
  CHECK_OK(pool_close_join(pool));
}
