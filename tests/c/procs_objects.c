/* Locks, queues and their like between processes: wherever a handle is used, it means the same object. */
#include "objects.h"

/* ---- Everywhere the same ---- */

struct kit {
  pool_lock_t *lock;
  pool_condition_t *condition;
  pool_event_t *event;
  pool_semaphore_t *semaphore;
  pool_barrier_t *barrier;
  pool_counter_t *counter;
  pool_queue_t *queue;
};

static struct kit kit_new(pool_t *pool) {
  return (struct kit){new_lock(pool),
                      new_condition(pool),
                      new_event(pool),
                      new_semaphore(pool, 1),
                      new_barrier(pool, 2),
                      new_counter(pool, 0),
                      new_queue(pool, sizeof(int64_t), 4)};
}

static void kit_free(struct kit *kit) {
  CHECK_OK(pool_lock_free(kit->lock));
  CHECK_OK(pool_condition_free(kit->condition));
  CHECK_OK(pool_event_free(kit->event));
  CHECK_OK(pool_semaphore_free(kit->semaphore));
  CHECK_OK(pool_barrier_free(kit->barrier));
  CHECK_OK(pool_counter_free(kit->counter));
  CHECK_OK(pool_queue_free(kit->queue));
}

/* The other side of `use`, somewhere. */
static int32_t serve(const void *arg, void *result, pool_task_t *task) {
  const struct kit *kit = arg;
  int64_t pid = getpid();
  (void)result;
  (void)task;
  CHECK_OK(pool_event_wait(kit->event, -1));
  CHECK_OK(pool_barrier_wait(kit->barrier, NULL, -1));
  CHECK_ERROR(pool_lock_acquire(kit->lock, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_semaphore_acquire(kit->semaphore, 0), POOL_ERR_TIMEOUT);
  add_to(kit->counter, 20);
  CHECK_OK(pool_barrier_wait(kit->barrier, NULL, -1));
  CHECK_OK(pool_lock_acquire(kit->lock, -1));
  add_to(kit->counter, 1);
  CHECK_OK(pool_condition_notify_all(kit->condition));
  CHECK_OK(pool_lock_release(kit->lock));
  CHECK_OK(pool_semaphore_acquire(kit->semaphore, -1));
  CHECK_OK(pool_semaphore_release(kit->semaphore, 1));
  CHECK_OK(pool_queue_put(kit->queue, &pid, sizeof pid, -1));
  return 0;
}

/* Returns the process of the other side. */
static pid_t use(const struct kit *kit) {
  int64_t before = value_of(kit->counter), pid = 0;
  CHECK_OK(pool_lock_acquire(kit->lock, -1));
  CHECK_OK(pool_semaphore_acquire(kit->semaphore, -1));
  CHECK_OK(pool_event_set(kit->event));
  CHECK_OK(pool_barrier_wait(kit->barrier, NULL, -1));
  CHECK_OK(pool_barrier_wait(kit->barrier, NULL, -1));
  while (value_of(kit->counter) < before + 21) {
    CHECK_OK(pool_condition_wait(kit->condition, kit->lock, -1));
  }
  CHECK_OK(pool_lock_release(kit->lock));
  CHECK_OK(pool_semaphore_release(kit->semaphore, 1));
  CHECK_OK(pool_queue_get(kit->queue, &pid, sizeof pid, NULL, -1));
  CHECK_OK(pool_queue_task_done(kit->queue));
  CHECK_OK(pool_queue_join(kit->queue, -1));
  CHECK_OK(pool_event_clear(kit->event));
  CHECK(pid != getpid());
  return (pid_t)pid;
}

static pid_t use_with(pool_t *pool, const struct kit *kit) {
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, serve, kit, sizeof *kit, 0, NULL, NULL, &future));
  pid_t pid = use(kit);
  CHECK_FUTURE(future, POOL_OK);
  CHECK_OK(pool_future_release(future));
  return pid;
}

CASE(a_worker_that_was_there_before) {
  pool_t *pool = process_pool(1);
  pid_t worker = pid_of_a_worker(pool);
  struct kit kit = kit_new(pool);
  for (int i = 0; i < 20; i++) {
    CHECK_EQ(use_with(pool, &kit), worker);
  }
  kit_free(&kit);
  CHECK_OK(pool_close_join(pool));
}

CASE(a_worker_that_came_later) {
  pool_t *pool = process_pool(1);
  struct kit kit = kit_new(pool);
  pid_t first = use_with(pool, &kit);
  CHECK_OK(pool_refresh(pool));
  pid_t second = use_with(pool, &kit);
  CHECK(first != second);
  kill_idle(second);
  /* Until the death is known, it would break a barrier where somebody waits. */
  EVENTUALLY(pool_worker_pid(pool, 0) != second);
  CHECK(use_with(pool, &kit) != second);
  CHECK_OK(pool_close_join(pool));
}

CASE(without_a_pool_for_pools_that_come_later) {
  struct kit kit = kit_new(NULL);
  pool_t *pool = process_pool(1);
  use_with(pool, &kit);
  pool_t *other = process_pool(1);
  use_with(other, &kit);
  CHECK_OK(pool_close_join(pool));
  use_with(other, &kit);
  CHECK_OK(pool_close_join(other));
  kit_free(&kit);
}

