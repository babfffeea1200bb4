/* A child that the host forks: the old pool answers POOL_ERR_FORKED at once, a new one works, the parent goes on. */
#include "tasks.h"

/* The tools would call what only the parent's threads point to a leak. */
__attribute__((noreturn)) static void end_child(void) {
  if (check_tool() != NULL) {
    _exit(0);
  }
  exit(0);
}

/* Forks; the child runs the body under a guard of its own and must end well. */
static void in_child(void (*body)(void *), void *data) {
  /* Workers allocate as they start and end, at any moment. */
  check_skip_fork_under_asan();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(check_timeout / 2);
    body(data);
    end_child();
  }
  CHECK(child > 0);
  CHECK_EQ(check_wait(child), 0);
}

struct old {
  pool_t *pool;
  pool_future_t *pending; /* not ended at the moment of the fork */
  pool_future_t *ended;
};

static int32_t loop_forked(size_t begin, size_t end, void *context, pool_task_t *task) {
  (void)context;
  (void)task;
  FAIL("a loop ran from %zu to %zu", begin, end);
}

static int32_t reduce_forked(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  (void)result;
  return loop_forked(begin, end, context, task);
}

static void combine_forked(void *into, const void *from, void *context) {
  (void)from;
  (void)context;
  FAIL("partial results were combined into %p", into);
}

static int compare_forked(const void *a, const void *b, void *context) {
  (void)a;
  (void)b;
  (void)context;
  FAIL("elements were compared");
}

static void old_pool_is_dead(pool_t *pool) {
  int64_t args[2] = {1, 2}, results[2] = {-1, -1};
  pool_future_t *future = (pool_future_t *)results;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = twice;
  call.arg_size = call.result_size = 8;
  CHECK_ERROR(pool_apply(pool, twice, args, 8, results, 8), POOL_ERR_FORKED);
  CHECK_ERROR(pool_apply_async(pool, twice, args, 8, 8, must_not_be_called, NULL, &future), POOL_ERR_FORKED);
  CHECK_ERROR(pool_map(pool, twice, args, 8, results, 8, 2), POOL_ERR_FORKED);
  CHECK_ERROR(pool_map_async(pool, twice, args, 8, results, 8, 2, must_not_be_called, NULL, &future), POOL_ERR_FORKED);
  CHECK_ERROR(pool_map_with(pool, &call, args, results, NULL, 2), POOL_ERR_FORKED);
  CHECK_ERROR(pool_for(pool, 0, 2, loop_forked, NULL), POOL_ERR_FORKED);
  CHECK_ERROR(pool_reduce(pool, 2, reduce_forked, combine_forked, NULL, results, 8, NULL), POOL_ERR_FORKED);
  CHECK_ERROR(pool_sort(pool, args, 2, POOL_SORT_I64), POOL_ERR_FORKED);
  CHECK_ERROR(pool_sort_with(pool, args, 2, 8, compare_forked, NULL), POOL_ERR_FORKED);
  CHECK(future == (pool_future_t *)results);
  CHECK_EQ(results[0], -1);
  CHECK_ERROR(pool_poll(pool, -1), POOL_ERR_FORKED);
  CHECK_ERROR(pool_poll_fd(pool), POOL_ERR_FORKED);
  CHECK_ERROR(pool_close(pool), POOL_ERR_FORKED);
  CHECK_ERROR(pool_join(pool, -1), POOL_ERR_FORKED);
  CHECK_ERROR(pool_join(pool, 0), POOL_ERR_FORKED);
  CHECK_ERROR(pool_terminate(pool), POOL_ERR_FORKED);
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_FORKED);
  CHECK_ERROR(pool_close_join(pool), POOL_ERR_FORKED);
}

static void old_futures_do_not_hang(struct old *old) {
  if (old->pending != NULL) {
    CHECK_ERROR(pool_future_wait(old->pending, -1), POOL_ERR_FORKED);
    CHECK_ERROR(pool_future_wait(old->pending, 60000), POOL_ERR_FORKED);
    CHECK_ERROR(pool_future_get(old->pending, NULL, 0, -1), POOL_ERR_FORKED);
    CHECK(pool_future_status(old->pending) < 0);
    CHECK(pool_future_ready(old->pending) <= 0);
    CHECK_ERROR(pool_future_cancel(old->pending), POOL_ERR_FORKED);
    CHECK(pool_future_data(old->pending, NULL) == NULL);
    CHECK(pool_future_message(old->pending) != NULL);
    CHECK_OK(pool_future_release(old->pending));
  }
  if (old->ended != NULL) {
    int64_t result = 0;
    CHECK_EQ(pool_future_ready(old->ended), 1);
    CHECK_OK(pool_future_wait(old->ended, -1));
    CHECK_OK(pool_future_get(old->ended, &result, sizeof result, -1));
    CHECK_EQ(result, 42);
    CHECK_OK(pool_future_release(old->ended));
  }
}

