/* Waiting for several futures at once. */
#include "tester.h"

enum { MOST_AWAITED = 10 };

/* Some futures, of this thread and of others, here and there none or one twice. */
struct crowd {
  struct record *records[MOST_AWAITED];
  pool_future_t *futures[MOST_AWAITED];
  uint32_t count, there;
};

static struct record *borrow_of(struct actor *owner, uint32_t which) {
  struct record *record = NULL;
  pthread_mutex_lock(&owner->lock);
  if (owner->live_count > 0) {
    record = owner->live[which % owner->live_count];
    record = record_borrow(record) ? record : NULL;
  }
  pthread_mutex_unlock(&owner->lock);
  return record;
}

static struct crowd gather(struct actor *actor) {
  struct crowd crowd = {.count = roll(&actor->dice, MOST_AWAITED)};
  for (uint32_t i = 0; i < crowd.count; i++) {
    bool others = one_in(&actor->dice, 3);
    struct actor *owner = others ? &world.actor[roll(&actor->dice, world.actors)] : actor;
    struct record *record = borrow_of(owner, roll(&actor->dice, MOST_LIVE));
    if (record != NULL) {
      crowd.records[i] = record;
      crowd.futures[i] = record->future;
      crowd.there++;
    }
  }
  note(actor, " %u futures", crowd.there);
  return crowd;
}

static void let_go(struct crowd *crowd) {
  for (uint32_t i = 0; i < crowd->count; i++) {
    if (crowd->records[i] != NULL) {
      record_give_back(crowd->records[i]);
    }
  }
}

static int32_t ended(struct record *record, const char *where) {
  EXPECT(pool_future_ready(record->future), 1);
  int32_t status = pool_future_status(record->future);
  judge(record, status, pool_future_message(record->future), where);
  return status;
}

static bool wait_for_several(struct actor *actor) {
  struct crowd crowd = gather(actor);
  int32_t until = (int32_t)roll(&actor->dice, 3);
  int64_t timeout = roll_timeout(&actor->dice);
  size_t index = 12345;
  uint32_t ready = 0, failed = 0;
  for (uint32_t i = 0; i < crowd.count; i++) {
    if (crowd.records[i] != NULL) {
      crowd.records[i]->awaited |= timeout < 0;
      bool is_ready = pool_future_ready(crowd.futures[i]) == 1;
      ready += is_ready;
      failed += is_ready && pool_future_status(crowd.futures[i]) != POOL_OK;
    }
  }
  note(actor, ", until %d, %lld ms", until, (long long)timeout);
  int32_t status = pool_wait(crowd.futures, crowd.count, until, timeout, &index);
  if (until == POOL_WAIT_ANY && crowd.there == 0) {
    EXPECT(status, POOL_ERR_INVALID);
  } else if (status == POOL_ERR_TIMEOUT) {
    CHECK(timeout >= 0 && index == 12345);
    CHECK(until == POOL_WAIT_ANY ? ready == 0 : ready < crowd.there);
    CHECK(until != POOL_WAIT_FIRST_ERROR || failed == 0);
  } else {
    EXPECT(status, POOL_OK);
    CHECK(index <= crowd.count && (index == crowd.count || crowd.records[index] != NULL));
    CHECK(until != POOL_WAIT_ANY || index < crowd.count);
    if (index < crowd.count) {
      int32_t its = ended(crowd.records[index], "pool_wait");
      CHECK(until == POOL_WAIT_ANY || its != POOL_OK);
    }
    for (uint32_t i = 0; i < crowd.count && (until == POOL_WAIT_ALL || index == crowd.count); i++) {
      if (crowd.records[i] != NULL) {
        int32_t its = ended(crowd.records[i], "pool_wait");
        CHECK(index < crowd.count || its == POOL_OK);
      }
    }
  }
  let_go(&crowd);
  return true;
}

static bool as_completed(struct actor *actor) {
  struct crowd crowd = gather(actor);
  pool_as_completed_t *ready = NULL;
  bool given[MOST_AWAITED] = {false};
  uint32_t out = 0, most = one_in(&actor->dice, 3) ? roll(&actor->dice, MOST_AWAITED) : MOST_AWAITED;
  EXPECT(pool_as_completed(crowd.futures, crowd.count, &ready), POOL_OK);
  CHECK(ready != NULL);
  for (;;) {
    size_t index = 12345;
    int64_t timeout = roll_timeout(&actor->dice);
    if (out >= most) {
      break;
    }
    for (uint32_t i = 0; timeout < 0 && i < crowd.count; i++) {
      if (crowd.records[i] != NULL) {
        crowd.records[i]->awaited = true;
      }
    }
    int32_t status = pool_as_completed_next(ready, timeout, &index);
    if (status == POOL_ERR_TIMEOUT) {
      CHECK(timeout >= 0 && index == 12345);
      continue;
    }
    if (status == 0) {
      CHECK(out == crowd.there);
      break;
    }
    EXPECT(status, 1);
    CHECK(index < crowd.count && crowd.records[index] != NULL && !given[index]);
    given[index] = true;
    out++;
    (void)ended(crowd.records[index], "pool_as_completed_next");
  }
  note(actor, ", %u came", out);
  EXPECT(pool_as_completed_release(ready), POOL_OK);
  let_go(&crowd);
  return true;
}

struct operation wait_ops[] = {{"wait for several", 8, 8, wait_for_several, {0}},
                               {"as completed", 5, 5, as_completed, {0}},
                               {NULL, 0, 0, NULL, {0}}};
