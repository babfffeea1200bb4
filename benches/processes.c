/* Millpond's rows with processes for workers, through the C interface as any user would call it. */
#include <millpond.h>

#define BENCH_TASK pool_task_t
#define BENCH_FUTEX_SCOPE 0
#include "common/bench.h"
#include "common/latch.h"
#include "common/map.h"
#include "common/ours.h"
#include "common/processes.h"

static pool_t *create(int32_t mode, uint32_t workers, uint32_t spare_workers) {
  pool_options_t options = POOL_OPTIONS_INIT;
  pool_t *pool;
  options.mode = mode;
  options.workers = workers;
  options.spare_workers = spare_workers;
  check(pool_create_with(&options, &pool));
  return pool;
}

static void *shared(pool_t *pool, size_t size) {
  void *memory = pool_shared_alloc(pool, size);
  if (!memory) {
    bench_fail(pool_last_error());
  }
  return memory;
}

static void p1(const struct bench *b) {
  pool_t *pool = create(POOL_PROCESSES, b->workers, 0);
  bench_print("P1", bench_p50(bench_w3_samples(b), BENCH_ONE_CALL, apply_once, pool), "ns", NULL);
  check(pool_close_join(pool));
}

static void p1_cold(const struct bench *b) {
  pool_t *pool = create(POOL_PROCESSES, b->workers, 0);
  double ns = bench_p50_prepared(bench_cold_samples(b), BENCH_ONE_CALL, bench_sleep_1_ms, apply_once, pool);
  bench_print("P1-cold", ns, "ns", NULL);
  check(pool_close_join(pool));
}

struct batch {
  pool_t *pool;
  struct bench_counter *counter;
  pool_future_t **futures;
};

static struct batch start_batch(int32_t mode, uint32_t workers) {
  struct batch batch = {.pool = create(mode, workers, 0)};
  batch.counter = shared(batch.pool, sizeof *batch.counter);
  return batch;
}

static void batch_counted(void *data, size_t tasks) {
  struct batch *batch = data;
  bench_counter_reset(batch->counter, (uint32_t)tasks);
  for (size_t i = 0; i < tasks; i++) {
    check(pool_apply_async(batch->pool, count_down, batch->counter, 0, 0, NULL, NULL, NULL));
  }
  bench_counter_wait(batch->counter);
}

static void batch_of_futures(void *data, size_t tasks) {
  struct batch *batch = data;
  for (uint64_t i = 0; i < tasks; i++) {
    check(pool_apply_async(batch->pool, add_one, &i, sizeof i, sizeof i, NULL, NULL, &batch->futures[i]));
  }
  for (uint64_t i = 0; i < tasks; i++) {
    uint64_t result;
    check(pool_future_get(batch->futures[i], &result, sizeof result, -1));
    check(pool_future_release(batch->futures[i]));
    if (result != i + 1) {
      bench_fail("a future returned a wrong result");
    }
  }
}

/* On processes, and on threads to compare with. */
static void many(const struct bench *b, const char *row, void (*run)(void *, size_t)) {
  static const int32_t MODES[] = {POOL_PROCESSES, POOL_THREADS};
  size_t tasks = bench_w2_tasks(b);
  for (size_t i = 0; i < 2; i++) {
    struct batch batch = start_batch(MODES[i], b->workers);
    batch.futures = bench_alloc(tasks, sizeof *batch.futures);
    bench_print(row, bench_warm(b, tasks, run, &batch), "ns", MODES[i] == POOL_THREADS ? "on threads" : NULL);
    check(pool_close_join(batch.pool));
    free(batch.futures);
  }
}

static void p2(const struct bench *b) {
  many(b, "P2", batch_counted);
}

static void p2_futures(const struct bench *b) {
  many(b, "P2-futures", batch_of_futures);
}

static void map(const struct bench_map *map, void *pool) {
  check(pool_map(pool, map->fn, map->args, sizeof *map->args, map->results, sizeof *map->results, map->count));
}

/* The first way is the row's own. Which pages a worker has not seen yet is chance in the first maps: they are left
   out. */
