// millpond/group.hpp: tasks that are waited for, and cancelled, as one; tokens that cancel.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_GROUP_HPP
#define MILLPOND_GROUP_HPP

#include <millpond/thrown.hpp>

#include <memory>

namespace millpond {
inline namespace MILLPOND_MODE {

namespace detail {
/// Gives a handle back by the C function that does so.
template <auto Release> struct releaser {
  template <class T> void operator()(T *handle) const noexcept {
    (void)Release(handle);
  }
};
template <class T, auto Release> using handle = std::unique_ptr<T, releaser<Release>>;
} // namespace detail

/// Tasks that are waited for, and cancelled, as one: those that were submitted `with().group(g)`. Move-only. Its end
/// gives it back and waits for nothing; the tasks go on.
///
///     millpond::group all;
///     for (const auto &path : paths) pool.post(millpond::with().group(all), index_file, path);
///     all.wait();
class group {
public:
  group() {
    pool_group_t *made = nullptr;
    detail::check(pool_group_create(&made));
    handle_.reset(made);
  }
  /// Waits until no task is in it. Throws what the first has thrown that has failed; the rest have ended, too.
  void wait() {
    finish(pool_group_wait(c_group(), -1));
  }
  /// As wait(), at most so long: whether all have ended.
  template <class Rep, class Period> bool wait_for(std::chrono::duration<Rep, Period> time) {
    const std::int32_t status = pool_group_wait(c_group(), detail::milliseconds(time));
    if (status == POOL_ERR_TIMEOUT) {
      return false;
    }
    finish(status);
    return true;
  }
  /// Waits, and returns the status in place of throwing.
  std::int32_t try_wait(std::chrono::milliseconds time = forever) noexcept {
    return pool_group_wait(c_group(), detail::milliseconds(time));
  }
  /// Cancels all tasks in it, and what is submitted into it until a wait has seen it empty.
  void cancel() {
    detail::check(pool_group_cancel(c_group()));
  }
  pool_group_t *c_group() const noexcept {
    return handle_.get();
  }

private:
  static void finish(std::int32_t status) {
    if (status != POOL_OK) {
      detail::raise_of_task(status, pool_last_error());
    }
  }
  detail::handle<pool_group_t, pool_group_release> handle_;
};

/// Cancels all calls that were submitted `with().token(t)`: those that run are asked to stop (task::cancelled()), and what
/// is submitted with it later never starts. Move-only.
class token {
public:
  token() {
    pool_token_t *made = nullptr;
    detail::check(pool_token_create(&made));
    handle_.reset(made);
  }
  void cancel() {
    detail::check(pool_token_cancel(c_token()));
  }
  bool cancelled() const {
    return detail::checked(pool_token_cancelled(c_token())) == 1;
  }
  pool_token_t *c_token() const noexcept {
    return handle_.get();
  }

private:
  detail::handle<pool_token_t, pool_token_release> handle_;
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
