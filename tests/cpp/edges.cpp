// What is empty, huge, negative, or done to itself.

#include "check.hpp"
#include <millpond.hpp>

#include <atomic>
#include <limits>
#include <mutex>
#include <vector>

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

} // namespace

int main(int count, char **names) {
  return check::main(count, names);
}
