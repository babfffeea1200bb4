// millpond/owner.hpp: objects of the C interface that are owned here, and used from anywhere.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_OWNER_HPP
#define MILLPOND_OWNER_HPP

#include <millpond/error.hpp>

#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// A handle that owns nothing and travels anywhere as it is.
template <class T> class ref_of {
public:
  ref_of() = default;
  explicit ref_of(T *handle) noexcept : handle_(handle) {}
  T *c_handle() const noexcept {
    return handle_;
  }

protected:
  T *handle_ = nullptr;
};

/// The one that frees it. Ref has the functions.
template <class Ref, class T, auto Free> class owner : public Ref {
public:
  owner(owner &&other) noexcept : Ref(other) {
    other.handle_ = nullptr;
  }
  owner &operator=(owner &&other) noexcept {
    std::swap(static_cast<Ref &>(*this), static_cast<Ref &>(other));
    return *this;
  }
  ~owner() {
    if (this->handle_ != nullptr) {
      (void)Free(this->handle_);
    }
  }
  /// What goes into tasks.
  Ref ref() const noexcept {
    return *this;
  }

protected:
  template <class Make> explicit owner(Make &&make) {
    T *made = nullptr;
    check(make(&made));
    this->handle_ = made;
  }
};

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
