// millpond/pool.hpp: pools of threads and of processes.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_POOL_HPP
#define MILLPOND_POOL_HPP

#include <millpond/broadcast.hpp>
#include <millpond/imap.hpp>
#include <millpond/join.hpp>
#include <millpond/loops.hpp>
#include <millpond/map_remote.hpp>
#include <millpond/options.hpp>
#include <millpond/periodic.hpp>
#include <millpond/sort.hpp>
#include <millpond/starmap.hpp>
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
    if constexpr (!detail::is_call<F> && std::is_same_v<Where, detail::anywhere>) {
      if (!remote_) {
        const auto once = [&](task &self) -> decltype(auto) {
          return detail::invoke_in(self, std::forward<F>(f), std::forward<Args>(args)...);
        };
        return detail::run_errand(handle_, once);
      }
    }
    return submit(std::forward<F>(f), std::forward<Args>(args)...).get();
  }
  /// Makes a call again and again, every `period`, until the handle that this returns is dropped.
  ///
  ///     auto ticks = pool.every(100ms, [&] { show(progress); });
  template <class Rep, class Period, class F, class... Args>
  [[nodiscard]] auto every(std::chrono::duration<Rep, Period> period, F &&f, Args &&...args) {
    const std::int64_t time = detail::milliseconds(period);
    if constexpr (detail::is_call<F>) {
      return every_with(&f, time, std::forward<Args>(args)...);
    } else {
      return every_with(static_cast<const call<> *>(nullptr), time, std::forward<F>(f), std::forward<Args>(args)...);
    }
  }
  /// Runs a call once on every worker, and waits for all: their results in no particular order, if there are any.
  template <class F, class... Args> auto broadcast(F &&f, Args &&...args) {
    check_travel<F, Args...>();
    auto bound = detail::bind_call(std::forward<F>(f), std::forward<Args>(args)...);
    if (remote_) {
      return detail::broadcast_remote(handle_, bound);
    }
    return detail::broadcast_here(handle_, std::move(bound));
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
  template <class Callback, bool Repeats, class Range, class F>
  auto map(const call<Callback, Repeats> &how, Range &&range, F &&f) {
    return map_with(&how, range, f);
  }
  /// As map(), with the results into a range of at least that size, or from an iterator on.
  template <class Range, class Out, class F, std::enable_if_t<!detail::is_call<Range>, int> = 0>
  void map_into(Range &&range, Out &&out, F &&f) {
    map_into_with(static_cast<const call<> *>(nullptr), range, out, f);
  }
  template <class Callback, bool Repeats, class Range, class Out, class F>
  void map_into(const call<Callback, Repeats> &how, Range &&range, Out &&out, F &&f) {
    map_into_with(&how, range, out, f);
  }

  /// As map(), for functions of several arguments over a range of tuples or pairs.
  ///
  ///     auto areas = pool.starmap(millpond::zip(widths, heights), [](double w, double h) { return w * h; });
  template <class Range, class F> auto starmap(Range &&range, F &&f) {
    return starmap_with(static_cast<const call<> *>(nullptr), range, f);
  }
  template <class Callback, bool Repeats, class Range, class F>
  auto starmap(const call<Callback, Repeats> &how, Range &&range, F &&f) {
    return starmap_with(&how, range, f);
  }
  /// As map(), but returns at once: a future of the vector, whose progress() counts the elements. A range that is given by
  /// name is borrowed until the end, another one is kept. On threads.
  template <class Range, class F, std::enable_if_t<!detail::is_call<Range>, int> = 0>
  [[nodiscard]] auto map_async(Range &&range, F &&f) {
    threads_only();
    return detail::map_async_here(handle_, static_cast<const call<> *>(nullptr), std::forward<Range>(range),
                                  std::forward<F>(f));
  }
  template <class Callback, bool Repeats, class Range, class F>
  [[nodiscard]] auto map_async(const call<Callback, Repeats> &how, Range &&range, F &&f) {
    threads_only();
    return detail::map_async_here(handle_, &how, std::forward<Range>(range), std::forward<F>(f));
  }
  /// A map from a range to a loop, for more elements than memory holds: never more than `window` of them are under way; 0
  /// is four for each worker. A range that is given by name is borrowed.
  ///
  ///     for (auto &page : pool.imap(urls, fetch)) print(page);
  template <class Range, class F, std::enable_if_t<!detail::is_call<Range>, int> = 0>
  [[nodiscard]] auto imap(Range &&range, F &&f, std::size_t window = 0) {
    return imap_with(with(), std::forward<Range>(range), std::forward<F>(f), window, true);
  }
  template <class Range, class F>
  [[nodiscard]] auto imap(const call<> &how, Range &&range, F &&f, std::size_t window = 0) {
    return imap_with(how, std::forward<Range>(range), std::forward<F>(f), window, true);
  }
  /// As imap(), with results in the order in which they are ready.
  template <class Range, class F, std::enable_if_t<!detail::is_call<Range>, int> = 0>
  [[nodiscard]] auto imap_unordered(Range &&range, F &&f, std::size_t window = 0) {
    return imap_with(with(), std::forward<Range>(range), std::forward<F>(f), window, false);
  }
  template <class Range, class F>
  [[nodiscard]] auto imap_unordered(const call<> &how, Range &&range, F &&f, std::size_t window = 0) {
    return imap_with(how, std::forward<Range>(range), std::forward<F>(f), window, false);
  }
  /// Calls a function with every element of a range, or with every number from `first` to `last`, `last` not included.
  template <class Range, class F> void for_each(Range &&range, F &&f) {
    check_travel<F, detail::reference_of<Range>>();
    if (remote_) {
      for_each_remote(range, f);
      return;
    }
    auto source = detail::source_of(range);
    detail::for_here(handle_, source, f);
  }
  template <class A, class B, class F, std::enable_if_t<std::is_integral_v<A> && std::is_integral_v<B>, int> = 0>
  void for_each(A first, B last, F &&f) {
    for_each(numbers(first, last), f);
  }
  /// Adds a range up: combine(total, element) begins with `identity` in each of several pieces, and combine(total, total)
  /// adds these in order. The pieces depend on the number of elements alone: sums of floating-point numbers are the same in
  /// every run.
  ///
  ///     double sum = pool.reduce(numbers, 0.0, std::plus<>());
  template <class Range, class T, class Combine> T reduce(Range &&range, T identity, Combine combine) {
    return transform_reduce(range, std::move(identity), std::move(combine),
                            [](const auto &element) -> const auto & { return element; });
  }
  /// As reduce(), of what `transform` makes of each element.
  ///
  ///     double norm2 = pool.transform_reduce(numbers, 0.0, std::plus<>(), [](double x) { return x * x; });
  template <class Range, class T, class Combine, class Transform>
  T transform_reduce(Range &&range, T identity, Combine combine, Transform transform) {
    if (remote_) {
      return detail::reduce_remote<T>(handle_, range, identity, combine, transform);
    }
    auto source = detail::source_of(range);
    return detail::reduce_here<T>(handle_, source, identity, combine, transform);
  }
  /// Sorts a range with random access, keeping the order of what is equal. On threads. Numbers in a row are sorted in place;
  /// what is no row of trivially copyable elements is moved to its place in the end.
  template <class Range, class Less = std::less<>, std::enable_if_t<detail::is_range<Range>::value, int> = 0>
  void sort(Range &&range, Less less = {}) {
    detail::sort_on(handle_, range, less);
  }
  template <class Iterator, class Less = std::less<>, std::enable_if_t<!detail::is_range<Iterator>::value, int> = 0>
  void sort(Iterator first, Iterator last, Less less = {}) {
    detail::sort_between(handle_, first, last, less);
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
  template <class R, class How, class F, class... Args>
  std::int32_t start(future<R> &into, const How *how, F &&f, Args &&...args) {
    check_travel<F, Args...>();
    if (remote_) {
      return detail::submit_remote(handle_, how, detail::bind_call(std::forward<F>(f), std::forward<Args>(args)...),
                                   into);
    }
    return detail::submit_here(handle_, how, detail::bind_call(std::forward<F>(f), std::forward<Args>(args)...), into);
  }
  template <class How, class F, class... Args> auto submit_with(const How *how, F &&f, Args &&...args) {
    future<detail::result_of<std::decay_t<F>, std::decay_t<Args>...>> made;
    detail::check(start(made, how, std::forward<F>(f), std::forward<Args>(args)...));
    return made;
  }
  template <class How, class Range, class F> auto map_with(const How *how, Range &range, F &f) {
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
  template <class How, class Range, class Out, class F>
  void map_into_with(const How *how, Range &range, Out &out, F &f) {
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

  template <class How, class F, class... Args>
  auto every_with(const How *how, std::int64_t period_ms, F &&f, Args &&...args) {
    check_travel<F, Args...>();
    return detail::start_periodic(handle_, remote_, how, period_ms,
                                  detail::bind_call(std::forward<F>(f), std::forward<Args>(args)...));
  }
  template <class How, class Range, class F> auto starmap_with(const How *how, Range &range, F &f) {
    detail::spread<F> each{f};
    using R = detail::result_of<detail::spread<F> &, detail::reference_of<Range>>;
    if (remote_) {
      return detail::starmap_remote<R>(handle_, how, range, f);
    }
    auto source = detail::source_of(range);
    detail::result_room<R> room(source.count);
    detail::map_here(handle_, how, source, each, room);
    return room.take();
  }
  template <class Range, class F>
  auto imap_with(const call<> &how, Range &&range, F &&f, std::size_t window, bool ordered) {
    check_travel<F, detail::element_of<Range>>();
    using C = millpond::imap<Range, std::decay_t<F>>;
    return C(handle_, remote_, how.c_call(), std::forward<Range>(range), std::decay_t<F>(std::forward<F>(f)), window,
             ordered);
  }
  template <class Range, class F> void for_each_remote(Range &range, F &f) {
    detail::map_remote<void>(handle_, static_cast<const call<> *>(nullptr), range, f);
  }
  template <class Number, class F> void for_each_remote(const numbers<Number> &range, F &f) {
    detail::for_remote(handle_, range, f);
  }
  void threads_only() const {
    if (remote_) {
      detail::raise(POOL_ERR_UNSUPPORTED, "map_async() runs on threads: in processes submit a call for each element");
    }
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
