// millpond/call.hpp: how a call is to be run.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_CALL_HPP
#define MILLPOND_CALL_HPP

#include <millpond/future.hpp>
#include <millpond/group.hpp>

#include <utility>
#include <vector>

namespace millpond {
inline namespace MILLPOND_MODE {

/// Which of the calls that wait start first.
enum class priority : std::int32_t {
  low = POOL_PRIORITY_LOW,
  normal = POOL_PRIORITY_NORMAL,
  high = POOL_PRIORITY_HIGH
};

namespace detail {
struct no_callback {};
struct call_tag {};
} // namespace detail

/// The attributes of a call, for the functions of a pool that run something: with() begins them.
///
///     auto future = pool.submit(millpond::with().priority(millpond::priority::high).timeout(2s).retries(3), fetch, url);
///
/// Each is the field of pool_call_t of the same name. It may be used for any number of calls.
template <class Callback = detail::no_callback, bool Repeats = false> class call : public detail::call_tag {
public:
  call() = default;
  /// Private: with().callback().
  call(pool_call_t raw, std::vector<pool_future_t *> after, Callback callback)
      : raw_(raw), after_(std::move(after)), callback_(std::move(callback)) {}

  call &priority(millpond::priority value) {
    raw_.priority = static_cast<std::int32_t>(value);
    return *this;
  }
  /// How long a run may take. On threads the task is only asked to stop.
  template <class Rep, class Period> call &timeout(std::chrono::duration<Rep, Period> value) {
    const std::int64_t time = detail::milliseconds(value);
    raw_.timeout_ms = time == 0 ? 1 : time;
    return *this;
  }
  /// How often to try again after a failure. The function and its arguments are copied for each try: from here on the
  /// attributes are of another type, so that calls without retries need not be copyable.
  call<Callback, true> retries(std::uint32_t value) const {
    pool_call_t raw = raw_;
    raw.retries = value;
    return {raw, after_, callback_};
  }
  /// How long to wait before it may start.
  template <class Rep, class Period> call &delay(std::chrono::duration<Rep, Period> value) {
    raw_.delay_ms = detail::finite_milliseconds(value);
    return *this;
  }
  /// It starts when all of these have ended well. They must live until it was submitted.
  template <class... R> call &after(const future<R> &...futures) {
    (after_.push_back(futures.c_future()), ...);
    return *this;
  }
  template <class R> call &after(const std::vector<future<R>> &futures) {
    for (const auto &one : futures) {
      after_.push_back(one.c_future());
    }
    return *this;
  }
  /// Cancelled with all others of that token.
  call &cancel(const millpond::token &value) {
    raw_.cancel = value.c_token();
    return *this;
  }
  call &token(const millpond::token &value) {
    return cancel(value);
  }
  call &group(const millpond::group &value) {
    raw_.group = value.c_group();
    return *this;
  }
  /// Called once with the outcome, where the option `callbacks` of the pool says: with a `millpond::result<R>`, however
  /// the task has ended; or, if it takes no such thing, with the value, and only if there is one. It must not throw.
  ///
  ///     std::vector<long> sums; // No lock: callbacks are never two at a time.
  ///     pool.post(millpond::with().callback([&](long sum) { sums.push_back(sum); }), add_up, 1000);
  template <class F> call<std::decay_t<F>, Repeats> callback(F &&f) const {
    return {raw_, after_, std::forward<F>(f)};
  }

  /// The attributes as the C interface has them; valid while this object is, and not changed.
  pool_call_t c_call() const {
    pool_call_t raw = raw_;
    raw.after = after_.empty() ? nullptr : after_.data();
    raw.after_count = after_.size();
    return raw;
  }
  const Callback &callback() const noexcept {
    return callback_;
  }
  using callback_type = Callback;
  static constexpr bool repeats = Repeats;
  static constexpr bool has_callback = !std::is_same_v<Callback, detail::no_callback>;

private:
  pool_call_t raw_ = POOL_CALL_INIT;
  std::vector<pool_future_t *> after_;
  Callback callback_{};
};

/// Begins the attributes of a call.
inline call<> with() {
  return {};
}

namespace detail {
template <class T> constexpr bool is_call = std::is_base_of_v<call_tag, std::decay_t<T>>;
} // namespace detail

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
