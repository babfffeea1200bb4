/* What the cases of locks, queues and their like have in common. */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "procs.h"

UNUSED static pool_lock_t *new_lock(pool_t *pool) {
  pool_lock_t *lock = NULL;
  CHECK_OK(pool_lock_create(pool, &lock));
  return lock;
}

UNUSED static pool_condition_t *new_condition(pool_t *pool) {
  pool_condition_t *condition = NULL;
  CHECK_OK(pool_condition_create(pool, &condition));
  return condition;
}

UNUSED static pool_event_t *new_event(pool_t *pool) {
  pool_event_t *event = NULL;
  CHECK_OK(pool_event_create(pool, &event));
  return event;
}

UNUSED static pool_semaphore_t *new_semaphore(pool_t *pool, uint32_t value) {
  pool_semaphore_t *semaphore = NULL;
  CHECK_OK(pool_semaphore_create(pool, value, &semaphore));
  return semaphore;
}

UNUSED static pool_barrier_t *new_barrier(pool_t *pool, uint32_t parties) {
  pool_barrier_t *barrier = NULL;
  CHECK_OK(pool_barrier_create(pool, parties, &barrier));
  return barrier;
}

UNUSED static pool_counter_t *new_counter(pool_t *pool, int64_t value) {
  pool_counter_t *counter = NULL;
  CHECK_OK(pool_counter_create(pool, value, &counter));
  return counter;
}

UNUSED static int64_t value_of(pool_counter_t *counter) {
  int64_t value = -1;
  CHECK_OK(pool_counter_get(counter, &value));
  return value;
}

UNUSED static void add_to(pool_counter_t *counter, int64_t amount) {
  CHECK_OK(pool_counter_add(counter, amount, NULL));
}

UNUSED static pool_queue_t *new_queue(pool_t *pool, size_t item_size, size_t capacity) {
  pool_queue_t *queue = NULL;
  CHECK_OK(pool_queue_create(pool, item_size, capacity, &queue));
  return queue;
}

UNUSED static int get_int(pool_queue_t *queue) {
  int item = 0;
  CHECK_OK(pool_queue_get(queue, &item, sizeof item, NULL, -1));
  return item;
}

UNUSED static void put_int(pool_queue_t *queue, int item) {
  CHECK_OK(pool_queue_put(queue, &item, sizeof item, -1));
}

UNUSED static size_t size_of(pool_queue_t *queue) {
  size_t size = 99;
  CHECK_OK(pool_queue_size(queue, &size));
  return size;
}

#endif
