/* Locks and conditions between threads: one at a time, time-outs, deadlocks, threads that end; notices to who waits. */
#include "objects.h"

/* ---- Locks ---- */

struct record {
  pool_lock_t *lock;
  int64_t a, b, c;
};

static void *change(void *data) {
  struct record *record = data;
  for (size_t i = 0; i < scaled(20000); i++) {
    CHECK_OK(pool_lock_acquire(record->lock, -1));
    CHECK(record->a == record->b && record->b == record->c);
    record->a++;
    record->b++;
    record->c++;
    CHECK_OK(pool_lock_release(record->lock));
  }
  return NULL;
}

static void one_at_a_time(pool_t *pool) {
  struct record record = {new_lock(pool), 0, 0, 0};
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    threads[i] = check_thread(change, &record);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_EQ(record.c, 4 * (int64_t)scaled(20000));
  CHECK_OK(pool_lock_free(record.lock));
}

CASE(one_thread_at_a_time) {
  one_at_a_time(NULL);
}

CASE(one_thread_at_a_time_in_the_memory_of_a_pool) {
  pool_t *pool = new_pool(1);
  one_at_a_time(pool);
  CHECK_OK(pool_close_join(pool));
}

static void *try_lock(void *data) {
  int64_t start = now_ms();
  CHECK_ERROR(pool_lock_acquire(data, 0), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_lock_acquire(data, 40), POOL_ERR_TIMEOUT);
  CHECK(now_ms() - start >= 40);
  CHECK_ERROR(pool_lock_release(data), POOL_ERR_INVALID);
  return NULL;
}

CASE(a_lock_that_is_taken_runs_out_of_time) {
  pool_lock_t *lock = new_lock(NULL);
  CHECK_ERROR(pool_lock_release(lock), POOL_ERR_INVALID);
  CHECK_OK(pool_lock_acquire(lock, 0));
  pthread_join(check_thread(try_lock, lock), NULL);
  CHECK_OK(pool_lock_release(lock));
  CHECK_ERROR(pool_lock_release(lock), POOL_ERR_INVALID);
  CHECK_OK(pool_lock_acquire(lock, 0));
  CHECK_OK(pool_lock_release(lock));
  CHECK_OK(pool_lock_free(lock));
}

CASE(a_lock_is_not_acquired_twice) {
  pool_lock_t *lock = new_lock(NULL);
  CHECK_OK(pool_lock_acquire(lock, -1));
  CHECK_ERROR(pool_lock_acquire(lock, -1), POOL_ERR_DEADLOCK);
  CHECK_ERROR(pool_lock_acquire(lock, 0), POOL_ERR_DEADLOCK);
  CHECK_OK(pool_lock_release(lock));
  CHECK_OK(pool_lock_free(lock));
}

CASE(a_recursive_lock_is) {
  pool_lock_t *lock = NULL;
  CHECK_OK(pool_lock_create_recursive(NULL, &lock));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(pool_lock_acquire(lock, i == 0 ? -1 : 0));
  }
  for (int i = 0; i < 3; i++) {
    pthread_join(check_thread(try_lock, lock), NULL);
    CHECK_OK(pool_lock_release(lock));
  }
  CHECK_ERROR(pool_lock_release(lock), POOL_ERR_INVALID);
  CHECK_OK(pool_lock_free(lock));
}

static void *take_and_end(void *data) {
  CHECK_OK(pool_lock_acquire(data, -1));
  return NULL;
}

CASE(a_thread_that_ends_leaves_its_lock_to_the_next) {
  pool_lock_t *lock = new_lock(NULL);
  for (int64_t timeout = -1; timeout <= 1; timeout++) {
    pthread_join(check_thread(take_and_end, lock), NULL);
    CHECK_ERROR(pool_lock_acquire(lock, timeout), POOL_ERR_WORKER_DIED);
    CHECK_ERROR(pool_lock_acquire(lock, timeout), POOL_ERR_DEADLOCK);
    CHECK_OK(pool_lock_release(lock));
    CHECK_OK(pool_lock_acquire(lock, timeout));
    CHECK_OK(pool_lock_release(lock));
  }
  CHECK_OK(pool_lock_free(lock));
}

static void *take_and_end_late(void *data) {
  CHECK_OK(pool_lock_acquire(data, -1));
  sleep_ms(50);
  return NULL;
}

