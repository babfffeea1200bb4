/* Memory that workers share. */
#include "tester.h"

static int32_t write_there(const void *arg, void *result, pool_task_t *task) {
  uint64_t *place = (uint64_t *)(uintptr_t)arg;
  (void)task;
  (void)result;
  fill(place + 1, place[0] - 8, place[0] + 1);
  return 0;
}

static bool share_memory(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  size_t size = 8 + roll_size(&actor->dice, true);
  uint64_t *memory = pool_shared_alloc(model->pool, size);
  if (memory == NULL) {
    FAIL("pool_shared_alloc(%zu): %s", size, pool_last_error());
  }
  CHECK((uintptr_t)memory % 64 == 0);
  for (size_t i = 0; i < size; i += 1 + size / 100) {
    CHECK(((unsigned char *)memory)[i] == 0);
  }
  memory[0] = size;
  note(actor, " of %zu bytes", size);
  struct view view = look(model, false);
  int32_t status = pool_apply(model->pool, write_there, memory, 0, NULL, 0);
  if (status == POOL_OK) {
    CHECK(memory[0] == size && filled(memory + 1, size - 8, size + 1));
  } else if (!may_refuse(model, &view, status) && status != POOL_ERR_WORKER_DIED && status != POOL_ERR_TERMINATED &&
             !(status == POOL_ERR_TIME_LIMIT && model->options.task_timeout_ms > 0)) {
    FAIL("a task on shared memory: %d (%s): %s", status, pool_status_name(status), pool_last_error());
  }
  if (one_in(&actor->dice, 8)) {
    EXPECT(pool_shared_free(model->pool, (char *)memory + 8), POOL_ERR_INVALID);
  }
  if (!one_in(&actor->dice, 6)) { /* What is left goes with the pool. */
    EXPECT(pool_shared_free(model->pool, memory), POOL_OK);
  }
  return true;
}

struct operation memory_ops[] = {{"shared memory", 3, 3, share_memory, {0}}, {NULL, 0, 0, NULL, {0}}};
