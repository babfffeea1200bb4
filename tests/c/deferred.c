/* Tasks that start later, on threads: after a time, and after others. */
#include "deferred.h"

CASE(threads_starts_in_order_of_time) {
  starts_in_order_of_time(POOL_THREADS);
}

CASE(threads_runs_after_close) {
  runs_after_close(POOL_THREADS);
}

CASE(threads_is_cancelled_while_it_waits) {
  is_cancelled_while_it_waits(POOL_THREADS);
}

CASE(threads_is_terminated_while_it_waits) {
  is_terminated_while_it_waits(POOL_THREADS);
}

CASE(threads_starts_when_all_have_ended) {
  starts_when_all_have_ended(POOL_THREADS);
}

CASE(threads_failure_goes_down_the_chain) {
  failure_goes_down_the_chain(POOL_THREADS);
}

CASE(threads_long_chain_runs) {
  long_chain(POOL_THREADS, false, scaled(100000));
}

CASE(threads_long_chain_is_cancelled) {
  long_chain(POOL_THREADS, true, scaled(100000));
}

CASE(threads_refuses_bad_terms) {
  refuses_bad_terms(POOL_THREADS);
}

CASE(threads_all_or_none) {
  all_or_none(POOL_THREADS);
}

CASE(threads_follow_another_pool) {
  follows_another_pool(POOL_THREADS, POOL_THREADS);
}
