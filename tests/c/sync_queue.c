/* Queues between threads: items by value, in order, once each; waiting, time-outs, closing, and being done. */
#include "objects.h"

CASE(first_in_first_out_around_the_ring) {
  pool_queue_t *queue = new_queue(NULL, sizeof(int), 3);
  for (int i = 0; i < 20; i++) {
    put_int(queue, 2 * i);
    put_int(queue, 2 * i + 1);
    CHECK_EQ(size_of(queue), 2);
    CHECK_EQ(get_int(queue), 2 * i);
    CHECK_EQ(get_int(queue), 2 * i + 1);
  }
  CHECK_EQ(size_of(queue), 0);
  CHECK_OK(pool_queue_free(queue));
}

CASE(items_have_the_size_they_were_put_with) {
  pool_queue_t *queue = new_queue(NULL, 100, 4);
  char bytes[100];
  size_t size = 77;
  memset(bytes, 'x', sizeof bytes);
  CHECK_OK(pool_queue_put(queue, NULL, 0, -1));
  CHECK_OK(pool_queue_put(queue, "hello", 6, -1));
  CHECK_OK(pool_queue_put(queue, bytes, 100, -1));
  CHECK_ERROR(pool_queue_put(queue, bytes, 101, -1), POOL_ERR_SIZE);
  CHECK_OK(pool_queue_get(queue, NULL, 0, &size, -1));
  CHECK_EQ(size, 0);
  CHECK_ERROR(pool_queue_get(queue, bytes, 5, &size, -1), POOL_ERR_SIZE);
  CHECK_EQ(size, 0);
  CHECK_OK(pool_queue_get(queue, bytes, 100, &size, -1));
  CHECK_EQ(size, 6);
  CHECK_STR(bytes, "hello");
  CHECK_OK(pool_queue_get(queue, bytes, 100, &size, -1));
  CHECK_EQ(size, 100);
  CHECK_EQ(bytes[99], 'x');
  CHECK_OK(pool_queue_free(queue));
}

