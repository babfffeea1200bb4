// millpond/imap.hpp: maps from a range to a loop, never further ahead than a window.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_IMAP_HPP
#define MILLPOND_IMAP_HPP

#include <millpond/group.hpp>
#include <millpond/map.hpp>

#include <memory>
#include <unordered_map>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// An element on its way, and what becomes of it.
template <class T, class R> struct imap_item {
  explicit imap_item(T &&element) : arg(std::move(element)) {}
  T arg;
  std::optional<value_of<R>> result;
};

/// What a map under way holds on to: where its elements come from, the function, and the items in the window.
template <class Range, class F> struct imap_state {
  using T = element_of<Range>;
  using R = result_of<F &, T>;
  using item = imap_item<T, R>;
  static_assert(std::is_constructible_v<T, reference_of<Range>>,
                "millpond: imap() copies its elements: if they can only be moved, go through them by "
                "std::make_move_iterator()");

  imap_state(Range &&elements, F &&function)
      : range(std::forward<Range>(elements)), next(begin(range)), last(end(range)), f(std::move(function)) {}
  Range range; // A reference if it was given as an lvalue.
  iterator_of<std::remove_reference_t<Range>> next;
  sentinel_of<std::remove_reference_t<Range>> last;
  F f;
  group items;
  std::size_t produced = 0;
  std::unordered_map<std::size_t, std::unique_ptr<item>> window;
  thrown_items thrown;
#if MILLPOND_EXCEPTIONS
  std::exception_ptr exception;
#endif
};

/// How items are handed to the tasks: on threads by address, to processes as bytes.
template <class Range, class F> struct imap_threads {
  using state = imap_state<Range, F>;
  using item = typename state::item;
  struct argument {
    item *one;
    state *all;
  };
  static constexpr std::size_t result_size = 0;

  static std::int32_t produce(void *arg, void *user_data) {
    auto &here = *static_cast<state *>(user_data);
    MILLPOND_TRY {
      if (!(here.next != here.last)) {
        return 0;
      }
      auto one = std::make_unique<item>(typename state::T(*here.next));
      ++here.next;
      ::new (arg) argument{one.get(), &here};
      here.window.emplace(here.produced, std::move(one));
      here.produced++;
      return 1;
    }
    MILLPOND_CATCH_ALL {
#if MILLPOND_EXCEPTIONS
      here.exception = std::current_exception();
#endif
      return POOL_ERR_INTERNAL;
    }
  }
  static std::int32_t run(const void *arg, void * /*result*/, pool_task_t *raw) {
    const auto &given = *static_cast<const argument *>(arg);
    MILLPOND_TRY {
      task self(raw);
      if constexpr (std::is_void_v<typename state::R>) {
        invoke_in(self, given.all->f, std::move(given.one->arg));
      } else {
        given.one->result.emplace(invoke_in(self, given.all->f, std::move(given.one->arg)));
      }
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      return given.all->thrown.keep(raw);
    }
  }
};

template <class Range, class F> struct imap_processes {
  using state = imap_state<Range, F>;
  using T = typename state::T;
  using R = typename state::R;
  struct argument {
    T one;
    F f;
  };
  static constexpr std::size_t result_size = size_by_value<R>;

  static std::int32_t produce(void *arg, void *user_data) {
    auto &here = *static_cast<state *>(user_data);
    MILLPOND_TRY {
      if (!(here.next != here.last)) {
        return 0;
      }
      ::new (arg) argument{T(*here.next), here.f};
      ++here.next;
      return 1;
    }
    MILLPOND_CATCH_ALL {
#if MILLPOND_EXCEPTIONS
      here.exception = std::current_exception();
#endif
      return POOL_ERR_INTERNAL;
    }
  }
  static std::int32_t run(const void *arg, void *result, pool_task_t *raw) {
    MILLPOND_TRY {
      task self(raw);
      argument given(*static_cast<const argument *>(arg));
      run_into<R>(result, [&]() -> decltype(auto) { return invoke_in(self, given.f, std::move(given.one)); });
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      return tell_current(raw);
    }
  }
};

} // namespace detail

