/* Continuations, in processes. */
#include "then.h"

CASE(processes_continues_with_the_result) {
  continues_with_the_result(POOL_PROCESSES);
}

CASE(processes_continues_with_any_size) {
  continues_with_any_size(POOL_PROCESSES);
}

CASE(processes_continues_no_failure) {
  continues_no_failure(POOL_PROCESSES);
}

CASE(processes_long_continuation) {
  long_continuation(POOL_PROCESSES, scaled(20000));
}
