// A saboteur kills workers, and now and then the zygote, the process that makes them. The work goes on: a task
// whose worker died is submitted again, a pool that lost its zygote is refreshed, and every result comes once.
#include "course.hpp"

#include <atomic>
#include <deque>
#include <fstream>
#include <random>

#include <signal.h>

using namespace std::chrono_literals;

// In /proc/PID/stat the parent comes after the name in parentheses and the state. 0: the process is gone.
static pid_t parent_of(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  const auto end = line.rfind(") ");
  return end == std::string::npos ? 0 : static_cast<pid_t>(std::strtol(line.c_str() + end + 4, nullptr, 10));
}

static void sabotage(const millpond::pool &pool, Log &log, unsigned wanted, std::chrono::milliseconds pause) {
  std::minstd_rand random;
  for (unsigned kills = 0; kills < wanted;) {
    std::this_thread::sleep_for(pause);
    const auto worker = static_cast<std::uint32_t>(random() % pool.workers());
    const pid_t pid = pool.worker_pid(worker);
    const pid_t zygote = pid > 0 ? parent_of(pid) : 0;
    if (zygote == 0 || parent_of(zygote) != getpid()) continue; // It is dead already, or without a parent.
    const bool whole = kills % 6 == 5;
    if (kill(whole ? zygote : pid, SIGKILL) != 0) continue;
    kills++;
    const std::string whom = whole ? "the zygote, process " + std::to_string(zygote)
                                   : "worker " + std::to_string(worker) + ", process " + std::to_string(pid);
    log.step("kill " + std::to_string(kills) + ": " + whom);
  }
}

// A pool to which tasks are handed as often as it takes.
class Stubborn {
public:
  Stubborn(millpond::pool &pool, Log &log) : pool_(pool), log_(log) {}
  void submit(std::uint64_t number) {
    jobs_.push_back(start(number));
  }
  std::size_t under_way() const {
    return jobs_.size();
  }
  // The result of the oldest job, and whether it is right.
  bool next() {
    for (;;) {
      Job &job = jobs_.front();
      try {
        const bool right = job.future.get() == course::sum_by_formula(job.number);
        jobs_.pop_front();
        results++;
        return right;
      } catch (const millpond::worker_died &death) {
        log_.step("job " + std::to_string(job.number) + " again: " + death.what());
      } catch (const millpond::broken &) {
        if (job.refreshed == refreshed) refresh(); // The first that is looked at of all that fail with the pool.
      }
      again++;
      job = start(job.number);
    }
  }
  unsigned results = 0, again = 0, refreshed = 0;

private:
  struct Job {
    std::uint64_t number;
    unsigned refreshed; // how often the pool had been when the job was submitted
    millpond::future<std::uint64_t> future;
  };
  Job start(std::uint64_t number) {
    for (;;) {
      try {
        return {number, refreshed, pool_.submit(course::sum_all_values, number)};
      } catch (const millpond::broken &) {
        refresh();
      }
    }
  }
  // New workers, from a new zygote if need be. That one, too, may be killed before its first worker is made.
  void refresh() {
    for (;;) {
      try {
        pool_.refresh();
        refreshed++;
        log_.step("the pool is refreshed; " + std::to_string(results) + " results so far");
        return;
      } catch (const millpond::broken &) {
      }
    }
  }
  millpond::pool &pool_;
  Log &log_;
  std::deque<Job> jobs_;
};

int main(int argc, char **argv) {
  const auto program = course::Program(argc, argv, 4).in_processes();
  const bool processes = program.mode == millpond::mode::processes;
  const auto first = program.size<std::uint64_t>(200'000, 2'000'000, 2'000'000);
  std::atomic<bool> done{false};
  bool right = true;
  unsigned submitted = 0;
  Log log(program.log_file);
  log.start(processes ? "start" : "start; threads cannot be killed, so nobody is");
  millpond::pool pool(program.options());
  Stubborn stubborn(pool, log);
  std::thread saboteur([&] {
    sabotage(pool, log, processes ? program.size(12U, 24U, 240U) : 0, program.size(20ms, 120ms, 120ms));
    done = true;
  });
  while (submitted < 300 || !done || stubborn.under_way() > 0) {
    if ((submitted < 300 || !done) && stubborn.under_way() < 32) {
      stubborn.submit(first + submitted++);
    } else {
      right = stubborn.next() && right;
    }
  }
  saboteur.join();
  std::printf("%u jobs, %u results, %u times a job again, %u times refreshed\n", submitted, stubborn.results,
              stubborn.again, stubborn.refreshed);
  log.stop("end");
  return program.end(right && stubborn.results == submitted);
}
