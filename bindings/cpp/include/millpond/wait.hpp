// millpond/wait.hpp: waiting for several futures.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_WAIT_HPP
#define MILLPOND_WAIT_HPP

#include <millpond/range.hpp>
#include <millpond/then.hpp>

#include <memory>
#include <vector>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

template <class Range> std::vector<pool_future_t *> handles_of(Range &futures) {
  std::vector<pool_future_t *> handles;
  for (const auto &one : futures) {
    handles.push_back(one.c_future());
  }
  return handles;
}

template <class Range>
bool wait_several(Range &futures, std::int32_t until, std::int64_t timeout_ms, std::size_t *index) {
  const auto handles = handles_of(futures);
  const std::int32_t status = pool_wait(handles.data(), handles.size(), until, timeout_ms, index);
  if (status != POOL_ERR_TIMEOUT) {
    check(status);
  }
  return status == POOL_OK;
}

} // namespace detail

/// Waits until all futures of a range are ready; those that are not valid() are passed over. False if the time runs out.
template <class Range> bool wait_all(const Range &futures, std::chrono::milliseconds time = forever) {
  return detail::wait_several(futures, POOL_WAIT_ALL, detail::milliseconds(time), nullptr);
}
/// Waits until one is ready: its number. Throws POOL_ERR_INVALID if there is none.
template <class Range> std::size_t wait_any(const Range &futures) {
  std::size_t index = 0;
  detail::wait_several(futures, POOL_WAIT_ANY, -1, &index);
  return index;
}
/// As wait_any(), at most so long: nothing if the time runs out.
template <class Range, class Rep, class Period>
std::optional<std::size_t> wait_any_for(const Range &futures, std::chrono::duration<Rep, Period> time) {
  std::size_t index = 0;
  const bool ready = detail::wait_several(futures, POOL_WAIT_ANY, detail::milliseconds(time), &index);
  return ready ? std::optional<std::size_t>(index) : std::nullopt;
}
/// Waits until one has failed, or all are ready: the number of the failed one, if there is one.
template <class Range> std::optional<std::size_t> wait_first_error(const Range &futures) {
  std::size_t index = 0;
  detail::wait_several(futures, POOL_WAIT_FIRST_ERROR, -1, &index);
  return index < detail::handles_of(futures).size() ? std::optional<std::size_t>(index) : std::nullopt;
}

/// What when_any() is about: the futures, and which of them was ready first.
template <class R> struct any_of {
  std::size_t index;
  std::vector<future<R>> futures;
};

/// A future that is ready when one of several is. Takes them over, and gives them back with its result. Runs where when_all()
/// does.
///
///     auto [index, futures] = millpond::when_any(std::move(mirrors)).get();
///     use(futures[index].get());
template <class R> future<any_of<R>> when_any(std::vector<future<R>> futures) {
  future<any_of<R>> first;
  pool_t *const host = detail::pool_for_waiting(futures.empty() ? nullptr : &futures.front());
  auto bound = detail::bind_call([all = std::move(futures)]() mutable {
    const std::size_t index = wait_any(all); // A task that waits gives its place to another.
    return any_of<R>{index, std::move(all)};
  });
  detail::check(detail::submit_here(host, static_cast<const call<> *>(nullptr), std::move(bound), first));
  return first;
}

/// Futures in the order in which they become ready, as a range to go through once: each element is the future itself, in
/// its container, which must stay as it is until then.
///
///     for (auto &future : millpond::as_completed(futures)) std::cout << future.get() << "\n";
template <class Container> class as_completed {
public:
  using future_type = std::remove_reference_t<decltype(*std::begin(std::declval<Container &>()))>;

  explicit as_completed(Container &futures) {
    for (auto &one : futures) {
      all_.push_back(&one);
    }
    const auto handles = detail::handles_of(futures);
    pool_as_completed_t *made = nullptr;
    detail::check(pool_as_completed(handles.data(), handles.size(), &made));
    iterator_.reset(made);
  }

  struct end_mark {};
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = future_type;
    using difference_type = std::ptrdiff_t;
    using pointer = future_type *;
    using reference = future_type &;

    explicit iterator(as_completed *owner) : owner_(owner) {
      ++*this;
    }
    future_type &operator*() const {
      return *owner_->all_[owner_->index_];
    }
    future_type *operator->() const {
      return &**this;
    }
    /// Blocks until the next is ready.
    iterator &operator++() {
      ended_ = detail::checked(pool_as_completed_next(owner_->iterator_.get(), -1, &owner_->index_)) == 0;
      return *this;
    }
    void operator++(int) {
      ++*this;
    }
    friend bool operator==(const iterator &i, end_mark /*end*/) {
      return i.ended_;
    }
    friend bool operator!=(const iterator &i, end_mark /*end*/) {
      return !i.ended_;
    }

  private:
    as_completed *owner_;
    bool ended_ = false;
  };

  iterator begin() {
    return iterator(this);
  }
  end_mark end() const {
    return {};
  }
  /// The number, in the container, of the future that was given out last.
  std::size_t index() const noexcept {
    return index_;
  }
  /// The next future that becomes ready, for loops of your own: NULL when all have been given out. Throws `timeout`.
  future_type *next(std::chrono::milliseconds time = forever) {
    const std::int32_t got = pool_as_completed_next(iterator_.get(), detail::milliseconds(time), &index_);
    return detail::checked(got) == 0 ? nullptr : all_[index_];
  }

private:
  std::vector<future_type *> all_;
  detail::handle<pool_as_completed_t, pool_as_completed_release> iterator_;
  std::size_t index_ = 0;
};

template <class Container> as_completed(Container &) -> as_completed<Container>;

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
