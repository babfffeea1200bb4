// The distance matrix in three stages, read, calculate and write, that are joined by two queues. Reading and writing a
// row takes half a second, as if from far away; the stages overlap. Beside it the same one after the other.
#include "course.hpp"
#include "places.hpp"

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;
using Numbered = std::pair<std::size_t, Row>;

static std::vector<Place> places; // Read before the stages start: processes have a copy.

static void read_stage(millpond::queue_ref<std::size_t> numbers, Milliseconds pause) {
  for (std::size_t from = 0; from < places.size(); from++) {
    std::this_thread::sleep_for(pause);
    numbers.put(from);
  }
  numbers.close(); // So the next stage ends after the last row.
}

static void calculate_stage(millpond::queue_ref<std::size_t> numbers, millpond::queue_ref<Numbered> rows) {
  for (const auto from : numbers) {
    rows.put({from, distances_from(places, from)});
  }
  rows.close();
}

static void write_stage(millpond::queue_ref<Numbered> rows, Milliseconds pause, const std::string &file_name) {
  MatrixFile file(file_name, places);
  for (const auto &[from, row] : rows) {
    std::this_thread::sleep_for(pause);
    file.write(from, row);
  }
}

static void one_after_the_other(Milliseconds pause, const std::string &file_name) {
  MatrixFile file(file_name, places);
  for (std::size_t from = 0; from < places.size(); from++) {
    std::this_thread::sleep_for(pause);
    const Row row = distances_from(places, from);
    std::this_thread::sleep_for(pause);
    file.write(from, row);
  }
}

static void in_stages(const course::Program &program, Milliseconds pause, const std::string &file_name) {
  const millpond::queue<std::size_t> numbers(2);
  const millpond::queue<Numbered> rows(2, 32 + places.size() * sizeof(double)); // The most bytes of an item.
  auto reader = program.spawn(read_stage, numbers.ref(), pause);
  auto calculator = program.spawn(calculate_stage, numbers.ref(), rows.ref());
  auto writer = program.spawn(write_stage, rows.ref(), pause, file_name);
  reader.get();
  calculator.get();
  writer.get();
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 3, {{"--data", data_folder()}, {"--out", "."}});
  const auto pause = program.size(10ms, 150ms, 500ms);
  const std::string first = program.own("--out") + "/distances_few_synchronous.csv";
  const std::string second = program.own("--out") + "/distances_few_async.csv";
  Log log(program.log_file);
  places = read_places(program.own("--data"), "few");
  log.start("one after the other, start");
  one_after_the_other(pause, first);
  const double sequential = log.stop("one after the other, end");
  log.start("in stages, start");
  in_stages(program, pause, second);
  const double parallel = log.stop("in stages, end");
  // Calculating takes no time, so two of the stages overlap.
  return program.end_timed("distance_async", sequential, parallel, 1.0, 2, same_files(first, second));
}
