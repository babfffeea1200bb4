// millpond/sync.hpp: events, semaphores, barriers and counters. All are made, passed and freed as a mutex is.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_SYNC_HPP
#define MILLPOND_SYNC_HPP

#include <millpond/mutex.hpp>

namespace millpond {
inline namespace MILLPOND_MODE {

class event_ref : public detail::ref_of<pool_event_t> {
public:
  using ref_of::ref_of;
  /// All go on who wait for it, and who comes until it is cleared.
  void set() {
    detail::check(pool_event_set(c_handle()));
  }
  void clear() {
    detail::check(pool_event_clear(c_handle()));
  }
  bool is_set() const {
    return detail::checked(pool_event_is_set(c_handle())) == 1;
  }
  void wait() {
    detail::check(pool_event_wait(c_handle(), -1));
  }
  /// Whether it is set, in time.
  template <class Rep, class Period> bool wait_for(std::chrono::duration<Rep, Period> time) {
    return detail::got_in_time(pool_event_wait(c_handle(), detail::milliseconds(time)));
  }
};

/// Something that some wait for, and others say has happened.
class event : public detail::owner<event_ref, pool_event_t, pool_event_free> {
public:
  event() : owner([](auto *made) { return pool_event_create(nullptr, made); }) {}
  template <class Pool>
  explicit event(const Pool &host) : owner([&](auto *made) { return pool_event_create(host.c_pool(), made); }) {}
};

class semaphore_ref : public detail::ref_of<pool_semaphore_t> {
public:
  using ref_of::ref_of;
  acquired acquire() {
    return detail::got(pool_semaphore_acquire(c_handle(), -1));
  }
  bool try_acquire() {
    return try_acquire_for(std::chrono::milliseconds(0));
  }
  template <class Rep, class Period> bool try_acquire_for(std::chrono::duration<Rep, Period> time) {
    return detail::got_in_time(pool_semaphore_acquire(c_handle(), detail::milliseconds(time)));
  }
  void release(std::uint32_t count = 1) {
    detail::check(pool_semaphore_release(c_handle(), count));
  }
};

/// So many permits.
class semaphore : public detail::owner<semaphore_ref, pool_semaphore_t, pool_semaphore_free> {
public:
  explicit semaphore(std::uint32_t value)
      : owner([=](auto *made) { return pool_semaphore_create(nullptr, value, made); }) {}
  template <class Pool>
  semaphore(const Pool &host, std::uint32_t value)
      : owner([&](auto *made) { return pool_semaphore_create(host.c_pool(), value, made); }) {}
};

class barrier_ref : public detail::ref_of<pool_barrier_t> {
public:
  using ref_of::ref_of;
  /// Waits until all parties have come: which of them the caller is, by arrival from 0. Throws broken.
  std::uint32_t wait() {
    std::uint32_t place = 0;
    detail::check(pool_barrier_wait(c_handle(), &place, -1));
    return place;
  }
  /// As wait(), but throws `timeout`; the barrier is broken then.
  template <class Rep, class Period> std::uint32_t wait_for(std::chrono::duration<Rep, Period> time) {
    std::uint32_t place = 0;
    detail::check(pool_barrier_wait(c_handle(), &place, detail::milliseconds(time)));
    return place;
  }
  void reset() {
    detail::check(pool_barrier_reset(c_handle()));
  }
  /// Breaks it: who waits, and who comes, gets broken, until it is reset.
  void abort() {
    detail::check(pool_barrier_abort(c_handle()));
  }
  std::uint32_t waiting() const {
    return static_cast<std::uint32_t>(detail::checked(pool_barrier_waiting(c_handle())));
  }
};

/// Where so many parties wait for one another.
class barrier : public detail::owner<barrier_ref, pool_barrier_t, pool_barrier_free> {
public:
  explicit barrier(std::uint32_t parties)
      : owner([=](auto *made) { return pool_barrier_create(nullptr, parties, made); }) {}
  template <class Pool>
  barrier(const Pool &host, std::uint32_t parties)
      : owner([&](auto *made) { return pool_barrier_create(host.c_pool(), parties, made); }) {}
};

class counter_ref : public detail::ref_of<pool_counter_t> {
public:
  using ref_of::ref_of;
  std::int64_t get() const {
    std::int64_t value = 0;
    detail::check(pool_counter_get(c_handle(), &value));
    return value;
  }
  /// Adds, and returns the number afterwards.
  std::int64_t add(std::int64_t amount) {
    std::int64_t value = 0;
    detail::check(pool_counter_add(c_handle(), amount, &value));
    return value;
  }
  std::int64_t operator++() {
    return add(1);
  }
  std::int64_t operator+=(std::int64_t amount) {
    return add(amount);
  }
  /// Makes it another, and returns what it was.
  std::int64_t exchange(std::int64_t value) {
    std::int64_t before = 0;
    detail::check(pool_counter_set(c_handle(), value, &before));
    return before;
  }
  /// Makes it `value` if it is `expected`, else tells what it is there: whether it was.
  bool compare_exchange(std::int64_t &expected, std::int64_t value) {
    std::int64_t before = 0;
    detail::check(pool_counter_compare_exchange(c_handle(), expected, value, &before));
    return before == std::exchange(expected, before);
  }
};

/// A number that threads and processes change at once without a lock.
class counter : public detail::owner<counter_ref, pool_counter_t, pool_counter_free> {
public:
  explicit counter(std::int64_t value = 0)
      : owner([=](auto *made) { return pool_counter_create(nullptr, value, made); }) {}
  template <class Pool, std::enable_if_t<std::is_class_v<Pool>, int> = 0>
  explicit counter(const Pool &host, std::int64_t value = 0)
      : owner([&](auto *made) { return pool_counter_create(host.c_pool(), value, made); }) {}
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
