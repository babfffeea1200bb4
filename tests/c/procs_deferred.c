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

static int32_t die(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  kill(getpid(), SIGKILL);
  return 0;
}

/* A worker that dies ends what follows its task, and the pool goes on. */
CASE(deaths_go_down_the_chain) {
  struct course *course = common(sizeof *course);
  pool_t *pool = process_pool(2);
  struct step step = {course, 1};
  for (int round = 0; round < 5; round++) {
    pool_future_t *dead = NULL, *follower = NULL, *next = NULL;
    pool_call_t last = POOL_CALL_INIT, call = noting(&step);
    last.fn = die;
    last.delay_ms = 2;
    CHECK_OK(pool_submit(pool, &last, 1, &dead));
    call.after = &dead;
    call.after_count = 1;
    CHECK_OK(pool_submit(pool, &call, 1, &follower));
    CHECK_OK(pool_future_then(dead, note, 4, NULL, NULL, &next));
    CHECK_FUTURE(next, POOL_ERR_WORKER_DIED);
    CHECK_FUTURE(follower, POOL_ERR_WORKER_DIED);
    CHECK(strstr(pool_future_message(follower), "SIGKILL") != NULL);
    CHECK_OK(pool_future_release(dead));
    CHECK_OK(pool_future_release(follower));
    CHECK_OK(pool_future_release(next));
    pool_works(pool);
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(atomic_load(&course->started), 0);
}

CASE(processes_successors_wait_for_successors) {
  successors_wait_for_successors(POOL_PROCESSES);
}
