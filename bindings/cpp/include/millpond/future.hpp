// millpond/future.hpp: a handle on a submitted task, and its result.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_FUTURE_HPP
#define MILLPOND_FUTURE_HPP

#include <millpond/cell.hpp>
#include <millpond/forks.hpp>
#include <millpond/pack.hpp>
#include <millpond/result.hpp>

#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {

/// How far a task has come: so many of so many; 0 of 0 if it has said nothing.
struct progress {
  std::uint64_t done;
  std::uint64_t total;
};

template <class R> class future;

namespace detail {

/// Copies a result out of a cell that a callback reads, too; NULL where nobody does, and it may be moved.
using copy_slot_fn = std::int32_t (*)(const void *slot, void *into);

/// A handle on a task, with what has to be freed after its end. The part of a future that knows no type.
class future_base {
public:
  future_base() = default;
  future_base(future_base &&other) noexcept {
    swap(other);
  }
  future_base &operator=(future_base &&other) noexcept {
    future_base(std::move(other)).swap(*this);
    return *this;
  }
  ~future_base() {
    reset();
  }

  /// Whether there is a task: not after get(), or for a future that was moved from or made without one.
  bool valid() const noexcept {
    return handle_ != nullptr;
  }
  /// Whether the task has ended, however it did. Does not block.
  bool ready() const {
    return checked(pool_future_ready(handle_)) == 1;
  }
  /// Whether the task is running right now.
  bool running() const {
    return checked(pool_future_running(handle_)) == 1;
  }
  /// Whether the task has ended well.
  bool successful() const {
    return checked(pool_future_successful(handle_)) == 1;
  }
  /// POOL_OK, one of POOL_ERR_..., the task's own code; POOL_ERR_TIMEOUT while it has not ended. Does not block.
  std::int32_t status() const noexcept {
    return pool_future_status(handle_);
  }
  /// A sentence about the task's failure; "" if there is none, or not yet.
  std::string message() const {
    return pool_future_message(handle_);
  }
  /// Waits until the task has ended, however it did. This thread may run it, or others, meanwhile.
  void wait() const {
    check(pool_future_wait(handle_, -1));
  }
  /// As wait(), at most so long: whether the task has ended.
  template <class Rep, class Period> bool wait_for(std::chrono::duration<Rep, Period> time) const {
    const std::int32_t status = pool_future_wait(handle_, milliseconds(time));
    if (status != POOL_ERR_TIMEOUT) {
      check(status);
    }
    return status == POOL_OK;
  }
  template <class Clock, class Duration> bool wait_until(std::chrono::time_point<Clock, Duration> time) const {
    return wait_for(time - Clock::now());
  }
  /// As wait_for(), but returns the status in place of throwing: POOL_OK, POOL_ERR_TIMEOUT, _DEADLOCK and so on.
  std::int32_t try_wait(std::chrono::milliseconds time = forever) const noexcept {
    return pool_future_wait(handle_, milliseconds(time));
  }
  /// Cancels the task if it has not started, and asks it to stop if it runs. Whether it will not run.
  bool cancel() {
    return checked(pool_future_cancel(handle_)) == 1;
  }
  /// Ends the task now: kills its worker process. Throws POOL_ERR_UNSUPPORTED if it is running on a thread, which cannot
  /// be killed; it is asked to stop. Whether it had not ended.
  bool kill() {
    return checked(pool_future_kill(handle_)) == 1;
  }
  /// What the task has said last by task::progress(); of a map, how many items are done.
  millpond::progress progress() const {
    millpond::progress far{};
    check(pool_future_progress(handle_, &far.done, &far.total));
    return far;
  }
  /// The C interface's future, which stays this object's.
  pool_future_t *c_future() const noexcept {
    return handle_;
  }
  pool_t *c_pool() const noexcept {
    return pool_;
  }

protected:
  /// quiet: the task leaves nothing behind that must be freed.
  future_base(pool_t *host, pool_future_t *handle, cell *block, void *slot, bool quiet, copy_slot_fn copies) noexcept
      : pool_(host), handle_(handle), cell_(block), slot_(slot), quiet_(quiet), copy_(copies) {}
  void swap(future_base &other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(handle_, other.handle_);
    std::swap(cell_, other.cell_);
    std::swap(slot_, other.slot_);
    std::swap(quiet_, other.quiet_);
    std::swap(copy_, other.copy_);
  }
  /// Gives the handle of a task back that has ended well: so it has left nothing behind.
  void reset_well() noexcept {
    cell::let_go(std::exchange(cell_, nullptr));
    pool_future_release(std::exchange(handle_, nullptr));
  }
  /// Gives the handle back.
  void reset() noexcept {
    pool_future_t *const handle = std::exchange(handle_, nullptr);
    cell *const block = std::exchange(cell_, nullptr);
    if (handle == nullptr) {
      return;
    }
    if (quiet_ && block == nullptr) {
      pool_future_release(handle);
    } else if (pool_future_ready(handle) == 1) {
      orphans::done(handle, block);
    } else {
      orphans::here().adopt(handle, block);
    }
  }
  /// Throws why there is no result, whose status is not POOL_OK.
  [[noreturn]] void fail(std::int32_t status) {
    if (status == POOL_ERR_TIMEOUT || pool_future_ready(handle_) != 1) {
      raise(status, pool_last_error());
    }
    struct ending {
      future_base *one;
      ~ending() {
        one->reset();
      }
    };
    const std::string why = sentence(status);
    const ending end{this};
    raise_of_task(status, why);
  }
  /// Why a task that has ended has no result.
  std::string sentence(std::int32_t status) const {
    if (status == POOL_ERR_INVALID && pool_future_status(handle_) == POOL_OK) {
      return "the callback has taken the result, which can only be moved";
    }
    return pool_future_message(handle_);
  }
  /// Where in the cell the result is; NULL if it is elsewhere.
  void *slot() const noexcept {
    return slot_;
  }
  copy_slot_fn copy() const noexcept {
    return copy_;
  }

private:
  friend struct stopping;
  pool_t *pool_ = nullptr;
  pool_future_t *handle_ = nullptr;
  cell *cell_ = nullptr;
  void *slot_ = nullptr;
  bool quiet_ = true;
  copy_slot_fn copy_ = nullptr;
};

template <class R> struct fetched {
  std::int32_t status;
  std::optional<R> value;
};

/// Makes futures of what was submitted.
struct future_maker {
  template <class R>
  static future<R> make(pool_t *host, pool_future_t *handle, cell *block, void *slot, bool quiet,
                        copy_slot_fn copy = nullptr) noexcept {
    return future<R>(host, handle, block, slot, quiet, copy);
  }
};

} // namespace detail

