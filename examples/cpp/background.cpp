// A long task counts up in the background, the main thread reads how far it is, and then cancels it.
#include "course.hpp"

using namespace std::chrono_literals;

// Asked to stop, it returns how far it has come.
static std::uint64_t count_up(millpond::task &self, std::uint64_t total) {
  for (std::uint64_t i = 1; i <= total; i++) {
    if (self.cancelled()) return i - 1;
    std::this_thread::sleep_for(1ms);
    self.progress(i, total);
  }
  return total;
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 1);
  const std::uint64_t total = 1'000'000; // A quarter of an hour, if nobody stops it.
  const auto pause = program.size(20ms, 300ms, 1000ms);
  bool rising = true;
  millpond::progress before{};
  Log log(program.log_file);
  log.start("start");
  millpond::pool pool(program.options());
  auto future = pool.submit(count_up, total);
  for (int i = 0; i < 5; i++) {
    millpond::progress now{};
    do { // The main thread does something else, until there is news.
      std::this_thread::sleep_for(pause);
      now = future.progress();
    } while (now.done == before.done);
    rising = rising && now.done > before.done && now.total == total;
    before = now;
    std::cout << now.done << " of " << now.total << "\n";
  }
  log.step("it is asked to stop");
  future.cancel();
  const std::uint64_t reached = future.get();
  std::cout << "it had come to " << reached << "\n";
  log.stop("end");
  return program.end(rising && reached >= before.done && reached < total);
}
