// A callback appends every result to a plain list. It needs no lock, because callbacks never overlap: serial ones
// come one after the other on the pool's threads, polled ones in the main thread when it asks.
#include "course.hpp"

static int run(const course::Program &program, Log &log, millpond::callbacks where, const std::string &name,
               const std::vector<std::uint64_t> &numbers, double sequential) {
  const auto main_thread = std::this_thread::get_id();
  const bool polled = where == millpond::callbacks::polled;
  std::vector<std::uint64_t> list; // In order of completion.
  std::size_t in_main_thread = 0;

  log.start(name);
  millpond::pool pool(program.options().callbacks(where));
  const auto append = millpond::with().callback([&](std::uint64_t sum) {
    list.push_back(sum);
    in_main_thread += std::this_thread::get_id() == main_thread ? 1 : 0;
  });
  log.step("before the loop");
  for (const auto number : numbers) {
    pool.post(append, course::sum_all_values, number);
  }
  log.step("after the loop");
  pool.close();
  while (polled && pool.poll() > 0) { // 0: no callback can come any more.
  }
  pool.join();
  const double parallel = log.stop("all joined");

  std::cout << list.size() << " results, in order of completion ";
  course::print_list(std::vector(list.begin(), list.begin() + (list.size() < 4 ? 0 : 4)));
  std::cout << in_main_thread << " of the callbacks ran in the main thread\n";
  std::sort(list.begin(), list.end());
  const bool right =
      list == course::each(numbers, course::sum_by_formula) && (!polled || in_main_thread == list.size());
  return program.end_timed(name, sequential, parallel, 1.0, program.at_once(numbers.size()), right);
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const auto numbers = course::numbers_from(program.size(10'000, 20'000'000, 100'000'000), 100);
  Log log(program.log_file);
  log.start("sequential, start");
  const auto alone = course::each(numbers, course::sum_all_values);
  const double sequential = log.stop("sequential, end");
  std::cout << "sum of all " << std::accumulate(alone.begin(), alone.end(), std::uint64_t{0}) << "\n";
  const int serial = run(program, log, millpond::callbacks::serial, "callback_serial", numbers, sequential);
  const int polled = run(program, log, millpond::callbacks::polled, "callback_polled", numbers, sequential);
  return serial != EXIT_SUCCESS ? serial : polled;
}
