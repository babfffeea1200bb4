/* Workers that use every kind of object are killed at random moments: nothing hangs, nothing is torn, nothing is lost
 * that can be counted. */
#include "objects.h"

enum { WORKERS = 3, PERMITS = 2, ITEM = 200, CAPACITY = 8 };

struct item {
  int64_t number;
  unsigned char bytes[ITEM];
};

/* What all share. `numbers` gives each item another number; `got` marks those that were got. */
struct mayhem {
  pool_lock_t *lock;
  pool_condition_t *condition;
  pool_semaphore_t *semaphore;
  pool_queue_t *queue;
  pool_counter_t *numbers;
  atomic_int *got;
  int64_t *record;
  int most;
};

static bool died(int32_t status) {
  CHECK(status == POOL_OK || status == POOL_ERR_WORKER_DIED);
  return status == POOL_ERR_WORKER_DIED;
}

static void use_lock(const struct mayhem *all) {
  if (died(pool_lock_acquire(all->lock, -1))) {
    all->record[1] = all->record[0];
  }
  CHECK(all->record[0] == all->record[1]);
  all->record[0]++;
  all->record[1]++;
  int32_t status = pool_condition_notify(all->condition);
  CHECK_EQ(status, POOL_OK);
  CHECK_OK(pool_lock_release(all->lock));
}

static void use_condition(const struct mayhem *all) {
  if (died(pool_lock_acquire(all->lock, -1))) {
    all->record[1] = all->record[0];
  }
  int32_t status = pool_condition_wait(all->condition, all->lock, 2);
  if (status == POOL_ERR_WORKER_DIED) {
    all->record[1] = all->record[0];
  }
  CHECK(status == POOL_OK || status == POOL_ERR_TIMEOUT || status == POOL_ERR_WORKER_DIED);
  CHECK(all->record[0] == all->record[1]);
  CHECK_OK(pool_lock_release(all->lock));
}

static void use_semaphore(const struct mayhem *all) {
  died(pool_semaphore_acquire(all->semaphore, -1));
  CHECK_OK(pool_semaphore_release(all->semaphore, 1));
}

static void use_queue(const struct mayhem *all, bool put) {
  struct item item;
  if (put) {
    CHECK_OK(pool_counter_add(all->numbers, 1, &item.number));
    fill(item.bytes, ITEM, (uint64_t)item.number);
    size_t size = offsetof(struct item, bytes) + ITEM;
    int32_t status = pool_queue_put(all->queue, &item, size, 5);
    CHECK(status == POOL_OK || status == POOL_ERR_TIMEOUT);
    return;
  }
  int32_t status = pool_queue_get(all->queue, &item, sizeof item, NULL, 5);
  CHECK(status == POOL_OK || status == POOL_ERR_TIMEOUT);
  if (status == POOL_OK) {
    CHECK(filled(item.bytes, ITEM, (uint64_t)item.number));
    CHECK(item.number > 0 && item.number < all->most);
    CHECK_EQ(atomic_exchange(&all->got[item.number], 1), 0);
    CHECK_OK(pool_queue_task_done(all->queue));
  }
}

static int32_t use_all(const void *arg, void *result, pool_task_t *task) {
  const struct mayhem *all = *(const struct mayhem *const *)arg;
  (void)result;
  (void)task;
  unsigned seed = (unsigned)getpid() ^ (unsigned)now_ms();
  for (int i = 0; i < 100; i++) {
    switch (rand_r(&seed) % 5) {
    case 0:
      use_lock(all);
      break;
    case 1:
      use_condition(all);
      break;
    case 2:
      use_semaphore(all);
      break;
    case 3:
      use_queue(all, true);
      break;
    default:
      use_queue(all, false);
      break;
    }
  }
  return 0;
}

static void mayhem(pool_t *pool, const struct mayhem *all, size_t kills) {
  pool_future_t *futures[2 * WORKERS] = {NULL};
  unsigned seed = (unsigned)now_ms();
  size_t killed = 0, ended = 0;
  /* Either somebody kills, or they die by themselves, at some point of the library. */
  bool die_by_themselves = getenv("MILLPOND_FAILPOINTS") != NULL;
  int64_t end = now_ms() + (die_by_themselves ? 1000 * check_seconds : 0);
  while (now_ms() < end || (!die_by_themselves && (killed < kills || ended < kills))) {
    for (size_t i = 0; i < COUNT_OF(futures); i++) {
      if (futures[i] != NULL && pool_future_ready(futures[i])) {
        int32_t status = pool_future_status(futures[i]);
        CHECK(status == POOL_OK || status == POOL_ERR_WORKER_DIED);
        ended++;
        CHECK_OK(pool_future_release(futures[i]));
        futures[i] = NULL;
      }
      if (futures[i] == NULL) {
        CHECK_OK(pool_apply_async(pool, use_all, &all, sizeof(struct mayhem *), 0, NULL, NULL, &futures[i]));
      }
    }
    sleep_ms((int)(rand_r(&seed) % 4));
    pid_t victim = pool_worker_pid(pool, rand_r(&seed) % WORKERS);
    if (!die_by_themselves && victim > 1 && rand_r(&seed) % 2 == 0) {
      killed += kill(victim, SIGKILL) == 0;
    }
  }
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    CHECK_OK(pool_future_wait(futures[i], -1));
    CHECK_OK(pool_future_release(futures[i]));
  }
}

CASE(nothing_hangs_and_nothing_is_torn) {
  check_timeout *= 2;
  pool_t *pool = process_pool(WORKERS);
  struct mayhem *all = shared(pool, sizeof *all);
  size_t kills = scaled(300);
  *all = (struct mayhem){new_lock(pool),
                         new_condition(pool),
                         new_semaphore(pool, PERMITS),
                         new_queue(pool, sizeof(struct item), CAPACITY),
                         new_counter(pool, 0),
                         NULL,
                         NULL,
                         4000000};
  all->got = shared(pool, (size_t)all->most * sizeof *all->got);
  all->record = shared(pool, 16);
  mayhem(pool, all, kills);
  /* All is there, and free. */
  if (died(pool_lock_acquire(all->lock, -1))) {
    all->record[1] = all->record[0];
  }
  CHECK(all->record[0] == all->record[1]);
  CHECK(all->record[0] > 0);
  CHECK_OK(pool_lock_release(all->lock));
  for (int i = 0; i < PERMITS; i++) {
    died(pool_semaphore_acquire(all->semaphore, -1));
  }
  CHECK_ERROR(pool_semaphore_acquire(all->semaphore, 0), POOL_ERR_TIMEOUT);
  while (size_of(all->queue) > 0) {
    use_queue(all, false);
  }
  died(pool_queue_join(all->queue, -1));
  CHECK_OK(pool_queue_join(all->queue, -1));
  CHECK_OK(pool_close_join(pool));
}
