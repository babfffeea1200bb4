/* The life of pools: own ones, the end of the common one, polls, joins. */
#include "tester.h"

#include <poll.h>

static bool open_own(struct actor *actor) {
  if (actor->own != NULL) {
    return false;
  }
  actor->own = pool_made(&actor->dice, world.processes);
  return actor->own != NULL;
}

static bool close_own(struct actor *actor) {
  struct pool_model *model = actor->own;
  if (model == NULL) {
    return false;
  }
  actor->own = NULL;
  close_in_some_way(model, &actor->dice);
  return true;
}

/* The common pool ends early only in some rounds, and late in these: little happens on closed pools. */
static struct pool_model *pool_to_end(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  return model == world.main && (actor->step < world.last_third || world.round % 6 > 1) ? NULL : model;
}

static bool close_only(struct actor *actor) {
  struct pool_model *model = pool_to_end(actor);
  if (model == NULL) {
    return false;
  }
  atomic_store(&model->closing, 1);
  EXPECT(pool_close(model->pool), POOL_OK);
  atomic_store(&model->closed, 1);
  return true;
}

static bool terminate(struct actor *actor) {
  struct pool_model *model = pool_to_end(actor);
  if (model == NULL) {
    return false;
  }
  atomic_store(&model->closing, 1);
  atomic_store(&model->terminating, 1);
  EXPECT(pool_terminate(model->pool), POOL_OK);
  atomic_store(&model->closed, 1);
  atomic_store(&model->terminated, 1);
  count(T_TERMINATES, 1);
  return true;
}

static bool join(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  bool closed = atomic_load(&model->closed);
  int64_t timeout = roll(&actor->dice, 4);
  int32_t status = pool_join(model->pool, timeout);
  note(actor, ": %s", pool_status_name(status));
  if (status == POOL_ERR_INVALID) {
    CHECK(!closed);
  } else {
    CHECK(atomic_load(&model->closing));
    CHECK(status == POOL_OK || status == POOL_ERR_TIMEOUT);
  }
  if (status == POOL_OK) {
    CHECK(atomic_load(&model->called) == atomic_load(&model->due));
    CHECK(model->processes || atomic_load(&model->running) == 0);
  }
  return true;
}

static bool poll_pool(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  int64_t timeout = roll(&actor->dice, 4);
  bool polled = model->options.callbacks == POOL_CALLBACKS_POLLED;
  if (!polled && !one_in(&actor->dice, 4)) {
    return false;
  }
  if (polled && one_in(&actor->dice, 3)) {
    struct pollfd fd = {pool_poll_fd(model->pool), POLLIN, 0};
    CHECK(fd.fd >= 0);
    CHECK(poll(&fd, 1, (int)timeout) >= 0);
    timeout = 0;
  }
  int32_t many = pool_poll(model->pool, timeout);
  note(actor, ": %d", many);
  if (polled) {
    CHECK(many >= 0);
  } else {
    CHECK(many == POOL_ERR_INVALID);
    CHECK(pool_poll_fd(model->pool) == POOL_ERR_INVALID);
  }
  return true;
}

static bool use_default(struct actor *actor) {
  pool_t *pool = pool_default();
  CHECK(pool != NULL && pool == pool_default());
  EXPECT(map_some(pool, &actor->dice), POOL_OK);
  switch (roll(&actor->dice, 4)) {
  case 0:
    EXPECT(pool_close(pool), POOL_ERR_INVALID);
    break;
  case 1:
    EXPECT(pool_terminate(pool), POOL_ERR_INVALID);
    break;
  case 2:
    EXPECT(pool_join(pool, -1), POOL_ERR_INVALID);
    break;
  default:
    EXPECT(pool_close_join(pool), POOL_ERR_INVALID);
  }
  return true;
}

static bool resize(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  uint32_t most = model->options.max_workers > 0 ? model->options.max_workers : model->processes ? model->workers : 6;
  uint32_t workers = 1 + roll(&actor->dice, most + 1), before = atomic_load(&model->most_workers);
  bool closed = atomic_load(&model->closed);
  note(actor, " to %u of %u", workers, most);
  atomic_fetch_add(&model->resizes, 1);
  while (before < workers && !atomic_compare_exchange_weak(&model->most_workers, &before, workers)) {
  }
  int32_t status = pool_resize(model->pool, workers);
  if (status == POOL_OK) {
    CHECK(!closed && (workers <= most || (!model->processes && model->options.max_workers == 0)));
  } else if (status == POOL_ERR_INVALID) {
    CHECK(workers > most);
  } else {
    CHECK(atomic_load(&model->closing));
    CHECK(status == POOL_ERR_CLOSED || (status == POOL_ERR_TERMINATED && atomic_load(&model->terminating)));
  }
  int32_t now = pool_workers(model->pool);
  CHECK(now >= 1 && now <= (int32_t)atomic_load(&model->most_workers));
  return true;
}

static int32_t fails_to_start(void *code, uint32_t worker) {
  (void)worker;
  return *(const int32_t *)code;
}

static bool fail_to_open(struct actor *actor) {
  pool_options_t options = POOL_OPTIONS_INIT;
  int32_t code = roll(&actor->dice, 2) ? 1 + (int32_t)roll(&actor->dice, 1000) : -5;
  pool_t *pool = NULL;
  options.mode = world.processes ? POOL_PROCESSES : POOL_THREADS;
  options.workers = 1 + roll(&actor->dice, 3);
  options.initializer = fails_to_start;
  options.worker_data = &code;
  EXPECT(pool_create_with(&options, &pool), code > 0 ? code : POOL_ERR_INTERNAL);
  CHECK(pool == NULL);
  return true;
}

struct operation life_ops[] = {{"pool of its own", 4, 2, open_own, {0}},
                               {"end of the pool of its own", 2, 1, close_own, {0}},
                               {"close", 2, 2, close_only, {0}},
                               {"terminate", 2, 2, terminate, {0}},
                               {"join", 3, 3, join, {0}},
                               {"poll", 8, 8, poll_pool, {0}},
                               {"default pool", 2, 1, use_default, {0}},
                               {"resize", 4, 4, resize, {0}},
                               {"initializer that fails", 1, 1, fail_to_open, {0}},
                               {NULL, 0, 0, NULL, {0}}};