static void use_new_pools(void) {
  int64_t args[100], results[100];
  struct tally tally = {0, 1};
  for (int64_t i = 0; i < 100; i++) {
    args[i] = i;
  }
  pool_t *pools[] = {new_pool(2), pool_default()};
  for (int p = 0; p < 2; p++) {
    CHECK(pools[p] != NULL);
    CHECK_OK(pool_apply(pools[p], twice, &args[21], 8, results, 8));
    CHECK_EQ(results[0], 42);
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pools[p], twice, &args[4], 8, 8, count_call, &tally, &future));
    CHECK_OK(pool_future_get(future, results, 8, 60000));
    CHECK_EQ(results[0], 8);
    CHECK_OK(pool_future_release(future));
    CHECK_OK(pool_map(pools[p], twice, args, 8, results, 8, 100));
    CHECK_EQ(results[99], 198);
  }
  CHECK_OK(pool_close_join(pools[0]));
  EVENTUALLY(atomic_load(&tally.calls) == 2);
}

static void be_a_child(void *data) {
  struct old *old = data;
  old_pool_is_dead(old->pool);
  old_futures_do_not_hang(old);
  use_new_pools();
  old_pool_is_dead(old->pool);
}

/* A pool whose workers have run and now sleep. */
static struct old idle_pool(uint32_t workers) {
  struct old old = {new_pool(workers), NULL, NULL};
  int64_t arg = 21;
  CHECK_OK(pool_apply_async(old.pool, twice, &arg, 8, 8, NULL, NULL, &old.ended));
  CHECK_OK(pool_future_wait(old.ended, 60000));
  return old;
}

static void parent_goes_on(struct old *old) {
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply(old->pool, twice, &arg, 8, &result, 8));
  CHECK_EQ(result, 42);
  if (old->ended != NULL) {
    CHECK_OK(pool_future_get(old->ended, &result, 8, -1));
    CHECK_EQ(result, 42);
    CHECK_OK(pool_future_release(old->ended));
  }
  CHECK_OK(pool_close_join(old->pool));
}

CASE(with_an_idle_pool) {
  struct old old = idle_pool(3);
  in_child(be_a_child, &old);
  parent_goes_on(&old);
}

CASE(with_an_unused_pool) {
  struct old old = {new_pool(2), NULL, NULL};
  in_child(be_a_child, &old);
  parent_goes_on(&old);
}

CASE(with_a_closed_pool) {
  struct old old = idle_pool(2);
  CHECK_OK(pool_close(old.pool));
  in_child(be_a_child, &old);
  CHECK_OK(pool_join(old.pool, -1));
  in_child(be_a_child, &old);
  CHECK_OK(pool_future_release(old.ended));
  CHECK_OK(pool_close_join(old.pool));
}

CASE(with_blocked_workers_and_a_full_queue) {
  struct old old = idle_pool(1);
  struct blocker blocker = BLOCKER_INIT;
  pool_future_t *running = block_worker(old.pool, &blocker), *queued = NULL;
  struct tally tally = {0, 1};
  CHECK_OK(pool_apply_async(old.pool, nothing, NULL, 0, 0, count_call, &tally, &queued));
  old.pending = running;
  in_child(be_a_child, &old);
  old.pending = queued;
  in_child(be_a_child, &old);
  CHECK_EQ(tally.calls, 0);
  gate_open(&blocker.go);
  CHECK_OK(pool_future_wait(queued, -1));
  CHECK_OK(pool_future_release(running));
  CHECK_OK(pool_future_release(queued));
  parent_goes_on(&old);
  CHECK_EQ(tally.calls, 1);
}

static void only_old(void *data) {
  struct old *old = data;
  old_pool_is_dead(old->pool);
  int64_t arg = 21, result = 0;
  pool_t *pool = new_pool(1);
  CHECK_OK(pool_apply(pool, twice, &arg, 8, &result, 8));
  CHECK_OK(pool_close_join(pool));
}

/* Forks at any moment of the workers' life: locks they hold then must not hang the child. */
CASE(again_and_again_under_load) {
  check_skip_fork_under_asan();
  struct old old = idle_pool(2);
  atomic_int count = 0;
  struct tally tally = {0, 1};
  int submitted = 0;
  for (size_t round = 0; round < scaled(60); round++) {
    for (int i = 0; i < 300; i++, submitted++) {
      CHECK_OK(pool_apply_async(old.pool, increment, &count, 0, 0, count_call, &tally, NULL));
    }
    in_child(only_old, &old);
  }
  CHECK_OK(pool_future_release(old.ended));
  CHECK_OK(pool_close_join(old.pool));
  CHECK_EQ(count, submitted);
  CHECK_EQ(tally.calls, submitted);
}

