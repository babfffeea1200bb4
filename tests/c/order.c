/* Order: one worker is a serial queue; tasks of one submitting thread start in the order submitted. */
#include "tasks.h"

#include <sched.h>

struct journal {
  pool_t *pool;
  atomic_int inside, next;
  int total, places;
  int order[20000];
};

struct entry {
  struct journal *journal;
  int number;
};

/* Notes its number; with one worker never two at once, and each sees what the former wrote. */
static int32_t note_alone(const void *arg, void *result, pool_task_t *task) {
  const struct entry *entry = arg;
  struct journal *journal = entry->journal;
  (void)result;
  (void)task;
  CHECK_EQ(atomic_fetch_add(&journal->inside, 1), 0);
  journal->order[journal->places++] = entry->number;
  if (entry->number % 64 == 0) {
    sched_yield();
  }
  CHECK_EQ(atomic_fetch_sub(&journal->inside, 1), 1);
  return 0;
}

static void submit_entry(struct journal *journal, pool_fn fn, int number) {
  struct entry entry = {journal, number};
  CHECK_OK(pool_apply_async(journal->pool, fn, &entry, sizeof entry, 0, NULL, NULL, NULL));
}

static struct journal *new_journal(uint32_t workers, size_t total) {
  struct journal *journal = calloc(1, sizeof *journal);
  journal->pool = new_pool(workers);
  journal->total = (int)scaled(total);
  return journal;
}

CASE(one_worker_is_a_serial_queue) {
  struct journal *journal = new_journal(1, 20000);
  for (int i = 0; i < journal->total; i++) {
    submit_entry(journal, note_alone, i);
  }
  CHECK_OK(pool_close_join(journal->pool));
  CHECK_EQ(journal->places, journal->total);
  for (int i = 0; i < journal->total; i++) {
    CHECK_EQ(journal->order[i], i);
  }
  free(journal);
}

/* The blocked worker makes sure that everything waits in the queue first. */
CASE(one_worker_is_a_serial_queue_from_a_full_queue) {
  struct journal *journal = new_journal(1, 5000);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *future = block_worker(journal->pool, &blocker);
  for (int i = 0; i < journal->total; i++) {
    submit_entry(journal, note_alone, i);
  }
  CHECK_EQ(journal->places, 0);
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(journal->pool));
  for (int i = 0; i < journal->total; i++) {
    CHECK_EQ(journal->order[i], i);
  }
  CHECK_OK(pool_future_release(future));
  free(journal);
}

/* A waiting caller doesn't overtake what it submitted before, nor run beside the worker. */
CASE(apply_takes_its_turn) {
  struct journal *journal = new_journal(1, 5000);
  for (int i = 0; i < journal->total; i++) {
    struct entry entry = {journal, i};
    if (i % 10 == 9) {
      CHECK_OK(pool_apply(journal->pool, note_alone, &entry, sizeof entry, NULL, 0));
      CHECK_EQ(journal->places, i + 1);
    } else {
      submit_entry(journal, note_alone, i);
    }
  }
  CHECK_OK(pool_close_join(journal->pool));
  for (int i = 0; i < journal->total; i++) {
    CHECK_EQ(journal->order[i], i);
  }
  free(journal);
}

CASE(an_untimed_wait_takes_its_turn) {
  struct journal *journal = new_journal(1, 2000);
  for (int i = 0; i < journal->total; i++) {
    struct entry entry = {journal, i};
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(journal->pool, note_alone, &entry, sizeof entry, 0, NULL, NULL, &future));
    if (i % 10 == 9) {
      CHECK_OK(pool_future_wait(future, -1));
    }
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(journal->pool));
  for (int i = 0; i < journal->total; i++) {
    CHECK_EQ(journal->order[i], i);
  }
  free(journal);
}

enum { THREADS = 4 };

struct writer {
  struct journal *journal;
  int thread;
};

static void *submit_hundreds(void *data) {
  struct writer *writer = data;
  for (int i = 0; i < writer->journal->total / THREADS; i++) {
    submit_entry(writer->journal, note_alone, writer->thread * 100000 + i);
  }
  return NULL;
}

static void *apply_hundreds(void *data) {
  struct writer *writer = data;
  for (int i = 0; i < writer->journal->total / THREADS; i++) {
    struct entry entry = {writer->journal, writer->thread * 100000 + i};
    CHECK_OK(pool_apply(writer->journal->pool, note_alone, &entry, sizeof entry, NULL, 0));
  }
  return NULL;
}

