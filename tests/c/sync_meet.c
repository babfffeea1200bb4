/* Events, semaphores, barriers and counters between threads. */
#include "objects.h"

/* ---- Events ---- */

struct party {
  pool_event_t *event;
  pool_semaphore_t *semaphore;
  pool_barrier_t *barrier;
  atomic_int inside, passed;
  int rounds;
};

static void *wait_for_event(void *data) {
  struct party *party = data;
  CHECK_OK(pool_event_wait(party->event, -1));
  atomic_fetch_add(&party->passed, 1);
  return NULL;
}

CASE(an_event_lets_all_go_and_stays_set) {
  struct party party = {.event = new_event(NULL)};
  pthread_t threads[3];
  CHECK_EQ(pool_event_is_set(party.event), 0);
  for (int i = 0; i < 3; i++) {
    threads[i] = check_thread(wait_for_event, &party);
  }
  sleep_ms(20);
  CHECK_EQ(atomic_load(&party.passed), 0);
  CHECK_OK(pool_event_set(party.event));
  for (int i = 0; i < 3; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_EQ(pool_event_is_set(party.event), 1);
  CHECK_OK(pool_event_wait(party.event, 0));
  CHECK_OK(pool_event_set(party.event));
  CHECK_EQ(pool_event_is_set(party.event), 1);
  CHECK_OK(pool_event_clear(party.event));
  CHECK_OK(pool_event_clear(party.event));
  CHECK_EQ(pool_event_is_set(party.event), 0);
  CHECK_ERROR(pool_event_wait(party.event, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_event_wait(party.event, 30), POOL_ERR_TIMEOUT);
  CHECK_OK(pool_event_free(party.event));
}

CASE(an_event_that_is_cleared_at_once_has_been_set) {
  struct party party = {.event = new_event(NULL)};
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) {
    threads[i] = check_thread(wait_for_event, &party);
  }
  while (atomic_load(&party.passed) < 3) {
    CHECK_OK(pool_event_set(party.event));
    CHECK_OK(pool_event_clear(party.event));
    sleep_ms(1);
  }
  for (int i = 0; i < 3; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_event_free(party.event));
}

/* ---- Semaphores ---- */

static void *go_in_and_out(void *data) {
  struct party *party = data;
  for (int i = 0; i < party->rounds; i++) {
    CHECK_OK(pool_semaphore_acquire(party->semaphore, -1));
    CHECK(atomic_fetch_add(&party->inside, 1) < 2);
    if (i % 64 == 0) {
      sleep_ms(1);
    }
    atomic_fetch_sub(&party->inside, 1);
    CHECK_OK(pool_semaphore_release(party->semaphore, 1));
  }
  return NULL;
}

CASE(so_many_at_a_time) {
  struct party party = {.semaphore = new_semaphore(NULL, 2), .rounds = (int)scaled(3000)};
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    threads[i] = check_thread(go_in_and_out, &party);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_semaphore_free(party.semaphore));
}

CASE(permits_run_out) {
  pool_semaphore_t *semaphore = new_semaphore(NULL, 2);
  CHECK_OK(pool_semaphore_acquire(semaphore, -1));
  CHECK_OK(pool_semaphore_acquire(semaphore, 0));
  CHECK_ERROR(pool_semaphore_acquire(semaphore, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_semaphore_acquire(semaphore, 30), POOL_ERR_TIMEOUT);
  CHECK_OK(pool_semaphore_release(semaphore, 0));
  CHECK_OK(pool_semaphore_release(semaphore, 3));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_semaphore_acquire(semaphore, 0));
  }
  CHECK_ERROR(pool_semaphore_acquire(semaphore, 0), POOL_ERR_TIMEOUT);
  CHECK_OK(pool_semaphore_release(semaphore, UINT32_MAX));
  CHECK_ERROR(pool_semaphore_release(semaphore, 1), POOL_ERR_FULL);
  CHECK_OK(pool_semaphore_free(semaphore));
}

