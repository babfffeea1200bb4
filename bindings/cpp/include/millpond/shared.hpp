// millpond/shared.hpp: memory that the program and all workers of a pool share.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_SHARED_HPP
#define MILLPOND_SHARED_HPP

#include <millpond/error.hpp>

#include <type_traits>
#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {

/// An array that the program and all workers of a pool share, at the same address: raw pointers into it go into tasks, and
/// maps over it work in place, without a copy. Zeroed at first. Move-only; it must not live longer than its pool.
///
///     millpond::shared_array<double> data(pool, 1000000);
///     pool.for_each(0, 1000, [d = data.data()](int i) { d[i] = work(i); });
template <class T> class shared_array {
public:
  static_assert(std::is_trivially_copyable_v<T>, "millpond: what processes share must be trivially copyable");

  template <class Pool> shared_array(const Pool &host, std::size_t count) : pool_(host.c_pool()), size_(count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) {
      detail::raise(POOL_ERR_NO_MEMORY, "there is no memory for so many elements");
    }
    data_ = static_cast<T *>(pool_shared_alloc(pool_, count == 0 ? 1 : count * sizeof(T)));
    if (data_ == nullptr) {
      detail::raise(POOL_ERR_NO_MEMORY, pool_last_error());
    }
  }
  shared_array(shared_array &&other) noexcept
      : pool_(other.pool_), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  shared_array &operator=(shared_array &&other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~shared_array() {
    if (data_ != nullptr) {
      pool_shared_free(pool_, data_);
    }
  }
  T *data() const noexcept {
    return data_;
  }
  std::size_t size() const noexcept {
    return size_;
  }
  T *begin() const noexcept {
    return data_;
  }
  T *end() const noexcept {
    return data_ + size_;
  }
  T &operator[](std::size_t index) const {
    return data_[index];
  }

private:
  pool_t *pool_;
  T *data_ = nullptr;
  std::size_t size_;
};

/// One value that the program and all workers of a pool share; get() goes into tasks.
template <class T> class shared {
public:
  template <class Pool> explicit shared(const Pool &host, const T &value = T()) : one_(host, 1) {
    one_[0] = value;
  }
  T *get() const noexcept {
    return one_.data();
  }
  T &operator*() const noexcept {
    return one_[0];
  }
  T *operator->() const noexcept {
    return one_.data();
  }

private:
  shared_array<T> one_;
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
