// millpond/pool_base.hpp: a pool's own life: its beginning, its end, its workers, its numbers.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_POOL_BASE_HPP
#define MILLPOND_POOL_BASE_HPP

#include <millpond/options.hpp>
#include <millpond/remote.hpp>

#include <memory>
#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// What pools have that is the same whatever they run. Move-only.
class pool_base {
public:
  /// Closes the pool and waits for all tasks, callbacks and workers. Inside a task of the pool itself, which would wait
  /// for itself, it ends the program.
  ~pool_base() {
    close_join();
  }
  pool_base(pool_base &&other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), remote_(other.remote_), borrowed_(other.borrowed_),
        hooks_(std::move(other.hooks_)) {}
  pool_base &operator=(pool_base &&other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(remote_, other.remote_);
    std::swap(borrowed_, other.borrowed_);
    std::swap(hooks_, other.hooks_);
    return *this;
  }

  /// Takes no more tasks from outside. Does not wait.
  void close() {
    detail::check(pool_close(handle_));
  }
  /// After close() or terminate(): waits until all tasks and callbacks have ended; false if the time runs out.
  template <class Rep = std::int64_t, class Period = std::milli>
  bool join(std::chrono::duration<Rep, Period> time = forever) {
    const std::int32_t status = pool_join(handle_, detail::milliseconds(time));
    if (status != POOL_ERR_TIMEOUT) {
      detail::check(status);
    }
    return status == POOL_OK;
  }
  /// Ends all tasks that have not started, asks running ones to stop; kills processes that run one. Does not wait.
  void terminate() {
    detail::check(pool_terminate(handle_));
  }
  /// How many tasks run at a time.
  std::uint32_t workers() const {
    return static_cast<std::uint32_t>(detail::checked(pool_workers(handle_)));
  }
  void resize(std::uint32_t workers) {
    detail::check(pool_resize(handle_, workers));
  }
  /// Makes worker processes from this process as it is now.
  void refresh() {
    detail::check(pool_refresh(handle_));
  }
  /// Runs the callbacks that wait, on this thread, in a pool whose callbacks are polled; if none waits, waits for the first
  /// one, at most so long. How many were run; 0 also when none can come any more.
  template <class Rep = std::int64_t, class Period = std::milli>
  int poll(std::chrono::duration<Rep, Period> time = forever) {
    return detail::checked(pool_poll(handle_, detail::milliseconds(time)));
  }
  /// A descriptor that is readable while callbacks wait, for event loops.
  int poll_fd() {
    return detail::checked(pool_poll_fd(handle_));
  }
  /// The process of a worker; 0 while there is none.
  int worker_pid(std::uint32_t worker) const {
    return detail::checked(pool_worker_pid(handle_, worker));
  }
  /// What the pool is doing and has done.
  pool_stats_t stats() const {
    pool_stats_t numbers = POOL_STATS_INIT;
    detail::check(pool_stats(handle_, &numbers));
    return numbers;
  }
  pool_worker_stats_t worker_stats(std::uint32_t worker) const {
    pool_worker_stats_t numbers = POOL_WORKER_STATS_INIT;
    detail::check(pool_worker_stats(handle_, worker, &numbers));
    return numbers;
  }
  /// Whether tasks run in other processes.
  bool in_processes() const noexcept {
    return remote_;
  }
  pool_t *c_pool() const noexcept {
    return handle_;
  }

protected:
  pool_base() = default;
  /// borrowed: somebody else's to close.
  pool_base(pool_t *handle, bool borrowed) noexcept
      : handle_(handle), remote_(handle != nullptr && is_remote(handle)), borrowed_(borrowed) {}
  std::int32_t open_raw(const options &chosen, pool_options_t raw) {
    hooks_ = chosen.hook_into(raw);
    const std::int32_t status = pool_create_with(&raw, &handle_);
    remote_ = status == POOL_OK && is_remote(handle_);
    return status;
  }
  pool_t *handle_ = nullptr;
  bool remote_ = false;

private:
  void close_join() noexcept {
    pool_t *const handle = std::exchange(handle_, nullptr);
    if (handle == nullptr || borrowed_) {
      return;
    }
    if (pool_close_join(handle) == POOL_ERR_DEADLOCK) {
      std::fprintf(stderr, "millpond: a pool is destroyed by one of its own tasks\n");
      std::abort();
    }
    orphans::here().bury_all();
  }
  bool borrowed_ = false;
  std::unique_ptr<hooks> hooks_;
};

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
