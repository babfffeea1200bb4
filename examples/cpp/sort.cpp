// Generate random integers and sort them: alone, then four at once as threads, then four at once as processes.
#include "course.hpp"

#include <random>

struct Job {
  std::size_t count;
  std::uint64_t seed;
};

struct Done {
  double generate, sort; // seconds
  std::uint64_t digest;  // of the sorted numbers
};

static Done generate_and_sort(const Job &job) {
  std::minstd_rand random(static_cast<std::minstd_rand::result_type>(job.seed));
  std::uniform_int_distribution<int> one_of(1, 100'000);
  std::vector<int> numbers(job.count);
  const auto start = Log::clock::now();
  std::generate(numbers.begin(), numbers.end(), [&] { return one_of(random); });
  const auto before = std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0});
  const auto generated = Log::clock::now();
  std::sort(numbers.begin(), numbers.end());
  const auto sorted = Log::clock::now();
  if (!std::is_sorted(numbers.begin(), numbers.end()) ||
      before != std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0})) {
    throw std::logic_error("the numbers are not sorted");
  }
  std::uint64_t digest = 14695981039346656037U;
  for (const int number : numbers) {
    digest = (digest ^ static_cast<std::uint64_t>(number)) * 1099511628211U;
  }
  return {course::seconds(generated - start).count(), course::seconds(sorted - generated).count(), digest};
}

int main(int argc, char **argv) {
  course::Program program(argc, argv, 4);
  std::vector<Job> jobs;
  for (std::uint64_t seed = 1; seed <= 4; seed++) {
    jobs.push_back({program.size<std::size_t>(10'000, 1'500'000, 10'000'000), seed});
  }
  Log log(program.log_file);

  log.start("one after the other, start");
  std::vector<Done> alone;
  for (const Job &job : jobs) {
    alone.push_back(generate_and_sort(job));
    log.step(alone.size() == 1 ? "one alone" : "one more");
  }
  const double sequential = log.stop("one after the other, end");

  int status = EXIT_SUCCESS;
  for (const auto mode : program.modes()) {
    program.mode = mode;
    millpond::pool pool(program.options());
    log.start(std::string("four as ") + course::name_of(mode) + ", start");
    const auto at_once = pool.map(jobs, generate_and_sort);
    const double parallel = log.stop("four at once, end");
    bool right = true;
    for (std::size_t i = 0; i < jobs.size(); i++) {
      std::printf("task %zu: generate %.4f s, sort %.4f s; alone %.4f s, %.4f s\n", i, at_once[i].generate,
                  at_once[i].sort, alone[i].generate, alone[i].sort);
      right = right && at_once[i].digest == alone[i].digest;
    }
    status |= program.end_timed("sort", sequential, parallel, 1.0, program.at_once(jobs.size()), right);
  }
  return status;
}
