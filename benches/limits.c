/* What the machine itself costs for each row, without any pool: no library can be expected to do better. */
#include <pthread.h>
#include <sched.h>

#include "common/bench.h"
#include "common/fork_join.h"
#include "common/idle.h"
#include "common/latch.h"
#include "common/mailbox.h"
#include "common/map.h"
#include "common/memory.h"
#include "common/parts.h"
#include "common/submitters.h"

enum { RING_SLOTS = 4096, LINE = 64 };

typedef void (*task_fn)(uint64_t *value);

/* One slot a cache line, as a task with its argument and result needs at least. */
struct slot {
  task_fn fn;
  uint64_t value;
  uint32_t done;
  char padding[LINE - sizeof(task_fn) - sizeof(uint64_t) - sizeof(uint32_t)];
};

static void nothing(uint64_t *value) {
  (void)value;
}

static void add_one(uint64_t *value) {
  ++*value;
}

/* A ring for one producer and one consumer. Each keeps a private copy of the other's position and looks at the shared
   one only when that runs out. */
struct ring {
  struct slot *slots;
  size_t slot_count;
  size_t tasks;
  _Alignas(LINE) size_t head;
  _Alignas(LINE) size_t tail;
};

static void *consume(void *data) {
  struct ring *ring = data;
  size_t tail = 0;
  for (size_t head = 0; head < ring->tasks; head++) {
    while (head == tail) {
      tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
    }
    struct slot *slot = &ring->slots[head % ring->slot_count];
    slot->fn(&slot->value);
    __atomic_store_n(&slot->done, 1, __ATOMIC_RELEASE);
    if (head % 64 == 63) {
      __atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
    }
  }
  __atomic_store_n(&ring->head, ring->tasks, __ATOMIC_RELEASE);
  return NULL;
}

/* Pushes all tasks and returns when they have run, or with handles, when each has been waited for in order. */
static double ring_ns(size_t tasks, struct slot *slots, size_t slot_count, int handles) {
  static struct ring ring;
  ring = (struct ring){.slots = slots, .slot_count = slot_count, .tasks = tasks};
  pthread_t consumer;
  pthread_create(&consumer, NULL, consume, &ring);
  bench_sleep_ms(1);
  size_t head = 0;
  uint64_t start = bench_now();
  for (size_t i = 0; i < tasks; i++) {
    while (i - head >= slot_count) {
      head = __atomic_load_n(&ring.head, __ATOMIC_ACQUIRE);
    }
    struct slot *slot = &ring.slots[i % slot_count];
    slot->fn = handles ? add_one : nothing;
    slot->value = i;
    if (i % 16 == 15 || i + 1 == tasks) {
      __atomic_store_n(&ring.tail, i + 1, __ATOMIC_RELEASE);
    }
  }
  for (size_t i = 0; handles && i < tasks; i++) {
    while (!__atomic_load_n(&ring.slots[i].done, __ATOMIC_ACQUIRE)) {
      bench_pause();
    }
    if (ring.slots[i].value != i + 1) {
      bench_fail("the ring returned a wrong result");
    }
  }
  while (__atomic_load_n(&ring.head, __ATOMIC_ACQUIRE) < tasks) {
    bench_pause();
  }
  double ns = (double)(bench_now() - start) / (double)tasks;
  pthread_join(consumer, NULL);
  return ns;
}

static void print_ring(const struct bench *b, const char *row) {
  struct slot *slots = bench_alloc(RING_SLOTS, sizeof *slots);
  double ns = ring_ns(bench_w1_tasks(b), slots, RING_SLOTS, 0);
  bench_print(row, ns, "ns", "ring, 1 producer, 1 consumer");
  free(slots);
}

static void w1(const struct bench *b) {
  print_ring(b, "W1");
}

static void w1b(const struct bench *b) {
  print_ring(b, "W1b");
}

/* A ring for each producer, and one consumer that goes round. Whoever can't go on lets others run: these are more threads
   than some machines have CPUs. */
struct rings {
  struct ring *rings;
  size_t count;
  uint32_t over;
};

static size_t consume_available(struct ring *ring) {
  size_t head = ring->head;
  size_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
  for (size_t i = head; i < tail; i++) {
    struct slot *slot = &ring->slots[i % ring->slot_count];
    slot->fn(&slot->value);
  }
  __atomic_store_n(&ring->head, tail, __ATOMIC_RELEASE);
  return tail - head;
}

