/* A producer and two consumers who share a shelf: it notifies one of them for each good, and all at the end. */
#include "course.h"

#include <millpond.h>

enum { CONSUMERS = 2 };

/* In memory that all workers share, to be looked at and changed only by who has the lock. */
typedef struct Shelf {
  pool_lock_t *lock;
  pool_condition_t *changed;
  uint64_t goods;
  bool closed;
} Shelf;

/* Takes goods until there are none and there will be none; returns how many. */
static int32_t consume(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  Shelf *shelf = (Shelf *)arg;
  uint64_t *taken = result;
  for (bool more = true; more;) {
    check(pool_lock_acquire(shelf->lock, -1), "pool_lock_acquire");
    while (shelf->goods == 0 && !shelf->closed) {
      check(pool_condition_wait(shelf->changed, shelf->lock, -1), "pool_condition_wait");
    }
    more = shelf->goods > 0;
    if (more) {
      shelf->goods--;
      *taken += 1;
    }
    check(pool_lock_release(shelf->lock), "pool_lock_release");
    course_sleep(0.001); /* so that the other one gets some, too */
  }
  return 0;
}

static void put(Shelf *shelf) {
  check(pool_lock_acquire(shelf->lock, -1), "pool_lock_acquire");
  shelf->goods++;
  check(pool_condition_notify(shelf->changed), "pool_condition_notify");
  check(pool_lock_release(shelf->lock), "pool_lock_release");
}

static void close_shelf(Shelf *shelf) {
  check(pool_lock_acquire(shelf->lock, -1), "pool_lock_acquire");
  shelf->closed = true;
  check(pool_condition_notify_all(shelf->changed), "pool_condition_notify_all");
  check(pool_lock_release(shelf->lock), "pool_lock_release");
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, CONSUMERS);
  const uint64_t goods = course_size(&course, 20, 500, 3000);
  pool_future_t *consumers[CONSUMERS];
  uint64_t taken[CONSUMERS];
  Log timer = log_open(course.log_file);
  pool_t *pool = make_pool(course.mode, CONSUMERS);
  Shelf *shelf = pool_shared_alloc(pool, sizeof *shelf);
  check(shelf != NULL ? POOL_OK : POOL_ERR_NO_MEMORY, "pool_shared_alloc");
  check(pool_lock_create(pool, &shelf->lock), "pool_lock_create");
  check(pool_condition_create(pool, &shelf->changed), "pool_condition_create");
  log_start(&timer, "start");
  for (size_t i = 0; i < CONSUMERS; i++) {
    check(pool_apply_async(pool, consume, shelf, 0, sizeof taken[i], NULL, NULL, &consumers[i]), "pool_apply_async");
  }
  for (uint64_t i = 0; i < goods; i++) {
    put(shelf);
    if (i % 10 == 0) course_sleep(0.002); /* now and then the consumers have to wait */
  }
  log_step(&timer, "all goods are on the shelf");
  close_shelf(shelf);
  for (size_t i = 0; i < CONSUMERS; i++) {
    course_join(consumers[i], &taken[i], sizeof taken[i]);
    printf("consumer %zu has taken %" PRIu64 "\n", i, taken[i]);
  }
  log_stop(&timer, "all goods are taken");
  check(pool_condition_free(shelf->changed), "pool_condition_free");
  check(pool_lock_free(shelf->lock), "pool_lock_free");
  check(pool_close_join(pool), "pool_close_join");
  log_close(&timer);
  return course_end(&course, taken[0] + taken[1] == goods);
}
