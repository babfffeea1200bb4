/* What a pool of processes calls in and around its workers: initializer, finalizer, fork_fn, reseed. */
#include "procs.h"

#include <sys/resource.h>

enum { EVENTS = 400 };

struct event {
  int32_t pid;
  uint32_t worker;
  uint64_t seed;
  char what; /* 'f'ork, 'r'eseed, 'i'nitializer, 't'ask, 'z' finalizer */
};

/* What was called, in order; in memory that all processes share. */
struct record {
  atomic_int count;
  struct event events[EVENTS];
};
static struct record *record;

static void note(char what, uint32_t worker, uint64_t seed) {
  int at = atomic_fetch_add(&record->count, 1);
  if (at < EVENTS) {
    record->events[at] = (struct event){(int32_t)getpid(), worker, seed, what};
  }
}

static int noted(char what, int32_t pid) {
  int found = 0;
  for (int i = 0; i < atomic_load(&record->count) && i < EVENTS; i++) {
    found += record->events[i].what == what && (pid == 0 || record->events[i].pid == pid);
  }
  return found;
}

static char datum;
static int32_t outcome; /* of the initializer; workers see it as it is when they are made */

static int32_t initialize(void *worker_data, uint32_t worker) {
  CHECK(worker_data == &datum);
  note('i', worker, 0);
  if (outcome == 1000) {
    raise(SIGSEGV);
  }
  if (outcome == 1001) {
    _exit(5);
  }
  return outcome;
}

static void finalize(void *worker_data, uint32_t worker) {
  CHECK(worker_data == &datum);
  note('z', worker, 0);
}

static int32_t note_task(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  note('t', task->worker, 0);
  *(int32_t *)result = (int32_t)getpid();
  return 0;
}

static pool_options_t hooked(uint32_t workers) {
  pool_options_t options = processes(workers);
  options.initializer = initialize;
  options.finalizer = finalize;
  options.worker_data = &datum;
  if (record == NULL) {
    record = common(sizeof *record);
  }
  return options;
}

CASE(initializer_and_finalizer) {
  pool_options_t options = hooked(3);
  struct world world = world_now();
  pool_t *pool = new_pool_with(&options);
  CHECK_EQ(noted('i', 0), 3);
  CHECK_EQ(noted('i', (int32_t)getpid()), 0);
  for (uint32_t i = 0; i < 3; i++) {
    int32_t pid = pool_worker_pid(pool, i);
    CHECK(pid > 0);
    CHECK_EQ(noted('i', pid), 1);
  }
  for (int i = 0; i < 50; i++) {
    int32_t pid = 0;
    CHECK_OK(pool_apply(pool, note_task, NULL, 0, &pid, sizeof pid));
    CHECK_EQ(noted('i', pid), 1);
  }
  CHECK_EQ(noted('z', 0), 0);
  close_and_leave_nothing(pool, &world);
  CHECK_EQ(noted('i', 0), 3);
  CHECK_EQ(noted('z', 0), 3);
  unsigned numbers = 0;
  for (int i = 0; i < record->count; i++) {
    const struct event *event = &record->events[i];
    if (event->what == 'i') {
      numbers |= 1u << event->worker;
    }
    for (int j = 0; j < record->count; j++) {
      const struct event *other = &record->events[j];
      if (other->pid == event->pid) {
        CHECK_EQ(other->worker, event->worker);
        CHECK(event->what != 'i' || j >= i);
        CHECK(event->what != 'z' || j <= i);
      }
    }
  }
  CHECK_EQ(numbers, 7);
}

CASE(replaced_workers_are_initialized_and_finalized_too) {
  pool_options_t options = hooked(1);
  struct world world = world_now();
  options.max_tasks_per_worker = 4;
  pool_t *pool = new_pool_with(&options);
  int32_t pid = 0;
  for (int i = 0; i < 20; i++) {
    CHECK_OK(pool_apply(pool, note_task, NULL, 0, &pid, sizeof pid));
  }
  kill_idle(pid_of_a_worker(pool));
  CHECK_OK(pool_apply(pool, note_task, NULL, 0, &pid, sizeof pid));
  close_and_leave_nothing(pool, &world);
  CHECK(noted('i', 0) >= 6);
  CHECK_EQ(noted('z', 0), noted('i', 0) - 1);
  for (int i = 0; i < record->count; i++) {
    CHECK_EQ(noted('i', record->events[i].pid), 1);
  }
}

