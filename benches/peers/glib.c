/* GLib's GThreadPool: one function for the whole pool, a pointer for each task, no wait but the pool's end. */
#include <glib.h>

#include "../common/bench.h"
#include "../common/idle.h"
#include "../common/latch.h"
#include "../common/latency.h"
#include "../common/memory.h"
#include "../common/submitters.h"

struct task {
  struct bench_latch latch;
  uint64_t value;
};

static GThreadPool *create(unsigned workers, GFunc fn, void *data, gboolean exclusive) {
  GThreadPool *pool = g_thread_pool_new(fn, data, (gint)workers, exclusive, NULL);
  if (!pool) {
    bench_fail("g_thread_pool_new failed");
  }
  return pool;
}

static void push(GThreadPool *pool, void *task) {
  if (!g_thread_pool_push(pool, task, NULL)) {
    bench_fail("g_thread_pool_push failed");
  }
}

static void nothing(gpointer task, gpointer data) {
  (void)task;
  (void)data;
}

static void count_down(gpointer task, gpointer data) {
  (void)task;
  bench_counter_down(data);
}

static void add_one(gpointer data, gpointer unused) {
  struct task *task = data;
  (void)unused;
  task->value++;
  bench_latch_set(&task->latch);
}

struct batch {
  GThreadPool *pool;
  struct bench_counter counter;
};

static void batch_counted(void *data, size_t tasks) {
  struct batch *batch = data;
  bench_counter_reset(&batch->counter, (uint32_t)tasks);
  for (size_t i = 0; i < tasks; i++) {
    push(batch->pool, batch);
  }
  bench_counter_wait(&batch->counter);
}

/* Ending the pool is GLib's own wait for all. */
static void batch_then_free(void *data, size_t tasks) {
  struct batch *batch = data;
  for (size_t i = 0; i < tasks; i++) {
    push(batch->pool, batch);
  }
  g_thread_pool_free(batch->pool, FALSE, TRUE);
}

static void w1(const struct bench *b) {
  struct batch batch;
  batch.pool = create(b->workers, count_down, &batch.counter, TRUE);
  bench_print("W1", bench_warm(b, bench_w1_tasks(b), batch_counted, &batch), "ns", NULL);
  g_thread_pool_free(batch.pool, FALSE, TRUE);
}

static void w1_cold(const struct bench *b) {
  struct batch batch;
  batch.pool = create(b->workers, nothing, NULL, TRUE);
  bench_print("W1-cold", bench_cold(bench_w1_tasks(b), batch_then_free, &batch), "ns", NULL);
}

static void count_down_own(gpointer counter, gpointer data) {
  (void)data;
  bench_counter_down(counter);
}

/* Each submitter waits for its own; the counters lie apart. */
struct share {
  _Alignas(128) struct bench_counter counter;
};

struct shared_batch {
  GThreadPool *pool;
  struct share *shares;
};

static void submit_share(void *data, size_t who, size_t tasks) {
  struct shared_batch *batch = data;
  struct bench_counter *counter = &batch->shares[who].counter;
  bench_counter_reset(counter, (uint32_t)tasks);
  for (size_t i = 0; i < tasks; i++) {
    push(batch->pool, counter);
  }
  bench_counter_wait(counter);
}

static void w1p(const struct bench *b) {
  struct shared_batch batch = {create(b->workers, count_down_own, NULL, TRUE),
                               aligned_alloc(128, b->submitters * sizeof(struct share))};
  bench_print("W1p", bench_submitted(b, submit_share, &batch), "ns", NULL);
  g_thread_pool_free(batch.pool, FALSE, TRUE);
  free(batch.shares);
}

struct handles {
  GThreadPool *pool;
  struct task *tasks;
};

static void batch_of_handles(void *data, size_t tasks) {
  struct handles *handles = data;
  for (uint64_t i = 0; i < tasks; i++) {
    struct task *task = &handles->tasks[i];
    bench_latch_reset(&task->latch);
    task->value = i;
    push(handles->pool, task);
  }
  for (uint64_t i = 0; i < tasks; i++) {
    bench_latch_wait(&handles->tasks[i].latch);
    if (handles->tasks[i].value != i + 1) {
      bench_fail("a task returned a wrong result");
    }
  }
}

static void w2(const struct bench *b) {
  size_t tasks = bench_w2_tasks(b);
  struct handles handles = {create(b->workers, add_one, NULL, TRUE), bench_alloc(tasks, sizeof(struct task))};
  bench_print("W2", bench_warm(b, tasks, batch_of_handles, &handles), "ns", NULL);
  g_thread_pool_free(handles.pool, FALSE, TRUE);
  free(handles.tasks);
}

static void push_and_wait(void *pool) {
  struct task task = {{BENCH_OPEN}, 1};
  push(pool, &task);
  bench_latch_wait(&task.latch);
  if (task.value != 2) {
    bench_fail("a task returned a wrong result");
  }
}

