// The Euclidean norms of a thousand random vectors, summed: with 10 ms of sleep in each call, and without.
#include "course.hpp"

#include <cmath>
#include <random>

using namespace std::chrono_literals;

// Made from its seed where it is needed, so that not 80 KB but three numbers travel to a worker.
struct Vector {
  std::uint32_t seed;
  std::size_t length;
  std::chrono::milliseconds nap; // in the call
};

static double norm(const Vector &vector) {
  std::minstd_rand random(vector.seed);
  const double scale = 1.0 / static_cast<double>(std::minstd_rand::max());
  double squares = 0;
  for (std::size_t i = 0; i < vector.length; i++) {
    const double x = static_cast<double>(random()) * scale; // In [0, 1].
    squares += x * x;
  }
  std::this_thread::sleep_for(vector.nap);
  return std::sqrt(squares);
}

static int run(const course::Program &program, Log &log, const std::string &name, const std::vector<Vector> &vectors,
               std::uint32_t at_once) {
  log.start("one after the other, start");
  const auto alone = course::each(vectors, norm);
  const double sequential = log.stop("one after the other, end");

  millpond::pool pool(program.options());
  log.start("map, start");
  const std::vector<double> norms = pool.map(vectors, norm);
  const double sum = std::accumulate(norms.begin(), norms.end(), 0.0);
  const double parallel = log.stop("map, end");

  // The mean of x * x is 1/3, so a norm is about sqrt(length / 3).
  const double expected = std::sqrt(static_cast<double>(vectors[0].length) / 3) * static_cast<double>(vectors.size());
  std::printf("sum of %zu norms: %.6f, expected about %.0f\n", vectors.size(), sum, expected);
  const bool right = norms == alone && std::abs(sum / expected - 1) < 0.01;
  return program.end_timed(name, sequential, parallel, 1.0, at_once, right);
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const std::size_t count = program.size(50, 1000, 1000);
  std::vector<Vector> vectors;
  for (std::uint32_t seed = 1; seed <= count; seed++) {
    vectors.push_back({seed, 10'000, 0ms});
  }
  Log log(program.log_file);
  const int awake = run(program, log, "norms", vectors, program.at_once(count));
  vectors.resize(program.size(10U, 200U, 1000U), Vector{}); // 10 s of sleep at the course's size.
  for (Vector &vector : vectors) {
    vector.nap = 10ms;
  }
  const int asleep = run(program, log, "norms_with_sleep", vectors, program.workers);
  return awake | asleep;
}
