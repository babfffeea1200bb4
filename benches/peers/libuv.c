/* libuv's uv_queue_work: one pool a process, the caller owns the memory of each request, and the loop's thread, which
   is the submitter, gets a completion callback for every one. */
#include <uv.h>

#include "../common/bench.h"
#include "../common/idle.h"
#include "../common/memory.h"
#include "../common/submitters.h"

struct request {
  uv_work_t work;
  uint64_t value;
  int done;
};

struct batch {
  uv_loop_t *loop;
  struct request *requests;
  size_t called_back;
};

static void check(int status) {
  if (status != 0) {
    bench_fail(uv_strerror(status));
  }
}

static void set_workers(unsigned workers) {
  char count[16];
  snprintf(count, sizeof count, "%u", workers);
  setenv("UV_THREADPOOL_SIZE", count, 1);
}

static struct batch start(const struct bench *b, size_t requests) {
  set_workers(b->workers);
  struct batch batch = {uv_default_loop(), (struct request *)bench_alloc(requests, sizeof(struct request)), 0};
  return batch;
}

static void nothing(uv_work_t *work) {
  (void)work;
}

static void on_done(uv_work_t *work, int status) {
  struct batch *batch = work->data;
  check(status);
  batch->called_back++;
}

static void batch_of_requests(void *data, size_t tasks) {
  struct batch *batch = data;
  batch->called_back = 0;
  for (size_t i = 0; i < tasks; i++) {
    uv_work_t *work = &batch->requests[i].work;
    work->data = batch;
    check(uv_queue_work(batch->loop, work, nothing, on_done));
  }
  uv_run(batch->loop, UV_RUN_DEFAULT);
  if (batch->called_back != tasks) {
    bench_fail("not every request was called back");
  }
}

static void warm(const struct bench *b, const char *row) {
  struct batch batch = start(b, bench_w1_tasks(b));
  bench_print(row, bench_warm(b, bench_w1_tasks(b), batch_of_requests, &batch), "ns", NULL);
  free(batch.requests);
}

static void w1(const struct bench *b) {
  warm(b, "W1");
}

static void w1c(const struct bench *b) {
  warm(b, "W1c");
}

static void w1_cold(const struct bench *b) {
  struct batch batch = start(b, bench_w1_tasks(b));
  bench_print("W1-cold", bench_cold(bench_w1_tasks(b), batch_of_requests, &batch), "ns", NULL);
  free(batch.requests);
}

/* A loop belongs to one thread, so each submitter has one; the threads of the pool are common to all. */
static void submit_share(void *data, size_t who, size_t tasks) {
  batch_of_requests((struct batch *)data + who, tasks);
}

static void w1p(const struct bench *b) {
  size_t share = bench_w1_tasks(b) / b->submitters;
  uv_loop_t *loops = bench_alloc(b->submitters, sizeof *loops);
  struct batch *batches = bench_alloc(b->submitters, sizeof *batches);
  set_workers(b->workers);
  for (unsigned i = 0; i < b->submitters; i++) {
    check(uv_loop_init(&loops[i]));
    batches[i].loop = &loops[i];
    batches[i].requests = bench_alloc(share, sizeof(struct request));
  }
  bench_print("W1p", bench_submitted(b, submit_share, batches), "ns", NULL);
  for (unsigned i = 0; i < b->submitters; i++) {
    check(uv_loop_close(&loops[i]));
    free(batches[i].requests);
  }
  free(batches);
  free(loops);
}

static void add_one(uv_work_t *work) {
  struct request *request = (struct request *)work;
  request->value++;
}

static void on_result(uv_work_t *work, int status) {
  check(status);
  ((struct request *)work)->done = 1;
}

static void wait_for(uv_loop_t *loop, const struct request *request) {
  while (!request->done) {
    uv_run(loop, UV_RUN_ONCE);
  }
}

static void batch_of_handles(void *data, size_t tasks) {
  struct batch *batch = data;
  for (uint64_t i = 0; i < tasks; i++) {
    struct request *request = &batch->requests[i];
    request->value = i;
    request->done = 0;
    check(uv_queue_work(batch->loop, &request->work, add_one, on_result));
  }
  for (uint64_t i = 0; i < tasks; i++) {
    wait_for(batch->loop, &batch->requests[i]);
    if (batch->requests[i].value != i + 1) {
      bench_fail("a request returned a wrong result");
    }
  }
}

