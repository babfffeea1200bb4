// A doubly nested loop that only keeps a CPU busy, three times: one after the other, as threads, as processes.
#include "course.hpp"

struct Done {
  double seconds;
  std::uint64_t steps; // how often the inner loop went round
};

// Counting through a volatile step keeps the compiler from leaving the loops out. The seconds that it took come back in
// the result: from a process there is no other way.
static Done keep_busy(std::uint64_t n) {
  const volatile std::uint64_t step = 1;
  const auto start = Log::clock::now();
  std::uint64_t steps = 0;
  for (std::uint64_t i = 1; i < n; i++) {
    for (std::uint64_t j = 1; j < n; j += step) {
      steps++;
    }
  }
  return {course::since(start).count(), steps};
}

int main(int argc, char **argv) {
  course::Program program(argc, argv, 3);
  const auto n = program.size<std::uint64_t>(1'000, 10'000, 10'000);
  const std::vector<std::uint64_t> three(3, n);
  Log log(program.log_file);

  log.start("one after the other, start");
  std::vector<Done> alone;
  for (const auto number : three) {
    alone.push_back(keep_busy(number));
    log.step("one done");
  }
  const double sequential = log.stop("one after the other, end");

  int status = EXIT_SUCCESS;
  for (const auto mode : program.modes()) {
    program.mode = mode;
    millpond::pool pool(program.options());
    log.start(std::string("three as ") + course::name_of(mode) + ", start");
    const auto at_once = pool.map(three, keep_busy);
    const double parallel = log.stop("three at once, end");
    bool right = true;
    for (std::size_t i = 0; i < three.size(); i++) {
      std::printf("task %zu: %.4f s, alone %.4f s\n", i, at_once[i].seconds, alone[i].seconds);
      right = right && at_once[i].steps == (n - 1) * (n - 1) && alone[i].steps == at_once[i].steps;
    }
    status |= program.end_timed("busy_wait", sequential, parallel, 1.0, program.at_once(three.size()), right);
  }
  return status;
}