static int32_t serve_in_a_pool_of_its_own(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = process_pool(1);
  (void)result;
  (void)task;
  CHECK_OK(pool_apply(pool, serve, arg, sizeof(struct kit), NULL, 0));
  CHECK_OK(pool_close_join(pool));
  return 0;
}

CASE(workers_of_a_workers_pool) {
  pool_t *pool = process_pool(1);
  struct kit kit = kit_new(pool);
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, serve_in_a_pool_of_its_own, &kit, sizeof kit, 0, NULL, NULL, &future));
  CHECK(use(&kit) != pool_worker_pid(pool, 0));
  CHECK_FUTURE(future, POOL_OK);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_close_join(pool));
}

CASE(a_process_of_its_own) {
  pool_t *pool = process_pool(1);
  struct kit kit = kit_new(pool);
  CHECK_OK(pool_spawn(NULL, POOL_SPAWN_JOINABLE, serve, &kit, sizeof kit, 0, NULL));
  use(&kit);
  CHECK_OK(pool_spawned_join(-1));
  CHECK_OK(pool_close_join(pool));
}

CASE(a_child_that_the_program_forks) {
  pool_t *pool = process_pool(1);
  struct kit kits[2] = {kit_new(pool), kit_new(NULL)};
  for (int i = 0; i < 2; i++) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      serve(&kits[i], NULL, NULL);
      CHECK_ERROR(pool_lock_free(kits[i].lock), POOL_ERR_UNSUPPORTED);
      _exit(0);
    }
    CHECK_EQ(use(&kits[i]), child);
    CHECK_EQ(check_wait(child), 0);
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(an_object_of_threads_is_none_in_a_forked_child) {
  pool_t *pool = new_pool(1);
  pool_lock_t *lock = new_lock(pool), *between = new_lock(NULL);
  CHECK_OK(pool_lock_acquire(lock, -1));
  CHECK_OK(pool_lock_acquire(between, -1));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    CHECK_ERROR(pool_lock_acquire(lock, -1), POOL_ERR_FORKED);
    CHECK_ERROR(pool_lock_release(lock), POOL_ERR_FORKED);
    CHECK_ERROR(pool_lock_free(lock), POOL_ERR_FORKED);
    CHECK_ERROR(pool_lock_acquire(between, 20), POOL_ERR_TIMEOUT);
    CHECK_ERROR(pool_lock_release(between), POOL_ERR_INVALID);
    CHECK_ERROR(pool_lock_free(between), POOL_ERR_UNSUPPORTED);
    pool_lock_t *own = new_lock(NULL);
    CHECK_OK(pool_lock_acquire(own, -1));
    CHECK_OK(pool_lock_release(own));
    CHECK_OK(pool_lock_free(own));
    _exit(0);
  }
  CHECK_EQ(check_wait(child), 0);
  CHECK_OK(pool_lock_release(between));
  CHECK_OK(pool_lock_free(between));
  CHECK_OK(pool_close_join(pool));
}

static int32_t make_in_a_worker(const void *arg, void *result, pool_task_t *task) {
  pool_t *pool = *(pool_t *const *)arg;
  pool_lock_t *lock = NULL;
  (void)result;
  (void)task;
  CHECK_ERROR(pool_lock_create(pool, &lock), POOL_ERR_UNSUPPORTED);
  struct kit kit = kit_new(NULL);
  CHECK_OK(pool_spawn(NULL, POOL_SPAWN_JOINABLE, serve, &kit, sizeof kit, 0, NULL));
  use(&kit);
  CHECK_OK(pool_spawned_join(-1));
  kit_free(&kit);
  return 0;
}

