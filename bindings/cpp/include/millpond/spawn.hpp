// millpond/spawn.hpp: one function in a process, or a thread, of its own.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_SPAWN_HPP
#define MILLPOND_SPAWN_HPP

#include <millpond/options.hpp>
#include <millpond/remote.hpp>

namespace millpond {
inline namespace MILLPOND_MODE {

/// Whether the program waits at its end for what was spawned.
enum class lifetime : std::int32_t { joinable = POOL_SPAWN_JOINABLE, daemon = POOL_SPAWN_DAEMON };

namespace detail {

template <class F, class... Args> auto spawn_call(const options *chosen, lifetime until, F &&f, Args &&...args) {
  auto bound = bind_call(std::forward<F>(f), std::forward<Args>(args)...);
  using B = decltype(bound);
  using R = typename B::result;
  pool_options_t raw = chosen != nullptr ? chosen->c_options() : pool_options_t(POOL_OPTIONS_INIT);
  if (chosen != nullptr && chosen->hook_into(raw) != nullptr) {
    raise(POOL_ERR_UNSUPPORTED,
          "what is spawned has initializers and finalizers that are functions of C: let its function "
          "begin and end with them");
  }
  const bool remote = chosen == nullptr || raw.mode == POOL_PROCESSES;
  pool_call_t what = POOL_CALL_INIT;
  std::string bytes;
  cell *block = nullptr;
  void *slot = nullptr;
  if (remote) {
    if constexpr (call_travels<B>::whole) {
      fill_remote(what, bound, bytes);
    } else {
      cannot_travel();
    }
  } else {
    using C = call_cell<B, no_callback, false>;
    auto *const made = new C(std::move(bound), {});
    what.fn = C::run;
    what.arg = block = made;
    what.result_size = fits_by_value<R> ? size_by_value<R> : 0;
    slot = fits_by_value<R> ? nullptr : static_cast<void *>(&made->slot);
  }
  pool_future_t *handle = nullptr;
  const std::int32_t status = pool_spawn(chosen == nullptr ? nullptr : &raw, static_cast<std::int32_t>(until), what.fn,
                                         what.arg, what.arg_size, what.result_size, &handle);
  if (status != POOL_OK) {
    cell::let_go(block);
    check(status);
  }
  return future_maker::make<R>(nullptr, handle, block, slot, remote);
}

} // namespace detail

/// Runs one function in a new process, which sees what the program has in memory at this moment. What travels is as for a
/// process_pool. The program waits for it before it ends, unless it is a daemon, which is killed then. Dropping the future
/// leaves it running.
///
///     auto hello = millpond::spawn([](std::string name) { std::cout << "hello, " << name << "\n"; }, std::string("you"));
///     hello.get();
template <
    class F, class... Args,
    std::enable_if_t<!std::is_same_v<std::decay_t<F>, lifetime> && !std::is_same_v<std::decay_t<F>, options>, int> = 0>
[[nodiscard]] auto spawn(F &&f, Args &&...args) {
  detail::must_travel<std::decay_t<F>, detail::result_of<std::decay_t<F>, std::decay_t<Args>...>,
                      std::decay_t<Args>...>();
  return detail::spawn_call(nullptr, lifetime::joinable, std::forward<F>(f), std::forward<Args>(args)...);
}
template <class F, class... Args> [[nodiscard]] auto spawn(lifetime until, F &&f, Args &&...args) {
  detail::must_travel<std::decay_t<F>, detail::result_of<std::decay_t<F>, std::decay_t<Args>...>,
                      std::decay_t<Args>...>();
  return detail::spawn_call(nullptr, until, std::forward<F>(f), std::forward<Args>(args)...);
}
/// As above, with options: their mode says whether it is a process or a thread (as it is, if they do not say).
///
///     auto clock = millpond::spawn(millpond::options().name("clock"), millpond::lifetime::daemon, tick);
template <class F, class... Args>
[[nodiscard]] auto spawn(const options &chosen, lifetime until, F &&f, Args &&...args) {
  return detail::spawn_call(&chosen, until, std::forward<F>(f), std::forward<Args>(args)...);
}

template <class F, class... Args, std::enable_if_t<!std::is_same_v<std::decay_t<F>, lifetime>, int> = 0>
[[nodiscard]] auto spawn(const options &chosen, F &&f, Args &&...args) {
  return detail::spawn_call(&chosen, lifetime::joinable, std::forward<F>(f), std::forward<Args>(args)...);
}

/// Waits for all that was spawned as joinable: false if the time runs out. The end of the program does so itself.
inline bool join_spawned(std::chrono::milliseconds time = forever) {
  const std::int32_t status = pool_spawned_join(detail::milliseconds(time));
  if (status != POOL_ERR_TIMEOUT) {
    detail::check(status);
  }
  return status == POOL_OK;
}

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
