/* One round: a pool that all actors share, pools of their own, some steps of each, and the end of everything. */
#include "tester.h"

#include <dirent.h>
#include <sys/wait.h>
#include <time.h>

struct world world;
_Thread_local struct actor *self;
static pthread_mutex_t surgery = PTHREAD_MUTEX_INITIALIZER;

long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_us(long us) {
  struct timespec left = {us / 1000000, us % 1000000 * 1000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

pid_t parent_of(pid_t pid) {
  char path[64], text[512] = "";
  int parent = -1;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    return -1;
  }
  size_t got = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  const char *rest = got > 0 ? strrchr(text, ')') : NULL;
  return rest != NULL && sscanf(rest, ") %*c %d", &parent) == 1 ? parent : -1;
}

/* ---- Pools ---- */

struct pool_model *pool_made(struct dice *dice, bool processes) {
  struct pool_model *model = ledger_pool();
  if (model == NULL) {
    return NULL;
  }
  pool_options_t options = POOL_OPTIONS_INIT;
  model->processes = processes;
  model->plain = one_in(dice, 3);
  model->workers = options.workers = 1 + roll(dice, processes ? 3 : 4);
  options.callbacks = (int32_t)roll(dice, 3);
  options.worker_data = model;
  options.name = one_in(dice, 2) ? "tester" : NULL;
  if (one_in(dice, 3)) {
    options.initializer = worker_starts;
    options.finalizer = worker_ends;
  }
  if (one_in(dice, 4)) {
    options.stack_size = (128u + roll(dice, 512)) << 10;
  }
  if (processes) {
    options.mode = POOL_PROCESSES;
    options.max_tasks_per_worker = one_in(dice, 3) ? 1 + roll(dice, 20) : 0;
    options.spare_workers = one_in(dice, 3) ? 1 + roll(dice, 2) : 0;
    options.task_timeout_ms = one_in(dice, 5) ? 5 + roll(dice, 100) : 0;
    options.nice = one_in(dice, 8) ? 1 : 0;
    options.pin_workers = one_in(dice, 8);
  } else if (one_in(dice, 4)) {
    options.max_blocked = 1 + roll(dice, 3);
  }
  options.max_workers = one_in(dice, 3) ? options.workers + roll(dice, 3) : 0;
  if (one_in(dice, 4)) {
    options.max_pending = 1 + roll(dice, 12);
    bool inline_too = !processes && options.initializer == NULL;
    options.when_full = (int32_t)roll(dice, inline_too ? 3 : 2);
  }
  model->options = options;
  atomic_store(&model->most_workers, model->workers);
  EXPECT(pool_create_with(&options, &model->pool), POOL_OK);
  CHECK(model->pool != NULL);
  CHECK(pool_workers(model->pool) == (int32_t)model->workers);
  count(T_POOLS, 1);
  return model;
}

struct pool_model *any_pool(struct actor *actor) {
  return actor->own != NULL && one_in(&actor->dice, 2) ? actor->own : world.main;
}

struct record *any_record(struct actor *actor) {
  return actor->live_count == 0 ? NULL : actor->live[roll(&actor->dice, actor->live_count)];
}

/* After a kill of the zygote, or when workers have died too fast. */
void mend(struct pool_model *model) {
  pthread_mutex_lock(&surgery);
  for (;;) {
    int32_t status = pool_refresh(model->pool);
    if (status == POOL_OK) {
      atomic_store(&model->broken, 0);
      atomic_fetch_add(&model->refreshes, 1);
      count(T_REFRESHES, 1);
      break;
    }
    if (status == POOL_ERR_CLOSED && atomic_load(&model->closing)) {
      break;
    }
    /* An initializer whose worker is killed. */
    if (model->options.initializer == NULL || atomic_load(&model->kills) == 0 ||
        (status != POOL_ERR_WORKER_DIED && status != POOL_ERR_CRASH_LOOP)) {
      FAIL("pool_refresh: %d (%s): %s", status, pool_status_name(status), pool_last_error());
    }
  }
  pthread_mutex_unlock(&surgery);
}

/* One worker is a serial queue: what one thread has submitted starts in that order. */
static void check_order(const struct pool_model *model) {
  unsigned later[MOST_ACTORS + 1][3]; /* by priority */
  memset(later, 0xff, sizeof later);
  for (struct record *record = atomic_load(&world.records); record != NULL; record = record->next) {
    unsigned ticket = atomic_load(&record->row->ticket);
    if (record->model != model || !record->submitted || record->inside || record->map || record->awaited ||
        ticket == 0) {
      continue;
    }
    unsigned *next = &later[record->submitter][record->priority - POOL_PRIORITY_LOW];
    if (ticket > *next) {
      FAIL("task %u (turn %u of thread %u) started as number %u, after an equal that was submitted later",
           record->order.row, record->turn, record->submitter, ticket);
    }
    *next = ticket;
  }
}

static void check_pool(struct pool_model *model) {
  atomic_store(&model->freed, 1);
  records_check(model);
  CHECK(atomic_load(&model->called) == atomic_load(&model->due));
  CHECK(atomic_load(&model->in_callback) == 0);
  if (model->processes || model->options.callbacks != POOL_CALLBACKS_INLINE) {
    CHECK(model->serial == atomic_load(&model->called));
  }
  if (model->processes) {
    CHECK(atomic_load(&model->finals) <= atomic_load(&model->starts));
    if (atomic_load(&model->died) > atomic_load(&model->kills)) {
      FAIL("%u tasks died of %u kills", model->died, model->kills);
    }
  } else {
    CHECK(atomic_load(&model->running) == 0);
    CHECK(atomic_load(&model->finals) == atomic_load(&model->starts));
  }
  if (model->workers == 1 && model->plain && atomic_load(&model->resizes) == 0 &&
      model->options.when_full != POOL_FULL_RUN_INLINE) {
    check_order(model);
  }
}

/* Of a pool at rest: all calls have ended, and each count agrees with the ledger. */
static void check_stats(const struct pool_model *model) {
  pool_stats_t stats = POOL_STATS_INIT;
  EXPECT(pool_stats(model->pool, &stats), POOL_OK);
  unsigned accepted = atomic_load(&model->accepted), tickets = atomic_load(&model->tickets);
  if (stats.submitted < accepted || stats.ended != stats.submitted || stats.queued + stats.held != 0 ||
      stats.running != 0 || stats.failed + stats.cancelled > stats.ended ||
      stats.deaths > tickets + model->kills + 64) {
    FAIL("stats of a pool at rest: %llu submitted, %llu ended, %llu queued, %llu held, %u running, %llu failed, %llu "
         "cancelled, %llu deaths; accepted %u, started %u, kills %u",
         (unsigned long long)stats.submitted, (unsigned long long)stats.ended, (unsigned long long)stats.queued,
         (unsigned long long)stats.held, stats.running, (unsigned long long)stats.failed,
         (unsigned long long)stats.cancelled, (unsigned long long)stats.deaths, accepted, tickets, model->kills);
  }
}

void close_in_some_way(struct pool_model *model, struct dice *dice) {
  uint32_t how = roll(dice, 6);
  pool_t *pool = model->pool;
  if (how == 5 && !atomic_load(&model->closing)) {
    EXPECT(pool_join(pool, -1), POOL_ERR_INVALID);
  }
  if (how == 3) {
    atomic_store(&model->closing, 1);
    atomic_store(&model->terminating, 1);
    EXPECT(pool_terminate(pool), POOL_OK);
    atomic_store(&model->terminated, 1);
    count(T_TERMINATES, 1);
  }
  atomic_store(&model->closing, 1);
  if (how >= 1 && how <= 3) {
    EXPECT(pool_close(pool), POOL_OK);
    atomic_store(&model->closed, 1);
  }
  if (how == 1) {
    EXPECT(pool_join(pool, -1), POOL_OK);
    EXPECT(pool_join(pool, 0), POOL_OK);
  } else if (how == 2 || how == 3) {
    int32_t status = POOL_ERR_TIMEOUT;
    for (int i = 0; i < 3 && status == POOL_ERR_TIMEOUT; i++) {
      status = pool_join(pool, roll(dice, 5));
    }
    if (status != POOL_ERR_TIMEOUT) {
      EXPECT(status, POOL_OK);
    }
  } else if (how == 4) {
    EXPECT(pool_close(pool), POOL_OK);
    EXPECT(pool_close(pool), POOL_OK);
    atomic_store(&model->terminating, 1);
    EXPECT(pool_terminate(pool), POOL_OK);
    EXPECT(pool_terminate(pool), POOL_OK);
    count(T_TERMINATES, 2);
  }
  if (model->options.callbacks != POOL_CALLBACKS_POLLED && one_in(dice, 2)) {
    EXPECT(pool_close(pool), POOL_OK);
    EXPECT(pool_join(pool, -1), POOL_OK);
    check_stats(model);
  }
  EXPECT(pool_close_join(pool), POOL_OK);
  check_pool(model);
}

/* ---- Steps ---- */

static struct operation *roll_operation(struct dice *dice) {
  static unsigned sums[2];
  unsigned *sum = &sums[world.processes];
  unsigned all = 0;
  struct operation *operation;
  for (uint32_t i = 0; *sum == 0 && (operation = operation_at(i)) != NULL; i++) {
    all += world.processes ? operation->processes : operation->threads;
  }
  if (*sum == 0) {
    *sum = all; /* The same whoever computes it. */
  }
  uint32_t face = roll(dice, *sum);
  for (uint32_t i = 0;; i++) {
    operation = operation_at(i);
    unsigned weight = world.processes ? operation->processes : operation->threads;
    if (face < weight) {
      return operation;
    }
    face -= weight;
  }
}

void print_plan(uint32_t round, bool processes) {
  world.processes = processes;
  for (uint32_t actor = 0; actor < world.actors; actor++) {
    for (uint32_t step = 0; step < world.steps; step++) {
      struct dice dice = dice_of(world.seed, round, actor, step);
      printf("thread %u, step %u: %s\n", actor, step, roll_operation(&dice)->name);
    }
  }
}

static struct step *begin_step(struct actor *actor, uint32_t number, const char *operation) {
  struct step *step = &actor->steps[number % STEPS_KEPT];
  step->text[0] = 0;
  step->number = number;
  step->operation = operation;
  actor->step = number;
  atomic_store(&actor->since_ms, now_ms());
  return step;
}

static void take_step(struct actor *actor, uint32_t number) {
  actor->dice = dice_of(world.seed, world.round, actor->number, number);
  for (int tries = 0; tries < 10; tries++) {
    struct operation *operation = roll_operation(&actor->dice);
    begin_step(actor, number, operation->name);
    bool done = operation->run(actor);
    atomic_store(&actor->since_ms, 0);
    if (done) {
      atomic_fetch_add(&operation->times[world.processes], 1);
      count(T_STEPS, 1);
      return;
    }
  }
}

/* What the actor has in mind: waited for, or let go, or kept until the pool is gone. */
static void come_to_an_end(struct actor *actor) {
  actor->dice = dice_of(world.seed, world.round, actor->number, world.steps);
  begin_step(actor, world.steps, "end");
  for (uint32_t i = 0; i < actor->live_count; i++) {
    struct record *record = actor->live[i];
    uint32_t how = roll(&actor->dice, 3);
    if (how == 0 && record_borrow(record)) {
      record->awaited = true;
      note(actor, ", waits for %u", record->order.row);
      EXPECT(pool_future_wait(record->future, -1), POOL_OK);
      judge(record, pool_future_status(record->future), pool_future_message(record->future), "at the end");
      record_give_back(record);
    } else if (how == 1) {
      record_release(record);
    }
  }
  if (actor->own != NULL) {
    note(actor, ", closes its pool");
    close_in_some_way(actor->own, &actor->dice);
    actor->own = NULL;
  }
  atomic_store(&actor->since_ms, 0);
}

static void *act(void *data) {
  struct actor *actor = data;
  self = actor;
  for (uint32_t step = 0; step < world.steps; step++) {
    take_step(actor, step);
    look_for_violations();
  }
  come_to_an_end(actor);
  return NULL;
}

/* ---- The whole ---- */

static int entries_in(const char *path) {
  int many = 0;
  DIR *folder = opendir(path);
  CHECK(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    many += entry->d_name[0] != '.';
  }
  closedir(folder);
  return many;
}

/* Descriptors and children are as before; the default pool keeps what it has. */
static void check_leftovers(int fds) {
  for (int i = 0; i < 2000 && (entries_in("/proc/self/fd") > fds || waitpid(-1, NULL, WNOHANG) >= 0); i++) {
    sleep_us(5000);
  }
  if (entries_in("/proc/self/fd") > fds) {
    FAIL("%d descriptors are open, %d were", entries_in("/proc/self/fd"), fds);
  }
  CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

void run_round(uint32_t round, bool processes) {
  struct dice dice = dice_of(world.seed, round, UINT32_MAX, 0);
  world.round = round;
  world.processes = processes;
  memset(world.actor, 0, sizeof world.actor);
  world.last_third = world.steps * 2 / 3;
  ledger_clear(round);
  self = &world.actor[world.actors];
  self->number = world.actors;
  int fds = entries_in("/proc/self/fd");
  begin_step(self, 0, "makes the pool");
  world.main = pool_made(&dice, processes);
  begin_step(self, 1, "lets the others act");
  atomic_store(&self->since_ms, 0);
  for (uint32_t i = 0; i < world.actors; i++) {
    world.actor[i].number = i;
    pthread_mutex_init(&world.actor[i].lock, NULL);
    if (pthread_create(&world.actor[i].thread, NULL, act, &world.actor[i]) != 0) {
      FAIL("no thread");
    }
  }
  for (uint32_t i = 0; i < world.actors; i++) {
    pthread_join(world.actor[i].thread, NULL);
  }
  begin_step(self, 2, "closes the pool");
  close_in_some_way(world.main, &dice);
  begin_step(self, 3, "looks for what is left");
  records_check(NULL);
  records_free();
  EXPECT(pool_spawned_join(-1), POOL_OK); /* Gives back what the last ones took. */
  check_leftovers(fds);
  look_for_violations();
  atomic_store(&self->since_ms, 0);
  count(T_ROUNDS, 1);
}
