// millpond/then.hpp: calls that follow others.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_THEN_HPP
#define MILLPOND_THEN_HPP

#include <millpond/map.hpp>
#include <millpond/remote.hpp>

#include <tuple>
#include <vector>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// What a function makes of the result of a future.
template <class F, class R> struct next_type {
  using type = result_of<F, R>;
};
template <class F> struct next_type<F, void> {
  using type = result_of<F>;
};
template <class F, class R> using next_of = typename next_type<F, R>::type;

/// A function with the future whose result it takes, which has ended well when it is called.
template <class F, class R> struct chained {
  F f;
  future<R> before;
  decltype(auto) operator()(task &self) {
    if constexpr (std::is_void_v<R>) {
      before.get();
      return invoke_in(self, std::move(f));
    } else {
      return invoke_in(self, std::move(f), before.get());
    }
  }
};

/// The same in another process, where the argument is the bytes of the result.
template <class F, class R> std::int32_t run_chained(const void *arg, void *result, pool_task_t *raw) {
  using Next = next_of<F, R>;
  MILLPOND_TRY {
    task self(raw);
    F f = shared_function<F>::find(nullptr);
    const auto run = [&]() -> decltype(auto) {
      if constexpr (std::is_void_v<R>) {
        return invoke_in(self, f);
      } else if constexpr (fits_by_value<R>) {
        return invoke_in(self, f, R(*static_cast<const R *>(arg)));
      } else {
        reader in = reader_with_size(arg);
        return invoke_in(self, f, in.read<R>());
      }
    };
    if constexpr (fits_by_value<Next>) {
      run_into<Next>(result, run);
    } else {
      write_result<Next>(raw, run());
    }
    return self.code();
  }
  MILLPOND_CATCH_ALL {
    return tell_current(raw);
  }
}

template <class F, bool IsBare, class R> future<next_of<F, R>> then_remote(const future<R> &before) {
  using Next = next_of<F, R>;
  if constexpr (IsBare && travels<R> && travels<Next>) {
    pool_future_t *handle = nullptr;
    check(pool_future_then(before.c_future(), run_chained<F, R>, fits_by_value<Next> ? size_by_value<Next> : 0, nullptr,
                           nullptr, &handle));
    return future_maker::make<Next>(before.c_pool(), handle, nullptr, nullptr, true);
  } else {
    raise(POOL_ERR_UNSUPPORTED,
          "in processes what follows a task is a lambda that captures nothing, and its result can go "
          "to another process");
  }
}

/// Whether something can follow a future in its pool: POOL_ERR_INVALID if so, as no function is given, else why not. The pool
/// may be gone: the future alone knows, as another one may have its address.
inline std::int32_t follow_nothing(pool_future_t *before) noexcept {
  pool_future_t *none = nullptr;
  return pool_future_then(before, nullptr, 0, nullptr, nullptr, &none);
}

/// Where something that only waits and collects is run: in the pool itself, or beside one that has processes or is closed.
inline pool_t *pool_for_waiting(const future_base *first) {
  pool_t *host = first == nullptr ? nullptr : first->c_pool();
  if (host == nullptr || follow_nothing(first->c_future()) != POOL_ERR_INVALID || is_remote(host)) {
    host = pool_default();
    if (host == nullptr) {
      raise(POOL_ERR_SYSTEM, pool_last_error());
    }
    if (is_remote(host)) {
      raise(POOL_ERR_UNSUPPORTED,
            "what waits for several futures runs on a thread, but the default pool has processes");
    }
  }
  return host;
}

} // namespace detail

template <class R> template <class F> auto future<R>::then(F &&f) && {
  using function = std::decay_t<F>;
  using N = detail::next_of<function, R>;
  future<N> next;
  // Asked before anything is made of the function: GCC forgets in C++17 that a lambda is trivially copyable, once something
  // has looked whether it can be assigned.
  constexpr bool is_bare = std::is_empty_v<function> && std::is_trivially_copyable_v<function>;
  if (this->valid() && this->c_pool() == nullptr) {
    detail::raise(POOL_ERR_INVALID, "what was spawned is in no pool in which something could follow it");
  }
  const std::int32_t open = detail::follow_nothing(this->c_future());
  if (open != POOL_ERR_INVALID) {
    detail::raise(open, pool_last_error());
  }
  if (detail::is_remote(this->c_pool())) {
    next = detail::then_remote<function, is_bare>(*this);
    this->reset();
    return next;
  }
  pool_t *const host = this->c_pool();
  const call<> how = with().after(*this);
  using B = detail::bound<detail::chained<function, R>>;
  using C = detail::call_cell<B, detail::no_callback, false>;
  auto *const block = new C(B{{std::forward<F>(f), std::move(*this)}, {}}, {});
  pool_call_t raw = how.c_call();
  raw.fn = C::run;
  raw.arg = block;
  void *slot = &block->slot;
  if constexpr (detail::fits_by_value<N>) {
    raw.result_size = detail::size_by_value<N>;
    slot = nullptr;
  }
  block->share();
  const std::int32_t status = detail::submit_cell<N, detail::no_callback>(host, false, raw, block, slot, next);
  if (status != POOL_OK) {
    const std::string sentence = pool_last_error();
    *this = std::move(block->bound->f.before);
    detail::cell::let_go(block);
    detail::raise(status, sentence);
  }
  detail::cell::let_go(block);
  return next;
}

/// A future of the results of all: it is ready when the last of them is, and fails as soon as one of them fails. Takes
/// the futures over. What collects runs in the pool of the first, or in the default pool if that has processes or is closed.
///
///     std::vector<int> all = millpond::when_all(std::move(futures)).get();
template <class R> auto when_all(std::vector<future<R>> futures) {
  const auto collect = [](std::vector<future<R>> &ended) {
    if constexpr (std::is_void_v<R>) {
      for (auto &one : ended) {
        one.get();
      }
    } else {
      std::vector<R> values;
      values.reserve(ended.size());
      for (auto &one : ended) {
        values.push_back(one.get());
      }
      return values;
    }
  };
  future<decltype(collect(futures))> whole;
  pool_t *const host = detail::pool_for_waiting(futures.empty() ? nullptr : &futures.front());
  const call<> how = with().after(futures);
  auto bound = detail::bind_call([collect, all = std::move(futures)]() mutable { return collect(all); });
  detail::check(detail::submit_here(host, &how, std::move(bound), whole));
  return whole;
}

/// As above, for futures of different types: of their results as a tuple, without those that have none.
template <class... R> auto when_all(future<R>... futures) {
  static_assert(sizeof...(R) > 0 && (!std::is_void_v<R> && ...), "millpond: when_all() wants futures with results");
  future<std::tuple<R...>> whole;
  pool_t *const host = detail::pool_for_waiting(&std::get<0>(std::tie(futures...)));
  const call<> how = with().after(futures...);
  auto bound = detail::bind_call([all = std::tuple<future<R>...>(std::move(futures)...)]() mutable {
    return std::apply([](auto &...one) { return std::tuple<R...>{one.get()...}; }, all);
  });
  detail::check(detail::submit_here(host, &how, std::move(bound), whole));
  return whole;
}

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
