// Calls to threads: how arguments, results and exceptions travel, and what becomes of them.

#include "check.hpp"
#include <millpond.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace {

/// Counts how many of it there are.
struct counted {
  static inline std::atomic<int> alive{0};
  int value;
  explicit counted(int v) : value(v) {
    ++alive;
  }
  counted(const counted &other) : value(other.value) {
    ++alive;
  }
  counted(counted &&other) noexcept : value(other.value) {
    ++alive;
  }
  counted &operator=(const counted &) = default;
  counted &operator=(counted &&) = default;
  ~counted() {
    --alive;
  }
};

int add(int a, int b) {
  return a + b;
}

struct custom_error : std::runtime_error {
  explicit custom_error(int n) : std::runtime_error("custom"), code(n) {}
  int code;
};

/// Until its task is cancelled.
int until_cancelled(millpond::task &self) {
  while (!self.cancelled()) {
    ::usleep(1000);
  }
  return 1;
}

CASE(functions_lambdas_and_members) {
  millpond::pool pool(2);
  CHECK(pool.submit(add, 1, 2).get() == 3);
  CHECK(pool.submit(&std::string::size, std::string("four")).get() == 4);
  int three = 3;
  three += 0 * static_cast<int>(pool.workers());
  CHECK(pool.apply([three](int x) { return x * three; }, 5) == 15);
  CHECK(pool.apply([](std::string s) { return s + "!"; }, "hi") == "hi!");
  bool ran = false;
  pool.submit([&ran] { ran = true; }).get();
  CHECK(ran);
  int target = 0;
  pool.submit([](int &t) { t = 9; }, std::ref(target)).get();
  CHECK(target == 9);
}

