// millpond/task.hpp: a running task, as its function sees it.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_TASK_HPP
#define MILLPOND_TASK_HPP

#include <millpond/thrown.hpp>

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {

class task;

namespace detail {
/// The task that the calling thread runs; of those that run on top of each other, the topmost.
inline thread_local task *current_task = nullptr;
} // namespace detail

/// The running task. A function that is submitted gets it if it takes a `millpond::task &` as its first parameter;
/// this_task() is the same without the parameter. It is valid until the function returns, on the thread that runs it.
///
///     auto words = pool.submit([](millpond::task &self, int n) {
///       for (int i = 0; i < n && !self.cancelled(); i++) self.progress(i, n);
///       return n;
///     }, 1000);
class task {
public:
  explicit task(pool_task_t *raw) noexcept : raw_(raw), before_(detail::current_task) {
    detail::current_task = this;
  }
  ~task() {
    detail::current_task = before_;
  }
  task(const task &) = delete;
  task &operator=(const task &) = delete;

  /// The number of the item in a map, else 0.
  std::size_t index() const noexcept {
    return raw_->index;
  }
  /// The number of the worker; POOL_NO_WORKER on a thread that helps.
  std::uint32_t worker() const noexcept {
    return raw_->worker;
  }
  /// 1 the first time, 2 when the task is tried again, and so on.
  std::uint32_t attempt() const noexcept {
    return raw_->attempt;
  }
  /// Whether the task has been asked to stop. Cheap.
  bool cancelled() const noexcept {
    return pool_task_cancelled(raw_) == 1;
  }
  /// Says how far the task has come, for future::progress(). Cheap. Not in maps, whose items are counted.
  void progress(std::uint64_t done, std::uint64_t total) {
    detail::check(pool_task_progress(raw_, done, total));
  }
  /// Makes the task fail with a code of its own, from 1 to 0x3ffffffe, once it returns: waiters get a task_error. For
  /// programs without exceptions; with them, throw.
  void fail(std::int32_t code, const std::string &message = {}) {
    code_ = pool_task_fail(raw_, code > 0 && code < task_error::thrown_elsewhere ? code : 1, message.c_str());
  }
  /// The C interface's task, for its functions.
  pool_task_t *c_task() const noexcept {
    return raw_;
  }

  /// Runs two functions, perhaps at the same time, and returns when both have ended: see millpond::join().
  template <class F, class G> auto join(F &&f, G &&g);

  /// Private: what the function that the library calls is to return.
  std::int32_t code() const noexcept {
    return code_;
  }

private:
  pool_task_t *raw_;
  task *before_;
  std::int32_t code_ = POOL_OK;
};

/// The task that the calling thread runs. Outside of tasks there is none, nor in a child that a task forks: NULL.
inline task *this_task() noexcept {
  return detail::current_task;
}

/// While it lives, the calling task may block, on a network, a disk or another program, and a spare worker runs others
/// in its place. Where no section can be had (in worker processes; when too many block) the task keeps its place.
///
///     {
///       millpond::blocking section;
///       got = ::read(socket, buffer, sizeof buffer);
///     }
class blocking {
public:
  blocking() noexcept : begun_(pool_blocking_begin(nullptr) == POOL_OK) {}
  ~blocking() {
    if (begun_) {
      pool_blocking_end(nullptr);
    }
  }
  blocking(const blocking &) = delete;
  blocking &operator=(const blocking &) = delete;

private:
  bool begun_;
};

namespace detail {

/// How a function is called: with the task in front if it wants it.
template <class F, class... Args> constexpr bool takes_plain = std::is_invocable_v<F, Args...>;
template <class F, class... Args>
constexpr bool takes_task = !takes_plain<F, Args...> && std::is_invocable_v<F, task &, Args...>;
template <class F, class... Args> constexpr bool callable = takes_plain<F, Args...> || takes_task<F, Args...>;

template <class T> struct same {
  using type = T;
};
template <class F, class... Args> auto result_type() {
  static_assert(callable<F, Args...>,
                "millpond: the function cannot be called with these arguments. They are copied or "
                "moved into the call, and arrive as rvalues; in front of them it may take a millpond::task &");
  if constexpr (takes_plain<F, Args...>) {
    return same<std::decay_t<std::invoke_result_t<F, Args...>>>();
  } else if constexpr (takes_task<F, Args...>) {
    return same<std::decay_t<std::invoke_result_t<F, task &, Args...>>>();
  } else {
    return same<void>();
  }
}
/// What a call makes, without reference and const; void stays void.
template <class F, class... Args> using result_of = typename decltype(result_type<F, Args...>())::type;

template <class F, class... Args> constexpr bool never_throws() {
#if !MILLPOND_EXCEPTIONS
  return true;
#else
  if constexpr (takes_plain<F, Args...>) {
    return std::is_nothrow_invocable_v<F, Args...>;
  } else {
    return std::is_nothrow_invocable_v<F, task &, Args...>;
  }
#endif
}

template <class F, class... Args> decltype(auto) invoke_in(task &self, F &&f, Args &&...args) {
  if constexpr (takes_plain<F, Args...>) {
    (void)self;
    return std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
  } else {
    return std::invoke(std::forward<F>(f), self, std::forward<Args>(args)...);
  }
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
