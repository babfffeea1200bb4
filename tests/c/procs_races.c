/* Pools of processes: steps that cross each other. Cancelled tasks in the queue, spare workers that die or step in,
 * refreshes that meet a close, workers that die young, the end of a pool amid a map. */
#include "procs.h"

#include <sys/time.h>

/* As many tasks as the workers' queue holds of a small pool, and more. */
enum { MANY = 1100, MORE = 2500 };

/* ---- Cancelled tasks ---- */

static pool_future_t *submit(pool_t *pool, int64_t arg) {
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, twice, &arg, sizeof arg, sizeof arg, NULL, NULL, &future));
  return future;
}

static void is_twice(pool_future_t *future, int64_t arg, int64_t timeout_ms) {
  int64_t result = -1;
  CHECK_OK(pool_future_get(future, &result, sizeof result, timeout_ms));
  CHECK_EQ(result, arg * 2);
  CHECK_OK(pool_future_release(future));
}

/* One after the other, so that a place is free for each, but what is said of them before stays in the queue. */
CASE(a_queue_full_of_what_was_cancelled) {
  struct world world = world_now();
  pool_t *pool = process_pool(1);
  for (int round = 0; round < 3; round++) {
    struct hold *hold = shared(pool, sizeof *hold);
    pool_future_t *running = hold_worker(pool, hold), *before = submit(pool, 1);
    for (int i = 0; i < MANY; i++) {
      pool_future_t *cancelled = submit(pool, i);
      CHECK_EQ(pool_future_cancel(cancelled), 1);
      CHECK_OK(pool_future_release(cancelled));
    }
    pool_future_t *last = submit(pool, 7);
    atomic_store(&hold->go, 1);
    CHECK_FUTURE(running, POOL_OK);
    CHECK_OK(pool_future_release(running));
    is_twice(last, 7, round == 0 ? 50000 : -1);
    is_twice(before, 1, -1);
    CHECK_OK(pool_shared_free(pool, hold));
  }
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}

static void cancel_many(size_t cancelled, bool with_callbacks) {
  struct world world = world_now();
  struct tally tally = {0, 0};
  pool_t *pool = process_pool(2);
  struct hold *hold = shared(pool, sizeof *hold);
  pool_future_t *first = hold_worker(pool, hold), *second = hold_worker(pool, hold), *futures[MORE];
  for (size_t i = 0; i < MORE; i++) {
    int64_t arg = (int64_t)i;
    CHECK_OK(pool_apply_async(pool, twice, &arg, 8, 8, with_callbacks ? count_call : NULL, &tally, &futures[i]));
  }
  for (size_t i = 0; i < cancelled; i++) {
    CHECK_EQ(pool_future_cancel(futures[i]), 1);
    CHECK_OK(pool_future_release(futures[i]));
  }
  atomic_store(&hold->go, 1);
  for (size_t i = MORE; i > cancelled; i--) {
    is_twice(futures[i - 1], (int64_t)i - 1, 50000);
  }
  CHECK_OK(pool_future_release(first));
  CHECK_OK(pool_future_release(second));
  close_and_leave_nothing(pool, &world);
  CHECK_EQ(tally.calls, with_callbacks ? MORE : 0);
}

/* Those that the workers knew of are cancelled; the others wait for their places. */
CASE(cancelled_while_others_wait_in_the_queue) {
  cancel_many(1024, false);
  cancel_many(1024, true);
  cancel_many(1500, false);
}

CASE(all_that_waits_is_cancelled) {
  cancel_many(MORE, false);
  cancel_many(MORE, true);
}

/* No worker is ready yet, so that none of them takes anything from the queue. */
static void reseed_slowly(uint64_t seed, void *data, uint32_t worker) {
  (void)seed;
  (void)data;
  (void)worker;
  sleep_ms(300);
}

CASE(all_is_cancelled_before_a_worker_is_ready) {
  for (size_t cancelled = 1024; cancelled <= MORE; cancelled += MORE - 1024) {
    struct world world = world_now();
    pool_options_t options = processes(2);
    options.reseed = reseed_slowly;
    pool_t *pool = new_pool_with(&options);
    pool_future_t *futures[MORE];
    for (size_t i = 0; i < MORE; i++) {
      futures[i] = submit(pool, (int64_t)i);
    }
    for (size_t i = 0; i < cancelled; i++) {
      CHECK_EQ(pool_future_cancel(futures[i]), 1);
    }
    for (size_t i = 0; i < MORE; i++) {
      CHECK_FUTURE(futures[i], i < cancelled ? POOL_ERR_CANCELLED : POOL_OK);
      CHECK_OK(pool_future_release(futures[i]));
    }
    close_and_leave_nothing(pool, &world);
  }
}

/* ---- How many run at a time ---- */

