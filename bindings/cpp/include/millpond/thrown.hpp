// millpond/thrown.hpp: exceptions on their way from a task to whoever waits for it.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_THROWN_HPP
#define MILLPOND_THROWN_HPP

#include <millpond/error.hpp>

#include <mutex>
#include <string>
#include <unordered_map>

#if MILLPOND_EXCEPTIONS
#include <cxxabi.h>
#include <exception>
#include <typeinfo>
#endif

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

#if MILLPOND_EXCEPTIONS

/// Exceptions that tasks have ended with, by the code that the task has returned: a code is all that the library hands
/// on. Whoever owns the task's future takes it out again, so that it holds no more than there are futures.
class thrown_table {
public:
  /// Codes from here on are numbers of exceptions.
  static constexpr std::int32_t first = 0x40000000;

  static thrown_table &here() {
    // Never destroyed: futures may outlive main().
    static thrown_table *const table = new thrown_table;
    return *table;
  }
  std::int32_t keep(std::exception_ptr exception) {
    const std::lock_guard<std::mutex> guard(lock_);
    std::int32_t code;
    do {
      code = next_;
      next_ = next_ == std::numeric_limits<std::int32_t>::max() ? first : next_ + 1;
    } while (!exceptions_.try_emplace(code, exception).second);
    return code;
  }
  std::exception_ptr look(std::int32_t code) {
    if (code < first) {
      return nullptr;
    }
    const std::lock_guard<std::mutex> guard(lock_);
    const auto found = exceptions_.find(code);
    return found == exceptions_.end() ? nullptr : found->second;
  }
  void drop(std::int32_t code) {
    std::exception_ptr last; // Its destructor may be the user's: not under the lock.
    if (code >= first) {
      const std::lock_guard<std::mutex> guard(lock_);
      const auto found = exceptions_.find(code);
      if (found != exceptions_.end()) {
        last = std::move(found->second);
        exceptions_.erase(found);
      }
    }
  }
  /// For forks: keeps others out, and lets them in.
  void lock() {
    lock_.lock();
  }
  void unlock() {
    lock_.unlock();
  }

private:
  std::mutex lock_;
  std::int32_t next_ = first;
  std::unordered_map<std::int32_t, std::exception_ptr> exceptions_;
};

/// The type and the sentence of the exception that is being handled, as "type: sentence".
inline std::string describe_current() {
  std::string text;
#if MILLPOND_RTTI
  const std::type_info *const type = abi::__cxa_current_exception_type();
  if (type != nullptr) {
    int status = 0;
    char *const name = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
    text = name != nullptr ? name : type->name();
    std::free(name);
  }
#endif
  if (text.empty()) {
    text = "exception";
  }
  try {
    throw;
  } catch (const std::exception &e) {
    text += ": ";
    text += e.what();
  } catch (const std::string &s) {
    text += ": " + s;
  } catch (const char *s) {
    text += ": ";
    text += s;
  } catch (...) {
    text += ": ";
  }
  return text;
}

/// Ends a task with the exception that is being handled. Returns the code that it is to return.
inline std::int32_t keep_current(pool_task_t *task) noexcept {
  try {
    const std::string sentence = describe_current(); // First: when it throws, nothing is kept that nobody would drop.
    return pool_task_fail(task, thrown_table::here().keep(std::current_exception()), sentence.c_str());
  } catch (...) { // No memory: the failure is told without its exception.
    return pool_task_fail(task, task_error::thrown_elsewhere, "exception: it could not be kept");
  }
}

/// As keep_current(), for a task whose waiters are in another process.
inline std::int32_t tell_current(pool_task_t *task) noexcept {
  try {
    return pool_task_fail(task, task_error::thrown_elsewhere, describe_current().c_str());
  } catch (...) {
    return pool_task_fail(task, task_error::thrown_elsewhere, "exception: it could not be told");
  }
}

#else

inline std::int32_t keep_current(pool_task_t * /*task*/) noexcept {
  return POOL_ERR_INTERNAL;
}
inline std::int32_t tell_current(pool_task_t * /*task*/) noexcept {
  return POOL_ERR_INTERNAL;
}

#endif

/// Throws what a task has ended with: its own exception if there is one.
[[noreturn]] inline void raise_of_task(std::int32_t status, const std::string &sentence) {
#if MILLPOND_EXCEPTIONS
  if (const std::exception_ptr exception = thrown_table::here().look(status)) {
    std::rethrow_exception(exception);
  }
#endif
  raise(status, sentence);
}

inline void drop_thrown(std::int32_t status) {
#if MILLPOND_EXCEPTIONS
  thrown_table::here().drop(status);
#else
  (void)status;
#endif
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