/// A map under way, as a range to go through once; from pool::imap() and imap_unordered(). Each step blocks until the next
/// result is there, and throws what its element has thrown (then it may go on). Its end cancels what is left, and waits for
/// the elements that are being worked on. Move-only; one thread at a time.
template <class Range, class F> class imap {
  using state = detail::imap_state<Range, F>;

public:
  using R = typename state::R;

  /// Private: pool::imap().
  imap(pool_t *host, bool remote, const pool_call_t &how, Range &&range, F &&f, std::size_t window, bool ordered)
      : state_(std::make_unique<state>(std::forward<Range>(range), std::move(f))), remote_(remote) {
    if (remote) {
      if constexpr (can_be_bytes) {
        start<detail::imap_processes<Range, F>>(host, how, window, ordered);
      } else {
        detail::raise(POOL_ERR_UNSUPPORTED,
                      "imap() in processes wants elements, results and a function that are trivially "
                      "copyable");
      }
    } else {
      start<detail::imap_threads<Range, F>>(host, how, window, ordered);
    }
  }
  imap(imap &&) noexcept = default;
  imap &operator=(imap &&) = delete;
  ~imap() {
    if (state_ != nullptr) {
      handle_.reset();
      leave();
    }
  }

  /// The next result; nothing at the end. Throws what the element has thrown, or the range.
  std::optional<detail::value_of<R>> next() {
    std::size_t index = 0;
    std::int32_t status = POOL_OK;
    std::string sentence;
    std::optional<detail::value_of<R>> value;
    if (remote_) {
      if constexpr (can_be_bytes) {
        if constexpr (std::is_void_v<R>) {
          if (!step(nullptr, 0, index, status, sentence)) {
            return std::nullopt;
          }
          value.emplace();
        } else {
          alignas(R) unsigned char bytes[sizeof(R)];
          if (!step(bytes, sizeof bytes, index, status, sentence)) {
            return std::nullopt;
          }
          if (status == POOL_OK) {
            value.emplace(*reinterpret_cast<R *>(bytes));
          }
        }
      }
    } else {
      if (!step(nullptr, 0, index, status, sentence)) {
        return std::nullopt;
      }
      const auto found = state_->window.find(index);
      if constexpr (std::is_void_v<R>) {
        value.emplace();
      } else if (found->second->result) {
        value.emplace(std::move(*found->second->result));
      }
      state_->window.erase(found);
    }
    index_ = index;
    if (status != POOL_OK) {
      detail::raise_of_task(status, sentence);
    }
    return value;
  }
  /// The number of the element whose result came last.
  std::size_t index() const noexcept {
    return index_;
  }

  struct end_mark {};
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = detail::value_of<R>;
    using difference_type = std::ptrdiff_t;
    using pointer = value_type *;
    using reference = value_type &;

    explicit iterator(imap *owner) : owner_(owner), value_(owner->next()) {}
    value_type &operator*() {
      return *value_;
    }
    iterator &operator++() {
      auto next = owner_->next();
      value_.reset(); // Its type may have no assignment.
      if (next) {
        value_.emplace(std::move(*next));
      }
      return *this;
    }
    void operator++(int) {
      ++*this;
    }
    friend bool operator==(const iterator &i, end_mark /*end*/) {
      return !i.value_.has_value();
    }
    friend bool operator!=(const iterator &i, end_mark /*end*/) {
      return i.value_.has_value();
    }

  private:
    imap *owner_;
    std::optional<value_type> value_;
  };
  iterator begin() {
    return iterator(this);
  }
  end_mark end() const {
    return {};
  }

private:
  static constexpr bool can_be_bytes = detail::plain_bytes<typename state::T> && std::is_trivially_copyable_v<F> &&
                                       detail::fits_by_value<R> && alignof(typename state::T) <= 16 && alignof(F) <= 16;

  template <class Kind> void start(pool_t *host, const pool_call_t &how, std::size_t window, bool ordered) {
    pool_call_t raw = how;
    raw.fn = Kind::run;
    raw.arg_size = sizeof(typename Kind::argument);
    raw.result_size = Kind::result_size;
    if (!remote_) {
      if (raw.group != nullptr) {
        detail::raise(POOL_ERR_INVALID, "imap() has a group of its own, by which it waits for its items");
      }
      raw.group = state_->items.c_group();
    }
    pool_imap_t *made = nullptr;
    const auto started = ordered ? pool_imap : pool_imap_unordered;
    const std::int32_t status = started(host, &raw, Kind::produce, state_.get(), window, &made);
    if (status != POOL_OK) {
      const std::string sentence = pool_last_error();
      leave();
      detail::raise(status, sentence);
    }
    handle_.reset(made);
  }
  /// Waits for the items that work with the state. Those that cannot be waited for, in an item of this very map or in a forked
  /// process, keep it.
  void leave() noexcept {
    const std::int32_t status = remote_ ? POOL_OK : state_->items.try_wait();
    if (status == POOL_ERR_DEADLOCK || status == POOL_ERR_FORKED) {
      static_cast<void>(state_.release());
    }
  }
  /// False at the end.
  bool step(void *result, std::size_t size, std::size_t &index, std::int32_t &status, std::string &sentence) {
    const std::int32_t got = pool_imap_next(handle_.get(), -1, result, size, &index, &status);
    if (got == 1 && status != POOL_OK) {
      sentence = pool_last_error(); // Now: an element's destructor may call the library, too.
    }
#if MILLPOND_EXCEPTIONS
    if (got < 0 && state_->exception) {
      std::rethrow_exception(std::exchange(state_->exception, nullptr));
    }
#endif
    return detail::checked(got) == 1;
  }

  std::unique_ptr<state> state_;
  detail::handle<pool_imap_t, pool_imap_release> handle_;
  bool remote_;
  std::size_t index_ = 0;
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
