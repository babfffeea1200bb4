// What is empty, huge, negative, or done to itself.

#include "check.hpp"
#include <millpond.hpp>

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <type_traits>
#include <vector>

namespace {
struct rest {
  std::string text;
};
struct greedy {
  bool throws = false;
  std::string text = std::string();
};
} // namespace

template <> struct millpond::serialize<rest> {
  static void write(writer &out, const rest &r) {
    out.put(r.text.data(), r.text.size());
  }
  static rest read(reader &in) {
    const std::size_t size = in.left();
    return {std::string(static_cast<const char *>(in.take(size)), size)};
  }
};

template <> struct millpond::serialize<greedy> {
  static void write(writer &out, const greedy &g) {
    out << g.throws;
  }
  static greedy read(reader &in) {
    if (in.read<bool>()) throw std::out_of_range("unreadable");
    return {false, in.read<std::string>()};
  }
};

namespace {

using std::chrono::milliseconds;

/// A clock that stands still, so that times can be exactly so far away.
struct stopped {
  using rep = std::int64_t;
  using period = std::milli;
  using duration = milliseconds;
  using time_point = std::chrono::time_point<stopped>;
  static time_point now() {
    return {};
  }
};

CASE(times) {
  using millpond::detail::finite_milliseconds;
  CHECK(millpond::detail::milliseconds(millpond::forever) == -1);
  CHECK(millpond::detail::milliseconds(std::chrono::hours::max()) == -1);
  CHECK(millpond::detail::milliseconds(std::chrono::nanoseconds::max()) > 0);
  CHECK(millpond::detail::milliseconds(milliseconds(-1)) == 0);
  CHECK(millpond::detail::milliseconds(std::chrono::nanoseconds(1)) == 1);
  CHECK(finite_milliseconds(millpond::forever) > 0 && finite_milliseconds(milliseconds(5)) == 5);
}

CASE(a_time_that_has_just_passed) {
  millpond::pool pool(1);
  millpond::event event(pool);
  auto waits = pool.submit([e = event.ref()]() mutable { e.wait(); });
  CHECK(!waits.wait_until(stopped::time_point(milliseconds(-1))));
  CHECK(!waits.wait_for(milliseconds(-1)));
  event.set();
  CHECK(waits.wait_for(std::chrono::hours::max()));
  millpond::mutex mutex;
  const std::unique_lock<millpond::mutex> taken(mutex, stopped::time_point(milliseconds(-1)));
  CHECK(taken.owns_lock());
}

CASE(a_condition_for_ever) {
  millpond::pool pool(1);
  millpond::mutex mutex;
  millpond::condition changed;
  bool done = false;
  for (const milliseconds time : {millpond::forever, milliseconds(INT64_C(1) << 40)}) {
    done = false;
    std::unique_lock<millpond::mutex> guard(mutex);
    auto told = pool.submit([&] {
      const std::lock_guard<millpond::mutex> inside(mutex);
      done = true;
      changed.notify_all();
    });
    CHECK(changed.wait_for(guard, time, [&] { return done; }));
    guard.unlock();
    told.get();
  }
}

CASE(maps_of_nothing) {
  millpond::process_pool pool(1);
  const std::vector<int> none;
  const auto same = [](int x) { return x; };
  CHECK(pool.map(none, same).empty());
  std::vector<int> out;
  pool.map_into(none, out, same);
  pool.for_each(none, [](int) {});
  CHECK(pool.reduce(none, 7, [](int a, int b) { return a + b; }) == 7);
}

CASE(numbers_of_any_width) {
  const millpond::numbers<int> some(-2000000000, 2000000000);
  CHECK(some.size() == 4000000000u && some.begin()[3999999999] == 1999999999);
  CHECK(some.end() - some.begin() == 4000000000 && *(some.end() - 4000000000) == -2000000000);
  using limits = std::numeric_limits<std::int64_t>;
  const millpond::numbers<std::int64_t> all(limits::min(), limits::max());
  CHECK(all.size() == std::numeric_limits<std::uint64_t>::max() && *--all.end() == limits::max() - 1);
  const millpond::numbers<std::uint64_t> high(std::uint64_t(1) << 63, (std::uint64_t(1) << 63) + 2);
  CHECK(high.size() == 2 && high.begin()[1] == (std::uint64_t(1) << 63) + 1);
  millpond::process_pool pool(1);
  millpond::counter sum(pool);
  auto add = [s = sum.ref()](int x) mutable { s += x; };
  pool.for_each(std::numeric_limits<int>::max() - 2, std::numeric_limits<int>::max(), add);
  CHECK(sum.get() == 2 * std::int64_t(std::numeric_limits<int>::max()) - 3);
}

CASE(moved_to_itself) {
  millpond::pool pool(1);
  std::atomic<int> runs{0};
  auto ticks = pool.every(milliseconds(1), [&runs] { runs++; });
  auto &same = ticks;
  ticks = std::move(same);
  CHECK(ticks.status() == POOL_ERR_TIMEOUT);
  const int before = runs;
  while (runs <= before) ::usleep(1000);
}

CASE(futures_that_are_dropped) {
  std::atomic<int> ended{0};
  {
    millpond::pool pool(2);
    for (int i = 0; i < 1000; i++) {
      static_cast<void>(pool.submit([&ended](const std::string &text) { ended += static_cast<int>(text.size()); },
                                    std::string("ab")));
    }
  }
  CHECK(ended == 2000);
}

CASE(results_that_a_callback_has_too) {
  millpond::pool pool(1);
  const auto has = millpond::with().callback([](const millpond::result<std::unique_ptr<int>> &r) { CHECK(r.ok()); });
  auto first = pool.submit(has, [] { return std::make_unique<int>(5); });
  const auto outcome = first.try_get();
  CHECK(outcome.status() == POOL_ERR_INVALID && !outcome.message().empty() && !first.valid());
  auto second = pool.submit(has, [] { return std::make_unique<int>(5); });
  CHECK_THROWS(second.get(), millpond::error, e.status() == POOL_ERR_INVALID && *e.what() != 0);
}

CASE(a_serialize_that_reads_the_rest) {
  millpond::process_pool pool(1);
  const auto make = [] { return rest{"all of it"}; };
  CHECK(pool.submit(make).get().text == "all of it");
  CHECK(pool.submit(make).then([](const rest &r) { return r.text.size(); }).get() == 9);
  CHECK(pool.submit(make).then([](rest r) { return rest{r.text + "!"}; }).get().text == "all of it!");
  std::string told;
  {
    millpond::process_pool calls(1);
    calls.post(millpond::with().callback([&told](const rest &r) { told = r.text; }), make);
  }
  CHECK(told == "all of it");
}

CASE(results_that_cannot_be_read) {
  millpond::process_pool pool(1);
  const auto bad = pool.submit([] { return greedy{}; }).try_get();
  CHECK(bad.status() == POOL_ERR_SIZE && !bad.message().empty());
  const auto thrown = pool.submit([] { return greedy{true}; }).try_get();
  CHECK(!thrown.ok() && thrown.exception() != nullptr);
}

CASE(what_cannot_be_followed_stays) {
  millpond::pool pool(1);
  auto made = pool.submit([] { return std::string("kept"); });
  pool.close();
  CHECK_THROWS(std::move(made).then([](const std::string &s) { return s.size(); }), millpond::closed, true);
  CHECK(made.valid() && made.get() == "kept"); // NOLINT(bugprone-use-after-move): it stays.
  auto alone = millpond::spawn([] { return 3; });
  CHECK_THROWS(std::move(alone).then([](int x) { return x; }), millpond::error, e.status() == POOL_ERR_INVALID);
  CHECK(alone.get() == 3); // NOLINT(bugprone-use-after-move): it stays.
}

CASE(futures_of_pools_that_are_gone) {
  const auto ended = [](auto pool) {
    std::vector<millpond::future<int>> made;
    for (int i = 0; i < 2; i++) made.push_back(pool.submit([](int x) { return x; }, i));
    return made;
  };
  for (const bool remote : {false, true}) {
    const auto fresh = [&] { return remote ? ended(millpond::process_pool(1)) : ended(millpond::pool(1)); };
    auto kept = fresh();
    millpond::pool other(1); // Perhaps where the one before was.
    CHECK_THROWS(std::move(kept[1]).then([](int x) { return x; }), millpond::closed, true);
    CHECK(kept[1].get() == 1); // NOLINT(bugprone-use-after-move): it stays.
    CHECK(millpond::when_all(fresh()).get() == std::vector<int>({0, 1}));
    auto [index, any] = millpond::when_any(fresh()).get();
    CHECK(any[index].get() == static_cast<int>(index));
    auto both = fresh();
    CHECK(millpond::when_all(std::move(both[0]), std::move(both[1])).get() == std::tuple<int, int>(0, 1));
  }
  // Inside a pool that is closed things go on.
  millpond::pool pool(1);
  millpond::event closed;
  auto inner = pool.submit([&] {
    closed.wait();
    return pool.submit([] { return 1; }).then([](int x) { return x + 1; }).get();
  });
  pool.close();
  closed.set();
  CHECK(inner.get() == 2);
}

struct alignas(128) wide {
  int value;
};
struct fixed {
  int value;
  explicit fixed(int v) : value(v) {}
  fixed(fixed &&) = default;
  fixed(const fixed &) = delete;
};

CASE(types_that_are_not_plain) {
#ifdef __cpp_lib_span
  static_assert(!millpond::detail::travels<std::span<int>>); // What it shows stays behind.
#endif
  millpond::process_pool processes(1);
  const std::vector<wide> all{{1}, {2}, {3}};
  const auto well = [](const wide &w) { return reinterpret_cast<std::uintptr_t>(&w) % 128 == 0 ? w.value : -1; };
  CHECK(processes.map(all, well) == std::vector<int>({1, 2, 3}));
  const auto large = [w = wide{5}](int x) { return w.value + x; };
  CHECK_THROWS(processes.imap(std::vector<int>{1}, large), millpond::error, e.status() == POOL_ERR_UNSUPPORTED);
  millpond::pool threads(1);
  CHECK(threads.submit([](fixed f) { return fixed(f.value + 1); }, fixed(4)).get().value == 5);
}

struct noisy {
  int value;
  explicit noisy(int v) : value(v) {}
  noisy(const noisy &) = default;
  noisy(noisy &&) = default;
  ~noisy() {
    ::pool_close(nullptr); // Fails, and says so.
  }
};

CASE(items_that_call_the_library_at_their_end) {
  millpond::pool pool(1);
  const std::vector<noisy> all{noisy(1), noisy(2)};
  auto fails = pool.imap(all, [](millpond::task &self, noisy n) {
    if (n.value == 1) self.fail(3, "as it was");
    return n;
  });
  CHECK_THROWS(fails.next(), millpond::task_error, e.status() == 3 && std::string(e.what()) == "as it was");
  CHECK(fails.next()->value == 2);
  int sum = 0;
  for (const noisy &n : pool.imap(all, [](noisy each) { return each; })) sum += n.value;
  CHECK(sum == 3);
}

CASE(a_map_that_one_of_its_items_drops) {
  // In a child: what the map is made of cannot be freed then, as its items go on.
  const int child = ::fork();
  if (child == 0) {
    const std::vector<int> all{0, 1, 2, 3};
    std::atomic<bool> made{false};
    std::atomic<bool> dropped{false};
    std::optional<millpond::imap<const std::vector<int> &, std::function<std::string(int)>>> map;
    millpond::pool pool(2);
    const std::string captured(100, 'x');
    map.emplace(pool.imap(all, std::function<std::string(int)>([&, captured](int n) {
                            while (!made) ::usleep(1000);
                            if (n == 0) {
                              map.reset();
                              dropped = true;
                            }
                            while (!dropped) ::usleep(1000);
                            return captured + std::to_string(n);
                          })));
    made = true;
    while (!dropped) ::usleep(1000);
    pool.close();
    pool.join();
    ::_exit(0);
  }
  int status = -1;
  CHECK(child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

CASE(apply_changes_no_argument) {
  millpond::pool pool(1);
  std::string text = "as it was";
  CHECK(pool.apply([](std::string &&s) { return std::move(s).size(); }, text) == 9);
  const auto change = [](auto &&s) {
    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(s)>>) s += "!";
    return s.size();
  };
  pool.apply(change, text);
  CHECK(text == "as it was");
  const std::string *seen = nullptr;
  pool.apply([&seen](const std::string &s) { seen = &s; }, text);
  CHECK(seen == &text);
}

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
