// millpond/coroutine.hpp: coroutines that wait for tasks. C++20.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_COROUTINE_HPP
#define MILLPOND_COROUTINE_HPP

#include <millpond/pool.hpp>

#if defined(__cpp_impl_coroutine) && __has_include(<coroutine>)
#define MILLPOND_COROUTINES 1

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <memory>
#include <mutex>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// Does nothing: what is wanted is its callback.
inline std::int32_t do_nothing(const void * /*arg*/, void * /*result*/, pool_task_t * /*task*/) {
  return POOL_OK;
}

/// Goes on with a coroutine, where callbacks run. What a coroutine throws goes to its own waiters.
inline void go_on(const pool_result_t * /*outcome*/, void *user_data) noexcept {
  std::coroutine_handle<>::from_address(user_data).resume();
}

/// What `co_await future` does.
template <class R> class future_awaiter {
public:
  explicit future_awaiter(future<R> &&awaited) noexcept : future_(std::move(awaited)) {}
  bool await_ready() const {
    return future_.ready();
  }
  /// Something that follows the task has a callback, which is called however the task ends. Where nothing can be submitted
  /// any more, this thread waits instead.
  bool await_suspend(std::coroutine_handle<> waiting) {
    if (pool_future_then(future_.c_future(), do_nothing, 0, go_on, waiting.address(), nullptr) == POOL_OK) {
      return true; // Perhaps it goes on already: nothing here may be touched.
    }
    future_.wait();
    return false;
  }
  R await_resume() {
    return future_.get();
  }

private:
  future<R> future_;
};

} // namespace detail

/// Waits for a task in a coroutine: the value is what get() returns, or it throws what get() throws. The coroutine goes on
/// where the callbacks of the task's pool run: one at a time on its threads, so that what several coroutines share needs no
/// lock; with polled callbacks inside pool::poll(), on the thread that calls it.
///
///     millpond::coroutine<int> both(millpond::pool &pool) {
///       auto first = pool.submit(fetch, 1); // they run at the same time
///       auto second = pool.submit(fetch, 2);
///       co_return co_await std::move(first) + co_await std::move(second);
///     }
template <class R> detail::future_awaiter<R> operator co_await(future<R> &&awaited) {
  return detail::future_awaiter<R>(std::move(awaited));
}
template <class R> detail::future_awaiter<R> operator co_await(future<R> &awaited) {
  return detail::future_awaiter<R>(std::move(awaited));
}

namespace detail {

/// What a coroutine and its owner share: it outlives the coroutine's frame.
template <class T> struct coroutine_state {
  std::mutex lock;
  std::condition_variable changed;
  bool done = false;
  std::coroutine_handle<> waiting;
  std::optional<value_of<T>> value;
#if MILLPOND_EXCEPTIONS
  std::exception_ptr exception;
#endif

  /// Who goes on now.
  std::coroutine_handle<> finish() {
    const std::lock_guard<std::mutex> guard(lock);
    done = true;
    changed.notify_all();
    return waiting ? waiting : std::noop_coroutine();
  }
  /// False if it has ended.
  bool wait_by(std::coroutine_handle<> other) {
    const std::lock_guard<std::mutex> guard(lock);
    if (!done) {
      waiting = other;
    }
    return !done;
  }
  T take() {
#if MILLPOND_EXCEPTIONS
    if (exception) {
      std::rethrow_exception(exception);
    }
#endif
    if constexpr (!std::is_void_v<T>) {
      return std::move(*value);
    }
  }
};

template <class T> struct coroutine_promise_base {
  std::shared_ptr<coroutine_state<T>> state = std::make_shared<coroutine_state<T>>();

  std::suspend_never initial_suspend() const noexcept {
    return {};
  }
  struct last {
    bool await_ready() const noexcept {
      return false;
    }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const std::shared_ptr<coroutine_state<T>> left = std::move(ended.promise().state);
      ended.destroy();
      return left->finish();
    }
    void await_resume() const noexcept {}
  };
  last final_suspend() const noexcept {
    return {};
  }
  void unhandled_exception() noexcept {
#if MILLPOND_EXCEPTIONS
    state->exception = std::current_exception();
#endif
  }
};

template <class T> struct coroutine_promise;

} // namespace detail

