/* Row W1p: W1's batch from several threads at once, each with its share, which stay for the whole row. */
#ifndef BENCH_SUBMITTERS_H
#define BENCH_SUBMITTERS_H

#include <pthread.h>

#include "bench.h"

/* Submits so many tasks and returns when they have run. who numbers the submitters from 0. */
typedef void (*bench_submit_fn)(void *data, size_t who, size_t tasks);

enum { BENCH_MOST_SUBMITTERS = 64 };

struct bench_submitters {
  bench_submit_fn submit;
  void *data;
  size_t count;
  /* Of each. */
  size_t share;
  int over;
  pthread_barrier_t begin;
  pthread_barrier_t end;
};

struct bench_submitter {
  struct bench_submitters *all;
  size_t who;
  pthread_t thread;
};

static inline void *bench_submitter_main(void *data) {
  struct bench_submitter *self = (struct bench_submitter *)data;
  struct bench_submitters *all = self->all;
  for (;;) {
    pthread_barrier_wait(&all->begin);
    if (all->over) {
      return NULL;
    }
    all->submit(all->data, self->who, all->share);
    pthread_barrier_wait(&all->end);
  }
}

static inline void bench_submit_shares(void *data, size_t tasks) {
  struct bench_submitters *all = (struct bench_submitters *)data;
  (void)tasks;
  pthread_barrier_wait(&all->begin);
  pthread_barrier_wait(&all->end);
}

/* Nanoseconds per task. */
static inline double bench_submitted(const struct bench *b, bench_submit_fn submit, void *data) {
  struct bench_submitter each[BENCH_MOST_SUBMITTERS];
  struct bench_submitters all;
  memset(each, 0, sizeof each);
  memset(&all, 0, sizeof all);
  all.submit = submit;
  all.data = data;
  all.count = b->submitters;
  if (all.count == 0 || all.count > BENCH_MOST_SUBMITTERS) {
    bench_fail("from 1 to 64 submitters");
  }
  all.share = bench_w1_tasks(b) / all.count;
  pthread_barrier_init(&all.begin, NULL, b->submitters + 1);
  pthread_barrier_init(&all.end, NULL, b->submitters + 1);
  for (size_t i = 0; i < all.count; i++) {
    each[i].all = &all;
    each[i].who = i;
    if (pthread_create(&each[i].thread, NULL, bench_submitter_main, &each[i]) != 0) {
      bench_fail("pthread_create failed");
    }
  }
  double ns = bench_warm(b, bench_w1_tasks(b), bench_submit_shares, &all);
  all.over = 1;
  pthread_barrier_wait(&all.begin);
  for (size_t i = 0; i < all.count; i++) {
    pthread_join(each[i].thread, NULL);
  }
  pthread_barrier_destroy(&all.begin);
  pthread_barrier_destroy(&all.end);
  return ns;
}

#endif
