/* Loops, sums, sorts. What they run counts in memory of the pool. */
#include "tester.h"

struct loop {
  uint64_t begin, end, failing, seed;
  atomic_uchar counts[];
};

static int32_t range(size_t begin, size_t end, void *context, pool_task_t *task) {
  struct loop *loop = context;
  CHECK(begin < end && begin >= loop->begin && end <= loop->end && task->index == begin);
  for (size_t i = begin; i < end; i++) {
    if (atomic_fetch_add(&loop->counts[i - loop->begin], 1) != 0) {
      FAIL("number %zu of a loop is run twice", i);
    }
    if (i == loop->failing) {
      return 77;
    }
  }
  return 0;
}

static bool loop(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  /* Where each worker may do little, a long loop takes a process for each part of it. */
  size_t few = model->options.max_tasks_per_worker;
  size_t count = roll(&actor->dice, few > 0 && few < 20 ? 60 * (uint32_t)few : 3000);
  struct loop *loop = pool_shared_alloc(model->pool, sizeof *loop + count);
  if (loop == NULL) {
    FAIL("pool_shared_alloc: %s", pool_last_error());
  }
  loop->begin = roll(&actor->dice, 2) ? 0 : roll(&actor->dice, 1000000);
  loop->end = loop->begin + count;
  loop->failing = count > 0 && one_in(&actor->dice, 5) ? loop->begin + roll(&actor->dice, (uint32_t)count) : UINT64_MAX;
  note(actor, " over %zu%s", count, loop->failing == UINT64_MAX ? "" : ", one fails");
  struct view view = look(model, false);
  int32_t status = pool_for(model->pool, loop->begin, loop->end, range, loop);
  if (status == POOL_OK) {
    CHECK(loop->failing == UINT64_MAX);
    for (size_t i = 0; i < count; i++) {
      CHECK(loop->counts[i] == 1);
    }
  } else if (status == 77) {
    CHECK(loop->failing != UINT64_MAX);
    CHECK(loop->counts[loop->failing - loop->begin] == 1);
  } else if (!call_may_end_so(model, &view, status)) {
    FAIL("pool_for: %d (%s): %s", status, pool_status_name(status), pool_last_error());
  }
  count_status(status, -1);
  EXPECT(pool_shared_free(model->pool, loop), POOL_OK);
  return true;
}

/* x -> factor * x + summand: composition is associative and does not commute. */
struct affine {
  uint64_t factor, summand;
};

static struct affine affine_of(uint64_t number) {
  return (struct affine){number * 2 + 3, number ^ 0x5555};
}

static void compose(struct affine *into, struct affine next) {
  into->summand = into->summand * next.factor + next.summand;
  into->factor *= next.factor;
}

static int32_t piece(size_t begin, size_t end, void *result, void *context, pool_task_t *task) {
  struct affine *into = result;
  (void)context;
  (void)task;
  for (size_t i = begin; i < end; i++) {
    compose(into, affine_of(i));
  }
  return 0;
}

static void combine(void *into, const void *from, void *context) {
  (void)context;
  compose(into, *(const struct affine *)from);
}

static bool reduce(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  size_t count = roll(&actor->dice, model->options.max_tasks_per_worker > 0 ? 50 : 5000);
  struct affine identity = {1, 0}, right = {1, 0}, result = {99, 99};
  piece(0, count, &right, NULL, NULL);
  note(actor, " of %zu", count);
  struct view view = look(model, false);
  int32_t status = pool_reduce(model->pool, count, piece, combine, &identity, &result, sizeof result, NULL);
  if (status == POOL_OK) {
    CHECK(result.factor == right.factor && result.summand == right.summand);
  } else {
    CHECK(result.factor == 99 && result.summand == 99);
    if (!call_may_end_so(model, &view, status)) {
      FAIL("pool_reduce: %d (%s): %s", status, pool_status_name(status), pool_last_error());
    }
  }
  count_status(status, -1);
  return true;
}

static int compare_last_byte(const void *a, const void *b, void *context) {
  (void)context;
  return (int)(*(const uint32_t *)a & 0xff) - (int)(*(const uint32_t *)b & 0xff);
}

static bool sort(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  size_t count = roll(&actor->dice, one_in(&actor->dice, 4) ? 100000 : 1000);
  bool stable = one_in(&actor->dice, 2);
  uint32_t *data = malloc((count + 1) * sizeof *data);
  uint64_t sum = 0;
  CHECK(data != NULL);
  for (size_t i = 0; i < count; i++) {
    data[i] = stable ? (uint32_t)(i << 8) | roll(&actor->dice, 200) : (uint32_t)roll_long(&actor->dice);
    sum += data[i];
  }
  note(actor, " of %zu", count);
  struct view view = look(model, false);
  int32_t status = stable ? pool_sort_with(model->pool, data, count, sizeof *data, compare_last_byte, NULL)
                          : pool_sort(model->pool, data, count, POOL_SORT_U32);
  for (size_t i = 0; i < count; i++) {
    sum -= data[i];
    if (i > 0 && status == POOL_OK) {
      CHECK(stable ? (data[i - 1] & 0xff) < (data[i] & 0xff) ||
                         ((data[i - 1] & 0xff) == (data[i] & 0xff) && data[i - 1] < data[i])
                   : data[i - 1] <= data[i]);
    }
  }
  CHECK(sum == 0);
  if (model->processes) {
    CHECK(status == POOL_ERR_UNSUPPORTED || may_refuse(model, &view, status));
  } else if (status != POOL_OK && !call_may_end_so(model, &view, status)) {
    FAIL("a sort: %d (%s): %s", status, pool_status_name(status), pool_last_error());
  }
  count_status(status, -1);
  free(data);
  return true;
}

struct operation loop_ops[] = {
    {"for", 3, 3, loop, {0}}, {"reduce", 3, 3, reduce, {0}}, {"sort", 2, 1, sort, {0}}, {NULL, 0, 0, NULL, {0}}};
