/* An allocator of which a chosen call fails: it stands before the C library's, for the whole program.
 *
 * `failing_begin(first, onwards, everywhere)`: from here to failing_end() the allocation with the number `first` fails,
 * counted from 1, and all later ones if `onwards`; those of this thread, or of every thread in this process. */
#ifndef FAILING_H
#define FAILING_H

#include "tasks.h"

// NOLINTBEGIN(bugprone-reserved-identifier): the C library calls them so.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *place, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *place);
// NOLINTEND(bugprone-reserved-identifier)

static atomic_long failing_first, failing_count, failing_live;
static atomic_int failing_fired, failing_process;
static atomic_bool failing_onwards, failing_everywhere;
static __thread bool failing_here;

/* Asked before each allocation. (A forked child counts for itself, and is not the process whose calls are tested.) */
static bool fails_now(void) {
  if (atomic_load(&failing_first) == 0 || !(failing_here || atomic_load(&failing_everywhere)) ||
      atomic_load(&failing_process) != (int)getpid()) {
    return false;
  }
  long number = atomic_fetch_add(&failing_count, 1) + 1, first = atomic_load(&failing_first);
  if (number == first || (number > first && atomic_load(&failing_onwards))) {
    atomic_store(&failing_fired, 1);
    errno = ENOMEM;
    return true;
  }
  return false;
}

static void *counted(void *place) {
  if (place != NULL) {
    atomic_fetch_add(&failing_live, 1);
  }
  return place;
}

void *malloc(size_t size) {
  return fails_now() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
  return fails_now() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *place, size_t size) {
  if (place == NULL) {
    return malloc(size);
  }
  return fails_now() ? NULL : __libc_realloc(place, size);
}

void *memalign(size_t alignment, size_t size) {
  return fails_now() ? NULL : counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}

int posix_memalign(void **place, size_t alignment, size_t size) {
  void *found = memalign(alignment, size);
  if (found == NULL) {
    return ENOMEM;
  }
  *place = found;
  return 0;
}

void free(void *place) {
  if (place != NULL) {
    atomic_fetch_sub(&failing_live, 1);
  }
  __libc_free(place);
}

static void failing_begin(long first, bool onwards, bool everywhere) {
  atomic_store(&failing_fired, 0);
  atomic_store(&failing_count, 0);
  atomic_store(&failing_onwards, onwards);
  atomic_store(&failing_everywhere, everywhere);
  atomic_store(&failing_process, (int)getpid());
  failing_here = true;
  atomic_store(&failing_first, first);
}

/* Whether any allocation has failed. */
static bool failing_end(void) {
  atomic_store(&failing_first, 0);
  failing_here = false;
  return atomic_load(&failing_fired) != 0;
}

#endif
