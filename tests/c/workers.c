/* What worker threads get from their pool: names, stacks, signals, affinity. */
#include "tasks.h"

#include <sched.h>
#include <signal.h>

enum { WORKERS = 4 };

static int32_t no_outsiders(void *worker_data, uint32_t worker) {
  (void)worker_data;
  (void)worker;
  return 0;
}

/* With an initialiser every task runs on a worker. */
static pool_options_t started(void) {
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = WORKERS;
  options.initializer = no_outsiders;
  return options;
}

/* Sleeping gives every worker its share. */
static int32_t rest(const void *arg, void *result, pool_task_t *task) {
  (void)result;
  (void)task;
  sleep_ms(1);
  pthread_barrier_wait((pthread_barrier_t *)(uintptr_t)arg);
  return 0;
}

/* Makes all workers start. */
static void start_workers(pool_t *pool, unsigned workers) {
  pthread_barrier_t barrier;
  pool_future_t *futures[16];
  CHECK(workers <= COUNT_OF(futures));
  pthread_barrier_init(&barrier, NULL, workers);
  for (unsigned i = 0; i < workers; i++) {
    CHECK_OK(pool_apply_async(pool, rest, &barrier, 0, 0, NULL, NULL, &futures[i]));
  }
  for (unsigned i = 0; i < workers; i++) {
    CHECK_OK(pool_future_get(futures[i], NULL, 0, -1));
    CHECK_OK(pool_future_release(futures[i]));
  }
  pthread_barrier_destroy(&barrier);
}

/* How many threads have a name that starts like this. */
static int threads_named(const char *start) {
  int count = 0;
  DIR *folder = opendir("/proc/self/task");
  CHECK(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char path[300], name[64] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
      if (fgets(name, sizeof name, file) != NULL) {
        count += strncmp(name, start, strlen(start)) == 0;
      }
      fclose(file);
    }
  }
  closedir(folder);
  return count;
}

static int32_t name_of_thread(const void *arg, void *result, pool_task_t *task) {
  char *name = result;
  (void)arg;
  CHECK_EQ(pthread_getname_np(pthread_self(), name, 16), 0);
  return task->worker == POOL_NO_WORKER ? 1000 : (int32_t)task->worker + 1;
}

static void named(const char *option, const char *start) {
  pool_options_t options = started();
  options.name = option;
  pool_t *pool = new_pool_with(&options);
  start_workers(pool, WORKERS);
  CHECK_EQ(threads_named(start), WORKERS);
  for (int i = 0; i < 20; i++) {
    char name[16] = "", expected[64];
    pool_future_t *future = NULL;
    CHECK_OK(pool_apply_async(pool, name_of_thread, NULL, 0, 16, NULL, NULL, &future));
    CHECK_OK(pool_future_wait(future, -1));
    int32_t worker = pool_future_status(future) - 1;
    CHECK(worker >= 0 && worker < WORKERS);
    CHECK_OK(pool_future_release(future));
    snprintf(expected, sizeof expected, "%s-%d", option ? option : "millpond", worker);
    snprintf(name, sizeof name, "%.15s", expected);
    if (strlen(expected) <= 15) {
      CHECK_EQ(threads_named(name), 1);
    }
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(threads_have_the_name_and_a_number) {
  named("pond", "pond-");
  named("a", "a-");
  named("thirteen-char", "thirteen-char-");
}

CASE(threads_are_called_millpond_by_default) {
  named(NULL, "millpond-");
}

CASE(long_names_are_cut) {
  named("abcdefghijklmnopqrstuvwxyz", "abcdefghij");
  named("ééééééééééééé", "éééé");
}

static int32_t size_of_stack(const void *arg, void *result, pool_task_t *task) {
  pthread_attr_t attributes;
  (void)arg;
  (void)task;
  CHECK_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
  CHECK_EQ(pthread_attr_getstacksize(&attributes, result), 0);
  pthread_attr_destroy(&attributes);
  return 0;
}

CASE(stack_size) {
  check_skip_under("tsan", "the tool makes stacks larger");
  static const size_t sizes[] = {64 << 10, 128 << 10, 1 << 20, 64 << 20};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    pool_options_t options = started();
    options.stack_size = sizes[i];
    pool_t *pool = new_pool_with(&options);
    size_t found = 0;
    CHECK_OK(pool_apply(pool, size_of_stack, NULL, 0, &found, sizeof found));
    CHECK(found >= sizes[i]);
    CHECK(found <= sizes[i] + (64 << 10));
    CHECK_OK(pool_close_join(pool));
  }
}

static int32_t use_stack(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)result;
  (void)task;
  volatile char large[60 << 20];
  for (size_t i = 0; i < sizeof large; i += 4096) {
    large[i] = 1;
  }
  return large[4096] - 1;
}

CASE(a_large_stack_can_be_used) {
  check_skip_under_tools("the tool warns of a large frame");
  pool_options_t options = started();
  options.stack_size = 64 << 20;
  pool_t *pool = new_pool_with(&options);
  CHECK_OK(pool_apply(pool, use_stack, NULL, 0, NULL, 0));
  CHECK_OK(pool_close_join(pool));
}