static void w2(const struct bench *b) {
  struct batch batch = start(b, bench_w2_tasks(b));
  bench_print("W2", bench_warm(b, bench_w2_tasks(b), batch_of_handles, &batch), "ns", NULL);
  free(batch.requests);
}

static void queue_and_wait(void *data) {
  struct batch *batch = data;
  struct request *request = &batch->requests[0];
  request->done = 0;
  check(uv_queue_work(batch->loop, &request->work, add_one, on_result));
  wait_for(batch->loop, request);
}

static void w3_other(const struct bench *b) {
  struct batch batch = start(b, 1);
  bench_print("W3-other", bench_p50(bench_w3_samples(b), BENCH_ONE_CALL, queue_and_wait, &batch), "ns", NULL);
  free(batch.requests);
}

static void w3c_other(const struct bench *b) {
  struct batch batch = start(b, 1);
  bench_print("W3c-other", bench_p50_cold(b, queue_and_wait, &batch), "ns", NULL);
  free(batch.requests);
}

static void w9(const struct bench *b) {
  struct batch batch = start(b, 1000);
  batch_of_requests(&batch, 1000);
  bench_idle(b);
  free(batch.requests);
}

/* The memory of a request is the caller's, and counts as the queued task's. */
struct queue {
  uv_loop_t *loop;
  struct request *requests;
  struct request holders[64];
  size_t held;
};

static void enter_gate(uv_work_t *work) {
  bench_gate_enter(work->data);
}

static void on_drained(uv_work_t *work, int status) {
  (void)work;
  check(status);
}

static void enter(void *data, struct bench_gate *gate) {
  struct queue *queue = data;
  uv_work_t *work = &queue->holders[queue->held++].work;
  work->data = gate;
  check(uv_queue_work(queue->loop, work, enter_gate, on_drained));
}

static void fill(void *data, size_t tasks) {
  struct queue *queue = data;
  queue->requests = bench_alloc(tasks, sizeof *queue->requests);
  for (size_t i = 0; i < tasks; i++) {
    check(uv_queue_work(queue->loop, &queue->requests[i].work, nothing, on_drained));
  }
}

static void drain(void *data) {
  struct queue *queue = data;
  uv_run(queue->loop, UV_RUN_DEFAULT);
  free(queue->requests);
}

static void with_queue(const struct bench *b, void (*print)(const struct bench *, const struct bench_queue *)) {
  struct queue queue = {.loop = uv_default_loop()};
  struct bench_queue calls = {enter, fill, drain, &queue, b->workers};
  if (b->workers > sizeof queue.holders / sizeof queue.holders[0]) {
    bench_fail("too many workers for this row");
  }
  set_workers(b->workers);
  print(b, &calls);
}

static void mem(const struct bench *b) {
  with_queue(b, bench_print_task_memory);
}

static void q(const struct bench *b) {
  with_queue(b, bench_print_queue);
}

static void mem_idle(const struct bench *b) {
  struct bench_resident before = bench_resident_now();
  struct queue queue = {.loop = uv_default_loop()};
  struct bench_queue calls = {enter, fill, drain, &queue, BENCH_IDLE_WORKERS};
  set_workers(BENCH_IDLE_WORKERS);
  bench_fill(&calls, BENCH_IDLE_TASKS);
  bench_print_idle_memory(b, before);
}

static void mem_so(const struct bench *b) {
  (void)b;
  bench_print_library((const void *)(uintptr_t)uv_queue_work);
}

static const struct bench_row ROWS[] = {
    {"W1", w1},
    {"W1-cold", w1_cold},
    {"W1c", w1c},
    {"W1p", w1p},
    {"W2", w2},
    {"W3-other", w3_other},
    {"W3c-other", w3c_other},
    {"W9", w9},
    {"mem", mem},
    {"mem-idle", mem_idle},
    {"mem-so", mem_so},
    {"Q", q},
};

BENCH_MAIN(ROWS)
