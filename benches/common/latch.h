/* How a program waits when its library offers no way to: spin about as long as a sleeping thread takes to wake, then
   sleep on a futex. The spin is what makes it a generous stand-in, since the quickest answers never see a system call. */
#ifndef BENCH_LATCH_H
#define BENCH_LATCH_H

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Programs whose latches lie in memory that several processes share define it as 0. */
#ifndef BENCH_FUTEX_SCOPE
#define BENCH_FUTEX_SCOPE FUTEX_PRIVATE_FLAG
#endif

enum { BENCH_OPEN, BENCH_SET, BENCH_SLEEPER, BENCH_SPINS = 2000 };

struct bench_latch {
  uint32_t state;
};

/* Set when as many have counted down as were expected. The two words lie apart: the waiter's spinning reads shall not
   slow the counting. */
struct bench_counter {
  uint32_t left;
  char padding[124];
  struct bench_latch done;
};

static inline void bench_futex_wait(uint32_t *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT | BENCH_FUTEX_SCOPE, expected, 0, 0, 0);
}

static inline void bench_futex_wake(uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE | BENCH_FUTEX_SCOPE, 1, 0, 0, 0);
}

static inline void bench_futex_wake_all(uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE | BENCH_FUTEX_SCOPE, INT32_MAX, 0, 0, 0);
}

static inline void bench_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static inline void bench_latch_reset(struct bench_latch *latch) {
  __atomic_store_n(&latch->state, BENCH_OPEN, __ATOMIC_RELAXED);
}

static inline void bench_latch_set(struct bench_latch *latch) {
  if (__atomic_exchange_n(&latch->state, BENCH_SET, __ATOMIC_ACQ_REL) == BENCH_SLEEPER) {
    bench_futex_wake(&latch->state);
  }
}

static inline int bench_latch_is_set(const struct bench_latch *latch) {
  return __atomic_load_n(&latch->state, __ATOMIC_ACQUIRE) == BENCH_SET;
}

static inline void bench_latch_wait(struct bench_latch *latch) {
  for (int i = 0; i < BENCH_SPINS; i++) {
    if (bench_latch_is_set(latch)) {
      return;
    }
    bench_pause();
  }
  uint32_t expected = BENCH_OPEN;
  if (__atomic_compare_exchange_n(&latch->state, &expected, BENCH_SLEEPER, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    expected = BENCH_SLEEPER;
  }
  while (expected == BENCH_SLEEPER) {
    bench_futex_wait(&latch->state, BENCH_SLEEPER);
    expected = __atomic_load_n(&latch->state, __ATOMIC_ACQUIRE);
  }
}

static inline void bench_counter_reset(struct bench_counter *counter, uint32_t count) {
  bench_latch_reset(&counter->done);
  __atomic_store_n(&counter->left, count, __ATOMIC_RELAXED);
}

static inline void bench_counter_down(struct bench_counter *counter) {
  if (__atomic_fetch_sub(&counter->left, 1u, __ATOMIC_ACQ_REL) == 1) {
    bench_latch_set(&counter->done);
  }
}

static inline void bench_counter_wait(struct bench_counter *counter) {
  bench_latch_wait(&counter->done);
}

#endif