/// A handle on a submitted task that returns an R. Move-only. Dropping it cancels nothing: the task goes on. One thread
/// at a time may call what is not const.
///
///     millpond::future<int> answer = pool.submit([] { return 42; });
///     assert(answer.get() == 42);
template <class R> class future : public detail::future_base {
public:
  /// No task.
  future() = default;

  /// Waits, and takes the result; once, valid() is false afterwards. Throws what the task has thrown, with its own type
  /// (task_error where it ran in another process), cancelled, terminated, time_limit or worker_died if that is how it
  /// ended, deadlock if the task itself waits.
  R get() {
    return get_in(-1);
  }
  /// As get(), but throws `timeout` if the task has not ended after that time; then the future stays as it is.
  template <class Rep, class Period> R get_for(std::chrono::duration<Rep, Period> time) {
    return get_in(detail::milliseconds(time));
  }
  /// As get(), but returns failures. After POOL_ERR_TIMEOUT, and where it could not wait, the future stays as it is.
  result<R> try_get(std::chrono::milliseconds time = forever) {
#if MILLPOND_EXCEPTIONS
    // The result's own constructors may throw, and its serialize::read().
    try {
      return try_get_in(detail::milliseconds(time));
    } catch (const error &e) {
      return result<R>(e.status(), e.what());
    } catch (...) {
      auto &table = detail::thrown_table::here();
      const std::int32_t code = table.keep(std::current_exception());
      result<R> failed(code, detail::describe_current());
      table.drop(code);
      return failed;
    }
#else
    return try_get_in(detail::milliseconds(time));
#endif
  }

  /// Submits a function whose argument is the result, to the same pool: it starts when this has ended well. Where this
  /// fails, it is not run, and its future fails in the same way. Takes this future over, but when it throws (closed, also
  /// for a pool that is gone; full; POOL_ERR_INVALID for what was spawned) it leaves it as it is. In processes the function
  /// must capture nothing, as only the result goes there with it, else POOL_ERR_UNSUPPORTED: let the result bring along what
  /// is needed, as a pair.
  ///
  ///     auto length = pool.submit(read_file, path).then([](std::string text) { return text.size(); });
  template <class F> auto then(F &&f) &&;

private:
  friend struct detail::future_maker;
  using detail::future_base::future_base;

  result<R> try_get_in(std::int64_t timeout_ms) {
    auto got = fetch(timeout_ms);
    if (got.status == POOL_OK) {
      this->reset_well();
      if constexpr (std::is_void_v<R>) {
        return result<void>(std::in_place);
      } else {
        return result<R>(std::in_place, std::move(*got.value));
      }
    }
    const bool ended = got.status != POOL_ERR_TIMEOUT && pool_future_ready(c_future()) == 1;
    result<R> failed(got.status, ended ? this->sentence(got.status) : pool_last_error());
    if (ended) {
      this->reset();
    }
    return failed;
  }
  R get_in(std::int64_t timeout_ms) {
    auto got = fetch(timeout_ms);
    if (got.status != POOL_OK) {
      this->fail(got.status);
    }
    this->reset_well();
    if constexpr (!std::is_void_v<R>) {
      return std::move(*got.value);
    }
  }

  detail::fetched<detail::value_of<R>> fetch(std::int64_t timeout_ms) {
    detail::fetched<detail::value_of<R>> got{POOL_OK, std::nullopt};
    if constexpr (std::is_void_v<R>) {
      got.status = pool_future_get(c_future(), nullptr, 0, timeout_ms);
    } else if constexpr (detail::fits_by_value<R>) {
      alignas(R) unsigned char bytes[sizeof(R)];
      got.status = pool_future_get(c_future(), bytes, sizeof bytes, timeout_ms);
      if (got.status == POOL_OK) {
        got.value.emplace(*reinterpret_cast<R *>(bytes));
      }
    } else {
      got.status = pool_future_wait(c_future(), timeout_ms);
      if (got.status == POOL_OK) {
        got.status = pool_future_status(c_future());
      }
      if (got.status == POOL_OK) {
        take(got);
      }
    }
    return got;
  }
  /// Of a task that has ended well.
  void take(detail::fetched<R> &got) {
    if (auto *const local = static_cast<std::optional<R> *>(this->slot())) {
      if (this->copy() != nullptr) {
        got.status = this->copy()(local, &got.value);
        return;
      }
      got.value.emplace(std::move(**local));
    } else if constexpr (detail::travels<R>) {
      std::size_t size = 0;
      reader in = detail::reader_with_size(pool_future_data(c_future(), &size));
      got.value.emplace(in.read<R>());
    }
  }
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
