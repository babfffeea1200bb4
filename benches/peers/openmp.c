/* OpenMP, the compiler's. The submitter is one thread of a team of N and works inside a parallel region; once enough
   tasks are queued it runs new ones itself, at once. */
#include <omp.h>

#include "../common/bench.h"
#include "../common/fork_join.h"
#include "../common/idle.h"
#include "../common/latch.h"
#include "../common/map.h"
#include "../common/memory.h"

/* A task that no compiler can drop. */
static inline void nothing(void) {
  __asm__ volatile("");
}

static void tasks_then_wait(void *data, size_t tasks) {
  (void)data;
  for (size_t i = 0; i < tasks; i++) {
#pragma omp task
    nothing();
  }
#pragma omp taskwait
}

static void start_team(const struct bench *b) {
  omp_set_dynamic(0);
  omp_set_num_threads((int)b->workers);
#pragma omp parallel
  nothing();
}

static void w1(const struct bench *b) {
  double ns = 0;
  start_team(b);
#pragma omp parallel
#pragma omp single
  ns = bench_warm(b, bench_w1_tasks(b), tasks_then_wait, NULL);
  bench_print("W1", ns, "ns", NULL);
}

static void w1_cold(const struct bench *b) {
  double ns = 0;
  start_team(b);
#pragma omp parallel
#pragma omp single
  ns = bench_cold(bench_w1_tasks(b), tasks_then_wait, NULL);
  bench_print("W1-cold", ns, "ns", NULL);
}

/* As many tasks as iterations, asked for by one construct. */
static void task_loop(void *data, size_t tasks) {
  (void)data;
#pragma omp taskloop grainsize(1)
  for (size_t i = 0; i < tasks; i++) {
    nothing();
  }
}

static void w1b(const struct bench *b) {
  double ns = 0;
  start_team(b);
#pragma omp parallel
#pragma omp single
  ns = bench_warm(b, bench_w1_tasks(b), task_loop, NULL);
  bench_print("W1b", ns, "ns", NULL);
}

/* Only threads of the team can submit to it, so it has at least as many as there are submitters. */
static void submit_shares(void *data, size_t tasks) {
  const struct bench *b = data;
#pragma omp parallel num_threads((int)(b->workers > b->submitters ? b->workers : b->submitters))
  if (omp_get_thread_num() < (int)b->submitters) {
    tasks_then_wait(NULL, tasks / b->submitters);
  }
}

static void w1p(const struct bench *b) {
  omp_set_dynamic(0);
  bench_print("W1p", bench_warm(b, bench_w1_tasks(b), submit_shares, (void *)(uintptr_t)b), "ns", NULL);
}

/* OpenMP has no handle that hands back a value, so each task has a flag; a wait that finds it unset is a taskwait. */
struct handle {
  struct bench_latch latch;
  uint64_t result;
};

static void batch_of_handles(void *data, size_t tasks) {
  struct handle *handles = data;
  for (uint64_t i = 0; i < tasks; i++) {
    struct handle *handle = &handles[i];
    bench_latch_reset(&handle->latch);
#pragma omp task firstprivate(handle, i)
    {
      handle->result = i + 1;
      bench_latch_set(&handle->latch);
    }
  }
  for (uint64_t i = 0; i < tasks; i++) {
    if (!bench_latch_is_set(&handles[i].latch)) {
#pragma omp taskwait
    }
    if (handles[i].result != i + 1) {
      bench_fail("a task returned a wrong result");
    }
  }
#pragma omp taskwait
}

static void w2(const struct bench *b) {
  struct handle *handles = bench_alloc(bench_w2_tasks(b), sizeof *handles);
  double ns = 0;
  start_team(b);
#pragma omp parallel
#pragma omp single
  ns = bench_warm(b, bench_w2_tasks(b), batch_of_handles, handles);
  bench_print("W2", ns, "ns", NULL);
  free(handles);
}

static void task_and_wait(void *data) {
  uint64_t result = 0;
  (void)data;
#pragma omp task shared(result)
  result = 2;
#pragma omp taskwait
  if (result != 2) {
    bench_fail("a task returned a wrong result");
  }
}

static void w3(const struct bench *b) {
  double ns = 0;
  start_team(b);
#pragma omp parallel
#pragma omp single
  ns = bench_p50(bench_w3_samples(b), BENCH_W3_CALLS, task_and_wait, NULL);
  bench_print("W3", ns, "ns", NULL);
}

static void w3c(const struct bench *b) {
  double ns = 0;
  start_team(b);
#pragma omp parallel
#pragma omp single
  ns = bench_p50_cold(b, task_and_wait, NULL);
  bench_print("W3c", ns, "ns", NULL);
}

