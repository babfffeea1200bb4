// One function over a hundred numbers on a pool of four workers; the results come back in order.
#include "course.hpp"

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const auto numbers = course::numbers_from(program.size(10'000, 20'000'000, 100'000'000), 100);
  Log log(program.log_file);

  log.start("sequential, start");
  const auto alone = course::each(numbers, course::sum_all_values);
  const double sequential = log.stop("sequential, end");

  log.start("map, start");
  std::vector<std::uint64_t> sums;
  {
    millpond::pool pool(program.options());
    sums = pool.map(numbers, course::sum_all_values);
  } // The pool's end: closed, and all workers joined.
  const double parallel = log.stop("map, end");

  course::print_list(sums);
  const bool right = sums == alone && sums == course::each(numbers, course::sum_by_formula);
  return program.end_timed("map", sequential, parallel, 1.0, program.at_once(numbers.size()), right);
}
