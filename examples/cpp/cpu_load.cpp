// A loop that keeps a CPU busy, once per CPU: one after the other, on threads, in processes; and the load of each
// CPU meanwhile, drawn as a picture.
#include "cpu_load.hpp"
#include "course.hpp"
#include "load_picture.hpp"

#include <optional>

using namespace std::chrono_literals;

struct Job {
  std::uint64_t n, rounds;
};

// Counting through a volatile step keeps the compiler from leaving the loops out.
static std::uint64_t keep_busy(const Job &job) {
  const volatile std::uint64_t step = 1;
  std::uint64_t steps = 0;
  for (std::uint64_t round = 0; round < job.rounds; round++) {
    for (std::uint64_t i = 1; i < job.n; i++) {
      for (std::uint64_t j = 1; j < job.n; j += step) {
        steps++;
      }
    }
  }
  return steps;
}

static void print_load(const Monitor &monitor, const Phase &phase, course::seconds pause) {
  std::printf("%-20s", phase.name.c_str());
  for (std::size_t cpu = 0; cpu < monitor.cpus.size(); cpu++) {
    double all = 0, own = 0, count = 0;
    for (const Sample &sample : monitor.samples) {
      if (sample.time - pause.count() < phase.begin || sample.time > phase.end) continue;
      all += sample.all[cpu];
      own += sample.own[cpu];
      count++;
    }
    count = std::max(count, 1.0);
    std::printf("  CPU %d: %3.0f %%, %3.0f %% by others", monitor.cpus[cpu], 100 * own / count,
                100 * (all - own) / count);
  }
  std::printf("\n");
}

int main(int argc, char **argv) {
  course::Program program(argc, argv, course::cpus(), {{"--svg", "cpu_load.svg"}});
  const Job job{program.size(600U, 6000U, 6000U), program.size(1U, 25U, 100U)};
  const std::vector<Job> jobs(course::cpus(), job);
  const course::seconds gap = 300ms; // Between two phases, to be seen in the picture.
  const course::seconds pause = program.size(20ms, 100ms, 100ms);
  std::vector<int> processes{getpid()};
  std::map<millpond::mode, millpond::pool> pools;
  for (const auto mode : program.modes()) { // Before the monitor's thread, as one forks.
    auto &pool = pools.emplace(mode, program.options().mode(mode)).first->second;
    for (std::uint32_t i = 0; mode == millpond::mode::processes && i < program.workers; i++) {
      processes.push_back(pool.worker_pid(i));
    }
  }
  std::vector<Phase> phases;
  bool right = true;
  int status = EXIT_SUCCESS;
  Log log(program.log_file);
  log.start("start");
  Monitor monitor(Log::clock::now(), pause, processes);
  const auto run = [&](const std::string &name, auto &&all_jobs) {
    std::this_thread::sleep_for(gap);
    Phase phase{name, log.elapsed(), 0};
    log.step(name);
    for (const auto steps : all_jobs()) {
      right = right && steps == job.rounds * (job.n - 1) * (job.n - 1);
    }
    phase.end = log.elapsed();
    log.step("end");
    phases.push_back(phase);
    return phase.end - phase.begin;
  };
  const double sequential = run("one after the other", [&] { return course::each(jobs, keep_busy); });
  for (auto &[mode, pool] : pools) {
    program.mode = mode;
    const double parallel = run(course::name_of(mode), [&, &its = pool] { return its.map(jobs, keep_busy); });
    status |= program.end_timed("cpu_load", sequential, parallel, 1.0, program.at_once(jobs.size()), right);
  }
  std::this_thread::sleep_for(gap);
  monitor.stop();
  print_load(monitor, {"before", 0, gap.count()}, pause);
  for (const Phase &phase : phases) {
    print_load(monitor, phase, pause);
  }
  draw_load(program.own("--svg"), monitor, phases);
  std::cout << "picture: " << program.own("--svg") << "\n";
  return status;
}
