/* What the dead leave behind: their locks, permits, places, items and waits, and who is told. */
#include "objects.h"

/* ---- Locks ---- */

struct case_of_lock {
  pool_lock_t *lock;
  pool_event_t *taken;
};

/* Takes the lock, says so, and keeps it until it is killed. */
static int32_t take_and_stay(const void *arg, void *result, pool_task_t *task) {
  const struct case_of_lock *one = arg;
  (void)result;
  (void)task;
  CHECK_OK(pool_lock_acquire(one->lock, -1));
  CHECK_OK(pool_event_set(one->taken));
  for (;;) {
    pause();
  }
}

/* A process that has been told to stay, and its future. */
struct hostage {
  pool_future_t *future;
  pid_t pid;
};

static struct hostage hostage(pool_t *pool, pool_fn fn, const void *arg, size_t size, pool_event_t *ready) {
  struct hostage hostage = {NULL, 0};
  CHECK_OK(pool_apply_async(pool, fn, arg, size, 0, NULL, NULL, &hostage.future));
  CHECK_OK(pool_event_wait(ready, -1));
  CHECK_OK(pool_event_clear(ready));
  hostage.pid = worker_process(pool, 0);
  return hostage;
}

static void execute(struct hostage *hostage) {
  CHECK_EQ(kill(hostage->pid, SIGKILL), 0);
  CHECK_FUTURE(hostage->future, POOL_ERR_WORKER_DIED);
  CHECK_OK(pool_future_release(hostage->future));
}

CASE(a_lock_of_the_dead_is_the_next_ones) {
  pool_t *pool = process_pool(1);
  struct case_of_lock one = {new_lock(pool), new_event(pool)};
  for (size_t i = 0; i < scaled(20); i++) {
    struct hostage owner = hostage(pool, take_and_stay, &one, sizeof one, one.taken);
    CHECK_ERROR(pool_lock_acquire(one.lock, 0), POOL_ERR_TIMEOUT);
    execute(&owner);
    CHECK_ERROR(pool_lock_acquire(one.lock, i % 2 == 0 ? 0 : -1), POOL_ERR_WORKER_DIED);
    CHECK_ERROR(pool_lock_acquire(one.lock, -1), POOL_ERR_DEADLOCK);
    CHECK_OK(pool_lock_release(one.lock));
    CHECK_OK(pool_lock_acquire(one.lock, -1));
    CHECK_OK(pool_lock_release(one.lock));
  }
  CHECK_OK(pool_close_join(pool));
}

static void *kill_soon(void *data) {
  sleep_ms(20);
  CHECK_EQ(kill(*(pid_t *)data, SIGKILL), 0);
  return NULL;
}

