/* Workers, and the process that makes them, are killed; the program forks. */
#include "tester.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Kills a process of the pool and no other that may have got its number: `still` says whether the number is right
 * once the process is held. */
static bool kill_held(struct pool_model *model, pid_t pid, uint32_t worker, atomic_uint *before) {
  int held = (int)syscall(SYS_pidfd_open, pid, 0);
  if (held < 0) {
    return false;
  }
  bool right = worker == UINT32_MAX || pool_worker_pid(model->pool, worker) == pid;
  if (right) {
    atomic_store(&model->killed_ms, now_ms());
    atomic_fetch_add(before, 1);
    (void)syscall(SYS_pidfd_send_signal, held, SIGKILL, NULL, 0);
  }
  close(held);
  return right;
}

static bool kill_worker(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  uint32_t worker = roll(&actor->dice, atomic_load(&model->most_workers) + model->options.spare_workers);
  int32_t pid = pool_worker_pid(model->pool, worker);
  if (pid <= 0) {
    CHECK(pid == 0 || worker >= model->workers || atomic_load(&model->resizes) > 0);
    return false;
  }
  note(actor, " %u, process %d", worker, pid);
  if (!kill_held(model, pid, worker, &model->kills)) {
    return false;
  }
  count(T_KILLS, 1);
  return true;
}

/* The zygote is a child of this program, so that its number stays its own until it was waited for. */
static bool kill_zygote(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  int32_t worker = pool_worker_pid(model->pool, 0);
  pid_t zygote = worker > 0 ? parent_of(worker) : -1;
  if (zygote <= 1 || parent_of(zygote) != world.host || atomic_load(&model->broken)) {
    return false;
  }
  note(actor, " %d", (int)zygote);
  atomic_store(&model->broken, 1);
  if (pool_worker_pid(model->pool, 0) != worker || !kill_held(model, zygote, UINT32_MAX, &model->zygote_kills)) {
    atomic_store(&model->broken, 0);
    return false;
  }
  count(T_ZYGOTE_KILLS, 1);
  if (one_in(&actor->dice, 2)) {
    sleep_us(roll(&actor->dice, 20000));
    mend(model);
  }
  return true;
}

static bool refresh(struct actor *actor) {
  struct pool_model *model = any_pool(actor);
  if (!model->processes) {
    if (!atomic_load(&model->closing)) {
      int32_t status = pool_refresh(model->pool);
      CHECK(status == POOL_OK || (status == POOL_ERR_CLOSED && atomic_load(&model->closing)));
    }
    return true;
  }
  mend(model);
  return true;
}

/* ---- A child that the program forks ---- */

static void is_forked(int32_t status) {
  EXPECT(status, POOL_ERR_FORKED);
}

static int32_t one(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  *(int32_t *)result = *(const int32_t *)arg + 1;
  return 0;
}

static void in_the_child(struct actor *actor, struct record *record) {
  struct pool_model *model = any_pool(actor);
  pool_t *pool = model->pool;
  int32_t number = 1, result = 0;
  bool was_ready = record != NULL && atomic_load(&record->status) != UNSEEN;
  alarm(60);
  is_forked(pool_apply(pool, one, &number, 4, &result, 4));
  is_forked(pool_apply_async(pool, one, &number, 4, 4, must_not_be_called, NULL, NULL));
  is_forked(pool_map(pool, one, &number, 4, &result, 4, 1));
  is_forked(pool_close(pool));
  is_forked(pool_join(pool, roll_timeout(&actor->dice)));
  is_forked(pool_terminate(pool));
  is_forked(pool_workers(pool));
  is_forked(pool_worker_pid(pool, 0));
  is_forked(pool_refresh(pool));
  is_forked(pool_close_join(pool));
  CHECK(pool_shared_alloc(pool, 100) == NULL);
  if (record != NULL) {
    int32_t status = pool_future_wait(record->future, roll_timeout(&actor->dice));
    CHECK(status == POOL_ERR_FORKED || status == POOL_OK);
    CHECK(!was_ready || status == POOL_OK);
    EXPECT(pool_future_release(record->future), POOL_OK);
  }
  pool_options_t options = POOL_OPTIONS_INIT;
  pool_t *fresh = NULL;
  options.mode = one_in(&actor->dice, 2) ? POOL_PROCESSES : POOL_THREADS;
  options.workers = 2;
  EXPECT(pool_create_with(&options, &fresh), POOL_OK);
  EXPECT(map_some(fresh, &actor->dice), POOL_OK);
  EXPECT(pool_close_join(fresh), POOL_OK);
  if (one_in(&actor->dice, 2)) {
    EXPECT(map_some(pool_default(), &actor->dice), POOL_OK);
  }
  _exit(0);
}

static bool fork_the_host(struct actor *actor) {
  struct record *record = any_record(actor);
  if (world.asan) { /* In a child its allocator may have a lock that another thread held. */
    return false;
  }
  if (record != NULL && !record_borrow(record)) {
    record = NULL;
  }
  pid_t child = fork();
  if (child == 0) {
    in_the_child(actor, record);
  }
  CHECK(child > 0);
  note(actor, " child %d", (int)child);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    CHECK(errno == EINTR);
  }
  look_for_violations();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    FAIL("a forked child ended with status %x", (unsigned)status);
  }
  if (record != NULL) {
    record_give_back(record);
  }
  count(T_FORKS, 1);
  return true;
}

struct operation fault_ops[] = {{"kill a worker", 0, 10, kill_worker, {0}},
                                {"kill the zygote", 0, 1, kill_zygote, {0}},
                                {"refresh", 1, 3, refresh, {0}},
                                {"fork the host", 2, 1, fork_the_host, {0}},
                                {NULL, 0, 0, NULL, {0}}};
