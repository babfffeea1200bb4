/* Bounded pools of processes. */
#include "bounded.h"

CASE(a_full_pool_says_so) {
  is_full_at(POOL_PROCESSES);
}

CASE(submitters_wait_for_room) {
  waits_for_room(POOL_PROCESSES);
}

CASE(who_waits_is_told_when_the_pool_closes) {
  is_refused(POOL_PROCESSES, pool_close, POOL_ERR_CLOSED);
  is_refused(POOL_PROCESSES, pool_terminate, POOL_ERR_CLOSED);
}

CASE(nobody_waits_for_ever) {
  many_submit(POOL_PROCESSES);
}

CASE(callbacks_that_submit_do_not_wait_for_ever) {
  callbacks_submit(POOL_PROCESSES);
}

CASE(batches_count_each_call) {
  batches(POOL_PROCESSES);
}
