/* As deferred.c, in processes. */
#include "deferred.h"

CASE(processes_starts_in_order_of_time) {
  starts_in_order_of_time(POOL_PROCESSES);
}

CASE(processes_runs_after_close) {
  runs_after_close(POOL_PROCESSES);
}

CASE(processes_is_cancelled_while_it_waits) {
  is_cancelled_while_it_waits(POOL_PROCESSES);
}

CASE(processes_is_terminated_while_it_waits) {
  is_terminated_while_it_waits(POOL_PROCESSES);
}

CASE(processes_starts_when_all_have_ended) {
  starts_when_all_have_ended(POOL_PROCESSES);
}

CASE(processes_failure_goes_down_the_chain) {
  failure_goes_down_the_chain(POOL_PROCESSES);
}

CASE(processes_long_chain_runs) {
  long_chain(POOL_PROCESSES, false, scaled(20000));
}

CASE(processes_long_chain_is_cancelled) {
  long_chain(POOL_PROCESSES, true, scaled(20000));
}

CASE(processes_refuses_bad_terms) {
  refuses_bad_terms(POOL_PROCESSES);
}

CASE(processes_all_or_none) {
  all_or_none(POOL_PROCESSES);
}

CASE(processes_follow_threads_and_the_other_way_round) {
  follows_another_pool(POOL_PROCESSES, POOL_PROCESSES);
  follows_another_pool(POOL_PROCESSES, POOL_THREADS);
  follows_another_pool(POOL_THREADS, POOL_PROCESSES);
}