struct loader {
  pool_t *pool;
  atomic_int stop;
};

static void *load_and_wait(void *data) {
  struct loader *loader = data;
  for (int64_t i = 0; !atomic_load(&loader->stop); i++) {
    int64_t result = -1;
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(loader->pool, twice, &i, 8, 8, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, &result, 8, i % 2 ? -1 : 60000));
    CHECK_EQ(result, i * 2);
    CHECK_OK(pool_future_release(future));
    pool_t *own = new_pool(1);
    CHECK_OK(pool_apply(own, twice, &i, 8, &result, 8));
    CHECK_OK(pool_close_join(own));
  }
  return NULL;
}

CASE(while_other_threads_submit_and_wait) {
  check_skip_fork_under_asan();
  struct old old = idle_pool(2);
  struct loader loader = {old.pool, 0};
  pthread_t threads[3];
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    threads[i] = check_thread(load_and_wait, &loader);
  }
  for (size_t round = 0; round < scaled(40); round++) {
    in_child(only_old, &old);
  }
  atomic_store(&loader.stop, 1);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    pthread_join(threads[i], NULL);
  }
  parent_goes_on(&old);
}

CASE(after_using_the_default_pool) {
  check_skip_fork_under_asan();
  int64_t arg = 21, result = 0;
  CHECK_OK(pool_apply(pool_default(), twice, &arg, 8, &result, 8));
  struct old old = {pool_default(), NULL, NULL};
  CHECK_OK(pool_apply_async(old.pool, twice, &arg, 8, 8, NULL, NULL, &old.ended));
  CHECK_OK(pool_future_wait(old.ended, -1));
  for (int i = 0; i < 3; i++) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      alarm(check_timeout / 2);
      use_new_pools();
      end_child();
    }
    CHECK_EQ(check_wait(child), 0);
  }
  CHECK(pool_default() == old.pool);
  CHECK_OK(pool_apply(pool_default(), twice, &arg, 8, &result, 8));
  CHECK_OK(pool_future_release(old.ended));
}

/* A polled pool has a descriptor that parent and child would share. */
CASE(with_a_polled_pool) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 2;
  options.callbacks = POOL_CALLBACKS_POLLED;
  struct old old = {new_pool_with(&options), NULL, NULL};
  struct tally tally = {0, 1};
  CHECK(pool_poll_fd(old.pool) >= 0);
  CHECK_OK(pool_apply_async(old.pool, nothing, NULL, 0, 0, count_call, &tally, NULL));
  CHECK_OK(pool_apply(old.pool, nothing, NULL, 0, NULL, 0));
  in_child(be_a_child, &old);
  CHECK_EQ(pool_poll(old.pool, -1), 1);
  CHECK_EQ(tally.calls, 1);
  parent_goes_on(&old);
}

static void be_a_grandchild(void *data) {
  old_pool_is_dead(((struct old *)data)->pool);
  use_new_pools();
}

static void be_a_parent(void *data) {
  struct old old = idle_pool(2);
  old_pool_is_dead(((struct old *)data)->pool);
  in_child(be_a_grandchild, data);
  in_child(be_a_grandchild, &old);
  parent_goes_on(&old);
}

CASE(grandchildren) {
  struct old old = idle_pool(2);
  in_child(be_a_parent, &old);
  parent_goes_on(&old);
}

static int32_t fork_inside(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  in_child(only_old, (void *)(uintptr_t)arg);
  return 0;
}

CASE(from_a_task) {
  struct old old = idle_pool(2);
  for (int i = 0; i < 5; i++) {
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(old.pool, fork_inside, &old, 0, 0, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, NULL, 0, 60000));
    CHECK_OK(pool_future_release(future));
  }
  parent_goes_on(&old);
}

static void fork_in_callback(const pool_result_t *outcome, void *user_data) {
  CHECK_STATUS(outcome->status, POOL_OK);
  in_child(only_old, user_data);
}

CASE(from_a_callback) {
  struct old old = idle_pool(2);
  CHECK_OK(pool_apply_async(old.pool, nothing, NULL, 0, 0, fork_in_callback, &old, NULL));
  parent_goes_on(&old);
}

CASE(starting_programs) {
  struct old old = idle_pool(2);
  atomic_int count = 0;
  for (int i = 0; i < 20; i++) {
    CHECK_OK(pool_apply_async(old.pool, increment, &count, 0, 0, NULL, NULL, NULL));
    CHECK_EQ(system("true"), 0);
  }
  parent_goes_on(&old);
  CHECK_EQ(count, 20);
}
