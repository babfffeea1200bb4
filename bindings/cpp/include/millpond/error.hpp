// millpond/error.hpp: what is thrown, one class for each way in which things fail.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_ERROR_HPP
#define MILLPOND_ERROR_HPP

#include <millpond/config.hpp>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

namespace millpond {

/// What every failure of the library is: status() is one of POOL_ERR_..., or a task's own positive code, and what() a
/// sentence. Statuses that have no class of their own (POOL_ERR_INVALID, _SIZE, _NO_MEMORY, _SYSTEM, _UNSUPPORTED,
/// _UNKNOWN_FUNCTION, _INTERNAL) are thrown as this.
///
///     try {
///       pool.apply(f);
///     } catch (const millpond::error &e) {
///       std::cerr << pool_status_name(e.status()) << ": " << e.what() << "\n";
///     }
class error : public std::runtime_error {
public:
  error(std::int32_t status, const std::string &sentence) : std::runtime_error(sentence), status_(status) {}
  std::int32_t status() const noexcept {
    return status_;
  }

private:
  std::int32_t status_;
};

/// An error of one status. The statuses have their own names below.
template <std::int32_t Status> class error_of : public error {
public:
  explicit error_of(const std::string &sentence) : error(Status, sentence) {}
};

/// The pool takes no more tasks.
class closed : public error_of<POOL_ERR_CLOSED> {
  using error_of::error_of;
};
/// A wait ran out of time; what was waited for goes on.
class timeout : public error_of<POOL_ERR_TIMEOUT> {
  using error_of::error_of;
};
/// The task ran longer than its limit.
class time_limit : public error_of<POOL_ERR_TIME_LIMIT> {
  using error_of::error_of;
};
/// The task was cancelled before it started, or killed.
class cancelled : public error_of<POOL_ERR_CANCELLED> {
  using error_of::error_of;
};
/// The pool was terminated before the task started, or before it ended if it can be killed.
class terminated : public error_of<POOL_ERR_TERMINATED> {
  using error_of::error_of;
};
/// The worker died while it ran the task; what() names the signal or the exit code.
class worker_died : public error_of<POOL_ERR_WORKER_DIED> {
  using error_of::error_of;
};
/// The pool's processes cannot be made any more: POOL_ERR_BROKEN or POOL_ERR_CRASH_LOOP; or a barrier is broken.
class broken : public error {
  using error::error;
};
/// The call would wait for itself for ever.
class deadlock : public error_of<POOL_ERR_DEADLOCK> {
  using error_of::error_of;
};
/// The pool was made before this process was forked.
class forked : public error_of<POOL_ERR_FORKED> {
  using error_of::error_of;
};
/// The queue is full; or as many tasks are in blocking sections as may be.
class full : public error_of<POOL_ERR_FULL> {
  using error_of::error_of;
};

/// A task's failure that has no type here: an exception that was thrown in another process, or a code of the task's own
/// (task::fail()).
///
///     try {
///       processes.apply(parse, path);
///     } catch (const millpond::task_error &e) {
///       std::cerr << e.type_name() << ": " << e.message() << "\n"; // std::out_of_range: no such column
///     }
class task_error : public error {
public:
  task_error(std::int32_t status, const std::string &sentence)
      : error(status, sentence.empty() ? "the task failed with the code " + std::to_string(status) : sentence) {
    // "type: message", and in a map "item 5: " before it. The name of a type holds "::", but no colon before a blank.
    std::size_t at = 0;
    if (sentence.compare(0, 5, "item ") == 0) {
      const std::size_t behind = sentence.find_first_not_of("0123456789", 5);
      at = behind != std::string::npos && sentence.compare(behind, 2, ": ") == 0 ? behind + 2 : 0;
    }
    const std::size_t colon = sentence.find(": ", at);
    if (status == thrown_elsewhere && colon != std::string::npos) {
      type_name_ = sentence.substr(at, colon - at);
      message_ = sentence.substr(colon + 2);
    } else {
      message_ = sentence;
    }
  }
  /// The exception's type, such as "std::out_of_range"; "" if the task has failed by a code.
  const std::string &type_name() const noexcept {
    return type_name_;
  }
  /// What the exception's what() was, or the sentence that came with the code.
  const std::string &message() const noexcept {
    return message_;
  }
  /// The code of a task that has thrown in another process.
  static constexpr std::int32_t thrown_elsewhere = 0x3fffffff;

private:
  std::string type_name_;
  std::string message_;
};

inline namespace MILLPOND_MODE {
namespace detail {

#if !MILLPOND_EXCEPTIONS
[[noreturn]] inline void give_up(std::int32_t status, const std::string &sentence) {
  std::fprintf(stderr, "millpond: %s: %s\n", pool_status_name(status), sentence.c_str());
  std::abort();
}
#endif

/// Throws what belongs to a status; without exceptions, ends the program.
[[noreturn]] inline void raise(std::int32_t status, const std::string &sentence) {
#if MILLPOND_EXCEPTIONS
  switch (status) {
  case POOL_ERR_CLOSED:
    throw closed(sentence);
  case POOL_ERR_TIMEOUT:
    throw timeout(sentence);
  case POOL_ERR_TIME_LIMIT:
    throw time_limit(sentence);
  case POOL_ERR_CANCELLED:
    throw cancelled(sentence);
  case POOL_ERR_TERMINATED:
    throw terminated(sentence);
  case POOL_ERR_WORKER_DIED:
    throw worker_died(sentence);
  case POOL_ERR_BROKEN:
  case POOL_ERR_CRASH_LOOP:
    throw broken(status, sentence);
  case POOL_ERR_DEADLOCK:
    throw deadlock(sentence);
  case POOL_ERR_FORKED:
    throw forked(sentence);
  case POOL_ERR_FULL:
    throw full(sentence);
  default:
    if (status > 0) {
      throw task_error(status, sentence);
    }
    throw error(status, sentence);
  }
#else
  give_up(status, sentence);
#endif
}

/// Throws unless a C call has succeeded; the sentence is the calling thread's last.
inline void check(std::int32_t status) {
  if (status != POOL_OK) {
    raise(status, pool_last_error());
  }
}

/// As check(), for calls that return a number, or a negative status.
template <class Number> Number checked(Number number) {
  if (number < 0) {
    raise(static_cast<std::int32_t>(number), pool_last_error());
  }
  return number;
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
