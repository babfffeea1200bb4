/* The squares of 1..5 on five workers, in each of the ways to call a pool. */
#include "course.h"

#include <millpond.h>

enum { COUNT = 5 };

static int32_t square(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  const uint64_t x = *(const uint64_t *)arg;
  *(uint64_t *)result = x * x;
  return 0;
}

/* As square, for a function of two arguments: x times x, which come from two arrays. */
static int32_t multiply(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  const void *const *args = arg;
  *(uint64_t *)result = *(const uint64_t *)args[0] * *(const uint64_t *)args[1];
  return 0;
}

/* Prints the list under the name of the call and empties it for the next one. */
static bool show(const char *name, uint64_t *squares) {
  static const uint64_t expected[COUNT] = {1, 4, 9, 16, 25};
  const bool right = memcmp(squares, expected, sizeof expected) == 0;
  printf("%-16s", name);
  print_list(squares, COUNT);
  memset(squares, 0, sizeof expected);
  return right;
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 5);
  const uint64_t numbers[COUNT] = {1, 2, 3, 4, 5};
  const size_t size = sizeof numbers[0];
  uint64_t squares[COUNT] = {0};
  pool_future_t *future = NULL;
  pool_future_t *futures[COUNT];
  Log timer = log_open(course.log_file);
  log_start(&timer, "start");
  pool_t *pool = course_pool(&course);

  for (size_t i = 0; i < COUNT; i++) {
    check(pool_apply(pool, square, &numbers[i], size, &squares[i], size), "pool_apply");
  }
  bool right = show("apply", squares);

  for (size_t i = 0; i < COUNT; i++) {
    check(pool_apply_async(pool, square, &numbers[i], size, size, NULL, NULL, &futures[i]), "pool_apply_async");
  }
  for (size_t i = 0; i < COUNT; i++) {
    check(pool_future_get(futures[i], &squares[i], size, -1), "pool_future_get");
    check(pool_future_release(futures[i]), "pool_future_release");
  }
  right = show("apply_async", squares) && right;

  check(pool_map(pool, square, numbers, size, squares, size, COUNT), "pool_map");
  right = show("map", squares) && right;

  /* The two arrays belong to the map until it is ready. */
  check(pool_map_async(pool, square, numbers, size, squares, size, COUNT, NULL, NULL, &future), "pool_map_async");
  check(pool_future_get(future, NULL, 0, -1), "pool_future_get"); /* how it ended; its results are in the array */
  check(pool_future_release(future), "pool_future_release");
  right = show("map_async", squares) && right;

  const pool_array_t arrays[] = {{numbers, size}, {numbers, size}};
  check(pool_starmap(pool, multiply, arrays, 2, squares, size, COUNT), "pool_starmap");
  right = show("starmap", squares) && right;

  check(pool_starmap_async(pool, multiply, arrays, 2, squares, size, COUNT, NULL, NULL, &future), "pool_starmap_async");
  check(pool_future_get(future, NULL, 0, -1), "pool_future_get");
  check(pool_future_release(future), "pool_future_release");
  right = show("starmap_async", squares) && right;

  /* In memory that all workers share a map works in place, also in processes; elsewhere they get copies. */
  uint64_t *shared = pool_shared_alloc(pool, sizeof numbers);
  check(shared != NULL ? POOL_OK : POOL_ERR_NO_MEMORY, "pool_shared_alloc");
  memcpy(shared, numbers, sizeof numbers);
  check(pool_map(pool, square, shared, size, shared, size, COUNT), "pool_map");
  right = show("map in place", shared) && right;
  check(pool_shared_free(pool, shared), "pool_shared_free");

  check(pool_close_join(pool), "pool_close_join");
  log_stop(&timer, "end");
  log_close(&timer);
  return course_end(&course, right);
}
