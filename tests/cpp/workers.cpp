// What workers begin and end with: functions of any kind, and of C.

#include "check.hpp"
#include <millpond.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using millpond::options;

CASE(on_threads) {
  std::atomic<unsigned> begun{0};
  std::atomic<unsigned> ended{0};
  {
    const auto number = std::make_shared<int>(7);
    millpond::pool pool(options()
                            .workers(3)
                            .initializer([&begun](std::uint32_t worker) { begun += worker + 1; })
                            .finalizer([&ended, number] { ended += static_cast<unsigned>(*number); }));
    CHECK(begun == 1 + 2 + 3);
    millpond::pool moved(std::move(pool));
    CHECK(moved.submit([] { return 5; }).get() == 5);
    CHECK(ended == 0);
  }
  CHECK(ended == 21);
}

int told = 0;

CASE(in_processes) {
  const std::vector<int> table{1, 2, 3};
  millpond::process_pool pool(options().workers(2).initializer([table] { told = table[2]; }));
  for (int i = 0; i < 10; i++) CHECK(pool.submit([] { return told; }).get() == 3);
  pool.refresh(); // New workers begin so, too.
  CHECK(pool.apply([] { return told; }) == 3);
  CHECK(told == 0);
}

CASE(one_that_fails) {
  const auto coded = options().workers(2).initializer([] { return 5; });
  CHECK_THROWS(millpond::pool(coded), millpond::task_error, e.status() == 5);
  CHECK_THROWS(millpond::process_pool(coded), millpond::task_error, e.status() == 5);
  const auto throws = options().workers(2).initializer([]() -> int { throw std::out_of_range("at the beginning"); });
  CHECK_THROWS(millpond::pool(throws), std::out_of_range, std::string(e.what()) == "at the beginning");
  CHECK_THROWS(millpond::process_pool(throws), millpond::task_error, e.status() == 1);
  const auto tried = millpond::pool::try_create(throws);
  CHECK(!tried.ok() && tried.exception() != nullptr);
}

std::int32_t add_to(void *data, std::uint32_t) {
  return *static_cast<int *>(data) == 4 ? POOL_OK : 9;
}

CASE(beside_functions_of_c) {
  int four = 4;
  std::atomic<int> ended{0};
  auto mixed = options().workers(2).initializer(add_to).worker_data(&four).finalizer([&ended] { ended++; });
  {
    millpond::pool first(mixed);
    millpond::pool second(mixed.reseed(nullptr));
    CHECK(first.apply([] { return 1; }) == 1 && second.apply([] { return 1; }) == 1);
  }
  CHECK(ended == 4);
  const auto reseed = [](std::uint64_t, void *data, std::uint32_t) { told = *static_cast<int *>(data); };
  const auto fork = [](void *data) { return *static_cast<int *>(data) == 4 ? ::fork() : -1; };
  millpond::process_pool third(mixed.workers(1).reseed(reseed).fork_fn(fork));
  CHECK(third.apply([] { return told; }) == 4);
  // The last one that is given holds.
  millpond::pool fourth(
      mixed.reseed(nullptr).fork_fn(nullptr).finalizer(nullptr).initializer([] {}).initializer(add_to));
  CHECK(fourth.apply([] { return 1; }) == 1);
}

CASE(what_is_spawned_has_none) {
  const auto hooked = options().mode(millpond::mode::threads).initializer([] {});
  CHECK_THROWS(millpond::spawn(hooked, [] { return 1; }), millpond::error, e.status() == POOL_ERR_UNSUPPORTED);
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
