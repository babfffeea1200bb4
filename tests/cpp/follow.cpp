// Calls that follow others, wait for several, or go on by themselves.

#include "check.hpp"
#include <millpond.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace {

long fib(int n) {
  if (n < 2) return n;
  const auto [a, b] = millpond::join([n] { return fib(n - 1); }, [n] { return fib(n - 2); });
  return a + b;
}

long fib_by_task(millpond::task &self, int n) {
  if (n < 2) return n;
  const auto [a, b] = self.join([n](millpond::task &t) { return fib_by_task(t, n - 1); },
                                [n](millpond::task &t) { return fib_by_task(t, n - 2); });
  return a + b;
}

CASE(joins) {
  millpond::pool pool(2);
  CHECK(pool.apply(fib, 20) == 6765);
  CHECK(pool.submit(fib, 20).get() == 6765);
  CHECK(pool.apply(fib_by_task, 20) == 6765);
  CHECK(fib(10) == 55);
  int a = 0;
  int b = 0;
  millpond::join([&a] { a = 1; }, [&b] { b = 2; });
  CHECK(a == 1 && b == 2);
  const auto texts = millpond::join([] { return std::string("a"); }, [] { return std::make_unique<int>(5); });
  CHECK(texts.first == "a" && *texts.second == 5);
  CHECK_THROWS(millpond::join([] { throw std::out_of_range("first"); }, [] {}), std::out_of_range, true);
  CHECK_THROWS(millpond::join([] {}, [] { throw std::out_of_range("second"); }), std::out_of_range, true);
}

CASE(applied_in_place) {
  millpond::pool pool(2);
  std::unique_ptr<int> five = std::make_unique<int>(5);
  CHECK(pool.apply([&five] { return *five; }) == 5);
  CHECK(*pool.apply([](std::unique_ptr<int> p) { return p; }, std::move(five)) == 5);
  CHECK_THROWS(pool.apply([](const std::string &s) { throw s; }, "text"), std::string, e == "text");
  CHECK(millpond::this_task() == nullptr);
  CHECK(pool.apply([] { return millpond::this_task() != nullptr; }));
}

CASE(continuations) {
  millpond::pool pool(2);
  auto size = pool.submit([] { return std::string("four"); }).then([](std::string s) { return s.size(); });
  CHECK(size.get() == 4);
  auto chain =
      pool.submit([](int x) { return x; }, 1).then([](int x) { return x + 1; }).then([](int x) { return x * 10; });
  CHECK(chain.get() == 20);
  std::atomic<bool> ran{false};
  auto failed =
      pool.submit([]() -> int { throw std::out_of_range("first"); }).then([&ran](int) { ran = true; }).then([&ran] {
        ran = true;
      });
  CHECK_THROWS(failed.get(), std::out_of_range, std::string(e.what()) == "first");
  CHECK(!ran);
}

CASE(a_failure_is_everybody_s) {
  millpond::pool pool(2);
  auto first = pool.submit([]() -> int { throw std::out_of_range("first"); });
  auto second = pool.submit(millpond::with().after(first), [] { return 1; });
  auto third = pool.submit(millpond::with().after(first), [] {});
  CHECK_THROWS(second.get(), std::out_of_range, true);
  CHECK_THROWS(first.get(), std::out_of_range, true);
  // Who asks when it is gone is told by name.
  CHECK_THROWS(third.get(), millpond::task_error, std::string(e.what()).find("first") != std::string::npos);
}

CASE(continuations_in_processes) {
  millpond::process_pool pool(1);
  auto chain = pool.submit([](int x) { return std::to_string(x); }, 12)
                   .then([](std::string s) { return s.size(); })
                   .then([](std::size_t n) { return n == 2; });
  CHECK(chain.get());
  int captured = 1;
  captured += static_cast<int>(pool.workers());
  CHECK_THROWS(pool.submit([] { return 1; }).then([captured](int x) { return x + captured; }), millpond::error,
               e.status() == POOL_ERR_UNSUPPORTED);
}

CASE(all_and_any) {
  millpond::pool pool(2);
  std::vector<millpond::future<std::string>> texts;
  for (int i = 0; i < 5; i++) texts.push_back(pool.submit([](int x) { return std::to_string(x); }, i));
  CHECK(millpond::when_all(std::move(texts)).get() == std::vector<std::string>({"0", "1", "2", "3", "4"}));
  auto both = millpond::when_all(pool.submit([] { return 1; }), pool.submit([] { return std::string("x"); }));
  CHECK(both.get() == std::tuple<int, std::string>(1, "x"));
  std::vector<millpond::future<void>> none;
  millpond::when_all(std::move(none)).get();
  std::vector<millpond::future<int>> failing;
  failing.push_back(pool.submit([]() -> int { throw std::out_of_range("one"); }));
  CHECK_THROWS(millpond::when_all(std::move(failing)).get(), std::out_of_range, true);
  std::vector<millpond::future<int>> race;
  millpond::token stop;
  race.push_back(pool.submit(millpond::with().token(stop), [](millpond::task &self) {
    while (!self.cancelled()) ::usleep(1000);
    return 0;
  }));
  race.push_back(pool.submit([] { return 7; }));
  while (!race[0].running()) ::usleep(1000);
  auto [index, futures] = millpond::when_any(std::move(race)).get();
  CHECK(index == 1 && futures[1].get() == 7);
  stop.cancel();
  CHECK(millpond::wait_any(futures) == 0);
  CHECK(millpond::wait_all(futures));
  CHECK(!millpond::wait_first_error(futures).has_value());
}

