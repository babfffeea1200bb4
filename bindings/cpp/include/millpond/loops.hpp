// millpond/loops.hpp: loops and sums.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_LOOPS_HPP
#define MILLPOND_LOOPS_HPP

#include <millpond/map_remote.hpp>
#include <millpond/numbers.hpp>

#include <algorithm>
#include <array>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// A loop on threads: the library calls it with ranges, and what is inside them is one loop for the compiler.
template <class Source, class F> void for_here(pool_t *host, Source &source, F &f) {
  static_assert(callable<F &, decltype(source[0])>,
                "millpond: the function of for_each() cannot be called with an element");
  const auto body = [&source, &f](std::size_t index, task &self) { invoke_in(self, f, source[index]); };
  using frame_t = map_frame<decltype(body), false>;
  frame_t frame(body);
  const std::int32_t status = pool_for(host, 0, source.count, frame_t::range, &frame);
  if (status != POOL_OK) {
    map_failed(status);
  }
}

/// A loop over numbers in processes.
template <class F, class Number> struct remote_loop {
  F f;
  Number first;
  static std::int32_t run(std::size_t begin, std::size_t end, void *context, pool_task_t *raw) {
    MILLPOND_TRY {
      task self(raw);
      const remote_loop here = shared_function<remote_loop>::find(context);
      F f = here.f;
      const typename numbers<Number>::iterator first(here.first);
      for (std::size_t index = begin; index < end && self.code() == POOL_OK; index++) {
        invoke_in(self, f, first[static_cast<std::ptrdiff_t>(index)]);
      }
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      return tell_current(raw);
    }
  }
};

template <class F, class Number> void for_remote(pool_t *host, const numbers<Number> &range, const F &f) {
  if constexpr (!std::is_trivially_copyable_v<F>) {
    cannot_travel();
  } else {
    using loop = remote_loop<F, Number>;
    const shared_function<loop> shared(host, loop{f, *range.begin()});
    const std::int32_t status = pool_for(host, 0, range.size(), loop::run, const_cast<void *>(shared.context()));
    if (status != POOL_OK) {
      raise(status, pool_last_error());
    }
  }
}

/// A loop over anything else: call by call, or by rows.
template <class Range, class F> void for_remote(pool_t *host, Range &range, F &f) {
  map_remote<void>(host, static_cast<const call<> *>(nullptr), range, f);
}

/// A sum under way: its pieces, each with a partial result of its own. The library knows them by their numbers, so that
/// a partial result may be of any type.
template <class T, class Source, class Combine, class Transform> struct sum {
  Source &source;
  Combine &combine;
  Transform &transform;
  const T &identity;
  std::array<std::optional<T>, 512> partial; // There are no more pieces.
  thrown_items thrown;
#if MILLPOND_EXCEPTIONS
  std::exception_ptr exception;
#endif

  static constexpr std::int32_t none = -1;

  static std::int32_t piece(std::size_t begin, std::size_t end, void *result, void *context, pool_task_t *raw) {
    auto &here = *static_cast<sum *>(context);
    MILLPOND_TRY {
      task self(raw);
      T total(here.identity);
      for (std::size_t index = begin; index < end; index++) {
        total = here.combine(std::move(total), here.transform(here.source[index]));
      }
      here.partial[raw->index].emplace(std::move(total));
      *static_cast<std::int32_t *>(result) = static_cast<std::int32_t>(raw->index);
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      return here.thrown.keep(raw);
    }
  }
  /// Nothing may be thrown through the library: the exception is kept, and what follows is left out.
  static void add(void *into, const void *from, void *context) {
    auto &here = *static_cast<sum *>(context);
    auto &left = *static_cast<std::int32_t *>(into);
    const std::int32_t right = *static_cast<const std::int32_t *>(from);
    if (left == none || right == none) {
      left = left == none ? right : left;
      return;
    }
    MILLPOND_TRY {
#if MILLPOND_EXCEPTIONS
      if (here.exception) {
        return;
      }
#endif
      auto &total = here.partial[static_cast<std::size_t>(left)];
      *total = here.combine(std::move(*total), std::move(*here.partial[static_cast<std::size_t>(right)]));
    }
    MILLPOND_CATCH_ALL {
#if MILLPOND_EXCEPTIONS
      here.exception = std::current_exception();
#endif
    }
  }
};

template <class T, class Source, class Combine, class Transform>
T reduce_here(pool_t *host, Source &source, const T &identity, Combine &combine, Transform &transform) {
  using sum_t = sum<T, Source, Combine, Transform>;
  const auto state = std::unique_ptr<sum_t>(new sum_t{source,
                                                      combine,
                                                      transform,
                                                      identity,
                                                      {},
                                                      {}
#if MILLPOND_EXCEPTIONS
                                                      ,
                                                      nullptr
#endif
  });
  const std::int32_t nothing_yet = sum_t::none;
  std::int32_t whole = sum_t::none;
  const std::int32_t status =
      pool_reduce(host, source.count, sum_t::piece, sum_t::add, &nothing_yet, &whole, sizeof whole, state.get());
  if (status != POOL_OK) {
    map_failed(status);
  }
#if MILLPOND_EXCEPTIONS
  if (state->exception) {
    std::rethrow_exception(state->exception);
  }
#endif
  return whole == sum_t::none ? identity : std::move(*state->partial[static_cast<std::size_t>(whole)]);
}

/// One piece of a sum in a process.
template <class T, class E, class Combine, class Transform>
T add_up(const T &identity, Combine combine, Transform transform, const std::vector<E> &elements) {
  T total(identity);
  for (const E &one : elements) {
    total = combine(std::move(total), transform(one));
  }
  return total;
}

/// A sum in processes: pieces of the elements go there, and as many partial results come back. The pieces depend on the
/// number of elements alone.
template <class T, class Range, class Combine, class Transform>
T reduce_remote(pool_t *host, Range &range, const T &identity, Combine &combine, Transform &transform) {
  using E = element_of<Range>;
  constexpr std::size_t pieces = 64;
  std::vector<E> all;
  for (auto &&one : range) {
    all.push_back(one);
  }
  std::vector<future<T>> parts;
  for (std::size_t piece = 0; piece < pieces; piece++) {
    const auto from = all.begin() + static_cast<std::ptrdiff_t>(all.size() * piece / pieces);
    const auto to = all.begin() + static_cast<std::ptrdiff_t>(all.size() * (piece + 1) / pieces);
    if (from != to) {
      future<T> made;
      check(submit_remote(
          host, static_cast<const call<> *>(nullptr),
          bind_call(add_up<T, E, Combine, Transform>, identity, combine, transform, std::vector<E>(from, to)), made));
      parts.push_back(std::move(made));
    }
  }
  T total(identity);
  for (auto &part : parts) {
    total = combine(std::move(total), part.get());
  }
  return total;
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