/* Several threads at once: never two tasks at once, and each thread's own order holds. */
static void from_threads(void *(*first)(void *), void *(*second)(void *), size_t total) {
  struct journal *journal = new_journal(1, total);
  struct writer writers[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    writers[i] = (struct writer){journal, i};
    threads[i] = check_thread(i % 2 ? first : second, &writers[i]);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_close_join(journal->pool));
  CHECK_EQ(journal->places, journal->total / THREADS * THREADS);
  int next[THREADS] = {0};
  for (int i = 0; i < journal->places; i++) {
    int thread = journal->order[i] / 100000;
    CHECK_EQ(journal->order[i] % 100000, next[thread]++);
  }
  free(journal);
}

CASE(one_worker_and_many_submitting_threads) {
  from_threads(submit_hundreds, submit_hundreds, 20000);
}

CASE(one_worker_and_many_waiting_threads) {
  from_threads(apply_hundreds, apply_hundreds, 8000);
}

CASE(one_worker_and_threads_of_both_kinds) {
  from_threads(submit_hundreds, apply_hundreds, 8000);
}

/* With several workers, a task notes its start before those that the other workers, or a helper, took just earlier. */
static int32_t note_start(const void *arg, void *result, pool_task_t *task) {
  const struct entry *entry = arg;
  (void)result;
  (void)task;
  entry->journal->order[atomic_fetch_add(&entry->journal->next, 1)] = entry->number;
  return 0;
}

static void check_nearly_sorted(const struct journal *journal, int workers) {
  for (int place = 0; place < journal->total; place++) {
    int early = journal->order[place] - place;
    if (early > workers) {
      FAIL("task %d started as number %d", journal->order[place], place);
    }
  }
}

CASE(tasks_start_in_the_order_submitted) {
  for (int workers = 2; workers <= 4; workers++) {
    struct journal *journal = new_journal((uint32_t)workers, 20000);
    for (int i = 0; i < journal->total; i++) {
      submit_entry(journal, note_start, i);
    }
    CHECK_OK(pool_close_join(journal->pool));
    CHECK_EQ(journal->next, journal->total);
    check_nearly_sorted(journal, workers);
    free(journal);
  }
}

CASE(tasks_start_in_order_from_a_full_queue) {
  struct journal *journal = new_journal(2, 5000);
  struct blocker first = BLOCKER_INIT, second = BLOCKER_INIT;
  pool_future_t *one = block_worker(journal->pool, &first), *two = block_worker(journal->pool, &second);
  for (int i = 0; i < journal->total; i++) {
    submit_entry(journal, note_start, i);
  }
  gate_open(&first.go);
  gate_open(&second.go);
  CHECK_OK(pool_close_join(journal->pool));
  CHECK_EQ(journal->next, journal->total);
  check_nearly_sorted(journal, 2);
  CHECK_OK(pool_future_release(one));
  CHECK_OK(pool_future_release(two));
  free(journal);
}

/* A task is a submitting thread too. */
static int32_t submit_inside(const void *arg, void *result, pool_task_t *task) {
  struct journal *journal = (struct journal *)(uintptr_t)arg;
  (void)result;
  (void)task;
  for (int i = 0; i < journal->total; i++) {
    submit_entry(journal, note_start, i);
  }
  return 0;
}

CASE(tasks_submitted_by_a_task_start_in_order) {
  for (int workers = 1; workers <= 3; workers++) {
    struct journal *journal = new_journal((uint32_t)workers, 5000);
    CHECK_OK(pool_apply_async(journal->pool, submit_inside, journal, 0, 0, NULL, NULL, NULL));
    CHECK_OK(pool_close_join(journal->pool));
    CHECK_EQ(journal->next, journal->total);
    check_nearly_sorted(journal, workers);
    free(journal);
  }
}

static int32_t note_item_alone(const void *arg, void *result, pool_task_t *task) {
  struct entry entry = {(struct journal *)(uintptr_t)arg, (int)task->index};
  return note_alone(&entry, result, task);
}

/* The items of a map are the only worker's too, one after the other, though the caller waits and takes part. */
CASE(a_map_on_one_worker_is_serial) {
  struct journal *journal = new_journal(1, 10000);
  int half = journal->total / 2;
  for (int i = 0; i < half; i++) {
    submit_entry(journal, note_alone, i);
  }
  CHECK_OK(pool_map(journal->pool, note_item_alone, journal, 0, NULL, 0, (size_t)half));
  CHECK_OK(pool_close_join(journal->pool));
  CHECK_EQ(journal->places, half * 2);
  for (int i = 0; i < half; i++) {
    CHECK_EQ(journal->order[i], i);
  }
  free(journal);
}