CASE(who_waits_for_the_lock_gets_it_at_once) {
  pool_t *pool = process_pool(1);
  struct case_of_lock one = {new_lock(pool), new_event(pool)};
  for (size_t i = 0; i < scaled(20); i++) {
    struct hostage owner = hostage(pool, take_and_stay, &one, sizeof one, one.taken);
    pthread_t killer = check_thread(kill_soon, &owner.pid);
    CHECK_ERROR(pool_lock_acquire(one.lock, i % 2 == 0 ? 20000 : -1), POOL_ERR_WORKER_DIED);
    CHECK_OK(pool_lock_release(one.lock));
    pthread_join(killer, NULL);
    CHECK_FUTURE(owner.future, POOL_ERR_WORKER_DIED);
    CHECK_OK(pool_future_release(owner.future));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t deadlock(const void *arg, void *result, pool_task_t *task) {
  const struct case_of_lock *pair = arg;
  (void)task;
  CHECK_OK(pool_lock_acquire(pair[1].lock, -1));
  CHECK_OK(pool_event_set(pair[1].taken));
  CHECK_OK(pool_event_wait(pair[0].taken, -1));
  *(int32_t *)result = pool_lock_acquire(pair[0].lock, -1);
  if (*(int32_t *)result == POOL_OK) {
    CHECK_OK(pool_lock_release(pair[0].lock));
  }
  CHECK_OK(pool_lock_release(pair[1].lock));
  return 0;
}

CASE(opposite_orders_in_two_processes) {
  pool_t *pool = process_pool(1);
  for (size_t i = 0; i < scaled(50); i++) {
    struct case_of_lock pair[2] = {{new_lock(pool), new_event(pool)}, {new_lock(pool), new_event(pool)}};
    pool_future_t *future = NULL;
    int32_t theirs = 0;
    CHECK_OK(pool_apply_async(pool, deadlock, pair, sizeof pair, sizeof theirs, NULL, NULL, &future));
    CHECK_OK(pool_lock_acquire(pair[0].lock, -1));
    CHECK_OK(pool_event_set(pair[0].taken));
    CHECK_OK(pool_event_wait(pair[1].taken, -1));
    int32_t mine = pool_lock_acquire(pair[1].lock, -1);
    if (mine == POOL_OK) {
      CHECK_OK(pool_lock_release(pair[1].lock));
    }
    CHECK_OK(pool_lock_release(pair[0].lock));
    CHECK_OK(pool_future_get(future, &theirs, sizeof theirs, -1));
    /* If both come to wait at the same instant, both may be told. */
    CHECK(mine == POOL_ERR_DEADLOCK || theirs == POOL_ERR_DEADLOCK);
    CHECK(mine == POOL_OK || mine == POOL_ERR_DEADLOCK);
    CHECK(theirs == POOL_OK || theirs == POOL_ERR_DEADLOCK);
    CHECK_OK(pool_future_release(future));
    for (int at = 0; at < 2; at++) {
      CHECK_OK(pool_lock_free(pair[at].lock));
      CHECK_OK(pool_event_free(pair[at].taken));
    }
  }
  CHECK_OK(pool_close_join(pool));
}

/* ---- Conditions ---- */

struct case_of_condition {
  pool_lock_t *lock;
  pool_condition_t *condition;
  pool_counter_t *waiting, *woken;
};

static int32_t wait_for_notice(const void *arg, void *result, pool_task_t *task) {
  const struct case_of_condition *one = arg;
  (void)result;
  (void)task;
  CHECK_OK(pool_lock_acquire(one->lock, -1));
  add_to(one->waiting, 1);
  int32_t status = pool_condition_wait(one->condition, one->lock, -1);
  CHECK(status == POOL_OK || status == POOL_ERR_WORKER_DIED);
  add_to(one->woken, 1);
  CHECK_OK(pool_lock_release(one->lock));
  return 0;
}

/* All wait who are in the pool: nobody is between counting itself and waiting, for it has the lock then. */
static void all_wait(const struct case_of_condition *one, int64_t count) {
  EVENTUALLY(value_of(one->waiting) == count);
  CHECK_OK(pool_lock_acquire(one->lock, -1));
  CHECK_OK(pool_lock_release(one->lock));
}

CASE(a_notice_goes_to_nobody_who_is_dead) {
  pool_t *pool = process_pool(1), *other = process_pool(1);
  struct case_of_condition one = {new_lock(pool), new_condition(pool), new_counter(pool, 0), new_counter(pool, 0)};
  /* Made before the other pool's workers, so that they know it. */
  CHECK_OK(pool_refresh(other));
  for (int64_t i = 0; i < (int64_t)scaled(10); i++) {
    pool_future_t *dead = NULL, *living = NULL;
    CHECK_OK(pool_counter_set(one.waiting, 0, NULL));
    CHECK_OK(pool_counter_set(one.woken, 0, NULL));
    CHECK_OK(pool_apply_async(pool, wait_for_notice, &one, sizeof one, 0, NULL, NULL, &dead));
    all_wait(&one, 1);
    CHECK_OK(pool_apply_async(other, wait_for_notice, &one, sizeof one, 0, NULL, NULL, &living));
    all_wait(&one, 2);
    CHECK_EQ(kill(worker_process(pool, 0), SIGKILL), 0);
    CHECK_OK(pool_condition_notify(one.condition));
    CHECK_FUTURE(living, POOL_OK);
    CHECK_FUTURE(dead, POOL_ERR_WORKER_DIED);
    CHECK_OK(pool_future_release(living));
    CHECK_OK(pool_future_release(dead));
  }
  CHECK_OK(pool_close_join(pool));
  CHECK_OK(pool_close_join(other));
}

/* ---- Semaphores ---- */

struct case_of_semaphore {
  pool_semaphore_t *semaphore;
  pool_event_t *taken;
  int permits;
};

static int32_t take_permits_and_stay(const void *arg, void *result, pool_task_t *task) {
  const struct case_of_semaphore *one = arg;
  (void)result;
  (void)task;
  for (int i = 0; i < one->permits; i++) {
    CHECK_OK(pool_semaphore_acquire(one->semaphore, -1));
  }
  CHECK_OK(pool_event_set(one->taken));
  for (;;) {
    pause();
  }
}

static void permits_are_back(pool_semaphore_t *semaphore, int left_by_the_dead, int others) {
  for (int i = 0; i < left_by_the_dead + others; i++) {
    CHECK_STATUS(pool_semaphore_acquire(semaphore, -1), i < left_by_the_dead ? POOL_ERR_WORKER_DIED : POOL_OK);
  }
  CHECK_ERROR(pool_semaphore_acquire(semaphore, 0), POOL_ERR_TIMEOUT);
  CHECK_OK(pool_semaphore_release(semaphore, (uint32_t)(left_by_the_dead + others)));
}

CASE(permits_of_the_dead_come_back) {
  pool_t *pool = process_pool(1);
  struct case_of_semaphore one = {new_semaphore(pool, 3), new_event(pool), 3};
  for (size_t i = 0; i < scaled(20); i++) {
    struct hostage owner = hostage(pool, take_permits_and_stay, &one, sizeof one, one.taken);
    CHECK_ERROR(pool_semaphore_acquire(one.semaphore, 10), POOL_ERR_TIMEOUT);
    pthread_t killer = check_thread(kill_soon, &owner.pid);
    permits_are_back(one.semaphore, 3, 0);
    pthread_join(killer, NULL);
    CHECK_FUTURE(owner.future, POOL_ERR_WORKER_DIED);
    CHECK_OK(pool_future_release(owner.future));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t take_permits_in_a_pool_of_its_own(const void *arg, void *result, pool_task_t *task) {
  const struct case_of_semaphore *one = arg;
  pool_t *pool = process_pool(1);
  (void)result;
  (void)task;
  struct hostage owner = hostage(pool, take_permits_and_stay, one, sizeof *one, one->taken);
  execute(&owner);
  CHECK_OK(pool_close_join(pool));
  return 0;
}

CASE(permits_of_a_workers_worker_come_back) {
  pool_t *pool = process_pool(1);
  struct case_of_semaphore one = {new_semaphore(pool, 2), new_event(pool), 2};
  CHECK_OK(pool_apply(pool, take_permits_in_a_pool_of_its_own, &one, sizeof one, NULL, 0));
  permits_are_back(one.semaphore, 2, 0);
  CHECK_OK(pool_close_join(pool));
}

CASE(permits_of_a_forked_child_come_back) {
  struct case_of_semaphore one = {new_semaphore(NULL, 2), new_event(NULL), 2};
  for (int i = 0; i < 5; i++) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      take_permits_and_stay(&one, NULL, NULL);
    }
    CHECK_OK(pool_event_wait(one.taken, -1));
    CHECK_OK(pool_event_clear(one.taken));
    pthread_t killer = check_thread(kill_soon, &child);
    permits_are_back(one.semaphore, 2, 0);
    pthread_join(killer, NULL);
    CHECK_EQ(check_wait(child), 1000 + SIGKILL);
  }
  CHECK_OK(pool_semaphore_free(one.semaphore));
  CHECK_OK(pool_event_free(one.taken));
}

CASE(permits_come_back_when_the_zygote_dies) {
  pool_t *pool = process_pool(1);
  struct case_of_semaphore one = {new_semaphore(pool, 2), new_event(pool), 2};
  struct hostage owner = hostage(pool, take_permits_and_stay, &one, sizeof one, one.taken);
  pid_t zygote = parent_of(owner.pid, NULL);
  pthread_t killer = check_thread(kill_soon, &zygote);
  permits_are_back(one.semaphore, 2, 0);
  pthread_join(killer, NULL);
  CHECK_FUTURE(owner.future, POOL_ERR_BROKEN);
  CHECK_OK(pool_future_release(owner.future));
  CHECK_OK(pool_close_join(pool));
}

static int32_t take_a_signal(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  CHECK_OK(pool_semaphore_acquire(*(pool_semaphore_t *const *)arg, -1));
  raise(SIGKILL);
  return 0;
}

CASE(a_signal_that_was_taken_is_used_up) {
  pool_t *pool = process_pool(1);
  pool_semaphore_t *semaphore = new_semaphore(pool, 0);
  CHECK_OK(pool_semaphore_release(semaphore, 1));
  CHECK_ERROR(pool_apply(pool, take_a_signal, &semaphore, sizeof(pool_semaphore_t *), NULL, 0), POOL_ERR_WORKER_DIED);
  CHECK_ERROR(pool_semaphore_acquire(semaphore, 400), POOL_ERR_TIMEOUT);
  CHECK_OK(pool_close_join(pool));
}

/* ---- Barriers ---- */

static int32_t meet(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  return -pool_barrier_wait(*(pool_barrier_t *const *)arg, NULL, -1);
}

static int32_t never_come(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  EVENTUALLY(pool_barrier_waiting(*(pool_barrier_t *const *)arg) == 2);
  raise(SIGKILL);
  return 0;
}

CASE(a_barrier_breaks_when_a_party_dies) {
  pool_t *pool = process_pool(3);
  pool_barrier_t *barrier = new_barrier(pool, 3);
  for (size_t i = 0; i < scaled(10); i++) {
    pool_future_t *futures[3] = {NULL, NULL, NULL};
    for (int at = 0; at < 3; at++) {
      pool_fn fn = at == 0 ? never_come : meet;
      CHECK_OK(pool_apply_async(pool, fn, &barrier, sizeof(pool_barrier_t *), 0, NULL, NULL, &futures[at]));
    }
    for (int at = 0; at < 3; at++) {
      CHECK_FUTURE(futures[at], at == 0 ? POOL_ERR_WORKER_DIED : -POOL_ERR_BROKEN);
      CHECK_OK(pool_future_release(futures[at]));
    }
    CHECK_OK(pool_barrier_reset(barrier));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(a_barrier_where_nobody_waits_stays_whole) {
  pool_t *pool = process_pool(1);
  pool_barrier_t *barrier = new_barrier(pool, 1);
  CHECK_OK(pool_apply(pool, meet, &barrier, sizeof(pool_barrier_t *), NULL, 0));
  kill_idle(worker_process(pool, 0));
  CHECK_OK(pool_apply(pool, meet, &barrier, sizeof(pool_barrier_t *), NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

/* ---- Queues ---- */

struct case_of_queue {
  pool_queue_t *queue;
  pool_event_t *taken;
};

static int32_t get_and_stay(const void *arg, void *result, pool_task_t *task) {
  const struct case_of_queue *one = arg;
  (void)result;
  (void)task;
  get_int(one->queue);
  get_int(one->queue);
  CHECK_OK(pool_queue_task_done(one->queue));
  CHECK_OK(pool_event_set(one->taken));
  for (;;) {
    pause();
  }
}

CASE(an_item_that_was_lost_is_told_to_who_joins) {
  pool_t *pool = process_pool(1);
  struct case_of_queue one = {new_queue(pool, sizeof(int), 4), new_event(pool)};
  for (size_t i = 0; i < scaled(20); i++) {
    put_int(one.queue, 1);
    put_int(one.queue, 2);
    put_int(one.queue, 3);
    struct hostage consumer = hostage(pool, get_and_stay, &one, sizeof one, one.taken);
    CHECK_EQ(get_int(one.queue), 3);
    CHECK_OK(pool_queue_task_done(one.queue));
    CHECK_ERROR(pool_queue_join(one.queue, 10), POOL_ERR_TIMEOUT);
    pthread_t killer = check_thread(kill_soon, &consumer.pid);
    CHECK_ERROR(pool_queue_join(one.queue, -1), POOL_ERR_WORKER_DIED);
    CHECK_HAS(pool_last_error(), "1 of the items");
    CHECK_OK(pool_queue_join(one.queue, -1));
    pthread_join(killer, NULL);
    CHECK_FUTURE(consumer.future, POOL_ERR_WORKER_DIED);
    CHECK_OK(pool_future_release(consumer.future));
  }
  CHECK_OK(pool_close_join(pool));
}

/* ---- Nobody wakes for nothing ---- */

static int32_t wait_for_an_item(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  get_int(*(pool_queue_t *const *)arg);
  return 0;
}

static long switches_of(pid_t pid) {
  char path[64], line[256];
  long count = -1;
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  FILE *file = fopen(path, "re");
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file) != NULL) {
    sscanf(line, "voluntary_ctxt_switches: %ld", &count);
  }
  fclose(file);
  return count;
}

CASE(who_waits_sleeps) {
  pool_t *pool = process_pool(1);
  pool_queue_t *queue = new_queue(pool, sizeof(int), 1);
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, wait_for_an_item, &queue, sizeof(pool_queue_t *), 0, NULL, NULL, &future));
  pid_t pid = worker_process(pool, 0);
  long before = -1;
  for (long now = switches_of(pid); now != before; now = switches_of(pid)) {
    before = now;
    sleep_ms(300);
  }
  sleep_ms(700);
  CHECK_EQ(switches_of(pid), before);
  put_int(queue, 1);
  CHECK_FUTURE(future, POOL_OK);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}
