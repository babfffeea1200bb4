/* Five workers take what comes from one queue: numbers and words. When all is done, an empty item ends each. */
#include "course.h"

#include <millpond.h>

/* What the queue holds: its items go by value, and each is as long as it needs to be. */
typedef struct Item {
  enum { NUMBER, WORD } kind;
  union {
    uint64_t number;
    char word[24];
  } as;
} Item;

typedef struct Tally {
  uint64_t numbers, sum, words, letters;
} Tally;

/* A worker: takes items until one is empty. Its argument is the queue itself, which all workers share. */
static int32_t work(const void *arg, void *result, pool_task_t *task) {
  pool_queue_t *queue = (pool_queue_t *)arg;
  Tally *tally = result;
  for (;;) {
    Item item;
    size_t size;
    if (pool_queue_get(queue, &item, sizeof item, &size, -1) != POOL_OK) {
      return pool_task_fail(task, 1, pool_last_error());
    }
    if (size == 0) return 0;
    course_sleep(0.001);
    if (item.kind == NUMBER) {
      tally->numbers++;
      tally->sum += item.as.number;
    } else {
      tally->words++;
      tally->letters += strlen(item.as.word);
    }
    if (pool_queue_task_done(queue) != POOL_OK) return pool_task_fail(task, 2, pool_last_error());
  }
}

int main(int argc, char **argv) {
  static const char *const words[] = {"bread", "milk", "a bicycle", "nothing else"};
  const Course course = course_begin(argc, argv, 5);
  const uint64_t count = course_size(&course, 40, 1000, 5000);
  pool_future_t **workers = calloc(course.workers, sizeof workers[0]);
  pool_queue_t *queue = NULL;
  Tally all = {0, 0, 0, 0};
  uint64_t letters = 0;
  if (workers == NULL) return EXIT_FAILURE;
  Log timer = log_open(course.log_file);
  log_start(&timer, "start");
  pool_t *pool = course_pool(&course);
  check(pool_queue_create(pool, sizeof(Item), 16, &queue), "pool_queue_create");
  for (uint32_t i = 0; i < course.workers; i++) {
    check(pool_apply_async(pool, work, queue, 0, sizeof(Tally), NULL, NULL, &workers[i]), "pool_apply_async");
  }
  for (uint64_t i = 0; i < count; i++) { /* waits now and then: there is room for sixteen */
    Item number = {.kind = NUMBER, .as.number = i};
    Item word = {.kind = WORD};
    snprintf(word.as.word, sizeof word.as.word, "%s", words[i % 4]);
    letters += strlen(words[i % 4]);
    check(pool_queue_put(queue, &number, sizeof number, -1), "pool_queue_put");
    check(pool_queue_put(queue, &word, sizeof word, -1), "pool_queue_put");
  }
  log_step(&timer, "all handed over");
  check(pool_queue_join(queue, -1), "pool_queue_join");
  log_step(&timer, "all done");
  for (uint32_t i = 0; i < course.workers; i++) {
    check(pool_queue_put(queue, NULL, 0, -1), "pool_queue_put");
  }
  for (uint32_t i = 0; i < course.workers; i++) {
    Tally tally;
    course_join(workers[i], &tally, sizeof tally);
    printf("a worker had %" PRIu64 " numbers and %" PRIu64 " words\n", tally.numbers, tally.words);
    all.numbers += tally.numbers;
    all.sum += tally.sum;
    all.words += tally.words;
    all.letters += tally.letters;
  }
  check(pool_queue_free(queue), "pool_queue_free");
  check(pool_close_join(pool), "pool_close_join");
  log_stop(&timer, "end");
  log_close(&timer);
  free(workers);
  const bool right = all.numbers == count && all.words == count && all.letters == letters;
  return course_end(&course, right && all.sum == sum_by_formula(count - 1));
}
