// A record of three fields that change together. Under a lock they stay the same and none is lost; without it, not.
#include "course.hpp"

using namespace std::chrono_literals;

struct Record {
  volatile std::uint64_t first, second, third;
};

// Adds one to each field, and takes its time between reading and writing.
static void count_up(Record *record) {
  const std::uint64_t first = record->first;
  const std::uint64_t second = record->second;
  std::this_thread::sleep_for(20us);
  record->first = first + 1;
  record->second = second + 1;
  record->third = record->third + 1;
}

static void count_with_lock(Record *record, std::uint64_t rounds, millpond::mutex_ref lock) {
  for (std::uint64_t i = 0; i < rounds; i++) {
    const std::lock_guard guard(lock);
    count_up(record);
  }
}

static void count_without(Record *record, std::uint64_t rounds) {
  for (std::uint64_t i = 0; i < rounds; i++) {
    count_up(record);
  }
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 4);
  const auto rounds = program.size<std::uint64_t>(100, 2000, 20000);
  Log log(program.log_file);
  millpond::pool pool(program.options());
  const millpond::mutex lock(pool);

  // Every worker counts up so often; whether the record is whole afterwards.
  const auto count_together = [&](const std::string &how, auto count, auto... more) {
    const millpond::shared_array<Record> record(pool, 1); // In memory that all workers share.
    std::vector<millpond::future<void>> counting;
    for (std::uint32_t i = 0; i < program.workers; i++) {
      counting.push_back(pool.submit(count, record.data(), rounds, more...));
    }
    for (auto &one : counting) {
      one.get();
    }
    const std::uint64_t expected = program.workers * rounds;
    const auto &[first, second, third] = record[0];
    std::cout << how << " lock: " << first << ", " << second << ", " << third << " of " << expected << "\n";
    return first == expected && second == expected && third == expected;
  };
  log.start("without a lock, start");
  const bool lucky = count_together("without a", count_without);
  log.step(lucky ? "nothing was lost, by luck" : "some was lost");
  const bool right = count_together("with a", count_with_lock, lock.ref());
  log.stop("with a lock, end");
  return program.end(right);
}
