// Ten small jobs are handed over, the main thread does something else, then each result is fetched.
#include "course.hpp"

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const auto numbers = course::numbers_from(10'000, 10); // The course's size: it takes no time in any of the sizes.
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
    log.step("all handed over, the main thread does something else");
    for (auto &future : futures) {
      sums.push_back(future.get());
    }
  }
  const double parallel = log.stop("apply_async, end");

  course::print_list(sums);
  const bool right = sums == alone && sums == course::each(numbers, course::sum_by_formula);
  std::cout << "jobs of a few microseconds: what is timed here is the start of the pool\n";
  return program.end_timed("apply_async", sequential, parallel, 1.0, program.at_once(numbers.size()), right);
}
