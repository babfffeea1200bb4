/* Periodic tasks, in processes. */
#include "periodic.h"

CASE(processes_runs_again_and_again) {
  runs_again_and_again(POOL_PROCESSES);
}

CASE(processes_ends_by_its_own_code) {
  ends_by_its_own_code(POOL_PROCESSES);
}

CASE(processes_ends_with_its_pool) {
  ends_with_its_pool(POOL_PROCESSES);
}

CASE(processes_never_runs_twice_at_once) {
  never_runs_twice_at_once(POOL_PROCESSES);
}

CASE(processes_is_ended_by_others) {
  is_ended_by_others(POOL_PROCESSES);
}

CASE(processes_refuses_a_bad_period) {
  refuses_a_bad_period(POOL_PROCESSES);
}

CASE(processes_many_come_and_go) {
  many_come_and_go(POOL_PROCESSES);
}

CASE(processes_forked_children_are_refused) {
  forked_children_are_refused(POOL_PROCESSES);
}
