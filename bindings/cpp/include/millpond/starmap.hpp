// millpond/starmap.hpp: maps over tuples, and maps that are not waited for.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_STARMAP_HPP
#define MILLPOND_STARMAP_HPP

#include <millpond/map_remote.hpp>

#include <memory>
#include <tuple>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// A function of several arguments as one of a tuple.
template <class F> struct spread {
  F &f;
  template <class Tuple> decltype(auto) operator()(task &self, Tuple &&tuple) {
    return std::apply(
        [&](auto &&...each) -> decltype(auto) {
          static_assert(
              callable<F &, decltype(each)...>,
              "millpond: the function of starmap() cannot be called with the values of an element, one by one");
          return invoke_in(self, f, std::forward<decltype(each)>(each)...);
        },
        std::forward<Tuple>(tuple));
  }
};

/// A map over tuples in processes: call by call, with the tuple's values as arguments.
template <class R, class How, class Range, class F>
auto starmap_remote(pool_t *host, const How *how, Range &range, F &f) {
  std::vector<future<R>> futures;
  for (auto &&tuple : range) {
    std::apply(
        [&](auto &&...each) {
          if constexpr (takes_copies<R, std::decay_t<F>, decltype(each)...>()) {
            future<R> made;
            check(submit_remote(host, how, bind_call(f, std::forward<decltype(each)>(each)...), made));
            futures.push_back(std::move(made));
          } else {
            cannot_be_copied();
          }
        },
        std::forward<decltype(tuple)>(tuple));
  }
  return gather(futures);
}

/// A map that goes on by itself: it owns its range, its function and its results until its future is done with.
template <class Range, class F, class R> struct map_cell final : cell {
  map_cell(Range &&elements, F &&function)
      : range(std::forward<Range>(elements)), f(std::move(function)), source(source_of(range)) {
    if constexpr (!std::is_void_v<R>) {
      slot.emplace(source.count);
      results = slot->data();
    }
  }
  Range range;
  F f;
  decltype(source_of(std::declval<std::remove_reference_t<Range> &>())) source;
  value_of<R> *results = nullptr;
  std::optional<std::conditional_t<std::is_void_v<R>, nothing, std::vector<value_of<R>>>> slot;
  thrown_items thrown;

  static std::int32_t item(const void *arg, void * /*result*/, pool_task_t *raw) {
    auto &here = *static_cast<map_cell *>(const_cast<void *>(arg));
    MILLPOND_TRY {
      task self(raw);
      if constexpr (std::is_void_v<R>) {
        invoke_in(self, here.f, here.source[raw->index]);
      } else {
        here.results[raw->index] = invoke_in(self, here.f, here.source[raw->index]);
      }
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      return here.thrown.keep(raw);
    }
  }
};

/// The same in processes: elements and results in rows, which are kept here.
template <class T, class R> struct rows_cell final : cell {
  std::vector<T> args;
  std::optional<std::conditional_t<std::is_void_v<R>, nothing, std::vector<value_of<R>>>> slot;
};

template <class R, class How, class Range, class F>
future<list_of<R>> map_async_remote(pool_t *host, const How *how, Range &range, const F & /*f*/) {
  using T = element_of<Range>;
  if constexpr (in_rows<F, T, R> && std::is_empty_v<F>) {
    auto block = std::make_unique<rows_cell<T, R>>();
    for (auto &&one : range) {
      block->args.push_back(one);
    }
    pool_call_t raw = how != nullptr ? how->c_call() : pool_call_t(POOL_CALL_INIT);
    raw.fn = remote_item<F, T, R>;
    raw.arg_size = sizeof(T);
    raw.result_size = size_by_value<R>;
    void *results = nullptr;
    if constexpr (!std::is_void_v<R>) {
      results = block->slot.emplace(block->args.size()).data();
    }
    pool_future_t *handle = nullptr;
    check(pool_map_with_async(host, &raw, block->args.data(), results, nullptr, block->args.size(), &handle));
    void *const slot = &block->slot;
    return future_maker::make<list_of<R>>(host, handle, block.release(), slot, false);
  } else {
    raise(POOL_ERR_UNSUPPORTED,
          "in processes map_async() wants a lambda that captures nothing, and elements and results "
          "that are trivially copyable: else submit a call for each element");
  }
}

template <class How, class Range, class F>
auto map_async_here(pool_t *host, bool remote, const How *how, Range &&range, F &&f) {
  using function = std::decay_t<F>;
  using R = result_of<function &, reference_of<Range>>;
  using whole = list_of<R>;
  static_assert(std::is_void_v<R> || (std::is_default_constructible_v<value_of<R>> && !std::is_same_v<R, bool>),
                "millpond: results of map_async() need a default constructor, and must not be bool: take char");
  static_assert(!How::has_callback, "millpond: a map has no callback: let something follow it with then()");
  if (remote) {
    return map_async_remote<R, How, Range, function>(host, how, range, f);
  }
  // A range that is given by name is borrowed, another one is kept.
  using C = map_cell<Range, function, R>;
  auto *const block = new C(std::forward<Range>(range), function(std::forward<F>(f)));
  pool_call_t raw = how != nullptr ? how->c_call() : pool_call_t(POOL_CALL_INIT);
  raw.fn = C::item;
  pool_future_t *handle = nullptr;
  const std::int32_t status = pool_map_with_async(host, &raw, block, nullptr, nullptr, block->source.count, &handle);
  if (status != POOL_OK) {
    cell::let_go(block);
    check(status);
  }
  return future_maker::make<whole>(host, handle, block, &block->slot, false);
}

} // namespace detail

/// Several ranges with random access as one of tuples, as long as the shortest: for starmap().
///
///     auto sums = pool.starmap(millpond::zip(prices, pieces), [](double price, int n) { return price * n; });
template <class... Range> class zip {
public:
  explicit zip(Range &...ranges) : firsts_(std::begin(ranges)...) {
    std::size_t size = std::numeric_limits<std::size_t>::max();
    ((size = std::min(size, static_cast<std::size_t>(std::end(ranges) - std::begin(ranges)))), ...);
    size_ = size;
  }
  using value_type = std::tuple<decltype(*std::begin(std::declval<Range &>()))...>;

  class iterator {
  public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = zip::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = value_type;

    iterator(const zip *owner, difference_type at) : owner_(owner), at_(at) {}
    reference operator*() const {
      return (*this)[0];
    }
    reference operator[](difference_type n) const {
      return std::apply([&](const auto &...first) { return reference(first[at_ + n]...); }, owner_->firsts_);
    }
    iterator &operator++() {
      ++at_;
      return *this;
    }
    friend difference_type operator-(const iterator &a, const iterator &b) {
      return a.at_ - b.at_;
    }
    friend bool operator!=(const iterator &a, const iterator &b) {
      return a.at_ != b.at_;
    }
    friend bool operator==(const iterator &a, const iterator &b) {
      return a.at_ == b.at_;
    }

  private:
    const zip *owner_;
    difference_type at_;
  };
  iterator begin() const {
    return {this, 0};
  }
  iterator end() const {
    return {this, static_cast<std::ptrdiff_t>(size_)};
  }

private:
  std::tuple<decltype(std::begin(std::declval<Range &>()))...> firsts_;
  std::size_t size_;
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
