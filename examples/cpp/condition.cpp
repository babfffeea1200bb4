// A producer and two consumers who share a shelf: it notifies one of them for each good, and all at the end.
#include "course.hpp"

using namespace std::chrono_literals;

// In memory that all workers share, to be looked at and changed only by who has the lock.
struct Shelf {
  std::uint64_t goods;
  bool closed;
};

// Takes goods until there are none and there will be none; returns how many.
static std::uint64_t consume(Shelf *shelf, millpond::mutex_ref lock, millpond::condition_ref changed) {
  std::uint64_t taken = 0;
  for (;;) {
    {
      const std::unique_lock guard(lock);
      changed.wait(guard, [shelf] { return shelf->goods > 0 || shelf->closed; });
      if (shelf->goods == 0) return taken;
      shelf->goods--;
      taken++;
    }
    std::this_thread::sleep_for(1ms); // So that the other one gets some, too.
  }
}

int main(int argc, char **argv) {
  const course::Program program(argc, argv, 2);
  const auto goods = program.size<std::uint64_t>(20, 500, 3000);
  Log log(program.log_file);
  millpond::pool pool(program.options().workers(2));
  millpond::mutex lock(pool);
  millpond::condition changed(pool);
  const millpond::shared<Shelf> shelf(pool);
  log.start("start");
  std::vector<millpond::future<std::uint64_t>> consumers;
  for (int i = 0; i < 2; i++) {
    consumers.push_back(pool.submit(consume, shelf.get(), lock.ref(), changed.ref()));
  }
  for (std::uint64_t i = 0; i < goods; i++) {
    {
      const std::lock_guard guard(lock);
      shelf->goods++;
      changed.notify_one();
    }
    if (i % 10 == 0) std::this_thread::sleep_for(2ms); // Now and then the consumers have to wait.
  }
  log.step("all goods are on the shelf");
  {
    const std::lock_guard guard(lock);
    shelf->closed = true;
    changed.notify_all();
  }
  std::uint64_t all = 0;
  for (auto &consumer : consumers) {
    const std::uint64_t taken = consumer.get();
    std::cout << "a consumer has taken " << taken << "\n";
    all += taken;
  }
  log.stop("all goods are taken");
  return program.end(all == goods);
}
