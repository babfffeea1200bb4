/* Wrong arguments: an error, a sentence, nothing done. */
#include "tester.h"

static int32_t never(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  FAIL("a task that was refused runs");
}

static int32_t refused_submit(struct actor *actor, pool_t *pool) {
  pool_future_t *futures[2] = {NULL, NULL};
  pool_call_t calls[2] = {POOL_CALL_INIT, POOL_CALL_INIT};
  calls[0].fn = calls[1].fn = never;
  calls[0].callback = must_not_be_called;
  switch (roll(&actor->dice, 4)) {
  case 0:
    calls[1].fn = NULL;
    break;
  case 1:
    calls[1].struct_size = 3;
    break;
  case 2:
    calls[1].arg_size = 8;
    break;
  default:
    calls[1].result_size = SIZE_MAX;
  }
  int32_t status = pool_submit(pool, calls, 2, futures);
  CHECK(futures[0] == NULL && futures[1] == NULL);
  return status;
}

static int32_t refused_options(struct actor *actor) {
  pool_options_t options = POOL_OPTIONS_INIT;
  pool_t *pool = NULL;
  switch (roll(&actor->dice, 6)) {
  case 0:
    options.mode = 99;
    break;
  case 1:
    options.callbacks = -1;
    break;
  case 2:
    options.workers = POOL_MAX_WORKERS + 1;
    break;
  case 3:
    options.struct_size = 5;
    break;
  case 4:
    options.stack_size = 17;
    break;
  default:
    return pool_create_with(NULL, &pool);
  }
  int32_t status = pool_create_with(&options, &pool);
  CHECK(pool == NULL);
  return status;
}

static bool wrong(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  pool_t *pool = model->pool;
  struct view view = look(model, false);
  char byte = 0;
  int32_t which = (int32_t)roll(&actor->dice, 16), status = POOL_OK;
  switch (which) {
  case 0:
    status = pool_apply(NULL, never, NULL, 0, NULL, 0);
    break;
  case 1:
    status = pool_apply(pool, NULL, NULL, 0, NULL, 0);
    break;
  case 2:
    status = pool_apply(pool, never, NULL, 8, NULL, 0);
    break;
  case 3:
    status = pool_apply(pool, never, NULL, 0, NULL, 8);
    break;
  case 4:
    status = pool_apply_async(pool, NULL, NULL, 0, 0, must_not_be_called, NULL, NULL);
    break;
  case 5:
    status = pool_map(pool, never, NULL, 8, NULL, 0, 4);
    break;
  case 6:
    status = pool_map(pool, never, &byte, SIZE_MAX / 2, NULL, 0, 8);
    break;
  case 7:
    status = pool_for(pool, 5, 4, NULL, NULL);
    break;
  case 8:
    status = pool_future_wait(NULL, 0);
    break;
  case 9:
    status = pool_join(pool, -2);
    break;
  case 10:
    status = pool_shared_free(pool, &byte);
    break;
  case 11:
    status = pool_blocking_begin(NULL);
    break;
  case 12:
    status = pool_sort(pool, NULL, 10, POOL_SORT_I32);
    if (model->processes && status == POOL_ERR_UNSUPPORTED) {
      status = POOL_ERR_INVALID;
    }
    break;
  case 13:
    status = refused_options(actor);
    break;
  case 14:
    status = pool_worker_pid(pool, 1u << 30);
    break;
  default:
    status = refused_submit(actor, pool);
  }
  note(actor, " number %d", which);
  if (status != POOL_ERR_INVALID && !may_refuse(model, &view, status) &&
      !(status == POOL_ERR_NO_MEMORY && which == 15)) {
    FAIL("wrong call %d: %d (%s): %s", which, status, pool_status_name(status), pool_last_error());
  }
  CHECK(strlen(pool_last_error()) > 3);
  return true;
}

struct operation wrong_ops[] = {{"wrong arguments", 5, 5, wrong, {0}}, {NULL, 0, 0, NULL, {0}}};
