// Maps over ranges of all kinds.

#include "check.hpp"
#include <millpond.hpp>

#include <array>
#include <forward_list>
#include <iterator>
#include <list>
#include <map>
#include <numeric>
#include <sstream>
#include <string>

// The ranges of libstdc++ are too new for Clang before 16.
#if __cplusplus >= 202002L && !(defined(__clang__) && __clang_major__ < 16)
#define HAS_RANGES
#include <ranges>
#include <span>
#endif

namespace {

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

CASE(over_ranges_of_all_kinds) {
  millpond::pool pool(2);
  const auto all = numbers(10000);
  const auto squares = pool.map(all, [](int x) { return x * x; });
  CHECK(squares.size() == all.size() && squares[9999] == 99980001);
  const int plain[] = {1, 2, 3};
  CHECK(pool.map(plain, [](int x) { return x + 1; }) == std::vector<int>({2, 3, 4}));
  CHECK(pool.map(std::list<int>{1, 2}, [](int x) { return std::to_string(x); }) ==
        std::vector<std::string>({"1", "2"}));
  CHECK(pool.map(std::forward_list<int>{1, 2}, [](int x) { return x > 1; }) == std::vector<bool>({false, true}));
  CHECK(pool.map(std::map<int, int>{{1, 2}, {3, 4}}, [](const auto &p) { return p.first * p.second; })[1] == 12);
  CHECK(pool.map(std::vector<bool>{true, false}, [](bool b) { return !b; })[1]);
  CHECK(pool.map(std::vector<int>(), [](int x) { return x; }).empty());
#ifdef HAS_RANGES
  CHECK(pool.map(std::views::iota(0, 5), [](int x) { return x; }) == numbers(5));
  CHECK(pool.map(std::span<const int>(plain), [](int x) { return x; }).size() == 3);
  CHECK(pool.map(all | std::views::filter([](int x) { return x < 2; }), [](int x) { return x; }) == numbers(2));
#endif
}

CASE(elements_are_used_in_place) {
  millpond::pool pool(2);
  auto all = numbers(1000);
  pool.map(all, [](int &x) { x *= 2; });
  CHECK(all[999] == 1998);
}

CASE(into_given_room) {
  millpond::pool pool(2);
  const auto all = numbers(1000);
  std::vector<double> out(1000);
  pool.map_into(all, out, [](int x) { return x / 2.0; });
  CHECK(out[3] == 1.5);
  std::vector<long> from(1000);
  pool.map_into(all, from.begin(), [](int x) { return x; });
  CHECK(from[999] == 999);
  std::array<int, 3> small{};
  CHECK_THROWS(pool.map_into(all, small, [](int x) { return x; }), millpond::error, e.status() == POOL_ERR_INVALID);
}

struct no_default {
  explicit no_default(int v) : value(v) {}
  int value;
};

CASE(results_without_a_default) {
  millpond::pool pool(2);
  CHECK(pool.map(numbers(100), [](int x) { return no_default(x); })[99].value == 99);
}

CASE(the_first_failure_is_thrown) {
  millpond::pool pool(2);
  const auto all = numbers(1000);
  const auto fail = [](int x) {
    if (x == 617) throw std::runtime_error("617");
    return x;
  };
  CHECK_THROWS(pool.map(all, fail), std::runtime_error, std::string(e.what()) == "617");
  CHECK_THROWS(pool.map(millpond::with().priority(millpond::priority::high), all, fail), std::runtime_error, true);
  const auto many = [](int x) {
    if (x >= 0) throw std::to_string(x);
  };
  CHECK_THROWS(pool.map(all, many), std::string, !e.empty());
  const auto code = [](millpond::task &self, int x) {
    if (x == 5) self.fail(9, "five");
  };
  CHECK_THROWS(pool.map(all, code), millpond::task_error, e.status() == 9);
}

CASE(items_know_their_number_and_attempt) {
  millpond::pool pool(2);
  const auto all = numbers(1000);
  CHECK(pool.map(all, [](millpond::task &self, int x) { return static_cast<int>(self.index()) + x; })[500] == 1000);
  const auto second = [](millpond::task &self, int x) {
    if (self.attempt() == 1 && x % 10 == 0) throw std::runtime_error("once more");
    return x;
  };
  CHECK(pool.map(millpond::with().retries(1), all, second) == all);
}

CASE(maps_in_maps) {
  millpond::pool pool(2);
  const auto rows = pool.map(numbers(20), [&pool](int row) {
    const auto cells = pool.map(numbers(20), [row](int x) { return x * row; });
    return std::accumulate(cells.begin(), cells.end(), 0);
  });
  CHECK(rows[3] == 190 * 3);
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
