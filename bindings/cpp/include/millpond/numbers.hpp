// millpond/numbers.hpp: whole numbers as a range.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_NUMBERS_HPP
#define MILLPOND_NUMBERS_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <type_traits>

namespace millpond {
inline namespace MILLPOND_MODE {

/// The numbers from `first` to `last`, `last` not included, as a range.
///
///     auto squares = pool.map(millpond::numbers(0, 100), [](int n) { return n * n; });
template <class Number> class numbers {
public:
  static_assert(std::is_integral_v<Number> && sizeof(Number) <= 8, "millpond: numbers() are whole numbers");

  class iterator {
  public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = Number;
    using difference_type = std::ptrdiff_t;
    using pointer = const Number *;
    using reference = Number;

    iterator() = default;
    explicit iterator(Number at) : at_(at) {}
    Number operator*() const {
      return at_;
    }
    Number operator[](difference_type n) const {
      return static_cast<Number>(unsigned_of(at_) + static_cast<std::uint64_t>(n));
    }
    iterator &operator+=(difference_type n) {
      at_ = (*this)[n];
      return *this;
    }
    iterator &operator-=(difference_type n) {
      at_ = static_cast<Number>(unsigned_of(at_) - static_cast<std::uint64_t>(n));
      return *this;
    }
    iterator &operator++() {
      return *this += 1;
    }
    iterator &operator--() {
      return *this -= 1;
    }
    iterator operator++(int) {
      const iterator before = *this;
      ++*this;
      return before;
    }
    iterator operator--(int) {
      const iterator before = *this;
      --*this;
      return before;
    }
    friend iterator operator+(iterator a, difference_type n) {
      return a += n;
    }
    friend iterator operator+(difference_type n, iterator a) {
      return a += n;
    }
    friend iterator operator-(iterator a, difference_type n) {
      return a -= n;
    }
    friend difference_type operator-(iterator a, iterator b) {
      return static_cast<difference_type>(unsigned_of(a.at_) - unsigned_of(b.at_));
    }
    friend bool operator==(iterator a, iterator b) {
      return a.at_ == b.at_;
    }
    friend bool operator!=(iterator a, iterator b) {
      return a.at_ != b.at_;
    }
    friend bool operator<(iterator a, iterator b) {
      return a.at_ < b.at_;
    }
    friend bool operator>(iterator a, iterator b) {
      return a.at_ > b.at_;
    }
    friend bool operator<=(iterator a, iterator b) {
      return a.at_ <= b.at_;
    }
    friend bool operator>=(iterator a, iterator b) {
      return a.at_ >= b.at_;
    }

  private:
    // In numbers without a sign, where too large a sum or difference is well-defined.
    static std::uint64_t unsigned_of(Number number) {
      return static_cast<std::uint64_t>(number);
    }
    Number at_{};
  };

  /// None if `last` is not above `first`.
  numbers(Number first, Number last) : first_(first), last_(last < first ? first : last) {}
  iterator begin() const {
    return iterator(first_);
  }
  iterator end() const {
    return iterator(last_);
  }
  std::size_t size() const {
    return static_cast<std::size_t>(end() - begin());
  }

private:
  Number first_;
  Number last_;
};

template <class A, class B> numbers(A, B) -> numbers<std::common_type_t<A, B>>;

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
