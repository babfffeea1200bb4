/* One function in a process, or a thread, of its own: it runs once, is waited for at the end or not, and leaves nothing. */
#include "procs.h"

static int32_t hello(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  snprintf(result, 64, "hello, %s", (const char *)arg);
  return 0;
}

static pool_options_t threads(void) {
  pool_options_t options = POOL_OPTIONS_INIT;
  return options;
}

static void hello_from(const pool_options_t *options) {
  pool_future_t *future = NULL;
  char text[64] = "";
  CHECK_OK(pool_spawn(options, POOL_SPAWN_JOINABLE, hello, "you", 4, sizeof text, &future));
  CHECK_OK(pool_future_get(future, text, sizeof text, -1));
  CHECK_STR(text, "hello, you");
  CHECK_OK(pool_future_release(future));
}

CASE(hello_from_a_process) {
  hello_from(NULL);
}

CASE(hello_from_a_thread) {
  pool_options_t options = threads();
  hello_from(&options);
}

CASE(it_is_another_process) {
  pool_future_t *future = NULL;
  int32_t pid = 0;
  CHECK_OK(pool_spawn(NULL, POOL_SPAWN_DAEMON, tell_pid, NULL, 0, sizeof pid, &future));
  CHECK_OK(pool_future_get(future, &pid, sizeof pid, -1));
  CHECK(pid != getpid());
  CHECK_OK(pool_future_release(future));
}

static void many_leave_nothing(const pool_options_t *options, int count) {
  hello_from(options);
  CHECK_OK(pool_spawned_join(-1));
  struct world world = world_now();
  for (int i = 0; i < count; i++) {
    CHECK_OK(pool_spawn(options, POOL_SPAWN_JOINABLE, nothing, NULL, 0, 0, NULL));
  }
  CHECK_OK(pool_spawned_join(-1));
  world_is_back(&world);
}

CASE(many_processes_leave_nothing) {
  many_leave_nothing(NULL, 30);
}

CASE(many_threads_leave_nothing) {
  pool_options_t options = threads();
  many_leave_nothing(&options, 200);
}

CASE(what_has_ended_goes_with_the_next) {
  hello_from(NULL);
  struct world world = world_now();
  for (int i = 0; i < 20; i++) {
    hello_from(NULL);
  }
  CHECK(fds_now() < world.fds + 60);
  CHECK_OK(pool_spawned_join(-1));
}

static int32_t count_to(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  struct hold *hold = *(struct hold *const *)arg;
  atomic_store(&hold->running, 1);
  while (!atomic_load(&hold->go)) {
    sleep_ms(1);
  }
  atomic_store(&hold->asked, 1);
  return 0;
}

CASE(joining_waits_or_runs_out_of_time) {
  struct hold *hold = common(sizeof *hold);
  CHECK_OK(pool_spawn(NULL, POOL_SPAWN_JOINABLE, count_to, &hold, sizeof(struct hold *), 0, NULL));
  CHECK_ERROR(pool_spawned_join(30), POOL_ERR_TIMEOUT);
  atomic_store(&hold->go, 1);
  CHECK_OK(pool_spawned_join(-1));
  CHECK_EQ(atomic_load(&hold->asked), 1);
}

/* What a program does that ends right after it has spawned; `ms` later somebody lets the function end. */
static int end_of_a_program(const pool_options_t *options, int32_t flags, struct hold *hold) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    CHECK_OK(pool_spawn(options, flags, count_to, &hold, sizeof(struct hold *), 0, NULL));
    EVENTUALLY(atomic_load(&hold->running));
    exit(7);
  }
  return (int)child;
}

static void exit_waits(const pool_options_t *options) {
  struct hold *hold = common(sizeof *hold);
  pid_t child = end_of_a_program(options, POOL_SPAWN_JOINABLE, hold);
  sleep_ms(100);
  CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
  atomic_store(&hold->go, 1);
  CHECK_EQ(check_wait(child), 7);
  CHECK_EQ(atomic_load(&hold->asked), 1);
}

CASE(exit_waits_for_a_joinable_process) {
  exit_waits(NULL);
}

CASE(exit_waits_for_a_joinable_thread) {
  pool_options_t options = threads();
  exit_waits(&options);
}

static void exit_does_not_wait(const pool_options_t *options) {
  struct hold *hold = common(sizeof *hold);
  CHECK_EQ(check_wait(end_of_a_program(options, POOL_SPAWN_DAEMON, hold)), 7);
  CHECK_EQ(atomic_load(&hold->asked), 0);
}

CASE(exit_does_not_wait_for_a_daemon_process) {
  exit_does_not_wait(NULL);
}

CASE(exit_does_not_wait_for_a_daemon_thread) {
  pool_options_t options = threads();
  exit_does_not_wait(&options);
}

static int32_t leave(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  exit(5);
}

CASE(one_that_calls_exit_is_not_waited_for) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    pool_options_t options = threads();
    CHECK_OK(pool_spawn(&options, POOL_SPAWN_JOINABLE, leave, NULL, 0, 0, NULL));
    pause();
  }
  CHECK_EQ(check_wait(child), 5);
}

