/* Cancel tokens and groups, in processes. */
#include "groups.h"

CASE(processes_token_cancels_all) {
  token_cancels_all(POOL_PROCESSES);
}

CASE(processes_token_cancels_maps) {
  token_cancels_maps(POOL_PROCESSES);
}

CASE(processes_token_is_released_early) {
  token_is_released_early(POOL_PROCESSES);
}

CASE(processes_token_races) {
  token_races(POOL_PROCESSES);
}

CASE(processes_group_waits_for_all) {
  group_waits_for_all(POOL_PROCESSES);
}

CASE(processes_group_tells_a_failure_once) {
  group_tells_a_failure_once(POOL_PROCESSES);
}

CASE(processes_group_is_cancelled) {
  group_is_cancelled(POOL_PROCESSES);
}

CASE(processes_group_ends_with_its_pool) {
  group_ends_with_its_pool(POOL_PROCESSES);
}

CASE(processes_nonsense_is_refused) {
  nonsense_is_refused(POOL_PROCESSES);
}

CASE(processes_children_are_refused) {
  children_are_refused(POOL_PROCESSES);
}
