// millpond/pool.hpp: pools of threads and of processes.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_POOL_HPP
#define MILLPOND_POOL_HPP

#include <millpond/map.hpp>
#include <millpond/map_remote.hpp>
#include <millpond/options.hpp>
#include <millpond/submit.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace millpond {

namespace detail {
/// Where the tasks of a pool run, as far as its type knows.
struct anywhere {};
struct elsewhere {};
} // namespace detail

/// A pool, and its end: the destructor closes it and waits for all tasks. Move-only. Its functions may be called from any
/// thread, at the same time, also from tasks and callbacks.
///
/// `millpond::pool` is one of threads, unless its options (or MILLPOND_MODE) say otherwise: anything can be submitted to
/// threads, and what cannot go to another process is found out when it is submitted (POOL_ERR_UNSUPPORTED).
/// `millpond::process_pool` is one of processes, and a call that cannot go there does not compile: the mode is an option,
/// known when the program runs, so the promise to use processes has to stand in the type for the compiler to see it.
///
///     millpond::pool pool;
///     auto answer = pool.submit([](int a, int b) { return a * b; }, 6, 7);
///     std::vector<double> roots = pool.map(numbers, [](double x) { return std::sqrt(x); });
///     assert(answer.get() == 42);
///
/// What runs: a function, lambda or function object, with a millpond::task & as first parameter if it wants one. Function
/// and arguments are copied or moved into the call, as for std::thread; std::ref() passes a reference to threads. What it
/// throws goes to whoever waits.
template <class Where> class basic_pool {
public:
  /// With as many workers as there are CPUs, or as MILLPOND_NUM_WORKERS says.
  basic_pool() : basic_pool(options()) {}
  explicit basic_pool(std::uint32_t workers) : basic_pool(options().workers(workers)) {}
  /// Blocks until the initializers, if there are any, have ended. Throws POOL_ERR_INVALID, _UNSUPPORTED, _SYSTEM,
  /// _NO_MEMORY, or a task_error with the code that an initializer has returned.
  basic_pool(options chosen) { // NOLINT: options are what a pool is made of.
    detail::check(open(chosen));
  }
  /// As the constructor, but returns failures.
  static result<basic_pool> try_create(const options &chosen = {}) {
    basic_pool made(nullptr, false);
    const std::int32_t status = made.open(chosen);
    if (status != POOL_OK) {
      return result<basic_pool>(status, pool_last_error());
    }
    return result<basic_pool>(std::in_place, std::move(made));
  }
  /// Closes the pool and waits for all tasks, callbacks and workers. Inside a task of the pool itself, which would wait
  /// for itself, it ends the program.
  ~basic_pool() {
    close_join();
  }
  basic_pool(basic_pool &&other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), remote_(other.remote_), borrowed_(other.borrowed_) {}
  basic_pool &operator=(basic_pool &&other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(remote_, other.remote_);
    std::swap(borrowed_, other.borrowed_);
    return *this;
  }
  /// The default pool of this process, which nobody closes.
  static basic_pool default_pool() {
    pool_t *const handle = pool_default();
    if (handle == nullptr) {
      detail::raise(POOL_ERR_SYSTEM, pool_last_error());
    }
    return basic_pool(handle, true);
  }

  // ---- One call --------------------------------------------------------------------------------------------------

  /// Submits a call and returns at once. Throws closed, full, forked and so on: then nothing was submitted.
  ///
  ///     auto sum = pool.submit(add, 1, 2);
  ///     auto page = pool.submit(millpond::with().timeout(5s).retries(2), fetch, url);
  template <class F, class... Args> [[nodiscard]] auto submit(F &&f, Args &&...args) {
    if constexpr (detail::is_call<F>) {
      return submit_with(&f, std::forward<Args>(args)...);
    } else {
      return submit_with(static_cast<const call<> *>(nullptr), std::forward<F>(f), std::forward<Args>(args)...);
    }
  }
  /// As submit(), but returns failures in place of throwing; a status, and the future through `into`.
  template <class R, class F, class... Args> std::int32_t try_submit(future<R> &into, F &&f, Args &&...args) {
    if constexpr (detail::is_call<F>) {
      return start(into, &f, std::forward<Args>(args)...);
    } else {
      return start(into, static_cast<const call<> *>(nullptr), std::forward<F>(f), std::forward<Args>(args)...);
    }
  }
  /// Submits a call that nobody waits for: its result, and what it throws, are dropped.
  template <class F, class... Args> void post(F &&f, Args &&...args) {
    static_cast<void>(submit(std::forward<F>(f), std::forward<Args>(args)...));
  }
  /// Runs a call and returns its result. On threads the caller may run it itself.
  template <class F, class... Args> auto apply(F &&f, Args &&...args) {
    return submit(std::forward<F>(f), std::forward<Args>(args)...).get();
  }

  // ---- Many ------------------------------------------------------------------------------------------------------

  /// Runs a function over a range, and returns its results in the same order, or nothing if it returns nothing. Blocks; the
  /// calling thread takes part. On threads the elements are used in place. Throws what the first element throws that fails;
  /// nothing more is started then.
  ///
  ///     std::vector<std::size_t> sizes = pool.map(names, [](const std::string &name) { return name.size(); });
  template <class Range, class F, std::enable_if_t<!detail::is_call<Range>, int> = 0> auto map(Range &&range, F &&f) {
    return map_with(static_cast<const call<> *>(nullptr), range, f);
  }
  template <class Callback, class Range, class F> auto map(const call<Callback> &how, Range &&range, F &&f) {
    return map_with(&how, range, f);
  }
  /// As map(), with the results into a range of at least that size, or from an iterator on.
  template <class Range, class Out, class F, std::enable_if_t<!detail::is_call<Range>, int> = 0>
  void map_into(Range &&range, Out &&out, F &&f) {
    map_into_with(static_cast<const call<> *>(nullptr), range, out, f);
  }
  template <class Callback, class Range, class Out, class F>
  void map_into(const call<Callback> &how, Range &&range, Out &&out, F &&f) {
    map_into_with(&how, range, out, f);
  }

  // ---- The pool itself -------------------------------------------------------------------------------------------

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
  /// Whether tasks run in other processes.
  bool in_processes() const noexcept {
    return remote_;
  }
  pool_t *c_pool() const noexcept {
    return handle_;
  }

private:
  basic_pool(pool_t *handle, bool borrowed) noexcept
      : handle_(handle), remote_(handle != nullptr && detail::is_remote(handle)), borrowed_(borrowed) {}
  std::int32_t open(const options &chosen) {
    pool_options_t raw = chosen.c_options();
    if constexpr (std::is_same_v<Where, detail::elsewhere>) {
      raw.mode = POOL_PROCESSES;
    }
    const std::int32_t status = pool_create_with(&raw, &handle_);
    remote_ = status == POOL_OK && detail::is_remote(handle_);
    return status;
  }
  void close_join() noexcept {
    pool_t *const handle = std::exchange(handle_, nullptr);
    if (handle == nullptr || borrowed_) {
      return;
    }
    if (pool_close_join(handle) == POOL_ERR_DEADLOCK) {
      std::fprintf(stderr, "millpond: a pool is destroyed by one of its own tasks\n");
      std::abort();
    }
    detail::orphans::here().bury_all();
  }

  template <class F, class... Args> static constexpr void check_travel() {
    if constexpr (std::is_same_v<Where, detail::elsewhere>) {
      detail::must_travel<std::decay_t<F>, detail::result_of<std::decay_t<F>, std::decay_t<Args>...>,
                          std::decay_t<Args>...>();
    }
  }
  template <class R, class Callback, class F, class... Args>
  std::int32_t start(future<R> &into, const call<Callback> *how, F &&f, Args &&...args) {
    check_travel<F, Args...>();
    if (remote_) {
      return detail::submit_remote(handle_, how, detail::bind_call(std::forward<F>(f), std::forward<Args>(args)...),
                                   into);
    }
    return detail::submit_here(handle_, how, detail::bind_call(std::forward<F>(f), std::forward<Args>(args)...), into);
  }
  template <class Callback, class F, class... Args> auto submit_with(const call<Callback> *how, F &&f, Args &&...args) {
    future<detail::result_of<std::decay_t<F>, std::decay_t<Args>...>> made;
    detail::check(start(made, how, std::forward<F>(f), std::forward<Args>(args)...));
    return made;
  }
  template <class Callback, class Range, class F> auto map_with(const call<Callback> *how, Range &range, F &f) {
    using element = detail::reference_of<Range>;
    using R = detail::result_of<F &, element>;
    check_travel<F, element>();
    if (remote_) {
      return detail::map_remote<R>(handle_, how, range, f);
    }
    auto source = detail::source_of(range);
    detail::result_room<R> room(source.count);
    detail::map_here(handle_, how, source, f, room);
    return room.take();
  }
  template <class Callback, class Range, class Out, class F>
  void map_into_with(const call<Callback> *how, Range &range, Out &out, F &f) {
    using R = detail::result_of<F &, detail::reference_of<Range>>;
    check_travel<F, detail::reference_of<Range>>();
    static_assert(!std::is_void_v<R>, "millpond: map_into() wants a function with a result");
    if (remote_) {
      detail::map_remote_into<R>(handle_, how, range, f, out);
      return;
    }
    auto source = detail::source_of(range);
    auto room = detail::room_in(out, source.count);
    detail::map_here(handle_, how, source, f, room);
  }

  pool_t *handle_ = nullptr;
  bool remote_ = false;
  bool borrowed_ = false;
};

/// A pool of threads; or of what its options say.
using pool = basic_pool<detail::anywhere>;
/// A pool of processes, whose calls are checked when the program is compiled.
///
///     millpond::process_pool pool(4);
///     std::string page = pool.apply(render, std::string("index"), 3); // in another process, which may crash
using process_pool = basic_pool<detail::elsewhere>;

} // namespace millpond

#endif
