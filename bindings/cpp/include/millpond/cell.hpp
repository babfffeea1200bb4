// millpond/cell.hpp: what belongs to a call and does not fit into its bytes, and who frees it.
// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef MILLPOND_CELL_HPP
#define MILLPOND_CELL_HPP

#include <millpond/thrown.hpp>

#include <atomic>
#include <list>
#include <mutex>
#include <utility>

namespace millpond {
inline namespace MILLPOND_MODE {
namespace detail {

/// A block on the heap that a task works on. It is owned by the task's future, and by its callback if it has one. The
/// task itself owns nothing: it may never run, and nobody would tell. So an owner lets go only after the task has ended;
/// one that cannot wait hands the block to the orphans.
class cell {
public:
  virtual ~cell() = default;
  cell() = default;
  cell(const cell &) = delete;
  cell &operator=(const cell &) = delete;

  void share() noexcept {
    owners_.fetch_add(1, std::memory_order_relaxed);
  }
  static void let_go(cell *block) noexcept {
    if (block != nullptr && block->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete block;
    }
  }

private:
  std::atomic<std::uint32_t> owners_{1};
};

/// Tasks whose futures were dropped before their end: what belongs to them is freed some time after it, as others come
/// in, and when pools are closed.
class orphans {
public:
  static orphans &here() {
    static orphans *const all = new orphans; // Never destroyed: pools may outlive main().
    return *all;
  }
  /// Takes over the handle and the owner's part of the cell, which may be NULL.
  void adopt(pool_future_t *handle, cell *block) noexcept {
    MILLPOND_TRY {
      std::list<orphan> one{{handle, block}};
      const std::lock_guard<std::mutex> guard(lock_);
      all_.splice(all_.end(), one);
    }
    MILLPOND_CATCH_NOEXCEPT {
      // No memory to remember them: the cell stays for ever.
      pool_future_release(handle);
    }
    bury(2);
  }
  /// Looks at so many of them, the oldest first.
  void bury(std::size_t most) noexcept {
    for (; most > 0; most--) {
      std::list<orphan> one;
      {
        const std::lock_guard<std::mutex> guard(lock_);
        if (all_.empty()) {
          return;
        }
        const bool ended = pool_future_ready(all_.front().handle) == 1;
        std::list<orphan> &next = ended ? one : all_;
        next.splice(next.end(), all_, all_.begin());
      }
      // Without the lock: what is freed may have futures of its own.
      for (const orphan &each : one) {
        done(each.handle, each.block);
      }
    }
  }
  void bury_all() noexcept {
    std::size_t count;
    {
      const std::lock_guard<std::mutex> guard(lock_);
      count = all_.size();
    }
    bury(count);
  }
  /// For forks: keeps others out, lets them in, and leaves all of them alone from then on.
  void lock() {
    lock_.lock();
  }
  void unlock() {
    lock_.unlock();
  }
  void forget() noexcept {
    parents_.splice(parents_.end(), all_);
  }
  /// Frees what belongs to a task that has ended.
  static void done(pool_future_t *handle, cell *block) noexcept {
    if (block == nullptr) {
      drop_thrown(pool_future_status(handle)); // With a cell, the cell knows what is its own.
    }
    cell::let_go(block); // First: it may be just about to cancel the task.
    pool_future_release(handle);
  }

private:
  struct orphan {
    pool_future_t *handle = nullptr;
    cell *block = nullptr;
  };
  std::mutex lock_;
  std::list<orphan> all_;
  std::list<orphan> parents_; // Those of a process that has forked this one.
};

} // namespace detail
} // namespace MILLPOND_MODE
} // namespace millpond

#endif