/* One at a time, in a pool of one worker. */
static void runs_alone(pool_t *pool, struct headcount *heads) {
  pool_future_t *futures[10];
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    CHECK_OK(pool_apply_async(pool, enter_and_leave, heads, 0, 0, NULL, NULL, &futures[i]));
  }
  for (size_t i = 0; i < COUNT_OF(futures); i++) {
    CHECK_FUTURE(futures[i], POOL_OK);
    CHECK_OK(pool_future_release(futures[i]));
  }
  CHECK_EQ(atomic_load(&heads->most), 1);
}

CASE(a_parked_spare_dies_in_a_pool_of_one) {
  struct world world = world_now();
  pool_options_t options = processes(1);
  options.spare_workers = 2;
  pool_t *pool = new_pool_with(&options);
  struct headcount *heads = shared(pool, sizeof *heads);
  for (uint32_t i = 0; i < 6; i++) {
    pid_t worker = worker_process(pool, 0), spare = worker_process(pool, 1 + i % 2);
    CHECK_EQ(pid_of_a_worker(pool), worker);
    kill_idle(spare);
    EVENTUALLY(pool_worker_pid(pool, 1 + i % 2) != spare);
    runs_alone(pool, heads);
    worker_process(pool, 1 + i % 2);
    CHECK_EQ(worker_process(pool, 0), worker);
    CHECK_EQ(pid_of_a_worker(pool), worker);
  }
  runs_alone(pool, heads);
  close_and_leave_nothing(pool, &world);
}

CASE(refresh_while_the_only_worker_is_busy_and_has_a_spare) {
  struct world world = world_now();
  pool_options_t options = processes(1);
  options.spare_workers = 1;
  pool_t *pool = new_pool_with(&options);
  for (int round = 0; round < 6; round++) {
    struct hold *hold = shared(pool, sizeof *hold);
    struct headcount *heads = shared(pool, sizeof *heads);
    pool_future_t *running = hold_worker(pool, hold), *waits = NULL;
    CHECK_OK(pool_apply_async(pool, enter_and_leave, heads, 0, 0, NULL, NULL, &waits));
    CHECK_OK(pool_refresh(pool));
    CHECK_ERROR(pool_future_wait(waits, 60), POOL_ERR_TIMEOUT);
    CHECK_EQ(atomic_load(&heads->most), 0);
    CHECK_EQ(pool_future_ready(running), 0);
    atomic_store(&hold->go, 1);
    CHECK_FUTURE(running, POOL_OK);
    CHECK_FUTURE(waits, POOL_OK);
    runs_alone(pool, heads);
    CHECK(pid_of_a_worker(pool) != hold->pid);
    CHECK_OK(pool_future_release(running));
    CHECK_OK(pool_future_release(waits));
    CHECK_OK(pool_shared_free(pool, hold));
    CHECK_OK(pool_shared_free(pool, heads));
  }
  close_and_leave_nothing(pool, &world);
}

/* ---- Workers that die young ---- */

/* Once it is on, new workers have a few milliseconds to live. */
static int32_t wind_up(void *data, uint32_t worker) {
  struct itimerval soon = {{0, 0}, {0, 3000}};
  (void)worker;
  if (atomic_load((atomic_int *)data)) {
    setitimer(ITIMER_REAL, &soon, NULL);
  }
  return 0;
}

/* Returns when there has been no worker for some time. Nothing is submitted meanwhile: a task that gets through would
 * show that the workers are of use. */
static void wait_for_the_loop(pool_t *pool) {
  for (int without = 0; without < 500; without++) {
    sleep_ms(1);
    if (pool_worker_pid(pool, 0) != 0) {
      without = 0;
    }
  }
}

CASE(workers_that_die_young_become_a_crash_loop) {
  struct world world = world_now();
  atomic_int *on = common(4096);
  world.mappings++;
  pool_options_t options = processes(1);
  options.initializer = wind_up;
  options.worker_data = on;
  pool_t *pool = new_pool_with(&options);
  pool_works(pool);
  atomic_store(on, 1);
  kill_idle(worker_process(pool, 0));
  do {
    wait_for_the_loop(pool);
  } while (pool_apply(pool, nothing, NULL, 0, NULL, 0) != POOL_ERR_CRASH_LOOP);
  pool_future_t *future = NULL;
  int64_t arg = 1;
  CHECK_ERROR(pool_apply(pool, twice, &arg, 8, &arg, 8), POOL_ERR_CRASH_LOOP);
  CHECK_ERROR(pool_apply_async(pool, twice, &arg, 8, 8, must_not_be_called, NULL, &future), POOL_ERR_CRASH_LOOP);
  CHECK_ERROR(pool_map(pool, twice, &arg, 8, &arg, 8, 1), POOL_ERR_CRASH_LOOP);
  atomic_store(on, 0);
  CHECK_OK(pool_refresh(pool));
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}

/* ---- The end of the pool ---- */

static int32_t succeed(void *data, uint32_t worker) {
  (void)data;
  (void)worker;
  return 0;
}

static void *refresh_until_closed(void *pool) {
  int32_t status = POOL_OK;
  while (status == POOL_OK) {
    status = pool_refresh(pool);
  }
  CHECK_STATUS(status, POOL_ERR_CLOSED);
  return NULL;
}