/* The submitter keeps off the queue by spinning, so that another thread of the team, which spins at its barrier, runs
   the task. */
static void task_for_another(void *data) {
  struct handle *handle = data;
  bench_latch_reset(&handle->latch);
#pragma omp task firstprivate(handle)
  {
    handle->result = 2;
    bench_latch_set(&handle->latch);
  }
  bench_latch_wait(&handle->latch);
}

static void w3_other(const struct bench *b) {
  struct handle handle = {{BENCH_OPEN}, 0};
  double ns = 0;
  if (b->workers < 2) {
    return;
  }
  start_team(b);
#pragma omp parallel
#pragma omp single
  ns = bench_p50(bench_w3_samples(b), BENCH_ONE_CALL, task_for_another, &handle);
  bench_print("W3-other", ns, "ns", NULL);
}

static void w3c_other(const struct bench *b) {
  struct handle handle = {{BENCH_OPEN}, 0};
  double ns = 0;
  if (b->workers < 2) {
    return;
  }
  start_team(b);
#pragma omp parallel
#pragma omp single
  ns = bench_p50_cold(b, task_for_another, &handle);
  bench_print("W3c-other", ns, "ns", NULL);
}

static uint64_t fib(void *data, uint64_t n) {
  uint64_t x;
  uint64_t y;
  if (n < 2) {
    return n;
  }
#pragma omp task shared(x)
  x = fib(data, n - 1);
  y = fib(data, n - 2);
#pragma omp taskwait
  return x + y;
}

static void w4(const struct bench *b) {
  double ns = 0;
  start_team(b);
#pragma omp parallel
#pragma omp single
  ns = bench_forks(b, fib, NULL);
  bench_print("W4", ns, "ns", NULL);
}

static void map(const struct bench_map *map, omp_sched_t schedule) {
  omp_set_schedule(schedule, 0);
#pragma omp parallel for schedule(runtime)
  for (size_t i = 0; i < map->count; i++) {
    map->fn(&map->args[i], &map->results[i], NULL);
  }
}

static void map_static(const struct bench_map *m, void *data) {
  (void)data;
  map(m, omp_sched_static);
}

static void map_guided(const struct bench_map *m, void *data) {
  (void)data;
  map(m, omp_sched_guided);
}

static void map_dynamic(const struct bench_map *m, void *data) {
  (void)data;
  map(m, omp_sched_dynamic);
}

static const struct bench_mapper MAPPERS[] = {{"static", map_static}, {"guided", map_guided}, {"dynamic", map_dynamic}};

static void w5(const struct bench *b) {
  start_team(b);
  bench_map_uniform(b, MAPPERS, 3, NULL);
}

static void w6(const struct bench *b) {
  start_team(b);
  bench_map_skewed(b, MAPPERS, 3, NULL);
}

static void w7(const struct bench *b) {
  start_team(b);
  bench_map_coarse(b, MAPPERS, 3, NULL);
}

/* Pausing hard is what ends the team's threads. */
static void team_and_task(void *data) {
#pragma omp parallel num_threads(BENCH_W8_WORKERS)
#pragma omp single
  task_and_wait(data);
  omp_pause_resource_all(omp_pause_hard);
}

static void w8(const struct bench *b) {
  omp_set_dynamic(0);
  bench_print("W8", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, team_and_task, NULL), "ns", NULL);
}

static void w9(const struct bench *b) {
  start_team(b);
#pragma omp parallel
#pragma omp single
  tasks_then_wait(NULL, 1000);
  bench_idle(b);
}

static void mem_idle(const struct bench *b) {
  struct bench_resident before = bench_resident_now();
#pragma omp parallel num_threads(BENCH_IDLE_WORKERS)
#pragma omp single
  tasks_then_wait(NULL, BENCH_IDLE_TASKS);
  bench_print_idle_memory(b, before);
}

static void mem_so(const struct bench *b) {
  (void)b;
  bench_print_library((const void *)(uintptr_t)omp_get_max_threads);
}

static const struct bench_row ROWS[] = {
    {"W1", w1},
    {"W1-cold", w1_cold},
    {"W1b", w1b},
    {"W1p", w1p},
    {"W2", w2},
    {"W3", w3},
    {"W3-other", w3_other},
    {"W3c", w3c},
    {"W3c-other", w3c_other},
    {"W4", w4},
    {"W5", w5},
    {"W6", w6},
    {"W7", w7},
    {"W8", w8},
    {"W9", w9},
    {"mem-idle", mem_idle},
    {"mem-so", mem_so},
};

BENCH_MAIN(ROWS)
