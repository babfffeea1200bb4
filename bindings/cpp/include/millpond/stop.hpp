// millpond/stop.hpp: calls that a std::stop_token cancels. C++20.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_STOP_HPP
#define MILLPOND_STOP_HPP

#include <millpond/future.hpp>

#if defined(__has_include) && __cplusplus >= 202002L
#if __has_include(<stop_token>)
#include <stop_token>
#endif
#endif

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

#ifdef __cpp_lib_jthread
#define MILLPOND_STOP_TOKENS 1

template <class T> constexpr bool is_stop_token = std::is_same_v<std::decay_t<T>, std::stop_token>;

/// Cancels a task when a stop is requested, as long as the task's future, or its orphan, is there. It stands before the
/// call's own cell.
class stop_cell final : public cell {
public:
  stop_cell(const std::stop_token &token, pool_future_t *handle, cell *own)
      : handle_(handle), own_(own), callback_(token, canceller{handle}) {}
  ~stop_cell() override {
    if (own_ == nullptr) {
      drop_thrown(pool_future_status(handle_));
    }
    cell::let_go(own_);
  }

private:
  struct canceller {
    pool_future_t *handle;
    void operator()() const noexcept {
      pool_future_cancel(handle);
    }
  };
  pool_future_t *handle_;
  cell *own_;
  std::stop_callback<canceller> callback_; // Gone first: its end waits for a call that is under way.
};

/// Lets a stop token cancel what was submitted.
struct stopping {
  template <class R> static future<R> join(const std::stop_token &token, future<R> &&started) {
    future_base &base = started;
    base.cell_ = new stop_cell(token, base.handle_, base.cell_);
    return std::move(started);
  }
};

#else

template <class T> constexpr bool is_stop_token = false;

#endif

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
