/* Callbacks of tasks in processes come in the order in which a worker has finished the tasks, whoever looks at these,
 * waits for them, or takes results in, and however late the pool's own thread is. */
#include "procs.h"

/* The numbers of tasks, in the order of their callbacks. */
static struct {
  int count;
  int numbers[5000];
} called;

static void note(const pool_result_t *outcome, void *user_data) {
  (void)outcome;
  CHECK((size_t)called.count < COUNT_OF(called.numbers));
  called.numbers[called.count++] = (int)(intptr_t)user_data;
}

static pool_future_t *submit(pool_t *pool, int number) {
  pool_future_t *future = NULL;
  pool_callback_fn callback = number == 0 ? NULL : note;
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, callback, (void *)(intptr_t)number, &future));
  return future;
}

/* ---- The thread that sees to results, held up ---- */

static struct {
  atomic_int is_held, may_go;
} supervisor;

static void hold_up(int32_t level, const char *pool, const char *text, void *user_data) {
  (void)level;
  (void)pool;
  (void)text;
  (void)user_data;
  atomic_store(&supervisor.is_held, 1);
  while (!atomic_load(&supervisor.may_go)) {
    sleep_ms(1);
  }
}

/* A pool of one worker whose thread does nothing until it is let go: it tells of the death of the worker before. */
static pool_t *held_up_pool(struct hold **hold) {
  pool_options_t options = processes(1);
  options.callbacks = POOL_CALLBACKS_POLLED;
  pool_t *pool = new_pool_with(&options);
  *hold = shared(pool, sizeof **hold);
  CHECK_OK(pool_set_log(hold_up, NULL, POOL_LOG_WARNING));
  kill_idle(pid_of_a_worker(pool));
  EVENTUALLY(atomic_load(&supervisor.is_held));
  return pool;
}

/* All callbacks come now, those of 1, 2 and so on. */
static void let_go_and_check(pool_t *pool, int count) {
  atomic_store(&supervisor.may_go, 1);
  while (called.count < count) {
    CHECK(pool_poll(pool, -1) > 0);
  }
  for (int i = 0; i < count; i++) {
    CHECK_EQ(called.numbers[i], i + 1);
  }
  CHECK_OK(pool_set_log(NULL, NULL, POOL_LOG_NONE));
  CHECK_OK(pool_close_join(pool));
}

/* Returns when all that was submitted before has been run and reported. */
static void until_all_is_done(pool_t *pool, struct hold *hold) {
  CHECK_OK(pool_future_release(hold_worker(pool, hold)));
  atomic_store(&hold->go, 1);
}

CASE(a_look_puts_no_callback_first) {
  struct hold *hold;
  pool_t *pool = held_up_pool(&hold);
  pool_future_t *first = submit(pool, 1), *second = submit(pool, 2);
  until_all_is_done(pool, hold);
  int32_t result = pool_future_ready(second);
  CHECK(result == 0 || result == 1);
  result = pool_future_wait(second, 0);
  CHECK(result == POOL_OK || result == POOL_ERR_TIMEOUT);
  result = pool_future_get(second, NULL, 0, 20);
  CHECK(result == POOL_OK || result == POOL_ERR_TIMEOUT);
  result = pool_wait(&second, 1, POOL_WAIT_ANY, 20, NULL);
  CHECK(result == POOL_OK || result == POOL_ERR_TIMEOUT);
  let_go_and_check(pool, 2);
  CHECK_EQ(pool_future_ready(second), 1);
  CHECK_OK(pool_future_release(first));
  CHECK_OK(pool_future_release(second));
}

static void *wait_for_it(void *future) {
  CHECK_OK(pool_future_wait(future, -1));
  return NULL;
}

CASE(a_wait_puts_no_callback_first) {
  struct hold *hold;
  pool_t *pool = held_up_pool(&hold);
  pool_future_t *held = hold_worker(pool, hold);
  pool_future_t *first = submit(pool, 1), *second = submit(pool, 2);
  pthread_t early = check_thread(wait_for_it, second);
  sleep_ms(20);
  atomic_store(&hold->go, 1);
  until_all_is_done(pool, hold);
  pthread_t late = check_thread(wait_for_it, second);
  sleep_ms(20);
  let_go_and_check(pool, 2);
  pthread_join(early, NULL);
  pthread_join(late, NULL);
  CHECK_OK(pool_future_release(held));
  CHECK_OK(pool_future_release(first));
  CHECK_OK(pool_future_release(second));
}

/* Tasks whose results were taken unasked leave reports behind, and their places to others. */
static void two_take_the_places_of_two(pool_t *pool, struct hold *hold) {
  pool_future_t *before[] = {submit(pool, 0), submit(pool, 0)};
  until_all_is_done(pool, hold);
  for (size_t i = 0; i < COUNT_OF(before); i++) {
    CHECK_EQ(pool_future_ready(before[i]), 1);
    CHECK_OK(pool_future_release(before[i]));
  }
  for (int number = 1; number <= 2; number++) {
    CHECK_OK(pool_future_release(submit(pool, number)));
  }
  until_all_is_done(pool, hold);
}

CASE(a_report_about_a_task_before_puts_no_callback_first) {
  struct hold *hold;
  pool_t *pool = held_up_pool(&hold);
  two_take_the_places_of_two(pool, hold);
  let_go_and_check(pool, 2);
}

CASE(the_death_of_a_worker_puts_no_callback_first) {
  struct hold *hold;
  pool_t *pool = held_up_pool(&hold);
  two_take_the_places_of_two(pool, hold);
  kill_idle(hold->pid);
  EVENTUALLY(!alive(hold->pid));
  /* For the news of it to be there. */
  sleep_ms(20);
  let_go_and_check(pool, 2);
}

/* ---- Nobody held up ---- */

/* Far more than there are places for: who submits takes results in as well. */
CASE(a_submitter_puts_no_callback_first) {
  int count = (int)scaled(COUNT_OF(called.numbers));
  for (int round = 0; round < 5; round++) {
    pool_t *pool = process_pool(1);
    called.count = 0;
    for (int i = 0; i < count; i++) {
      CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, note, (void *)(intptr_t)i, NULL));
    }
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(called.count, count);
    for (int i = 0; i < count; i++) {
      CHECK_EQ(called.numbers[i], i);
    }
  }
}

static void wait_in_callback(const pool_result_t *outcome, void *user_data) {
  pool_t *pool = user_data;
  CHECK_OK(outcome->status);
  pool_future_t *future = submit(pool, 1);
  CHECK_OK(pool_future_wait(future, -1));
  CHECK_EQ(called.count, 0);
  CHECK_OK(pool_future_release(future));
}

/* What it waits for has a callback of its own, which can only come later. */
CASE(a_callback_waits_for_a_task_with_a_callback) {
  static const int32_t modes[] = {POOL_CALLBACKS_SERIAL, POOL_CALLBACKS_POLLED};
  for (size_t i = 0; i < COUNT_OF(modes); i++) {
    pool_options_t options = processes(1);
    options.callbacks = modes[i];
    pool_t *pool = new_pool_with(&options);
    called.count = 0;
    CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, wait_in_callback, pool, NULL));
    CHECK_OK(pool_close_join(pool));
    CHECK_EQ(called.count, 1);
  }
}
