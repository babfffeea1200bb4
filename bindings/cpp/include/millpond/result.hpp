// millpond/result.hpp: a value, or why there is none.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_RESULT_HPP
#define MILLPOND_RESULT_HPP

#include <millpond/thrown.hpp>

#include <optional>
#include <string>
#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {

namespace detail {
struct nothing {};
template <class T> using value_of = std::conditional_t<std::is_void_v<T>, nothing, T>;

/// What is the same whatever the value's type is.
class result_base {
public:
  /// Whether there is a value.
  bool ok() const noexcept {
    return status_ == POOL_OK;
  }
  explicit operator bool() const noexcept {
    return ok();
  }
  /// POOL_OK, one of POOL_ERR_..., or the task's own code.
  std::int32_t status() const noexcept {
    return status_;
  }
  /// A sentence about the failure; "" if there is none.
  const std::string &message() const noexcept {
    return message_;
  }
#if MILLPOND_EXCEPTIONS
  /// What the task has thrown; NULL if it has thrown nothing.
  std::exception_ptr exception() const noexcept {
    return exception_;
  }
#endif
  /// Throws the failure, if there is one.
  void check() const {
    if (!ok()) {
#if MILLPOND_EXCEPTIONS
      if (exception_) {
        std::rethrow_exception(exception_);
      }
#endif
      raise(status_, message_);
    }
  }

protected:
  result_base() = default;
  result_base(std::int32_t status, std::string message) : status_(status), message_(std::move(message)) {
#if MILLPOND_EXCEPTIONS
    if (status_ >= thrown_table::first) {
      exception_ = thrown_table::here().look(status_);
    }
#endif
  }

private:
  std::int32_t status_ = POOL_OK;
  std::string message_;
#if MILLPOND_EXCEPTIONS
  std::exception_ptr exception_;
#endif
};
} // namespace detail

/// How a call or a task has ended: with a value, or with a status and a sentence. What try_ functions return, and what
/// callbacks are given.
///
///     millpond::result<int> r = future.try_get();
///     if (r.ok()) use(*r);
///     else std::cerr << r.message() << "\n";
template <class T> class result : public detail::result_base {
public:
  /// With a value.
  template <class... Args>
  explicit result(std::in_place_t, Args &&...args) : value_(std::in_place, std::forward<Args>(args)...) {}
  /// Without: `status` is not POOL_OK.
  result(std::int32_t status, std::string message) : result_base(status, std::move(message)) {}
  /// The value; throws the failure if there is none.
  T &value() & {
    check();
    return *value_;
  }
  const T &value() const & {
    check();
    return *value_;
  }
  T &&value() && {
    check();
    return std::move(*value_);
  }
  /// The value, which must be there.
  T &operator*() & {
    return *value_;
  }
  const T &operator*() const & {
    return *value_;
  }
  T &&operator*() && {
    return std::move(*value_);
  }
  T *operator->() {
    return &*value_;
  }
  const T *operator->() const {
    return &*value_;
  }

private:
  std::optional<T> value_;
};

/// Without a value: only whether all went well.
template <> class result<void> : public detail::result_base {
public:
  explicit result(std::in_place_t) {}
  result(std::int32_t status, std::string message) : result_base(status, std::move(message)) {}
  void value() const {
    check();
  }
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
