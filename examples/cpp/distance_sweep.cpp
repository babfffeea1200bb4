// The distance matrix on pools of 1, 2, 4 and so on workers, as a picture: more of them than CPUs are of no use, and
// making them costs.
#include "course.hpp"
#include "distance_picture.hpp"
#include "places.hpp"

static std::vector<Place> places; // Read before the pools are made: workers in processes have a copy.

static Row row_from(std::size_t from) {
  return distances_from(places, from);
}

static double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 64, {{"--data", data_folder()}, {"--svg", "distance_sweep.svg"}});
  const int rounds = 7;
  bool right = true;
  Log log(program.log_file);
  places = read_places(program.own("--data"), "many");
  std::vector<std::size_t> numbers(places.size());
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  log.start("start");
  std::vector<double> times;
  std::vector<Row> alone;
  for (int round = 0; round < rounds; round++) {
    const auto start = Log::clock::now();
    alone = course::each(numbers, row_from);
    times.push_back(course::since(start).count());
  }
  Sweep sweep{course::name_of(program.mode), median(times), {}};
  std::printf("without a pool: %.6f s\n", sweep.alone);

  for (std::uint32_t workers = 1; workers <= program.workers; workers *= 2) {
    std::vector<double> there;
    std::vector<double> made;
    for (int round = 0; round < rounds; round++) {
      const auto start = Log::clock::now();
      {
        millpond::pool pool(program.options().workers(workers));
        right = pool.map(numbers, row_from) == alone && right; // The first map starts the workers,
        const auto first = Log::clock::now();
        right = pool.map(numbers, row_from) == alone && right; // the second one finds them.
        there.push_back(course::since(first).count());
      }
      made.push_back(course::since(start).count() - there.back());
    }
    sweep.sizes.push_back({workers, median(there), median(made)});
    std::printf("%4u workers: %.6f s, with making and closing them %.6f s\n", workers, median(there), median(made));
  }
  log.stop("end");
  draw_sweep(program.own("--svg"), sweep);
  std::cout << "picture: " << program.own("--svg") << "\n";
  return program.end(right);
}
