// Loops, sums, sorts, tuples, and what every worker does once.

#include "check.hpp"
#include <millpond.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <deque>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <string>

namespace {

CASE(loops) {
  millpond::pool pool(2);
  std::vector<int> seen(1000);
  pool.for_each(0, 1000, [&seen](int i) { seen[static_cast<std::size_t>(i)]++; });
  CHECK(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
  pool.for_each(seen, [](int &n) { n = 5; });
  CHECK(std::accumulate(seen.begin(), seen.end(), 0) == 5000);
  pool.for_each(5, 5, [](int) { ::_exit(1); });
  pool.for_each(5, 2, [](int) { ::_exit(1); });
  std::atomic<long> sum{0};
  pool.for_each(-5L, 5, [&sum](long i) { sum += i; });
  CHECK(sum == -5);
  const auto fail = [](int i) {
    if (i == 617) throw std::out_of_range("617");
  };
  CHECK_THROWS(pool.for_each(0, 1000, fail), std::out_of_range, true);
}

CASE(loops_in_processes) {
  millpond::process_pool pool(2);
  const millpond::shared_array<int> seen(pool, 1000);
  pool.for_each(0, 1000, [at = seen.data()](int i) { at[i] = i; });
  CHECK(seen[999] == 999 && std::accumulate(seen.begin(), seen.end(), 0) == 499500);
  const auto fail = [](int i) {
    if (i == 5) throw std::out_of_range("five");
  };
  CHECK_THROWS(pool.for_each(0, 10, fail), millpond::task_error, e.type_name() == "std::out_of_range");
  const millpond::shared<int> one(pool, 3);
  pool.apply([at = one.get()] { ++*at; });
  CHECK(*one == 4);
}

CASE(sums) {
  millpond::pool pool(2);
  const auto add = std::plus<>();
  CHECK(pool.reduce(millpond::numbers(0, 100001), 0L, add) == 5000050000L);
  CHECK(pool.reduce(std::vector<int>(), 7, add) == 7);
  CHECK(pool.transform_reduce(millpond::numbers(0, 10), 0.0, add, [](int n) { return n * 0.5; }) == 22.5);
  // Of any type, and in order.
  const std::string all = pool.transform_reduce(millpond::numbers(0, 2000), std::string(), add,
                                                [](int n) { return std::to_string(n % 10); });
  CHECK(all.size() == 2000 && all.substr(0, 12) == "012345678901" && all.substr(1990) == "0123456789");
  const auto fail = [](int n) {
    if (n == 77) throw std::out_of_range("77");
    return n;
  };
  CHECK_THROWS(pool.transform_reduce(millpond::numbers(0, 100), 0, add, fail), std::out_of_range, true);
  // In the last step, which the library makes.
  struct careful {
    std::vector<int> operator()(std::vector<int> a, std::vector<int> b) const {
      if (a.size() > 1) throw std::out_of_range("too many");
      a.insert(a.end(), b.begin(), b.end());
      return a;
    }
  };
  CHECK_THROWS(pool.transform_reduce(millpond::numbers(0, 1000), std::vector<int>(), careful(),
                                     [](int n) { return std::vector<int>{n}; }),
               std::out_of_range, true);
  millpond::process_pool processes(2);
  CHECK(processes.reduce(millpond::numbers(0, 1000), 0L, add) == 499500);
}

CASE(sorts) {
  millpond::pool pool(2);
  std::mt19937 random(1);
  std::vector<double> doubles(100000);
  for (auto &one : doubles) one = std::uniform_real_distribution<>(-1, 1)(random);
  pool.sort(doubles);
  CHECK(std::is_sorted(doubles.begin(), doubles.end()));
  pool.sort(doubles, std::greater<>());
  CHECK(std::is_sorted(doubles.begin(), doubles.end(), std::greater<>()));
  std::vector<std::string> texts(10000);
  for (auto &one : texts) one = std::to_string(random() % 1000);
  pool.sort(texts.begin(), texts.end());
  CHECK(std::is_sorted(texts.begin(), texts.end()));
  std::deque<std::pair<int, int>> pairs;
  for (int i = 0; i < 10000; i++) pairs.emplace_back(static_cast<int>(random() % 10), i);
  pool.sort(pairs, [](const auto &a, const auto &b) { return a.first < b.first; });
  CHECK(std::is_sorted(pairs.begin(), pairs.end())); // Stable.
  char letters[] = {'c', 'a', 'b'};
  pool.sort(letters);
  CHECK(letters[0] == 'a' && letters[2] == 'c');
  CHECK_THROWS(pool.sort(texts, [](const auto &, const auto &) -> bool { throw std::out_of_range("no order"); }),
               std::out_of_range, true);
  CHECK(texts.size() == 10000 && std::is_sorted(texts.begin(), texts.end()));
}

CASE(tuples) {
  millpond::pool pool(2);
  const std::vector<double> prices{0.5, 1.5, 2};
  const std::vector<int> pieces{10, 20, 30};
  const auto multiply = [](double price, int n) { return price * n; };
  CHECK(pool.starmap(millpond::zip(prices, pieces), multiply) == std::vector<double>({5, 30, 60}));
  const std::vector<std::pair<double, int>> pairs{{1, 2}, {3, 4}};
  CHECK(pool.starmap(pairs, multiply) == std::vector<double>({2, 12}));
  pool.starmap(millpond::with().priority(millpond::priority::high), pairs, [](double, int) {});
  millpond::process_pool processes(2);
  CHECK(processes.starmap(pairs, multiply)[1] == 12);
  CHECK(processes.starmap(millpond::zip(prices, pieces), multiply)[2] == 60);
}

CASE(broadcasts) {
  for (const auto where : {millpond::mode::threads, millpond::mode::processes}) {
    millpond::pool pool(millpond::options().mode(where).workers(3));
    const auto numbers =
        pool.broadcast([](millpond::task &self, std::uint32_t base) { return base + self.worker(); }, 10u);
    CHECK(std::set<std::uint32_t>(numbers.begin(), numbers.end()) == std::set<std::uint32_t>({10, 11, 12}));
    pool.broadcast([] {});
  }
  millpond::pool pool(2);
  CHECK(pool.broadcast([] { return std::string("x"); }).size() == 2);
  CHECK_THROWS(pool.broadcast([] { throw std::out_of_range("no"); }), std::out_of_range, true);
}

CASE(numbers_of_a_pool) {
  millpond::pool pool(2);
  pool.apply([] {});
  CHECK(pool.stats().workers == 2 && pool.stats().submitted == 1);
  CHECK(pool.worker_pid(0) == ::getpid());
  pool.resize(3);
  CHECK(pool.workers() == 3);
  CHECK_THROWS(pool.poll(), millpond::error, e.status() == POOL_ERR_INVALID);
  millpond::pool polled(millpond::options().callbacks(millpond::callbacks::polled).workers(1));
  int called = 0;
  polled.post(millpond::with().callback([&called] { called++; }), [] {});
  CHECK(polled.poll_fd() >= 0);
  CHECK(polled.poll() == 1 && called == 1);
  CHECK(polled.poll(std::chrono::milliseconds(0)) == 0);
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
