// Tasks that sleep overlap, on any number of CPUs: a sleeping worker needs none.
#include "course.hpp"

using namespace std::chrono_literals;

// Sleeps, and returns the seconds that it took.
static double sleep_for(std::chrono::milliseconds time) {
  const auto start = Log::clock::now();
  std::this_thread::sleep_for(time);
  return course::since(start).count();
}

// Hands over `count` sleeps and waits for all; returns what each took.
static std::vector<double> sleep_at_once(millpond::pool &pool, std::chrono::milliseconds time, std::size_t count) {
  std::vector<millpond::future<double>> sleeps;
  for (std::size_t i = 0; i < count; i++) {
    sleeps.push_back(pool.submit(sleep_for, time));
  }
  std::vector<double> took;
  for (auto &sleep : sleeps) {
    took.push_back(sleep.get());
    std::printf("task %zu slept %.4f s\n", took.size() - 1, took.back());
  }
  return took;
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const auto time = program.size(50ms, 500ms, 5000ms);
  const auto long_enough = [&](double took) { return took >= course::seconds(time).count(); };
  Log log(program.log_file);
  millpond::pool pool(program.options());

  log.start("four at once, start");
  const auto four = sleep_at_once(pool, time, 4);
  log.stop("four at once, end");

  log.start("three one after the other, start");
  for (int i = 0; i < 3; i++) {
    std::this_thread::sleep_for(time);
  }
  const double sequential = log.stop("three one after the other, end");

  log.start("three at once, start");
  const auto three = sleep_at_once(pool, time, 3);
  const double parallel = log.stop("three at once, end");

  // With more than one worker, they must have overlapped: all took less than the sum of each.
  const bool overlapped = program.workers < 2 || parallel < std::accumulate(three.begin(), three.end(), 0.0);
  const bool right = std::all_of(four.begin(), four.end(), long_enough) &&
                     std::all_of(three.begin(), three.end(), long_enough) && overlapped;
  return program.end_timed("blocking_sleep", sequential, parallel, 1.0, std::min(program.workers, 3U), right);
}
