// millpond/pool.hpp: pools of threads and of processes.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_POOL_HPP
#define MILLPOND_POOL_HPP

#include <millpond/broadcast.hpp>
#include <millpond/imap.hpp>
#include <millpond/join.hpp>
#include <millpond/loops.hpp>
#include <millpond/map_remote.hpp>
#include <millpond/periodic.hpp>
#include <millpond/pool_base.hpp>
#include <millpond/sort.hpp>
#include <millpond/starmap.hpp>
#include <millpond/stop.hpp>
#include <millpond/submit.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace millpond {
inline namespace MILLPOND_MODE {

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
template <class Where> class basic_pool : public detail::pool_base {
public:
  /// With as many workers as there are CPUs, or as MILLPOND_NUM_WORKERS says.
  basic_pool() : basic_pool(options()) {}
  explicit basic_pool(std::uint32_t workers) : basic_pool(options().workers(workers)) {}
  /// Blocks until the initializers, if there are any, have ended. Throws POOL_ERR_INVALID, _UNSUPPORTED, _SYSTEM,
  /// _NO_MEMORY, or a task_error with the code that an initializer has returned, or what it has thrown.
  basic_pool(options chosen) { // NOLINT: options are what a pool is made of.
    const std::int32_t status = open(chosen);
    if (status != POOL_OK) {
      detail::raise_of_task(status, pool_last_error());
    }
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
  ///
  /// With a std::stop_token before the function (C++20), a stop cancels the call; the function gets it if it takes one.
  template <class F, class... Args> [[nodiscard]] auto submit(F &&f, Args &&...args) {
    if constexpr (detail::is_call<F>) {
      return submit_with(&f, std::forward<Args>(args)...);
    } else {
      return submit_with(static_cast<const call<> *>(nullptr), std::forward<F>(f), std::forward<Args>(args)...);
    }
  }
  /// As submit(), but returns failures in place of throwing; a status, and the future through `into`. It throws only what
  /// the function and the arguments throw when they are copied. pool_last_error() says why, except for POOL_ERR_NO_MEMORY,
  /// and POOL_ERR_UNSUPPORTED of what cannot go to another process.
  template <class R, class F, class... Args> std::int32_t try_submit(future<R> &into, F &&f, Args &&...args) {
#if MILLPOND_EXCEPTIONS
    try {
#endif
      if constexpr (detail::is_call<F>) {
        return start(into, &f, std::forward<Args>(args)...);
      } else {
        return start(into, static_cast<const call<> *>(nullptr), std::forward<F>(f), std::forward<Args>(args)...);
      }
#if MILLPOND_EXCEPTIONS
    } catch (const std::bad_alloc &) {
      return POOL_ERR_NO_MEMORY;
    }
#endif
  }
  /// Submits a call that nobody waits for: its result is dropped, and what it throws too, unless it has a callback.
  template <class F, class... Args> void post(F &&f, Args &&...args) {
    if constexpr (detail::is_call<F>) {
      post_with(&f, std::forward<Args>(args)...);
    } else {
      post_with(static_cast<const call<> *>(nullptr), std::forward<F>(f), std::forward<Args>(args)...);
    }
  }
  /// Runs a call and returns its result. On threads the caller may run it itself, and arguments are not copied where the
  /// function takes them by const reference; it never changes those that have names.
  template <class F, class... Args> auto apply(F &&f, Args &&...args) {
    if constexpr (!detail::is_call<F> && std::is_same_v<Where, detail::anywhere>) {
      if (!remote_) {
        if constexpr (detail::may_lend<F, Args...>) {
          const auto once = [&](task &self) -> decltype(auto) {
            return detail::invoke_in(self, std::forward<F>(f), static_cast<detail::lent<Args>>(args)...);
          };
          return detail::run_errand(handle_, once);
        }
      }
    }
    return submit(std::forward<F>(f), std::forward<Args>(args)...).get();
  }
  /// Makes a call again and again, every `period`, until the handle that this returns is dropped.
  ///
  ///     auto ticks = pool.every(100ms, [&] { show(progress); });
  template <class Rep, class Period, class F, class... Args>
  [[nodiscard]] auto every(std::chrono::duration<Rep, Period> period, F &&f, Args &&...args) {
    const std::int64_t time = detail::finite_milliseconds(period);
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
  /// name is borrowed until the end, another one is kept. In processes the function captures nothing, and elements and results
  /// are trivially copyable.
  template <class Range, class F, std::enable_if_t<!detail::is_call<Range>, int> = 0>
  [[nodiscard]] auto map_async(Range &&range, F &&f) {
    return detail::map_async_here(handle_, remote_, static_cast<const call<> *>(nullptr), std::forward<Range>(range),
                                  std::forward<F>(f));
  }
  template <class Callback, bool Repeats, class Range, class F>
  [[nodiscard]] auto map_async(const call<Callback, Repeats> &how, Range &&range, F &&f) {
    return detail::map_async_here(handle_, remote_, &how, std::forward<Range>(range), std::forward<F>(f));
  }
  /// A map from a range to a loop, for more elements than memory holds: never more than `window` of them are under way; 0
  /// is four for each worker. A range that is given by name is borrowed.
  ///
  ///     for (auto &page : pool.imap(urls, fetch)) print(page);
  ///
  /// Takes a range, a function and a window, behind attributes if there are any.
  template <class First, class... Rest> [[nodiscard]] auto imap(First &&first, Rest &&...rest) {
    return imap_in(true, std::forward<First>(first), std::forward<Rest>(rest)...);
  }
  /// As imap(), with results in the order in which they are ready.
  template <class First, class... Rest> [[nodiscard]] auto imap_unordered(First &&first, Rest &&...rest) {
    return imap_in(false, std::forward<First>(first), std::forward<Rest>(rest)...);
  }
  /// Calls a function with every element of a range, or with every number from `first` to `last`, `last` not included.
  template <class Range, class F> void for_each(Range &&range, F &&f) {
    static_cast<void>(detail::must_be_range<Range>{});
    check_travel<F, detail::element_of<Range>>();
    if (remote_) {
      detail::for_remote(handle_, range, f);
      return;
    }
    auto source = detail::source_of(range);
    detail::for_here(handle_, source, f);
  }
  template <class A, class B, class F, std::enable_if_t<std::is_integral_v<A> && std::is_integral_v<B>, int> = 0>
  void for_each(A first, B last, F &&f) {
    using Number = std::common_type_t<A, B>;
    for_each(numbers<Number>(static_cast<Number>(first), static_cast<Number>(last)), f);
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
    static_cast<void>(detail::must_be_range<Range>{});
    if (remote_) {
      if constexpr (std::is_copy_constructible_v<detail::element_of<Range>>) {
        return detail::reduce_remote<T>(handle_, range, identity, combine, transform);
      } else {
        detail::cannot_be_copied();
      }
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

  // ---- Coroutines, in C++20: millpond/coroutine.hpp ----------------------------------------------------------------

#if defined(__cpp_impl_coroutine)
  /// `co_await pool.schedule();`: the coroutine goes on as a task of this pool of threads.
  auto schedule();
  /// `co_await pool.sleep_for(1s);`: the coroutine goes on after that time, where callbacks run. Nothing waits meanwhile.
  template <class Rep, class Period> auto sleep_for(std::chrono::duration<Rep, Period> time);
#endif

private:
  using pool_base::pool_base;
  std::int32_t open(const options &chosen) {
    pool_options_t raw = chosen.c_options();
    if constexpr (std::is_same_v<Where, detail::elsewhere>) {
      raw.mode = POOL_PROCESSES;
    }
    return open_raw(chosen, raw);
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
    using B = detail::bound_of<F, Args...>;
    if (remote_) {
      if constexpr (!detail::call_travels<B>::whole) {
        return POOL_ERR_UNSUPPORTED;
      } else {
        return detail::submit_remote(handle_, how, detail::bind_call(std::forward<F>(f), std::forward<Args>(args)...),
                                     into);
      }
    }
    return detail::submit_here(handle_, how, detail::bind_call(std::forward<F>(f), std::forward<Args>(args)...), into);
  }
  template <class How, class F, class... Args> void post_with(const How *how, F &&f, Args &&...args) {
    check_travel<F, Args...>();
    auto bound = detail::bind_call(std::forward<F>(f), std::forward<Args>(args)...);
    detail::check(remote_ ? detail::post_remote(handle_, how, bound)
                          : detail::post_here(handle_, how, std::move(bound)));
  }
  template <class How, class F, class... Args> auto submit_with(const How *how, F &&f, Args &&...args) {
    if constexpr (detail::is_stop_token<F>) {
      return submit_stoppable(how, f, std::forward<Args>(args)...);
    } else {
      if constexpr (!detail::call_travels<detail::bound_of<F, Args...>>::whole) {
        if (remote_) {
          detail::cannot_travel();
        }
      }
      future<detail::result_of<std::decay_t<F>, std::decay_t<Args>...>> made;
      detail::check(start(made, how, std::forward<F>(f), std::forward<Args>(args)...));
      return made;
    }
  }
#ifdef MILLPOND_STOP_TOKENS
  template <class How, class F, class... Args>
  auto submit_stoppable(const How *how, const std::stop_token &stop, F &&f, Args &&...args) {
    How attributes = how != nullptr ? *how : How();
    millpond::token cancelled;
    if (stop.stop_requested()) { // Then it never starts.
      cancelled.cancel();
      how = &attributes.cancel(cancelled);
    }
    if constexpr (detail::callable<std::decay_t<F>, std::decay_t<Args>...>) {
      return detail::stopping::join(stop, submit_with(how, std::forward<F>(f), std::forward<Args>(args)...));
    } else {
      return detail::stopping::join(stop, submit_with(how, std::forward<F>(f), stop, std::forward<Args>(args)...));
    }
  }
#endif
  template <class How, class Range, class F> auto map_with(const How *how, Range &range, F &f) {
    static_cast<void>(detail::must_be_range<Range>{});
    using R = detail::result_of<F &, detail::reference_of<Range>>;
    check_travel<F, detail::element_of<Range>>();
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
    static_cast<void>(detail::must_be_range<Range>{});
    using R = detail::result_of<F &, detail::reference_of<Range>>;
    check_travel<F, detail::element_of<Range>>();
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
    static_cast<void>(detail::must_be_range<Range>{});
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
  template <class Range, class F, class Size = std::size_t>
  auto imap_with(bool ordered, const call<> &how, Range &&range, F &&f, Size window = 0) {
    check_travel<F, detail::element_of<Range>>();
    using C = millpond::imap<Range, std::decay_t<F>>;
    return C(handle_, remote_, how.c_call(), std::forward<Range>(range), std::decay_t<F>(std::forward<F>(f)),
             static_cast<std::size_t>(window), ordered);
  }
  template <class First, class... Rest> auto imap_in(bool ordered, First &&first, Rest &&...rest) {
    if constexpr (detail::is_call<First>) {
      return imap_with(ordered, first, std::forward<Rest>(rest)...);
    } else {
      return imap_with(ordered, with(), std::forward<First>(first), std::forward<Rest>(rest)...);
    }
  }
};

/// A pool of threads; or of what its options say.
using pool = basic_pool<detail::anywhere>;
/// A pool of processes, whose calls are checked when the program is compiled.
///
///     millpond::process_pool pool(4);
///     std::string page = pool.apply(render, std::string("index"), 3); // in another process, which may crash
///
/// What a lambda captures by reference, and pointers into memory that is not shared, the compiler cannot find out.
using process_pool = basic_pool<detail::elsewhere>;

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
