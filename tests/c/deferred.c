/* Tasks that start later, on threads: after a time, and after others. */
#include "deferred.h"

CASE(threads_starts_in_order_of_time) {
  starts_in_order_of_time(POOL_THREADS);
}

CASE(threads_runs_after_close) {
  runs_after_close(POOL_THREADS);
}

CASE(threads_is_cancelled_while_it_waits) {
  is_cancelled_while_it_waits(POOL_THREADS);
}

CASE(threads_is_terminated_while_it_waits) {
  is_terminated_while_it_waits(POOL_THREADS);
}

CASE(threads_starts_when_all_have_ended) {
  starts_when_all_have_ended(POOL_THREADS);
}

CASE(threads_failure_goes_down_the_chain) {
  failure_goes_down_the_chain(POOL_THREADS);
}

CASE(threads_long_chain_runs) {
  long_chain(POOL_THREADS, false, scaled(100000));
}

CASE(threads_long_chain_is_cancelled) {
  long_chain(POOL_THREADS, true, scaled(100000));
}

CASE(threads_refuses_bad_terms) {
  refuses_bad_terms(POOL_THREADS);
}

CASE(threads_all_or_none) {
  all_or_none(POOL_THREADS);
}

CASE(threads_follow_another_pool) {
  follows_another_pool(POOL_THREADS, POOL_THREADS);
}

/* Callbacks of what never ran come from where all callbacks do. */
static void count_polled(const pool_result_t *outcome, void *user_data) {
  CHECK_EQ(outcome->worker == POOL_NO_WORKER, outcome->status != POOL_OK);
  count_call(outcome, user_data);
}

CASE(callbacks_of_any_kind) {
  for (int32_t callbacks = POOL_CALLBACKS_SERIAL; callbacks <= POOL_CALLBACKS_POLLED; callbacks++) {
    pool_options_t options = POOL_OPTIONS_INIT;
    options.workers = 2;
    options.callbacks = callbacks;
    pool_t *pool = new_pool_with(&options);
    struct course *course = common(sizeof *course);
    struct step step = {course, 1};
    struct tally tally = {0, 1};
    pool_future_t *failed = NULL;
    CHECK_OK(pool_apply_async(pool, fail, NULL, 0, 0, NULL, NULL, &failed));
    for (int i = 0; i < 30; i++) {
      pool_call_t call = noting(&step);
      call.callback = count_polled;
      call.user_data = &tally;
      call.delay_ms = i % 3;
      call.after = &failed;
      call.after_count = i % 5 == 0;
      CHECK_OK(pool_submit(pool, &call, 1, NULL));
    }
    while (callbacks == POOL_CALLBACKS_POLLED && atomic_load(&tally.calls) < 20) {
      CHECK(pool_poll(pool, -1) >= 0);
    }
    CHECK_OK(pool_future_release(failed));
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(atomic_load(&tally.calls), 30);
    CHECK_EQ(atomic_load(&course->started), 24);
  }
}

/* Tasks and callbacks submit what starts later, also when the pool is closed. */
static void submit_later(pool_t *pool, struct course *course, int number) {
  struct step step = {course, number};
  pool_call_t call = noting(&step);
  call.delay_ms = 1;
  CHECK_OK(pool_submit(pool, &call, 1, NULL));
}

struct errand {
  pool_t *pool;
  struct course *course;
};

static void submit_from_callback(const pool_result_t *outcome, void *user_data) {
  struct errand *errand = user_data;
  CHECK_STATUS(outcome->status, POOL_OK);
  submit_later(errand->pool, errand->course, 2);
}

static int32_t submit_from_task(const void *arg, void *result, pool_task_t *task) {
  const struct errand *errand = arg;
  (void)result;
  (void)task;
  sleep_ms(5);
  submit_later(errand->pool, errand->course, 1);
  return 0;
}

CASE(tasks_and_callbacks_submit_for_later) {
  struct course course = {0};
  for (size_t round = 0; round < scaled(50); round++) {
    struct errand errand = {new_pool(2), &course};
    atomic_store(&course.started, 0);
    CHECK_OK(pool_apply_async(errand.pool, submit_from_task, &errand, sizeof errand, 0, submit_from_callback, &errand,
                              NULL));
    CHECK_OK(pool_close_join(errand.pool));
    CHECK_EQ(atomic_load(&course.started), 2);
  }
}

