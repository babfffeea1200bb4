// The squares of 1..5 on five workers, in each of the ways to call a pool.
#include "course.hpp"

static int square(int x) {
  return x * x;
}

static int multiply(int x, int y) {
  return x * y;
}

static bool show(const char *name, const std::vector<int> &squares) {
  std::printf("%-16s", name);
  std::fflush(stdout);
  course::print_list(squares);
  return squares == std::vector{1, 4, 9, 16, 25};
}

static std::vector<int> all_of(std::vector<millpond::future<int>> futures) {
  std::vector<int> values;
  for (auto &future : futures) {
    values.push_back(future.get());
  }
  return values;
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 5);
  const std::vector<int> numbers{1, 2, 3, 4, 5};
  const std::vector<std::pair<int, int>> pairs{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}};
  std::vector<int> squares;
  std::vector<millpond::future<int>> futures;
  Log log(program.log_file);
  log.start("start");
  millpond::pool pool(program.options());

  for (const int x : numbers) {
    squares.push_back(pool.apply(square, x));
  }
  bool right = show("apply", squares);

  for (const int x : numbers) {
    futures.push_back(pool.submit(square, x));
  }
  right = show("submit", all_of(std::move(futures))) && right;

  right = show("map", pool.map(numbers, square)) && right;

  if (!pool.in_processes()) { // There, submit() a call for each element.
    millpond::future<std::vector<int>> later = pool.map_async(numbers, square);
    right = show("map_async", later.get()) && right;
  }

  right = show("starmap", pool.starmap(pairs, multiply)) && right;

  int into[5] = {};
  pool.map_into(numbers, into, [](int x) { return x * x; });
  right = show("map_into", {std::begin(into), std::end(into)}) && right;

  squares.clear();
  for (const int x : pool.imap(numbers, square)) { // One after the other, as soon as it is there.
    squares.push_back(x);
  }
  right = show("imap", squares) && right;

  log.stop("end");
  return program.end(right);
}
