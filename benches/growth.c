/* Millpond's memory, and what becomes of a pool that has more to do than it can: long queues and busy workers. */
#include <millpond.h>

#define BENCH_TASK pool_task_t
#include "common/bench.h"
#include "common/latch.h"
#include "common/latency.h"
#include "common/memory.h"
#include "common/ours.h"

static pool_t *create(uint32_t workers) {
  pool_t *pool = pool_create(workers);
  if (!pool) {
    bench_fail(pool_last_error());
  }
  return pool;
}

static void submit(pool_t *pool, pool_fn fn, void *shared) {
  check(pool_apply_async(pool, fn, shared, 0, 0, NULL, NULL, NULL));
}

struct queue {
  pool_t *pool;
  struct bench_counter counter;
};

static int32_t enter_gate(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  bench_gate_enter((struct bench_gate *)(uintptr_t)arg);
  return 0;
}

static void enter(void *data, struct bench_gate *gate) {
  submit(((struct queue *)data)->pool, enter_gate, gate);
}

static void fill(void *data, size_t tasks) {
  struct queue *queue = data;
  bench_counter_reset(&queue->counter, (uint32_t)tasks);
  for (size_t i = 0; i < tasks; i++) {
    submit(queue->pool, count_down, &queue->counter);
  }
}

static void drain(void *data) {
  bench_counter_wait(&((struct queue *)data)->counter);
}

static void with_queue(const struct bench *b, void (*print)(const struct bench *, const struct bench_queue *)) {
  struct queue queue = {.pool = create(b->workers)};
  struct bench_queue calls = {enter, fill, drain, &queue, b->workers};
  print(b, &calls);
  check(pool_close_join(queue.pool));
}

static void mem(const struct bench *b) {
  with_queue(b, bench_print_task_memory);
}

static void q(const struct bench *b) {
  with_queue(b, bench_print_queue);
}

/* The gate sees to it that all threads have started. */
static void mem_idle(const struct bench *b) {
  struct bench_resident before = bench_resident_now();
  struct queue queue = {.pool = create(BENCH_IDLE_WORKERS)};
  struct bench_queue calls = {enter, fill, drain, &queue, BENCH_IDLE_WORKERS};
  bench_fill(&calls, BENCH_IDLE_TASKS);
  bench_print_idle_memory(b, before);
  check(pool_close_join(queue.pool));
}

static void mem_so(const struct bench *b) {
  (void)b;
  bench_print_library((const void *)(uintptr_t)pool_create);
}

static int32_t long_task(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  bench_long_task((struct bench_load *)(uintptr_t)arg);
  return 0;
}

static int32_t probe_task(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  bench_probe_task((struct bench_load *)(uintptr_t)arg);
  return 0;
}

static void submit_long(struct bench_load *load) {
  submit(load->data, long_task, load);
}

static void submit_probe(struct bench_load *load) {
  submit(load->data, probe_task, load);
}

static void latency(const struct bench *b) {
  struct bench_load load = {.long_task = submit_long, .probe = submit_probe, .data = create(b->workers)};
  bench_latencies(b, &load);
  check(pool_close_join(load.data));
}

static const struct bench_row ROWS[] = {
    {"mem", mem}, {"mem-idle", mem_idle}, {"mem-so", mem_so}, {"Q", q}, {"L", latency},
};

BENCH_MAIN(ROWS)
