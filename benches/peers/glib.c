/* GLib's GThreadPool: one function for the whole pool, a pointer for each task, no wait but the pool's end. */
#include <glib.h>

#include "../common/bench.h"
#include "../common/idle.h"
#include "../common/latch.h"

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

static const struct bench_row ROWS[] = {
    {"W1", w1}, {"W1-cold", w1_cold},   {"W2", w2}, {"W3-other", w3_other},
    {"W8", w8}, {"W8-async", w8_async}, {"W9", w9},
};

BENCH_MAIN(ROWS)