CASE(who_waits_gets_it_when_the_thread_ends) {
  pool_lock_t *lock = new_lock(NULL);
  pthread_t thread = check_thread(take_and_end_late, lock);
  int32_t status;
  while ((status = pool_lock_acquire(lock, -1)) == POOL_OK) {
    CHECK_OK(pool_lock_release(lock));
  }
  CHECK_EQ(status, POOL_ERR_WORKER_DIED);
  CHECK_OK(pool_lock_release(lock));
  pthread_join(thread, NULL);
  CHECK_OK(pool_lock_free(lock));
}

/* Two locks in opposite order. */
struct order {
  pool_lock_t *first, *second;
  pool_barrier_t *both_have_one;
};

static void *in_opposite_order(void *data) {
  struct order *order = data;
  CHECK_OK(pool_lock_acquire(order->first, -1));
  CHECK_OK(pool_barrier_wait(order->both_have_one, NULL, -1));
  intptr_t status = pool_lock_acquire(order->second, -1);
  if (status == POOL_OK) {
    CHECK_OK(pool_lock_release(order->second));
  }
  CHECK_OK(pool_lock_release(order->first));
  return (void *)status;
}

CASE(opposite_orders_are_a_deadlock) {
  struct order one = {new_lock(NULL), new_lock(NULL), new_barrier(NULL, 2)};
  struct order other = {one.second, one.first, one.both_have_one};
  for (size_t i = 0; i < scaled(200); i++) {
    pthread_t thread = check_thread(in_opposite_order, &other);
    intptr_t mine = (intptr_t)in_opposite_order(&one);
    void *theirs = NULL;
    pthread_join(thread, &theirs);
    /* If both come to wait at the same instant, both may be told. */
    CHECK(mine == POOL_ERR_DEADLOCK || (intptr_t)theirs == POOL_ERR_DEADLOCK);
    CHECK(mine == POOL_OK || mine == POOL_ERR_DEADLOCK);
    CHECK((intptr_t)theirs == POOL_OK || (intptr_t)theirs == POOL_ERR_DEADLOCK);
  }
  CHECK_OK(pool_lock_free(one.first));
  CHECK_OK(pool_lock_free(one.second));
  CHECK_OK(pool_barrier_free(one.both_have_one));
}

static int32_t take_for_a_moment(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  pool_lock_t *lock = *(pool_lock_t *const *)arg;
  CHECK_OK(pool_lock_acquire(lock, -1));
  CHECK_OK(pool_lock_release(lock));
  return 0;
}

CASE(tasks_that_wait_for_a_lock_give_their_places_away) {
  pool_t *pool = new_pool(1);
  pool_lock_t *lock = new_lock(pool);
  CHECK_OK(pool_lock_acquire(lock, -1));
  CHECK_OK(pool_apply_async(pool, take_for_a_moment, &lock, sizeof(pool_lock_t *), 0, NULL, NULL, NULL));
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, nothing, NULL, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_get(future, NULL, 0, -1));
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_lock_release(lock));
  CHECK_OK(pool_close_join(pool));
}

/* ---- Conditions ---- */

struct scene {
  pool_lock_t *lock;
  pool_condition_t *changed;
  int tickets, served, waiting;
};

static struct scene scene_new(pool_t *pool) {
  return (struct scene){new_lock(pool), new_condition(pool), 0, 0, 0};
}

static void scene_free(struct scene *scene) {
  CHECK_OK(pool_lock_free(scene->lock));
  CHECK_OK(pool_condition_free(scene->changed));
}

static void *wait_for_a_ticket(void *data) {
  struct scene *scene = data;
  CHECK_OK(pool_lock_acquire(scene->lock, -1));
  scene->waiting++;
  while (scene->tickets == 0) {
    CHECK_OK(pool_condition_wait(scene->changed, scene->lock, -1));
  }
  scene->tickets--;
  scene->served++;
  scene->waiting--;
  CHECK_OK(pool_lock_release(scene->lock));
  return NULL;
}

/* Waits, under the lock, until so many wait and were served. */
static void until(struct scene *scene, int waiting, int served) {
  for (bool is_so = false; !is_so; sleep_ms(1)) {
    CHECK_OK(pool_lock_acquire(scene->lock, -1));
    is_so = scene->waiting == waiting && scene->served == served;
    CHECK_OK(pool_lock_release(scene->lock));
  }
}

CASE(a_notice_is_for_one_and_all_notices_for_all) {
  struct scene scene = scene_new(NULL);
  pthread_t threads[5];
  for (int i = 0; i < 5; i++) {
    threads[i] = check_thread(wait_for_a_ticket, &scene);
  }
  until(&scene, 5, 0);
  CHECK_OK(pool_lock_acquire(scene.lock, -1));
  scene.tickets = 5;
  CHECK_OK(pool_condition_notify(scene.changed));
  CHECK_OK(pool_lock_release(scene.lock));
  until(&scene, 4, 1);
  sleep_ms(20);
  until(&scene, 4, 1);
  CHECK_OK(pool_condition_notify_all(scene.changed));
  until(&scene, 0, 5);
  for (int i = 0; i < 5; i++) {
    pthread_join(threads[i], NULL);
  }
  scene_free(&scene);
}

