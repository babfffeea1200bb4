// The distances between all places of a file, by executors that can be exchanged for one another. A calculation is
// a row of the matrix; whoever does it, the file that is written is the same, byte for byte.
#include "course.hpp"
#include "places.hpp"

static std::vector<Place> places; // Read before the pools are made: workers in processes have a copy.

static Row row_from(std::size_t from) {
  return distances_from(places, from);
}

static auto numbers() {
  return millpond::numbers(std::size_t{0}, places.size());
}

// What an executor returns: the rows, and the seconds that they took.
struct Matrix {
  std::vector<Row> rows;
  double seconds;
};

static Matrix basic(const course::Program &) {
  const auto start = Log::clock::now();
  auto rows = course::each(numbers(), row_from);
  return {std::move(rows), course::since(start).count()};
}

// A thread for each calculation; the rows come through a queue, in the order in which they are done.
static Matrix threaded(const course::Program &) {
  using Numbered = std::pair<std::size_t, Row>;
  const auto threads = millpond::options().mode(millpond::mode::threads);
  const auto start = Log::clock::now();
  std::vector<Row> rows(places.size());
  millpond::queue<Numbered> queue(8, 32 + places.size() * sizeof(double)); // The most bytes of an item.
  for (const auto from : numbers()) {
    static_cast<void>(
        millpond::spawn(threads, [from, rows = queue.ref()]() mutable { rows.put({from, row_from(from)}); }));
  }
  for (std::size_t i = 0; i < places.size(); i++) {
    auto [from, row] = queue.get().value();
    rows[from] = std::move(row);
  }
  millpond::join_spawned();
  return {std::move(rows), course::since(start).count()};
}

// The pool is made outside of what is timed.
static Matrix threadpool(const course::Program &program) {
  millpond::pool pool(program.workers);
  const auto start = Log::clock::now();
  auto rows = pool.map(numbers(), row_from);
  return {std::move(rows), course::since(start).count()};
}

// A process for each calculation: a worker that has done one is replaced. Rows go through pipes, as bytes.
static Matrix multiprocessing(const course::Program &program) {
  const auto start = Log::clock::now();
  std::vector<Row> rows;
  {
    millpond::process_pool pool(millpond::options().workers(program.workers).max_tasks_per_worker(1));
    rows = pool.map(numbers(), row_from);
  }
  return {std::move(rows), course::since(start).count()};
}

struct Executor {
  const char *name;
  Matrix (*run)(const course::Program &);
  millpond::mode mode;
};

static const Executor executors[] = {{"basic", basic, millpond::mode::threads},
                                     {"threaded", threaded, millpond::mode::threads},
                                     {"threadpool", threadpool, millpond::mode::threads},
                                     {"multiprocessing", multiprocessing, millpond::mode::processes}};

int main(int argc, char **argv) {
  course::Program program(argc, argv, 4, {{"--executor", "all"}, {"--data", data_folder()}, {"--out", "."}});
  const std::string wanted = program.own("--executor");
  const auto modes = program.modes();
  if (wanted != "all" && std::none_of(std::begin(executors), std::end(executors),
                                      [&](const Executor &executor) { return wanted == executor.name; })) {
    program.refuse();
  }
  int status = EXIT_SUCCESS;
  Log log(program.log_file);
  log.start("start");
  for (const std::string size : {"few", "many"}) {
    const std::string file_name = program.own("--out") + "/distances_" + size + "_";
    double alone = 0;
    places = read_places(program.own("--data"), size);
    for (const auto &[name, run, mode] : executors) {
      const bool runs = wanted == "all" ? std::find(modes.begin(), modes.end(), mode) != modes.end() : wanted == name;
      if (run != basic && !runs) continue;
      const Matrix matrix = run(program);
      write_matrix(file_name + name + ".csv", places, matrix.rows);
      std::printf("%zu places, %s: %.6f s\n", places.size(), name, matrix.seconds);
      if (run == basic) {
        alone = matrix.seconds;
        continue;
      }
      program.mode = mode;
      status |=
          program.end_timed("distance_" + size + "_" + name, alone, matrix.seconds, 1.0, program.at_once(places.size()),
                            same_files(file_name + "basic.csv", file_name + name + ".csv"));
    }
    log.step(size);
  }
  return status;
}
