/* Pieces of reductions and how they are combined, for both modes. */
#ifndef REDUCTIONS_H
#define REDUCTIONS_H

#include "tasks.h"

UNUSED static void add_double(void *into, const void *from, void *context) {
  (void)context;
  *(double *)into += *(const double *)from;
}

/* As many as make a result large, and odd. */
enum { BINS = 40009 };

UNUSED static int32_t fill_bins(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  uint32_t *bins = result;
  (void)context;
  (void)task;
  for (size_t i = begin; i < end; i++) {
    bins[i * 7919 % BINS]++;
  }
  return 0;
}

UNUSED static void add_bins(void *into, const void *from, void *context) {
  uint32_t *bins = into;
  const uint32_t *more = from;
  (void)context;
  for (size_t i = 0; i < BINS; i++) {
    bins[i] += more[i];
  }
}

#endif
