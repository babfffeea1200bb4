/* std::async of the C++ library: no pool, a thread for each task. Asked for asynchronous tasks; left to itself it may run
   them on the thread that waits. */
#include <future>
#include <vector>

#include "../common/bench.h"
#include "../common/map.h"

namespace {

std::future<uint64_t> add_one(uint64_t x) {
  return std::async(std::launch::async, [x] { return x + 1; });
}

void expect(uint64_t result, uint64_t expected) {
  if (result != expected) {
    bench_fail("a task returned a wrong result");
  }
}

void batch_of_futures(void *, size_t tasks) {
  std::vector<std::future<uint64_t>> futures;
  for (uint64_t i = 0; i < tasks; i++) {
    futures.push_back(add_one(i));
  }
  for (uint64_t i = 0; i < tasks; i++) {
    expect(futures[i].get(), i + 1);
  }
}

/* A hundredth of the others' tasks: each costs so much more that the row would take minutes. */
void w2(const bench *b) {
  bench_print("W2", bench_warm(b, bench_w2_tasks(b) / 100, batch_of_futures, nullptr), "ns", nullptr);
}

void add_once(void *) {
  expect(add_one(1).get(), 2);
}

void w3_other(const bench *b) {
  bench_print("W3-other", bench_p50(bench_w3_samples(b), BENCH_ONE_CALL, add_once, nullptr), "ns", nullptr);
}

void w3c_other(const bench *b) {
  bench_print("W3c-other", bench_p50_cold(b, add_once, nullptr), "ns", nullptr);
}

void map(const bench_map *map, void *) {
  std::vector<std::future<int32_t>> futures;
  for (size_t i = 0; i < map->count; i++) {
    futures.push_back(std::async(std::launch::async, map->fn, &map->args[i], &map->results[i], nullptr));
  }
}

const bench_mapper MAPPERS[] = {{nullptr, map}};

void w7(const bench *b) {
  bench_map_coarse(b, MAPPERS, 1, nullptr);
}

void w8_async(const bench *b) {
  bench_print("W8-async", bench_p50(bench_w8_samples(b), BENCH_ONE_CALL, add_once, nullptr), "ns", nullptr);
}

const bench_row ROWS[] = {
    {"W2", w2}, {"W3-other", w3_other}, {"W3c-other", w3c_other}, {"W7", w7}, {"W8-async", w8_async},
};

} // namespace

BENCH_MAIN(ROWS)
