// millpond/log.hpp: being told what happens in pools.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_LOG_HPP
#define MILLPOND_LOG_HPP

#include <millpond/error.hpp>

#include <atomic>
#include <functional>
#include <string_view>
#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {

/// How much is told: this, and what is more serious.
enum class log_level : std::int32_t {
  none = POOL_LOG_NONE,
  error = POOL_LOG_ERROR,
  warning = POOL_LOG_WARNING,
  info = POOL_LOG_INFO
};

/// What is told: how serious it is, the pool's name, a sentence.
using log_function = std::function<void(log_level, std::string_view, std::string_view)>;

/// Sets the function that is told what happens in all pools of this process; an empty one tells nobody. It is called on any
/// thread, by several at once, and must not throw. The one before may still be in a call: it is kept until the program ends.
///
///     millpond::set_log(millpond::log_level::warning, [](auto, auto pool, auto text) { std::cerr << pool << ": " << text << "\n"; });
inline void set_log(log_level level, log_function told) {
  if (!told) {
    detail::check(pool_set_log(nullptr, nullptr, POOL_LOG_NONE));
    return;
  }
  struct kept {
    log_function told;
    kept *before;
  };
  static std::atomic<kept *> last{nullptr}; // Without a lock, which a fork might find taken.
  auto *const one = new kept{std::move(told), last.load()};
  while (!last.compare_exchange_weak(one->before, one)) {
  }
  detail::check(pool_set_log(
      [](std::int32_t how, const char *host, const char *text, void *user_data) noexcept {
        (*static_cast<log_function *>(user_data))(static_cast<log_level>(how), host, text);
      },
      &one->told, static_cast<std::int32_t>(level)));
}

} // namespace MILLPOND_MODE
} // namespace millpond

#endif
