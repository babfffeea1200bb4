// Workers between a queue of jobs and a queue of results; a sentinel ends each. One job is poison, of which its
// worker dies: another takes over, and nobody waits for ever.
#include "course.hpp"

#include <functional>

static const std::uint64_t sentinel = 0;
static const std::uint64_t poison = 666;

struct Result {
  std::uint64_t number, sum;
};

static void work(millpond::queue_ref<std::uint64_t> jobs, millpond::queue_ref<Result> results, pid_t host) {
  for (const std::uint64_t number : jobs) {
    if (number == sentinel) return;
    if (number == poison) {
      if (getpid() != host) std::abort(); // A process may die; a thread would take the program with it.
      jobs.task_done();
      throw std::runtime_error("poisoned");
    }
    results.put({number, course::sum_all_values(number)});
    jobs.task_done();
  }
}

int main(int argc, char **argv) {
  const auto program = course::Program(argc, argv, 4).in_processes();
  const auto count = program.size<std::uint64_t>(50, 2000, 20000);
  Log log(program.log_file);
  log.start("start");
  millpond::pool pool(program.options());
  millpond::queue<std::uint64_t> jobs(pool, 32);
  millpond::queue<Result> results(pool, count);
  unsigned died = 0; // Only callbacks change it, which never overlap.

  // A worker ends by its sentinel; or it dies, and another takes over.
  std::function<void()> hire = [&] {
    const auto ended = [&](const millpond::result<void> &outcome) {
      if (outcome.ok()) return;
      std::cout << "a worker is lost, and another one takes over: " << outcome.message() << "\n";
      died++;
      hire();
    };
    pool.post(millpond::with().callback(ended), work, jobs.ref(), results.ref(), getpid());
  };
  for (std::uint32_t i = 0; i < program.workers; i++) {
    hire();
  }
  for (std::uint64_t i = 0; i < count; i++) {
    jobs.put(i == count / 2 ? poison : 10'000 + i);
  }
  bool told = program.mode == millpond::mode::threads;
  try {
    jobs.join();
  } catch (const millpond::worker_died &) { // A job was lost with its worker.
    told = true;
  }
  log.step("no job is left");
  for (std::uint32_t i = 0; i < program.workers; i++) {
    jobs.put(sentinel);
  }
  pool.close();
  pool.join();
  results.close();
  std::uint64_t found = 0;
  bool right = told;
  for (const Result &result : results) {
    right = right && result.sum == course::sum_by_formula(result.number);
    found++;
  }
  std::cout << count << " jobs, " << found << " results, " << died << " workers lost\n";
  log.stop("end");
  return program.end(right && found == count - 1 && died == 1);
}
