/* Blocking sections: while a task sleeps, reads or waits for a lock, a spare worker runs others in its place. */
#include "blocking.h"

static int32_t meet_in_a_section(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  CHECK_OK(pool_blocking_begin(task));
  meet((struct meeting *)(uintptr_t)arg);
  CHECK_OK(pool_blocking_end(task));
  return 0;
}

/* As long as one sleeps, all do: each waits until the last one is there. */
static void all_at_once(uint32_t workers, int tasks) {
  pool_t *pool = new_pool(workers);
  struct meeting meeting = MEETING_INIT(tasks);
  submit(pool, tasks, meet_in_a_section, &meeting);
  CHECK_OK(pool_close_join(pool));
  CHECK_EQ(meeting.present, tasks);
}

CASE(five_on_two_workers_are_blocked_at_once) {
  all_at_once(2, 5);
}

CASE(many_on_one_worker_are_blocked_at_once) {
  all_at_once(1, (int)scaled(100));
}

CASE(a_callers_task_blocks) {
  pool_t *pool = new_pool(1);
  struct meeting meeting = MEETING_INIT(2);
  submit(pool, 1, meet_in_a_section, &meeting);
  CHECK_OK(pool_apply(pool, meet_in_a_section, &meeting, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

CASE(the_spares_leave) {
  pool_t *pool = new_pool(2);
  int before = threads_now();
  for (int round = 0; round < 3; round++) {
    struct meeting meeting = MEETING_INIT(30);
    pool_future_t *futures[30];
    for (int i = 0; i < 30; i++) {
      CHECK_OK(pool_apply_async(pool, meet_in_a_section, &meeting, 0, 0, NULL, NULL, &futures[i]));
    }
    for (int i = 0; i < 30; i++) {
      CHECK_OK(pool_future_wait(futures[i], 60000));
      CHECK_OK(pool_future_release(futures[i]));
    }
    threads_go_back_to(before + 2);
  }
  CHECK_OK(pool_close_join(pool));
}

/* ---- Beginning and ending ---- */

/* Lets the next task in while the outer section lasts, in the inner one, after it, and after an end too many. */
static int32_t nest(const void *arg, void *result, pool_task_t *task) {
  struct nested *nested = (struct nested *)(uintptr_t)arg;
  (void)result;
  CHECK_ERROR(pool_blocking_end(task), POOL_ERR_INVALID);
  for (int depth = 0; depth < 3; depth++) {
    CHECK_OK(pool_blocking_begin(depth == 1 ? NULL : task));
  }
  CHECK_OK(pool_blocking_end(NULL));
  CHECK_OK(pool_blocking_end(task));
  submit(nested->pool, 1, open_gate, &nested->other);
  gate_wait(&nested->other);
  CHECK_OK(pool_blocking_end(task));
  CHECK_ERROR(pool_blocking_end(task), POOL_ERR_INVALID);
  CHECK_ERROR(pool_blocking_end(NULL), POOL_ERR_INVALID);
  return 0;
}

CASE(sections_nest) {
  pool_t *pool = pool_with_most(1, 1);
  for (int i = 0; i < 20; i++) {
    struct nested nested = {pool, GATE_INIT};
    run_one(pool, nest, &nested);
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t leave_open(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_ERROR(pool_blocking_end(task), POOL_ERR_INVALID);
  CHECK_OK(pool_blocking_begin(task));
  CHECK_OK(pool_blocking_begin(task));
  return 0;
}

/* With one section at most, each begins only if the former one has ended. */
CASE(what_is_left_open_ends_with_the_task) {
  pool_t *pool = pool_with_most(1, 1);
  for (int i = 0; i < 50; i++) {
    run_one(pool, leave_open, NULL);
    CHECK_OK(pool_apply(pool, leave_open, NULL, 0, NULL, 0));
  }
  CHECK_OK(pool_map(pool, leave_open, NULL, 0, NULL, 0, 50));
  CHECK_OK(pool_close_join(pool));
}

/* ---- How many ---- */

struct crowd {
  struct meeting inside; /* as many as may be, and this one */
  struct gate refused;
};

static int32_t fill_up(const void *arg, void *result, pool_task_t *task) {
  struct crowd *crowd = (struct crowd *)(uintptr_t)arg;
  (void)result;
  CHECK_OK(pool_blocking_begin(task));
  meet(&crowd->inside);
  gate_wait(&crowd->refused);
  CHECK_OK(pool_blocking_end(task));
  return 0;
}

static int32_t find_it_full(const void *arg, void *result, pool_task_t *task) {
  struct crowd *crowd = (struct crowd *)(uintptr_t)arg;
  (void)result;
  meet(&crowd->inside);
  CHECK_ERROR(pool_blocking_begin(task), POOL_ERR_FULL);
  CHECK_HAS(pool_last_error(), "max_blocked");
  CHECK_ERROR(pool_blocking_end(task), POOL_ERR_INVALID);
  gate_open(&crowd->refused);
  return 0;
}

static void no_more_than(uint32_t max_blocked, int most) {
  pool_t *pool = pool_with_most(1, max_blocked);
  for (int round = 0; round < 2; round++) {
    struct crowd crowd = {MEETING_INIT(most + 1), GATE_INIT};
    submit(pool, most, fill_up, &crowd);
    run_one(pool, find_it_full, &crowd);
    struct meeting again = MEETING_INIT(most);
    EVENTUALLY(threads_now() <= 2);
    submit(pool, most - 1, meet_in_a_section, &again);
    run_one(pool, meet_in_a_section, &again);
    EVENTUALLY(threads_now() <= 2);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(max_blocked) {
  no_more_than(1, 1);
  no_more_than(3, 3);
}

CASE(max_blocked_by_default) {
  check_skip_under("valgrind", "so many threads take their time");
  no_more_than(0, 256);
}

CASE(impossible_numbers_of_blocked) {
  static const uint32_t impossible[] = {4097, UINT32_MAX};
  for (size_t i = 0; i < COUNT_OF(impossible); i++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    pool_t *pool = NULL;
    options.max_blocked = impossible[i];
    CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
    CHECK(pool == NULL);
  }
  CHECK_OK(pool_close_join(pool_with_most(1, 4096)));
}

/* ---- Where there is no section to begin ---- */

struct foreign {
  pool_task_t *task;
  pool_t *pool;
};

static void *use_from_outside(void *data) {
  struct foreign *foreign = data;
  CHECK_ERROR(pool_blocking_begin(foreign->task), POOL_ERR_INVALID);
  CHECK_ERROR(pool_blocking_end(foreign->task), POOL_ERR_INVALID);
  return NULL;
}

static int32_t use_the_outer(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  use_from_outside((void *)(uintptr_t)arg);
  return 0;
}

/* Gives its task away: to another thread, to another task, and to whoever comes when it is gone. */
static int32_t give_away(const void *arg, void *result, pool_task_t *task) {
  struct foreign *foreign = (struct foreign *)(uintptr_t)arg;
  (void)result;
  CHECK_OK(pool_blocking_begin(task));
  foreign->task = task;
  pthread_join(check_thread(use_from_outside, foreign), NULL);
  CHECK_OK(pool_apply(foreign->pool, use_the_outer, foreign, 0, NULL, 0));
  CHECK_OK(pool_blocking_end(task));
  return 0;
}

CASE(only_for_what_the_thread_is_running) {
  int32_t number = 7;
  pool_task_t *impossible[] = {NULL, (pool_task_t *)1, (pool_task_t *)(void *)&number, (pool_task_t *)UINTPTR_MAX};
  for (size_t i = 0; i < COUNT_OF(impossible); i++) {
    struct foreign foreign = {impossible[i], NULL};
    use_from_outside(&foreign);
  }
  for (uint32_t workers = 1; workers < 3; workers++) {
    struct foreign foreign = {NULL, new_pool(workers)};
    run_one(foreign.pool, give_away, &foreign);
    use_from_outside(&foreign);
    CHECK_OK(pool_close_join(foreign.pool));
    use_from_outside(&foreign);
  }
}

static int32_t begin_too_early(void *worker_data, uint32_t worker) {
  struct foreign none = {NULL, NULL};
  (void)worker_data;
  (void)worker;
  use_from_outside(&none);
  return 0;
}

static void begin_too_late(void *worker_data, uint32_t worker) {
  begin_too_early(worker_data, worker);
}

CASE(not_in_initializer_or_finalizer) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.initializer = begin_too_early;
  options.finalizer = begin_too_late;
  pool_t *pool = new_pool_with(&options);
  struct meeting meeting = MEETING_INIT(4); /* spares are initialised too */
  submit(pool, 4, meet_in_a_section, &meeting);
  CHECK_OK(pool_close_join(pool));
}

static int32_t fork_in_a_section(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  CHECK_OK(pool_blocking_begin(task));
  pid_t child = fork();
  if (child == 0) {
    alarm(check_timeout / 2);
    CHECK_ERROR(pool_blocking_begin(task), POOL_ERR_FORKED);
    CHECK_ERROR(pool_blocking_end(task), POOL_ERR_FORKED);
    CHECK_ERROR(pool_blocking_end(NULL), POOL_ERR_FORKED);
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
  CHECK_OK(pool_blocking_end(task));
  return 0;
}

CASE(not_in_a_forked_child) {
  check_skip_fork_under_asan();
  pool_t *pool = new_pool(1);
  run_one(pool, fork_in_a_section, NULL);
  CHECK_OK(pool_close_join(pool));
}
