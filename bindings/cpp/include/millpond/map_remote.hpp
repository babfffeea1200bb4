// millpond/map_remote.hpp: maps in processes.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_MAP_REMOTE_HPP
#define MILLPOND_MAP_REMOTE_HPP

#include <millpond/map.hpp>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// Whether elements and results are bytes in a row, as a map of the C interface wants them.
template <class F, class T, class R>
constexpr bool in_rows =
    travels<F> && std::is_trivially_copyable_v<F> && callable<F &, const T &> && plain_bytes<T> && alignof(T) <= 16 &&
    !std::is_same_v<T, bool> &&
    (std::is_void_v<R> || (fits_by_value<R> && std::is_default_constructible_v<R> && !std::is_same_v<R, bool>));

/// A map over arrays, in the C interface.
template <class F, class T, class R, class How>
void map_rows(pool_t *host, const How *how, const T *args, R *results, std::size_t count, const F &f) {
  const shared_function<F> shared(host, f);
  pool_call_t raw = how != nullptr ? how->c_call() : pool_call_t(POOL_CALL_INIT);
  raw.fn = remote_item<F, T, R>;
  raw.context = shared.context();
  raw.arg_size = sizeof(T);
  raw.result_size = size_by_value<R>;
  const std::int32_t status = pool_map_with(host, &raw, args, results, nullptr, count);
  if (status != POOL_OK) {
    raise(status, pool_last_error());
  }
}

/// The elements of a range in a row: where they are, or copied.
template <class T, class Range> class row {
public:
  explicit row(Range &range) {
    if constexpr (is_contiguous<Range>::value) {
      count_ = static_cast<std::size_t>(end(range) - begin(range));
      at_ = count_ == 0 ? nullptr : &*begin(range);
    } else {
      for (auto &&one : range) {
        copied_.push_back(one);
      }
      at_ = copied_.data();
      count_ = copied_.size();
    }
  }
  const T *data() const {
    return at_;
  }
  std::size_t size() const {
    return count_;
  }

private:
  std::vector<T> copied_;
  const T *at_ = nullptr;
  std::size_t count_ = 0;
};

/// The results of all; of those that fail the first is thrown.
template <class R> list_of<R> gather(std::vector<future<R>> &futures) {
  if constexpr (std::is_void_v<R>) {
    for (auto &one : futures) {
      one.get();
    }
  } else {
    std::vector<R> results;
    results.reserve(futures.size());
    for (auto &one : futures) {
      results.push_back(one.get());
    }
    return results;
  }
}

/// Whether a call can have copies of these values, for the same result: not if the function changes them in place.
template <class R, class F, class... Args> constexpr bool takes_copies() {
  if constexpr (callable<F, std::decay_t<Args>...> && (std::is_constructible_v<std::decay_t<Args>, Args> && ...)) {
    return std::is_void_v<R> || std::is_same_v<R, result_of<F, std::decay_t<Args>...>>;
  } else {
    return false;
  }
}
[[noreturn]] inline void cannot_be_copied() {
  raise(POOL_ERR_UNSUPPORTED, "the elements of this map cannot go to another process: they cannot be copied, or its "
                              "function changes them in place");
}
/// How an element is copied: a proxy, such as std::vector<bool> has, as what it stands for.
template <class Range>
using copied_from = std::conditional_t<std::is_constructible_v<element_of<Range>, reference_of<Range>>,
                                       element_of<Range>, reference_of<Range>>;

/// A map in processes: in the C interface where elements and results are bytes, else call by call.
template <class R, class How, class Range, class F>
list_of<R> map_remote(pool_t *host, const How *how, Range &range, F &f) {
  using function = std::decay_t<F>;
  using T = element_of<Range>;
  if constexpr (in_rows<function, T, R>) {
    const row<T, Range> args(range);
    if constexpr (std::is_void_v<R>) {
      map_rows<function, T, void>(host, how, args.data(), nullptr, args.size(), f);
    } else {
      std::vector<R> results(args.size());
      map_rows<function, T, R>(host, how, args.data(), results.data(), args.size(), f);
      return results;
    }
  } else if constexpr (!takes_copies<R, function, copied_from<Range>>()) {
    cannot_be_copied();
  } else {
    using S = result_of<function, T>;
    std::vector<future<S>> futures;
    for (auto &&one : range) {
      future<S> made;
      check(submit_remote(host, how, bind_call(f, T(std::forward<decltype(one)>(one))), made));
      futures.push_back(std::move(made));
    }
    if constexpr (std::is_void_v<R>) {
      for (auto &one : futures) {
        one.get(); // Of a loop, which has no use for results.
      }
    } else {
      return gather(futures);
    }
  }
}

/// Where results go: a range, which must have room for all, or from an iterator on.
template <class Out> auto room_in(Out &out, std::size_t count) {
  using place_t =
      decltype(*std::declval<typename std::conditional_t<is_range<Out>::value, begins<Out>, same<Out>>::type &>());
  static_assert(
      std::is_lvalue_reference_v<place_t>,
      "millpond: map_into() writes elements of the output at the same time: they must be objects of their own, "
      "which those of a std::vector<bool> are not");
  if constexpr (is_range<Out>::value) {
    if (static_cast<std::size_t>(end(out) - begin(out)) < count) {
      raise(POOL_ERR_INVALID, "the output has room for fewer results than there are elements");
    }
    return given_room<iterator_of<Out>>(begin(out));
  } else {
    (void)count;
    return given_room<Out>(out);
  }
}

template <class R, class How, class Range, class F, class Out>
void map_remote_into(pool_t *host, const How *how, Range &range, F &f, Out &out) {
  using T = element_of<Range>;
  if constexpr (in_rows<std::decay_t<F>, T, R> && is_contiguous<Out>::value) {
    if constexpr (std::is_same_v<element_of<Out>, R>) {
      const row<T, Range> args(range);
      room_in(out, args.size());
      R *const first = args.size() == 0 ? nullptr : &*begin(out);
      map_rows<std::decay_t<F>, T, R>(host, how, args.data(), first, args.size(), f);
      return;
    }
  }
  auto results = map_remote<R>(host, how, range, f);
  auto room = room_in(out, results.size());
  for (std::size_t index = 0; index < results.size(); index++) {
    room.put(index, std::move(results[index]));
  }
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
