/* Forks while something is to happen later: children are refused, the parent goes on. */
#include "periodic.h"

CASE(forked_children_have_no_tokens_and_groups) {
  children_are_refused(POOL_THREADS);
}

CASE(forked_children_have_no_timers) {
  forked_children_are_refused(POOL_THREADS);
}
