/* oneTBB. An arena of N threads counts the thread that submits and waits, so that thread is one of the N. */
#include <oneapi/tbb.h>

#include <memory>
#include <vector>

#include "../common/bench.h"
#include "../common/fork_join.h"
#include "../common/idle.h"
#include "../common/latch.h"
#include "../common/latency.h"
#include "../common/map.h"
#include "../common/memory.h"
#include "../common/submitters.h"

namespace {

/* Lets the library have as many threads as the row asks for, even on a machine with fewer CPUs. */
struct Threads {
  explicit Threads(unsigned count) : limit(tbb::global_control::max_allowed_parallelism, count) {}
  tbb::global_control limit;
};

struct Group {
  explicit Group(unsigned workers) : threads(workers), arena(static_cast<int>(workers)) {}
  Threads threads;
  tbb::task_arena arena;
};

void batch_of_tasks(void *data, size_t tasks) {
  static_cast<Group *>(data)->arena.execute([tasks] {
    tbb::task_group group;
    for (size_t i = 0; i < tasks; i++) {
      group.run([] {});
    }
    group.wait();
  });
}

void w1(const bench *b) {
  Group group(b->workers);
  bench_print("W1", bench_warm(b, bench_w1_tasks(b), batch_of_tasks, &group), "ns", nullptr);
}

void w1_cold(const bench *b) {
  Group group(b->workers);
  bench_print("W1-cold", bench_cold(bench_w1_tasks(b), batch_of_tasks, &group), "ns", nullptr);
}

/* Each submitter has a group of its own, in its own arena, to which the workers come. */
void submit_to_group(void *, size_t, size_t tasks) {
  tbb::task_group group;
  for (size_t i = 0; i < tasks; i++) {
    group.run([] {});
  }
  group.wait();
}

/* All submitters hand their tasks to one arena, in which they do not take part. */
struct Shares {
  Shares(unsigned workers, unsigned submitters)
      : threads(workers + submitters), arena(static_cast<int>(workers), 0), counters(submitters) {}
  Threads threads;
  tbb::task_arena arena;
  std::vector<bench_counter> counters;
};

void enqueue_share(void *data, size_t who, size_t tasks) {
  Shares *shares = static_cast<Shares *>(data);
  bench_counter *counter = &shares->counters[who];
  bench_counter_reset(counter, static_cast<uint32_t>(tasks));
  for (size_t i = 0; i < tasks; i++) {
    shares->arena.enqueue([counter] { bench_counter_down(counter); });
  }
  bench_counter_wait(counter);
}

void w1p(const bench *b) {
  {
    Threads threads(b->workers);
    bench_print("W1p", bench_submitted(b, submit_to_group, nullptr), "ns", "task_group");
  }
  Shares shares(b->workers, b->submitters);
  bench_print("W1p", bench_submitted(b, enqueue_share, &shares), "ns", "enqueue");
}

/* The library has no handle for one task that can be waited for, so each task has a latch of its own; a wait that finds
   it open waits for the whole group, which helps, and is cheaper than sleeping on the latch. */
struct Handle {
  bench_latch latch;
  uint64_t result;
};

void batch_of_handles(void *data, size_t tasks) {
  static_cast<Group *>(data)->arena.execute([tasks] {
    static std::vector<Handle> handles;
    handles.assign(tasks, Handle());
    tbb::task_group group;
    for (uint64_t i = 0; i < tasks; i++) {
      Handle *handle = &handles[i];
      group.run([handle, i] {
        handle->result = i + 1;
        bench_latch_set(&handle->latch);
      });
    }
    for (uint64_t i = 0; i < tasks; i++) {
      if (!bench_latch_is_set(&handles[i].latch)) {
        group.wait();
      }
      if (handles[i].result != i + 1) {
        bench_fail("a task returned a wrong result");
      }
    }
    group.wait();
  });
}

void w2(const bench *b) {
  Group group(b->workers);
  bench_print("W2", bench_warm(b, bench_w2_tasks(b), batch_of_handles, &group), "ns", nullptr);
}

void run_and_wait_once(void *data) {
  uint64_t result = 0;
  static_cast<tbb::task_group *>(data)->run([&result] { result = 2; });
  static_cast<tbb::task_group *>(data)->wait();
  if (result != 2) {
    bench_fail("a task returned a wrong result");
  }
}

void w3(const bench *b) {
  Group group(b->workers);
  group.arena.execute([b] {
    tbb::task_group tasks;
    bench_print("W3", bench_p50(bench_w3_samples(b), BENCH_W3_CALLS, run_and_wait_once, &tasks), "ns", nullptr);
  });
}

void w3c(const bench *b) {
  Group group(b->workers);
  group.arena.execute([b] {
    tbb::task_group tasks;
    bench_print("W3c", bench_p50_cold(b, run_and_wait_once, &tasks), "ns", nullptr);
  });
}

void enqueue_and_wait(tbb::task_arena &arena) {
  struct Request {
    bench_latch latch;
    uint64_t result;
  } request = {};
  arena.enqueue([&request] {
    request.result = 2;
    bench_latch_set(&request.latch);
  });
  bench_latch_wait(&request.latch);
  if (request.result != 2) {
    bench_fail("a task returned a wrong result");
  }
}

void enqueue_once(void *data) {
  enqueue_and_wait(*static_cast<tbb::task_arena *>(data));
}

/* Here the submitting thread stays outside, so the limit allows for N workers besides it. */
void w3_other(const bench *b) {
  Threads threads(b->workers + 1);
  tbb::task_arena arena(static_cast<int>(b->workers), 0);
  bench_print("W3-other", bench_p50(bench_w3_samples(b), BENCH_ONE_CALL, enqueue_once, &arena), "ns", nullptr);
}

void w3c_other(const bench *b) {
  Threads threads(b->workers + 1);
  tbb::task_arena arena(static_cast<int>(b->workers), 0);
  bench_print("W3c-other", bench_p50_cold(b, enqueue_once, &arena), "ns", nullptr);
}

uint64_t fib_of_groups(uint64_t n) {
  if (n < 2) {
    return n;
  }
  uint64_t a = 0;
  tbb::task_group group;
  group.run([&a, n] { a = fib_of_groups(n - 1); });
  uint64_t b = fib_of_groups(n - 2);
  group.wait();
  return a + b;
}

uint64_t fib_of_invokes(uint64_t n) {
  if (n < 2) {
    return n;
  }
  uint64_t a = 0;
  uint64_t b = 0;
  tbb::parallel_invoke([&a, n] { a = fib_of_invokes(n - 1); }, [&b, n] { b = fib_of_invokes(n - 2); });
  return a + b;
}

void w4(const bench *b) {
  Group group(b->workers);
  group.arena.execute([b] {
    double ns = bench_forks(b, [](void *, uint64_t n) { return fib_of_groups(n); }, nullptr);
    bench_print("W4", ns, "ns", "task_group");
    ns = bench_forks(b, [](void *, uint64_t n) { return fib_of_invokes(n); }, nullptr);
    bench_print("W4", ns, "ns", "parallel_invoke");
  });
}

void map(const bench_map *map, void *data) {
  static_cast<Group *>(data)->arena.execute([map] {
    tbb::parallel_for(tbb::blocked_range<size_t>(0, map->count), [map](const tbb::blocked_range<size_t> &range) {
      for (size_t i = range.begin(); i < range.end(); i++) {
        map->fn(&map->args[i], &map->results[i], nullptr);
      }
    });
  });
}

const bench_mapper MAPPERS[] = {{nullptr, map}};

void w5(const bench *b) {
  Group group(b->workers);
  bench_map_uniform(b, MAPPERS, 1, &group);
}

void w6(const bench *b) {
  Group group(b->workers);
  bench_map_skewed(b, MAPPERS, 1, &group);
}

void w7(const bench *b) {
  Group group(b->workers);
  bench_map_coarse(b, MAPPERS, 1, &group);
}

void arena_and_task(void *) {
  tbb::task_arena arena(BENCH_W8_WORKERS);
  arena.execute([] {
    tbb::task_group tasks;
    run_and_wait_once(&tasks);
  });
}

void w8(const bench *b) {
  Threads threads(BENCH_W8_WORKERS);
  bench_print("W8", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, arena_and_task, nullptr), "ns", nullptr);
}

