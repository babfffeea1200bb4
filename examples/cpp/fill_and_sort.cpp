// A parallel loop fills an array, in threads or in processes; a parallel sort puts it in order, on threads.
#include "course.hpp"

static std::uint32_t mix(std::size_t i) {
  std::uint64_t x = (static_cast<std::uint64_t>(i) + 1) * 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  return static_cast<std::uint32_t>(x >> 32U);
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const auto count = program.size<std::size_t>(20'000, 5'000'000, 50'000'000);
  millpond::pool pool(program.options());
  millpond::pool threads(program.workers);
  const millpond::shared_array<std::uint32_t> numbers(pool, count); // Workers that are processes see this memory, too.
  std::vector<std::uint32_t> alone(count);
  Log log(program.log_file);

  log.start("sequential, start");
  for (std::size_t i = 0; i < count; i++) {
    alone[i] = mix(i);
  }
  log.step("filled");
  std::sort(alone.begin(), alone.end());
  const double sequential = log.stop("sorted by the standard library");

  log.start("pool, start");
  pool.for_each(std::size_t{0}, count, [all = numbers.data()](std::size_t i) { all[i] = mix(i); });
  log.step("filled in pieces");
  threads.sort(numbers);
  const double parallel = log.stop("sorted in pieces");

  const bool right = std::equal(numbers.begin(), numbers.end(), alone.begin(), alone.end());
  return program.end_timed("fill_and_sort", sequential, parallel, 1.0, program.at_once(512), right);
}
