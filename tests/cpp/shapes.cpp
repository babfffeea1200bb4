// Functions, elements and ranges of every shape that a map may meet.

#include "check.hpp"
#include <millpond.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <unordered_set>
#include <vector>

namespace {

struct person {
  std::string name;
  int age;
  const std::string &called() const {
    return name;
  }
};

CASE(functions_that_return_references) {
  millpond::pool pool(2);
  std::vector<person> people{{"Ann", 30}, {"Bob", 40}};
  CHECK(pool.map(people, &person::name) == std::vector<std::string>({"Ann", "Bob"}));
  CHECK(pool.map(people, &person::called)[1] == "Bob" && pool.map(people, &person::age)[0] == 30);
  std::vector<std::string> names(2);
  pool.map_into(people, names, &person::called);
  CHECK(names[1] == "Bob");
  std::vector<std::string> later;
  for (const auto &name : pool.imap(people, &person::called)) later.push_back(name);
  CHECK(later == names && pool.map_async(people, &person::called).get() == names);
  const auto both =
      millpond::join([&]() -> std::string & { return people[0].name; }, [&]() -> int & { return people[1].age; });
  CHECK(both.first == "Ann" && both.second == 40);
  CHECK(people[0].name == "Ann"); // Copied, not moved from.
}

CASE(elements_that_can_only_be_moved) {
  millpond::pool pool(2);
  std::vector<std::unique_ptr<int>> all;
  for (int i = 0; i < 10; i++) all.push_back(std::make_unique<int>(i));
  const auto look = [](const std::unique_ptr<int> &one) { return *one; };
  CHECK(pool.map(all, look)[9] == 9);
  std::vector<int> out(10);
  pool.map_into(all, out, look);
  CHECK(out[8] == 8);
  pool.for_each(all, [](std::unique_ptr<int> &one) { ++*one; });
  CHECK(pool.transform_reduce(all, 0, std::plus<>(), look) == 55);
  CHECK(pool.map_async(all, look).get()[0] == 1);
  int sum = 0;
  const auto from = std::make_move_iterator(all.begin());
  const auto to = std::make_move_iterator(all.end());
  struct moved {
    decltype(from) first, last;
    auto begin() const {
      return first;
    }
    auto end() const {
      return last;
    }
  } given{from, to};
  for (const auto &one : pool.imap(given, [](std::unique_ptr<int> p) { return p; })) sum += *one;
  CHECK(sum == 55 && all[0] == nullptr);
  millpond::pool processes(millpond::options().mode(millpond::mode::processes).workers(1));
  CHECK_THROWS(processes.map(all, look), millpond::error, e.status() == POOL_ERR_UNSUPPORTED);
  CHECK_THROWS(processes.transform_reduce(all, 0, std::plus<>(), look), millpond::error,
               e.status() == POOL_ERR_UNSUPPORTED);
}

CASE(tuples_that_are_changed_in_place) {
  millpond::pool pool(2);
  std::vector<double> totals{1, 2};
  std::vector<std::string> words{"a", "bb"};
  pool.starmap(millpond::zip(totals, words),
               [](double &total, const std::string &word) { total += static_cast<double>(word.size()); });
  CHECK(totals == std::vector<double>({2, 4}));
  millpond::pool processes(millpond::options().mode(millpond::mode::processes).workers(1));
  CHECK_THROWS(processes.starmap(millpond::zip(totals, words), [](double &total, const std::string &) { total = 0; }),
               millpond::error, e.status() == POOL_ERR_UNSUPPORTED);
  const auto sizes = processes.starmap(millpond::zip(totals, words), [](double total, const std::string &word) {
    return total + static_cast<double>(word.size());
  });
  CHECK(sizes == std::vector<double>({3, 6}));
}

CASE(loops_whose_functions_return_something) {
  millpond::pool threads(1);
  millpond::process_pool processes(1);
  const std::vector<std::string> words{"a", "bb"};
  const auto size = [](const std::string &word) { return word.size(); };
  threads.for_each(words, size);
  processes.for_each(words, size);
  processes.for_each(std::vector<int>{1, 2}, [](int n) { return n; });
}

CASE(bits) {
  millpond::process_pool processes(1);
  millpond::pool threads(1);
  const auto no = [](bool bit) { return !bit; };
  std::vector<bool> bits{true, false, true};
  const std::vector<bool> turned{false, true, false};
  CHECK(processes.map(bits, no) == turned && threads.map(bits, no) == turned);
  CHECK(processes.reduce(bits, 0, [](int a, int b) { return a + b; }) == 2);
  std::atomic<int> seen{0};
  for (const bool &bit : threads.imap(bits, no)) seen += bit ? 1 : 0;
  CHECK(seen == 1);
  std::istringstream text("1 0 1");
  struct {
    std::istream_iterator<bool> first, last;
    auto begin() const {
      return first;
    }
    auto end() const {
      return last;
    }
  } read{std::istream_iterator<bool>(text), {}};
  CHECK(threads.map(read, no) == turned);
}

CASE(numbers_of_two_types) {
  millpond::pool pool(1);
  const std::vector<int> all(5);
  std::atomic<std::size_t> sum{0};
  int from = 1;
  pool.for_each(from, all.size(), [&sum](std::size_t n) { sum += n; });
  CHECK(sum == 10);
}

CASE(containers_that_travel) {
  millpond::process_pool pool(1);
  const auto same = [](auto all) { return all; };
  const std::list<std::string> list{"a", "b"};
  const std::deque<bool> bits{true, false};
  const std::unordered_set<std::string> set{"x", "y"};
  const std::multiset<int> twice{1, 1};
  const std::multimap<int, std::string> several{{1, "a"}, {1, "b"}};
  CHECK(pool.apply(same, list) == list && pool.apply(same, bits) == bits && pool.apply(same, set) == set);
  CHECK(pool.apply(same, twice) == twice && pool.apply(same, several) == several);
  static_assert(!millpond::detail::travels<std::list<std::unique_ptr<int>>>);
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