CASE(full_and_empty_run_out_of_time) {
  pool_queue_t *queue = new_queue(NULL, sizeof(int), 2);
  int item = 5;
  int64_t start = now_ms();
  CHECK_ERROR(pool_queue_get(queue, &item, sizeof item, NULL, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_queue_get(queue, &item, sizeof item, NULL, 30), POOL_ERR_TIMEOUT);
  CHECK_EQ(item, 5);
  CHECK_OK(pool_queue_put(queue, &item, sizeof item, 0));
  CHECK_OK(pool_queue_put(queue, &item, sizeof item, 0));
  CHECK_ERROR(pool_queue_put(queue, &item, sizeof item, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_queue_put(queue, &item, sizeof item, 30), POOL_ERR_TIMEOUT);
  CHECK(now_ms() - start >= 60);
  CHECK_EQ(size_of(queue), 2);
  CHECK_OK(pool_queue_free(queue));
}

/* ---- Many at both ends ---- */

struct traffic {
  pool_queue_t *in, *out;
  int each;
};

static void *produce(void *data) {
  struct traffic *traffic = data;
  for (int i = 1; i <= traffic->each; i++) {
    put_int(traffic->in, i);
  }
  return NULL;
}

static void *consume(void *data) {
  struct traffic *traffic = data;
  int64_t sum = 0;
  for (int item; (item = get_int(traffic->in)) != 0;) {
    sum += item;
    CHECK_OK(pool_queue_task_done(traffic->in));
  }
  CHECK_OK(pool_queue_task_done(traffic->in));
  CHECK_OK(pool_queue_put(traffic->out, &sum, sizeof sum, -1));
  return NULL;
}

static void each_item_once(pool_t *pool, size_t capacity) {
  enum { THREADS = 4 };
  struct traffic traffic = {new_queue(pool, sizeof(int), capacity), new_queue(pool, sizeof(int64_t), 1),
                            (int)scaled(5000)};
  pthread_t threads[2 * THREADS];
  for (int i = 0; i < THREADS; i++) {
    threads[i] = check_thread(produce, &traffic);
    threads[THREADS + i] = check_thread(consume, &traffic);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  for (int i = 0; i < THREADS; i++) {
    put_int(traffic.in, 0);
  }
  int64_t sum = 0, part = 0;
  for (int i = 0; i < THREADS; i++) {
    CHECK_OK(pool_queue_get(traffic.out, &part, sizeof part, NULL, -1));
    sum += part;
  }
  CHECK_OK(pool_queue_join(traffic.in, -1));
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[THREADS + i], NULL);
  }
  CHECK_EQ(sum, (int64_t)traffic.each * (traffic.each + 1) / 2 * THREADS);
  CHECK_OK(pool_queue_free(traffic.in));
  CHECK_OK(pool_queue_free(traffic.out));
}

CASE(each_item_once_through_one_place) {
  each_item_once(NULL, 1);
}

CASE(each_item_once_through_many_places) {
  each_item_once(NULL, 64);
}

CASE(each_item_once_in_the_memory_of_a_pool) {
  pool_t *pool = new_pool(1);
  each_item_once(pool, 8);
  CHECK_OK(pool_close_join(pool));
}

/* ---- A pool whose workers all wait ---- */

static int32_t get_and_double(const void *arg, void *result, pool_task_t *task) {
  pool_queue_t *const *queues = arg;
  (void)result;
  (void)task;
  put_int(queues[1], get_int(queues[0]) * 2);
  return 0;
}

static int32_t put_one(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  put_int(*(pool_queue_t *const *)arg, 21);
  return 0;
}

CASE(tasks_that_wait_give_their_places_away) {
  enum { TASKS = 8 };
  pool_t *pool = new_pool(2);
  pool_queue_t *queues[2] = {new_queue(pool, sizeof(int), TASKS), new_queue(pool, sizeof(int), TASKS)};
  for (int i = 0; i < TASKS; i++) {
    CHECK_OK(pool_apply_async(pool, get_and_double, queues, sizeof queues, 0, NULL, NULL, NULL));
  }
  for (int i = 0; i < TASKS; i++) {
    CHECK_OK(pool_apply_async(pool, put_one, &queues[0], sizeof queues[0], 0, NULL, NULL, NULL));
  }
  for (int i = 0; i < TASKS; i++) {
    CHECK_EQ(get_int(queues[1]), 42);
  }
  CHECK_OK(pool_close_join(pool));
}

/* ---- Done ---- */

CASE(join_waits_until_all_is_done) {
  pool_queue_t *queue = new_queue(NULL, sizeof(int), 4);
  CHECK_OK(pool_queue_join(queue, 0));
  put_int(queue, 1);
  put_int(queue, 2);
  CHECK_ERROR(pool_queue_join(queue, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_queue_task_done(queue), POOL_ERR_INVALID);
  get_int(queue);
  get_int(queue);
  CHECK_OK(pool_queue_task_done(queue));
  CHECK_ERROR(pool_queue_join(queue, 20), POOL_ERR_TIMEOUT);
  CHECK_OK(pool_queue_task_done(queue));
  CHECK_OK(pool_queue_join(queue, -1));
  CHECK_ERROR(pool_queue_task_done(queue), POOL_ERR_INVALID);
  CHECK_OK(pool_queue_free(queue));
}

static void *join_queue(void *data) {
  CHECK_OK(pool_queue_join(data, -1));
  return NULL;
}

CASE(several_join) {
  pool_queue_t *queue = new_queue(NULL, sizeof(int), 4);
  pthread_t threads[3];
  put_int(queue, 1);
  for (int i = 0; i < 3; i++) {
    threads[i] = check_thread(join_queue, queue);
  }
  sleep_ms(20);
  get_int(queue);
  CHECK_OK(pool_queue_task_done(queue));
  for (int i = 0; i < 3; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_queue_free(queue));
}

/* ---- Closed ---- */

static void *get_until_closed(void *data) {
  intptr_t count = 0;
  int32_t status;
  for (int item; (status = pool_queue_get(data, &item, sizeof item, NULL, -1)) == POOL_OK;) {
    count++;
  }
  CHECK_EQ(status, POOL_ERR_CLOSED);
  return (void *)count;
}

CASE(a_closed_queue_is_emptied_then_ends_all) {
  pool_queue_t *queue = new_queue(NULL, sizeof(int), 100);
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) {
    threads[i] = check_thread(get_until_closed, queue);
  }
  for (int i = 0; i < 50; i++) {
    put_int(queue, i);
  }
  CHECK_OK(pool_queue_close(queue));
  CHECK_ERROR(pool_queue_put(queue, &threads, 1, -1), POOL_ERR_CLOSED);
  intptr_t sum = 0;
  for (int i = 0; i < 3; i++) {
    void *count = NULL;
    pthread_join(threads[i], &count);
    sum += (intptr_t)count;
  }
  CHECK_EQ(sum, 50);
  CHECK_OK(pool_queue_free(queue));
}

static void *put_when_closed(void *data) {
  int item = 1;
  CHECK_STATUS(pool_queue_put(data, &item, sizeof item, -1), POOL_ERR_CLOSED);
  return NULL;
}

CASE(closing_ends_who_waits_for_room) {
  pool_queue_t *queue = new_queue(NULL, sizeof(int), 1);
  put_int(queue, 7);
  pthread_t threads[2] = {check_thread(put_when_closed, queue), check_thread(put_when_closed, queue)};
  sleep_ms(20);
  CHECK_OK(pool_queue_close(queue));
  pthread_join(threads[0], NULL);
  pthread_join(threads[1], NULL);
  CHECK_EQ(get_int(queue), 7);
  CHECK_OK(pool_queue_free(queue));
}

/* ---- Nonsense ---- */

CASE(nonsense_is_refused) {
  pool_queue_t *queue = NULL;
  int item = 0;
  CHECK_ERROR(pool_queue_create(NULL, 4, 4, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_create(NULL, 4, 0, &queue), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_create(NULL, SIZE_MAX, 1, &queue), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_create(NULL, SIZE_MAX / 64, 4000, &queue), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_create(NULL, (size_t)1 << 50, 1, &queue), POOL_ERR_NO_MEMORY);
  CHECK(queue == NULL);
  CHECK_ERROR(pool_queue_put(NULL, &item, 4, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_get(NULL, &item, 4, NULL, -1), POOL_ERR_INVALID);
  queue = new_queue(NULL, 4, 4);
  CHECK_ERROR(pool_queue_put(queue, NULL, 4, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_put(queue, &item, 4, -2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_get(queue, NULL, 4, NULL, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_size(queue, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_event_set((pool_event_t *)queue), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_close((pool_queue_t *)((char *)queue + 1)), POOL_ERR_INVALID);
  CHECK_OK(pool_queue_free(queue));
  CHECK_ERROR(pool_queue_free(queue), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_put(queue, &item, 4, -1), POOL_ERR_INVALID);
  CHECK_OK(pool_queue_free(NULL));
}

/* Also when the system would have the memory back at once. */
static void freed_is_refused(const size_t *sizes, int count) {
  pool_t *pool = pool_create(1);
  pool_queue_t *freed[40];
  for (int i = 0; i < 40; i++) {
    size_t size = 0;
    freed[i] = new_queue(pool, 1000, sizes[i % count]);
    CHECK_OK(pool_queue_free(freed[i]));
    CHECK_ERROR(pool_queue_free(freed[i]), POOL_ERR_INVALID);
    CHECK_ERROR(pool_queue_size(freed[i], &size), POOL_ERR_INVALID);
    CHECK_ERROR(pool_queue_close(freed[i < 10 ? 0 : i - 10]), POOL_ERR_INVALID);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(what_was_freed_is_refused) {
  freed_is_refused((const size_t[]){900, 200}, 2);
}

CASE(what_was_large_and_freed_is_refused) {
  freed_is_refused((const size_t[]){100000, 900, 200}, 3);
}
