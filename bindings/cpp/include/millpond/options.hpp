// millpond/options.hpp: what a pool is made with.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_OPTIONS_HPP
#define MILLPOND_OPTIONS_HPP

#include <millpond/hooks.hpp>

#include <string>
#include <utility>
#include <vector>

namespace millpond {
inline namespace MILLPOND_MODE {

/// Where tasks run.
enum class mode : std::int32_t { threads = POOL_THREADS, processes = POOL_PROCESSES, sequential = POOL_SEQUENTIAL };

/// Where callbacks run.
enum class callbacks : std::int32_t {
  /// One at a time, on the pool's threads.
  serial = POOL_CALLBACKS_SERIAL,
  /// On the worker that ran the task.
  in_place = POOL_CALLBACKS_INLINE,
  /// Only inside pool::poll(), join(), and the destructor.
  polled = POOL_CALLBACKS_POLLED
};

/// What happens when more is submitted than `max_pending` allows.
enum class when_full : std::int32_t {
  block = POOL_FULL_BLOCK,
  fail = POOL_FULL_FAIL,
  run_inline = POOL_FULL_RUN_INLINE
};

/// The options of a pool: set those that you want to change, one after the other. Each is the field of pool_options_t
/// of the same name; what is not set is as there.
///
///     millpond::pool pool(millpond::options().workers(4).max_pending(1000).name("decode"));
class options {
public:
  options() = default;

  options &mode(millpond::mode value) {
    return set(raw_.mode, static_cast<std::int32_t>(value));
  }
  options &workers(std::uint32_t value) {
    return set(raw_.workers, value);
  }
  options &callbacks(millpond::callbacks value) {
    return set(raw_.callbacks, static_cast<std::int32_t>(value));
  }
  /// What each worker runs before its first task: any function that takes the worker's number, or nothing. Several workers may
  /// be in it at a time. It may return a code, which is not 0 if it has failed. What one throws on a thread, the pool's
  /// constructor throws; in a process it is the code 1, with a line on stderr. The pool keeps it: what it captures by reference
  /// must live as long.
  ///
  ///     millpond::process_pool pool(millpond::options().initializer([table] { known = parse(table); }));
  template <class F, std::enable_if_t<!std::is_convertible_v<F, pool_initializer_fn>, int> = 0>
  options &initializer(F f) {
    static_assert(std::is_copy_constructible_v<F>, "millpond: options are copied, and an initializer with them");
    initializer_ = [f = std::move(f)](std::uint32_t worker) mutable -> std::int32_t {
      if constexpr (std::is_void_v<decltype(detail::hooks::call(f, worker))>) {
        detail::hooks::call(f, worker);
        return POOL_OK;
      } else {
        return static_cast<std::int32_t>(detail::hooks::call(f, worker));
      }
    };
    return *this;
  }
  /// What each worker runs after its last task, as above; it must not throw.
  template <class F, std::enable_if_t<!std::is_convertible_v<F, pool_finalizer_fn>, int> = 0> options &finalizer(F f) {
    static_assert(std::is_copy_constructible_v<F>, "millpond: options are copied, and a finalizer with them");
    finalizer_ = [f = std::move(f)](std::uint32_t worker) mutable { detail::hooks::call(f, worker); };
    return *this;
  }
  /// Functions as the C interface has them; `worker_data`, which they are passed, must live as long as the pool.
  options &initializer(pool_initializer_fn value) {
    initializer_ = nullptr;
    return set(raw_.initializer, value);
  }
  options &finalizer(pool_finalizer_fn value) {
    finalizer_ = nullptr;
    return set(raw_.finalizer, value);
  }
  options &worker_data(void *value) {
    return set(raw_.worker_data, value);
  }
  options &stack_size(std::size_t value) {
    return set(raw_.stack_size, value);
  }
  options &name(std::string value) {
    name_ = std::move(value);
    return *this;
  }
  options &max_blocked(std::uint32_t value) {
    return set(raw_.max_blocked, value);
  }
  template <class Rep, class Period> options &task_timeout(std::chrono::duration<Rep, Period> value) {
    const std::int64_t time = detail::milliseconds(value);
    return set(raw_.task_timeout_ms, time < 0 ? 0 : time);
  }
  options &task_cpu_seconds(std::uint32_t value) {
    return set(raw_.task_cpu_seconds, value);
  }
  options &nice(std::int32_t value) {
    return set(raw_.nice, value);
  }
  options &memory_limit_bytes(std::size_t value) {
    return set(raw_.memory_limit_bytes, value);
  }
  options &max_tasks_per_worker(std::size_t value) {
    return set(raw_.max_tasks_per_worker, value);
  }
  options &max_rss_bytes(std::size_t value) {
    return set(raw_.max_rss_bytes, value);
  }
  options &spare_workers(std::uint32_t value) {
    return set(raw_.spare_workers, value);
  }
  options &oom_score_adj(std::int32_t value) {
    return set(raw_.oom_score_adj, value);
  }
  options &pin_workers(bool value = true) {
    return set(raw_.pin_workers, value ? 1 : 0);
  }
  options &core_dumps(bool value = true) {
    return set(raw_.core_dumps, value ? 1 : 0);
  }
  options &stderr_tail_bytes(std::size_t value) {
    return set(raw_.stderr_tail_bytes, value);
  }
  options &fork_fn(pool_fork_fn value) {
    return set(raw_.fork_fn, value);
  }
  options &reseed(pool_reseed_fn value) {
    return set(raw_.reseed, value);
  }
  options &max_pending(std::size_t value) {
    return set(raw_.max_pending, value);
  }
  options &when_full(millpond::when_full value) {
    return set(raw_.when_full, static_cast<std::int32_t>(value));
  }
  options &max_workers(std::uint32_t value) {
    return set(raw_.max_workers, value);
  }
  options &cpus(std::vector<std::uint32_t> value) {
    cpus_ = std::move(value);
    return *this;
  }

  /// The options as the C interface has them; valid while this object is, and not changed. Without initializers and finalizers
  /// that are no functions of C.
  pool_options_t c_options() const {
    pool_options_t raw = raw_;
    raw.name = name_.empty() ? nullptr : name_.c_str();
    raw.cpus = cpus_.empty() ? nullptr : cpus_.data();
    raw.cpu_count = cpus_.size();
    return raw;
  }
  /// Private: of initializers and finalizers that are no functions of C, what a pool is to keep; sets what calls them.
  std::unique_ptr<detail::hooks> hook_into(pool_options_t &raw) const {
    if (!initializer_ && !finalizer_) {
      return nullptr;
    }
    auto made = std::make_unique<detail::hooks>(initializer_, finalizer_, raw_);
    made->put_into(raw);
    return made;
  }

private:
  template <class Field, class Value> options &set(Field &field, Value value) {
    field = value;
    return *this;
  }
  pool_options_t raw_ = POOL_OPTIONS_INIT;
  std::string name_;
  std::vector<std::uint32_t> cpus_;
  detail::hooks::initializer_fn initializer_;
  detail::hooks::finalizer_fn finalizer_;
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
