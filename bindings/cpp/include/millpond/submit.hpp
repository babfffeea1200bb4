// millpond/submit.hpp: how a call becomes a function, bytes and a handle of the C interface.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_SUBMIT_HPP
#define MILLPOND_SUBMIT_HPP

#include <millpond/call.hpp>
#include <millpond/future.hpp>
#include <millpond/pack.hpp>

#include <new>
#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// Calls, and puts the result where it belongs.
template <class R, class F> void run_into(void *result, F &&f) {
  if constexpr (std::is_void_v<R>) {
    (void)result;
    std::forward<F>(f)();
  } else {
    ::new (result) R(std::forward<F>(f)());
  }
}

/// What to do with an exception: keep it, for a waiter in this process, or tell what it was.
using caught_fn = std::int32_t (*)(pool_task_t *task) noexcept;

/// A task whose call lies in its argument, and whose result is its bytes: nothing is allocated.
template <class B, caught_fn Caught> std::int32_t run_value(const void *arg, void *result, pool_task_t *raw) {
  MILLPOND_TRY {
    task self(raw);
    B bound(*static_cast<const B *>(arg));
    run_into<typename B::result>(result, [&]() -> decltype(auto) { return bound(self); });
    return self.code();
  }
  MILLPOND_CATCH_ALL {
    return Caught(raw);
  }
}

/// A cell for a call that is more than bytes, or has a callback.
template <class B, class Callback, bool Repeats> struct call_cell final : cell {
  using R = typename B::result;
  using kept = std::conditional_t<fits_by_value<R>, nothing, value_of<R>>;

  call_cell(B &&call, const Callback &called) : bound(std::move(call)), callback(called) {}
  ~call_cell() override {
    drop_thrown(thrown);
  }
  std::optional<B> bound;
  std::optional<kept> slot;
  Callback callback;
  std::int32_t thrown = POOL_OK;

  static std::int32_t run(const void *arg, void *result, pool_task_t *raw) {
    auto &here = *static_cast<call_cell *>(const_cast<void *>(arg));
    MILLPOND_TRY {
      task self(raw);
      here.run_once(result, self);
      return self.code();
    }
    MILLPOND_CATCH_ALL {
      drop_thrown(here.thrown);
      here.thrown = keep_current(raw);
      if constexpr (!Repeats) {
        here.bound.reset();
      }
      return here.thrown;
    }
  }

private:
  void run_once(void *result, task &self) {
    if constexpr (Repeats) {
      B copy(*bound); // The call may be needed once more.
      finish(result, self, copy);
    } else {
      finish(result, self, *bound);
      bound.reset();
    }
  }
  void finish(void *result, task &self, B &call) {
    if constexpr (fits_by_value<R>) {
      run_into<R>(result, [&]() -> decltype(auto) { return call(self); });
    } else {
      (void)result;
      slot.emplace(call(self));
    }
  }
};

/// A cell that holds a callback only: for tasks in other processes.
template <class R, class Callback> struct callback_cell final : cell {
  explicit callback_cell(const Callback &called) : callback(called) {}
  Callback callback;
  std::optional<nothing> slot;
};

/// Whether a callback wants to know of failures, too.
template <class R, class Callback> constexpr bool takes_result = std::is_invocable_v<Callback &, result<R>>;

/// Calls `use` with the value that a task has ended well with; with nothing if it has none.
template <class R, class Slot, class Use> void with_value(const pool_result_t *outcome, Slot &slot, Use &&use) {
  if constexpr (std::is_void_v<R>) {
    use();
  } else if constexpr (fits_by_value<R>) {
    use(R(*static_cast<const R *>(outcome->data)));
  } else if constexpr (!std::is_same_v<Slot, std::optional<R>>) {
    reader in = reader_with_size(outcome->data);
    use(in.read<R>());
  } else if constexpr (std::is_copy_constructible_v<R>) {
    use(R(std::as_const(*slot))); // The future has its own.
  } else {
    use(std::move(*slot));
  }
}

/// The function that the library calls with the outcome; the callback's part of the cell ends with it. What a callback
/// throws ends the program.
template <class R, class Cell> void call_back(const pool_result_t *outcome, void *user_data) noexcept {
  auto *const here = static_cast<Cell *>(user_data);
  auto &callback = here->callback;
  using Callback = std::remove_reference_t<decltype(callback)>;
  if constexpr (takes_result<R, Callback>) {
    if (outcome->status == POOL_OK) {
      with_value<R>(outcome, here->slot, [&callback](auto &&...value) {
        callback(result<R>(std::in_place, std::forward<decltype(value)>(value)...));
      });
    } else {
      callback(result<R>(outcome->status, outcome->message));
    }
  } else {
    if (outcome->status == POOL_OK) {
      with_value<R>(outcome, here->slot, [&callback](auto &&...value) {
        static_assert(std::is_invocable_v<Callback &, decltype(value)...>,
                      "millpond: a callback takes a millpond::result<R>, or the value, of the type R that the task "
                      "returns; of a task without a value, nothing");
        callback(std::forward<decltype(value)>(value)...);
      });
    }
  }
  cell::let_go(here);
}