CASE(values_that_can_only_be_moved) {
  millpond::pool pool(2);
  auto made = pool.submit([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(5));
  CHECK(*made.get() == 5);
  std::vector<std::unique_ptr<int>> held;
  held.push_back(std::make_unique<int>(6));
  CHECK(pool.submit([held = std::move(held)] { return *held[0]; }).get() == 6);
}

CASE(exceptions_keep_their_type) {
  millpond::pool pool(2);
  auto small = pool.submit([](int x) -> int { throw custom_error(x); }, 7);
  CHECK_THROWS(small.get(), custom_error, e.code == 7);
  CHECK(!small.valid());
  auto large =
      pool.submit([](const std::string &s) -> std::string { throw custom_error(static_cast<int>(s.size())); }, "abc");
  CHECK_THROWS(large.get(), custom_error, e.code == 3);
  auto number = pool.submit([] { throw 5; });
  CHECK_THROWS(number.get(), int, e == 5);
  auto told = pool.submit([]() -> int { throw std::out_of_range("far"); }).try_get();
  CHECK(!told.ok() && told.status() > 0 && told.message() == "std::out_of_range: far" && told.exception() != nullptr);
  CHECK_THROWS(told.value(), std::out_of_range, true);
}

CASE(a_code_of_the_task_s_own) {
  millpond::pool pool(2);
  auto failed = pool.submit([](millpond::task &self) {
    self.fail(3, "no such file");
    return 1;
  });
  CHECK_THROWS(failed.get(), millpond::task_error,
               e.status() == 3 && e.message() == "no such file" && e.type_name().empty());
}

CASE(retries_copy_the_call) {
  millpond::pool pool(2);
  std::atomic<int> runs{0};
  const std::string text(100, 'x');
  auto third = pool.submit(
      millpond::with().retries(3),
      [&runs](millpond::task &self, std::string s) {
        ++runs;
        if (self.attempt() < 3) throw std::runtime_error(s);
        return s.size();
      },
      text);
  CHECK(third.get() == 100 && runs == 3);
  auto never = pool.submit(millpond::with().retries(2), [&runs]() -> int { throw custom_error(++runs); });
  CHECK_THROWS(never.get(), custom_error, e.code == 6);
}

CASE(nothing_is_left_behind) {
  {
    millpond::pool pool(2);
    counted value(1);
    pool.submit([value] { return value; }).get();
    static_cast<void>(pool.submit([](const counted &c) { return c; }, value));
    pool.post([value] { throw value; });
    static_cast<void>(pool.submit([value]() -> int { throw counted(2); }));
    // Never run: cancelled, before and after the future was dropped.
    millpond::token token;
    token.cancel();
    auto cancelled = pool.submit(millpond::with().token(token), [value] { return value; });
    CHECK_THROWS(cancelled.get(), millpond::cancelled, true);
    auto waiting = pool.submit(until_cancelled);
    static_cast<void>(pool.submit(millpond::with().after(waiting), [value] { return value; }));
    waiting.cancel();
    waiting.wait();
  }
  CHECK(counted::alive == 0);
}

CASE(callbacks_get_what_they_take) {
  std::vector<int> values;
  std::vector<std::string> texts;
  int failures = 0;
  {
    millpond::pool pool(2);
    for (int i = 0; i < 50; i++) {
      pool.post(millpond::with().callback([&values](int v) { values.push_back(v); }), [](int x) { return x; }, i);
    }
    auto text = pool.submit(millpond::with().callback([&texts](const std::string &s) { texts.push_back(s); }),
                            [] { return std::string("both"); });
    CHECK(text.get() == "both");
    pool.post(millpond::with().callback([&failures](millpond::result<int> r) { failures += r.ok() ? 0 : 1; }),
              []() -> int { throw custom_error(1); });
    pool.post(millpond::with().callback([&failures](int) { failures = 100; }), []() -> int { throw custom_error(1); });
  }
  CHECK(values.size() == 50 && texts == std::vector<std::string>{"both"} && failures == 1);
}

CASE(groups_and_tokens) {
  millpond::pool pool(2);
  millpond::group group;
  std::atomic<int> sum{0};
  for (int i = 1; i <= 10; i++) {
    pool.post(millpond::with().group(group), [&sum, i] { sum += i; });
  }
  group.wait();
  CHECK(sum == 55);
  auto failing = pool.submit(millpond::with().group(group), [] { throw custom_error(4); });
  CHECK_THROWS(group.wait(), custom_error, e.code == 4);
  CHECK_THROWS(failing.get(), custom_error, e.code == 4);
  millpond::token token;
  auto running = pool.submit(millpond::with().token(token), until_cancelled);
  CHECK(!token.cancelled());
  token.cancel();
  running.wait();
  CHECK(token.cancelled());
}

CASE(futures_tell_how_it_goes) {
  millpond::pool pool(2);
  auto one = pool.submit([](millpond::task &self) {
    self.progress(3, 10);
    return until_cancelled(self);
  });
  CHECK_THROWS(one.get_for(std::chrono::milliseconds(10)), millpond::timeout, true);
  CHECK(one.valid() && !one.wait_for(std::chrono::milliseconds(1)));
  CHECK(one.status() == POOL_ERR_TIMEOUT && !one.ready());
  while (one.progress().done != 3) ::usleep(1000);
  CHECK(one.progress().total == 10 && one.running());
  CHECK_THROWS(one.kill(), millpond::error, e.status() == POOL_ERR_UNSUPPORTED);
  CHECK(one.get() == 1);
  CHECK(!one.valid());
  CHECK_THROWS(one.get(), millpond::error, e.status() == POOL_ERR_INVALID);
}

CASE(attributes) {
  millpond::pool pool(1);
  std::vector<int> order;
  std::atomic<bool> go{false};
  auto gate = pool.submit([&go] {
    while (!go) ::usleep(1000);
  });
  auto low = pool.submit(millpond::with().priority(millpond::priority::low), [&order] { order.push_back(3); });
  auto high = pool.submit(millpond::with().priority(millpond::priority::high), [&order] { order.push_back(1); });
  auto later = pool.submit(millpond::with().after(gate).delay(std::chrono::milliseconds(5)), [] { return 5; });
  auto normal = pool.submit([&order] { order.push_back(2); });
  go = true;
  low.wait_for(std::chrono::seconds(60));
  CHECK(later.get() == 5);
  CHECK(order == std::vector<int>({1, 2, 3}));
  auto limited = pool.submit(millpond::with().timeout(std::chrono::milliseconds(5)), [](millpond::task &self) {
    until_cancelled(self);
    throw custom_error(1);
  });
  CHECK_THROWS(limited.get(), millpond::time_limit, true);
}

CASE(closed_and_terminated) {
  millpond::pool pool(1);
  millpond::pool moved(std::move(pool));
  auto running = moved.submit(until_cancelled);
  while (!running.running()) ::usleep(1000);
  auto waiting = moved.submit(add, 1, 1);
  moved.terminate();
  CHECK(moved.join());
  CHECK_THROWS(waiting.get(), millpond::terminated, true);
  CHECK_THROWS(moved.submit(add, 1, 1), millpond::closed, true);
  CHECK(running.get() == 1);
}

CASE(options_reach_the_pool) {
  millpond::pool pool(millpond::options().workers(3).name("tests").max_pending(5).stack_size(1 << 20));
  CHECK(pool.workers() == 3 && !pool.in_processes());
  CHECK_THROWS(millpond::pool(millpond::options().workers(100000)), millpond::error, e.status() == POOL_ERR_INVALID);
  auto none = millpond::pool::try_create(millpond::options().workers(100000));
  CHECK(!none.ok() && none.status() == POOL_ERR_INVALID);
  auto some = millpond::pool::try_create(millpond::options().mode(millpond::mode::sequential));
  CHECK(some.ok() && some->apply(add, 2, 3) == 5);
  CHECK(millpond::pool::default_pool().apply(add, 2, 3) == 5);
  CHECK(millpond::pool::default_pool().apply(add, 2, 4) == 6);
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
