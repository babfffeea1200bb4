// Tasks that say when they wait: more of them overlap than there are workers, and the pool needs no more for it.
#include "course.hpp"

using namespace std::chrono_literals;

// Asks a slow server (it only sleeps). What it waits for is no business of the pool's, so it says that it will wait:
// meanwhile a spare worker runs the next task.
static double ask(std::chrono::milliseconds time) {
  const auto start = Log::clock::now();
  const millpond::blocking section;
  std::this_thread::sleep_for(time);
  return course::since(start).count();
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 2);
  const auto time = program.size(30ms, 200ms, 1000ms);
  const std::uint32_t count = 8;
  const bool threads = program.mode == millpond::mode::threads; // A worker process keeps its place.
  const std::uint32_t at_once = threads ? count : std::min(program.workers, count);
  Log log(program.log_file);
  millpond::pool pool(program.options());

  log.start("eight questions, start");
  std::vector<millpond::future<double>> answers;
  for (std::uint32_t i = 0; i < count; i++) {
    answers.push_back(pool.submit(ask, time));
  }
  std::vector<double> took;
  for (auto &answer : answers) {
    took.push_back(answer.get());
  }
  const double parallel = log.stop("eight questions, end");
  const double sum = std::accumulate(took.begin(), took.end(), 0.0);
  std::printf("%u answers, each after %.4f s, all after %.4f s\n", count, sum / count, parallel);

  // At least some must have overlapped: all took less than the sum of each.
  const bool right = *std::min_element(took.begin(), took.end()) >= course::seconds(time).count();
  return program.end_timed("blocking_section", sum, parallel, 1.0, at_once, right && (at_once < 2 || parallel < sum));
}
