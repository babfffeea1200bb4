/* A pool with k tasks and k free places gets k threads going, however the tasks come. Here no task ends before all k
 * have begun, so one wake-up that is lost, or never sent, leaves the round standing. What decides is who is present;
 * the deadline only bounds how long a broken pool is waited for. */
#include "tasks.h"

enum { DEADLINE_S = 20 };

/* Where k tasks meet. One at a time is in use. */
static struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int expected, begun;
  atomic_int ended;
  size_t round;
} meeting = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static pool_t *pool;
static int workers;

/* Sizes at which workers outnumber the processors, where none spins, and do not. */
static const uint32_t SIZES[] = {1, 2, 5};

__attribute__((noreturn)) static void fail_meeting(void) {
  FAIL("round %zu with %d workers: %d of %d tasks have begun, nobody came for the others", meeting.round, workers,
       meeting.begun, meeting.expected);
}

/* Returns when all that are expected have come. */
static void meet(void) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += DEADLINE_S;
  pthread_mutex_lock(&meeting.mutex);
  meeting.begun++;
  pthread_cond_broadcast(&meeting.changed);
  while (meeting.begun < meeting.expected) {
    if (pthread_cond_timedwait(&meeting.changed, &meeting.mutex, &deadline) != 0 && meeting.begun < meeting.expected) {
      fail_meeting();
    }
  }
  pthread_mutex_unlock(&meeting.mutex);
  atomic_fetch_add(&meeting.ended, 1);
}

static void call_meeting(size_t round, int expected) {
  pthread_mutex_lock(&meeting.mutex);
  meeting.round = round;
  meeting.expected = expected;
  meeting.begun = 0;
  atomic_store(&meeting.ended, 0);
  pthread_mutex_unlock(&meeting.mutex);
}

static uint32_t random_below(uint32_t bound) {
  static _Thread_local uint32_t state = 1;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % bound;
}

/* Awake until the count is reached, and then for a random moment more: the workers that have just ended their tasks are
 * giving up their places now, each time a different part of the way. False when it took too long. */
static bool wait_awake(atomic_int *count, int expected) {
  int64_t deadline = now_ms() + (int64_t)2 * DEADLINE_S * 1000;
  for (size_t looks = 1; atomic_load(count) < expected; looks++) {
    if (looks % 64 == 0) {
      sched_yield();
      if (now_ms() > deadline) {
        return false;
      }
    }
  }
  for (volatile uint32_t delay = random_below(256); delay > 0; delay--) {
  }
  return true;
}

/* The tasks have left the meeting; their workers may still be on the way to their beds. */
static void end_meeting(void) {
  if (!wait_awake(&meeting.ended, meeting.expected)) {
    fail_meeting();
  }
}

static int32_t attend(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  meet();
  return 0;
}

static void submit(pool_fn fn, const void *arg, pool_callback_fn callback) {
  CHECK_OK(pool_apply_async(pool, fn, arg, 0, 0, callback, NULL, NULL));
}

static void submit_meeting_tasks(int count) {
  for (int i = 0; i < count; i++) {
    submit(attend, NULL, NULL);
  }
}

static bool is_asleep(const char *thread) {
  char path[300], text[400];
  (void)snprintf(path, sizeof path, "/proc/self/task/%s/stat", thread);
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    return true; /* it has left */
  }
  size_t size = fread(text, 1, sizeof text - 1, file);
  (void)fclose(file);
  text[size] = 0;
  const char *name_end = strrchr(text, ')');
  return name_end == NULL || name_end[2] != 'R';
}

/* Gives every other thread the time to go to sleep. Nothing depends on it: it only chooses which race is run. */
static void let_all_sleep(void) {
  char self[20];
  (void)snprintf(self, sizeof self, "%d", (int)getpid());
  for (int i = 0, awake = 1; i < 1000 && awake > 0; i++) {
    DIR *folder = opendir("/proc/self/task");
    CHECK(folder != NULL);
    awake = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
      awake += entry->d_name[0] != '.' && strcmp(entry->d_name, self) != 0 && !is_asleep(entry->d_name);
    }
    closedir(folder);
    if (awake > 0) {
      sched_yield();
    }
  }
}

/* Rounds with every number of tasks from `least` to that of the workers: now when all are asleep, now when the
 * workers of the round before are about to be. */
static void rounds(size_t count, int least, void (*start)(int tasks)) {
  for (size_t size = 0; size < COUNT_OF(SIZES); size++) {
    workers = (int)SIZES[size];
    if (workers < least) {
      continue;
    }
    pool = new_pool(SIZES[size]);
    for (size_t round = 0; round < scaled(count); round++) {
      int tasks = least + (int)(round / 2 % (size_t)(workers - least + 1));
      if (round % 2 == 0) {
        let_all_sleep();
      }
      call_meeting(round, tasks);
      start(tasks);
      end_meeting();
    }
    CHECK_OK(pool_close_join(pool));
  }
}

CASE(tasks_from_outside_one_by_one) {
  rounds(6000, 1, submit_meeting_tasks);
}

static void submit_meeting_at_once(int count) {
  pool_call_t calls[8];
  CHECK(count <= (int)COUNT_OF(calls));
  for (int i = 0; i < count; i++) {
    calls[i] = (pool_call_t)POOL_CALL_INIT;
    calls[i].fn = attend;
  }
  CHECK_OK(pool_submit(pool, calls, (size_t)count, NULL));
}

CASE(tasks_from_outside_all_at_once) {
  rounds(4000, 1, submit_meeting_at_once);
}