CASE(a_freed_pool_continues_nothing) {
  pool_t *pool = new_pool(1), *other = new_pool(1);
  int64_t number = 4;
  pool_future_t *future = NULL, *next = NULL, *follower = NULL;
  CHECK_OK(pool_apply_async(pool, twice, &number, 8, 8, NULL, NULL, &future));
  CHECK_OK(pool_close_join(pool));
  CHECK_ERROR(pool_future_then(future, twice, 8, must_not_be_called, NULL, &next), POOL_ERR_CLOSED);
  pool_call_t call = POOL_CALL_INIT;
  call.fn = nothing;
  call.after = &future;
  call.after_count = 1;
  CHECK_OK(pool_submit(other, &call, 1, &follower));
  CHECK_FUTURE(follower, POOL_OK);
  CHECK_OK(pool_future_release(follower));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(other));
}

/* A web of tasks, each after some of those before it, from several threads, a few of them failing or cancelled: all end,
 * and none before what it follows. */
struct web {
  pool_t *pool;
  unsigned seed;
  atomic_int ends;
};

struct knot {
  const atomic_int *before[3];
  atomic_int *own;
};

static int32_t tie(const void *arg, void *result, pool_task_t *task) {
  const struct knot *knot = arg;
  (void)result;
  (void)task;
  for (int i = 0; i < 3; i++) {
    CHECK(knot->before[i] == NULL || atomic_load(knot->before[i]) == 1);
  }
  atomic_store(knot->own, 1);
  return (uintptr_t)knot->own % 97 == 0 ? 3 : 0;
}

static void count_end(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  atomic_fetch_add((atomic_int *)user_data, 1);
}

static void *weave(void *data) {
  struct web *web = data;
  unsigned seed = web->seed;
  enum { KNOTS = 400 };
  static _Thread_local atomic_int done[KNOTS];
  pool_future_t *futures[KNOTS];
  memset((void *)done, 0, sizeof done);
  for (int i = 0; i < KNOTS; i++) {
    struct knot knot = {{NULL, NULL, NULL}, &done[i]};
    pool_future_t *after[3];
    pool_call_t call = POOL_CALL_INIT;
    for (int k = 0; k < 3 && i > 0; k++) {
      seed = seed * 1103515245 + 12345;
      int before = (int)(seed >> 8) % i;
      if ((seed >> 28) % 4 != 0) {
        knot.before[call.after_count] = &done[before];
        after[call.after_count++] = futures[before];
      }
    }
    call.fn = tie;
    call.arg = &knot;
    call.arg_size = sizeof knot;
    call.after = after;
    call.delay_ms = seed % 64 == 0;
    call.callback = count_end;
    call.user_data = &web->ends;
    CHECK_OK(pool_submit(web->pool, &call, 1, &futures[i]));
    if (seed % 128 == 1) {
      pool_future_cancel(futures[i]);
    }
  }
  for (int i = 0; i < KNOTS; i++) {
    CHECK_OK(pool_future_wait(futures[i], i % 2 == 0 ? -1 : 60000));
    CHECK_EQ(pool_future_status(futures[i]) == POOL_OK || pool_future_status(futures[i]) == 3,
             1 - (atomic_load(&done[i]) == 0 && pool_future_status(futures[i]) == POOL_ERR_CANCELLED));
    CHECK_OK(pool_future_release(futures[i]));
  }
  return NULL;
}

CASE(webs_of_tasks) {
  for (size_t round = 0; round < scaled(30); round++) {
    struct web webs[3];
    pthread_t threads[3];
    pool_t *pool = new_pool(1 + round % 3);
    for (int i = 0; i < 3; i++) {
      webs[i] = (struct web){pool, (unsigned)(round * 3 + (size_t)i + 1), 0};
      threads[i] = check_thread(weave, &webs[i]);
    }
    for (int i = 0; i < 3; i++) {
      pthread_join(threads[i], NULL);
    }
    CHECK_OK(pool_close_join(pool));
    for (int i = 0; i < 3; i++) {
      CHECK_EQ(atomic_load(&webs[i].ends), 400);
    }
  }
}

