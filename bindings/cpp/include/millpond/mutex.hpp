// millpond/mutex.hpp: locks and conditions.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_MUTEX_HPP
#define MILLPOND_MUTEX_HPP

#include <millpond/owner.hpp>

#include <algorithm>
#include <mutex>

namespace millpond {
inline namespace MILLPOND_MODE {

/// How something was got: `after_a_death` if the one who had it has ended without giving it back. It is got all the same,
/// but what it stands for may be half changed.
enum class acquired { well, after_a_death };

namespace detail {
inline acquired got(std::int32_t status) {
  if (status == POOL_ERR_WORKER_DIED) {
    return acquired::after_a_death;
  }
  check(status);
  return acquired::well;
}
/// Whether it was got in time.
inline bool got_in_time(std::int32_t status) {
  if (status == POOL_ERR_TIMEOUT) {
    return false;
  }
  got(status);
  return true;
}
} // namespace detail

/// What goes into a task in place of a lock: see mutex.
class mutex_ref : public detail::ref_of<pool_lock_t> {
public:
  using ref_of::ref_of;
  /// Blocks until it is free. Throws deadlock if the caller has it already, or waits in a circle with others.
  acquired lock() {
    return detail::got(pool_lock_acquire(c_handle(), -1));
  }
  bool try_lock() {
    return try_lock_for(std::chrono::milliseconds(0));
  }
  template <class Rep, class Period> bool try_lock_for(std::chrono::duration<Rep, Period> time) {
    return detail::got_in_time(pool_lock_acquire(c_handle(), detail::milliseconds(time)));
  }
  template <class Clock, class Duration> bool try_lock_until(std::chrono::time_point<Clock, Duration> time) {
    return try_lock_for(time - Clock::now());
  }
  void unlock() {
    detail::check(pool_lock_release(c_handle()));
  }
};

/// A lock, for std::lock_guard and std::unique_lock; the pool_lock_t of the C interface. Like all objects that follow it owns something of the C interface,
/// and is made for a pool (whose workers, in processes too, can use it), or for this process and what it makes from then
/// on. To threads it is passed by reference; to processes as what ref() returns, an argument or capture of its own, which
/// has the same functions and owns nothing. It must live as long as they use it, and not longer than its pool.
///
///     millpond::mutex mutex(pool);
///     pool.apply([m = mutex.ref()]() mutable { std::lock_guard guard(m); count(); });
class mutex : public detail::owner<mutex_ref, pool_lock_t, pool_lock_free> {
public:
  mutex() : owner([](auto *made) { return pool_lock_create(nullptr, made); }) {}
  template <class Pool>
  explicit mutex(const Pool &host) : owner([&](auto *made) { return pool_lock_create(host.c_pool(), made); }) {}
  /// One that the thread that has it may take again.
  static mutex recursive() {
    return mutex(nullptr, 0);
  }
  template <class Pool> static mutex recursive(const Pool &host) {
    return mutex(host.c_pool(), 0);
  }

private:
  mutex(pool_t *host, int /*recursive*/) : owner([&](auto *made) { return pool_lock_create_recursive(host, made); }) {}
};

/// What goes into a task in place of a condition.
class condition_ref : public detail::ref_of<pool_condition_t> {
public:
  using ref_of::ref_of;
  /// Gives the lock back, waits until notified, and takes it again. It may also end when nobody has notified: look again.
  void wait(mutex_ref lock) {
    detail::got(pool_condition_wait(c_handle(), lock.c_handle(), -1));
  }
  template <class Predicate> void wait(mutex_ref lock, Predicate done) {
    while (!done()) {
      wait(lock);
    }
  }
  /// As wait(), at most so long: false if the time has run out.
  template <class Rep, class Period> bool wait_for(mutex_ref lock, std::chrono::duration<Rep, Period> time) {
    return detail::got_in_time(pool_condition_wait(c_handle(), lock.c_handle(), detail::milliseconds(time)));
  }
  /// The predicate, which is true or the time has run out.
  template <class Rep, class Period, class Predicate>
  bool wait_for(mutex_ref lock, std::chrono::duration<Rep, Period> time, Predicate done) {
    using clock = std::chrono::steady_clock;
    constexpr std::chrono::hours century(24 * 365 * 100); // The clock cannot count much further.
    const std::int64_t whole = detail::milliseconds(time);
    if (whole < 0) {
      wait(lock, done);
      return true;
    }
    const auto end = clock::now() + std::min<std::chrono::milliseconds>(century, std::chrono::milliseconds(whole));
    while (!done()) {
      if (!wait_for(lock, end - clock::now())) {
        return done();
      }
    }
    return true;
  }
  template <class Lock> void wait(const std::unique_lock<Lock> &guard) {
    wait(mutex_ref(*guard.mutex()));
  }
  template <class Lock, class Predicate> void wait(const std::unique_lock<Lock> &guard, Predicate done) {
    wait(mutex_ref(*guard.mutex()), done);
  }
  template <class Lock, class Rep, class Period>
  bool wait_for(const std::unique_lock<Lock> &guard, std::chrono::duration<Rep, Period> time) {
    return wait_for(mutex_ref(*guard.mutex()), time);
  }
  template <class Lock, class Rep, class Period, class Predicate>
  bool wait_for(const std::unique_lock<Lock> &guard, std::chrono::duration<Rep, Period> time, Predicate done) {
    return wait_for(mutex_ref(*guard.mutex()), time, done);
  }
  /// Lets the thread go on that has waited longest.
  void notify_one() {
    detail::check(pool_condition_notify(c_handle()));
  }
  void notify_all() {
    detail::check(pool_condition_notify_all(c_handle()));
  }
};

/// A condition, to wait for what a lock guards. Made, passed and freed as a mutex is.
///
///     std::unique_lock guard(mutex);
///     changed.wait(guard, [&] { return *ready; });
class condition : public detail::owner<condition_ref, pool_condition_t, pool_condition_free> {
public:
  condition() : owner([](auto *made) { return pool_condition_create(nullptr, made); }) {}
  template <class Pool>
  explicit condition(const Pool &host)
      : owner([&](auto *made) { return pool_condition_create(host.c_pool(), made); }) {}
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
