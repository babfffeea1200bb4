// millpond/range.hpp: ranges of any kind as something with numbered elements.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_RANGE_HPP
#define MILLPOND_RANGE_HPP

#include <millpond/config.hpp>

#include <deque>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

using std::begin;
using std::end;

template <class Range> using iterator_of = decltype(begin(std::declval<Range &>()));
template <class Range> struct begins {
  using type = iterator_of<Range>;
};
template <class Range> using sentinel_of = decltype(end(std::declval<Range &>()));
template <class Range> using reference_of = decltype(*std::declval<iterator_of<Range> &>());
/// The type of the elements: what a proxy, as std::vector<bool> has it, stands for.
template <class Range, class = void> struct element_type {
  using type = std::remove_cv_t<std::remove_reference_t<reference_of<Range>>>;
};
template <class Range>
struct element_type<Range,
                    std::enable_if_t<std::is_class_v<reference_of<Range>> &&
                                     std::is_object_v<typename std::iterator_traits<iterator_of<Range>>::value_type>>> {
  using type = typename std::iterator_traits<iterator_of<Range>>::value_type;
};
template <class Range> using element_of = typename element_type<Range>::type;

template <class Range, class = void> struct is_range : std::false_type {};
template <class Range> struct is_range<Range, std::void_t<reference_of<Range>, sentinel_of<Range>>> : std::true_type {};

template <class Range, class = void> struct is_indexed : std::false_type {};
template <class Range>
struct is_indexed<Range,
                  std::void_t<decltype(std::declval<iterator_of<Range> &>()[std::ptrdiff_t()]),
                              decltype(std::declval<sentinel_of<Range> &>() - std::declval<iterator_of<Range> &>())>>
    : std::true_type {};

template <class Range, class = void> struct is_contiguous : std::is_array<std::remove_reference_t<Range>> {};
template <class Range>
struct is_contiguous<Range,
                     std::void_t<decltype(std::declval<Range &>().data()), decltype(std::declval<Range &>().size())>>
    : std::is_pointer<decltype(std::declval<Range &>().data())> {};

/// Whether what an iterator refers to is still there when it has moved on.
template <class Range>
constexpr bool is_forward =
    std::is_lvalue_reference_v<reference_of<Range>> &&
    std::is_base_of_v<std::forward_iterator_tag, typename std::iterator_traits<iterator_of<Range>>::iterator_category>;

/// A range with an operator[].
template <class Iterator> struct indexed_source {
  Iterator first;
  std::size_t count;
  decltype(auto) operator[](std::size_t index) const {
    return first[static_cast<typename std::iterator_traits<Iterator>::difference_type>(index)];
  }
};
/// A range that can be gone through twice: where its elements are.
template <class Iterator> struct listed_source {
  std::vector<Iterator> all;
  std::size_t count;
  decltype(auto) operator[](std::size_t index) const {
    return *all[index];
  }
};
/// A range that can be gone through once: its elements, each an object of its own, bool too.
template <class Element> struct copied_source {
  std::deque<Element> all;
  std::size_t count;
  Element &operator[](std::size_t index) {
    return all[index];
  }
};

/// Says at compile time that something else was given in place of a range: a class, so that it is the first to say so.
template <class Range> struct must_be_range {
  static_assert(is_range<Range>::value, "millpond: this is no range: it has no begin() and end()");
};

/// What has the elements of a range by number; for ranges that cannot tell, after having gone through them.
template <class Range> auto source_of(Range &range) {
  static_cast<void>(must_be_range<Range>{});
  auto first = begin(range);
  auto last = end(range);
  if constexpr (is_indexed<Range>::value) {
    return indexed_source<decltype(first)>{first, static_cast<std::size_t>(last - first)};
  } else if constexpr (is_forward<Range>) {
    listed_source<decltype(first)> source{{}, 0};
    for (; first != last; ++first) {
      source.all.push_back(first);
    }
    source.count = source.all.size();
    return source;
  } else {
    copied_source<element_of<Range>> source{{}, 0};
    for (; first != last; ++first) {
      source.all.push_back(*first);
    }
    source.count = source.all.size();
    return source;
  }
}

/// What has the results of many calls: nothing if they have none.
template <class R> struct list_type {
  using type = std::vector<R>;
};
template <> struct list_type<void> {
  using type = void;
};
template <class R> using list_of = typename list_type<R>::type;

/// Room for results that are written in any order: a vector's own, where its elements can be made beforehand.
template <class R, class = void> class result_room {
public:
  explicit result_room(std::size_t count) : all_(count) {}
  template <class T> void put(std::size_t index, T &&value) {
    all_[index].emplace(std::forward<T>(value));
  }
  std::vector<R> take() {
    std::vector<R> values;
    values.reserve(all_.size());
    for (auto &one : all_) {
      values.push_back(std::move(*one));
    }
    return values;
  }

private:
  std::vector<std::optional<R>> all_;
};
template <class R>
class result_room<R, std::enable_if_t<std::is_default_constructible_v<R> && std::is_move_assignable_v<R> &&
                                      !std::is_same_v<R, bool>>> {
public:
  explicit result_room(std::size_t count) : all_(count), at_(all_.data()) {}
  template <class T> void put(std::size_t index, T &&value) {
    at_[index] = std::forward<T>(value);
  }
  std::vector<R> take() {
    return std::move(all_);
  }
  R *data() {
    return at_;
  }

private:
  std::vector<R> all_;
  R *at_;
};
/// For functions without results.
template <> class result_room<void> {
public:
  explicit result_room(std::size_t /*count*/) {}
  void take() {}
};
/// Results that go where the caller says.
template <class Iterator> class given_room {
public:
  explicit given_room(Iterator first) : first_(first) {}
  template <class T> void put(std::size_t index, T &&value) {
    first_[static_cast<typename std::iterator_traits<Iterator>::difference_type>(index)] = std::forward<T>(value);
  }

private:
  Iterator first_;
};

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
