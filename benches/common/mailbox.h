/* A mailbox between two threads or processes; by spinning, or by a futex system call for each direction and no spinning
   at all. */
#ifndef BENCH_MAILBOX_H
#define BENCH_MAILBOX_H

#include "latch.h"

struct bench_mailbox {
  _Alignas(64) uint32_t request;
  _Alignas(64) uint32_t answer;
  uint32_t sleeps;
};

static inline void bench_post(struct bench_mailbox *box, uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
  if (box->sleeps) {
    bench_futex_wake(word);
  }
}

static inline uint32_t bench_await_change(struct bench_mailbox *box, uint32_t *word, uint32_t old) {
  uint32_t now;
  while ((now = __atomic_load_n(word, __ATOMIC_ACQUIRE)) == old) {
    if (box->sleeps) {
      bench_futex_wait(word, old);
    }
  }
  return now;
}

static inline void bench_request(struct bench_mailbox *box) {
  bench_post(box, &box->request, box->request + 1);
}

static inline void bench_await_answer(struct bench_mailbox *box) {
  bench_await_change(box, &box->answer, box->request - 1);
}

static inline void bench_round_trip(void *data) {
  struct bench_mailbox *box = data;
  bench_request(box);
  bench_await_answer(box);
}

static inline void bench_last_request(struct bench_mailbox *box) {
  bench_post(box, &box->request, UINT32_MAX);
}

/* The other side: waits for a request, 0 when it was the last. */
static inline uint32_t bench_await_request(struct bench_mailbox *box) {
  uint32_t request = bench_await_change(box, &box->request, box->answer);
  return request == UINT32_MAX ? 0 : request;
}

static inline void bench_answer(struct bench_mailbox *box) {
  for (uint32_t request; (request = bench_await_request(box)) != 0;) {
    bench_post(box, &box->answer, request);
  }
}

#endif