static void map_row(const struct bench *b, const char *row, struct bench_map items, size_t repeats, size_t warm_ups) {
  pool_t *processes = create(POOL_PROCESSES, b->workers, 0);
  pool_t *threads = create(POOL_THREADS, b->workers, 0);
  uint64_t *args = shared(processes, items.count * sizeof *args);
  uint64_t *results = shared(processes, items.count * sizeof *results);
  struct bench_map moved = bench_map_moved(&items, args, results);
  struct bench_way ways[] = {
      {{NULL, map}, processes, moved},
      {{"arrays copied", map}, processes, items},
      {{"on threads", map}, threads, items},
      {{"on threads, shared arrays", map}, threads, moved},
  };
  for (size_t i = 0; i < warm_ups; i++) {
    bench_map_time(&ways[0]);
  }
  bench_map_ways(b, row, &items, repeats, ways, sizeof ways / sizeof ways[0]);
  check(pool_close_join(threads));
  check(pool_close_join(processes));
  bench_map_free(&items);
}

static void p3(const struct bench *b) {
  map_row(b, "P3", bench_uniform(b), bench_uniform_repeats(b), bench_pick(b, 0, 3, 5, 5));
}

static void p3_skewed(const struct bench *b) {
  map_row(b, "P3-skewed", bench_skewed(b), bench_skewed_repeats(b), 0);
}

static void live_and_apply(void *unused) {
  (void)unused;
  pool_t *pool = create(POOL_PROCESSES, BENCH_P_WORKERS, 0);
  apply_once(pool);
  check(pool_close_join(pool));
}

static void p4_row(const char *row, size_t samples) {
  bench_print(row, bench_p50(samples, BENCH_ONE_CALL, live_and_apply, NULL) / 1e3, "us", NULL);
}

static void p4(const struct bench *b) {
  p4_row("P4", bench_p4_samples(b));
}

static void p4_large(const struct bench *b) {
  if (bench_with_large_host(b)) {
    bench_become_large(b);
    p4_row("P4-large", bench_p4_large_samples(b));
  }
}

/* A task that has begun says so, and never ends. */
struct victim {
  uint32_t worker;
  pid_t pid;
};

static int32_t never_end(const void *arg, void *result, pool_task_t *task) {
  struct victim *victim = (struct victim *)(uintptr_t)arg;
  (void)result;
  victim->worker = task->worker;
  __atomic_store_n(&victim->pid, getpid(), __ATOMIC_RELEASE);
  while (pause() == -1) {
  }
  return 0;
}

static void on_death(const pool_result_t *outcome, void *user_data) {
  if (outcome->status != POOL_ERR_WORKER_DIED) {
    bench_fail("a killed task was reported otherwise to its callback");
  }
  __atomic_store_n((uint64_t *)user_data, bench_now(), __ATOMIC_RELEASE);
}

/* Until the pool, too, knows which process runs it. */
static pid_t await_victim(pool_t *pool, struct victim *victim) {
  pid_t pid;
  while ((pid = __atomic_load_n(&victim->pid, __ATOMIC_ACQUIRE)) == 0 || pool_worker_pid(pool, victim->worker) != pid) {
    bench_sleep_ms(1);
  }
  bench_sleep_ms(BENCH_REST_MS);
  return pid;
}

/* Microseconds from the kill on until the future, and the callback, know, and until a new task has been served. */
struct kill_times {
  double *future;
  double *callback;
  double *serves;
};

static void kill_once(pool_t *pool, struct victim *victim, const struct kill_times *times, size_t at) {
  pool_future_t *future;
  uint64_t called_back = 0;
  *victim = (struct victim){0, 0};
  check(pool_apply_async(pool, never_end, victim, 0, 0, on_death, &called_back, &future));
  pid_t pid = await_victim(pool, victim);
  uint64_t start = bench_now();
  kill(pid, SIGKILL);
  int32_t status = pool_future_get(future, NULL, 0, -1);
  uint64_t told = bench_now();
  apply_once(pool);
  uint64_t served = bench_now();
  if (status != POOL_ERR_WORKER_DIED) {
    bench_fail("a killed task was reported otherwise to its future");
  }
  while (__atomic_load_n(&called_back, __ATOMIC_ACQUIRE) == 0) {
    bench_sleep_ms(1);
  }
  check(pool_future_release(future));
  times->future[at] = (double)(told - start) / 1e3;
  times->callback[at] = (double)(called_back - start) / 1e3;
  times->serves[at] = (double)(served - start) / 1e3;
}

