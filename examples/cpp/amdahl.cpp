// A job with a serial part on 1..N workers: its speed-up as measured and as Amdahl's law predicts it, as a picture.
#include "amdahl_picture.hpp"
#include "course.hpp"

#include <cmath>

struct Job {
  std::uint64_t serial;              // additions that only one thread can do
  std::vector<std::uint64_t> pieces; // additions in each of those that can be divided
};

// Runs the job once, on the pool or, without one, sequentially; returns its seconds.
static double run(millpond::pool *pool, const Job &job, bool &right) {
  const auto start = Log::clock::now();
  right = course::sum_all_values(job.serial) == course::sum_by_formula(job.serial) && right;
  const auto sums = pool != nullptr ? pool->map(job.pieces, course::sum_all_values)
                                    : course::each(job.pieces, course::sum_all_values);
  const double seconds = course::since(start).count();
  right = sums == course::each(job.pieces, course::sum_by_formula) && right;
  return seconds;
}

// Not the best: a single quick run on an otherwise slow machine would bend all speed-ups.
static double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Least squares: with S = 1 / ((1 - p) + p / s), 1 - 1/S is p times 1 - 1/s.
static double fit(const std::vector<double> &speedups, std::size_t count) {
  double above = 0;
  double below = 0;
  for (std::size_t s = 2; s <= count; s++) {
    const double x = 1.0 - 1.0 / static_cast<double>(s);
    above += x * (1.0 - 1.0 / speedups[s - 1]);
    below += x * x;
  }
  return below == 0 ? 0 : std::clamp(above / below, 0.0, 1.0);
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, std::max(course::cpus(), 2U),
                                {{"--serial", "0.05"}, {"--svg", "amdahl.svg"}});
  char *end = nullptr;
  const double serial = std::strtod(program.own("--serial").c_str(), &end);
  if (program.own("--serial").empty() || *end != '\0' || !(serial >= 0 && serial <= 1)) {
    program.refuse();
  }
  const double additions = program.size(1e6, 1e8, 1e9);
  const std::size_t count = 960;
  const Job job{static_cast<std::uint64_t>(additions * serial),
                std::vector(count, static_cast<std::uint64_t>(additions * (1 - serial) / count))};
  std::vector<std::vector<double>> seconds(program.workers + 1); // [0]: of the sequential runs, [s]: on s workers.
  bool right = true;
  Log log(program.log_file);
  log.start("start");
  for (int round = 0; round < 15; round++) { // So that a slow moment of the machine hits all alike.
    seconds[0].push_back(run(nullptr, job, right));
    for (std::uint32_t s = 1; s <= program.workers; s++) {
      millpond::pool pool(program.options().workers(s));
      seconds[s].push_back(run(&pool, job, right));
    }
  }
  log.stop("end");
  const double alone = median(seconds[0]);
  std::vector<double> speedups;
  for (std::uint32_t s = 1; s <= program.workers; s++) {
    const double took = median(seconds[s]);
    speedups.push_back(alone / took);
    std::printf("workers %2u: %.4f s, speed-up %.2f, predicted %.2f\n", s, took, alone / took,
                course::amdahl(1 - serial, s));
  }
  const double p = 1 - serial;
  const double fitted = fit(speedups, std::min(program.workers, course::cpus()));
  std::printf("p = %.3f as set, %.3f as fitted to the workers that have a CPU\n", p, fitted);
  draw_amdahl(program.own("--svg"), course::name_of(program.mode), p, fitted, speedups);
  std::printf("picture: %s\n", program.own("--svg").c_str());
  return program.end_timed("amdahl", alone, median(seconds[program.workers]), p, program.at_once(count), right);
}