CASE(as_they_complete) {
  millpond::pool pool(2);
  std::vector<millpond::future<int>> futures;
  for (int i = 0; i < 50; i++) futures.push_back(pool.submit([](int x) { return x; }, i));
  int sum = 0;
  for (auto &one : millpond::as_completed(futures)) {
    CHECK(one.ready());
    sum += one.get();
  }
  CHECK(sum == 49 * 25);
  std::vector<millpond::future<int>> two;
  two.push_back(pool.submit([] { return 1; }));
  millpond::as_completed ready(two);
  CHECK(ready.next() == &two[0] && ready.index() == 0 && ready.next() == nullptr);
}

CASE(again_and_again) {
  std::atomic<int> runs{0};
  millpond::pool pool(2);
  {
    auto ticks = pool.every(std::chrono::milliseconds(1), [&runs] { return ++runs; });
    while (ticks.runs() < 3) ::usleep(1000);
    CHECK(ticks.last() >= 1 && ticks.status() == POOL_ERR_TIMEOUT);
  }
  const int after = runs;
  ::usleep(5000);
  CHECK(runs == after);
  auto fails = pool.every(std::chrono::milliseconds(1), [] { throw std::out_of_range("tick"); });
  CHECK_THROWS(fails.wait(), std::out_of_range, true);
  auto stopped = pool.every(std::chrono::milliseconds(1), millpond::with().delay(std::chrono::seconds(1000)), [] {});
  CHECK(stopped.cancel());
  stopped.wait();
}

CASE(from_a_range_to_a_loop) {
  millpond::pool pool(2);
  long sum = 0;
  for (const long x : pool.imap(millpond::numbers(0, 1000), [](int n) { return long{n} * n; }, 8)) sum += x;
  CHECK(sum == 332833500);
  std::vector<std::string> words{"a", "bb", "ccc"};
  std::size_t at = 0;
  for (auto &word : pool.imap(words, [](std::string s) { return s + "!"; })) CHECK(word == words[at++] + "!");
  CHECK(at == 3);
  auto unordered = pool.imap_unordered(words, [](const std::string &s) { return s.size(); });
  std::size_t total = 0;
  while (auto size = unordered.next()) total += *size;
  CHECK(total == 6);
  auto failing = pool.imap(millpond::numbers(0, 3), [](int n) {
    if (n == 1) throw std::out_of_range("one");
    return n;
  });
  CHECK(failing.next() == 0);
  CHECK_THROWS(failing.next(), std::out_of_range, failing.index() == 1);
  CHECK(failing.next() == 2 && !failing.next().has_value());
  // Left in the midst: what is under way is waited for.
  std::atomic<int> running{0};
  {
    auto left = pool.imap(millpond::numbers(0, 1000000), [&running](int n) {
      ++running;
      ::usleep(100);
      --running;
      return n;
    });
    CHECK(left.next() == 0);
  }
  CHECK(running == 0);
}

CASE(maps_that_go_on_by_themselves) {
  millpond::pool pool(2);
  auto squares = pool.map_async(std::vector<int>{1, 2, 3}, [](int x) { return x * x; });
  CHECK(squares.get() == std::vector<int>({1, 4, 9}));
  auto failing = pool.map_async(millpond::numbers(0, 10), [](int x) {
    if (x == 5) throw std::out_of_range("five");
  });
  CHECK_THROWS(failing.get(), std::out_of_range, true);
  auto counted =
      pool.map_async(millpond::with().priority(millpond::priority::low), millpond::numbers(0, 100), [](int) {});
  counted.wait();
  CHECK(counted.progress().total == 100);
  static_cast<void>(pool.map_async(millpond::numbers(0, 100), [](int x) { return std::to_string(x); }));
  millpond::process_pool processes(1);
  CHECK(processes.map_async(millpond::numbers(0, 3), [](int x) { return x * x; }).get() == std::vector<int>({0, 1, 4}));
  const auto fail = [](int) { throw std::out_of_range("far"); };
  CHECK_THROWS(processes.map_async(millpond::numbers(0, 3), fail).get(), millpond::task_error, e.message() == "far");
  int captured = static_cast<int>(pool.workers());
  CHECK_THROWS(processes.map_async(millpond::numbers(0, 3), [captured](int x) { return x * captured; }).get(),
               millpond::error, e.status() == POOL_ERR_UNSUPPORTED);
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