CASE(a_worker_makes_its_own) {
  pool_t *pool = process_pool(1);
  CHECK_OK(pool_apply(pool, make_in_a_worker, &pool, sizeof(pool_t *), NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

/* ---- Many at once ---- */

struct shop {
  pool_lock_t *lock;
  pool_queue_t *in, *out;
  int64_t *record;
};

static int32_t work_in_the_shop(const void *arg, void *result, pool_task_t *task) {
  const struct shop *shop = arg;
  (void)result;
  (void)task;
  for (int item; pool_queue_get(shop->in, &item, sizeof item, NULL, -1) == POOL_OK;) {
    CHECK_OK(pool_lock_acquire(shop->lock, -1));
    CHECK(shop->record[0] == shop->record[1]);
    shop->record[0] += item;
    shop->record[1] += item;
    CHECK_OK(pool_lock_release(shop->lock));
    put_int(shop->out, 2 * item);
    CHECK_OK(pool_queue_task_done(shop->in));
  }
  return 0;
}

static void *sum_up(void *data) {
  int64_t *sum = malloc(sizeof *sum);
  *sum = 0;
  for (int item; pool_queue_get(data, &item, sizeof item, NULL, -1) == POOL_OK;) {
    *sum += item;
  }
  return sum;
}

CASE(each_item_once) {
  enum { WORKERS = 4 };
  pool_t *pool = process_pool(WORKERS);
  struct shop shop = {new_lock(pool), new_queue(pool, sizeof(int), 16), new_queue(pool, sizeof(int), 3),
                      shared(pool, 16)};
  pool_future_t *futures[WORKERS];
  for (int i = 0; i < WORKERS; i++) {
    CHECK_OK(pool_apply_async(pool, work_in_the_shop, &shop, sizeof shop, 0, NULL, NULL, &futures[i]));
  }
  pthread_t thread = check_thread(sum_up, shop.out);
  int64_t count = (int64_t)scaled(10000), *sum = NULL;
  for (int i = 1; i <= count; i++) {
    put_int(shop.in, i);
  }
  CHECK_OK(pool_queue_join(shop.in, -1));
  CHECK_OK(pool_queue_close(shop.in));
  for (int i = 0; i < WORKERS; i++) {
    CHECK_FUTURE(futures[i], POOL_OK);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_OK(pool_queue_close(shop.out));
  pthread_join(thread, (void **)&sum);
  CHECK_EQ(*sum, count * (count + 1));
  CHECK_EQ(shop.record[0], count * (count + 1) / 2);
  CHECK_EQ(shop.record[1], count * (count + 1) / 2);
  free(sum);
  CHECK_OK(pool_close_join(pool));
}

CASE(objects_leave_nothing) {
  pool_t *pool = process_pool(1);
  struct kit first = kit_new(NULL);
  kit_free(&first);
  struct world world = world_now();
  for (int i = 0; i < 50; i++) {
    struct kit kits[2] = {kit_new(pool), kit_new(NULL)};
    kit_free(&kits[0]);
    kit_free(&kits[1]);
  }
  int mappings = 0;
  mapped_at(getpid(), world.mark, &mappings);
  CHECK_EQ(mappings, world.mappings);
  CHECK_EQ(fds_now(), world.fds);
  CHECK_OK(pool_close_join(pool));
}

/* ---- Memory that was written over ---- */

static int32_t scribble(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  struct {
    unsigned char *at;
    size_t size;
    uint32_t seed;
  } job;
  memcpy(&job, arg, sizeof job);
  for (size_t i = 0; i < job.size; i++) {
    job.seed = job.seed * 1664525 + 1013904223;
    job.at[i] = (unsigned char)(job.seed >> 24);
  }
  return 0;
}

static void write_over(pool_t *pool, void *at, size_t size, uint32_t seed) {
  struct {
    unsigned char *at;
    size_t size;
    uint32_t seed;
  } job = {at, size, seed};
  CHECK_OK(pool_apply(pool, scribble, &job, sizeof job, NULL, 0));
}

/* Whatever they say of it, they say something. */
static void ask_all(const struct kit *kit) {
  int64_t item = 0;
  size_t size = 0;
  (void)pool_lock_acquire(kit->lock, 1);
  (void)pool_condition_wait(kit->condition, kit->lock, 1);
  (void)pool_condition_notify(kit->condition);
  (void)pool_condition_notify_all(kit->condition);
  (void)pool_lock_release(kit->lock);
  (void)pool_event_wait(kit->event, 1);
  (void)pool_event_set(kit->event);
  (void)pool_semaphore_acquire(kit->semaphore, 1);
  (void)pool_barrier_wait(kit->barrier, NULL, 1);
  (void)pool_counter_add(kit->counter, 1, &item);
  (void)pool_queue_put(kit->queue, &item, sizeof item, 1);
  (void)pool_queue_get(kit->queue, &item, sizeof item, &size, 1);
  (void)pool_queue_task_done(kit->queue);
  (void)pool_queue_join(kit->queue, 1);
  (void)pool_queue_size(kit->queue, &size);
}

CASE(a_header_that_was_written_over_is_told) {
  pool_t *pool = process_pool(1);
  struct kit kit = kit_new(pool);
  write_over(pool, kit.queue, 32, 1);
  CHECK_ERROR(pool_queue_put(kit.queue, "x", 1, 0), POOL_ERR_INVALID);
  CHECK_ERROR(pool_queue_free(kit.queue), POOL_ERR_INVALID);
  CHECK_OK(pool_close_join(pool));
}

CASE(whatever_is_written_over_the_host_lives) {
  pool_t *pool = process_pool(1);
  for (size_t i = 0; i < scaled(40); i++) {
    struct kit kit = kit_new(pool);
    unsigned char *objects[] = {(void *)kit.lock,    (void *)kit.condition, (void *)kit.event, (void *)kit.semaphore,
                                (void *)kit.barrier, (void *)kit.counter,   (void *)kit.queue};
    for (size_t at = 0; at < COUNT_OF(objects); at++) {
      write_over(pool, objects[at] + 64, at == 2 || at == 5 || at == 0 ? 8 : 300, (uint32_t)(i * 100 + at));
    }
    ask_all(&kit);
    pool_works(pool);
  }
  kill_idle(pid_of_a_worker(pool));
  pool_works(pool);
  CHECK_OK(pool_close_join(pool));
}
