// millpond/hooks.hpp: what is run at the beginning and the end of workers.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_HOOKS_HPP
#define MILLPOND_HOOKS_HPP

#include <millpond/thrown.hpp>

#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// Initializers and finalizers that are more than functions of C, with what the functions of C beside them are passed.
class hooks {
public:
  using initializer_fn = std::function<std::int32_t(std::uint32_t)>;
  using finalizer_fn = std::function<void(std::uint32_t)>;

  hooks(initializer_fn initializer, finalizer_fn finalizer, const pool_options_t &beside)
      : initializer_(std::move(initializer)), finalizer_(std::move(finalizer)), beside_(beside) {}
  hooks(const hooks &) = delete;
  hooks &operator=(const hooks &) = delete;
  ~hooks() {
    for (const std::int32_t code : thrown_) {
      drop_thrown(code);
    }
  }
  /// Sets the functions of C that call these, which must live as long as the pool.
  void put_into(pool_options_t &raw) {
    raw.worker_data = this;
    if (initializer_ || beside_.initializer != nullptr) {
      raw.initializer = initialize;
    }
    if (finalizer_ || beside_.finalizer != nullptr) {
      raw.finalizer = finalize;
    }
    if (beside_.fork_fn != nullptr) {
      raw.fork_fn = [](void *data) noexcept { return of(data).beside_.fork_fn(of(data).beside_.worker_data); };
    }
    if (beside_.reseed != nullptr) {
      raw.reseed = [](std::uint64_t seed, void *data, std::uint32_t worker) noexcept {
        of(data).beside_.reseed(seed, of(data).beside_.worker_data, worker);
      };
    }
  }
  /// Any function that takes a worker's number, or nothing.
  template <class F> static auto call(F &f, std::uint32_t worker) {
    if constexpr (std::is_invocable_v<F &, std::uint32_t>) {
      return f(worker);
    } else {
      static_assert(std::is_invocable_v<F &>,
                    "millpond: an initializer or a finalizer takes the number of its worker, or nothing");
      return f();
    }
  }

private:
  static hooks &of(void *data) noexcept {
    return *static_cast<hooks *>(data);
  }
  static std::int32_t initialize(void *data, std::uint32_t worker) {
    hooks &here = of(data);
    MILLPOND_TRY {
      if (here.initializer_) {
        return here.initializer_(worker);
      }
      return here.beside_.initializer(here.beside_.worker_data, worker);
    }
    MILLPOND_CATCH_ALL {
      return here.keep();
    }
  }
  static void finalize(void *data, std::uint32_t worker) noexcept {
    hooks &here = of(data);
    if (here.finalizer_) {
      here.finalizer_(worker);
    } else {
      here.beside_.finalizer(here.beside_.worker_data, worker);
    }
  }
  /// The code for what was thrown: in the pool's own process by which it is found, elsewhere none that says more than its
  /// sentence on stderr.
  std::int32_t keep() noexcept {
#if MILLPOND_EXCEPTIONS
    try {
      if (::getpid() == owner_) {
        const std::lock_guard<std::mutex> guard(lock_);
        thrown_.push_back(POOL_OK); // First: when it throws, nothing is kept that nobody would drop.
        return thrown_.back() = thrown_table::here().keep(std::current_exception());
      }
      std::fprintf(stderr, "millpond: an initializer has thrown %s\n", describe_current().c_str());
    } catch (...) { // No memory: there is only the code.
    }
#endif
    return 1;
  }

  initializer_fn initializer_;
  finalizer_fn finalizer_;
  pool_options_t beside_;
  pid_t owner_ = ::getpid();
  std::mutex lock_;
  std::vector<std::int32_t> thrown_;
};

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
