// Five waits overlap on threads in any language; five computations only where no interpreter lock is in the way.
#include "course.hpp"

using namespace std::chrono_literals;

// How many additions take about that time here.
static std::uint64_t additions_in(course::seconds time) {
  const std::uint64_t sample = 20'000'000;
  const auto start = Log::clock::now();
  const bool right = course::sum_all_values(sample) == course::sum_by_formula(sample);
  return right ? static_cast<std::uint64_t>(sample * (time / course::since(start))) : sample;
}

static int waiting(const course::Program &program, Log &log, millpond::pool &pool, std::chrono::milliseconds time) {
  const std::vector five(5, time);
  const auto wait = [](std::chrono::milliseconds its) {
    std::this_thread::sleep_for(its);
  }; // No CPU is needed for that.
  log.start("five waits one after the other, start");
  for (const auto one : five) wait(one);
  const double sequential = log.stop("five waits one after the other, end");
  log.start("five waits at once, start");
  pool.map(five, wait);
  const double parallel = log.stop("five waits at once, end");
  return program.end_timed("gil_wait", sequential, parallel, 1.0, std::min(program.workers, 5U),
                           parallel >= course::seconds(time).count());
}

static int computing(const course::Program &program, Log &log, millpond::pool &pool, course::seconds time) {
  const auto numbers = course::numbers_from(additions_in(time), 5);
  log.start("five computations one after the other, start");
  const auto alone = course::each(numbers, course::sum_all_values);
  const double sequential = log.stop("five computations one after the other, end");
  log.start("five computations at once, start");
  const auto sums = pool.map(numbers, course::sum_all_values);
  const double parallel = log.stop("five computations at once, end");
  const bool right = sums == alone && sums == course::each(numbers, course::sum_by_formula);
  return program.end_timed("gil_compute", sequential, parallel, 1.0, program.at_once(numbers.size()), right);
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 5);
  const auto time = program.size(20ms, 300ms, 1000ms);
  Log log(program.log_file);
  millpond::pool pool(program.options());
  const int waited = waiting(program, log, pool, time);
  const int computed = computing(program, log, pool, time);
  return waited | computed;
}