static int32_t bring_others(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  submit_meeting_tasks((int)(intptr_t)arg);
  meet();
  return 0;
}

static void start_inside(int tasks) {
  submit(bring_others, (void *)(intptr_t)(tasks - 1), NULL);
}

CASE(tasks_from_inside_a_task_that_goes_on) {
  rounds(4000, 1, start_inside);
}

/* Each brings the next. */
static int32_t bring_one(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  intptr_t others = (intptr_t)arg;
  if (others > 0) {
    submit(bring_one, (void *)(others - 1), NULL);
  }
  meet();
  return 0;
}

static void start_chain(int tasks) {
  submit(bring_one, (void *)(intptr_t)(tasks - 1), NULL);
}

CASE(tasks_each_from_the_one_before) {
  rounds(4000, 1, start_chain);
}

static int32_t bring_and_leave(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  submit_meeting_tasks((int)(intptr_t)arg);
  return 0;
}

static void start_from_a_task_that_ends(int tasks) {
  submit(bring_and_leave, (void *)(intptr_t)tasks, NULL);
}

CASE(tasks_from_inside_a_task_that_ends) {
  rounds(4000, 1, start_from_a_task_that_ends);
}

static void bring_from_callback(const pool_result_t *outcome, void *user_data) {
  (void)user_data;
  CHECK_EQ(outcome->status, POOL_OK);
  submit_meeting_tasks(meeting.expected);
}

static void start_from_callback(int tasks) {
  (void)tasks;
  submit(nothing, NULL, bring_from_callback);
}

CASE(tasks_from_a_callback) {
  rounds(4000, 1, start_from_callback);
}

static void *submit_one(void *barrier) {
  pthread_barrier_wait(barrier);
  submit(attend, NULL, NULL);
  return NULL;
}

static void start_from_threads(int tasks) {
  pthread_barrier_t barrier;
  CHECK_EQ(pthread_barrier_init(&barrier, NULL, (unsigned)tasks), 0);
  check_threads((size_t)tasks, submit_one, &barrier);
  pthread_barrier_destroy(&barrier);
}

CASE(tasks_from_several_threads_at_once) {
  rounds(2000, 2, start_from_threads);
}

static atomic_int visits;

/* Once in each round an outsider takes a place, and gives it back. */
static void *visit(void *unused) {
  for (int round = 1; wait_awake(&visits, round) && atomic_load(&visits) < INT32_MAX; round++) {
    CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
  }
  return unused;
}

/* A submitter that finds all places taken relies on the outsider to pass its task on when it leaves. */
CASE(tasks_while_an_outsider_takes_a_place_and_gives_it_back) {
  for (workers = 1; workers <= 3; workers++) {
    pool = new_pool((uint32_t)workers);
    atomic_store(&visits, 0);
    pthread_t visitor = check_thread(visit, NULL);
    for (size_t round = 0; round < scaled(10000); round++) {
      int tasks = 1 + (int)(round % (size_t)workers);
      call_meeting(round, tasks);
      atomic_fetch_add(&visits, 1);
      wait_awake(&visits, 0);
      submit_meeting_tasks(tasks);
      end_meeting();
    }
    atomic_store(&visits, INT32_MAX);
    pthread_join(visitor, NULL);
    CHECK_OK(pool_close_join(pool));
  }
}

/* Waits inside the worker for a task that only a spare worker can run. */
static int32_t wait_for_another(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  pool_future_t *future = NULL;
  CHECK_OK(pool_apply_async(pool, attend, NULL, 0, 0, NULL, NULL, &future));
  CHECK_OK(pool_future_wait(future, (int64_t)2 * DEADLINE_S * 1000));
  CHECK_OK(pool_future_release(future));
  return 0;
}

static void start_on_spares(int tasks) {
  for (int i = 0; i < tasks; i++) {
    submit(wait_for_another, NULL, NULL);
  }
}

CASE(tasks_that_waiting_workers_leave_to_spares) {
  rounds(1000, 1, start_on_spares);
}

/* All workers wait and are replaced; when they come back there are too many, and some retire. */
static void start_after_spares(int tasks) {
  start_on_spares(tasks);
  end_meeting();
  call_meeting(meeting.round, tasks);
  submit_meeting_tasks(tasks);
}

CASE(tasks_after_spares_were_there) {
  rounds(1000, 1, start_after_spares);
}

enum { CHILDREN = 300000 };

static atomic_int children;

static int32_t count_child(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  atomic_fetch_add(&children, 1);
  return 0;
}

static int32_t bring_children(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  for (int i = 1; i <= (int)scaled(CHILDREN); i++) {
    submit(count_child, NULL, NULL);
    if (!wait_awake(&children, i)) {
      FAIL("the free worker did not come for task %d", i);
    }
  }
  meet();
  return 0;
}

/* One worker is held, one brings tasks, and one is free. They are more than the processors of a small machine, so that
 * the free one does not spin but rests as soon as it finds nothing. */
CASE(a_task_just_when_the_only_free_worker_goes_to_rest) {
  workers = 3;
  pool = new_pool(3);
  struct blocker blocker = BLOCKER_INIT;
  CHECK_OK(pool_future_release(block_worker(pool, &blocker)));
  atomic_store(&children, 0);
  call_meeting(0, 1);
  submit(bring_children, NULL, NULL);
  EVENTUALLY(atomic_load(&children) == (int)scaled(CHILDREN));
  end_meeting();
  gate_open(&blocker.go);
  CHECK_OK(pool_close_join(pool));
}