/* Pools that end while much is to happen later, at any moment. */
static void *terminate_soon(void *data) {
  sleep_ms(1);
  CHECK_OK(pool_terminate(data));
  return NULL;
}

CASE(pools_end_in_the_midst_of_it) {
  struct course course = {0};
  struct step step = {&course, 1};
  for (size_t round = 0; round < scaled(200); round++) {
    pool_t *pool = new_pool(2);
    struct tally tally = {0, 1};
    pool_future_t *last = NULL;
    pthread_t thread = check_thread(terminate_soon, pool);
    int accepted = 0;
    for (int i = 0; i < 300; i++) {
      pool_call_t call = noting(&step);
      pool_future_t *next = NULL;
      call.delay_ms = i % 4;
      call.after = &last;
      call.after_count = last != NULL;
      call.callback = count_call;
      call.user_data = &tally;
      if (pool_submit(pool, &call, 1, &next) != POOL_OK) {
        break;
      }
      accepted++;
      CHECK_OK(pool_future_release(last));
      last = next;
    }
    pthread_join(thread, NULL);
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(tally.calls, accepted);
    CHECK_OK(last == NULL ? POOL_OK : pool_future_wait(last, 0));
    CHECK_OK(pool_future_release(last));
  }
}

CASE(threads_successors_wait_for_successors) {
  successors_wait_for_successors(POOL_THREADS);
}

static void *in_sequence(void *unused) {
  (void)unused;
  successors_wait_for_successors(POOL_SEQUENTIAL);
  return NULL;
}

/* Threads of our own: the bounds of the first one's stack are valgrind's, in a child that it has forked. */
static void on_a_stack_of(size_t size, void *(*body)(void *)) {
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK_EQ(pthread_attr_init(&attributes), 0);
  CHECK_EQ(pthread_attr_setstacksize(&attributes, size), 0);
  CHECK_EQ(pthread_create(&thread, &attributes, body, NULL), 0);
  CHECK_EQ(pthread_join(thread, NULL), 0);
  CHECK_EQ(pthread_attr_destroy(&attributes), 0);
}

CASE(sequential_successors_wait_for_successors) {
  on_a_stack_of(1 << 20, in_sequence);
}

/* So deep in the stack that nothing is run on top of it: who waits for what follows a queued task is told so. */
static int32_t wait_too_deep(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = *(pool_t *const *)arg;
  volatile char room[300 << 10];
  pool_future_t *first = NULL, **second = result;
  pool_call_t call = POOL_CALL_INIT;
  (void)task;
  room[0] = room[sizeof room - 1] = 0;
  call.fn = nothing;
  CHECK_OK(pool_submit(pool, &call, 1, &first));
  call.after = &first;
  call.after_count = 1;
  CHECK_OK(pool_submit(pool, &call, 1, second));
  CHECK_ERROR(pool_future_wait(*second, -1), POOL_ERR_SYSTEM);
  CHECK(strstr(pool_last_error(), "too deep") != NULL);
  CHECK_ERROR(pool_future_wait(*second, 1), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_wait(second, 1, POOL_WAIT_ANY, -1, NULL), POOL_ERR_SYSTEM);
  CHECK_OK(pool_future_release(first));
  return 0;
}

static void *wait_too_deep_in_a_thread(void *unused) {
  pool_t *pool = pool_of(POOL_SEQUENTIAL, 1);
  pool_future_t *second = NULL;
  (void)unused;
  CHECK_OK(pool_apply(pool, wait_too_deep, &pool, sizeof pool, &second, sizeof second));
  CHECK_OK(pool_future_wait(second, -1));
  CHECK_OK(pool_future_release(second));
  CHECK_OK(pool_close_join(pool));
  return NULL;
}

CASE(sequential_too_deep_to_wait_for_a_successor) {
  check_skip_under("tsan", "the tool makes stacks larger");
  on_a_stack_of(512 << 10, wait_too_deep_in_a_thread);
}
