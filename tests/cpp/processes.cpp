// Calls to processes: what travels, and what comes back.

#include "check.hpp"
#include <millpond.hpp>

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <variant>

namespace {
struct person {
  std::string name;
  int age;
};
} // namespace

template <> struct millpond::serialize<person> {
  static void write(writer &out, const person &p) {
    out << p.name << p.age;
  }
  static person read(reader &in) {
    auto name = in.read<std::string>();
    return {std::move(name), in.read<int>()};
  }
};

namespace {

int add(int a, int b) {
  return a + b;
}

CASE(functions_and_closures) {
  millpond::process_pool pool(2);
  CHECK(pool.in_processes());
  CHECK(pool.apply(add, 3, 4) == 7);
  int factor = 1;
  factor += static_cast<int>(pool.workers());
  CHECK(pool.apply([factor](int x) { return x * factor; }, 5) == 15);
  CHECK(pool.apply([] { return ::getpid(); }) != ::getpid());
  CHECK(pool.submit([](millpond::task &self) { return self.attempt(); }).get() == 1);
}

CASE(values_that_are_written_out) {
  millpond::process_pool pool(2);
  using everything =
      std::tuple<std::vector<std::string>, std::map<std::string, int>, std::set<int>, std::pair<int, std::string>>;
  const everything all{{"a", "", std::string(100000, 'b')}, {{"x", 1}, {"y", 2}}, {5, 6}, {7, "seven"}};
  CHECK(pool.apply([](everything e) { return e; }, all) == all);
  CHECK(pool.apply([](person p) { return person{p.name + "!", p.age + 1}; }, person{"Ann", 41}).name == "Ann!");
  CHECK(pool.apply([](std::optional<std::string> s) { return s.has_value(); }, std::optional<std::string>()) == false);
  using either = std::variant<std::monostate, int, std::string>;
  CHECK(pool.apply([](either e) { return e; }, either("text")) == either("text"));
  CHECK(pool.apply([](std::vector<bool> b) { return b; }, std::vector<bool>{true, false}) ==
        std::vector<bool>({true, false}));
}

CASE(exceptions_arrive_by_name) {
  millpond::process_pool pool(2);
  const auto fail = [](int x) -> int { throw std::out_of_range("no: " + std::to_string(x)); };
  CHECK_THROWS(pool.apply(fail, 5), millpond::task_error,
               e.type_name() == "std::out_of_range" && e.message() == "no: 5");
  CHECK_THROWS(pool.map(std::vector<int>{7}, fail), millpond::task_error,
               e.type_name() == "std::out_of_range" && e.message() == "no: 7");
  CHECK_THROWS(pool.apply([] { throw 5; }), millpond::task_error, e.type_name() == "int");
  CHECK_THROWS(pool.apply([](std::string s) { throw s; }, std::string("why")), millpond::task_error,
               e.message() == "why");
}

CASE(workers_that_die) {
  millpond::process_pool pool(2);
  CHECK_THROWS(pool.apply([] { ::_exit(3); }), millpond::worker_died, true);
  auto hangs = pool.submit([] {
    for (;;) ::pause();
  });
  CHECK(!hangs.wait_for(std::chrono::milliseconds(5)));
  CHECK(hangs.kill());
  CHECK_THROWS(hangs.get(), millpond::cancelled, true);
  const auto second = [](millpond::task &self) {
    if (self.attempt() == 1) ::_exit(1);
    return 5;
  };
  CHECK(pool.apply(millpond::with().retries(1), second) == 5);
  const auto slow = [] { ::pause(); };
  CHECK_THROWS(pool.apply(millpond::with().timeout(std::chrono::milliseconds(20)), slow), millpond::time_limit, true);
}

CASE(maps) {
  millpond::process_pool pool(2);
  std::vector<int> all(1000);
  for (int i = 0; i < 1000; i++) all[static_cast<std::size_t>(i)] = i;
  int factor = 1;
  factor += static_cast<int>(pool.workers());
  CHECK(pool.map(all, [factor](int x) { return x * factor; })[999] == 2997);
  CHECK(pool.map(all, [](int x) { return x * 2L; })[999] == 1998);
  CHECK(pool.map(std::vector<std::string>{"a", "bb"}, [](const std::string &s) { return s + s; })[1] == "bbbb");
  std::vector<double> out(1000);
  pool.map_into(all, out, [](int x) { return x / 2.0; });
  CHECK(out[3] == 1.5);
  std::vector<long> wider(1000);
  pool.map_into(all, wider, [](int x) { return x; });
  CHECK(wider[999] == 999);
}

CASE(callbacks_in_this_process) {
  std::vector<std::string> texts;
  std::vector<int> values;
  {
    millpond::process_pool pool(2);
    for (int i = 0; i < 10; i++) {
      pool.post(
          millpond::with().callback([&texts](std::string s) { texts.push_back(s); }),
          [](int x) { return std::to_string(x); }, i);
      pool.post(millpond::with().callback([&values](int x) { values.push_back(x); }), add, i, i);
    }
  }
  CHECK(texts.size() == 10 && values.size() == 10);
}

CASE(a_mode_that_is_an_option) {
  millpond::pool pool(millpond::options().mode(millpond::mode::processes).workers(1));
  CHECK(pool.in_processes() && pool.apply(add, 1, 2) == 3);
  auto shared = std::make_shared<int>(1);
  CHECK_THROWS(pool.submit([shared] { return *shared; }), millpond::error, e.status() == POOL_ERR_UNSUPPORTED);
  millpond::future<int> none;
  CHECK(pool.try_submit(none, [shared] { return *shared; }) == POOL_ERR_UNSUPPORTED && !none.valid());
}

CASE(damaged_bytes) {
  const char bytes[] = {1, 2, 3};
  millpond::reader in(bytes, sizeof bytes);
  CHECK_THROWS(in.read<std::string>(), millpond::error, e.status() == POOL_ERR_SIZE);
  millpond::writer out;
  out << std::uint64_t(1) << std::uint64_t(1) << char('x');
  millpond::reader count(out.bytes().data() + 1, 8);
  CHECK_THROWS(count.read<std::string>(), millpond::error, e.status() == POOL_ERR_SIZE);
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
