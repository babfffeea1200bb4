// millpond/serialize.hpp: how values travel to other processes that are more than their bytes.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_SERIALIZE_HPP
#define MILLPOND_SERIALIZE_HPP

#include <millpond/error.hpp>

#include <array>
#include <cstring>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#if defined(__has_include) && __cplusplus >= 202002L
#if __has_include(<span>)
#include <span>
#endif
#endif

namespace millpond {
inline namespace MILLPOND_MODE {

/// How values of a type travel to other processes and back: specialise it for a type of your own that is not trivially
/// copyable. Numbers, trivially copyable structs, strings, vectors, lists, deques, arrays, pairs, tuples, optionals, variants,
/// maps and sets of what can travel are known already.
///
///     struct person { std::string name; int age; };
///     template <> struct millpond::serialize<person> {
///       static void write(millpond::writer &out, const person &p) { out << p.name << p.age; }
///       static person read(millpond::reader &in) {
///         auto name = in.read<std::string>();
///         return {std::move(name), in.read<int>()};
///       }
///     };
template <class T, class = void> struct serialize;

/// Bytes on their way out.
class writer {
public:
  void put(const void *data, std::size_t size) {
    if (size > 0) {
      bytes_.append(static_cast<const char *>(data), size);
    }
  }
  template <class T> writer &operator<<(const T &value) {
    serialize<T>::write(*this, value);
    return *this;
  }
  const std::string &bytes() const noexcept {
    return bytes_;
  }

private:
  std::string bytes_;
};

/// Bytes on their way in. Too few of them are POOL_ERR_SIZE.
class reader {
public:
  reader(const void *data, std::size_t size) noexcept : at_(static_cast<const char *>(data)), left_(size) {}
  void get(void *data, std::size_t size) {
    const void *const from = take(size);
    if (size > 0) {
      std::memcpy(data, from, size);
    }
  }
  /// The next bytes, in place.
  const void *take(std::size_t size) {
    if (size > left_) {
      detail::raise(POOL_ERR_SIZE,
                    "a value ends before it is whole: its serialize::read() takes more than write() has put");
    }
    const char *const from = at_;
    at_ += size;
    left_ -= size;
    return from;
  }
  template <class T> T read() {
    return serialize<T>::read(*this);
  }
  std::size_t left() const noexcept {
    return left_;
  }

private:
  const char *at_;
  std::size_t left_;
};

namespace detail {

/// What was written, with its size in front: so it may be read where nobody else knows where it ends.
inline std::string with_size(const writer &out) {
  const std::uint64_t size = out.bytes().size();
  writer whole;
  whole.put(&size, sizeof size);
  whole.put(out.bytes().data(), out.bytes().size());
  return whole.bytes();
}
inline reader reader_with_size(const void *data) {
  std::uint64_t size = 0;
  std::memcpy(&size, data, sizeof size);
  return {static_cast<const char *>(data) + sizeof size, static_cast<std::size_t>(size)};
}

/// Types that are trivially copyable, but only point to something that stays behind.
template <class T> struct is_view : std::false_type {};
template <class C, class Traits> struct is_view<std::basic_string_view<C, Traits>> : std::true_type {};
template <class T> struct is_view<std::reference_wrapper<T>> : std::true_type {};
#ifdef __cpp_lib_span
template <class T, std::size_t N> struct is_view<std::span<T, N>> : std::true_type {};
#endif

template <class T, class = void> struct has_serialize : std::false_type {};
template <class T>
struct has_serialize<T, std::void_t<decltype(serialize<T>::write(std::declval<writer &>(), std::declval<const T &>()))>>
    : std::true_type {};

/// Whether the bytes of a value are the value.
template <class T>
constexpr bool plain_bytes = std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T> && !is_view<T>::value;

} // namespace detail

template <class T> struct serialize<T, std::enable_if_t<detail::plain_bytes<T>>> {
  static void write(writer &out, const T &value) {
    out.put(&value, sizeof value);
  }
  static T read(reader &in) {
    alignas(T) unsigned char bytes[sizeof(T)];
    in.get(bytes, sizeof bytes);
    return *reinterpret_cast<T *>(bytes);
  }
};

namespace detail {

inline void write_count(writer &out, std::size_t count) {
  out << static_cast<std::uint64_t>(count);
}

/// Checked against what is left, so that damaged bytes ask for no memory.
inline std::size_t read_count(reader &in, std::size_t least) {
  const auto count = in.read<std::uint64_t>();
  if (least > 0 && count > in.left() / least) {
    raise(POOL_ERR_SIZE, "a value ends before it is whole: it names more elements than follow");
  }
  return static_cast<std::size_t>(count);
}

/// Containers that are written element by element, and filled by inserting at the end.
template <class C, class Element> struct serialize_elements {
  static void write(writer &out, const C &values) {
    write_count(out, values.size());
    for (const auto &value : values) {
      out << static_cast<const Element &>(value);
    }
  }
  static C read(reader &in) {
    C values;
    for (std::size_t count = read_count(in, 0); count > 0; count--) {
      values.insert(values.end(), in.read<Element>());
    }
    return values;
  }
};

/// Pairs of a key and a value; the key is const in a map.
template <class C> struct serialize_map {
  static void write(writer &out, const C &values) {
    write_count(out, values.size());
    for (const auto &[key, value] : values) {
      out << key << value;
    }
  }
  static C read(reader &in) {
    C values;
    for (std::size_t count = read_count(in, 0); count > 0; count--) {
      auto key = in.read<typename C::key_type>();
      values.emplace_hint(values.end(), std::move(key), in.read<typename C::mapped_type>());
    }
    return values;
  }
};

} // namespace detail

template <class C, class Traits, class A> struct serialize<std::basic_string<C, Traits, A>> {
  using text = std::basic_string<C, Traits, A>;
  static void write(writer &out, const text &value) {
    detail::write_count(out, value.size());
    out.put(value.data(), value.size() * sizeof(C));
  }
  static text read(reader &in) {
    text value(detail::read_count(in, sizeof(C)), C());
    in.get(value.data(), value.size() * sizeof(C));
    return value;
  }
};

template <class T, class A> struct serialize<std::vector<T, A>> {
  static void write(writer &out, const std::vector<T, A> &values) {
    if constexpr (detail::plain_bytes<T> && !std::is_same_v<T, bool>) {
      detail::write_count(out, values.size());
      out.put(values.data(), values.size() * sizeof(T));
    } else {
      detail::serialize_elements<std::vector<T, A>, T>::write(out, values);
    }
  }
  static std::vector<T, A> read(reader &in) {
    if constexpr (detail::plain_bytes<T> && !std::is_same_v<T, bool> && std::is_default_constructible_v<T>) {
      std::vector<T, A> values(detail::read_count(in, sizeof(T)));
      in.get(values.data(), values.size() * sizeof(T));
      return values;
    } else {
      return detail::serialize_elements<std::vector<T, A>, T>::read(in);
    }
  }
};

template <class T, std::size_t N>
struct serialize<std::array<T, N>, std::enable_if_t<!detail::plain_bytes<std::array<T, N>>>> {
  static void write(writer &out, const std::array<T, N> &values) {
    for (const T &value : values) {
      out << value;
    }
  }
  static std::array<T, N> read(reader &in) {
    return read_all(in, std::make_index_sequence<N>());
  }

private:
  template <std::size_t... I> static std::array<T, N> read_all(reader &in, std::index_sequence<I...> /*each*/) {
    return {(static_cast<void>(I), in.read<T>())...};
  }
};

template <class A, class B> struct serialize<std::pair<A, B>, std::enable_if_t<!detail::plain_bytes<std::pair<A, B>>>> {
  static void write(writer &out, const std::pair<A, B> &value) {
    out << value.first << value.second;
  }
  static std::pair<A, B> read(reader &in) {
    A first = in.read<A>();
    return {std::move(first), in.read<B>()};
  }
};

template <class... T> struct serialize<std::tuple<T...>, std::enable_if_t<!detail::plain_bytes<std::tuple<T...>>>> {
  static void write(writer &out, const std::tuple<T...> &value) {
    std::apply([&out](const T &...each) { (void)(out << ... << each); }, value);
  }
  static std::tuple<T...> read(reader &in) {
    (void)in;
    return std::tuple<T...>{in.read<T>()...}; // In braces: from left to right.
  }
};

template <class T> struct serialize<std::optional<T>, std::enable_if_t<!detail::plain_bytes<std::optional<T>>>> {
  static void write(writer &out, const std::optional<T> &value) {
    out << value.has_value();
    if (value) {
      out << *value;
    }
  }
  static std::optional<T> read(reader &in) {
    return in.read<bool>() ? std::optional<T>(in.read<T>()) : std::nullopt;
  }
};

template <class... T> struct serialize<std::variant<T...>, std::enable_if_t<!detail::plain_bytes<std::variant<T...>>>> {
  static void write(writer &out, const std::variant<T...> &value) {
    out << static_cast<std::uint64_t>(value.index());
    std::visit([&out](const auto &held) { out << held; }, value);
  }
  static std::variant<T...> read(reader &in) {
    return read_one<0>(in, in.read<std::uint64_t>());
  }

private:
  template <std::size_t I> static std::variant<T...> read_one(reader &in, std::uint64_t index) {
    if constexpr (I == sizeof...(T)) {
      detail::raise(POOL_ERR_SIZE, "a value is damaged: it names an alternative that its variant has not");
    } else {
      if (index == I) {
        return std::variant<T...>(std::in_place_index<I>, in.read<std::variant_alternative_t<I, std::variant<T...>>>());
      }
      return read_one<I + 1>(in, index);
    }
  }
};

template <class K, class V, class C, class A>
struct serialize<std::map<K, V, C, A>> : detail::serialize_map<std::map<K, V, C, A>> {};
template <class K, class V, class H, class E, class A>
struct serialize<std::unordered_map<K, V, H, E, A>> : detail::serialize_map<std::unordered_map<K, V, H, E, A>> {};
template <class K, class V, class C, class A>
struct serialize<std::multimap<K, V, C, A>> : detail::serialize_map<std::multimap<K, V, C, A>> {};
template <class K, class C, class A>
struct serialize<std::set<K, C, A>> : detail::serialize_elements<std::set<K, C, A>, K> {};
template <class K, class C, class A>
struct serialize<std::multiset<K, C, A>> : detail::serialize_elements<std::multiset<K, C, A>, K> {};
template <class K, class H, class E, class A>
struct serialize<std::unordered_set<K, H, E, A>> : detail::serialize_elements<std::unordered_set<K, H, E, A>, K> {};
template <class T, class A> struct serialize<std::deque<T, A>> : detail::serialize_elements<std::deque<T, A>, T> {};
template <class T, class A> struct serialize<std::list<T, A>> : detail::serialize_elements<std::list<T, A>, T> {};

namespace detail {

/// Whether values of the type, and all that they hold, can go to another process.
template <class T> struct travels_whole : has_serialize<T> {};
template <> struct travels_whole<void> : std::true_type {};
template <class T, class A> struct travels_whole<std::vector<T, A>> : travels_whole<T> {};
template <class T, std::size_t N> struct travels_whole<std::array<T, N>> : travels_whole<T> {};
template <class T> struct travels_whole<std::optional<T>> : travels_whole<T> {};
template <class A, class B>
struct travels_whole<std::pair<A, B>> : std::conjunction<travels_whole<A>, travels_whole<B>> {};
template <class... T> struct travels_whole<std::variant<T...>> : std::conjunction<travels_whole<T>...> {};
template <class... T> struct travels_whole<std::tuple<T...>> : std::conjunction<travels_whole<T>...> {};
template <class K, class V, class C, class A>
struct travels_whole<std::map<K, V, C, A>> : std::conjunction<travels_whole<K>, travels_whole<V>> {};
template <class K, class V, class H, class E, class A>
struct travels_whole<std::unordered_map<K, V, H, E, A>> : std::conjunction<travels_whole<K>, travels_whole<V>> {};
template <class K, class V, class C, class A>
struct travels_whole<std::multimap<K, V, C, A>> : std::conjunction<travels_whole<K>, travels_whole<V>> {};
template <class K, class C, class A> struct travels_whole<std::set<K, C, A>> : travels_whole<K> {};
template <class K, class C, class A> struct travels_whole<std::multiset<K, C, A>> : travels_whole<K> {};
template <class K, class H, class E, class A>
struct travels_whole<std::unordered_set<K, H, E, A>> : travels_whole<K> {};
template <class T, class A> struct travels_whole<std::deque<T, A>> : travels_whole<T> {};
template <class T, class A> struct travels_whole<std::list<T, A>> : travels_whole<T> {};
template <class T> constexpr bool travels = travels_whole<T>::value;

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
