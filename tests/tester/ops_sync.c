/* Locks, counters, semaphores, events and queues between tasks, and functions in processes of their own. */
#include "tester.h"

enum { MOST_WORKERS = 6, MOST_TURNS = 12, PATIENCE_MS = 20000 };

/* In memory that all share. */
struct workshop {
  pool_lock_t *lock;
  pool_counter_t *counter;
  pool_semaphore_t *semaphore;
  pool_event_t *event;
  pool_queue_t *queue;
  uint32_t turns, slots;
  int64_t guarded[2];        /* written under the lock, both or none */
  atomic_int inside, within; /* who has the lock; who is let in by the semaphore */
  atomic_int orphaned;       /* the lock came from somebody dead */
};

struct worker_order {
  struct workshop *shop;
  uint64_t number;
};

struct item {
  uint64_t worker, turn;
};

static void under_the_lock(struct workshop *shop) {
  int32_t status = pool_lock_acquire(shop->lock, PATIENCE_MS);
  if (status == POOL_ERR_WORKER_DIED) {
    atomic_fetch_add(&shop->orphaned, 1);
    atomic_store(&shop->inside, 0);
    shop->guarded[1] = shop->guarded[0];
  } else {
    EXPECT(status, POOL_OK);
  }
  if (atomic_fetch_add(&shop->inside, 1) != 0) {
    FAIL("two have the lock");
  }
  CHECK(shop->guarded[0] == shop->guarded[1]);
  EXPECT(pool_lock_acquire(shop->lock, 0), POOL_ERR_DEADLOCK);
  shop->guarded[0]++;
  sleep_us(20);
  shop->guarded[1]++;
  atomic_store(&shop->inside, 0);
  EXPECT(pool_lock_release(shop->lock), POOL_OK);
}

static int32_t work_in_shop(const void *arg, void *result, pool_task_t *task) {
  const struct worker_order *order = arg;
  struct workshop *shop = order->shop;
  uint32_t starving = starve(0, 0);
  (void)result;
  (void)task;
  EXPECT(pool_event_wait(shop->event, PATIENCE_MS), POOL_OK);
  for (uint32_t turn = 0; turn < shop->turns; turn++) {
    struct item item = {order->number, turn};
    int64_t now = 0;
    under_the_lock(shop);
    int32_t status = pool_semaphore_acquire(shop->semaphore, PATIENCE_MS);
    CHECK(status == POOL_OK || (world.processes && status == POOL_ERR_WORKER_DIED));
    if (atomic_fetch_add(&shop->within, 1) >= (int)shop->slots && !world.processes) {
      FAIL("a semaphore of %u lets in more", shop->slots);
    }
    atomic_fetch_sub(&shop->within, 1);
    EXPECT(pool_semaphore_release(shop->semaphore, 1), POOL_OK);
    EXPECT(pool_counter_add(shop->counter, 3, &now), POOL_OK);
    CHECK(now % 3 == 0 && now > 0);
    EXPECT(pool_queue_put(shop->queue, &item, sizeof item, PATIENCE_MS), POOL_OK);
  }
  starve(starving, 0);
  return 0;
}

static struct workshop *open_shop(struct actor *actor, struct pool_model *model) {
  struct workshop *shop = pool_shared_alloc(model->pool, sizeof *shop);
  if (shop == NULL) {
    FAIL("pool_shared_alloc: %s", pool_last_error());
  }
  shop->turns = 1 + roll(&actor->dice, MOST_TURNS);
  shop->slots = 1 + roll(&actor->dice, 2);
  EXPECT(pool_lock_create(model->pool, &shop->lock), POOL_OK);
  EXPECT(pool_counter_create(model->pool, 0, &shop->counter), POOL_OK);
  EXPECT(pool_semaphore_create(model->pool, shop->slots, &shop->semaphore), POOL_OK);
  EXPECT(pool_event_create(model->pool, &shop->event), POOL_OK);
  EXPECT(pool_queue_create(model->pool, sizeof(struct item), 2 + roll(&actor->dice, 10), &shop->queue), POOL_OK);
  return shop;
}

static void close_shop(struct pool_model *model, struct workshop *shop) {
  EXPECT(pool_lock_free(shop->lock), POOL_OK);
  EXPECT(pool_counter_free(shop->counter), POOL_OK);
  EXPECT(pool_semaphore_free(shop->semaphore), POOL_OK);
  EXPECT(pool_event_free(shop->event), POOL_OK);
  EXPECT(pool_queue_free(shop->queue), POOL_OK);
  EXPECT(pool_shared_free(model->pool, shop), POOL_OK);
}

