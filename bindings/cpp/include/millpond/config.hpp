// millpond/config.hpp: what the other parts build on: the C header, and whether there are exceptions.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_CONFIG_HPP
#define MILLPOND_CONFIG_HPP

#if defined(_MSVC_LANG) ? _MSVC_LANG < 201703L : __cplusplus < 201703L
#error "millpond.hpp wants C++17 or later"
#endif

#include <millpond.h>
#ifdef MILLPOND_PREFIX
#include <millpond/prefixed.hpp>
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#if defined(__GLIBCXX__) && (defined(__cpp_exceptions) || defined(__EXCEPTIONS))
#include <cxxabi.h>
#endif

// Without exceptions a failure that a function cannot return ends the program, behind its sentence. The functions whose
// names begin with try_ return every failure, and never end the program.
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
#define MILLPOND_EXCEPTIONS 1
#else
#define MILLPOND_EXCEPTIONS 0
#endif

#if defined(__cpp_rtti) || defined(__GXX_RTTI) || defined(_CPPRTTI)
#define MILLPOND_RTTI 1
#else
#define MILLPOND_RTTI 0
#endif

// All that is not an exception lies in an inline namespace, which is another one without exceptions, and with prefixes: files
// of a program that differ in this have types and functions of their own, which do not mix. What C++20 adds changes no type
// that C++17 has.
#if MILLPOND_EXCEPTIONS
#ifdef MILLPOND_PREFIX
#define MILLPOND_MODE prefixed_with_exceptions
#else
#define MILLPOND_MODE with_exceptions
#endif
#define MILLPOND_TRY try
// What pthread_exit() and pthread_cancel() unwind with is no exception, and goes on where something may leave a function.
#define MILLPOND_CATCH_NOEXCEPT catch (...)
#ifdef __GLIBCXX__
#define MILLPOND_CATCH_ALL                                                                                             \
  catch (::abi::__forced_unwind &) {                                                                                   \
    throw;                                                                                                             \
  }                                                                                                                    \
  catch (...)
#else
#define MILLPOND_CATCH_ALL catch (...)
#endif
#else
#ifdef MILLPOND_PREFIX
#define MILLPOND_MODE prefixed_without_exceptions
#else
#define MILLPOND_MODE without_exceptions
#endif
#define MILLPOND_TRY if constexpr (true)
#define MILLPOND_CATCH_ALL else
#define MILLPOND_CATCH_NOEXCEPT else
#endif

namespace millpond {

/// For ever, wherever a time is asked for: as are all times that are longer than anybody lives.
inline constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();

inline namespace MILLPOND_MODE {
namespace detail {

/// A thousand years, in milliseconds: what is longer is for ever.
inline constexpr std::int64_t longest_ms = INT64_C(1000) * 365 * 24 * 3600 * 1000;

/// Any span of time as the C interface has it: rounded up to milliseconds, 0 if it is negative, -1 if it is for ever.
template <class Rep, class Period> std::int64_t milliseconds(std::chrono::duration<Rep, Period> time) {
  using namespace std::chrono;
  if (time <= time.zero()) {
    return 0;
  }
  if (duration<double, std::milli>(time).count() > static_cast<double>(longest_ms)) {
    return -1;
  }
  const auto whole = duration_cast<duration<std::int64_t, std::milli>>(time);
  return whole.count() + (whole < time ? 1 : 0);
}
/// The same where for ever cannot be said: a thousand years.
template <class Rep, class Period> std::int64_t finite_milliseconds(std::chrono::duration<Rep, Period> time) {
  const std::int64_t whole = milliseconds(time);
  return whole < 0 ? longest_ms : whole;
}

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
