// millpond/broadcast.hpp: something that every worker does once.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_BROADCAST_HPP
#define MILLPOND_BROADCAST_HPP

#include <millpond/map.hpp>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// A broadcast under way on threads: each worker calls a copy, and puts its result down here.
template <class B> struct broadcast_frame {
  using R = typename B::result;
  explicit broadcast_frame(B &&call) : bound(std::move(call)) {}
  B bound;
  std::mutex lock;
  std::vector<value_of<R>> results;
  thrown_items thrown;

  static std::int32_t run(const void *arg, void * /*result*/, pool_task_t *raw) {
    auto &here = *static_cast<broadcast_frame *>(const_cast<void *>(arg));
    MILLPOND_TRY {
      task self(raw);
      B copy(here.bound);
      if constexpr (std::is_void_v<R>) {
        copy(self);
      } else {
        auto value = copy(self);
        const std::lock_guard<std::mutex> guard(here.lock);
        here.results.push_back(std::move(value));
      }
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      return here.thrown.keep(raw);
    }
  }
};

template <class B> list_of<typename B::result> broadcast_here(pool_t *host, B &&bound) {
  broadcast_frame<B> frame(std::move(bound));
  const std::int32_t status = pool_broadcast(host, frame.run, &frame, 0, nullptr, 0, nullptr, 0);
  if (status != POOL_OK) {
    map_failed(status);
  }
  if constexpr (!std::is_void_v<typename B::result>) {
    return std::move(frame.results);
  }
}

template <class B> list_of<typename B::result> broadcast_remote(pool_t *host, const B &bound) {
  using R = typename B::result;
  if constexpr (!call_travels<B>::whole || !fits_by_value<R>) {
    raise(POOL_ERR_UNSUPPORTED,
          "a broadcast to processes returns something trivially copyable, or nothing, and takes what "
          "can go to another process");
  } else {
    pool_call_t raw = POOL_CALL_INIT;
    std::string bytes;
    fill_remote(raw, bound, bytes);
    if constexpr (std::is_void_v<R>) {
      check(pool_broadcast(host, raw.fn, raw.arg, raw.arg_size, nullptr, 0, nullptr, 0));
    } else {
      static_assert(std::is_default_constructible_v<R>, "millpond: results of a broadcast need a default constructor");
      for (;;) {
        std::vector<R> results(static_cast<std::size_t>(checked(pool_workers(host))));
        const std::int32_t status =
            pool_broadcast(host, raw.fn, raw.arg, raw.arg_size, results.data(), sizeof(R), nullptr, results.size());
        if (status == POOL_ERR_SIZE && results.size() < static_cast<std::size_t>(checked(pool_workers(host)))) {
          continue; // The pool has grown meanwhile.
        }
        check(status);
        return results;
      }
    }
  }
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
