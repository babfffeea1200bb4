// millpond/join.hpp: fork-join inside a task.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_JOIN_HPP
#define MILLPOND_JOIN_HPP

#include <millpond/result.hpp>
#include <millpond/task.hpp>

#include <optional>
#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// Where a result is put: without a word about whether it is there, where its type allows that.
template <class T> struct place {
  static constexpr bool bare = std::is_trivially_default_constructible_v<T> && std::is_trivially_copyable_v<T>;
  std::conditional_t<bare, T, std::optional<T>> held{};
  template <class U> void put(U &&value) {
    held = std::forward<U>(value);
  }
  T take() {
    if constexpr (bare) {
      return held;
    } else {
      return std::move(*held);
    }
  }
};

/// A function that is run in place, for somebody who waits with it on the stack: result and exception go back to there.
template <class F, class... Args> struct errand {
  using R = result_of<F, Args...>;
  explicit errand(F &&function) : f(std::forward<F>(function)) {}
  F &&f;
  place<value_of<R>> result;
#if MILLPOND_EXCEPTIONS
  std::exception_ptr exception;
#endif

  static std::int32_t run(const void * /*arg*/, void *where, pool_task_t *raw) {
    auto &here = *static_cast<errand *>(where);
    MILLPOND_TRY {
      task self(raw);
      if constexpr (std::is_void_v<R>) {
        invoke_in(self, std::forward<F>(here.f));
      } else {
        here.result.put(invoke_in(self, std::forward<F>(here.f)));
      }
      return self.code();
    }
    MILLPOND_CATCH_ALL {
#if MILLPOND_EXCEPTIONS
      here.exception = std::current_exception();
#endif
      return task_error::thrown_elsewhere;
    }
  }
  /// As run(), for the functions that hand on an argument only.
  static std::int32_t apply(const void *arg, void * /*result*/, pool_task_t *raw) {
    return run(nullptr, const_cast<void *>(arg), raw);
  }
  void rethrow() const {
#if MILLPOND_EXCEPTIONS
    if (exception) {
      std::rethrow_exception(exception);
    }
#endif
  }
};

/// How an argument is handed to a function that is waited for, and that must not change it: one that has a name as const.
template <class T>
using lent = std::conditional_t<std::is_lvalue_reference_v<T>, const std::remove_reference_t<T> &, T &&>;
/// Whether a call with arguments that are lent is that with copies of them.
template <class F, class... Args> constexpr bool may_lend_to() {
  if constexpr (callable<F, lent<Args>...> && callable<std::decay_t<F>, std::decay_t<Args>...>) {
    return std::is_same_v<result_of<F, lent<Args>...>, result_of<std::decay_t<F>, std::decay_t<Args>...>>;
  } else {
    return false;
  }
}
template <class F, class... Args> constexpr bool may_lend = may_lend_to<F, Args...>();

/// Runs a function as a task of a pool of this process, and waits for it: nothing is copied, nothing allocated.
template <class F> auto run_errand(pool_t *host, F &f) {
  errand<F &> one(f);
  const std::int32_t status = pool_apply(host, errand<F &>::apply, &one, 0, nullptr, 0);
  if (status != POOL_OK) {
    one.rethrow();
    raise(status, pool_last_error());
  }
  if constexpr (!std::is_void_v<typename errand<F &>::R>) {
    return one.result.take();
  }
}

} // namespace detail

template <class F, class G> auto task::join(F &&f, G &&g) {
  detail::errand<F> a(std::forward<F>(f));
  detail::errand<G> b(std::forward<G>(g));
  const std::int32_t status =
      pool_join2(raw_, detail::errand<F>::run, nullptr, &a, detail::errand<G>::run, nullptr, &b);
  if (status != POOL_OK) {
    a.rethrow();
    b.rethrow();
    detail::raise(status, status > 0 ? "" : pool_last_error());
  }
  using A = typename detail::errand<F>::R;
  using B = typename detail::errand<G>::R;
  if constexpr (!std::is_void_v<A> || !std::is_void_v<B>) {
    return std::pair<detail::value_of<A>, detail::value_of<B>>(a.result.take(), b.result.take());
  }
}

/// Runs two functions, perhaps at the same time: the first here, the second on another worker if one is free, else here
/// after the first. Returns when both have ended, with their results as a pair, or nothing if neither has one. Inside a
/// task; it costs a few nanoseconds when nobody is free, so that a recursion needs no cut-off. (From outside it runs in
/// the default pool.) What they capture by reference lives until then. If one throws, this throws it; of two, what the
/// first has thrown.
///
///     long fib(int n) {
///       if (n < 2) return n;
///       auto [a, b] = millpond::join([=] { return fib(n - 1); }, [=] { return fib(n - 2); });
///       return a + b;
///     }
///
///     long rabbits = pool.apply(fib, 30);
///
/// A function may take its task, to hand it on: `self.join(f, g)` saves looking for it.
template <class F, class G> auto join(F &&f, G &&g) {
  if (task *const self = this_task()) {
    return self->join(std::forward<F>(f), std::forward<G>(g));
  }
  pool_t *const host = pool_default();
  if (host == nullptr) {
    detail::raise(POOL_ERR_SYSTEM, pool_last_error());
  }
  auto both = [&](task &self) { return self.join(std::forward<F>(f), std::forward<G>(g)); };
  return detail::run_errand(host, both);
}

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
