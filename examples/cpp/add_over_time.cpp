// Jobs are added while others run, at any time before close(); after it, adding one throws.
#include "course.hpp"

using namespace std::chrono_literals;

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const auto numbers = course::numbers_from(program.size(10'000, 100'000'000, 100'000'000), 4);
  const auto pause = program.size(10ms, 300ms, 1000ms);
  Log log(program.log_file);

  log.start("sequential, start");
  std::uint64_t alone = 0;
  course::seconds waited{0};
  for (const auto number : numbers) {
    alone += course::sum_all_values(number);
    if (number != numbers.back()) {
      const auto before = Log::clock::now();
      std::this_thread::sleep_for(pause);
      waited += course::since(before);
    }
  }
  const double sequential = log.stop("sequential, end");

  log.start("pool, start");
  std::uint64_t total = 0; // No lock: callbacks never overlap.
  std::size_t ended = 0;
  bool refused = false;
  millpond::pool pool(program.options());
  const auto add = millpond::with().callback([&](std::uint64_t sum) {
    total += sum;
    ended++;
  });
  for (const auto number : numbers) {
    pool.post(add, course::sum_all_values, number);
    log.step("a job was added");
    if (number != numbers.back()) {
      std::this_thread::sleep_for(pause);
    }
  }
  pool.close();
  try {
    pool.post(add, course::sum_all_values, numbers[0]);
  } catch (const millpond::closed &error) {
    std::cout << "one more after close: " << error.what() << "\n";
    refused = true;
  }
  pool.join();
  const double parallel = log.stop("pool, joined");

  std::cout << ended << " jobs, total " << total << "\n";
  const auto expected = course::each(numbers, course::sum_by_formula);
  const bool right = refused && ended == numbers.size() && total == alone &&
                     total == std::accumulate(expected.begin(), expected.end(), std::uint64_t{0});
  std::cout << "the pauses are the serial part; the jobs run during them, which the law does not know\n";
  const double p = (sequential - waited.count()) / sequential;
  return program.end_timed("add_over_time", sequential, parallel, p, program.at_once(numbers.size()), right);
}
