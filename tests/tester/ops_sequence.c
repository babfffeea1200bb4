/* A sequential pool: each task is run inside the call that submits it, so what happens is known to the last step. */
#include "tester.h"

enum { MOST_STEPS = 4000, DEEPEST = 4 };

/* What comes when: the number of each task as it begins, that of each callback with the highest bit. */
struct trace {
  pool_t *pool; /* NULL: nothing is run, only foretold */
  uint32_t count;
  uint32_t steps[MOST_STEPS];
};

/* A task and all that it submits follow from its seed. */
struct branch {
  struct trace *trace;
  uint64_t seed;
  uint32_t depth;
};

static void leave_trace(struct trace *trace, uint32_t what) {
  if (trace->count < MOST_STEPS) {
    trace->steps[trace->count] = what;
  }
  trace->count++;
}

static uint32_t number_of(const struct branch *branch) {
  return (uint32_t)(branch->seed >> 20) & 0x7fffffff;
}

/* One in eight fails. */
static int32_t end_of(const struct branch *branch) {
  return branch->seed % 8 == 0 && branch->depth > 0 ? 1 + (int32_t)(branch->seed >> 8 & 63) : POOL_OK;
}

static void grow(const struct branch *branch);

static int32_t branch_out(const void *arg, void *result, pool_task_t *task) {
  const struct branch *branch = arg;
  uint32_t number = number_of(branch);
  CHECK(task->attempt == 1);
  grow(branch);
  memcpy(result, &number, sizeof number);
  return end_of(branch);
}

static void note_callback(const pool_result_t *outcome, void *user_data) {
  uint32_t number;
  CHECK((outcome->status == POOL_OK) == (outcome->size == sizeof number));
  if (outcome->status == POOL_OK) {
    memcpy(&number, outcome->data, sizeof number);
    leave_trace(user_data, number | 0x80000000u);
  }
}

/* By one of the ways there are to submit; all come to the same. A callback is called when the outermost call returns, or
 * before: here only those of the outermost tasks have one. */
static void run(const struct branch *branch, struct dice *dice) {
  struct trace *trace = branch->trace;
  uint32_t way = roll(dice, 5), number = 0;
  int32_t expected = end_of(branch), status = UNSEEN;
  bool calls_back = branch->depth == 1 && (way == 1 || way == 2);
  if (trace->pool == NULL) {
    grow(branch);
    if (calls_back && expected == POOL_OK) {
      leave_trace(trace, number_of(branch) | 0x80000000u);
    }
    return;
  }
  pool_future_t *future = NULL;
  pool_call_t call = POOL_CALL_INIT;
  call.fn = branch_out;
  call.arg = branch;
  call.arg_size = sizeof *branch;
  call.result_size = sizeof number;
  switch (way) {
  case 0:
    status = pool_apply(trace->pool, branch_out, branch, sizeof *branch, &number, sizeof number);
    break;
  case 1:
    EXPECT(pool_apply_async(trace->pool, branch_out, branch, sizeof *branch, sizeof number,
                            calls_back ? note_callback : NULL, trace, &future),
           POOL_OK);
    break;
  case 2:
    call.callback = calls_back ? note_callback : NULL;
    call.user_data = trace;
    EXPECT(pool_submit(trace->pool, &call, 1, &future), POOL_OK);
    break;
  case 3: {
    int32_t outcome = UNSEEN;
    call.arg = NULL;
    EXPECT(pool_map_with(trace->pool, &call, branch, &number, &outcome, 1), POOL_OK);
    status = outcome;
    break;
  }
  default:
    status = pool_map(trace->pool, branch_out, branch, sizeof *branch, &number, sizeof number, 1);
  }
  if (future != NULL) {
    EXPECT(pool_future_ready(future), 1);
    status = pool_future_get(future, &number, sizeof number, -1);
    EXPECT(pool_future_release(future), POOL_OK);
  }
  EXPECT(status, expected);
  CHECK(status != POOL_OK || number == number_of(branch));
}

/* One that follows another: it is run at once, or ends as that one. */
static void follow(struct trace *trace, const struct branch *first, const struct branch *second) {
  if (trace->pool == NULL) {
    grow(first);
    if (end_of(first) == POOL_OK) {
      grow(second);
    }
    return;
  }
  pool_future_t *futures[2] = {NULL, NULL};
  pool_call_t call = POOL_CALL_INIT;
  call.fn = branch_out;
  call.arg = first;
  call.arg_size = sizeof *first;
  call.result_size = sizeof(uint32_t);
  EXPECT(pool_submit(trace->pool, &call, 1, &futures[0]), POOL_OK);
  call.arg = second;
  call.after = futures;
  call.after_count = 1;
  EXPECT(pool_submit(trace->pool, &call, 1, &futures[1]), POOL_OK);
  EXPECT(pool_future_wait(futures[1], -1), POOL_OK);
  EXPECT(pool_future_status(futures[1]), end_of(first) != POOL_OK ? end_of(first) : end_of(second));
  EXPECT(pool_future_release(futures[0]), POOL_OK);
  EXPECT(pool_future_release(futures[1]), POOL_OK);
}

static void grow(const struct branch *branch) {
  struct dice dice = {branch->seed};
  leave_trace(branch->trace, number_of(branch));
  if (branch->depth == DEEPEST) {
    return;
  }
  for (uint32_t children = roll(&dice, branch->depth == 0 ? 9 : 5); children > 0; children--) {
    struct branch child = {branch->trace, roll_long(&dice), branch->depth + 1};
    if (one_in(&dice, 5)) {
      struct branch next = {branch->trace, roll_long(&dice), branch->depth + 1};
      follow(branch->trace, &child, &next);
    } else {
      run(&child, &dice);
    }
  }
}

static bool sequence(struct actor *actor) {
  struct trace *traces = calloc(2, sizeof *traces);
  CHECK(traces != NULL);
  pool_options_t options = POOL_OPTIONS_INIT;
  options.mode = POOL_SEQUENTIAL;
  options.callbacks = (int32_t)roll(&actor->dice, 2); /* POOL_CALLBACKS_SERIAL, _INLINE */
  if (one_in(&actor->dice, 4)) {
    options.max_pending = 1 + roll(&actor->dice, 3);
  }
  EXPECT(pool_create_with(&options, &traces[1].pool), POOL_OK);
  struct branch root = {&traces[0], roll_long(&actor->dice), 0};
  grow(&root);
  root.trace = &traces[1];
  grow(&root);
  note(actor, ", %u steps", traces[0].count);
  CHECK(traces[0].count == traces[1].count);
  for (uint32_t i = 0; i < traces[0].count && i < MOST_STEPS; i++) {
    if (traces[0].steps[i] != traces[1].steps[i]) {
      FAIL("step %u of a sequential pool was %x, expected %x", i, traces[1].steps[i], traces[0].steps[i]);
    }
  }
  if (one_in(&actor->dice, 2)) {
    EXPECT(pool_close(traces[1].pool), POOL_OK);
    EXPECT(pool_join(traces[1].pool, 0), POOL_OK);
  }
  EXPECT(pool_close_join(traces[1].pool), POOL_OK);
  free(traces);
  return true;
}

struct operation sequence_ops[] = {{"sequential pool", 2, 2, sequence, {0}}, {NULL, 0, 0, NULL, {0}}};
