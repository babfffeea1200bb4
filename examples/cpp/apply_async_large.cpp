// As apply_async.cpp with a hundred large jobs, so that the pool pays.
#include "course.hpp"

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const auto numbers = course::numbers_from(program.size(10'000, 20'000'000, 100'000'000), 100);
  Log log(program.log_file);

  log.start("sequential, start");
  const auto alone = course::each(numbers, course::sum_all_values);
  const double sequential = log.stop("sequential, end");

  log.start("apply_async, start");
  std::vector<std::uint64_t> sums;
  {
    millpond::pool pool(program.options());
    std::vector<millpond::future<std::uint64_t>> futures;
    for (const auto number : numbers) {
      futures.push_back(pool.submit(course::sum_all_values, number));
    }
    log.step("all handed over");
    for (auto &future : futures) {
      sums.push_back(future.get());
      if (sums.size() == 1) {
        log.step("the first result is here");
      }
    }
  }
  const double parallel = log.stop("apply_async, end");

  std::cout << "first " << sums.front() << ", last " << sums.back() << "\n";
  const bool right = sums == alone && sums == course::each(numbers, course::sum_by_formula);
  return program.end_timed("apply_async_large", sequential, parallel, 1.0, program.at_once(numbers.size()), right);
}
