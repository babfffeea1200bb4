/* Values of which each worker has its own, on threads and in processes: what the cases of both do. */
#ifndef LOCAL_H
#define LOCAL_H

#include "procs.h"

/* In memory that all processes share. */
struct book {
  atomic_int made, freed, live;
  atomic_int refuse;
  pool_local_t *local, *inner;
};

struct own {
  struct book *book;
  pthread_t thread;
  pid_t pid;
  int count;
};

UNUSED static void *make_own(void *user_data) {
  struct book *book = user_data;
  if (atomic_load(&book->refuse)) {
    return NULL;
  }
  struct own *own = calloc(1, sizeof *own);
  *own = (struct own){book, pthread_self(), getpid(), 0};
  atomic_fetch_add(&book->made, 1);
  return own;
}

UNUSED static void free_own(void *value, void *user_data) {
  struct own *own = value;
  CHECK(own->book == user_data);
  CHECK_EQ(own->pid, getpid());
  CHECK(pthread_equal(own->thread, pthread_self()));
  atomic_fetch_add(&own->book->freed, 1);
  free(own);
}

/* Counts with what is this worker's own, and stays a while, so that others have to come. */
UNUSED static int32_t count_own(const void *arg, void *result, pool_task_t *task) {
  struct book *book = *(struct book *const *)arg;
  (void)result, (void)task;
  struct own *own = pool_local_get(book->local);
  CHECK(own != NULL);
  CHECK(own == pool_local_get(book->local));
  CHECK_EQ(own->pid, getpid());
  CHECK(pthread_equal(own->thread, pthread_self()));
  int before = own->count;
  sleep_ms(1);
  own->count++;
  CHECK_EQ(own->count, before + 1);
  return 0;
}

UNUSED static struct book *new_book(void) {
  struct book *book = common(sizeof *book);
  book->local = pool_local_create(make_own, free_own, book);
  CHECK(book->local != NULL);
  return book;
}

/* One value for each worker, and each is freed by its worker. */
UNUSED static void each_worker_has_its_own(int32_t mode) {
  struct book *book = new_book();
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = 3;
  pool_t *pool = new_pool_with(&options);
  /* One that was made before a fork is the maker's alone. */
  CHECK(pool_local_get(book->local) != NULL);
  CHECK_EQ(book->made, 1);
  for (int i = 0; i < 60; i++) {
    CHECK_OK(pool_apply_async(pool, count_own, &book, sizeof book, 0, NULL, NULL, NULL));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK(book->made >= 2 && book->made <= 1 + 3);
  CHECK_EQ(book->freed, book->made - 1);
  CHECK_OK(pool_local_release(book->local));
}

UNUSED static int32_t get_nothing(const void *arg, void *result, pool_task_t *task) {
  struct book *book = *(struct book *const *)arg;
  (void)result, (void)task;
  CHECK(pool_local_get(book->local) == NULL);
  CHECK_HAS(pool_last_error(), "returned NULL");
  atomic_store(&book->refuse, 0);
  CHECK(pool_local_get(book->local) != NULL);
  return 0;
}

/* A failure to make one is told, and not for ever. */
UNUSED static void a_value_that_cannot_be_made(int32_t mode) {
  struct book *book = new_book();
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = mode;
  options.workers = 1;
  pool_t *pool = new_pool_with(&options);
  pool_future_t *future;
  atomic_store(&book->refuse, 1);
  CHECK_OK(pool_apply_async(pool, get_nothing, &book, sizeof book, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, NULL, 0, 10000));
  pool_future_release(future);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(book->made, 1);
  CHECK_EQ(book->freed, 1);
  CHECK_OK(pool_local_release(book->local));
}

#endif
