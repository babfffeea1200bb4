// millpond/periodic.hpp: calls that are made again and again.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_PERIODIC_HPP
#define MILLPOND_PERIODIC_HPP

#include <millpond/group.hpp>
#include <millpond/remote.hpp>

#include <memory>

namespace millpond {
inline namespace MILLPOND_MODE {

/// A call that is made again and again, at a fixed rate; from pool::every(). Its end cancels it, and waits for a run that
/// is under way: so what the function captures by reference need live no longer. Move-only.
template <class R> class periodic {
public:
  /// Private: pool::every().
  periodic(pool_periodic_t *handle, std::unique_ptr<detail::cell> block) noexcept
      : block_(std::move(block)), handle_(handle) {}
  periodic(periodic &&) noexcept = default;
  periodic &operator=(periodic &&other) noexcept {
    if (this != &other) {
      finish();
      block_ = std::move(other.block_);
      handle_ = std::move(other.handle_);
    }
    return *this;
  }
  ~periodic() {
    finish();
  }
  /// Ends it: there are no more runs. Does not wait. Whether it had not ended.
  bool cancel() {
    return detail::checked(pool_periodic_cancel(handle_.get())) == 1;
  }
  /// Waits until it has ended. Throws why, unless it was cancelled: what the last run has thrown, closed, terminated.
  void wait() {
    const std::int32_t status = pool_periodic_wait(handle_.get(), -1);
    if (status != POOL_ERR_CANCELLED) {
      detail::raise_of_task(status, pool_last_error());
    }
  }
  /// Whether it has ended, in time; status() tells why.
  template <class Rep, class Period> bool wait_for(std::chrono::duration<Rep, Period> time) {
    return pool_periodic_wait(handle_.get(), detail::milliseconds(time)) != POOL_ERR_TIMEOUT;
  }
  /// Why it has ended; POOL_ERR_TIMEOUT while it goes on.
  std::int32_t status() const noexcept {
    return pool_periodic_wait(handle_.get(), 0);
  }
  /// How many runs have ended.
  std::int64_t runs() const {
    return detail::checked(pool_periodic_runs(handle_.get()));
  }
  /// The result of the last run that has ended well; throws `timeout` if there is none yet.
  R last() const {
    if constexpr (std::is_void_v<R>) {
      detail::check(pool_periodic_get(handle_.get(), nullptr, 0));
    } else {
      alignas(R) unsigned char bytes[sizeof(R)];
      detail::check(pool_periodic_get(handle_.get(), bytes, sizeof bytes));
      return *reinterpret_cast<R *>(bytes);
    }
  }

private:
  void finish() noexcept {
    if (handle_ == nullptr) {
      return;
    }
    pool_periodic_cancel(handle_.get());
    const std::int32_t status = pool_periodic_wait(handle_.get(), -1);
    if (status == POOL_ERR_DEADLOCK || status == POOL_ERR_FORKED) {
      block_.release(); // In its own run it cannot be freed, nor waited for.
    }
    handle_.reset();
  }
  std::unique_ptr<detail::cell> block_;
  detail::handle<pool_periodic_t, pool_periodic_release> handle_;
};

namespace detail {

/// What the runs of a periodic call share.
template <class B> struct periodic_cell final : cell {
  using R = typename B::result;
  explicit periodic_cell(B &&call) : bound(std::move(call)) {}
  ~periodic_cell() override {
    drop_thrown(thrown);
  }
  B bound;
  std::int32_t thrown = POOL_OK;

  static std::int32_t run(const void *arg, void *result, pool_task_t *raw) {
    auto &here = *static_cast<periodic_cell *>(const_cast<void *>(arg));
    MILLPOND_TRY {
      task self(raw);
      B copy(here.bound);
      run_into<R>(result, [&]() -> decltype(auto) { return copy(self); });
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      drop_thrown(here.thrown);
      here.thrown = keep_current(raw);
      return here.thrown;
    }
  }
};

template <class How, class B>
auto start_periodic(pool_t *host, bool remote, const How *how, std::int64_t period_ms, B &&bound) {
  using R = typename B::result;
  static_assert(fits_by_value<R>, "millpond: a periodic call returns something trivially copyable, or nothing");
  static_assert(!How::has_callback, "millpond: a periodic call has no callback: let it tell by itself");
  static_assert(std::is_copy_constructible_v<B>, "millpond: a periodic call is copied for each run");
  pool_call_t raw = how != nullptr ? how->c_call() : pool_call_t(POOL_CALL_INIT);
  std::string bytes;
  std::unique_ptr<cell> block;
  if (remote) {
    if constexpr (call_travels<B>::whole) {
      fill_remote(raw, bound, bytes);
    } else {
      cannot_travel();
    }
  } else {
    raw.fn = periodic_cell<B>::run;
    block = std::make_unique<periodic_cell<B>>(std::move(bound));
    raw.arg = block.get();
    raw.result_size = size_by_value<R>;
  }
  pool_periodic_t *handle = nullptr;
  check(pool_periodic_start(host, &raw, period_ms < 1 ? 1 : period_ms, &handle));
  return periodic<R>(handle, std::move(block));
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