static void *take_one(void *data) {
  struct party *party = data;
  CHECK_OK(pool_semaphore_acquire(party->semaphore, -1));
  atomic_fetch_add(&party->passed, 1);
  return NULL;
}

CASE(several_permits_at_once_wake_several) {
  struct party party = {.semaphore = new_semaphore(NULL, 0)};
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    threads[i] = check_thread(take_one, &party);
  }
  sleep_ms(20);
  CHECK_OK(pool_semaphore_release(party.semaphore, 3));
  EVENTUALLY(atomic_load(&party.passed) == 3);
  sleep_ms(20);
  CHECK_EQ(atomic_load(&party.passed), 3);
  CHECK_OK(pool_semaphore_release(party.semaphore, 1));
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(pool_semaphore_free(party.semaphore));
}

/* ---- Barriers ---- */

static void *meet_again_and_again(void *data) {
  struct party *party = data;
  for (int i = 0; i < party->rounds; i++) {
    uint32_t place = 99;
    atomic_fetch_add(&party->inside, 1);
    CHECK_OK(pool_barrier_wait(party->barrier, &place, -1));
    CHECK(place < 3);
    CHECK(atomic_load(&party->inside) >= 3 * (i + 1));
    if (place == 0) {
      atomic_fetch_add(&party->passed, 1);
    }
  }
  return NULL;
}

CASE(nobody_goes_on_before_all_are_there) {
  struct party party = {.barrier = new_barrier(NULL, 3), .rounds = (int)scaled(2000)};
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) {
    threads[i] = check_thread(meet_again_and_again, &party);
  }
  for (int i = 0; i < 3; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_EQ(atomic_load(&party.passed), party.rounds);
  CHECK_OK(pool_barrier_free(party.barrier));
}

static void *find_it_broken(void *data) {
  CHECK_ERROR(pool_barrier_wait(data, NULL, -1), POOL_ERR_BROKEN);
  return NULL;
}

static void waits_at(pool_barrier_t *barrier, int count) {
  EVENTUALLY(pool_barrier_waiting(barrier) == count);
}

CASE(a_party_out_of_time_breaks_it_and_a_reset_mends_it) {
  pool_barrier_t *barrier = new_barrier(NULL, 3);
  for (int i = 0; i < 3; i++) {
    pthread_t thread = check_thread(find_it_broken, barrier);
    waits_at(barrier, 1);
    CHECK_ERROR(pool_barrier_wait(barrier, NULL, i * 10), POOL_ERR_TIMEOUT);
    pthread_join(thread, NULL);
    CHECK_ERROR(pool_barrier_wait(barrier, NULL, -1), POOL_ERR_BROKEN);
    CHECK_EQ(pool_barrier_waiting(barrier), POOL_ERR_BROKEN);
    CHECK_OK(pool_barrier_reset(barrier));
    CHECK_EQ(pool_barrier_waiting(barrier), 0);
  }
  struct party party = {.barrier = barrier, .rounds = 2};
  pthread_t threads[2] = {check_thread(meet_again_and_again, &party), check_thread(meet_again_and_again, &party)};
  meet_again_and_again(&party);
  pthread_join(threads[0], NULL);
  pthread_join(threads[1], NULL);
  CHECK_OK(pool_barrier_free(barrier));
}

CASE(abort_and_reset_tell_who_waits) {
  pool_barrier_t *barrier = new_barrier(NULL, 4);
  for (int i = 0; i < 6; i++) {
    pthread_t threads[3];
    for (int t = 0; t < 3; t++) {
      threads[t] = check_thread(find_it_broken, barrier);
    }
    waits_at(barrier, 3);
    CHECK_OK(i % 2 == 0 ? pool_barrier_abort(barrier) : pool_barrier_reset(barrier));
    for (int t = 0; t < 3; t++) {
      pthread_join(threads[t], NULL);
    }
    CHECK_OK(pool_barrier_reset(barrier));
  }
  CHECK_OK(pool_barrier_free(barrier));
}