static void w3_other(const struct bench *b) {
  GThreadPool *pool = create(b->workers, add_one, NULL, TRUE);
  bench_print("W3-other", bench_p50(bench_w3_samples(b), BENCH_ONE_CALL, push_and_wait, pool), "ns", NULL);
  g_thread_pool_free(pool, FALSE, TRUE);
}

static void w3c_other(const struct bench *b) {
  GThreadPool *pool = create(b->workers, add_one, NULL, TRUE);
  bench_print("W3c-other", bench_p50_cold(b, push_and_wait, pool), "ns", NULL);
  g_thread_pool_free(pool, FALSE, TRUE);
}

/* A pool that is not exclusive takes its threads from those that GLib keeps. */
static void live_and_wait(void *unused) {
  (void)unused;
  GThreadPool *pool = create(BENCH_W8_WORKERS, add_one, NULL, FALSE);
  push_and_wait(pool);
  g_thread_pool_free(pool, FALSE, TRUE);
}

static void w8(const struct bench *b) {
  bench_print("W8", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, live_and_wait, NULL), "ns", NULL);
}

static void live_and_push(void *data) {
  GThreadPool *pool = create(BENCH_W8_WORKERS, nothing, NULL, FALSE);
  push(pool, data);
  g_thread_pool_free(pool, FALSE, TRUE);
}

static void w8_async(const struct bench *b) {
  struct bench_latch unused;
  bench_print("W8-async", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, live_and_push, &unused), "ns", NULL);
}

static void w9(const struct bench *b) {
  struct batch batch;
  batch.pool = create(b->workers, count_down, &batch.counter, TRUE);
  batch_counted(&batch, 1000);
  bench_idle(b);
  g_thread_pool_free(batch.pool, FALSE, TRUE);
}

/* A task that is not a gate counts down. */
struct queue {
  GThreadPool *pool;
  struct bench_counter counter;
};

static void enter_or_count(gpointer task, gpointer data) {
  if (task == data) {
    bench_counter_down(data);
  } else {
    bench_gate_enter(task);
  }
}

static void enter(void *data, struct bench_gate *gate) {
  push(((struct queue *)data)->pool, gate);
}

static void fill(void *data, size_t tasks) {
  struct queue *queue = data;
  bench_counter_reset(&queue->counter, (uint32_t)tasks);
  for (size_t i = 0; i < tasks; i++) {
    push(queue->pool, &queue->counter);
  }
}

static void drain(void *data) {
  bench_counter_wait(&((struct queue *)data)->counter);
}

static void mem(const struct bench *b) {
  struct queue queue;
  struct bench_queue calls = {enter, fill, drain, &queue, b->workers};
  queue.pool = create(b->workers, enter_or_count, &queue.counter, TRUE);
  bench_print_task_memory(b, &calls);
  g_thread_pool_free(queue.pool, FALSE, TRUE);
}

static void q(const struct bench *b) {
  struct queue queue;
  struct bench_queue calls = {enter, fill, drain, &queue, b->workers};
  queue.pool = create(b->workers, enter_or_count, &queue.counter, TRUE);
  bench_print_queue(b, &calls);
  g_thread_pool_free(queue.pool, FALSE, TRUE);
}

static void mem_idle(const struct bench *b) {
  struct bench_resident before = bench_resident_now();
  struct queue queue;
  struct bench_queue calls = {enter, fill, drain, &queue, BENCH_IDLE_WORKERS};
  queue.pool = create(BENCH_IDLE_WORKERS, enter_or_count, &queue.counter, TRUE);
  bench_fill(&calls, BENCH_IDLE_TASKS);
  bench_print_idle_memory(b, before);
  g_thread_pool_free(queue.pool, FALSE, TRUE);
}

static void mem_so(const struct bench *b) {
  (void)b;
  bench_print_library((const void *)(uintptr_t)g_thread_pool_new);
}

/* A long task is the load itself, a small one the address of when it began. */
static void long_or_probe(gpointer task, gpointer data) {
  struct bench_load *load = data;
  if (task == load) {
    bench_long_task(load);
  } else {
    bench_probe_task(load);
  }
}

static void push_long(struct bench_load *load) {
  push(load->data, load);
}

static void push_probe(struct bench_load *load) {
  push(load->data, &load->begun);
}

static void latency(const struct bench *b) {
  struct bench_load load = {.long_task = push_long, .probe = push_probe};
  load.data = create(b->workers, long_or_probe, &load, TRUE);
  bench_latencies(b, &load);
  g_thread_pool_free(load.data, FALSE, TRUE);
}

static const struct bench_row ROWS[] = {
    {"W1", w1}, {"W1-cold", w1_cold},   {"W1p", w1p}, {"W2", w2},   {"W3-other", w3_other}, {"W3c-other", w3c_other},
    {"W8", w8}, {"W8-async", w8_async}, {"W9", w9},   {"mem", mem}, {"mem-idle", mem_idle}, {"mem-so", mem_so},
    {"Q", q},   {"L", latency},
};

BENCH_MAIN(ROWS)
