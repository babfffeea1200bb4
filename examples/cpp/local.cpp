// Worker-local storage: what a thread, or a process, has for itself and nobody else changes.
#include "course.hpp"

#include <atomic>

using namespace std::chrono_literals;

static thread_local std::uint64_t own;        // Each thread has another one, and so has each process.
static std::atomic<std::uint64_t> everybodys; // All threads of a process have the same one.
static std::atomic<int> living;

struct Seen {
  std::uint64_t own, everybodys;
  std::uint32_t worker;
};

static Seen count(millpond::task &self) {
  std::this_thread::sleep_for(1ms);
  own += 1000;
  return {own, ++everybodys, self.worker()};
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const std::uint64_t base = 500;
  Log log(program.log_file);
  log.start("start");
  // Both are called on the worker's thread or in its process: before its first task, and after its last one.
  const auto begin = [base](std::uint32_t worker) {
    own = base + worker;
    living++;
  };
  const auto end = [] { living--; };
  std::vector<Seen> all;
  {
    millpond::pool pool(program.options().initializer(begin).finalizer(end));
    std::vector<millpond::future<Seen>> futures;
    for (int i = 0; i < 40; i++) {
      futures.push_back(pool.submit(count));
    }
    for (auto &future : futures) {
      all.push_back(future.get_for(1min)); // With a time limit: so that it runs no task itself, but workers all.
    }
  }
  std::uint64_t highest = 0;
  std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> workers; // Tasks, and the own number at the end.
  for (const Seen &seen : all) {
    auto &[tasks, last] = workers[seen.worker];
    tasks++;
    last = std::max(last, seen.own);
    highest = std::max(highest, seen.everybodys);
  }
  bool right = living == 0;
  for (const auto &[worker, numbers] : workers) {
    const auto &[tasks, last] = numbers;
    std::cout << "worker " << worker << " has run " << tasks << " tasks, its own number is " << last << "\n";
    right = right && last == base + worker + 1000 * tasks;
  }
  std::cout << "everybody's number went up to " << highest << " of " << all.size() << "\n";
  log.stop("end");
  return program.end(right && (program.mode == millpond::mode::processes || highest == all.size()));
}