static void *consume_round(void *data) {
  struct rings *all = data;
  while (!__atomic_load_n(&all->over, __ATOMIC_ACQUIRE)) {
    size_t consumed = 0;
    for (size_t i = 0; i < all->count; i++) {
      consumed += consume_available(&all->rings[i]);
    }
    if (consumed == 0) {
      sched_yield();
    }
  }
  return NULL;
}

static void await_head(struct ring *ring, size_t head) {
  while (__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) < head) {
    sched_yield();
  }
}

static void produce_share(void *data, size_t who, size_t tasks) {
  struct ring *ring = &((struct rings *)data)->rings[who];
  size_t end = ring->tail + tasks;
  for (size_t i = ring->tail; i < end; i++) {
    if (i % 16 == 0 && i >= RING_SLOTS) {
      await_head(ring, i + 16 - RING_SLOTS);
    }
    ring->slots[i % ring->slot_count] = (struct slot){.fn = nothing, .value = i};
    if (i % 16 == 15 || i + 1 == end) {
      __atomic_store_n(&ring->tail, i + 1, __ATOMIC_RELEASE);
    }
  }
  await_head(ring, end);
}

static void w1p(const struct bench *b) {
  struct rings all = {aligned_alloc(LINE, b->submitters * sizeof *all.rings), b->submitters, 0};
  pthread_t consumer;
  for (size_t i = 0; i < all.count; i++) {
    all.rings[i] = (struct ring){.slots = bench_alloc(RING_SLOTS, sizeof(struct slot)), .slot_count = RING_SLOTS};
  }
  pthread_create(&consumer, NULL, consume_round, &all);
  bench_print("W1p", bench_submitted(b, produce_share, &all), "ns", "a ring for each producer, 1 consumer");
  __atomic_store_n(&all.over, 1u, __ATOMIC_RELEASE);
  pthread_join(consumer, NULL);
  for (size_t i = 0; i < all.count; i++) {
    free(all.rings[i].slots);
  }
  free(all.rings);
}

static void w1_cold(const struct bench *b) {
  size_t tasks = bench_w1_tasks(b);
  struct slot *slots = bench_alloc(tasks, sizeof *slots);
  bench_print("W1-cold", ring_ns(tasks, slots, tasks, 0), "ns", "ring, a fresh line a task");
  free(slots);
}

static void w2(const struct bench *b) {
  size_t tasks = bench_w2_tasks(b);
  struct slot *slots = bench_alloc(tasks, sizeof *slots);
  double values[5];
  for (int i = 0; i < 5; i++) {
    memset(slots, 0, tasks * sizeof *slots);
    values[i] = ring_ns(tasks, slots, tasks, 1);
  }
  bench_print("W2", bench_median(values, 5), "ns", "ring, a slot a handle");
  free(slots);
}

static void *answer(void *box) {
  bench_answer(box);
  return NULL;
}

static void w3_other(const struct bench *b) {
  for (int sleeps = 0; sleeps < 2; sleeps++) {
    struct bench_mailbox box = {.sleeps = sleeps};
    pthread_t thread;
    pthread_create(&thread, NULL, answer, &box);
    double ns = bench_p50(bench_w3_samples(b), BENCH_ONE_CALL, bench_round_trip, &box);
    bench_last_request(&box);
    pthread_join(thread, NULL);
    bench_print("W3-other", ns, "ns", sleeps ? "bare futex both ways" : "spinning mailbox");
  }
}

static void w3c_other(const struct bench *b) {
  struct bench_mailbox box = {.sleeps = 1};
  pthread_t thread;
  pthread_create(&thread, NULL, answer, &box);
  double ns = bench_p50_cold(b, bench_round_trip, &box);
  bench_last_request(&box);
  pthread_join(thread, NULL);
  bench_print("W3c-other", ns, "ns", "bare futex both ways");
}

/* Nothing but calls: neither may the compiler put one into the other, nor make a loop of them. */
__attribute__((noinline)) static uint64_t fib(void *data, uint64_t n) {
  if (n < 2) {
    return n;
  }
  uint64_t x = fib(data, n - 1);
  uint64_t y = fib(data, n - 2);
  __asm__ volatile("" : "+r"(x), "+r"(y));
  return x + y;
}

static void w4(const struct bench *b) {
  bench_print("W4", bench_forks(b, fib, NULL) / b->workers, "ns", "plain calls, divided by the workers");
}

