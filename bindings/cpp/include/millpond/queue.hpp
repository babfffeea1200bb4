// millpond/queue.hpp: queues between threads and processes.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_QUEUE_HPP
#define MILLPOND_QUEUE_HPP

#include <millpond/owner.hpp>
#include <millpond/result.hpp>
#include <millpond/serialize.hpp>

#include <optional>
#include <vector>

namespace millpond {
inline namespace MILLPOND_MODE {

/// What goes into a task in place of a queue: see queue.
template <class T> class queue_ref : public detail::ref_of<pool_queue_t> {
public:
  static_assert(detail::travels<T>,
                "millpond: items of a queue are trivially copyable, or have a millpond::serialize<>");
  queue_ref() = default;
  queue_ref(pool_queue_t *handle, std::size_t item_size) : ref_of(handle), item_size_(item_size) {}
  /// Puts an item at the end; blocks while the queue is full. Throws closed, and POOL_ERR_SIZE for one that is too large.
  void put(const T &item) {
    detail::check(try_put(item, forever));
  }
  /// As put(), at most so long: false if the queue is still full.
  template <class Rep, class Period> bool put_for(const T &item, std::chrono::duration<Rep, Period> time) {
    const std::int32_t status = try_put(item, time);
    if (status != POOL_ERR_TIMEOUT) {
      detail::check(status);
    }
    return status == POOL_OK;
  }
  /// As put_for(), but returns the status in place of throwing.
  template <class Rep, class Period> std::int32_t try_put(const T &item, std::chrono::duration<Rep, Period> time) {
    if constexpr (detail::plain_bytes<T>) {
      return pool_queue_put(c_handle(), &item, sizeof item, detail::milliseconds(time));
    } else {
      writer out;
      out << item;
      return pool_queue_put(c_handle(), out.bytes().data(), out.bytes().size(), detail::milliseconds(time));
    }
  }
  /// Gets the first item; blocks while the queue is empty. Nothing when it was closed and is empty.
  std::optional<T> get() {
    auto got = try_get(forever);
    if (got.status() == POOL_ERR_CLOSED) {
      return std::nullopt;
    }
    return std::optional<T>(std::move(got).value());
  }
  /// As get(), at most so long; nothing also if the time runs out.
  template <class Rep, class Period> std::optional<T> get_for(std::chrono::duration<Rep, Period> time) {
    auto got = try_get(time);
    if (got.status() == POOL_ERR_CLOSED || got.status() == POOL_ERR_TIMEOUT) {
      return std::nullopt;
    }
    return std::optional<T>(std::move(got).value());
  }
  /// As get_for(), but tells what there is in place of an item: POOL_ERR_TIMEOUT, POOL_ERR_CLOSED, and so on.
  template <class Rep, class Period> result<T> try_get(std::chrono::duration<Rep, Period> time) {
    std::int32_t status;
    if constexpr (detail::plain_bytes<T>) {
      alignas(T) unsigned char bytes[sizeof(T)];
      status = pool_queue_get(c_handle(), bytes, sizeof bytes, nullptr, detail::milliseconds(time));
      if (status == POOL_OK) {
        return result<T>(std::in_place, *reinterpret_cast<T *>(bytes));
      }
    } else {
      std::vector<char> bytes(item_size_);
      std::size_t size = 0;
      status = pool_queue_get(c_handle(), bytes.data(), bytes.size(), &size, detail::milliseconds(time));
      if (status == POOL_OK) {
        reader in(bytes.data(), size);
        return result<T>(std::in_place, in.template read<T>());
      }
    }
    return result<T>(status, pool_last_error());
  }
  /// Says that the work on one item that was got is done; for join().
  void task_done() {
    detail::check(pool_queue_task_done(c_handle()));
  }
  /// Waits until each item that was put has been got, and task_done() said of it. Throws worker_died, once, if some were
  /// lost with the process that had got them.
  void join() {
    detail::check(pool_queue_join(c_handle(), -1));
  }
  template <class Rep, class Period> bool join_for(std::chrono::duration<Rep, Period> time) {
    const std::int32_t status = pool_queue_join(c_handle(), detail::milliseconds(time));
    if (status != POOL_ERR_TIMEOUT) {
      detail::check(status);
    }
    return status == POOL_OK;
  }
  std::size_t size() const {
    std::size_t count = 0;
    detail::check(pool_queue_size(c_handle(), &count));
    return count;
  }
  /// Lets nothing more be put; what is there can be got.
  void close() {
    detail::check(pool_queue_close(c_handle()));
  }

  struct end_mark {};
  /// Gets item after item, until the queue is closed and empty.
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T *;
    using reference = T &;

    explicit iterator(queue_ref *owner) : owner_(owner), item_(owner->get()) {}
    T &operator*() {
      return *item_;
    }
    iterator &operator++() {
      item_ = owner_->get();
      return *this;
    }
    void operator++(int) {
      ++*this;
    }
    friend bool operator==(const iterator &i, end_mark /*end*/) {
      return !i.item_.has_value();
    }
    friend bool operator!=(const iterator &i, end_mark /*end*/) {
      return i.item_.has_value();
    }

  private:
    queue_ref *owner_;
    std::optional<T> item_;
  };
  iterator begin() {
    return iterator(this);
  }
  end_mark end() const {
    return {};
  }

private:
  std::size_t item_size_ = sizeof(T);
};

/// A queue between threads and processes, made, passed and freed as a mutex is. Items are copied in and out: trivially
/// copyable ones as they are, others as their millpond::serialize<> writes them, in at most `item_bytes` each.
///
///     millpond::queue<int> work(pool, 100);
///     for (int i = 0; i < 4; i++) pool.post([q = work.ref()]() mutable { for (int item : q) handle(item); });
///     for (int i = 0; i < 1000; i++) work.put(i);
///     work.close();
template <class T> class queue : public detail::owner<queue_ref<T>, pool_queue_t, pool_queue_free> {
  using base = detail::owner<queue_ref<T>, pool_queue_t, pool_queue_free>;

public:
  /// capacity: how many items there is room for. item_bytes: the most bytes of one.
  explicit queue(std::size_t capacity, std::size_t item_bytes = usual) : queue(nullptr, capacity, item_bytes, 0) {}
  template <class Pool, std::enable_if_t<std::is_class_v<Pool>, int> = 0>
  queue(const Pool &host, std::size_t capacity, std::size_t item_bytes = usual)
      : queue(host.c_pool(), capacity, item_bytes, 0) {}

private:
  static constexpr std::size_t usual = detail::plain_bytes<T> ? sizeof(T) : 1024;
  queue(pool_t *host, std::size_t capacity, std::size_t item_bytes, int /*private*/)
      : base([&](auto *made) { return pool_queue_create(host, item_bytes, capacity, made); }) {
    static_cast<queue_ref<T> &>(*this) = queue_ref<T>(this->c_handle(), item_bytes);
  }
};

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
