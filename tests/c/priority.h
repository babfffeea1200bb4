/* What the cases of priorities share: a call of a priority, and a journal of what has started. */
#ifndef PRIORITY_H
#define PRIORITY_H

#include "tasks.h"

enum { JOURNAL = 2000 };

struct start {
  int32_t priority;
  int number;
};

/* In the order in which they start; written by one worker. */
struct journal {
  int count;
  struct start starts[JOURNAL];
};

struct entry {
  struct journal *journal;
  int32_t priority;
  int number;
};

UNUSED static int32_t note_start(const void *arg, void *result, pool_task_t *task) {
  const struct entry *entry = arg;
  (void)result;
  (void)task;
  CHECK(entry->journal->count < JOURNAL);
  entry->journal->starts[entry->journal->count++] = (struct start){entry->priority, entry->number};
  return 0;
}

UNUSED static pool_call_t urgent_call(pool_fn fn, int32_t priority) {
  pool_call_t call = POOL_CALL_INIT;
  call.fn = fn;
  call.priority = priority;
  return call;
}

#endif