/* Takes what is there, for at most so long; whether something was. */
static bool take_item(struct workshop *shop, uint64_t *next, int64_t timeout) {
  struct item item;
  size_t size = 0;
  int32_t status = pool_queue_get(shop->queue, &item, sizeof item, &size, timeout);
  if (status == POOL_ERR_TIMEOUT) {
    return false;
  }
  EXPECT(status, POOL_OK);
  CHECK(size == sizeof item && item.worker < MOST_WORKERS);
  if (item.turn != next[item.worker]) {
    FAIL("item %llu of worker %llu came from the queue, expected %llu", (unsigned long long)item.turn,
         (unsigned long long)item.worker, (unsigned long long)next[item.worker]);
  }
  next[item.worker]++;
  EXPECT(pool_queue_task_done(shop->queue), POOL_OK);
  return true;
}

static bool workshop(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  pool_future_t *futures[MOST_WORKERS] = {NULL};
  uint64_t next[MOST_WORKERS] = {0};
  uint32_t many = 1 + roll(&actor->dice, MOST_WORKERS), there = 0;
  bool disturbed = false;
  if (model->options.when_full == POOL_FULL_RUN_INLINE || model->options.max_pending > 0) {
    return false; /* Its own caller would wait for itself. */
  }
  struct workshop *shop = open_shop(actor, model);
  struct view view = look(model, false);
  for (uint32_t i = 0; i < many; i++) {
    struct worker_order order = {shop, there};
    int32_t status = pool_apply_async(model->pool, work_in_shop, &order, sizeof order, 0, NULL, NULL, &futures[there]);
    there += accepted(model, &view, status, "pool_apply_async");
  }
  note(actor, " %u tasks, %u turns", there, shop->turns);
  EXPECT(pool_event_set(shop->event), POOL_OK);
  for (uint32_t i = 0; i < there; i++) {
    while (pool_future_ready(futures[i]) == 0) {
      (void)take_item(shop, next, 1);
    }
    int32_t status = pool_future_status(futures[i]);
    if (status != POOL_OK) {
      disturbed = true;
      CHECK(may_end_so(model, &view, status));
    }
    count_status(status, -1);
    EXPECT(pool_future_release(futures[i]), POOL_OK);
  }
  while (take_item(shop, next, 0)) {
  }
  int64_t sum = 0;
  size_t left = 1;
  EXPECT(pool_counter_get(shop->counter, &sum), POOL_OK);
  EXPECT(pool_queue_size(shop->queue, &left), POOL_OK);
  CHECK(left == 0 && sum <= 3 * (int64_t)there * shop->turns);
  if (!disturbed) {
    CHECK(sum == 3 * (int64_t)there * shop->turns);
    CHECK(shop->guarded[0] == (int64_t)there * shop->turns && shop->guarded[1] == shop->guarded[0]);
    CHECK(atomic_load(&shop->orphaned) == 0);
    for (uint32_t i = 0; i < there; i++) {
      CHECK(next[i] == shop->turns);
    }
    EXPECT(pool_queue_join(shop->queue, 0), POOL_OK);
  }
  EXPECT(pool_lock_release(shop->lock), POOL_ERR_INVALID);
  EXPECT(pool_queue_close(shop->queue), POOL_OK);
  EXPECT(pool_queue_get(shop->queue, NULL, 0, NULL, -1), POOL_ERR_CLOSED);
  EXPECT(pool_queue_put(shop->queue, NULL, 0, -1), POOL_ERR_CLOSED);
  close_shop(model, shop);
  return true;
}

static int32_t alone(const void *arg, void *result, pool_task_t *task) {
  uint64_t number = *(const uint64_t *)arg;
  (void)task;
  if (number % 7 == 0) {
    sleep_us(300000);
  }
  number *= 11;
  memcpy(result, &number, sizeof number);
  return 0;
}

static bool spawn_one(struct actor *actor) {
  pool_options_t options = POOL_OPTIONS_INIT;
  uint64_t number = roll(&actor->dice, 10000), result = 0;
  pool_future_t *future = NULL;
  options.mode = world.processes ? POOL_PROCESSES : POOL_THREADS;
  int32_t flags = one_in(&actor->dice, 3) ? POOL_SPAWN_DAEMON : POOL_SPAWN_JOINABLE;
  EXPECT(pool_spawn(&options, flags, alone, &number, sizeof number, sizeof number, &future), POOL_OK);
  bool killed = world.processes && number % 7 == 0 && one_in(&actor->dice, 2);
  if (killed) {
    killed = pool_future_kill(future) == 1;
  }
  EXPECT(pool_future_get(future, &result, sizeof result, -1), killed ? POOL_ERR_CANCELLED : POOL_OK);
  CHECK(killed || result == number * 11);
  EXPECT(pool_future_release(future), POOL_OK);
  if (one_in(&actor->dice, 3)) {
    int32_t status = pool_spawned_join(roll(&actor->dice, 3));
    CHECK(status == POOL_OK || status == POOL_ERR_TIMEOUT);
  }
  return true;
}

struct operation sync_ops[] = {
    {"locks, queues and their like", 3, 3, workshop, {0}}, {"spawn", 2, 1, spawn_one, {0}}, {NULL, 0, 0, NULL, {0}}};
