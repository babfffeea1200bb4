// millpond/local.hpp: values of each worker's own.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_LOCAL_HPP
#define MILLPOND_LOCAL_HPP

#include <millpond/error.hpp>

#include <functional>
#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {

/// Values of which each thread has its own, and each worker process: made when a task on it first asks, freed when the
/// worker ends. For scratch memory, random generators, connections. Make it before a pool of processes, and capture its
/// address (a trivially copyable pointer), or use a global. It must outlive the workers that have values.
///
///     millpond::local<std::mt19937> random([] { return std::mt19937(std::random_device()()); });
///     pool.map(tries, [&](int n) { return throw_dice(*random, n); });
template <class T> class local {
public:
  local() : local([] { return T(); }) {}
  explicit local(std::function<T()> make) : make_(std::move(make)), key_(pool_local_create(create, destroy, this)) {
    if (key_ == nullptr) {
      detail::raise(POOL_ERR_NO_MEMORY, pool_last_error());
    }
  }
  local(const local &) = delete;
  local &operator=(const local &) = delete;
  ~local() {
    pool_local_release(key_);
  }
  /// The calling thread's value. Cheap after the first time.
  T &get() const {
    auto *const value = static_cast<T *>(pool_local_get(key_));
    if (value == nullptr) {
#if MILLPOND_EXCEPTIONS
      if (failure()) {
        std::rethrow_exception(std::exchange(failure(), nullptr));
      }
#endif
      detail::raise(POOL_ERR_INTERNAL, pool_last_error());
    }
    return *value;
  }
  T &operator*() const {
    return get();
  }
  T *operator->() const {
    return &get();
  }

private:
  static void *create(void *user_data) {
    MILLPOND_TRY {
      return new T(static_cast<local *>(user_data)->make_());
    }
    MILLPOND_CATCH_ALL {
#if MILLPOND_EXCEPTIONS
      failure() = std::current_exception();
#endif
      return nullptr;
    }
  }
  static void destroy(void *value, void * /*user_data*/) {
    delete static_cast<T *>(value);
  }
#if MILLPOND_EXCEPTIONS
  static std::exception_ptr &failure() {
    static thread_local std::exception_ptr last;
    return last;
  }
#endif
  std::function<T()> make_;
  pool_local_t *key_;
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