CASE(refreshes_meet_a_close) {
  struct world world = world_now();
  for (int round = 0; round < (int)scaled(24); round++) {
    pool_options_t options = processes(2);
    options.initializer = round % 2 ? succeed : NULL;
    pool_t *pool = new_pool_with(&options);
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
      threads[i] = check_thread(refresh_until_closed, pool);
    }
    sleep_ms(round % 11);
    CHECK_OK(round % 3 == 2 ? pool_terminate(pool) : pool_close(pool));
    CHECK_OK(pool_join(pool, 50000));
    CHECK_EQ(pool_worker_pid(pool, 0), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
      pthread_join(threads[i], NULL);
    }
    close_and_leave_nothing(pool, &world);
  }
}

enum { WIDE = 64, ITEMS = 16000 };

/* An item that would keep a worker far longer than the case may take. */
static int32_t take_for_ever(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  sleep_ms(600000);
  return 0;
}

struct map {
  pool_t *pool;
  char *args;
  int32_t status;
};

static void *map_for_ever(void *data) {
  struct map *map = data;
  map->status = pool_map(map->pool, take_for_ever, map->args, (size_t)WIDE * 1000, NULL, 0, ITEMS / 1000);
  return NULL;
}

/* Its pieces are on their way while the pool is terminated: those that come too late are not run. */
CASE(terminate_meets_the_pieces_of_a_map) {
  struct world world = world_now();
  char *args = calloc(ITEMS, WIDE);
  CHECK(args != NULL);
  for (unsigned round = 0; round < scaled(120); round++) {
    struct map map = {process_pool(2), args, 1};
    pthread_t thread = check_thread(map_for_ever, &map);
    struct timespec moment = {0, (long)(round * 7919 % 400) * 1000};
    nanosleep(&moment, NULL);
    CHECK_OK(pool_terminate(map.pool));
    CHECK_OK(pool_join(map.pool, 50000));
    pthread_join(thread, NULL);
    CHECK(map.status == POOL_ERR_TERMINATED || map.status == POOL_ERR_CLOSED);
    CHECK_OK(pool_close_join(map.pool));
  }
  free(args);
  world_is_back(&world);
}

/* The same with a map that is cancelled: the pool has nothing to do, and can be closed. */
CASE(cancel_meets_the_pieces_of_a_map) {
  struct world world = world_now();
  char *args = calloc(ITEMS, WIDE);
  CHECK(args != NULL);
  pool_t *pool = process_pool(2);
  for (unsigned round = 0; round < scaled(120); round++) {
    pool_future_t *future = NULL;
    CHECK_OK(
        pool_map_async(pool, take_for_ever, args, (size_t)WIDE * 1000, NULL, 0, ITEMS / 1000, NULL, NULL, &future));
    struct timespec moment = {0, (long)(round * 7919 % 400) * 1000};
    nanosleep(&moment, NULL);
    CHECK_EQ(pool_future_kill(future), 1);
    CHECK_FUTURE(future, POOL_ERR_CANCELLED);
    CHECK_OK(pool_future_release(future));
  }
  pool_works(pool);
  free(args);
  close_and_leave_nothing(pool, &world);
}

/* ---- A submission crosses the zygote's death ---- */

static char *guarded;
static volatile pid_t zygote;

/* The library reads the argument: the zygote dies right now. */
static void kill_the_zygote(int signal) {
  struct timespec while_it_dies = {0, 200000000};
  (void)signal;
  kill(zygote, SIGKILL);
  nanosleep(&while_it_dies, NULL);
  mprotect(guarded, 4096, PROT_READ | PROT_WRITE);
}

CASE(a_submission_meets_the_death_of_the_zygote) {
  struct world world = world_now();
  struct sigaction action, former;
  memset(&action, 0, sizeof action);
  action.sa_handler = kill_the_zygote;
  guarded = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK((void *)guarded != MAP_FAILED);
  CHECK_EQ(sigaction(SIGSEGV, &action, &former), 0);
  pool_t *pool = process_pool(1);
  for (int round = 0; round < 4; round++) {
    struct tally tally = {0, 0};
    pool_future_t *future = NULL;
    pool_works(pool);
    CHECK_EQ(mprotect(guarded, 4096, PROT_NONE), 0);
    zygote = parent_of(worker_process(pool, 0), NULL);
    CHECK(zygote > 1 && zygote != getpid());
    int32_t status = pool_apply_async(pool, twice, guarded, 8, 8, count_call, &tally, &future);
    if (status == POOL_OK) {
      CHECK_FUTURE(future, POOL_ERR_BROKEN);
      CHECK_OK(pool_future_release(future));
      EVENTUALLY(atomic_load(&tally.calls) == 1);
    } else {
      CHECK_STATUS(status, POOL_ERR_BROKEN);
    }
    CHECK_OK(pool_refresh(pool));
  }
  CHECK_EQ(sigaction(SIGSEGV, &former, NULL), 0);
  pool_works(pool);
  close_and_leave_nothing(pool, &world);
}
