/* MILLPOND_MODE=processes: programs for threads run in processes, as they are. */
#include "procs.h"

CASE(processes_instead_of_threads) {
  CHECK_EQ(setenv("MILLPOND_MODE", "processes", 1), 0);
  pool_t *pools[3] = {pool_create(2), NULL, pool_default()};
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = POOL_SEQUENTIAL;
  options.workers = 2;
  CHECK_OK(pool_create_with(&options, &pools[1]));
  for (int i = 0; i < 3; i++) {
    CHECK(pools[i] != NULL);
    int32_t pid = getpid();
    CHECK_OK(pool_apply(pools[i], tell_pid, NULL, 0, &pid, sizeof pid));
    CHECK(pid != getpid());
  }
  CHECK_OK(pool_close_join(pools[0]));
  CHECK_OK(pool_close_join(pools[1]));
}