CASE(a_terminated_pool_is_soon_gone) {
  pool_options_t options = hooked(2);
  struct world world = world_now();
  pool_t *pool = new_pool_with(&options);
  CHECK_OK(pool_terminate(pool));
  close_and_leave_nothing(pool, &world);
  CHECK(noted('z', 0) <= 2);
}

CASE(an_initializer_that_fails_at_creation) {
  static const int32_t outcomes[][2] = {{1, 1},
                                        {77, 77},
                                        {INT32_MAX, INT32_MAX},
                                        {-1, POOL_ERR_INTERNAL},
                                        {POOL_ERR_CLOSED, POOL_ERR_INTERNAL},
                                        {1000, POOL_ERR_WORKER_DIED},
                                        {1001, POOL_ERR_WORKER_DIED}};
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  pool_options_t options = hooked(2);
  struct world world = world_now();
  for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
    pool_t *pool = NULL;
    outcome = outcomes[i][0];
    int before = noted('i', 0);
    CHECK_ERROR(pool_create_with(&options, &pool), outcomes[i][1]);
    CHECK(pool == NULL);
    int calls = noted('i', 0) - before;
    if (calls < 1 || calls > 10) {
      FAIL("an initializer that ends with %d was called %d times", outcome, calls);
    }
    if (outcome == 1000) {
      CHECK_HAS(pool_last_error(), "SIGSEGV");
    }
    world_is_back(&world);
  }
  outcome = 0;
  pool_t *pool = new_pool_with(&options);
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}

static atomic_int *switch_;

/* Fails as long as the switch says so. */
static int32_t initialize_by_switch(void *worker_data, uint32_t worker) {
  int how = atomic_load(switch_);
  (void)worker_data;
  note('i', worker, 0);
  if (how == 2) {
    raise(SIGKILL);
  }
  return how;
}

CASE(an_initializer_that_fails_later_is_a_crash_loop) {
  switch_ = common(4096);
  pool_options_t options = hooked(2);
  struct world world = world_now();
  options.initializer = initialize_by_switch;
  options.finalizer = NULL;
  pool_t *pool = new_pool_with(&options);
  for (int how = 1; how <= 2; how++) {
    pool_works(pool);
    atomic_store(switch_, how);
    for (uint32_t i = 0; i < 2; i++) {
      kill_idle(worker_process(pool, i));
    }
    EVENTUALLY(pool_apply(pool, nothing, NULL, 0, NULL, 0) == POOL_ERR_CRASH_LOOP);
    CHECK(strlen(pool_last_error()) > 3);
    int64_t args[3] = {1}, results[3];
    CHECK_ERROR(pool_map(pool, twice, args, 8, results, 8, 3), POOL_ERR_CRASH_LOOP);
    sleep_ms(50);
    int tries = atomic_load(&record->count);
    CHECK(tries < 200);
    sleep_ms(300);
    CHECK_EQ(atomic_load(&record->count), tries);
    CHECK(pool_refresh(pool) != POOL_OK);
    atomic_store(switch_, 0);
    CHECK_OK(pool_refresh(pool));
    pool_works(pool);
    pool_is_complete(pool);
  }
  close_and_leave_nothing(pool, &world);
}

