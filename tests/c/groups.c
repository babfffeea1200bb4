/* Cancel tokens and groups, on threads. */
#include "groups.h"

CASE(threads_token_cancels_all) {
  token_cancels_all(POOL_THREADS);
}

CASE(threads_token_cancels_maps) {
  token_cancels_maps(POOL_THREADS);
}

CASE(threads_token_is_released_early) {
  token_is_released_early(POOL_THREADS);
}

CASE(threads_token_races) {
  token_races(POOL_THREADS);
}

CASE(threads_group_waits_for_all) {
  group_waits_for_all(POOL_THREADS);
}

CASE(threads_group_tells_a_failure_once) {
  group_tells_a_failure_once(POOL_THREADS);
}

CASE(threads_group_is_cancelled) {
  group_is_cancelled(POOL_THREADS);
}

CASE(threads_group_ends_with_its_pool) {
  group_ends_with_its_pool(POOL_THREADS);
}

CASE(threads_nonsense_is_refused) {
  nonsense_is_refused(POOL_THREADS);
}

/* A task that has children in its own group, and they theirs. */
struct family {
  pool_t *pool;
  pool_group_t *group;
  atomic_int born, endless;
};

struct child {
  struct family *family;
  int generation;
};

static int32_t have_children(const void *arg, void *result, pool_task_t *task) {
  const struct child *parent = arg;
  struct family *family = parent->family;
  (void)result;
  (void)task;
  atomic_fetch_add(&family->born, 1);
  if (atomic_load(&family->endless) || parent->generation < 6) {
    struct child child = {family, parent->generation + 1};
    pool_call_t call = POOL_CALL_INIT;
    call.fn = have_children;
    call.arg = &child;
    call.arg_size = sizeof child;
    call.group = family->group;
    for (int i = 0; i < (atomic_load(&family->endless) ? 1 : 3); i++) {
      CHECK_OK(pool_submit(family->pool, &call, 1, NULL));
    }
  }
  return 0;
}

static void begin_family(struct family *family) {
  struct child first = {family, 0};
  pool_call_t call = POOL_CALL_INIT;
  call.fn = have_children;
  call.arg = &first;
  call.arg_size = sizeof first;
  call.group = family->group;
  CHECK_OK(pool_submit(family->pool, &call, 1, NULL));
}

CASE(tasks_submit_into_their_own_group) {
  struct family family = {new_pool(2), new_group(), 0, 0};
  for (int round = 1; round <= 5; round++) {
    begin_family(&family);
    CHECK_OK(pool_group_wait(family.group, round % 2 == 0 ? -1 : 60000));
    CHECK_EQ(atomic_load(&family.born), round * (1 + 3 + 9 + 27 + 81 + 243 + 729));
  }
  CHECK_OK(pool_group_release(family.group));
  CHECK_OK(pool_close_join(family.pool));
}

CASE(a_family_without_end_is_cancelled) {
  struct family family = {new_pool(2), new_group(), 0, 1};
  begin_family(&family);
  EVENTUALLY(atomic_load(&family.born) > 100);
  CHECK_OK(pool_group_cancel(family.group));
  CHECK_ERROR(pool_group_wait(family.group, -1), POOL_ERR_CANCELLED);
  CHECK_OK(pool_group_release(family.group));
  CHECK_OK(pool_close_join(family.pool));
}

/* Groups in groups, to some depth, in a pool that has not as many workers. */
static int32_t wait_for_children(const void *arg, void *result, pool_task_t *task) {
  const struct child *parent = arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&parent->family->born, 1);
  if (parent->generation == 5) {
    return 0;
  }
  struct child child = {parent->family, parent->generation + 1};
  pool_group_t *group = new_group();
  pool_call_t call = POOL_CALL_INIT;
  call.fn = wait_for_children;
  call.arg = &child;
  call.arg_size = sizeof child;
  call.group = group;
  for (int i = 0; i < 3; i++) {
    call.delay_ms = i == 2 && parent->generation % 2 == 0;
    CHECK_OK(pool_submit(parent->family->pool, &call, 1, NULL));
  }
  CHECK_OK(pool_group_wait(group, -1));
  CHECK_OK(pool_group_release(group));
  return 0;
}

CASE(tasks_wait_for_groups) {
  for (uint32_t workers = 1; workers <= 3; workers++) {
    struct family family = {new_pool(workers), NULL, 0, 0};
    struct child first = {&family, 0};
    CHECK_OK(pool_apply(family.pool, wait_for_children, &first, sizeof first, NULL, 0));
    CHECK_EQ(atomic_load(&family.born), 1 + 3 + 9 + 27 + 81 + 243);
    CHECK_OK(pool_close_join(family.pool));
  }
}

static int32_t wait_for_its_own(const void *arg, void *result, pool_task_t *task) {
  pool_group_t *group = *(pool_group_t *const *)arg;
  (void)result;
  (void)task;
  CHECK_ERROR(pool_group_wait(group, -1), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_group_wait(group, 0), POOL_ERR_DEADLOCK);
  CHECK_OK(pool_group_cancel(group));
  return 0;
}

CASE(a_member_does_not_wait_for_its_group) {
  pool_t *pool = new_pool(2);
  pool_group_t *group = new_group();
  pool_call_t call = POOL_CALL_INIT;
  call.fn = wait_for_its_own;
  call.arg = &group;
  call.arg_size = sizeof group;
  call.group = group;
  CHECK_OK(pool_submit(pool, &call, 1, NULL));
  CHECK_OK(pool_group_wait(group, -1));
  call.arg = NULL;
  CHECK_OK(pool_map_with(pool, &call, &group, NULL, NULL, 1));
  CHECK_OK(pool_group_wait(group, -1));
  CHECK_OK(pool_group_release(group));
  CHECK_OK(pool_close_join(pool));
}

static void cancel_from_callback(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  CHECK_OK(pool_token_cancel(user_data));
}

CASE(a_callback_cancels_the_others) {
  pool_t *pool = new_pool(2);
  pool_token_t *token = new_token();
  pool_group_t *group = new_group();
  struct course course = {0};
  struct course *all = &course;
  pool_call_t calls[9];
  for (int i = 0; i < 9; i++) {
    calls[i] = waiting(&all);
    calls[i].cancel = token;
    calls[i].group = group;
  }
  calls[0].fn = nothing;
  calls[0].callback = cancel_from_callback;
  calls[0].user_data = token;
  CHECK_OK(pool_submit(pool, calls, 9, NULL));
  CHECK_ERROR(pool_group_wait(group, -1), POOL_ERR_CANCELLED);
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_token_release(token));
  CHECK_OK(pool_group_release(group));
}