/// The future's copy of a result that the callback has, too. One that can only be moved is the callback's.
template <class R> std::int32_t copy_slot(const void *slot, void *into) {
  if constexpr (!std::is_void_v<R>) {
    if constexpr (std::is_copy_constructible_v<R>) {
      static_cast<std::optional<R> *>(into)->emplace(**static_cast<const std::optional<R> *>(slot));
    } else {
      return POOL_ERR_INVALID;
    }
  }
  return POOL_OK;
}

/// Submits a call of the C interface: one without attributes by the shorter way.
inline std::int32_t submit_raw(pool_t *host, bool plain, const pool_call_t &raw, pool_future_t **handle) {
  if (plain) {
    return pool_apply_async(host, raw.fn, raw.arg, raw.arg_size, raw.result_size, raw.callback, raw.user_data, handle);
  }
  return pool_submit(host, &raw, 1, handle);
}

/// Submits a call whose cell is made, with one part for the future and one for the callback.
template <class R, class Callback, class Cell>
std::int32_t submit_cell(pool_t *host, bool plain, pool_call_t raw, Cell *block, void *slot, future<R> &into) {
  constexpr bool calls_back = !std::is_same_v<Callback, no_callback>;
  if constexpr (calls_back) {
    block->share();
    raw.callback = call_back<R, Cell>;
    raw.user_data = block;
  }
  pool_future_t *handle = nullptr;
  const std::int32_t status = submit_raw(host, plain, raw, &handle);
  if (status != POOL_OK) {
    if constexpr (calls_back) {
      cell::let_go(block);
    }
    cell::let_go(block);
    return status;
  }
  copy_slot_fn copy = nullptr;
  if constexpr (calls_back) {
    copy = copy_slot<R>;
  }
  into = future_maker::make<R>(host, handle, block, slot, false, copy);
  return POOL_OK;
}

/// Submits a call to threads, or to nobody but the caller.
template <class B, class How>
std::int32_t submit_here(pool_t *host, const How *attributes, B &&bound, future<typename B::result> &into) {
  using R = typename B::result;
  using Callback = typename How::callback_type;
  constexpr bool calls_back = !std::is_same_v<Callback, no_callback>;
  const pool_call_t given = attributes != nullptr ? attributes->c_call() : pool_call_t(POOL_CALL_INIT);
  if constexpr (fits_by_value<B> && fits_by_value<R> && !calls_back) {
    // A cell tells a task's own exceptions from those that nobody asks for: of attempts before the last, of a run that was
    // over its limit, and of the tasks that it comes after.
    if (B::quiet || (given.retries == 0 && given.timeout_ms == 0 && given.after_count == 0)) {
      pool_future_t *handle = nullptr;
      std::int32_t status;
      if (attributes == nullptr) {
        status = pool_apply_async(host, run_value<B, keep_current>, &bound, sizeof bound, size_by_value<R>, nullptr,
                                  nullptr, &handle);
      } else {
        pool_call_t raw = given;
        raw.fn = run_value<B, keep_current>;
        raw.arg = &bound;
        raw.arg_size = sizeof bound;
        raw.result_size = size_by_value<R>;
        status = pool_submit(host, &raw, 1, &handle);
      }
      if (status == POOL_OK) {
        into = future_maker::make<R>(host, handle, nullptr, nullptr, B::quiet);
      }
      return status;
    }
  }
  static_assert(
      !How::repeats || std::is_copy_constructible_v<B>,
      "millpond: a call with retries is copied for each try: the function and its arguments must be copyable");
  using C = call_cell<B, Callback, How::repeats>;
  C *block;
  if constexpr (calls_back) {
    block = new C(std::move(bound), attributes->callback());
  } else {
    block = new C(std::move(bound), {});
  }
  pool_call_t raw = given;
  raw.fn = C::run;
  raw.arg = block;
  raw.arg_size = 0;
  raw.result_size = fits_by_value<R> ? size_by_value<R> : 0;
  return submit_cell<R, Callback>(host, attributes == nullptr, raw, block,
                                  fits_by_value<R> ? nullptr : static_cast<void *>(&block->slot), into);
}

/// Submits a call to threads that nobody waits for: what has no callback is told of in the C interface only.
template <class B, class How> std::int32_t post_here(pool_t *host, const How *attributes, B &&bound) {
  using R = typename B::result;
  using Callback = typename How::callback_type;
  pool_call_t raw = attributes != nullptr ? attributes->c_call() : pool_call_t(POOL_CALL_INIT);
  if constexpr (How::has_callback) {
    using C = call_cell<B, Callback, How::repeats>;
    auto *const block = new C(std::move(bound), attributes->callback());
    raw.fn = C::run;
    raw.arg = block;
    raw.result_size = fits_by_value<R> ? size_by_value<R> : 0;
    raw.callback = call_back<R, C>;
    raw.user_data = block;
    const std::int32_t status = pool_submit(host, &raw, 1, nullptr);
    if (status != POOL_OK) {
      cell::let_go(block);
    }
    return status;
  } else if constexpr (fits_by_value<B> && fits_by_value<R>) {
    raw.fn = run_value<B, tell_current>;
    raw.arg = &bound;
    raw.arg_size = sizeof bound;
    raw.result_size = size_by_value<R>;
    return submit_raw(host, attributes == nullptr, raw, nullptr);
  } else {
    future<R> dropped; // The call's cell is freed when the task has ended.
    return submit_here(host, attributes, std::move(bound), dropped);
  }
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
