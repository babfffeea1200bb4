/* Quicksort by forks: each half may be taken by a worker that is free, and nobody chooses how small is too small. */
#include "course.h"

#include <millpond.h>

typedef struct Part {
  uint32_t *first;
  size_t count;
} Part;

static size_t partition(uint32_t *numbers, size_t count) {
  const uint32_t pivot = numbers[(count - 1) / 2];
  size_t low = 0;
  size_t high = count - 1;
  for (;; low++, high--) {
    while (numbers[low] < pivot) {
      low++;
    }
    while (numbers[high] > pivot) {
      high--;
    }
    if (low >= high) {
      return high + 1;
    }
    const uint32_t kept = numbers[low];
    numbers[low] = numbers[high];
    numbers[high] = kept;
  }
}

/* The same function on one CPU: without the library. */
static void sort_alone(uint32_t *numbers, size_t count) {
  while (count > 1) {
    const size_t middle = partition(numbers, count);
    sort_alone(numbers, middle);
    numbers += middle;
    count -= middle;
  }
}

/* What it forks lies on this stack; it is there until both halves have ended. */
static int32_t sort_task(const void *arg, void *result, pool_task_t *task) {
  const Part *part = arg;
  (void)result;
  if (part->count < 2) {
    return 0;
  }
  const size_t middle = partition(part->first, part->count);
  const Part low = {part->first, middle};
  const Part high = {part->first + middle, part->count - middle};
  return pool_join2(task, sort_task, &low, NULL, sort_task, &high, NULL);
}

int main(int argc, char **argv) {
  const Course course = course_begin(argc, argv, 4);
  const size_t count = course_size(&course, 10000, 4000000, 40000000);
  pool_t *pool = course_pool(&course);
  /* What worker processes sort must lie where they and this program both see it. */
  uint32_t *numbers = pool_shared_alloc(pool, count * sizeof *numbers);
  uint32_t *alone = malloc(count * sizeof *alone);
  check(numbers != NULL && alone != NULL ? POOL_OK : POOL_ERR_NO_MEMORY, "memory");
  uint64_t random = 88172645463325252;
  for (size_t i = 0; i < count; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    numbers[i] = alone[i] = (uint32_t)(random >> 32);
  }
  Log timer = log_open(course.log_file);

  log_start(&timer, "sequential, start");
  sort_alone(alone, count);
  const double sequential = log_stop(&timer, "sequential, end");

  /* Forks are made inside tasks; pool_apply() starts one, here on this thread. */
  log_start(&timer, "fork-join, start");
  const Part all = {numbers, count};
  check(pool_apply(pool, sort_task, &all, sizeof all, NULL, 0), "pool_apply");
  const double parallel = log_stop(&timer, "fork-join, end");

  const bool right = memcmp(numbers, alone, count * sizeof *numbers) == 0;
  printf("%zu numbers, from %" PRIu32 " to %" PRIu32 "\n", count, numbers[0], numbers[count - 1]);
  check(pool_shared_free(pool, numbers), "pool_shared_free");
  check(pool_close_join(pool), "pool_close_join");
  free(alone);
  log_close(&timer);
  const bool threads = course.mode == POOL_THREADS; /* a worker process has nobody to fork for */
  return course_end_timed(&course, "fork_join", sequential, parallel, threads ? 1.0 : 0.0,
                          threads ? course_at_once(&course, course.workers) : 1, right);
}
