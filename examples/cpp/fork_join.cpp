// Quicksort by forks: each half may be taken by a worker that is free, and nobody chooses how small is too small.
#include "course.hpp"

#include <random>

using Iterator = std::uint32_t *;

static Iterator split(Iterator first, Iterator last) {
  const std::uint32_t pivot = first[(last - first - 1) / 2];
  Iterator low = first;
  Iterator high = last - 1;
  for (;; ++low, --high) {
    while (*low < pivot) ++low;
    while (*high > pivot) --high;
    if (low >= high) return high + 1;
    std::swap(*low, *high);
  }
}

// The same function on one CPU: without the library.
static void sort_alone(Iterator first, Iterator last) {
  if (last - first < 2) return;
  const Iterator middle = split(first, last);
  sort_alone(first, middle);
  sort_alone(middle, last);
}

// What it forks may refer to its own variables: they are there until both halves have ended.
static void sort(millpond::task &self, Iterator first, Iterator last) {
  if (last - first < 2) return;
  const Iterator middle = split(first, last);
  self.join([=](millpond::task &half) { sort(half, first, middle); },
            [=](millpond::task &half) { sort(half, middle, last); });
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const bool threads = program.mode == millpond::mode::threads; // A worker process has nobody to fork for.
  std::mt19937 random;
  std::vector<std::uint32_t> alone(program.size<std::size_t>(10'000, 4'000'000, 40'000'000));
  std::generate(alone.begin(), alone.end(), random);
  Log log(program.log_file);
  millpond::pool pool(program.options());
  // What worker processes sort must lie where they and this program both see it.
  millpond::shared_array<std::uint32_t> numbers(pool, alone.size());
  std::copy(alone.begin(), alone.end(), numbers.begin());

  log.start("sequential, start");
  sort_alone(alone.data(), alone.data() + alone.size());
  const double sequential = log.stop("sequential, end");

  log.start("fork-join, start");
  pool.apply(sort, numbers.begin(), numbers.end());
  const double parallel = log.stop("fork-join, end");

  std::cout << numbers.size() << " numbers, from " << *numbers.begin() << " to " << *(numbers.end() - 1) << "\n";
  const bool right =
      std::equal(numbers.begin(), numbers.end(), alone.begin()) && std::is_sorted(alone.begin(), alone.end());
  return program.end_timed("fork_join", sequential, parallel, threads ? 1.0 : 0.0,
                           threads ? program.at_once(program.workers) : 1, right);
}