static int32_t all_blocked(const void *arg, void *result, pool_task_t *task) {
  sigset_t blocked;
  (void)arg;
  (void)result;
  (void)task;
  CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
  const int signals[] = {SIGHUP,  SIGINT,    SIGQUIT,  SIGTERM, SIGALRM, SIGCHLD,  SIGPIPE,     SIGUSR1,
                         SIGUSR2, SIGCONT,   SIGTSTP,  SIGTTIN, SIGTTOU, SIGURG,   SIGXCPU,     SIGXFSZ,
                         SIGPROF, SIGVTALRM, SIGWINCH, SIGPOLL, SIGPWR,  SIGRTMIN, SIGRTMIN + 3};
  for (size_t i = 0; i < COUNT_OF(signals); i++) {
    if (!sigismember(&blocked, signals[i])) {
      FAIL("signal %d is not blocked", signals[i]);
    }
  }
  return 0;
}

CASE(workers_block_all_signals) {
  pool_options_t options = started();
  sigset_t before, after;
  pthread_sigmask(SIG_BLOCK, NULL, &before);
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < 50; i++) {
    CHECK_OK(pool_apply(pool, all_blocked, NULL, 0, NULL, 0));
  }
  CHECK_OK(pool_close_join(pool));
  pthread_sigmask(SIG_BLOCK, NULL, &after);
  for (int i = 1; i < 65; i++) {
    CHECK_EQ(sigismember(&before, i), sigismember(&after, i));
  }
}

static int32_t my_affinity(const void *arg, void *result, pool_task_t *task) {
  (void)arg;
  (void)task;
  CHECK_EQ(sched_getaffinity(0, sizeof(cpu_set_t), result), 0);
  return task->worker == POOL_NO_WORKER ? 1 : 0;
}

static void affinity_of_tasks(pool_t *pool, const cpu_set_t *expected) {
  for (int i = 0; i < 20; i++) {
    pool_future_t *future = NULL;
    cpu_set_t found;
    CPU_ZERO(&found);
    CHECK_OK(pool_apply_async(pool, my_affinity, NULL, 0, sizeof found, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, &found, sizeof found, 60000));
    CHECK(CPU_EQUAL(&found, expected));
    CHECK_OK(pool_future_release(future));
  }
}

/* Whoever submits first may be bound to one processor; the workers are bound as their pool's creator was. */
CASE(affinity_is_the_creators) {
  cpu_set_t all, one;
  CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  if (CPU_COUNT(&all) < 2) {
    check_skip("there is one processor only");
  }
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
    if (CPU_ISSET(cpu, &all)) {
      CPU_SET(cpu, &one);
    }
  }
  pool_t *wide = new_pool(3);
  CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  pool_t *narrow = new_pool(3);
  affinity_of_tasks(wide, &all);
  CHECK_EQ(sched_setaffinity(0, sizeof all, &all), 0);
  affinity_of_tasks(narrow, &one);
  CHECK_OK(pool_close_join(wide));
  CHECK_OK(pool_close_join(narrow));
}

/* ---- A list of processors ---- */

CASE(a_list_of_processors) {
  cpu_set_t all, one;
  CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &all)) {
      continue;
    }
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    const uint32_t cpus[] = {cpu, cpu};
    pool_options_t options = POOL_OPTIONS_INIT;
    options.cpus = cpus;
    options.cpu_count = COUNT_OF(cpus);
    pool_t *pool = new_pool_with(&options);
    CHECK_EQ(pool_workers(pool), 1);
    affinity_of_tasks(pool, &one);
    CHECK_OK(pool_close_join(pool));
  }
  cpu_set_t after;
  CHECK_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  CHECK(CPU_EQUAL(&after, &all));
}

CASE(pinned_workers_keep_to_one_processor) {
  cpu_set_t all;
  CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  pool_options_t options = POOL_OPTIONS_INIT;
  options.workers = 3;
  options.pin_workers = 1;
  pool_t *pool = new_pool_with(&options);
  for (int i = 0; i < 50; i++) {
    pool_future_t *future = NULL;
    cpu_set_t found;
    CHECK_OK(pool_apply_async(pool, my_affinity, NULL, 0, sizeof found, NULL, NULL, &future));
    CHECK_OK(pool_future_get(future, &found, sizeof found, 60000));
    CHECK_EQ(CPU_COUNT(&found), 1);
    CHECK_OK(pool_future_release(future));
  }
  CHECK_OK(pool_close_join(pool));
}

CASE(processors_that_are_not_there) {
  const uint32_t cpus[] = {0, 1 << 17}, huge[] = {UINT32_MAX};
  pool_t *pool = NULL;
  pool_options_t options = POOL_OPTIONS_INIT;
  options.cpus = cpus;
  options.cpu_count = 2;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
  CHECK(strstr(pool_last_error(), "131072") != NULL);
  options.cpu_count = 0;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
  options.cpu_count = SIZE_MAX;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
  options.cpus = huge;
  options.cpu_count = 1;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
  options.cpus = NULL;
  CHECK_ERROR(pool_create_with(&options, &pool), POOL_ERR_INVALID);
}