/// A coroutine that returns a T. It runs at once, until it waits for something; its end may be awaited by another coroutine,
/// or waited for by get(). Dropping it does not stop it. Move-only.
template <class T> class [[nodiscard]] coroutine {
public:
  using promise_type = detail::coroutine_promise<T>;

  explicit coroutine(std::shared_ptr<detail::coroutine_state<T>> state) noexcept : state_(std::move(state)) {}
  coroutine(coroutine &&) noexcept = default;
  coroutine &operator=(coroutine &&) noexcept = default;

  /// Whether it has ended.
  bool done() const {
    const std::lock_guard<std::mutex> guard(state_->lock);
    return state_->done;
  }
  /// Blocks until it has ended, and returns what it returns or throws what it throws; once. With polled callbacks call
  /// pool::poll() until done(): it goes on nowhere else.
  T get() {
    {
      const blocking section; // In a task: another may have the place.
      std::unique_lock<std::mutex> guard(state_->lock);
      state_->changed.wait(guard, [this] { return state_->done; });
    }
    return state_->take();
  }

  /// For co_await.
  bool await_ready() const {
    return done();
  }
  bool await_suspend(std::coroutine_handle<> other) {
    return state_->wait_by(other);
  }
  T await_resume() {
    return state_->take();
  }

private:
  std::shared_ptr<detail::coroutine_state<T>> state_;
};

namespace detail {

template <class T> struct coroutine_promise : coroutine_promise_base<T> {
  coroutine<T> get_return_object() {
    return coroutine<T>(this->state);
  }
  template <class U> void return_value(U &&value) {
    this->state->value.emplace(std::forward<U>(value));
  }
};
template <> struct coroutine_promise<void> : coroutine_promise_base<void> {
  coroutine<void> get_return_object() {
    return coroutine<void>(state);
  }
  void return_void() const noexcept {}
};

/// What `co_await pool.schedule()` does: the coroutine goes on as a task.
class schedule_awaiter {
public:
  explicit schedule_awaiter(pool_t *host) noexcept : host_(host) {}
  bool await_ready() const noexcept {
    return false;
  }
  void await_suspend(std::coroutine_handle<> waiting) {
    if (is_remote(host_)) {
      raise(POOL_ERR_UNSUPPORTED, "a coroutine cannot go on in another process");
    }
    waiting_ = waiting;
    schedule_awaiter *const self = this;
    pool_call_t raw = POOL_CALL_INIT;
    raw.fn = run;
    raw.arg = &self;
    raw.arg_size = sizeof self;
    raw.callback = ended;
    raw.user_data = self;
    check(pool_submit(host_, &raw, 1, nullptr)); // Perhaps it goes on already: nothing here may be touched.
  }
  void await_resume() const {
    if (status_ != POOL_OK) {
      raise(status_, "the pool has ended before the coroutine could go on in it");
    }
  }

private:
  static std::int32_t run(const void *arg, void * /*result*/, pool_task_t *raw) noexcept {
    const task self(raw);
    (*static_cast<schedule_awaiter *const *>(arg))->waiting_.resume();
    return POOL_OK;
  }
  /// A task that has never run is told to nobody else.
  static void ended(const pool_result_t *outcome, void *user_data) noexcept {
    if (outcome->status != POOL_OK) {
      auto *const self = static_cast<schedule_awaiter *>(user_data);
      self->status_ = outcome->status;
      self->waiting_.resume();
    }
  }
  pool_t *host_;
  std::coroutine_handle<> waiting_;
  std::int32_t status_ = POOL_OK;
};

/// What `co_await pool.sleep_for()` does.
class sleep_awaiter {
public:
  sleep_awaiter(pool_t *host, std::int64_t time_ms) noexcept : host_(host), time_ms_(time_ms) {}
  bool await_ready() const noexcept {
    return time_ms_ == 0;
  }
  void await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    pool_call_t raw = POOL_CALL_INIT;
    raw.fn = do_nothing;
    raw.delay_ms = time_ms_;
    raw.callback = ended;
    raw.user_data = this;
    check(pool_submit(host_, &raw, 1, nullptr));
  }
  void await_resume() const {
    if (status_ != POOL_OK) {
      raise(status_, "the pool has ended before the time was over");
    }
  }

private:
  static void ended(const pool_result_t *outcome, void *user_data) noexcept {
    auto *const self = static_cast<sleep_awaiter *>(user_data);
    self->status_ = outcome->status;
    self->waiting_.resume();
  }
  pool_t *host_;
  std::int64_t time_ms_;
  std::coroutine_handle<> waiting_;
  std::int32_t status_ = POOL_OK;
};

} // namespace detail

template <class Where> auto basic_pool<Where>::schedule() {
  return detail::schedule_awaiter(c_pool());
}
template <class Where>
template <class Rep, class Period>
auto basic_pool<Where>::sleep_for(std::chrono::duration<Rep, Period> time) {
  return detail::sleep_awaiter(c_pool(), detail::finite_milliseconds(time));
}

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
#endif
