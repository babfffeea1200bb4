// Five workers take what comes from one queue: numbers and words. When all is done, an empty item ends each.
#include "course.hpp"

#include <variant>

using namespace std::chrono_literals;

using Item = std::variant<std::monostate, std::uint64_t, std::string>;

struct Tally {
  std::uint64_t numbers = 0, sum = 0, words = 0, letters = 0;

  void add(std::uint64_t number) {
    numbers++;
    sum += number;
  }
  void add(const std::string &word) {
    words++;
    letters += word.size();
  }
  void add(std::monostate) {}
};

// A worker: takes items until one is empty. What it is given is the queue itself, which all workers share.
static Tally work(millpond::queue_ref<Item> queue) {
  Tally tally;
  for (const Item &item : queue) {
    if (std::holds_alternative<std::monostate>(item)) break;
    std::this_thread::sleep_for(1ms);
    std::visit([&](const auto &value) { tally.add(value); }, item);
    queue.task_done();
  }
  return tally;
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 5);
  const auto count = program.size<std::uint64_t>(40, 1000, 5000);
  const std::vector<std::string> words{"bread", "milk", "a bicycle", "nothing else"};
  std::uint64_t letters = 0;
  Log log(program.log_file);
  log.start("start");
  millpond::pool pool(program.options());
  millpond::queue<Item> queue(pool, 16, 64); // Room for sixteen items, of at most 64 bytes.
  std::vector<millpond::future<Tally>> workers;
  for (std::uint32_t i = 0; i < program.workers; i++) {
    workers.push_back(pool.submit(work, queue.ref()));
  }
  for (std::uint64_t i = 0; i < count; i++) { // Waits now and then, while the queue is full.
    const std::string &word = words[i % words.size()];
    queue.put(i);
    queue.put(word);
    letters += word.size();
  }
  log.step("all handed over");
  queue.join();
  log.step("all done");
  for (std::uint32_t i = 0; i < program.workers; i++) {
    queue.put({});
  }
  Tally all;
  for (auto &worker : workers) {
    const Tally tally = worker.get();
    std::cout << "a worker had " << tally.numbers << " numbers and " << tally.words << " words\n";
    all.numbers += tally.numbers;
    all.sum += tally.sum;
    all.words += tally.words;
    all.letters += tally.letters;
  }
  log.stop("end");
  return program.end(all.numbers == count && all.words == count && all.letters == letters &&
                     all.sum == course::sum_by_formula(count - 1));
}