static void kill_rows(const struct bench *b, const char *told_row, const char *serves_row, uint32_t spare_workers) {
  size_t count = bench_kills(b);
  pool_t *pool = create(POOL_PROCESSES, 1, spare_workers);
  struct victim *victim = shared(pool, sizeof *victim);
  struct kill_times times = {
      bench_alloc(count, sizeof(double)),
      bench_alloc(count, sizeof(double)),
      bench_alloc(count, sizeof(double)),
  };
  apply_once(pool);
  for (size_t i = 0; i < count; i++) {
    kill_once(pool, victim, &times, i);
  }
  check(pool_close_join(pool));
  bench_print_kills(told_row, times.future, count, NULL);
  bench_print_kills(told_row, times.callback, count, "callback");
  bench_print_kills(serves_row, times.serves, count, NULL);
  free(times.future);
  free(times.callback);
  free(times.serves);
}

static void p5(const struct bench *b) {
  kill_rows(b, "P5", "P5-serves", 0);
}

static void p5_spare(const struct bench *b) {
  kill_rows(b, "P5-spare", "P5-spare-serves", 1);
}

static void p5_large(const struct bench *b) {
  if (bench_with_large_host(b)) {
    bench_become_large(b);
    kill_rows(b, "P5-large", "P5-large-serves", 1);
  }
}

static struct batch idle_pool(void) {
  struct batch batch = start_batch(POOL_PROCESSES, BENCH_P_WORKERS);
  batch_counted(&batch, 1000);
  return batch;
}

/* As W9, of this process and of all that the pool has made. */
static void p6(const struct bench *b) {
  struct batch batch = idle_pool();
  bench_sleep_ms(bench_pick(b, 10, 200, 200, 200));
  struct bench_processes family = bench_family();
  struct bench_activity before = bench_activity_of(&family);
  bench_sleep_ms(bench_pick(b, 20, 2000, 5000, 5000));
  struct bench_activity after = bench_activity_of(&family);
  int64_t cpu = after.cpu_ns - before.cpu_ns;
  if (family.count < BENCH_P_WORKERS + 1) {
    bench_fail("the pool's processes were not found");
  }
  /* As in bench_idle: a few microseconds mean nothing. */
  bench_print("P6", cpu < 10000 ? 0 : (double)cpu / 1e3, "us", NULL);
  bench_print("P6-wakes", (double)(after.wakes - before.wakes), "wakes", NULL);
  check(pool_close_join(batch.pool));
}

static void p7(const struct bench *b) {
  double before = bench_family_kib();
  double resident = bench_memory_kib(getpid(), "Rss");
  struct batch batch = idle_pool();
  bench_sleep_ms(bench_pick(b, 10, 200, 200, 200));
  double grown = bench_memory_kib(getpid(), "Rss") - resident;
  double workers = 0;
  for (uint32_t i = 0; i < BENCH_P_WORKERS; i++) {
    workers += bench_memory_kib(pool_worker_pid(batch.pool, i), "Pss");
  }
  bench_print("P7", bench_family_kib() - before, "KiB", NULL);
  bench_print("P7", workers / BENCH_P_WORKERS, "KiB", "a worker");
  bench_print("P7", grown > 0 ? grown : 0, "KiB", "growth of the host's Rss");
  check(pool_close_join(batch.pool));
}

static const struct bench_row ROWS[] = {
    {"P1", p1},
    {"P1-cold", p1_cold},
    {"P2", p2},
    {"P2-futures", p2_futures},
    {"P3", p3},
    {"P3-skewed", p3_skewed},
    {"P4", p4},
    {"P4-large", p4_large},
    {"P5", p5},
    {"P5-spare", p5_spare},
    {"P5-large", p5_large},
    {"P6", p6},
    {"P7", p7},
};

BENCH_MAIN(ROWS)
