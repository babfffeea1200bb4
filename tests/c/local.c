/* pool_local_get() on threads. */
#include "local.h"

CASE(each_thread_has_its_own) {
  each_worker_has_its_own(POOL_THREADS);
}

CASE(a_value_that_cannot_be_made_on_a_thread) {
  a_value_that_cannot_be_made(POOL_THREADS);
}

CASE(nonsense_is_refused) {
  CHECK(pool_local_create(NULL, NULL, NULL) == NULL);
  CHECK_HAS(pool_last_error(), "make is NULL");
  CHECK(pool_local_get(NULL) == NULL);
  CHECK_ERROR(pool_local_release(NULL), POOL_ERR_INVALID);
  struct book *book = new_book();
  CHECK(pool_local_get(book->local) != NULL);
  CHECK_OK(pool_local_release(book->local));
  CHECK(pool_local_get(book->local) == NULL);
  CHECK_HAS(pool_last_error(), "released");
  CHECK_ERROR(pool_local_release(book->local), POOL_ERR_INVALID);
}

static void *make_in_a_circle(void *user_data) {
  struct book *book = user_data;
  CHECK(pool_local_get(book->local) == NULL);
  CHECK_HAS(pool_last_error(), "being made");
  /* Others may be asked for. */
  return pool_local_get(book->inner);
}

CASE(made_with_another) {
  struct book *book = new_book();
  book->inner = book->local;
  book->local = pool_local_create(make_in_a_circle, NULL, book);
  CHECK(pool_local_get(book->local) != NULL);
  CHECK(pool_local_get(book->local) == pool_local_get(book->inner));
}

static void free_and_ask(void *value, void *user_data) {
  struct book *book = user_data;
  CHECK(pool_local_get(book->local) == NULL);
  CHECK_HAS(pool_last_error(), "ending");
  atomic_fetch_add(&book->freed, 1);
  free(value);
}

static void *get_and_end(void *data) {
  CHECK(pool_local_get(data) != NULL);
  return NULL;
}

/* Any thread has a value, and none is made while the thread ends. */
CASE(a_thread_that_ends_frees_what_it_has) {
  struct book *book = common(sizeof *book);
  book->local = pool_local_create(make_own, free_and_ask, book);
  for (int i = 0; i < 5; i++) {
    pthread_join(check_thread(get_and_end, book->local), NULL);
    CHECK_EQ(book->freed, i + 1);
    CHECK_EQ(book->made, i + 1);
  }
}

CASE(a_child_makes_its_own) {
  struct book *book = new_book();
  struct own *mine = pool_local_get(book->local);
  pid_t child = fork();
  if (child == 0) {
    struct own *own = pool_local_get(book->local);
    CHECK(own != NULL && own != mine);
    CHECK_EQ(own->pid, getpid());
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
  CHECK_EQ(book->made, 2);
  CHECK(pool_local_get(book->local) == mine);
}
