// What C++20 adds: coroutines and stop tokens. Nothing is tested in C++17.

#include "check.hpp"
#include <millpond.hpp>

#include <atomic>
#include <string>
#include <vector>

namespace {

#ifdef MILLPOND_STOP_TOKENS

CASE(stop_tokens) {
  millpond::pool pool(2);
  std::stop_source source;
  auto asked = pool.submit(source.get_token(), [](millpond::task &self) {
    while (!self.cancelled()) ::usleep(1000);
    return 5;
  });
  auto given = pool.submit(
      source.get_token(),
      [](std::stop_token token, int x) {
        while (!token.stop_requested()) ::usleep(1000);
        return x;
      },
      6);
  auto waits = pool.submit(millpond::with().delay(std::chrono::seconds(1000)), source.get_token(), [] {});
  static_cast<void>(pool.submit(source.get_token(), [] { throw std::string("nobody asks"); }));
  while (!asked.running() || !given.running()) ::usleep(1000);
  source.request_stop();
  CHECK(asked.get() == 5 && given.get() == 6);
  CHECK_THROWS(waits.get(), millpond::cancelled, true);
  CHECK_THROWS(pool.submit(source.get_token(), [] {}).get(), millpond::cancelled, true);
}

#endif
#ifdef MILLPOND_COROUTINES

millpond::coroutine<std::string> both(millpond::pool &pool) {
  auto first = pool.submit([] { return std::string("a"); });
  auto second = pool.submit([](int x) { return std::to_string(x); }, 5);
  std::string text = co_await std::move(first);
  text += co_await second;
  co_return text;
}

millpond::coroutine<int> fails(millpond::pool &pool) {
  co_await pool.submit([] { throw std::out_of_range("in a task"); });
  co_return 1;
}

millpond::coroutine<int> nested(millpond::pool &pool) {
  int length = static_cast<int>((co_await both(pool)).size());
  try {
    length += co_await fails(pool);
  } catch (const std::out_of_range &) {
    length += 10;
  }
  co_return length;
}

CASE(coroutines_wait_for_tasks) {
  millpond::pool pool(2);
  CHECK(both(pool).get() == "a5");
  CHECK_THROWS(fails(pool).get(), std::out_of_range, true);
  CHECK(nested(pool).get() == 12);
  millpond::pool sequential(millpond::options().mode(millpond::mode::sequential));
  CHECK(nested(sequential).get() == 12);
}

millpond::coroutine<bool> elsewhere(millpond::pool &pool) {
  const bool before = millpond::this_task() != nullptr;
  co_await pool.schedule();
  co_return !before && millpond::this_task() != nullptr;
}

CASE(coroutines_go_on_as_tasks) {
  millpond::pool pool(2);
  CHECK(elsewhere(pool).get());
  pool.close();
  CHECK_THROWS(elsewhere(pool).get(), millpond::closed, true);
  millpond::process_pool processes(1);
  const auto there = [](millpond::process_pool &where) -> millpond::coroutine<int> {
    co_await where.schedule();
    co_return 1;
  };
  CHECK_THROWS(there(processes).get(), millpond::error, e.status() == POOL_ERR_UNSUPPORTED);
}

millpond::coroutine<void> sleeper(millpond::pool &pool, std::vector<int> &order, int number) {
  co_await pool.sleep_for(std::chrono::milliseconds(10 * number));
  order.push_back(number);
}

CASE(many_sleep_in_one_thread) {
  millpond::pool pool(millpond::options().workers(1).callbacks(millpond::callbacks::polled));
  std::vector<int> order;
  std::vector<millpond::coroutine<void>> all;
  for (const int number : {20, 1}) all.push_back(sleeper(pool, order, number));
  while (!all[0].done() || !all[1].done()) pool.poll();
  CHECK(order == std::vector<int>({1, 20}));
}

CASE(a_pool_that_ends_meanwhile) {
  std::vector<int> order;
  auto asleep = [&order] {
    millpond::pool pool(1);
    auto made = sleeper(pool, order, 100000);
    pool.terminate();
    return made;
  }();
  CHECK_THROWS(asleep.get(), millpond::terminated, true);
  CHECK(order.empty());
}

CASE(coroutines_and_processes) {
  millpond::process_pool pool(1);
  const auto all = [](millpond::process_pool &where) -> millpond::coroutine<std::string> {
    std::string text = co_await where.submit([](std::string s) { return s + "b"; }, std::string("a"));
    co_return text + co_await where.submit([] { return std::string("c"); });
  };
  CHECK(all(pool).get() == "abc");
}

#endif

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