CASE(it_is_killed) {
  struct hold *hold = common(sizeof *hold);
  pool_future_t *future = NULL;
  CHECK_OK(pool_spawn(NULL, POOL_SPAWN_JOINABLE, count_to, &hold, sizeof(struct hold *), 0, &future));
  EVENTUALLY(atomic_load(&hold->running));
  CHECK_EQ(pool_future_kill(future), 1);
  CHECK_FUTURE(future, POOL_ERR_CANCELLED);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_spawned_join(-1));
}

static int32_t crash(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  raise(SIGKILL);
  return 0;
}

/* Not for as many as a pool might have some day: that would cost time and memory. */
CASE(it_takes_room_for_one) {
  unsigned long pages[3] = {0, 0, 0};
  struct hold *hold = common(sizeof *hold);
  for (int i = 0; i < 3; i++) {
    FILE *file = fopen("/proc/self/statm", "re");
    CHECK(file != NULL && fscanf(file, "%lu", &pages[i]) == 1);
    fclose(file);
    if (i == 0) {
      pool_t *pool = process_pool(1);
      CHECK_OK(pool_apply(pool, nothing, NULL, 0, NULL, 0));
    } else if (i == 1) {
      CHECK_OK(pool_spawn(NULL, POOL_SPAWN_DAEMON, count_to, &hold, sizeof(struct hold *), 0, NULL));
    }
  }
  CHECK(pages[2] - pages[1] < 2 * (pages[1] - pages[0]));
}

CASE(it_dies) {
  pool_future_t *future = NULL;
  CHECK_OK(pool_spawn(NULL, POOL_SPAWN_JOINABLE, crash, NULL, 0, 0, &future));
  CHECK_FUTURE(future, POOL_ERR_WORKER_DIED);
  CHECK_OK(pool_future_release(future));
  CHECK_OK(pool_spawned_join(-1));
}

CASE(its_options_hold) {
  pool_options_t options = processes(1);
  struct hold *hold = common(sizeof *hold);
  pool_future_t *future = NULL;
  options.task_timeout_ms = 50;
  CHECK_OK(pool_spawn(&options, POOL_SPAWN_JOINABLE, count_to, &hold, sizeof(struct hold *), 0, &future));
  CHECK_FUTURE(future, POOL_ERR_TIME_LIMIT);
  CHECK_OK(pool_future_release(future));
}

static int32_t take_and_give(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  int item = 0;
  pool_queue_t *const *queues = arg;
  CHECK_OK(pool_queue_get(queues[0], &item, sizeof item, NULL, -1));
  item *= 2;
  CHECK_OK(pool_queue_put(queues[1], &item, sizeof item, -1));
  return 0;
}

CASE(it_uses_what_was_made_before) {
  pool_t *pool = process_pool(1);
  for (int i = 0; i < 2; i++) {
    pool_queue_t *queues[2] = {NULL, NULL};
    int item = 21;
    CHECK_OK(pool_queue_create(i == 0 ? NULL : pool, sizeof item, 1, &queues[0]));
    CHECK_OK(pool_queue_create(i == 0 ? NULL : pool, sizeof item, 1, &queues[1]));
    CHECK_OK(pool_spawn(NULL, POOL_SPAWN_JOINABLE, take_and_give, queues, sizeof queues, 0, NULL));
    CHECK_OK(pool_queue_put(queues[0], &item, sizeof item, -1));
    CHECK_OK(pool_queue_get(queues[1], &item, sizeof item, NULL, -1));
    CHECK_EQ(item, 42);
    CHECK_OK(pool_spawned_join(-1));
    CHECK_OK(pool_queue_free(queues[0]));
    CHECK_OK(pool_queue_free(queues[1]));
  }
  CHECK_OK(pool_close_join(pool));
}

static int32_t spawn_another(const void *arg, void *result, pool_task_t *task) {
  (void)task;
  pool_future_t *future = NULL;
  CHECK_OK(pool_spawn(NULL, POOL_SPAWN_JOINABLE, hello, arg, 4, 64, &future));
  CHECK_OK(pool_future_get(future, result, 64, -1));
  return 0;
}

CASE(one_spawns_another) {
  pool_future_t *future = NULL;
  char text[64] = "";
  CHECK_OK(pool_spawn(NULL, POOL_SPAWN_JOINABLE, spawn_another, "you", 4, sizeof text, &future));
  CHECK_OK(pool_future_get(future, text, sizeof text, -1));
  CHECK_STR(text, "hello, you");
  CHECK_OK(pool_future_release(future));
}

CASE(nonsense_is_refused) {
  pool_options_t options = processes(2);
  pool_future_t *future = NULL;
  CHECK_ERROR(pool_spawn(NULL, POOL_SPAWN_JOINABLE, NULL, NULL, 0, 0, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_spawn(NULL, 2, nothing, NULL, 0, 0, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_spawn(NULL, -1, nothing, NULL, 0, 0, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_spawn(NULL, 0, nothing, NULL, 8, 0, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_spawn(NULL, 0, nothing, &options, 0, 0, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_spawn(&options, 0, nothing, NULL, 0, 0, &future), POOL_ERR_INVALID);
  CHECK_ERROR(pool_spawned_join(-2), POOL_ERR_INVALID);
  CHECK(future == NULL);
  CHECK_OK(pool_spawned_join(-1));
}
