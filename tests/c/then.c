/* Continuations, on threads: the result of one task is the argument of the next. */
#include "then.h"

CASE(threads_continues_with_the_result) {
  continues_with_the_result(POOL_THREADS);
}

CASE(threads_continues_with_any_size) {
  continues_with_any_size(POOL_THREADS);
}

CASE(threads_continues_no_failure) {
  continues_no_failure(POOL_THREADS);
}

CASE(threads_long_continuation) {
  long_continuation(POOL_THREADS, scaled(100000));
}
