/* A child that the host forks has its parent's answers only: what waits for several tasks is the parent's. */
#include "imap.h"
#include "waits.h"

CASE(futures_and_their_iterators) {
  check_skip_fork_under_asan();
  pool_t *pool = new_pool(2);
  pool_future_t *futures[2] = {submitted(pool, 1)};
  CHECK_OK(pool_future_wait(futures[0], -1));
  struct hold *hold = hold_workers(pool, 1, futures + 1);
  pool_as_completed_t *ready = each_of(futures, 2);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(check_timeout / 2);
    size_t index = 99;
    pool_as_completed_t *other = NULL;
    CHECK_OK(pool_wait(futures, 1, POOL_WAIT_ALL, -1, &index));
    CHECK_OK(pool_wait(futures, 1, POOL_WAIT_ANY, -1, &index));
    CHECK_EQ(index, 0);
    CHECK_ERROR(pool_wait(futures + 1, 1, POOL_WAIT_ANY, -1, &index), POOL_ERR_FORKED);
    CHECK_ERROR(pool_wait(futures, 2, POOL_WAIT_ALL, -1, &index), POOL_ERR_FORKED);
    CHECK_ERROR(pool_as_completed(futures, 2, &other), POOL_ERR_FORKED);
    CHECK_ERROR(pool_as_completed_next(ready, -1, &index), POOL_ERR_FORKED);
    CHECK_OK(pool_as_completed_release(ready));
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
  atomic_store(&hold->go, 1);
  size_t index;
  int given = 0;
  while (pool_as_completed_next(ready, -1, &index) == 1) {
    given++;
  }
  CHECK_EQ(given, 2);
  CHECK_OK(pool_as_completed_release(ready));
  release_all(futures, 2);
  CHECK_OK(pool_close_join(pool));
}

CASE(an_imap) {
  check_skip_fork_under_asan();
  pool_t *pool = new_pool(2);
  struct source source = {0, 100, 0};
  pool_imap_t *imap = imap_of(pool_imap, pool, twice, &source, 5);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    int32_t status;
    alarm(check_timeout / 2);
    CHECK_ERROR(pool_imap_next(imap, -1, NULL, 0, NULL, &status), POOL_ERR_FORKED);
    CHECK_OK(pool_imap_release(imap));
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
  for (int i = 0; i < 100; i++) {
    CHECK_NEXT(imap, i, POOL_OK);
  }
  CHECK_OK(pool_imap_release(imap));
  CHECK_OK(pool_close_join(pool));
}
