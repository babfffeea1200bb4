// pi as a sum: a reduction gives the same bits in every run, on any number of workers.
#include "course.hpp"

#include <cmath>
#include <functional>

// The area under 4 / (1 + x * x) from 0 to 1, in strips.
static auto strip_of(double width) {
  return [width](std::size_t i) {
    const double x = (static_cast<double>(i) + 0.5) * width;
    return 4.0 / (1.0 + x * x) * width;
  };
}

static double pi_on(millpond::pool &pool, std::size_t strips) {
  return pool.transform_reduce(millpond::numbers(std::size_t{0}, strips), 0.0, std::plus<>(),
                               strip_of(1.0 / static_cast<double>(strips)));
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const auto strips = program.size<std::size_t>(100'000, 100'000'000, 2'000'000'000);
  Log log(program.log_file);

  log.start("sequential, start");
  double alone = 0;
  const auto strip = strip_of(1.0 / static_cast<double>(strips));
  for (std::size_t i = 0; i < strips; i++) {
    alone += strip(i);
  }
  const double sequential = log.stop("sequential, end");

  millpond::pool pool(program.options());
  log.start("reduce, start");
  const double together = pi_on(pool, strips);
  const double parallel = log.stop("reduce, end");

  millpond::pool one(program.options().workers(1));
  const double on_one = pi_on(one, strips);
  std::printf("pi is %.15f, on one worker %.15f, in one loop %.15f\n", together, on_one, alone);
  const double pi = std::acos(-1.0);
  const bool same = !(together < on_one) && !(together > on_one); // To the last bit.
  const bool right = same && std::abs(together - pi) < 1e-9 && std::abs(alone - pi) < 1e-9;
  return program.end_timed("reduce", sequential, parallel, 1.0, program.at_once(512), right);
}
