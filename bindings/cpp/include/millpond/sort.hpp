// millpond/sort.hpp: sorting on threads.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_SORT_HPP
#define MILLPOND_SORT_HPP

#include <millpond/range.hpp>
#include <millpond/thrown.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <vector>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// The number of a type that pool_sort() sorts; -1 for others.
template <class T> constexpr std::int32_t sort_type() {
  if constexpr (std::is_same_v<T, float>) {
    return POOL_SORT_F32;
  } else if constexpr (std::is_same_v<T, double>) {
    return POOL_SORT_F64;
  } else if constexpr (std::is_integral_v<T> && sizeof(T) == 4) {
    return std::is_signed_v<T> ? POOL_SORT_I32 : POOL_SORT_U32;
  } else if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
    return std::is_signed_v<T> ? POOL_SORT_I64 : POOL_SORT_U64;
  } else {
    return -1;
  }
}

/// A comparison in the C interface's terms. What it throws is kept: from then on all are equal, so that the sort ends.
template <class T, class Less, bool ByPointer> struct comparison {
  Less &less;
  std::atomic<bool> failed{false};
#if MILLPOND_EXCEPTIONS
  std::exception_ptr exception;
#endif

  explicit comparison(Less &function) : less(function) {}
  static const T &element(const void *at) {
    if constexpr (ByPointer) {
      return **static_cast<T *const *>(at);
    } else {
      return *static_cast<const T *>(at);
    }
  }
  static int compare(const void *a, const void *b, void *context) {
    auto &here = *static_cast<comparison *>(context);
    MILLPOND_TRY {
      if (here.failed.load(std::memory_order_relaxed)) {
        return 0;
      }
      return here.less(element(a), element(b)) ? -1 : here.less(element(b), element(a)) ? 1 : 0;
    }
    MILLPOND_CATCH_ALL {
#if MILLPOND_EXCEPTIONS
      if (!here.failed.exchange(true)) {
        here.exception = std::current_exception();
      }
#endif
      return 0;
    }
  }
  void finish(std::int32_t status) {
#if MILLPOND_EXCEPTIONS
    if (failed) {
      std::rethrow_exception(exception);
    }
#endif
    check(status);
  }
};

/// Sorts elements that may be moved as bytes where they are; of others their addresses, and then moves them.
template <class T, class Iterator, class Less>
void sort_range(pool_t *host, Iterator first, std::size_t count, Less &less) {
  if (count < 2) {
    return;
  }
  constexpr bool in_place = std::is_pointer_v<Iterator> && std::is_trivially_copyable_v<T>;
  if constexpr (in_place) {
    comparison<T, Less, false> how(less);
    how.finish(pool_sort_with(host, first, count, sizeof(T), how.compare, &how));
  } else {
    using difference = typename std::iterator_traits<Iterator>::difference_type;
    std::vector<T *> order(count);
    for (std::size_t index = 0; index < count; index++) {
      order[index] = &first[static_cast<difference>(index)];
    }
    comparison<T, Less, true> how(less);
    how.finish(pool_sort_with(host, order.data(), count, sizeof(T *), how.compare, &how));
    std::vector<T> sorted;
    sorted.reserve(count);
    for (T *const one : order) {
      sorted.push_back(std::move(*one));
    }
    for (std::size_t index = 0; index < count; index++) {
      first[static_cast<difference>(index)] = std::move(sorted[index]);
    }
  }
}

template <class Range, class Less> void sort_on(pool_t *host, Range &range, Less &less) {
  using T = element_of<Range>;
  static_assert(is_indexed<Range>::value, "millpond: sort() wants a range with random access");
  const auto count = static_cast<std::size_t>(end(range) - begin(range));
  constexpr bool usual = std::is_same_v<Less, std::less<>> || std::is_same_v<Less, std::less<T>>;
  using iterator = iterator_of<Range>;
  constexpr bool in_a_row = is_contiguous<Range>::value || std::is_pointer_v<iterator> ||
                            (!std::is_same_v<T, bool> && std::is_same_v<iterator, typename std::vector<T>::iterator>);
  if constexpr (in_a_row) {
    T *const first = count == 0 ? nullptr : &*begin(range);
    if constexpr (usual && sort_type<T>() >= 0) {
      check(pool_sort(host, first, count, sort_type<T>()));
    } else {
      sort_range<T>(host, first, count, less);
    }
  } else {
    sort_range<T>(host, begin(range), count, less);
  }
}

template <class Iterator, class Less> void sort_between(pool_t *host, Iterator first, Iterator last, Less &less) {
  struct {
    Iterator from;
    Iterator to;
    Iterator begin() const {
      return from;
    }
    Iterator end() const {
      return to;
    }
  } range{first, last};
  sort_on(host, range, less);
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