CASE(a_wait_runs_out_of_time_with_the_lock) {
  struct scene scene = scene_new(NULL);
  CHECK_ERROR(pool_condition_wait(scene.changed, scene.lock, -1), POOL_ERR_INVALID);
  CHECK_OK(pool_lock_acquire(scene.lock, -1));
  CHECK_ERROR(pool_condition_wait(scene.changed, scene.lock, 30), POOL_ERR_TIMEOUT);
  CHECK_ERROR(pool_condition_wait(scene.changed, scene.lock, 0), POOL_ERR_TIMEOUT);
  CHECK_OK(pool_lock_release(scene.lock));
  CHECK_OK(pool_condition_notify(scene.changed));
  CHECK_OK(pool_lock_acquire(scene.lock, -1));
  CHECK_ERROR(pool_condition_wait(scene.changed, scene.lock, 30), POOL_ERR_TIMEOUT);
  CHECK_OK(pool_lock_release(scene.lock));
  scene_free(&scene);
}

static void *wait_with_a_recursive_lock(void *data) {
  struct scene *scene = data;
  CHECK_OK(pool_lock_acquire(scene->lock, -1));
  wait_for_a_ticket(scene);
  CHECK_OK(pool_lock_release(scene->lock));
  CHECK_ERROR(pool_lock_release(scene->lock), POOL_ERR_INVALID);
  return NULL;
}

CASE(a_recursive_lock_is_given_back_whole) {
  struct scene scene = scene_new(NULL);
  CHECK_OK(pool_lock_free(scene.lock));
  CHECK_OK(pool_lock_create_recursive(NULL, &scene.lock));
  pthread_t thread = check_thread(wait_with_a_recursive_lock, &scene);
  until(&scene, 1, 0);
  CHECK_OK(pool_lock_acquire(scene.lock, -1));
  scene.tickets = 1;
  CHECK_OK(pool_lock_release(scene.lock));
  CHECK_OK(pool_condition_notify(scene.changed));
  pthread_join(thread, NULL);
  scene_free(&scene);
}

static void *ping(void *data) {
  struct scene *scene = data;
  for (size_t i = 0; i < scaled(3000); i++) {
    CHECK_OK(pool_lock_acquire(scene->lock, -1));
    int turn = scene->served++;
    CHECK_OK(pool_condition_notify(scene->changed));
    while (scene->served == turn + 1 && i + 1 < scaled(3000)) {
      CHECK_OK(pool_condition_wait(scene->changed, scene->lock, -1));
    }
    CHECK_OK(pool_lock_release(scene->lock));
  }
  return NULL;
}

CASE(no_notice_is_lost) {
  struct scene scene = scene_new(NULL);
  pthread_t threads[2] = {check_thread(ping, &scene), check_thread(ping, &scene)};
  pthread_join(threads[0], NULL);
  pthread_join(threads[1], NULL);
  CHECK_EQ(scene.served, 2 * scaled(3000));
  scene_free(&scene);
}

/* ---- Nonsense ---- */

CASE(nonsense_is_refused) {
  pool_lock_t *lock = new_lock(NULL);
  pool_condition_t *condition = new_condition(NULL);
  CHECK_ERROR(pool_lock_create(NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_lock_acquire(NULL, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_lock_acquire(lock, -2), POOL_ERR_INVALID);
  CHECK_ERROR(pool_lock_acquire((pool_lock_t *)condition, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_lock_release(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_condition_create(NULL, NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_condition_wait(NULL, lock, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_condition_wait(condition, NULL, -1), POOL_ERR_INVALID);
  CHECK_ERROR(pool_condition_wait(condition, lock, -9), POOL_ERR_INVALID);
  CHECK_ERROR(pool_condition_notify(NULL), POOL_ERR_INVALID);
  CHECK_ERROR(pool_condition_notify_all((pool_condition_t *)lock), POOL_ERR_INVALID);
  CHECK_OK(pool_lock_free(lock));
  CHECK_ERROR(pool_lock_free(lock), POOL_ERR_INVALID);
  CHECK_ERROR(pool_lock_acquire(lock, -1), POOL_ERR_INVALID);
  CHECK_OK(pool_condition_free(condition));
  CHECK_OK(pool_condition_free(NULL));
}
