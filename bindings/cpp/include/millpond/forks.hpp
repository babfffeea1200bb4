// millpond/forks.hpp: what the header itself keeps, in children that fork() makes.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_FORKS_HPP
#define MILLPOND_FORKS_HPP

#include <millpond/cell.hpp>
#include <millpond/task.hpp>

#include <pthread.h>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// A fork waits until nobody has a lock of the header's, which in the child nobody could give back. Worker processes are
/// made so, too.
struct forks {
  static void before() noexcept {
    orphans::here().lock();
#if MILLPOND_EXCEPTIONS
    thrown_table::here().lock();
#endif
  }
  static void after() noexcept {
#if MILLPOND_EXCEPTIONS
    thrown_table::here().unlock();
#endif
    orphans::here().unlock();
  }
  /// The child has none of its parent's tasks: it is in none, and what belongs to them is the parent's to free.
  static void in_child() noexcept {
    orphans::here().forget();
    after();
    current_task = nullptr;
  }
  static bool watch() noexcept {
    // Both are made now: a fork could find them half made.
    before();
    after();
    return pthread_atfork(before, after, in_child) == 0; // Without memory for it, forks are as they were before.
  }
};

inline const bool forks_are_watched = forks::watch();

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
