/* Allocations that fail: the library asks this program's malloc. */
#include "tester.h"

static _Thread_local uint32_t fails_one_in;
static _Thread_local struct dice fails_by;
static _Thread_local unsigned failed_so_far;

uint32_t starve(uint32_t many, uint64_t seed) {
  uint32_t before = fails_one_in;
  fails_one_in = many;
  if (seed != 0) {
    fails_by.state = seed;
  }
  return before;
}

unsigned starved(void) {
  return failed_so_far;
}

#ifdef TESTER_STARVES
static bool fails(void) {
  if (fails_one_in == 0 || !one_in(&fails_by, fails_one_in)) {
    return false;
  }
  failed_so_far++;
  count(T_STARVED, 1);
  errno = ENOMEM;
  return true;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t many, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t many, size_t size) {
  return fails() ? NULL : __libc_calloc(many, size);
}

void *realloc(void *old, size_t size) {
  return fails() ? NULL : __libc_realloc(old, size);
}

int posix_memalign(void **place, size_t alignment, size_t size) {
  void *got = fails() ? NULL : __libc_memalign(alignment, size);
  if (got == NULL) {
    return ENOMEM;
  }
  *place = got;
  return 0;
}

void *aligned_alloc(size_t alignment, size_t size) {
  return fails() ? NULL : __libc_memalign(alignment, size);
}
#endif