/* What waits at that moment ends too. */
CASE(a_crash_loop_ends_what_is_queued) {
  switch_ = common(4096);
  pool_options_t options = hooked(1);
  struct world world = world_now();
  options.initializer = initialize_by_switch;
  options.finalizer = NULL;
  pool_t *pool = new_pool_with(&options);
  struct hold *hold = shared(pool, sizeof *hold);
  pool_future_t *futures[20];
  struct tally tally = {0, 0};
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    CHECK_OK(pool_apply_async(pool, hold_on, hold, 0, 0, count_call, &tally, &futures[i]));
  }
  EVENTUALLY(atomic_load(&hold->running) == 1);
  atomic_store(switch_, 2);
  CHECK_EQ(kill(hold->pid, SIGKILL), 0);
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    CHECK_FUTURE(futures[i], i == 0 ? POOL_ERR_WORKER_DIED : POOL_ERR_CRASH_LOOP);
    CHECK_OK(pool_future_release(futures[i]));
  }
  EVENTUALLY(atomic_load(&tally.calls) == (int)COUNT_OF(futures));
  close_and_leave_nothing(pool, &world);
}

/* ---- fork_fn ---- */

static int32_t fork_and_note(void *worker_data) {
  CHECK(worker_data == &datum);
  note('f', 0, 0);
  return (int32_t)fork();
}

CASE(fork_fn) {
  pool_options_t options = hooked(3);
  struct world world = world_now();
  options.initializer = NULL;
  options.finalizer = NULL;
  options.fork_fn = fork_and_note;
  pool_t *pool = new_pool_with(&options);
  pool_is_complete(pool);
  pid_t zygote = parent_of(worker_process(pool, 0), NULL);
  CHECK_EQ(noted('f', (int32_t)getpid()), 1);
  CHECK_EQ(noted('f', (int32_t)zygote), 3);
  CHECK_EQ(record->events[0].pid, (int32_t)getpid());
  kill_idle(worker_process(pool, 0));
  EVENTUALLY(noted('f', (int32_t)zygote) == 4);
  CHECK_OK(pool_refresh(pool));
  pool_works(pool);
  CHECK_EQ(noted('f', (int32_t)getpid()), 2);
  close_and_leave_nothing(pool, &world);
  CHECK_EQ(noted('f', (int32_t)getpid()), 2);
}

static int32_t refuse_to_fork(void *worker_data) {
  (void)worker_data;
  errno = EAGAIN;
  return -1;
}

static pid_t the_host;

static int32_t fork_only_in_the_host(void *worker_data) {
  return getpid() == the_host ? (int32_t)fork() : refuse_to_fork(worker_data);
}

CASE(a_fork_fn_that_fails) {
  struct world world = world_now();
  pool_options_t options = processes(2);
  pool_t *pool = NULL;
  options.fork_fn = refuse_to_fork;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_SYSTEM);
  CHECK(pool == NULL);
  world_is_back(&world);
  the_host = getpid();
  options.fork_fn = fork_only_in_the_host;
  int32_t status = pool_create_with(&options, &pool);
  if (status == POOL_OK) {
    status = pool_apply(pool, nothing, NULL, 0, NULL, 0);
    CHECK_OK(pool_close_join(pool));
  }
  CHECK(status == POOL_ERR_SYSTEM || status == POOL_ERR_CRASH_LOOP || status == POOL_ERR_BROKEN);
  world_is_back(&world);
}

/* ---- reseed ---- */

static void reseed(uint64_t seed, void *worker_data, uint32_t worker) {
  CHECK(worker_data == &datum);
  note('r', worker, seed);
}

CASE(reseed_each_worker) {
  pool_options_t options = hooked(3);
  struct world world = world_now();
  options.reseed = reseed;
  pool_t *pool = new_pool_with(&options);
  for (int round = 0; round < 4; round++) {
    pool_is_complete(pool);
    pool_works(pool);
    kill_idle(worker_process(pool, (uint32_t)round % 3));
  }
  pool_is_complete(pool);
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
  CHECK(noted('r', 0) >= 7);
  CHECK_EQ(noted('r', (int32_t)getpid()), 0);
  for (int i = 0; i < record->count; i++) {
    const struct event *event = &record->events[i];
    CHECK_EQ(noted('r', event->pid), 1);
    for (int j = 0; j < record->count; j++) {
      const struct event *other = &record->events[j];
      CHECK(event->what != 'r' || other->what != 'r' || i == j || other->seed != event->seed);
      CHECK(event->what != 'r' || other->pid != event->pid || j >= i);
    }
  }
}