void arena_and_enqueue(void *) {
  tbb::task_arena arena(BENCH_W8_WORKERS, 0);
  enqueue_and_wait(arena);
}

void w8_async(const bench *b) {
  Threads threads(BENCH_W8_WORKERS + 1);
  bench_print("W8-async", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, arena_and_enqueue, nullptr), "ns", nullptr);
}

void w9(const bench *b) {
  Group group(b->workers);
  batch_of_tasks(&group, 1000);
  bench_idle(b);
}

void enter_gate(void *data, bench_gate *gate) {
  static_cast<tbb::task_group *>(data)->run([gate] { bench_gate_enter(gate); });
}

void fill_group(void *data, size_t tasks) {
  for (size_t i = 0; i < tasks; i++) {
    static_cast<tbb::task_group *>(data)->run([] {});
  }
}

void drain_group(void *data) {
  static_cast<tbb::task_group *>(data)->wait();
}

/* The submitter, which counts as a worker, runs nothing before it waits. */
template <typename Use> void with_queue(unsigned workers, Use use) {
  Group group(workers);
  group.arena.execute([&use, workers] {
    tbb::task_group tasks;
    bench_queue queue = {enter_gate, fill_group, drain_group, &tasks, workers - 1};
    use(&queue);
  });
}

void mem(const bench *b) {
  with_queue(b->workers, [b](const bench_queue *queue) { bench_print_task_memory(b, queue); });
}

void q(const bench *b) {
  with_queue(b->workers, [b](const bench_queue *queue) { bench_print_queue(b, queue); });
}

void mem_idle(const bench *b) {
  bench_resident before = bench_resident_now();
  with_queue(BENCH_IDLE_WORKERS, [b, before](const bench_queue *queue) {
    bench_fill(queue, BENCH_IDLE_TASKS);
    bench_print_idle_memory(b, before);
  });
}

void mem_so(const bench *) {
  bench_print_library(reinterpret_cast<const void *>(&TBB_runtime_version));
}

void enqueue_long(bench_load *load) {
  static_cast<tbb::task_arena *>(load->data)->enqueue([load] { bench_long_task(load); });
}

void enqueue_probe(bench_load *load) {
  static_cast<tbb::task_arena *>(load->data)->enqueue([load] { bench_probe_task(load); });
}

void latency(const bench *b) {
  Threads threads(b->workers + 1);
  tbb::task_arena arena(static_cast<int>(b->workers), 0);
  bench_load load = {};
  load.long_task = enqueue_long;
  load.probe = enqueue_probe;
  load.data = &arena;
  bench_latencies(b, &load);
}

const bench_row ROWS[] = {
    {"W1", w1},
    {"W1-cold", w1_cold},
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
    {"W8-async", w8_async},
    {"W9", w9},
    {"mem", mem},
    {"mem-idle", mem_idle},
    {"mem-so", mem_so},
    {"Q", q},
    {"L", latency},
};

} // namespace

BENCH_MAIN(ROWS)
