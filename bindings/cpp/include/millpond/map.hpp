// millpond/map.hpp: a function over all elements of a range.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_MAP_HPP
#define MILLPOND_MAP_HPP

#include <millpond/range.hpp>
#include <millpond/remote.hpp>

#include <memory>
#include <mutex>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// Exceptions of several items: they are kept while the map is, and dropped with it.
class thrown_items {
public:
  thrown_items() = default;
  thrown_items(const thrown_items &) = delete;
  thrown_items &operator=(const thrown_items &) = delete;
  ~thrown_items() {
    for (const std::int32_t code : codes_) {
      drop_thrown(code);
    }
  }
  /// Keeps the exception that is being handled; the status that the item is to return.
  std::int32_t keep(pool_task_t *task) noexcept {
    const std::int32_t code = keep_current(task);
    MILLPOND_TRY {
      const std::lock_guard<std::mutex> guard(lock_);
      codes_.push_back(code);
    }
    MILLPOND_CATCH_NOEXCEPT {}
    return code;
  }

private:
  std::mutex lock_;
  std::vector<std::int32_t> codes_;
};

/// A map under way on threads: the body of its loop, and its failures. Body is called with a number and a task.
template <class Body, bool WantsIndex> struct map_frame {
  explicit map_frame(Body body) : body_(std::move(body)) {}
  /// A run of items, in the library's turn; see pool_map() in the C header, whose loop this is.
  static std::int32_t sweep(pool_sweep_t *sweep) {
    auto &here = *static_cast<map_frame *>(const_cast<void *>(static_cast<const void *>(sweep->arg)));
    const std::uint32_t *const pokes = sweep->pokes;
    const std::uint32_t seen = sweep->seen;
    const std::size_t end = sweep->end;
    std::size_t index = sweep->index;
    std::int32_t status = POOL_OK;
    MILLPOND_TRY {
      task self(sweep->task);
      while (index < end && __atomic_load_n(pokes, __ATOMIC_ACQUIRE) == seen) {
        if constexpr (WantsIndex) {
          sweep->task->index = index;
        }
        here.body_(index, self);
        status = self.code();
        if (status != POOL_OK) {
          break;
        }
        index++;
      }
    }
    MILLPOND_CATCH_ALL {
      status = here.thrown_.keep(sweep->task);
    }
    sweep->index = index;
    return status;
  }
  /// A single item.
  static std::int32_t item(const void *arg, void * /*result*/, pool_task_t *raw) {
    auto &here = *static_cast<map_frame *>(const_cast<void *>(arg));
    MILLPOND_TRY {
      task self(raw);
      here.body_(raw->index, self);
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      return here.thrown_.keep(raw);
    }
  }
  /// A run of numbers, for pool_for().
  static std::int32_t range(std::size_t begin, std::size_t end, void *context, pool_task_t *raw) {
    auto &here = *static_cast<map_frame *>(context);
    MILLPOND_TRY {
      task self(raw);
      for (std::size_t index = begin; index < end; index++) {
        here.body_(index, self);
        if (self.code() != POOL_OK) {
          break;
        }
      }
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      return here.thrown_.keep(raw);
    }
  }

private:
  Body body_;
  thrown_items thrown_;
};

/// Runs `body` for all numbers below `count`. The status of the lowest that has failed.
template <bool WantsIndex, class Body, class How, class Then>
void run_map(pool_t *host, const How *attributes, std::size_t count, Body body, Then &&failed) {
  using frame_t = map_frame<Body, WantsIndex>;
  frame_t frame(std::move(body));
  std::int32_t status;
  if (attributes == nullptr) {
    status = pool_map_swept(host, frame_t::item, &frame, 0, nullptr, 0, count, frame_t::sweep);
  } else {
    static_assert(!How::has_callback, "millpond: a map that is waited for has no callback");
    pool_call_t raw = attributes->c_call();
    raw.fn = frame_t::item;
    status = pool_map_with(host, &raw, &frame, nullptr, nullptr, count);
  }
  if (status != POOL_OK) {
    failed(status); // While the frame keeps the exceptions.
  }
}

inline void map_failed(std::int32_t status) {
  raise_of_task(status, pool_last_error());
}

/// A map on threads, into whatever room there is.
template <class Source, class F, class Room, class How>
void map_here(pool_t *host, const How *attributes, Source &source, F &f, Room &room) {
  using element = decltype(source[0]);
  using R = result_of<F &, element>;
  run_map<true>(
      host, attributes, source.count,
      [&source, &f, &room](std::size_t index, task &self) {
        if constexpr (std::is_void_v<R>) {
          (void)room;
          invoke_in(self, f, source[index]);
        } else {
          room.put(index, invoke_in(self, f, source[index]));
        }
      },
      map_failed);
}

/// A function as a map in processes finds it: made from nothing if it is nothing but its type, else in shared memory.
template <class F> class shared_function {
public:
  shared_function(pool_t *host, const F &f) : pool_(host) {
    if constexpr (!std::is_empty_v<F>) {
      memory_ = pool_shared_alloc(host, sizeof(F));
      if (memory_ == nullptr) {
        raise(POOL_ERR_NO_MEMORY, pool_last_error());
      }
      std::memcpy(memory_, &f, sizeof f);
    } else {
      (void)f;
    }
  }
  ~shared_function() {
    if (memory_ != nullptr) {
      pool_shared_free(pool_, memory_);
    }
  }
  shared_function(const shared_function &) = delete;
  shared_function &operator=(const shared_function &) = delete;
  const void *context() const {
    return memory_;
  }
  static F find(const void *context) {
    alignas(F) unsigned char bytes[sizeof(F)]{};
    if constexpr (!std::is_empty_v<F>) {
      std::memcpy(bytes, context, sizeof bytes);
    } else {
      (void)context;
    }
    return *reinterpret_cast<F *>(bytes);
  }

private:
  pool_t *pool_;
  void *memory_ = nullptr;
};

/// An item of a map in processes: element and result are bytes.
template <class F, class T, class R> std::int32_t remote_item(const void *arg, void *result, pool_task_t *raw) {
  MILLPOND_TRY {
    task self(raw);
    F f = shared_function<F>::find(raw->context);
    run_into<R>(result, [&]() -> decltype(auto) { return invoke_in(self, f, *static_cast<const T *>(arg)); });
    return self.code();
  }
  MILLPOND_CATCH_ALL {
    return tell_current(raw);
  }
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
