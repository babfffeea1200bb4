// millpond/pack.hpp: a function and its arguments as one value.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_PACK_HPP
#define MILLPOND_PACK_HPP

#include <millpond/serialize.hpp>
#include <millpond/task.hpp>

#include <type_traits>
#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// Values in a row. Unlike a std::tuple it is trivially copyable if its values are.
template <class... T> struct pack;
template <> struct pack<> {};
template <class T, class... Rest> struct pack<T, Rest...> {
  T first;
  pack<Rest...> rest;
};

inline pack<> make_pack() {
  return {};
}
template <class T, class... Rest> pack<std::decay_t<T>, std::decay_t<Rest>...> make_pack(T &&first, Rest &&...rest) {
  return {std::forward<T>(first), make_pack(std::forward<Rest>(rest)...)};
}

template <class F, class... Done> decltype(auto) unpack(F &&f, pack<> /*end*/, Done &&...done) {
  return std::forward<F>(f)(std::forward<Done>(done)...);
}
/// Calls a function with the values as rvalues.
template <class F, class T, class... Rest, class... Done>
decltype(auto) unpack(F &&f, pack<T, Rest...> &&values, Done &&...done) {
  return unpack(std::forward<F>(f), std::move(values.rest), std::forward<Done>(done)..., std::move(values.first));
}

inline void write_pack(writer & /*out*/, const pack<> & /*values*/) {}
template <class T, class... Rest> void write_pack(writer &out, const pack<T, Rest...> &values) {
  out << values.first;
  write_pack(out, values.rest);
}
template <class... T> struct read_pack_of;
template <> struct read_pack_of<> {
  static pack<> from(reader & /*in*/) {
    return {};
  }
};
template <class T, class... Rest> struct read_pack_of<T, Rest...> {
  static pack<T, Rest...> from(reader &in) {
    // In braces: from left to right.
    return pack<T, Rest...>{in.read<T>(), read_pack_of<Rest...>::from(in)};
  }
};

/// A call: what is submitted, in one value.
template <class F, class... Args> struct bound {
  using result = result_of<F, Args...>;
  static constexpr bool quiet = never_throws<F, Args...>();

  F f;
  pack<Args...> args;

  /// Calls it, once.
  decltype(auto) operator()(task &self) {
    return unpack(
        [&](auto &&...each) -> decltype(auto) {
          return invoke_in(self, std::move(f), std::forward<decltype(each)>(each)...);
        },
        std::move(args));
  }
};

template <class F, class... Args> using bound_of = bound<std::decay_t<F>, std::decay_t<Args>...>;

template <class F, class... Args> bound_of<F, Args...> bind_call(F &&f, Args &&...args) {
  static_assert((std::is_constructible_v<std::decay_t<Args>, Args> && ...) &&
                    std::is_constructible_v<std::decay_t<F>, F>,
                "millpond: function and arguments are copied or moved into a call: std::move() what can only be moved; "
                "std::ref() passes a reference to threads");
  return {std::forward<F>(f), make_pack(std::forward<Args>(args)...)};
}

/// What the library copies as it is, 16-aligned.
template <class T>
constexpr bool fits_by_value = std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T> && alignof(T) <= 16;
template <> inline constexpr bool fits_by_value<void> = true;

template <class T> constexpr std::size_t size_by_value = sizeof(T);
template <> inline constexpr std::size_t size_by_value<void> = 0;

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