static int32_t meet_in_a_task(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  return -pool_barrier_wait(*(pool_barrier_t *const *)arg, NULL, -1);
}

CASE(more_parties_than_workers) {
  enum { PARTIES = 6 };
  pool_t *pool = new_pool(2);
  pool_barrier_t *barrier = new_barrier(pool, PARTIES);
  pool_future_t *futures[PARTIES];
  for (int i = 0; i < PARTIES; i++) {
    CHECK_OK(pool_apply_async(pool, meet_in_a_task, &barrier, sizeof(pool_barrier_t *), 0, NULL, NULL, &futures[i]));
  }
  for (int i = 0; i < PARTIES; i++) {
    CHECK_OK(pool_future_get(futures[i], NULL, 0, -1));
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_close_join(pool));
}

/* ---- Counters ---- */

static void *count_up(void *data) {
  for (size_t i = 0; i < scaled(50000); i++) {
    CHECK_OK(pool_counter_add(data, 2, NULL));
    CHECK_OK(pool_counter_add(data, -1, NULL));
  }
  return NULL;
}

CASE(no_step_is_lost) {
  pool_counter_t *counter = new_counter(NULL, -7);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    threads[i] = check_thread(count_up, counter);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_EQ(value_of(counter), 4 * (int64_t)scaled(50000) - 7);
  CHECK_OK(pool_counter_free(counter));
}

CASE(a_counter_tells_what_it_was) {
  pool_counter_t *counter = new_counter(NULL, INT64_MAX);
  int64_t value = 0;
  CHECK_OK(pool_counter_add(counter, 1, &value));
  CHECK(value == INT64_MIN);
  CHECK_OK(pool_counter_set(counter, 5, &value));
  CHECK(value == INT64_MIN);
  CHECK_OK(pool_counter_compare_exchange(counter, 4, 9, &value));
  CHECK_EQ(value, 5);
  CHECK_EQ(value_of(counter), 5);
  CHECK_OK(pool_counter_compare_exchange(counter, 5, 9, &value));
  CHECK_EQ(value, 5);
  CHECK_EQ(value_of(counter), 9);
  CHECK_OK(pool_counter_set(counter, 1, NULL));
  CHECK_OK(pool_counter_compare_exchange(counter, 1, 2, NULL));
  CHECK_EQ(value_of(counter), 2);
  CHECK_OK(pool_counter_free(counter));
}

/* ---- Nonsense ---- */

CASE(nonsense_is_refused) {
  pool_barrier_t *barrier = NULL;
  CHECK_ERROR(pool_barrier_create(NULL, 0, &barrier), POOL_ERR_INVALID);
  CHECK_ERROR(pool_barrier_create(NULL, 1, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_barrier_wait(NULL, NULL, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_barrier_reset(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_barrier_abort(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_event_create(NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_event_set(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_event_clear(NULL), POOL_ERR_INVALID);
  CHECK_EQ(pool_event_is_set(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_semaphore_create(NULL, 1, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_semaphore_acquire(NULL, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_semaphore_release(NULL, 1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_counter_create(NULL, 1, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_counter_add(NULL, 1, NULL), POOL_ERR_INVALID);
  pool_counter_t *counter = new_counter(NULL, 0);
  CHECK_ERROR(pool_counter_get(counter, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_event_wait((pool_event_t *)counter, -1), POOL_ERR_INVALID);
  CHECK_OK(pool_counter_free(counter));
  CHECK_ERROR(pool_counter_free(counter), POOL_ERR_INVALID);
  CHECK_OK(pool_event_free(NULL));
  CHECK_OK(pool_semaphore_free(NULL));
  CHECK_OK(pool_barrier_free(NULL));
  CHECK_OK(pool_counter_free(NULL));
  pool_t *pool = new_pool(1);
  pool_event_t *event = new_event(pool);
  CHECK_OK(pool_close_join(pool));
  (void)event;
  CHECK_ERROR(pool_event_create(pool, &event), POOL_ERR_INVALID);
}
