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
template <class B, class Callback> struct call_cell final : cell {
  using R = typename B::result;
  using kept = std::conditional_t<fits_by_value<R>, nothing, value_of<R>>;

  call_cell(B &&call, const Callback &called, bool repeats)
      : bound(std::move(call)), callback(called), again(repeats) {}
  ~call_cell() override {
    drop_thrown(thrown);
  }
  std::optional<B> bound;
  std::optional<kept> slot;
  Callback callback;
  std::int32_t thrown = POOL_OK;
  bool again; // The call may be needed once more.

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
      if (!here.again) {
        here.bound.reset();
      }
      return here.thrown;
    }
  }

private:
  void run_once(void *result, task &self) {
    if constexpr (std::is_copy_constructible_v<B>) {
      if (again) {
        B copy(*bound);
        return finish(result, self, copy);
      }
    }
    finish(result, self, *bound);
    bound.reset();
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

/// Hands an outcome to a callback: a result to those that take one, else the value, if there is one.
template <class R, class Callback> void hand_over(Callback &callback, result<R> &&outcome) {
  if constexpr (std::is_invocable_v<Callback &, result<R>>) {
    callback(std::move(outcome));
  } else if constexpr (std::is_void_v<R>) {
    static_assert(std::is_invocable_v<Callback &>,
                  "millpond: a callback takes a millpond::result<R>, or the value; of a task without a value, nothing");
    if (outcome.ok()) {
      callback();
    }
  } else {
    static_assert(
        std::is_invocable_v<Callback &, R>,
        "millpond: a callback takes a millpond::result<R>, or the value, of the type R that the task returns");
    if (outcome.ok()) {
      callback(std::move(*outcome));
    }
  }
}

/// The value that a task has ended well with, for its callback.
template <class R, class Slot> result<R> value_for_callback(const pool_result_t *outcome, Slot &slot) {
  if constexpr (std::is_void_v<R>) {
    return result<R>(std::in_place);
  } else if constexpr (fits_by_value<R>) {
    return result<R>(std::in_place, *static_cast<const R *>(outcome->data));
  } else {
    if constexpr (std::is_same_v<Slot, std::optional<R>>) {
      if constexpr (std::is_copy_constructible_v<R>) {
        return result<R>(std::in_place, std::as_const(*slot));
      } else {
        return result<R>(std::in_place, std::move(*slot));
      }
    } else {
      reader in(outcome->data, outcome->size);
      return result<R>(std::in_place, in.read<R>());
    }
  }
}

/// The function that the library calls with the outcome; the callback's part of the cell ends with it. What a callback
/// throws ends the program.
template <class R, class Cell> void call_back(const pool_result_t *outcome, void *user_data) noexcept {
  auto *const here = static_cast<Cell *>(user_data);
  if (outcome->status == POOL_OK) {
    hand_over<R>(here->callback, value_for_callback<R>(outcome, here->slot));
  } else {
    hand_over<R>(here->callback, result<R>(outcome->status, outcome->message));
  }
  cell::let_go(here);
}

/// How a task with a callback shares its result with the future.
template <class R> constexpr slot_use shared_slot() {
  if constexpr (std::is_void_v<R>) {
    return slot_use::shared;
  } else {
    return std::is_copy_constructible_v<R> ? slot_use::shared : slot_use::taken;
  }
}

/// Submits a call whose cell is made, with one part for the future and one for the callback.
template <class R, class Callback, class Cell>
std::int32_t submit_cell(pool_t *pool, pool_call_t raw, Cell *block, void *slot, future<R> &into) {
  constexpr bool calls_back = !std::is_same_v<Callback, no_callback>;
  if constexpr (calls_back) {
    block->share();
    raw.callback = call_back<R, Cell>;
    raw.user_data = block;
  }
  pool_future_t *handle = nullptr;
  const std::int32_t status = pool_submit(pool, &raw, 1, &handle);
  if (status != POOL_OK) {
    if constexpr (calls_back) {
      cell::let_go(block);
    }
    cell::let_go(block);
    return status;
  }
  into = future_maker::make<R>(pool, handle, block, slot, false, calls_back ? shared_slot<R>() : slot_use::owned);
  return POOL_OK;
}

/// The callback of a call, if it has one.
inline no_callback callback_of(const call<no_callback> * /*attributes*/) {
  return {};
}
template <class Callback> const Callback &callback_of(const call<Callback> *attributes) {
  return attributes->callback();
}

/// Submits a call to threads, or to nobody but the caller.
template <class B, class Callback>
std::int32_t submit_here(pool_t *pool, const call<Callback> *attributes, B &&bound, future<typename B::result> &into) {
  using R = typename B::result;
  constexpr bool calls_back = !std::is_same_v<Callback, no_callback>;
  const pool_call_t given = attributes != nullptr ? attributes->c_call() : pool_call_t(POOL_CALL_INIT);
  if constexpr (fits_by_value<B> && fits_by_value<R> && !calls_back) {
    // A task that is tried again, or ended by its limit, may leave exceptions that nobody asks for: they need a cell.
    if (B::quiet || (given.retries == 0 && given.timeout_ms == 0)) {
      pool_future_t *handle = nullptr;
      std::int32_t status;
      if (attributes == nullptr) {
        status = pool_apply_async(pool, run_value<B, keep_current>, &bound, sizeof bound, size_by_value<R>, nullptr,
                                  nullptr, &handle);
      } else {
        pool_call_t raw = given;
        raw.fn = run_value<B, keep_current>;
        raw.arg = &bound;
        raw.arg_size = sizeof bound;
        raw.result_size = size_by_value<R>;
        status = pool_submit(pool, &raw, 1, &handle);
      }
      if (status == POOL_OK) {
        into = future_maker::make<R>(pool, handle, nullptr, nullptr, B::quiet);
      }
      return status;
    }
  }
  if (given.retries > 0 && !std::is_copy_constructible_v<B>) {
    raise(POOL_ERR_INVALID, "retries of a call that can only be moved: the function or an argument cannot be copied");
  }
  using C = call_cell<B, Callback>;
  auto *const block = new C(std::move(bound), callback_of(attributes), given.retries > 0);
  pool_call_t raw = given;
  raw.fn = C::run;
  raw.arg = block;
  raw.arg_size = 0;
  raw.result_size = fits_by_value<R> ? size_by_value<R> : 0;
  return submit_cell<R, Callback>(pool, raw, block, fits_by_value<R> ? nullptr : static_cast<void *>(&block->slot),
                                  into);
}

} // namespace detail
} // namespace millpond

#endif