struct part {
  pthread_t thread;
  struct bench_map map;
};

static void *map_part(void *data) {
  bench_map_sequential(&((struct part *)data)->map);
  return NULL;
}

/* One fresh thread a part, the calling thread takes the first. */
static void map_parts(const struct bench_map *map, size_t parts, bench_cut_fn cut) {
  struct part *part = bench_alloc(parts, sizeof *part);
  size_t *ends = bench_alloc(parts, sizeof *ends);
  cut(map, parts, ends);
  for (size_t k = 0; k < parts; k++) {
    part[k].map = bench_part(map, ends, k);
    if (k > 0) {
      pthread_create(&part[k].thread, NULL, map_part, &part[k]);
    }
  }
  map_part(&part[0]);
  for (size_t k = 1; k < parts; k++) {
    pthread_join(part[k].thread, NULL);
  }
  free(part);
  free(ends);
}

static void map_equal_counts(const struct bench_map *map, void *data) {
  map_parts(map, ((const struct bench *)data)->workers, bench_cut_counts);
}

static void map_equal_costs(const struct bench_map *map, void *data) {
  map_parts(map, ((const struct bench *)data)->workers, bench_cut_costs);
}

static void w5(const struct bench *b) {
  static const struct bench_mapper MAPPERS[] = {{"equal parts, fresh threads", map_equal_counts}};
  bench_map_uniform(b, MAPPERS, 1, (void *)(uintptr_t)b);
}

static void w6(const struct bench *b) {
  static const struct bench_mapper MAPPERS[] = {{"parts of equal cost", map_equal_costs}};
  bench_map_skewed(b, MAPPERS, 1, (void *)(uintptr_t)b);
}

static void w7(const struct bench *b) {
  static const struct bench_mapper MAPPERS[] = {{"parts of equal cost", map_equal_costs}};
  bench_map_coarse(b, MAPPERS, 1, (void *)(uintptr_t)b);
}

static void *return_at_once(void *data) {
  return data;
}

static void threads_once(void *data) {
  pthread_t threads[BENCH_W8_WORKERS];
  size_t count = *(const size_t *)data;
  for (size_t i = 0; i < count; i++) {
    pthread_create(&threads[i], NULL, return_at_once, NULL);
  }
  for (size_t i = 0; i < count; i++) {
    pthread_join(threads[i], NULL);
  }
}

static void w8(const struct bench *b) {
  size_t count = BENCH_W8_WORKERS;
  bench_print("W8", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, threads_once, &count), "ns",
              "4 threads created, joined");
}

static void w8_async(const struct bench *b) {
  size_t count = 1;
  bench_print("W8-async", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, threads_once, &count), "ns",
              "1 thread created, joined");
}

static void *sleep_in_gate(void *gate) {
  bench_gate_enter(gate);
  return NULL;
}

static void mem_idle(const struct bench *b) {
  struct bench_resident before = bench_resident_now();
  struct bench_gate gate = {0, 0};
  pthread_t threads[BENCH_IDLE_WORKERS];
  for (size_t i = 0; i < BENCH_IDLE_WORKERS; i++) {
    pthread_create(&threads[i], NULL, sleep_in_gate, &gate);
  }
  bench_gate_await(&gate, BENCH_IDLE_WORKERS);
  bench_sleep_ms(bench_pick(b, 10, 200, 200, 200));
  struct bench_resident now = bench_resident_now();
  bench_print("mem-idle", now.kib > before.kib ? now.kib - before.kib : 0, "KiB", "4 threads that sleep");
  bench_print("mem-idle-own", now.anonymous_kib - before.anonymous_kib, "KiB", "4 threads that sleep");
  bench_gate_open(&gate);
  for (size_t i = 0; i < BENCH_IDLE_WORKERS; i++) {
    pthread_join(threads[i], NULL);
  }
}

static const struct bench_row ROWS[] = {
    {"W1", w1},
    {"W1-cold", w1_cold},
    {"W1b", w1b},
    {"W1p", w1p},
    {"W2", w2},
    {"W3-other", w3_other},
    {"W3c-other", w3c_other},
    {"W4", w4},
    {"W5", w5},
    {"W6", w6},
    {"W7", w7},
    {"W8", w8},
    {"W8-async", w8_async},
    {"mem-idle", mem_idle},
};

BENCH_MAIN(ROWS)
